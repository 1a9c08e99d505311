"""Split the examples into train, train_dev, dev and test: stratified on label × source, with groups kept whole.

Why: dev and test must mirror where the model is used, and every class and source must be counted in them, or the errors
of the parts cannot be compared. train_dev is taken from the training distribution, so that variance (train_dev − train)
and data mismatch (dev − train_dev) can be told apart. How the rows are shared out stands in `apportion.py`.

Source: the sizes follow the rule of Ng, "Machine Learning Yearning" (2018): 60/20/20 for small data, 98/1/1 for large.

Known failure: groups that are large against a part cannot be balanced by anyone; `measure_split` says so.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from burnish.tasks.apportion import DEV, PARTS, TEST, TRAIN_DEV, Bools, Floats, Ints, assign
from burnish.tasks.balance import EXPECTED_ERROR, Z95, SplitSummary, codes_of, measure_split
from burnish.tasks.findings import InputError

__all__ = ["SplitSummary", "default_ratios", "join_groups", "measure_split", "split"]

SMALL, LARGE = 100_000, 1_000_000
SMALL_SHARE, LARGE_SHARE = 0.2, 0.01


def default_ratios(
    n: int, *, error: float = EXPECTED_ERROR, halfwidth: float | None = None
) -> tuple[float, float, float]:
    """Give the shares of train, dev and test for `n` examples.

    Without `halfwidth`: 60/20/20 up to 100,000 examples and 98/1/1 from a million on. Between them the size that gives
    the test error the half-width wanted there; the half-width slides on log n from that of 20,000 test examples (0.42
    points at an error of 10%) to that of 10,000 (0.59 points), so that the shares meet both ends without a jump and
    never grow with `n`. With `halfwidth` that size holds for any `n`, but for 20% at most.

    Parameters
    ----------
    n : int
        Number of labelled examples.
    error : float
        The test error expected, 0 to 1.
    halfwidth : float, optional
        Half the width of the 95% interval wanted for the test error, e.g. 0.01.

    Returns
    -------
    tuple of float
        Shares of train (train_dev not yet taken out), dev and test; their sum is 1.

    Notes
    -----
    Size m = z² · e · (1 − e) / h², z = 1.96: the normal approximation of the binomial interval.

    Examples
    --------
    >>> default_ratios(1_797)
    (0.6, 0.2, 0.2)
    >>> default_ratios(5_000_000)
    (0.98, 0.01, 0.01)
    >>> [round(share, 3) for share in default_ratios(50_000, halfwidth=0.01)]
    [0.862, 0.069, 0.069]
    """
    if halfwidth is not None:
        if not 0 < halfwidth < 0.5:
            raise InputError(f"split.halfwidth is {halfwidth}: it must lie between 0 and 0.5, e.g. 0.01 for ± 1 point.")
        share = min(SMALL_SHARE, Z95**2 * error * (1 - error) / halfwidth**2 / max(n, 1))
    elif n <= SMALL:
        share = SMALL_SHARE
    elif n >= LARGE:
        share = LARGE_SHARE
    else:
        slide = math.log(n / SMALL) / math.log(LARGE / SMALL)
        size = SMALL * SMALL_SHARE * (LARGE * LARGE_SHARE / (SMALL * SMALL_SHARE)) ** slide  # z² e (1 − e) / h(n)²
        share = size / n
    share = round(share, 9)
    return round(1 - 2 * share, 9), share, share


def split(
    labels: ArrayLike | pd.Series,
    sources: ArrayLike | pd.Series | None = None,
    groups: ArrayLike | pd.Series | None = None,
    *,
    ratios: Sequence[float] | Mapping[str, float] | None = None,
    halfwidth: float | None = None,
    train_dev: float = 0.05,
    train_sources: Sequence[str] | None = None,
    seed: int = 0,
) -> pd.Series:
    """Assign each example to train, train_dev, dev or test.

    Parameters
    ----------
    labels : array of n labels
        Missing ones (NaN, None) send their row, and its group, to train and count in no proportion.
    sources : array of n, optional
        The distribution each example comes from; missing counts as a source of its own.
    groups : array of n, optional
        Examples of one group fall in one part; a missing group is a group of one.
    ratios : three shares or a mapping with the keys train, dev and test, optional
        Default: `default_ratios` of the labelled examples.
    halfwidth : float, optional
        See `default_ratios`; not together with `ratios`.
    train_dev : float
        Share of the whole that is taken out of train's share.
    train_sources : sequence of str, optional
        Only these sources are in train and train_dev; the other sources share dev and test.
    seed : int

    Returns
    -------
    pd.Series
        Values train, train_dev, dev, test; the index of `labels` where that is a Series.

    Raises
    ------
    InputError
        Shares that cannot be used, or a source in `train_sources` that the data does not have.

    Examples
    --------
    >>> split(["cat"] * 10 + ["dog"] * 10, train_dev=0).value_counts().sort_index().to_dict()
    {'dev': 4, 'test': 4, 'train': 12}
    """
    label = codes_of(labels)
    source = np.zeros_like(label) if sources is None else codes_of(sources) + 1
    group = np.full_like(label, -1) if groups is None else codes_of(groups)
    learnable = (label >= 0) & ~np.isin(group, np.unique(group[(label < 0) & (group >= 0)]))
    shares = _shares(ratios, halfwidth, train_dev, int(learnable.sum()))
    rng = np.random.default_rng(seed)
    part = np.zeros(len(label), dtype=np.int8)
    for rows, wanted in _pools(learnable, sources, train_sources, group, shares):
        part[rows] = assign(label[rows], source[rows], group[rows], wanted, rng)
    index = labels.index if isinstance(labels, pd.Series) else None
    return pd.Series(pd.array(PARTS, dtype="str").take(part), index=index, name="split")


def join_groups(*groups: ArrayLike | pd.Series) -> pd.Series:
    """Join several groupings into one: examples linked by any of them, directly or through others, share a group.

    Parameters
    ----------
    *groups : arrays of n
        Missing means "in no group".

    Returns
    -------
    pd.Series
        Int64, missing where the example stands alone.

    Examples
    --------
    >>> join_groups(["a", "a", None, None], [None, 7, 7, None]).tolist()
    [0, 0, 0, <NA>]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    codes = [codes_of(each) for each in groups]
    n = len(codes[0])
    starts = n + np.concatenate([[0], np.cumsum([each.max(initial=-1) + 1 for each in codes])])
    rows = np.concatenate([np.flatnonzero(each >= 0) for each in codes])
    nodes = np.concatenate([each[each >= 0] + start for each, start in zip(codes, starts[:-1], strict=True)])
    links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, nodes)), shape=(starts[-1], starts[-1]))
    _, component = connected_components(links, directed=False)
    component = component[:n]
    alone = np.bincount(component)[component] == 1
    numbered = pd.factorize(pd.Series(component, dtype="Int64").mask(alone))[0]
    return pd.Series(numbered, dtype="Int64").mask(alone)


