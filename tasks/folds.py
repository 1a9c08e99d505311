"""Out-of-fold class probabilities: each row is predicted by networks that never saw it.

The labelled rows are dealt into folds (`dealing`). All folds train at once as the copies of one network
(`models.Network`); the rows of its own fold have weight 0 for a copy.

When to stop, and whether linear or mlp, is chosen by the log loss of the out-of-fold predictions themselves, pooled
over all rows. Every fold so trains on all of its rows, and what leaks from a row into its own prediction is its share
in the choice among a few dozen epochs, common to all rows. Known failure: with fewer than about 50 rows that choice
is optimistic.

The training dynamics are kept as well: the same held-out log-probabilities, averaged over all epochs trained (of the
linear model: over its strides by their length, up to the best). Early ones follow what most examples of a class
share, late ones bend to single labels (Liu et al. 2020, early-learning regularization; Pleiss et al. 2020 average the
margin over epochs likewise, of the label the network was shown). A row is heard by one copy an epoch: a labelled one
by the copy that does not train on it, one without a label by each copy in turn, since none trains on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.dealing import assign_folds, units_of
from burnish.tasks.device_features import hold_features, sample, standardized
from burnish.tasks.device_rows import Rows
from burnish.tasks.findings import InputError
from burnish.tasks.fitting import Progress, choose_device, limited_threads
from burnish.tasks.losses import held_out_losses
from burnish.tasks.models import Network
from burnish.tasks.train import PLAIN, check_weights, fit_network, fit_rows, in_chunks, network_of
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import check_features, check_numbers, check_scale

LEAST_PROBABILITY = 1e-12  # whose logarithm is still a number


@dataclass(frozen=True)
class OutOfFold:
    """Out-of-fold predictions.

    Attributes
    ----------
    probabilities : float32 (n, k)
        Of each row by the network that did not see it; of rows without a label by the mean of all networks.
    dynamics : float32 (n, k) or None
        Softmax of the log-probabilities averaged over epochs, of each row by networks that did not see it. Differences
        of its logarithms are the mean margins. None where no network was trained.
    fold : int64 (n,)
        The fold of each row; −1 without a label.
    model : str
        ``"linear"``, ``"mlp"``, ``"boosting"``, or such names joined by + for their mean.
    epochs : int
        Epochs trained; of boosting, trees a class.
    log_loss : float
        Σ s·L / Σ s over all labelled rows.
    note : str
        What was done otherwise than asked (fewer folds), else empty.
    compiled : str
        What became of fusing the convolution networks' layers, where there is something to say.
    """

    probabilities: NDArray[np.float32]
    dynamics: NDArray[np.float32] | None
    fold: NDArray[np.int64]
    model: str
    epochs: int
    log_loss: float
    note: str
    compiled: str = ""

    def first(self, rows: int) -> OutOfFold:
        """Give what is said of the first rows alone; the log loss stays that of all."""
        dynamics = None if self.dynamics is None else self.dynamics[:rows]
        return replace(self, probabilities=self.probabilities[:rows], dynamics=dynamics, fold=self.fold[:rows])


def out_of_fold(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    classes: Sequence[str],
    folds: int = 5,
    groups: NDArray[Any] | None = None,
    recipe: Recipe = PLAIN,
    model: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    copies: tuple[NDArray[np.float32], NDArray[np.int64]] | None = None,
) -> OutOfFold:
    """Predict every row by networks that did not see it.

    Parameters
    ----------
    features : float32 (n, d)
        Finite.
    labels : int64 (n,)
        The labels to learn from, −1 = missing: predicted, not learnt from.
    weights : float (n,), optional
        s(i); a row of weight 0 is predicted, not learnt from.
    classes : sequence of str
        Names of the classes; the columns of the result.
    folds, groups
        See `dealing.assign_folds`.
    recipe, model, device, threads, seed, progress
        See `train.train_network`. ``model="auto"`` trains both, and keeps linear, mlp or the mean of their
        probabilities, whichever has the smallest out-of-fold log loss (`best_pass`).
    copies : (float32 (m, d), int64 (m,)), optional
        Features of changed copies of rows, and the row each was made of: learnt from besides, never by a network that
        is to predict that row.

    Returns
    -------
    OutOfFold

    Raises
    ------
    InputError
        As `train.train_network`.

    Examples
    --------
    >>> x = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    >>> y = np.repeat([0, 1], 20)
    >>> out_of_fold(x, y, classes=("a", "b"), model="linear").probabilities.argmax(1).tolist() == y.tolist()
    True
    """
    check_features(features, labels, len(classes))
    if copies is not None:
        made, origin = copies
        rows = np.concatenate([np.arange(len(labels)), origin])
        whole = out_of_fold(
            np.concatenate([features, made]),
            np.asarray(labels)[rows],
            None if weights is None else weights[rows],
            classes=classes,
            folds=folds,
            groups=units_of(len(labels), groups)[rows],
            recipe=recipe,
            model=model,
            device=device,
            threads=threads,
            seed=seed,
            progress=progress,
        )
        return whole.first(len(labels))
    labels = np.asarray(labels, np.int64)
    weights = check_weights(weights, len(labels))
    if not ((labels >= 0) & (weights > 0)).any():
        raise InputError("no example has both a label and a weight above 0: nothing can be learnt")
    fold, note = assign_folds(labels, folds=folds, groups=groups, seed=seed)
    with limited_threads(threads):
        stack = _Stack(features, labels, weights, fold, len(classes), choose_device(device))
        kinds = ("linear", "mlp") if model == "auto" else (model,)
        passes = [stack.train(kind, recipe, seed, progress) for kind in kinds]
    best = best_pass(passes, labels, weights)
    return replace(best, note="; ".join(part for part in (note, best.note) if part))


def best_pass(
    passes: Sequence[OutOfFold], labels: NDArray[np.int64], weights: NDArray[np.floating[Any]] | None = None
) -> OutOfFold:
    """Choose by out-of-fold log loss among passes over the same folds and, where there are several, their mean.

    Dynamics stay with the pass they belong to; the mean of passes has the mean of those there are, and a pass that has
    none takes over those of the others, which are as much out of fold.

    Parameters
    ----------
    passes : sequence of OutOfFold
    labels : int64 (n,)
        −1 = missing.
    weights : float (n,), optional
        s(i).

    Returns
    -------
    OutOfFold
    """
    candidates = [*passes, _mean_pass(passes, labels, weights)] if len(passes) > 1 else list(passes)
    losses = [held_out_log_loss(one.probabilities, labels, weights) for one in candidates]  # as they are heard
    best = candidates[int(np.argmin(losses))]
    return best if best.dynamics is not None else replace(best, dynamics=_mean_dynamics(passes))


def held_out_log_loss(
    probabilities: NDArray[np.floating[Any]],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
) -> float:
    """Give Σ s·L / Σ s over the labelled rows of probabilities (n, k)."""
    seen = np.flatnonzero(labels >= 0)
    losses = -np.log(probabilities[seen, labels[seen]].astype(np.float64) + LEAST_PROBABILITY)
    return float(np.average(losses, weights=None if weights is None else weights[seen]))


def _mean_pass(
    passes: Sequence[OutOfFold], labels: NDArray[np.int64], weights: NDArray[np.floating[Any]] | None
) -> OutOfFold:
    probabilities = np.stack([one.probabilities for one in passes]).mean(axis=0, dtype=np.float32)
    return OutOfFold(
        probabilities,
        _mean_dynamics(passes),
        passes[0].fold,
        "+".join(one.model for one in passes),
        max(one.epochs for one in passes),
        held_out_log_loss(probabilities, labels, weights),
        "; ".join(dict.fromkeys(one.note for one in passes if one.note)),
    )


def _mean_dynamics(passes: Sequence[OutOfFold]) -> NDArray[np.float32] | None:
    heard = [one.dynamics for one in passes if one.dynamics is not None]
    return np.stack(heard).mean(axis=0, dtype=np.float32) if heard else None


class _Stack:
    """The rows on the device, sorted by fold, so that each fold is a slice."""

    def __init__(
        self,
        features: NDArray[np.float32],
        labels: NDArray[np.int64],
        weights: NDArray[np.float32],
        fold: NDArray[np.int64],
        classes: int,
        where: torch.device,
    ) -> None:
        self.features, self.order = features, np.argsort(fold, kind="stable")
        self.epoch = 0
        self.fold, self.classes, self.where = fold, classes, where
        self.folds = int(fold.max()) + 1
        self.sizes = np.bincount(fold + 1, minlength=self.folds + 1).tolist()
        self.y = torch.from_numpy(labels[self.order]).to(where)
        seen = (fold[self.order, None] != np.arange(self.folds)) & (fold[self.order, None] >= 0)
        self.mass = torch.from_numpy(weights[self.order[self.sizes[0] :]]).to(where)
        self.weights = torch.from_numpy(weights[self.order, None] * seen.astype(np.float32)).to(where)
        self.heard = torch.zeros(len(fold), classes, device=where)
        self.heard_for, self.least, self.patient, self.loss = 0.0, np.inf, False, Recipe().loss
        given = hold_features(features, where, self.order)
        self.width, scale = features.shape[1], Network(features.shape[1], classes).to(where)
        scale.set_scale(sample(given.part(self.sizes[0], len(given))))
        check_scale(scale, features, self.order[self.sizes[0] :])
        self.x = standardized(given, scale, in_place=True)

    def train(self, kind: str, recipe: Recipe, seed: int, progress: Progress | None) -> OutOfFold:
        """Train the copies, one a fold, and give their predictions in the order of the rows."""
        rows = slice(self.sizes[0], None)
        learnt, self.loss = self.x.part(self.sizes[0], len(self.x)), recipe.loss

        def fit(turned: Recipe) -> tuple[Network, pd.DataFrame]:
            network = network_of(turned, kind, self.width, self.classes, copies=self.folds, seed=seed).to(self.where)
            self.heard.zero_()
            self.epoch, self.heard_for, self.least, self.patient = 0, 0.0, np.inf, kind != "linear"
            return network, fit_network(
                network,
                learnt,
                self.y[rows],
                self.weights[rows],
                turned,
                judge=self._judge,
                seed=seed,
                progress=progress,
            )

        (network, history), note = fit_rows(fit, recipe, kind, len(learnt), self.where)
        best = int(history["dev_loss"].to_numpy().argmin())
        return OutOfFold(
            self._predict(network),
            self._in_order(torch.softmax(self.heard / self.heard_for, 1)),
            self.fold,
            kind,
            best + 1,
            float(history["dev_loss"].iloc[best]),
            note,
        )

    def _in_order(self, sorted_rows: Tensor) -> NDArray[np.float32]:
        """Put rows sorted by fold back into the order they came in."""
        out = np.empty((len(self.order), self.classes), np.float32)
        out[self.order] = sorted_rows.cpu().numpy()
        return out

    def _held_out(self, network: Network) -> Tensor:
        """Log probabilities (rows, k) of the labelled rows, each by the copy of its own fold."""
        ends = np.cumsum(self.sizes)
        parts = [self.x.part(int(start), int(stop)) for start, stop in pairwise(ends)]
        return torch.cat([self._asked(network, part, copy) for copy, part in enumerate(parts)])

    def _asked(self, network: Network, rows: Rows, copy: int) -> Tensor:
        """Log probabilities (rows, k) by one copy."""
        network.eval()
        only = slice(copy, copy + 1)
        with torch.no_grad():
            scores = [network(chunk, only=only, standardized=True)[0] for chunk in in_chunks(rows)]
        return torch.log_softmax(torch.cat(scores), 1)

    def _log_loss(self, logs: Tensor) -> float:
        """Σ s·L / Σ s over the labelled rows, from their log probabilities."""
        losses = held_out_losses(logs, self.y[self.sizes[0] :], self.mass / self.mass.sum(), loss=self.loss)
        return float((losses * self.mass).sum() / self.mass.sum())

    def _judge(self, network: Network, share: float) -> tuple[float, float]:
        logs, unlabelled = self._held_out(network), self.sizes[0]
        loss = self._log_loss(logs)
        if self.patient or loss < self.least:
            self.heard[unlabelled:] += share * logs
            said = self._asked(network, self.x.part(0, unlabelled), self.epoch % self.folds)
            if not bool(said.isfinite().all()):
                check_numbers("features", self.features, self.order[:unlabelled])
            self.heard[:unlabelled] += share * said
            self.heard_for += share
        self.least = min(loss, self.least)
        self.epoch += 1
        return loss, float((logs.argmax(1) != self.y[unlabelled:]).float().mean())

    def _predict(self, network: Network) -> NDArray[np.float32]:
        unlabelled = self.x.part(0, self.sizes[0])
        everyone = torch.stack([self._asked(network, unlabelled, copy).exp() for copy in range(self.folds)]).mean(0)
        return self._in_order(torch.cat([everyone, self._held_out(network).exp()]))
