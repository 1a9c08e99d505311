"""Out-of-fold class probabilities from pixels: each image is predicted by a convolution network that never saw it.

The counterpart of `folds.out_of_fold`, with the same folds, weights and measures. All networks read the same images on
the device and learn in step. When to stop is chosen by the log loss of the out-of-fold predictions themselves, pooled
over all rows, as in `folds`, whose training dynamics are kept as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.compiling import Compiling
from burnish.tasks.convnet_fitting import learn
from burnish.tasks.convnet_plans import Plan, plan
from burnish.tasks.convnet_training import CNN
from burnish.tasks.dealing import assign_folds
from burnish.tasks.fitting import Progress, choose_device, limited_threads
from burnish.tasks.folds import OutOfFold
from burnish.tasks.image_stages import Stage, learnt_rows
from burnish.tasks.learners import Learner, side_by_side
from burnish.tasks.losses import held_out_losses
from burnish.tasks.memory import fit_in_memory
from burnish.tasks.moves import Moves
from burnish.tasks.team import ALONE, Team
from burnish.tasks.train import check_weights
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import check_pixels


def out_of_fold_cnn(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    classes: Sequence[str],
    folds: int = 5,
    groups: NDArray[Any] | None = None,
    recipe: Recipe | None = None,
    moves: Moves | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    compiled: str = "auto",
    team: Team = ALONE,
) -> OutOfFold:
    """Predict every image by networks that did not see it.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
    labels : int64 (n,)
        The labels to learn from, −1 = missing: predicted, not learnt from.
    weights : float (n,), optional
        s(i); a row of weight 0 is predicted, not learnt from.
    classes : sequence of str
        Names of the classes; the columns of the result.
    folds, groups
        See `dealing.assign_folds`.
    recipe, moves, device, threads, seed, progress, compiled, team
        See `convnet_training.train_cnn`.

    Returns
    -------
    OutOfFold

    Raises
    ------
    InputError
        As `convnet_training.train_cnn`.

    Examples
    --------
    >>> pixels = np.zeros((40, 8, 8, 1), np.uint8)
    >>> pixels[20:, 2:6, 2:6] = 255
    >>> y = np.repeat([0, 1], 20)
    >>> made = out_of_fold_cnn(pixels, y, classes=("a", "b"), folds=2, recipe=Recipe(epochs=20))
    >>> made.probabilities.argmax(1).tolist() == y.tolist()
    True
    """
    where = choose_device(device)
    check_pixels(pixels, labels, len(classes))
    labels = np.asarray(labels, np.int64)
    recipe, moves = recipe or Recipe(), moves or Moves()
    strength = check_weights(weights, len(labels))
    learnt_rows(labels, strength)
    fold, note = assign_folds(labels, folds=folds, groups=groups, seed=seed)
    count = int(fold.max()) + 1
    rows = [np.flatnonzero((fold >= 0) & (fold != own) & (strength > 0)) for own in range(count)]
    first = plan(recipe, int(np.mean([len(some) for some in rows])), where, moves)
    stage = Stage(pixels, labels, strength, len(classes), where, seed, team)

    def fit(batch: int) -> OutOfFold:
        return _Folds(stage, fold, rows, replace(first, batch=batch), workers).train(progress, Compiling(compiled))

    workers = threads or torch.get_num_threads()
    with limited_threads(1):
        made, halved = fit_in_memory(fit, first.batch, team=team, device=where)
    return replace(made, note="; ".join(part for part in (note, halved) if part))


class _Folds:
    """One learner a fold, and what they say of the rows they do not see."""

    def __init__(
        self,
        stage: Stage,
        fold: NDArray[np.int64],
        rows: Sequence[NDArray[np.int64]],
        plan: Plan,
        threads: int,
    ) -> None:
        self.stage, self.fold, self.threads = stage, fold, threads
        self.learners = [stage.learner(some, plan, number) for number, some in enumerate(rows)]
        where = stage.images.device
        self.held_out = [torch.from_numpy(np.flatnonzero(fold == own)).to(where) for own in range(len(rows))]
        self.unlabelled = torch.from_numpy(np.flatnonzero(fold < 0)).to(where)
        self.labelled = torch.cat(self.held_out)
        self.heard = torch.zeros(len(fold), stage.classes, device=where)
        self.epochs = 0

    def train(self, progress: Progress | None, compiling: Compiling) -> OutOfFold:
        """Train all networks and give their predictions."""
        history = learn(self.learners, judge=self._judge, threads=self.threads, progress=progress, compiling=compiling)
        best = int(history["dev_loss"].to_numpy().argmin())
        everyone = side_by_side(lambda each: self._said(each, self.unlabelled).exp(), self.learners, self.threads)
        probabilities = self._logs(torch.stack(everyone).mean(0).log()).exp()
        return OutOfFold(
            probabilities.cpu().numpy(),
            torch.softmax(self.heard / self.epochs, 1).cpu().numpy(),
            self.fold,
            CNN,
            best + 1,
            float(history["dev_loss"].iloc[best]),
            note="",
            compiled=compiling.note,
        )

    def _logs(self, unlabelled: Tensor) -> Tensor:
        """Log probabilities (n, k): of each row by the network that does not see it, of the others as given."""
        logs = torch.empty_like(self.heard)
        logs[self.unlabelled] = unlabelled
        said = side_by_side(lambda each: self._said(each, self.held_out[each.number]), self.learners, self.threads)
        for rows, made in zip(self.held_out, said, strict=True):
            logs[rows] = made
        return logs

    def _said(self, learner: Learner, rows: Tensor) -> Tensor:
        """Give a network's log probabilities (m, k) of rows; where there are none it is not asked."""
        return learner.log_probabilities(rows) if len(rows) else self.heard[:0]

    def _judge(self) -> tuple[float, float]:
        turn = self.learners[self.epochs % len(self.learners)]
        logs = self._logs(self._said(turn, self.unlabelled))
        self.heard += logs
        self.epochs += 1
        labels, mass = self.stage.labels[self.labelled], self.stage.weights[self.labelled]
        loss, said = turn.plan.recipe.loss, logs[self.labelled]
        losses = held_out_losses(said, labels, mass / mass.sum(), loss=loss)
        wrong = (said.argmax(1) != labels).float().mean()
        return float((losses * mass).sum() / mass.sum()), float(wrong)
