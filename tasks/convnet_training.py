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

from burnish.tasks.compiling import Compiling
from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_fitting import learn
from burnish.tasks.convnet_plans import plan
from burnish.tasks.fitting import Progress, choose_device, limited_threads
from burnish.tasks.image_stages import Dev, Stage, learnt_rows
from burnish.tasks.learners import Learner, send_images
from burnish.tasks.losses import check_targets
from burnish.tasks.memory import fit_in_memory
from burnish.tasks.moves import Moves
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.team import ALONE, Team
from burnish.tasks.train import check_weights
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import check_pixels

PREDICT_IMAGES = 512
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
    compiled : str
        What became of fusing its layers, where there is something to say.
    how : str
        How it was fitted, in a few words.
    """

    model: ClassVar[str] = CNN
    network: ConvNet
    history: pd.DataFrame
    best_epoch: int
    device: str
    seconds: float
    note: str = ""
    compiled: str = ""
    how: str = ""

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
    compiled: str = "auto",
    team: Team = ALONE,
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
        What `convnet_plans.plan` makes a plan of; `hidden`, `batch_norm` and `dropout_input` do nothing.
    moves : Moves, optional
        How far images are moved in training; by default a little, never mirrored.
    device, threads, seed, progress
        See `train.train_network`.
    compiled : str
        Whether layers are fused: ``"auto"``, ``"always"`` or ``"never"`` (`compiling`).
    team : Team
        The processes that train together: each calls this with the same arguments.

    Returns
    -------
    TrainedConvNet

    Raises
    ------
    InputError
        Where pixels, labels and weights do not belong together, weights are negative, NaN or all zero, nothing is
        labelled, images are too small, the loss stops being a number, or the device has no memory for one image.

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
    check_pixels(pixels, labels, len(classes), dev=dev_pixels, dev_labels=dev_labels)
    strength = check_weights(weights, len(labels))
    rows = learnt_rows(labels, strength)
    first = plan(recipe, len(rows), where, moves)
    learnt = np.asarray(labels, np.int64) if targets is None else check_targets(targets, len(labels), len(classes))
    stage = Stage(pixels, learnt, strength, len(classes), where, seed, team)
    dev = Dev(dev_pixels, dev_labels, dev_weights, where)

    def fit(batch: int) -> tuple[Learner, pd.DataFrame, str]:
        learner = stage.learner(rows, replace(first, batch=batch))
        judge = (lambda: dev.judge(learner.network, batch, recipe.loss)) if dev.counted else None
        compiling = Compiling(compiled)
        history = learn([learner], judge=judge, threads=workers, progress=progress, compiling=compiling)
        return learner, history, compiling.note

    workers = threads or torch.get_num_threads()
    with limited_threads(1):
        (learner, history, fused), note = fit_in_memory(fit, first.batch, team=team, device=where)
    best = int(history["dev_loss"].to_numpy().argmin()) if dev.counted else len(history) - 1
    device_used = str(where) if team.size == 1 else f"{team.size} × {where}"
    network = learner.network.eval()
    assert isinstance(network, ConvNet)
    seconds = perf_counter() - began
    return TrainedConvNet(network, history, best + 1, device_used, seconds, note, fused, first.in_words())


def predict_images(network: ConvNet, pixels: NDArray[np.uint8], *, threads: int | None = None) -> NDArray[np.float32]:
    """Give the class probabilities (n, k) of pixels (n, s, s, c), a bounded number at a time, where the network is."""
    PixelEncoder(network.side, network.channels).transform(pixels)
    out = np.empty((len(pixels), network.classes), np.float32)
    network.eval()
    with limited_threads(threads), torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        parts = torch.split(torch.arange(len(pixels)), PREDICT_IMAGES) if len(pixels) else []
        for part, images in zip(parts, send_images(pixels, network.scale.device).batches(parts), strict=True):
            out[part.numpy()] = torch.softmax(network(images)[0], 1).cpu().numpy()
    return out


def asked_by_auto(device: str) -> bool:
    """Tell whether `train.model: auto` trains this network as well: on a GPU alone; on a CPU runs would be slow."""
    return choose_device(device).type != "cpu"
