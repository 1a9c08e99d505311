"""The trained end of a pretrained network: its last blocks and the classifier on them, over maps that are kept.

What lies below the unfrozen blocks never changes, so it is computed once for every image and kept in a file without a
name; an epoch then costs the last blocks alone. Batch normalization in the blocks goes on with the means it came with:
a batch of a few images measures them badly, and a row's result never depends on the rows beside it.

Each block learns at a smaller rate than the one above it, by the factor 2.6 of Howard & Ruder 2018 ("Universal language
model fine-tuning for text classification", discriminative fine-tuning): what is near the image is the most general, and
changes least.
Known failure: images can't be moved a little in every epoch, as the maps below are those of the images as they are.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from burnish.tasks.convnet import has_bfloat16
from burnish.tasks.models import Network
from burnish.tasks.pretrained import PretrainedEncoder

SLOWER = 2.6


class Tail(nn.Module):
    """Maps float32 (n, c, h, w) → scores (1, n, k).

    Parameters
    ----------
    blocks : nn.Sequential
        Maps → features (n, d).
    head : Network
        Features → scores.
    dropout : float
        Share of the features left out at each training step, as in the convolution network: a head that tells the
        training rows apart already gives the blocks nothing to learn from.
    """

    def __init__(self, blocks: nn.Sequential, head: Network, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.blocks, self.head, self.dropout = blocks, head, dropout

    def train(self, mode: bool = True) -> Tail:
        """Switch the head to training; the blocks stay as they predict, dropout and batch means included."""
        super().train(mode)
        self.blocks.eval()
        return self

    def forward(self, maps: Tensor, generator: torch.Generator | None = None, moves: object = None) -> Tensor:
        """Give scores float32 (1, n, k); in training on a GPU the blocks compute in bfloat16."""
        del moves
        half = self.training and has_bfloat16(maps.device)
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=half):
            features = self.blocks(maps.contiguous(memory_format=torch.channels_last)).float()
        if self.training and self.dropout:
            kept = torch.rand(features.shape, generator=generator, device=features.device) >= self.dropout
            features = features * kept / (1 - self.dropout)
        scores: Tensor = self.head(features, generator)
        return scores

    def parts(self) -> list[tuple[nn.Module, float]]:
        """Give head and blocks, from the end, each with its share of the learning rate.

        Examples
        --------
        >>> blocks = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten())
        >>> [round(share, 2) for _, share in Tail(blocks, Network(4, 2)).parts()]
        [1.0, 0.38, 0.15]
        """
        return [(part, SLOWER**-depth) for depth, part in enumerate([self.head, *reversed(list(self.blocks))])]


def keep_maps(
    encoder: PretrainedEncoder, pixels: NDArray[np.uint8], above: int, *, device: str, folder: Path | None
) -> NDArray[np.float32]:
    """Compute what stands before the last `above` blocks for every image, once.

    Parameters
    ----------
    encoder : PretrainedEncoder
    pixels : uint8 (n, s, s, c), n ≥ 1
    above : int
    device : str
    folder : Path, optional
        On the disk that holds them; by default that of the system's temporary files.

    Returns
    -------
    float32 (n, c, h, w)
        Mapped from a file that is gone when the array is.
    """
    kept: Any = None
    start = 0
    for maps in encoder.maps(pixels, above=above, device=device):
        if kept is None:
            with TemporaryFile(dir=folder) as file:
                kept = np.memmap(file, np.float32, "w+", shape=(len(pixels), *maps.shape[1:]))
        kept[start : start + len(maps)] = maps.cpu().numpy()
        start += len(maps)
    made: NDArray[np.float32] = kept
    return made
