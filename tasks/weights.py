"""The strengthening factor s(i) of each example, component by component.

The loss is J = Σ s(i)·L(i) / Σ s(i) (see `train`). Each component is its own knob and its own column:
- `weight_class`: (n / (k·n_c))^strength for class c, so that at 1 every class weighs the same;
- `weight_source`: (share in the target / share here)^strength, the density ratio on sources; the target is dev, or
  every source alike where none is given (importance weighting: Shimodaira 2000);
- `weight_density`: the density ratio on the features (`density`), to the power of its strength;
- `weight_quality`: the probability that the label is right;
- `weight_hard`: 1 + strength for examples the last model got wrong, faded by the label quality, and 1 for
  those whose label is more likely wrong than right: a mislabelled example looks hard, and must never be strengthened;
- `weight_user`: the user's own column.

Their product is brought to mean 1 over the rows that are learnt from and capped at `cap`. A row that weighs nothing is
not learnt from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import Finding, InputError
from burnish.tasks.losses import check_quality
from burnish.tasks.train import check_weights

LIKELY_RIGHT = 0.5
MANY_IDLE = 0.1  # of the rows; where more weigh nothing, it is more than a detail

KEYS = {
    "weight_source": "weights.source_balance",
    "weight_density": "weights.density",
    "weight_quality": "weights.quality",
    "weight_user": "weights.column",
}  # of the factors that can be 0

Weights = NDArray[np.float64]


def strengthening_factors(
    labels: NDArray[np.int64],
    sources: pd.Series | NDArray[Any] | None = None,
    label_quality: NDArray[np.floating[Any]] | None = None,
    *,
    target: NDArray[np.bool_] | None = None,
    misclassified: NDArray[np.bool_] | None = None,
    ratios: NDArray[np.floating[Any]] | None = None,
    user: NDArray[np.floating[Any]] | None = None,
    class_balance: float = 0.0,
    source_balance: float = 0.0,
    density: float = 0.0,
    quality: bool = True,
    hard: float = 0.0,
    cap: float = 10.0,
) -> pd.DataFrame:
    """Give s(i) and its components for each row.

    Parameters
    ----------
    labels : int64 (n,)
        Labels learnt from; −1 = not learnt from: all its weights are 0.
    sources : (n,), optional
        The distribution each row comes from.
    label_quality : float (n,) in [0, 1], optional
        Probability that the label is right; NaN counts as 1.
    target : bool (n,), optional
        Rows whose sources are the distribution that matters (dev). Default: all sources alike.
    misclassified : bool (n,), optional
        Rows the last model got wrong.
    ratios : float (n,), optional
        How much more often such a row is met in the target, ≥ 0: see `density.density_ratio`.
    user : float (n,), optional
        Weights of the user's own, ≥ 0; very large or small ones are scaled (`train.check_weights`).
    class_balance, source_balance, density : float
        From 0 (as they come) to 1 (balanced; the whole of `ratios`).
    quality : bool
        Whether to weigh by `label_quality`.
    hard : float
        Extra weight of misclassified rows, ≥ 0.
    cap : float
        No row weighs more than this times the mean; at least 1.

    Returns
    -------
    DataFrame
        `weight_class, weight_source, weight_density, weight_quality, weight_hard, weight_user, weight`, float64;
        `weight` has mean 1 over the rows where it is not 0.

    Raises
    ------
    InputError
        Where something is of another length than the labels, a factor or a knob is out of its bounds, the user's
        weights are negative or NaN, or all weights are 0.

    Examples
    --------
    >>> strengthening_factors(np.array([0, 0, 0, 1]), class_balance=1.0)["weight"].round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    labels = np.asarray(labels)
    used = labels >= 0
    if not used.any():
        raise InputError("no example has a label: there is nothing to weigh")
    _check_knobs({"class_balance": class_balance, "source_balance": source_balance, "density": density}, hard, cap)
    _check_lengths(len(labels), sources=sources, target=target, misclassified=misclassified, ratios=ratios)
    right = np.ones(len(labels))
    if label_quality is not None:
        right = np.where(np.isnan(label_quality), 1.0, label_quality)
        check_quality(right, used)
    parts = {
        "weight_class": _balance(labels, used, None, class_balance),
        "weight_source": _source_weights(sources, used, target, source_balance),
        "weight_density": _density_weights(ratios, used, density),
        "weight_quality": right if quality else np.ones(len(labels)),
        "weight_hard": _hard_weights(misclassified, right, hard),
        "weight_user": check_weights(user, len(labels)).astype(np.float64),
    }
    product = np.prod(list(parts.values()), axis=0)
    parts["weight"] = _normalize(product, used, cap)
    return pd.DataFrame({name: np.where(used, part, 0.0) for name, part in parts.items()})


def among_copies(labels: NDArray[np.int64], with_copies: NDArray[np.int64], class_balance: float) -> Weights:
    """Give what s(i) is to be multiplied by where rows are copied, so that classes are balanced once and not twice.

    `weight_class` counts the n_c rows of a class as they are; with its copies there are N_c of them, and
    (n_c / N_c)^class_balance makes it (1 / N_c)^class_balance, up to what is common to all.

    Parameters
    ----------
    labels : int64 (n,)
        Of the rows as they are, none missing.
    with_copies : int64 (m,)
        Of the rows and their copies.
    class_balance : float
        As `strengthening_factors` took it.

    Returns
    -------
    float64 (m,)

    Examples
    --------
    >>> among_copies(np.array([0, 0, 1]), np.array([0, 0, 1, 1]), 1.0).tolist()
    [1.0, 1.0, 0.5, 0.5]
    """
    size = int(with_copies.max(initial=-1)) + 1
    before, after = np.bincount(labels, minlength=size), np.bincount(with_copies, minlength=size)
    return (before / np.maximum(after, 1))[with_copies] ** class_balance


