"""The stages of unfreezing: one block more is trained with the head, judged on dev, and kept or undone.

Each stage is the loop of `convnet_fitting` on a `tails.Tail`; it ends after `patience` epochs without a better dev log
loss, with the best weights. Dev judges row by row: the 95% interval of the mean
difference to the stage before (normal, for paired rows with weights) must lie below zero.
Known failure: the standard error is that of the normal approximation, too small where a handful of rows differ.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.contest import WIDTH
from burnish.tasks.convnet_fitting import learn
from burnish.tasks.convnet_plans import plan
from burnish.tasks.device_rows import hold
from burnish.tasks.fitting import Progress, auto_batch_size
from burnish.tasks.learners import Learner, log_probabilities
from burnish.tasks.memory import fit_in_memory
from burnish.tasks.models import Network
from burnish.tasks.moves import Moves
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.tails import Tail, keep_maps
from burnish.tasks.training_recipe import Recipe

EPOCHS, MOST_EPOCHS = 4, 30  # of a stage
LEAST_SEEN = 8_000
LARGEST_BATCH = 64


@dataclass(frozen=True)
class Step:
    """What one stage reached on dev.

    Attributes
    ----------
    blocks : int
        Trained with the head; 0: the head alone.
    parameters : int
        Trained weights.
    epochs, best_epoch : int
    error, log_loss : float
        On dev, each row by its weight.
    change, low, high : float
        Of the error against the stage before, with its 95% interval; 0 of the head alone.
    kept : bool
    """

    blocks: int
    parameters: int
    epochs: int
    best_epoch: int
    error: float
    log_loss: float
    change: float
    low: float
    high: float
    kept: bool

    def as_dict(self) -> dict[str, Any]:
        """Give the stage as plain values for `summary.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Judging:
    """The dev rows that decide: classes (m,), and the share of each row."""

    labels: NDArray[np.int64]
    shares: NDArray[np.float64]

    def measure(self, logs: NDArray[np.float32]) -> tuple[float, float]:
        """Give weighted log loss and error of log probabilities (m, k)."""
        losses = -logs[np.arange(len(logs)), self.labels].astype(np.float64)
        return float(losses @ self.shares), float(self.wrong(logs) @ self.shares)

    def wrong(self, logs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give 1 for each row that is misclassified, else 0."""
        return (logs.argmax(1) != self.labels).astype(np.float64)


def tail_recipe(recipe: Recipe, rows: int) -> Recipe:
    """Say how the end of a network is trained on so many images: shortly, at the optimizer's usual rate.

    Examples
    --------
    >>> made = tail_recipe(Recipe(), 500)
    >>> made.epochs, made.batch_size, made.learning_rate
    (16, 32, 0.001)
    """
    return replace(
        recipe,
        epochs=min(recipe.epochs, min(MOST_EPOCHS, max(EPOCHS, -(-LEAST_SEEN // rows)))),
        batch_size=recipe.batch_size or min(auto_batch_size(rows), LARGEST_BATCH),
        learning_rate=usual_rate(recipe.optimizer, recipe.learning_rate),
        max_norm=None,
    )


@dataclass
class Stages:
    """Encoder and head on their way through the stages, and what they learn from and are judged by."""

    encoder: PretrainedEncoder
    head: Network
    pixels: NDArray[np.uint8]
    labels: Tensor
    weights: Tensor
    dev_pixels: NDArray[np.uint8]
    judging: Judging
    recipe: Recipe
    where: torch.device
    seed: int
    folder: Path | None

    def walk(self, blocks: int, threads: int | None, progress: Progress | None) -> tuple[list[Step], str]:
        """Go through the stages; leave encoder and head as the last one kept had them."""
        said, steps, note = self._frozen(), [], ""
        loss, error = self.judging.measure(said)
        steps.append(Step(0, _count(self.head), 0, 0, error, loss, 0.0, 0.0, 0.0, kept=True))
        for depth in range(1, blocks + 1):
            last = list(self.encoder.backbone.blocks)[-depth:]
            tail = Tail(torch.nn.Sequential(*last), self.head, dropout=self.recipe.dropout).to(self.where)
            before = deepcopy(tail.state_dict())
            history, made, note = self._train(tail, depth, threads, progress)
            loss, error = self.judging.measure(made)
            change, half = paired(self.judging.wrong(said), self.judging.wrong(made), self.judging.shares)
            best = int(history["dev_loss"].to_numpy().argmin()) + 1
            ends = change - WIDTH * half, change + WIDTH * half
            kept = ends[1] < 0
            steps.append(Step(depth, _count(tail), len(history), best, error, loss, change, *ends, kept=kept))
            if not kept:
                tail.load_state_dict(before)
                break
            said = made
        return steps, note

    def _frozen(self) -> NDArray[np.float32]:
        """Give the log probabilities (m, k) of dev by the head on frozen features."""
        features = self.encoder.transform(self.dev_pixels, device=str(self.where))
        self.head.eval()
        with torch.no_grad():
            scores = self.head(torch.from_numpy(features).to(self.where))[0]
        return torch.log_softmax(scores, 1).cpu().numpy()

    def _train(
        self, tail: Tail, depth: int, threads: int | None, progress: Progress | None
    ) -> tuple[pd.DataFrame, NDArray[np.float32], str]:
        """Train a tail; give its history, the log probabilities of dev, and a note."""
        device = str(self.where)
        maps, dev = (
            hold(keep_maps(self.encoder, pixels, depth, device=device, folder=self.folder), self.where)
            for pixels in (self.pixels, self.dev_pixels)
        )
        start, everyone = deepcopy(tail.state_dict()), torch.arange(len(dev), device=self.where)
        planned = plan(self.recipe, len(self.pixels), self.where, Moves())
        planned = replace(planned, epochs=self.recipe.epochs)

        def logs(batch: int) -> NDArray[np.float32]:
            return log_probabilities(tail, dev, everyone, batch).cpu().numpy()

        def fit(batch: int) -> pd.DataFrame:
            tail.load_state_dict(start)
            learner = Learner(
                tail,
                maps,
                self.labels,
                torch.arange(len(self.labels), device=self.where),
                self.weights,
                replace(planned, batch=batch),
                self.seed,
                parts=tail.parts(),
            )
            return learn(
                [learner],
                judge=lambda: self.judging.measure(logs(batch)),
                patience=self.recipe.patience,
                threads=threads,
                progress=progress,
            )

        history, note = fit_in_memory(fit, planned.batch, device=self.where)
        return history, logs(planned.batch), note


def paired(before: NDArray[np.float64], after: NDArray[np.float64], shares: NDArray[np.float64]) -> tuple[float, float]:
    """Give the mean change of an error on the same rows, and its standard error.

    Parameters
    ----------
    before, after : float64 (m,)
        1 where a row is wrong, else 0.
    shares : float64 (m,)
        Sum to 1.

    Examples
    --------
    >>> before, after = np.array([1.0, 1, 0, 0]), np.zeros(4)
    >>> change, error = paired(before, after, np.full(4, 0.25))
    >>> change, round(error, 3)
    (-0.5, 0.25)
    """
    apart = after - before
    change = float(apart @ shares)
    return change, float(np.sqrt(np.square(shares * (apart - change)).sum()))


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
