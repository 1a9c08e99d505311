"""Training a classifier on weighted examples, and predicting with it.

The loops themselves are in `fitting` and `linear_head`; this file chooses the rows, the device and, for `auto`, the
kind of network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.device_features import hold_features, sample, standardized
from burnish.tasks.device_rows import Rows
from burnish.tasks.findings import InputError
from burnish.tasks.fitting import Judge, Progress, auto_batch_size, choose_device, fit, limited_threads
from burnish.tasks.legs import fit_legs
from burnish.tasks.linear_head import fit_linear
from burnish.tasks.losses import check_targets, held_out_losses
from burnish.tasks.memory import LESS_DATA, SMALLER_NETWORK, fit_in_memory
from burnish.tasks.models import Network, build_network
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import check_features, check_numbers, check_scale

PREDICT_ROWS = 16_384
LARGEST, SMALLEST = 1e30, 1e-30  # weights beyond, whose sums and shares float32 could not hold, are scaled
T = TypeVar("T")
PLAIN = Recipe()


@dataclass(frozen=True)
class Trained:
    """A trained network and how it came about.

    Attributes
    ----------
    network : Network
        With the weights of the best epoch, on the CPU.
    history : pd.DataFrame
        A row an epoch: `epoch` (from 1), `train_loss` (J), `dev_loss` (log loss), `dev_error` (share misclassified).
    best_epoch : int
        The epoch whose weights were kept.
    model : str
        ``"linear"`` or ``"mlp"``.
    device : str
        Where it was trained.
    seconds : float
        How long it took.
    how : str
        How it was fitted, in a few words.
    note : str
        What was done otherwise than asked (smaller batches), else empty.
    """

    network: Network
    history: pd.DataFrame
    best_epoch: int
    model: str
    device: str
    seconds: float
    how: str = ""
    note: str = ""

    @property
    def parameters(self) -> int:
        """Number of trained weights."""
        return sum(parameter.numel() for parameter in self.network.parameters())


def train_network(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    targets: NDArray[np.floating[Any]] | None = None,
    dev_features: NDArray[np.float32] | None = None,
    dev_labels: NDArray[np.int64] | None = None,
    dev_weights: NDArray[np.floating[Any]] | None = None,
    classes: Sequence[str],
    recipe: Recipe = PLAIN,
    model: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    start: Mapping[str, Tensor] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Trained:
    """Train a classifier on weighted examples, stop on dev, keep the best weights.

    Parameters
    ----------
    features : float32 (n, d)
        Finite.
    labels : int64 (n,)
        Index into `classes`; rows with −1 (missing) are left out.
    weights : float (n,), optional
        s(i) ≥ 0; a row with weight 0 is left out. Default: all 1.
    targets : float (n, k), optional
        Soft labels, learnt from in place of `labels`; each row sums to 1.
    dev_features, dev_labels, dev_weights : optional
        The rows that decide when to stop, and how much each of them counts (for instance by the probability that its
        label is right: wrong dev labels stop a good network early). Without them training runs all its epochs.
    classes : sequence of str
        Names of the classes.
    recipe : Recipe
        Architecture, loss, optimizer and stopping.
    model : str
        ``"linear"`` (fitted by `linear_head`), ``"mlp"`` (by `fitting`), or ``"auto"``: both are trained and the one
        with the smaller dev log loss is kept (without dev rows: the mlp).
    device : str
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    threads : int, optional
        Threads on the CPU, during this call only.
    start : mapping of str to Tensor, optional
        State of a network of the same kind and shape, from whose weights training goes on.
    seed : int
        Seed of first weights, order of the batches and dropout.
    progress : callable, optional
        Called after each epoch with (epoch, train_loss, dev_loss).

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        Where rows, labels and weights do not belong together, features are no numbers, weights are negative, NaN or
        all zero, nothing is labelled, a name is unknown, or the loss stops being a number.

    Examples
    --------
    >>> x = np.repeat(np.eye(2, dtype=np.float32), 50, axis=0)
    >>> y = np.repeat([0, 1], 50)
    >>> trained = train_network(x, y, classes=("a", "b"), model="linear")
    >>> predict(trained, x).argmax(1).tolist() == y.tolist()
    True
    """
    began = perf_counter()
    where = choose_device(device)
    check_features(features, labels, len(classes), dev=dev_features, dev_labels=dev_labels)
    used, s = _training_rows(labels, weights)
    y = labels.astype(np.int64)[used] if targets is None else check_targets(targets, len(labels), len(classes))[used]
    believed = (
        np.ones(0, np.float32) if dev_labels is None else check_weights(dev_weights, len(dev_labels), "dev weight")
    )
    has_dev = dev_features is not None and dev_labels is not None and bool(((dev_labels >= 0) & (believed > 0)).any())
    kinds = {"auto": ("linear", "mlp") if has_dev else ("mlp",)}.get(model, (model,))
    best: tuple[float, Network, pd.DataFrame, str] | None = None
    with limited_threads(threads):
        rows = hold_features(features, where, np.flatnonzero(used))
        wanted, mass = torch.from_numpy(y).to(where), torch.from_numpy(s[:, None]).to(where)
        judge = _dev_judge(dev_features, dev_labels, believed, recipe, where) if has_dev else None

        def fit_kind(turned: Recipe) -> tuple[Network, pd.DataFrame]:
            network = network_of(turned, kind, features.shape[1], len(classes), seed=seed).to(where)
            network.set_scale(sample(rows))
            check_scale(network, features, np.flatnonzero(used))
            if start is not None:
                network.load_state_dict(start)
            ready = standardized(rows, network)
            return network, fit_network(network, ready, wanted, mass, turned, judge=judge, seed=seed, progress=progress)

        for kind in kinds:
            (network, history), note = fit_rows(fit_kind, recipe, kind, len(rows), where)
            loss = float(history["dev_loss"].min()) if has_dev else 0.0
            if best is None or loss < best[0]:
                best = loss, network, history, note
    assert best is not None
    _, network, history, note = best
    at = int(history["dev_loss"].to_numpy().argmin()) if has_dev else len(history) - 1
    seconds, how = perf_counter() - began, recipe.in_words(network.kind)
    return Trained(network.cpu().eval(), history, at + 1, network.kind, str(where), seconds, how, note)


def predict(
    trained: Trained | Network, features: NDArray[np.float32], *, threads: int | None = None
) -> NDArray[np.float32]:
    """Give the class probabilities (n, k) of features (n, d), a bounded number of rows at a time."""
    network = trained.network if isinstance(trained, Trained) else trained
    if features.ndim != 2 or features.shape[1] != network.inputs:
        raise InputError(f"features have shape {features.shape}: this model reads rows of width {network.inputs}")
    where = network.shift.device
    out = np.empty((len(features), network.classes), np.float32)
    with limited_threads(threads), torch.no_grad():
        network.eval()
        for start in range(0, len(features), PREDICT_ROWS):
            rows = torch.from_numpy(np.ascontiguousarray(features[start : start + PREDICT_ROWS])).to(where)
            out[start : start + PREDICT_ROWS] = torch.softmax(network(rows), -1).mean(0).cpu().numpy()
    return out


def in_chunks(rows: Rows) -> Iterator[Tensor]:
    """Go through rows in order, so many at once as are predicted together."""
    for _, some in rows.pieces():
        yield from torch.split(some.float(), PREDICT_ROWS)


def check_weights(weights: NDArray[np.floating[Any]] | None, rows: int, what: str = "weight") -> NDArray[np.float32]:
    """Give weights as float32 (n,), all 1 where there are none.

    Weights count to one another alone. So where the largest is above 1e30, or the smallest above 0 is below 1e-30, all
    are divided by the power of 2 above the largest; else they stay as they are.

    Parameters
    ----------
    weights : float (n,), optional
    rows : int
        n.
    what : str
        What an error calls one of them.

    Raises
    ------
    InputError
        Where they are of another length, negative, NaN or infinite.

    Examples
    --------
    >>> check_weights(np.array([0.0, 0.3]), 2).tolist(), check_weights(np.array([2.0**200, 2.0**199]), 2).tolist()
    ([0.0, 0.30000001192092896], [0.5, 0.25])
    """
    if weights is None:
        return np.ones(rows, np.float32)
    s = np.asarray(weights, np.float64)
    if s.shape != (rows,):
        raise InputError(f"{what}s have shape {s.shape} for {rows} examples: give one weight for each example")
    bad = ~np.isfinite(s) | (s < 0)
    if bad.any():
        first = int(bad.argmax())
        raise InputError(f"{what} {s[first]} in row {first}: weights are finite numbers of at least 0")
    largest = s.max(initial=0.0)
    if largest > LARGEST or s.min(initial=1.0, where=s > 0) < SMALLEST:
        s = np.ldexp(s, -int(np.frexp(largest)[1]))
    return s.astype(np.float32)


def network_of(recipe: Recipe, kind: str, inputs: int, classes: int, *, copies: int = 1, seed: int = 0) -> Network:
    """Build the network that a recipe describes; see `models.build_network`."""
    return build_network(
        kind,
        inputs,
        classes,
        hidden=recipe.hidden,
        dropout=recipe.dropout,
        dropout_input=recipe.dropout_input,
        activation=recipe.activation,
        initialization=recipe.initialization,
        batch_norm=recipe.batch_norm,
        output="logistic" if recipe.loss == "logistic" else "softmax",
        blocks=recipe.blocks,
        copies=copies,
        seed=seed,
    )


def fit_network(
    network: Network,
    x: Tensor | Rows,
    y: Tensor,
    weights: Tensor,
    recipe: Recipe,
    *,
    judge: Judge | None,
    seed: int,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit a network by the method of its kind: `linear_head.fit_linear`, else `fitting.fit`, in legs where asked."""
    method = fit_linear if network.kind == "linear" else fit_legs if recipe.legs else fit
    return method(network, x, y, weights, recipe, judge=judge, seed=seed, progress=progress)