def weight_findings(factors: pd.DataFrame, labels: NDArray[np.int64]) -> list[Finding]:
    """Say how many labelled rows weigh nothing and by which factor, and how many alike rows the others are worth.

    Parameters
    ----------
    factors : DataFrame of n rows
        As `strengthening_factors` gives them.
    labels : int64 (n,)
        Labels learnt from; −1 = not learnt from.

    Returns
    -------
    list of Finding
        Empty where every row weighs something. Worth is (Σ s)² / Σ s² (Kish 1965, effective sample size).
    """
    rows = factors[labels >= 0]
    learnt = rows["weight"].to_numpy()
    idle = int((learnt == 0).sum())
    if not idle:
        return []
    named = " and ".join(key for name, key in KEYS.items() if (rows[name] == 0).any())
    worth = learnt.sum() ** 2 / np.square(learnt).sum()
    verb, it = ("weighs", "it teaches") if idle == 1 else ("weigh", "they teach")
    return [
        Finding(
            "weights.zero",
            f"{idle:,} of {len(learnt):,} training examples {verb} 0{named and f' by {named}'}: {it} nothing, "
            f"the others as much as {worth:,.1f} alike ones",
            "warning" if idle > MANY_IDLE * len(learnt) else "info",
            explanation="Errors on train are those of the examples that weigh something.",
            method="s(i) of the labelled training rows; worth by Kish's effective sample size",
            advice="Where these examples are to teach after all, set such a knob of `weights` below 1, and give small "
            "weights in place of 0 in a column of your own.",
            count=idle,
        )
    ]


def _check_knobs(balances: dict[str, float], hard: float, cap: float) -> None:
    for name, value in balances.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name} is {value:g}: give a number from 0 to 1")
    if not 0 <= hard < np.inf:
        raise InputError(f"hard is {hard:g}: give a finite number of at least 0")
    if not 1 <= cap < np.inf:
        raise InputError(f"the cap of the weights is {cap:g}, and their mean 1: give a finite number of at least 1")


def _check_lengths(rows: int, **given: pd.Series | NDArray[Any] | None) -> None:
    for name, values in given.items():
        if values is not None and np.shape(values) != (rows,):
            raise InputError(f"{name} has shape {np.shape(values)} for {rows} labels: give one for each")


def _balance(codes: NDArray[np.int64], used: NDArray[np.bool_], target: Weights | None, strength: float) -> Weights:
    """(wanted share / share among the rows used)^strength, by code; wanted: `target`, or all codes that occur alike."""
    size = int(codes.max()) + 1
    share = np.bincount(codes[used], minlength=size) / used.sum()
    there = share > 0
    wanted = there / there.sum() if target is None else target
    ratio = np.where(there, wanted / np.where(there, share, 1.0), 1.0)
    return np.where(used, ratio[np.maximum(codes, 0)] ** strength, 1.0)


def _source_weights(
    sources: pd.Series | NDArray[Any] | None, used: NDArray[np.bool_], target: NDArray[np.bool_] | None, strength: float
) -> Weights:
    if sources is None or strength == 0:
        return np.ones(len(used))
    codes, names = pd.factorize(np.asarray(sources, dtype=object), use_na_sentinel=False)
    counts = None if target is None else np.bincount(codes[target], minlength=len(names)).astype(float)
    there = np.bincount(codes[used], minlength=len(names)) > 0
    if counts is None or not counts[there].any():
        return _balance(codes, used, None, strength)
    return _balance(codes, used, np.where(there, counts, 0) / counts[there].sum(), strength)


def _density_weights(ratios: NDArray[np.floating[Any]] | None, used: NDArray[np.bool_], strength: float) -> Weights:
    if ratios is None:
        return np.ones(len(used))
    bad = used & ~((ratios >= 0) & np.isfinite(ratios))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"the density ratio of row {row} is {ratios[row]:g}: give a finite number of at least 0")
    return np.where(used, np.asarray(ratios, np.float64), 1.0) ** strength


def _hard_weights(misclassified: NDArray[np.bool_] | None, right: Weights, strength: float) -> Weights:
    if misclassified is None:
        return np.ones(len(right))
    return np.where(misclassified & (right > LIKELY_RIGHT), 1 + strength * right, 1.0)


def _normalize(product: Weights, used: NDArray[np.bool_], cap: float) -> Weights:
    """Bring the rows used that weigh anything to mean 1, none above `cap`: what is cut off goes to the others."""
    taught = used & (product > 0)
    weight = product[taught]
    if not weight.sum() > 0:
        raise InputError("all weights of the labelled examples are 0: check the weight column and label qualities")
    heaviest = np.sort(weight)[::-1]
    left = len(weight) - cap * np.arange(len(heaviest))
    factor = left / np.cumsum(heaviest[::-1])[::-1]
    fits = np.flatnonzero(factor * heaviest <= cap)
    out = np.zeros(len(product))
    out[taught] = np.minimum(weight * factor[fits[0]], cap)
    return out
