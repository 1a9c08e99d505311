"""Staged unfreezing of a pretrained network: the head first, then the last block with it, then the next.

Gradual unfreezing and learning rates that shrink from block to block are those of Howard & Ruder 2018 ("Universal
language model fine-tuning for text classification"). A stage starts from the best weights of the stage before it, and
its own best weights on dev are kept. It goes on only while the dev error falls: the 95% interval of the differences,
row by row, must lie below zero. A stage that does not get that far is undone, and is the last.

The time is bounded: a stage goes through the images four times, small sets so often that 8,000 are seen; that costs
about as much as encoding them.
Known failure: dev chooses when to stop, several times, so that its own error is a little optimistic; test is not
touched. With few dev rows a small gain can't be told from none, and the network stays frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.fitting import Progress, choose_device, limited_threads
from burnish.tasks.image_stages import learnt_rows
from burnish.tasks.losses import check_targets
from burnish.tasks.models import Network
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.train import check_weights
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import check_pixels
from burnish.tasks.unfreezing_stages import Judging, Stages, Step, tail_recipe


@dataclass(frozen=True)
class Unfrozen:
    """A pretrained network with its last blocks tuned, and how it came about.

    Attributes
    ----------
    encoder : PretrainedEncoder
        With the blocks of the last stage that was kept.
    network : Network
        The head that goes with it.
    steps : tuple of Step
        The stages walked, the frozen network first.
    seconds : float
    note : str
        What was done otherwise than asked, else empty.
    """

    encoder: PretrainedEncoder
    network: Network
    steps: tuple[Step, ...]
    seconds: float
    note: str = ""


def unfreeze(
    encoder: PretrainedEncoder,
    head: Network,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    blocks: int,
    dev_pixels: NDArray[np.uint8],
    dev_labels: NDArray[np.int64],
    dev_weights: NDArray[np.floating[Any]] | None = None,
    targets: NDArray[np.floating[Any]] | None = None,
    classes: Sequence[str],
    recipe: Recipe | None = None,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> Unfrozen:
    """Train the last blocks with the head, one more a stage, as long as the dev error falls.

    Parameters
    ----------
    encoder : PretrainedEncoder
        Frozen; left as it is.
    head : Network
        Trained on its features; left as it is.
    pixels : uint8 (n, s, s, c)
    labels, weights, targets
        See `train.train_network`.
    blocks : int
        How many are unfrozen at most, from 1.
    dev_pixels, dev_labels, dev_weights
        The rows that choose epoch and stage; one at least must be labelled.
    classes : sequence of str
    recipe : Recipe, optional
        `optimizer`, its learning rate (the head's; each block's is 2.6 times smaller than that above it), `dropout` (of
        the features), loss, batch size, weight decay, clipping and averages are heeded.
    device, threads, seed, progress
        See `train.train_network`.
    folder : Path, optional
        See `tails.keep_maps`.

    Returns
    -------
    Unfrozen

    Raises
    ------
    InputError
        Where the network has fewer blocks, pixels and labels do not belong together, no dev row can judge, or the loss
        stops being a number.
    """
    check_blocks(encoder, blocks)
    check_pixels(pixels, labels, len(classes), dev=dev_pixels, dev_labels=dev_labels)
    began, where, recipe = perf_counter(), choose_device(device), recipe or Recipe()
    strength, believed = check_weights(weights, len(labels)), check_weights(dev_weights, len(dev_labels), "dev weight")
    rows, judges = learnt_rows(labels, strength), learnt_rows(dev_labels, believed)
    wanted = np.asarray(labels, np.int64) if targets is None else check_targets(targets, len(labels), len(classes))
    shares = believed[judges].astype(np.float64)
    judging = Judging(dev_labels[judges].astype(np.int64), shares / shares.sum())
    own = replace(encoder, backbone=replace(encoder.backbone, blocks=deepcopy(encoder.backbone.blocks)))
    stage = Stages(
        own,
        deepcopy(head).to(where),
        pixels[rows],
        torch.from_numpy(wanted[rows]).to(where),
        torch.from_numpy(strength[rows]).to(where),
        dev_pixels[judges],
        judging,
        tail_recipe(recipe, len(rows)),
        where,
        seed,
        folder,
    )
    with limited_threads(threads):
        steps, note = stage.walk(blocks, threads, progress)
    tuned = max(step.blocks for step in steps if step.kept)
    for part in (own.backbone.blocks, stage.head):
        part.cpu().eval()
    return Unfrozen(replace(own, tuned=tuned), stage.head, tuple(steps), perf_counter() - began, note)


def check_blocks(encoder: PretrainedEncoder, blocks: int) -> None:
    """Refuse to unfreeze more blocks than there are.

    Raises
    ------
    InputError
    """
    if not encoder.most and blocks:
        raise InputError(
            f"train.unfreeze is {blocks}, and {encoder.backbone.name} cannot be taken apart into blocks: set it to 0"
        )
    if blocks > encoder.most:
        raise InputError(
            f"train.unfreeze is {blocks}, and {encoder.backbone.name} has {encoder.most} blocks that can be unfrozen"
        )