def fit_rows(fit: Callable[[Recipe], T], recipe: Recipe, kind: str, rows: int, device: torch.device) -> tuple[T, str]:
    """Call fit(recipe), with smaller batches as the device's memory asks for them; see `memory.fit_in_memory`.

    The linear model has no batches: where it does not fit there is nothing to halve.
    """
    if kind == "linear":
        return fit_in_memory(lambda _: fit(recipe), 1, rows="rows", advice=LESS_DATA, device=device)
    sizes = [one.batch_size or auto_batch_size(rows) for one in (recipe, *recipe.legs)]

    def fit_with(most: int) -> T:
        own, *others = [min(size, most) for size in sizes]
        legs = [replace(leg, batch_size=size) for leg, size in zip(recipe.legs, others, strict=True)]
        return fit(replace(recipe, batch_size=own, legs=tuple(legs)))

    return fit_in_memory(fit_with, max(sizes), rows="rows", advice=SMALLER_NETWORK, device=device)


def _training_rows(
    labels: NDArray[np.int64], weights: NDArray[np.floating[Any]] | None
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Tell the rows learnt from, bool (n,), and give their weights."""
    s = check_weights(weights, len(labels))
    labelled = np.asarray(labels) >= 0
    if not labelled.any():
        raise InputError("no training example has a label: nothing can be learnt")
    used = labelled & (s > 0)
    if not used.any():
        raise InputError("all weights of the training examples are 0: give some a weight above 0")
    return used, s[used]


def _dev_judge(
    features: NDArray[np.float32] | None,
    labels: NDArray[np.int64] | None,
    strength: NDArray[np.float32],
    recipe: Recipe,
    where: torch.device,
) -> Judge:
    assert features is not None and labels is not None
    counted = np.flatnonzero((labels >= 0) & (strength > 0))
    x, y = hold_features(features, where, counted), torch.from_numpy(labels[counted].astype(np.int64)).to(where)
    share = torch.from_numpy(strength[counted] / strength[counted].sum()).to(where)

    def judge(network: Network, _: float) -> tuple[float, float]:
        network.eval()
        with torch.no_grad():
            scores = torch.cat([network(part)[0] for part in in_chunks(x)])
            losses = held_out_losses(torch.log_softmax(scores, 1), y, share, loss=recipe.loss)
            loss, error = float(losses @ share), float((scores.argmax(1) != y).float() @ share)
        if not np.isfinite(loss):  # else of the network: its next loss on train tells
            check_numbers("dev features", features, counted)
        return loss, error

    return judge
