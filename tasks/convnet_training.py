"""Training the convolution network from pixels, and predicting with it.

The counterpart of `train.train_network`, with the same rows, weights and measures; the loop is in `convnet_fitting`,
the networks of an out-of-fold pass are in `convnet_folds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_fitting import (
    Learner,
    Plan,
    fit_in_memory,
    learn,
    log_probabilities,
    plan,
    put_images,
)
from burnish.tasks.findings import InputError
from burnish.tasks.fitting import Progress, choose_device, limited_threads
from burnish.tasks.losses import check_targets
from burnish.tasks.moves import Moves
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.train import check_weights
from burnish.tasks.training_recipe import Recipe

PREDICT_IMAGES = 512
SCALED_BY = 20_000  # images that centre and divisor are learnt from
CNN = ConvNet.kind
NO_IMAGES = "train.model is cnn, which reads images, and this data has none: choose auto, linear or mlp"


@dataclass(frozen=True)
class TrainedConvNet:
    """A trained network and how it came about.

    Attributes
    ----------
    network : ConvNet
        With the weights of the best epoch, on the device it was trained on.
    history : pd.DataFrame
        A row an epoch: `epoch` (from 1), `train_loss` (J), `dev_loss` (log loss), `dev_error` (share misclassified).
    best_epoch : int
        The epoch whose weights were kept.
    device : str
        Where it was trained.
    seconds : float
        How long it took.
    note : str
        What was done otherwise than asked (smaller batches), else empty.
    """

    model: ClassVar[str] = CNN
    network: ConvNet
    history: pd.DataFrame
    best_epoch: int
    device: str
    seconds: float
    note: str = ""

    @property
    def parameters(self) -> int:
        """Number of trained weights."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def encoder(self) -> PixelEncoder:
        """What stands before the network: nothing but a look at the shape."""
        return PixelEncoder(self.network.side, self.network.channels)


def train_cnn(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    targets: NDArray[np.floating[Any]] | None = None,
    dev_pixels: NDArray[np.uint8] | None = None,
    dev_labels: NDArray[np.int64] | None = None,
    dev_weights: NDArray[np.floating[Any]] | None = None,
    classes: Sequence[str],
    recipe: Recipe | None = None,
    moves: Moves | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainedConvNet:
    """Train the network on weighted images, stop on dev, keep the best weights.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
        s ≥ 8.
    labels : int64 (n,)
        Index into `classes`; rows with −1 (missing) are left out.
    weights : float (n,), optional
        s(i) ≥ 0; a row with weight 0 is left out. Default: all 1.
    targets : float (n, k), optional
        Soft labels, learnt from in place of `labels`; each row sums to 1.
    dev_pixels, dev_labels, dev_weights : optional
        The rows that decide when to stop, and how much each counts. Without them training runs all its epochs.
    classes : sequence of str
        Names of the classes.
    recipe : Recipe, optional
        What `convnet_fitting.plan` makes a plan of; `hidden`, `batch_norm` and `dropout_input` do nothing.
    moves : Moves, optional
        How far images are moved in training; by default a little, never mirrored.
    device, threads, seed, progress
        See `train.train_network`.

    Returns
    -------
    TrainedConvNet

    Raises
    ------
    InputError
        Where weights are negative, NaN or all zero, nothing is labelled, images are too small, the loss stops being a
        number, or the device has no memory for one image.

    Examples
    --------
    >>> pixels = np.zeros((40, 8, 8, 1), np.uint8)
    >>> pixels[20:, 2:6, 2:6] = 255
    >>> trained = train_cnn(pixels, np.repeat([0, 1], 20), classes=("a", "b"), recipe=Recipe(epochs=20))
    >>> predict_images(trained.network, pixels).argmax(1).tolist() == [0] * 20 + [1] * 20
    True
    """
    began, where = perf_counter(), choose_device(device)
    recipe, moves = recipe or Recipe(), moves or Moves()
    strength = check_weights(weights, len(labels))
    rows = learnt_rows(labels, strength)
    first = plan(recipe, len(rows), where, moves)
    learnt = np.asarray(labels, np.int64) if targets is None else check_targets(targets, len(labels), len(classes))
    stage = Stage(pixels, learnt, strength, len(classes), where, seed)
    dev = _Dev(dev_pixels, dev_labels, dev_weights, where)

    def fit(batch: int) -> tuple[Learner, pd.DataFrame]:
        learner = stage.learner(rows, replace(first, batch=batch))
        judge = (lambda: dev.judge(learner.network, batch)) if dev.counted else None
        return learner, learn([learner], judge=judge, threads=workers, progress=progress)

    workers = threads or torch.get_num_threads()
    with limited_threads(1):
        (learner, history), note = fit_in_memory(fit, first.batch)
    best = int(history["dev_loss"].to_numpy().argmin()) if dev.counted else len(history) - 1
    return TrainedConvNet(learner.network.eval(), history, best + 1, str(where), perf_counter() - began, note)


def predict_images(network: ConvNet, pixels: NDArray[np.uint8], *, threads: int | None = None) -> NDArray[np.float32]:
    """Give the class probabilities (n, k) of pixels (n, s, s, c), a bounded number at a time, where the network is."""
    PixelEncoder(network.side, network.channels).transform(pixels)
    out = np.empty((len(pixels), network.classes), np.float32)
    network.eval()
    with limited_threads(threads), torch.no_grad():
        for start in range(0, len(pixels), PREDICT_IMAGES):
            images = put_images(pixels[start : start + PREDICT_IMAGES], network.scale.device)
            out[start : start + PREDICT_IMAGES] = torch.softmax(network(images)[0], 1).cpu().numpy()
    return out


def asked_by_auto(device: str) -> bool:
    """Tell whether `train.model: auto` trains this network as well: on a GPU alone; on a CPU runs would be slow."""
    return choose_device(device).type != "cpu"


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
    ) -> None:
        self.images = put_images(pixels, where)
        self.labels = torch.from_numpy(labels).to(where)
        self.weights = torch.from_numpy(weights).to(where)
        self.classes, self.seed = classes, seed

    def learner(self, rows: NDArray[np.int64], plan: Plan, number: int = 0) -> Learner:
        """Make a network of its own for some rows; its seed depends on its number."""
        where = self.images.device
        own = torch.from_numpy(rows).to(where)
        network = ConvNet(
            self.images.shape[2],
            self.images.shape[1],
            self.classes,
            size="lean" if where.type == "cpu" else "wide",
            dropout=plan.recipe.dropout,
            activation=plan.recipe.activation,
            initialization=plan.recipe.initialization,
            output="logistic" if plan.recipe.loss == "logistic" else "softmax",
            seed=self.seed + number,
        )
        network = network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.set_scale(self.images[own[:SCALED_BY]])
        return Learner(network, self.images, self.labels, own, self.weights, plan, self.seed, number)


class _Dev:
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
        strength = check_weights(weights, len(labels))
        rows = np.flatnonzero((labels >= 0) & (strength > 0))
        self.counted = len(rows)
        self.images = put_images(pixels[rows], where)
        self.labels = torch.from_numpy(labels[rows].astype(np.int64)).to(where)
        self.share = torch.from_numpy(strength[rows] / strength[rows].sum()).to(where)

    def judge(self, network: ConvNet, batch: int) -> tuple[float, float]:
        """Give weighted log loss and error."""
        everyone = torch.arange(self.counted, device=self.images.device)
        logs = log_probabilities(network, self.images, everyone, batch)
        losses = -logs.gather(1, self.labels[:, None])[:, 0]
        return float(losses @ self.share), float((logs.argmax(1) != self.labels).float() @ self.share)
