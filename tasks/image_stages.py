"""Images on the device with what is learnt of them, once for all networks that train on rows of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_plans import Plan
from burnish.tasks.findings import InputError
from burnish.tasks.learners import Learner, hold_images, log_probabilities
from burnish.tasks.losses import held_out_losses
from burnish.tasks.team import Team
from burnish.tasks.train import check_weights

SCALED_BY, SCALED_VALUES = 20_000, 64_000_000  # what centre and divisor are learnt from: images, and values of them
SCALED_LEAST = 256  # images, however large they are


def learnt_rows(labels: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the rows that have a label and a weight above 0.

    Raises
    ------
    InputError
        Where there is none.
    """
    rows = np.flatnonzero((labels >= 0) & (weights > 0))
    if not len(rows):
        raise InputError("no example has both a label and a weight above 0: nothing can be learnt")
    return rows


class Stage:
    """The images on the device, once, and networks to train on rows of them."""

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[Any],
        weights: NDArray[np.float32],
        classes: int,
        where: torch.device,
        seed: int,
        team: Team,
    ) -> None:
        self.images = hold_images(pixels, where)
        self.side, self.channels = pixels.shape[2], pixels.shape[3]
        self.labels = torch.from_numpy(labels).to(where)
        self.weights = torch.from_numpy(weights).to(where)
        self.classes, self.seed, self.team = classes, seed, team

    def learner(self, rows: NDArray[np.int64], plan: Plan, number: int = 0) -> Learner:
        """Make a network of its own for some rows; its seed depends on its number."""
        where = self.images.device
        own = torch.from_numpy(rows).to(where)
        network = ConvNet(
            self.side,
            self.channels,
            self.classes,
            size="lean" if where.type == "cpu" else "wide",
            dropout=plan.recipe.dropout,
            activation=plan.recipe.activation,
            initialization=plan.recipe.initialization,
            output="logistic" if plan.recipe.loss == "logistic" else "softmax",
            mirrored=plan.moves.mirror,
            seed=self.seed + number,
        )
        network = network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.set_scale(self.images.take(_scaled_by(own, self.side**2 * self.channels)))
        return Learner(network, self.images, self.labels, own, self.weights, plan, self.seed, number, self.team)


class Dev:
    """The rows that judge a network on the way."""

    def __init__(
        self,
        pixels: NDArray[np.uint8] | None,
        labels: NDArray[np.int64] | None,
        weights: NDArray[np.floating[Any]] | None,
        where: torch.device,
    ) -> None:
        self.counted = 0
        if pixels is None or labels is None:
            return
        strength = check_weights(weights, len(labels), "dev weight")
        rows = np.flatnonzero((labels >= 0) & (strength > 0))
        self.counted = len(rows)
        self.images, self.rows = hold_images(pixels, where), torch.from_numpy(rows).to(where)
        self.labels = torch.from_numpy(labels[rows].astype(np.int64)).to(where)
        self.share = torch.from_numpy(strength[rows] / strength[rows].sum()).to(where)

    def judge(self, network: nn.Module, batch: int, loss: str = "cross_entropy") -> tuple[float, float]:
        """Give weighted log loss, as suits the loss that is learnt by (`losses.held_out_losses`), and error."""
        logs = log_probabilities(network, self.images, self.rows, batch)
        losses = held_out_losses(logs, self.labels, self.share, loss=loss)
        return float(losses @ self.share), float((logs.argmax(1) != self.labels).float() @ self.share)


def _scaled_by(rows: Tensor, values: int) -> Tensor:
    """Give the first rows, or where an image has so many values that they would be too many, fewer from all over.

    >>> rows = torch.arange(40_000)
    >>> small, large = _scaled_by(rows, 32 * 32 * 3), _scaled_by(rows, 256 * 256 * 3)
    >>> len(small), int(small[-1]), len(large), int(large[-1])
    (20000, 19999, 325, 39876)
    """
    most = max(SCALED_VALUES // values, SCALED_LEAST)
    if min(len(rows), SCALED_BY) <= most:
        return rows[:SCALED_BY]
    return rows[torch.arange(most, device=rows.device) * len(rows) // most]
