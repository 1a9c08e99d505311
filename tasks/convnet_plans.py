"""How long, in what batches and at what rate networks that read images are trained.

Where nothing else is asked for, the learning rate climbs to its peak and falls to nothing over all epochs (one-cycle:
Smith & Topin 2018, "Super-convergence"), so that a network of this kind is done in a sixth of the epochs; on a GPU,
where it is a wider one, in a quarter.

What makes a network good is steps: a small set is gone through more often, up to `train.epochs`, and where that gives
too few of them, in smaller batches.
Known failure: of fewer than some eighty images even batches of 16 make fewer steps than that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from burnish.tasks.moves import Moves
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.training_recipe import Recipe

FASTER, FASTEST = 10.0, 0.1  # the highest rate of a one-cycle is so many times the optimizer's own, up to this
EPOCHS, EPOCHS_ON_GPU = 16, 24
LEAST_SEEN = 32_000  # images seen in training at least
LEAST_STEPS, SMALLEST_BATCH = 500, 16


@dataclass(frozen=True)
class Plan:
    """What `train:` comes to for this many images on this device.

    Attributes
    ----------
    epochs, batch : int
    rate : float
        The highest learning rate.
    decay : str
        See `decays`.
    recipe : Recipe
    moves : Moves
    """

    epochs: int
    batch: int
    rate: float
    decay: str
    recipe: Recipe
    moves: Moves

    def in_words(self) -> str:
        """Say how networks are trained by this plan.

        >>> plan(Recipe(optimizer="nesterov"), 4_000, torch.device("cpu"), Moves()).in_words()
        'cross-entropy by nesterov, learning rate 0.1, decay one_cycle, batches of 64'
        """
        planned = replace(self.recipe, learning_rate=self.rate, decay=self.decay, batch_norm=False)
        return f"{planned.in_words('cnn')}, batches of {self.batch}"


def plan(recipe: Recipe, rows: int, device: torch.device, moves: Moves) -> Plan:
    """Say how long, in what batches and at what rate `rows` images are trained on.

    Where nothing else is asked for (`decay` none), the learning rate goes through one cycle, whose peak is a learning
    rate that is given, else ten times that of the optimizer.

    Examples
    --------
    >>> made = plan(Recipe(), 4_000, torch.device("cpu"), Moves())
    >>> made.epochs, made.batch, made.rate, made.decay
    (16, 64, 0.01, 'one_cycle')
    >>> made = plan(Recipe(), 20_000, torch.device("cuda"), Moves())
    >>> made.epochs, made.batch
    (24, 512)
    >>> [(few.epochs, few.batch) for few in (plan(Recipe(), n, torch.device("cpu"), Moves()) for n in (100, 300))]
    [(100, 16), (100, 32)]
    """
    usual_epochs = EPOCHS if device.type == "cpu" else EPOCHS_ON_GPU
    epochs = min(recipe.epochs, max(usual_epochs, -(-LEAST_SEEN // max(rows, 1))))
    decay = "one_cycle" if recipe.decay == "none" else recipe.decay
    usual = usual_rate(recipe.optimizer)
    rate = recipe.learning_rate or (max(usual, min(FASTER * usual, FASTEST)) if decay == "one_cycle" else usual)
    stepping = int(2 ** np.floor(np.log2(max(rows * epochs / LEAST_STEPS, SMALLEST_BATCH))))
    batch = recipe.batch_size or min(auto_batch(rows, device), stepping)
    return Plan(epochs, batch, rate, decay, recipe, moves)


def auto_batch(rows: int, device: torch.device) -> int:
    """Choose a power of two: near n/64, from 64 to 128, on a CPU; near n/32, from 64 to 512, where steps of few images
    leave the device waiting for the next one.

    Examples
    --------
    >>> auto_batch(100, torch.device("cpu")), auto_batch(10**6, torch.device("cpu"))
    (64, 128)
    >>> [auto_batch(rows, torch.device("cuda")) for rows in (1_000, 5_000, 20_000)]
    [64, 128, 512]
    """
    share, most = (64, 7) if device.type == "cpu" else (32, 9)
    return int(2 ** np.clip(np.floor(np.log2(max(rows, 1) / share)), 6, most))
