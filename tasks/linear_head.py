"""The linear model, fitted by second order in a few long strides, all folds at once.

Training for a long time by small gradient steps follows the gradient flow, and where it is stopped early regularizes.
The same way is walked here in strides: each minimises J(W) + α/2·‖W − W_before‖², which is one implicit Euler step of
the flow of length 1/α (Rockafellar 1976, the proximal point algorithm), with α = α₀, α₀/4, α₀/16, … . What lies along
the way so means what the epochs of any training mean: early on what most examples of a class share, late what single
labels say.

A stride is two steps of L-BFGS from a good guess of the curvature (`descent`). α₀ is the largest curvature there is at
the start: the first stride learns next to nothing. The way ends one stride after the held-out log loss was least; the
bottom of the parabola through the least three says where the last stride leads. Where nobody judges, α ends at
`weight_decay`.

No number of one copy depends on another's labels: common are the features, the strides and where they stop.
Known failure: two steps do not reach the bottom of a stride, so that the same data given in another form (a row twice
in place of weight 2) end a little elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from torch import Tensor

from burnish.tasks.descent import Descent
from burnish.tasks.device_features import as_rows
from burnish.tasks.device_rows import Rows
from burnish.tasks.fitting import Judge, Progress, checked_loss
from burnish.tasks.models import Network
from burnish.tasks.training_recipe import Recipe

FASTER = 0.25
STEPS = 2
PAST = 1
LAST_STEPS = 4
WEAKEST = 1e-9  # of the first α: float32 sees no difference beyond


def fit_linear(
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
    """Fit all copies of a linear network in place and leave it with its best weights.

    Parameters
    ----------
    network : Network
        Linear, on the device of `x`; where it starts does not matter.
    x, y, weights, judge, progress
        See `fitting.fit`; an epoch is a stride, and stands for 1/α of the training.
    recipe : Recipe
        `loss`, `q`, `label_smoothing`; `epochs`, strides at most; `weight_decay`, the last α without a judge.
    seed : int
        Draws the rows that the curvature is measured on.

    Returns
    -------
    pd.DataFrame
        As `fitting.fit` gives it.
    """
    descent = Descent(network, as_rows(x), y, weights, recipe, seed)
    walk = _Walk(network, descent, judge, progress)
    path = list(_strides(descent.first, None if judge else recipe.weight_decay, recipe.epochs))
    for number, strength in enumerate(path, start=1):
        walk.stride(strength, STEPS + (LAST_STEPS if judge is None and number == len(path) else 0))
        if judge and walk.past_best >= PAST:
            break
    if judge and len(walk.rows) < recipe.epochs:
        walk.stride(walk.step_back(), LAST_STEPS)
    if judge:
        descent.place = walk.best
    descent.show(network)
    table = pd.DataFrame(walk.rows, columns=["train_loss", "dev_loss", "dev_error"])
    table.insert(0, "epoch", np.arange(1, len(table) + 1, dtype=np.int64))
    return table


def _strides(first: float, last: float | None, most: int) -> Iterator[float]:
    """Give α of each stride, strong to weak; `last` is the weakest where it is given."""
    end = max(first * WEAKEST, last or 0.0)
    for number in range(most):
        strength = first * FASTER**number
        if strength > end:
            yield strength
        elif last is not None:
            yield end
            return


class _Walk:
    """What was seen along the way."""

    def __init__(self, network: Network, descent: Descent, judge: Judge | None, progress: Progress | None) -> None:
        self.network, self.descent, self.judge, self.progress = network, descent, judge, progress
        self.rows: list[tuple[float, float, float]] = []
        self.times: list[float] = []
        self.time = 0.0
        self.before, self.best = descent.place, descent.place

    def stride(self, strength: float, steps: int) -> None:
        """Go on from the weights as they are, judge where that leads, and keep the best."""
        left = self.descent.place
        self.descent.go(strength, steps)
        self.descent.show(self.network)
        loss, error = self.judge(self.network, self.descent.first / strength) if self.judge else (np.nan, np.nan)
        train_loss = checked_loss(float(self.descent.place.loss.mean()))
        if not self.rows or loss < min(self.losses):
            self.before, self.best = left, self.descent.place
        self.rows.append((train_loss, loss, error))
        self.time += 1 / strength
        self.times.append(self.time)
        if self.progress:
            self.progress(len(self.rows), train_loss, loss)

    @property
    def losses(self) -> list[float]:
        """Held-out losses so far."""
        return [loss for _, loss, _ in self.rows]

    @property
    def past_best(self) -> int:
        """Strides since the least held-out loss."""
        return len(self.rows) - 1 - int(np.argmin(self.losses))

    def step_back(self) -> float:
        """Stand where the last stride starts: it leads to the bottom of the parabola in log time. Give its α."""
        at = int(np.argmin(self.losses))
        moved = 0.0
        if 0 < at < len(self.rows) - 1:
            left, here, right = self.losses[at - 1 : at + 2]
            bend = left - 2 * here + right
            moved = 0.5 * (left - right) / bend if bend > 0 else 0.0
        wanted = self.times[at] * FASTER**-moved
        further = moved > 0
        self.descent.place = self.best if further else self.before
        self.time = self.times[at] if further else (self.times[at - 1] if at else 0.0)
        return 1 / (wanted - self.time)