def _shares(ratios: Any, halfwidth: float | None, train_dev: float, n: int) -> Floats:
    """Check the wanted shares and give those of the four parts."""
    if ratios is not None and halfwidth is not None:
        raise InputError("split.ratios and split.halfwidth both set the sizes: keep one of them.")
    if isinstance(ratios, Mapping):
        _check_names(ratios, ("train", "dev", "test"), "split.ratios")
        ratios = [ratios.get(name, 0) for name in ("train", "dev", "test")]
    values = list(default_ratios(n, halfwidth=halfwidth) if ratios is None else ratios)
    if len(values) != 3:
        raise InputError(f"split.ratios has {len(values)} shares: give three, for train, dev and test.")
    if not all(isinstance(value, int | float) and value > 0 for value in values):
        raise InputError(f"split.ratios is {values}: train, dev and test each need a share above 0.")
    if abs(sum(values) - 1) > 1e-6:
        raise InputError(f"split.ratios is {values}, which sums to {sum(values):g}: make it 1, e.g. 0.6, 0.2, 0.2.")
    if not 0 <= train_dev < values[0]:
        raise InputError(f"split.train_dev is {train_dev}: it must be at least 0 and less than train's {values[0]:g}.")
    return np.array([values[0] - train_dev, train_dev, values[1], values[2]])


def _check_names(names: Iterable[Any], known: Sequence[str], where: str) -> None:
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known[:10])}."
            raise InputError(f"{where} names {name!r}, which is not there: {hint}")


def _pools(
    learnable: Bools, sources: Any, train_sources: Sequence[str] | None, group: Ints, shares: Floats
) -> list[tuple[Ints, Floats]]:
    """Give the rows that are shared out together, and the shares of the parts among them."""
    if train_sources is None:
        return [(np.flatnonzero(learnable), shares)]
    names = pd.Series(sources).reset_index(drop=True).astype("str")
    _check_names(train_sources, sorted(names.dropna().unique()), "split.train_sources")
    learnt = names.isin(list(train_sources)).to_numpy()
    spanning = np.intersect1d(group[learnt & (group >= 0)], group[~learnt & (group >= 0)])
    learnt = learnt | np.isin(group, spanning)  # a group of both kinds of source stays whole, in train
    inside, outside = np.flatnonzero(learnable & learnt), np.flatnonzero(learnable & ~learnt)
    if not len(inside) or not len(outside):
        lacking = "dev and test: leave a source out" if len(inside) else "train: name at least one source"
        raise InputError(f"split.train_sources is {list(train_sources)}, which leaves no examples for {lacking}.")
    held = min(0.5, shares[TRAIN_DEV] * learnable.sum() / len(inside))
    target = np.array([0, 0, shares[DEV], shares[TEST]]) / (shares[DEV] + shares[TEST])
    return [(inside, np.array([1 - held, held, 0, 0])), (outside, target)]
