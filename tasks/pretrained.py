"""Images → feature vectors by a pretrained network without its last layer; all of it frozen, or its last blocks tuned.

Images of any size are scaled to what the network was trained on. The network is that of `backbones`, taken apart into
blocks; `unfreezing` trains the last of them, and the encoder that comes of it stands before the classifier like any
other. It is saved by its name and the blocks that were trained; all weights are saved where they came out of a file or
from timm, so that a model never depends on what lies outside its folder.

Source: Donahue et al. 2014, "DeCAF"; Kornblith, Shlens & Le 2019, "Do better ImageNet models transfer better?".
Known failure: what tells the classes apart must be something that tells ImageNet's apart too; with colours of a
microscope or a radar image, tune the last blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.backbones import PACKAGED, Backbone, open_backbone
from burnish.tasks.encoders import Encoder
from burnish.tasks.fitting import choose_device

BATCH = 64
FEW = 8  # images at once on a CPU, whose cache holds what lies between two layers


@dataclass(frozen=True)
class PretrainedEncoder:
    """A pretrained network, its last layer cut off.

    Attributes
    ----------
    backbone : Backbone
    side, channels : int or None
        Of the images it is given, where that is known: new ones are decoded to them.
    tuned : int
        So many blocks at the end are no longer as they came.
    """

    kind: ClassVar[str] = "pretrained"
    backbone: Backbone
    side: int | None = None
    channels: int | None = None
    tuned: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(f"{self.backbone.name}_{i}" for i in range(self.backbone.width))

    @property
    def most(self) -> int:
        """How many blocks can be unfrozen: all but the stem; none of a network that could not be taken apart."""
        return len(self.backbone.blocks) - 1

    def transform(self, pixels: NDArray[np.uint8], *, device: str = "cpu") -> NDArray[np.float32]:
        """Turn pixels uint8 (n, s, s, c) into features float32 (n, d); afterwards the network is on the CPU again."""
        parts = [maps.cpu() for maps in self.maps(pixels, device=device)]
        self.backbone.blocks.cpu()
        return torch.cat(parts).numpy() if parts else np.empty((0, self.backbone.width), np.float32)

    def maps(self, pixels: NDArray[np.uint8], *, above: int = 0, device: str = "cpu") -> Iterator[Tensor]:
        """Give what the network makes of images before its last `above` blocks, a few images at a time.

        Parameters
        ----------
        pixels : uint8 (n, s, s, c)
        above : int
            0: features (m, d); else maps (m, c, h, w).
        device : str
        """
        net = self.backbone
        blocks = net.blocks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        blocks = blocks[: len(blocks) - above]
        centre, divisor = (_colours(levels, device) for levels in (net.centre, net.divisor))
        size = FEW if device == "cpu" else BATCH
        for start in range(0, len(pixels), size):
            with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):  # as a CPU computes
                sent = torch.from_numpy(np.ascontiguousarray(pixels[start : start + size])).to(device)
                large = F.interpolate(
                    (sent.permute(0, 3, 1, 2).float() / 255).expand(-1, 3, -1, -1),
                    size=net.side,
                    mode="bilinear",
                    align_corners=False,
                    antialias=True,
                )
                large = ((large * 255 - centre) / divisor).contiguous(memory_format=torch.channels_last)
                made = blocks(large)
            yield made

    def to_dict(self) -> dict[str, Any]:
        """Give name, sizes and what was trained for JSON."""
        return {
            "name": self.backbone.name,
            "side": self.side,
            "channels": self.channels,
            "tuned": self.tuned,
            "packaged": self.backbone.packaged,
        }

    def tensors(self) -> dict[str, Tensor]:
        """Give the weights that the name alone does not bring back: the tuned blocks, or all."""
        blocks = self.backbone.blocks
        own = range(len(blocks) - self.tuned if self.backbone.packaged else 0, len(blocks))
        kept = tuple(f"{block}." for block in own)
        return {name: value for name, value in blocks.state_dict().items() if name.startswith(kept)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> PretrainedEncoder:
        """Make the encoder from what `to_dict` and `tensors` gave.

        Raises
        ------
        InputError
            Where the network's package is not installed.
        ValueError
            Where the weights are not those of the network.
        """
        made = open_backbone(plain["name"], bare=True)
        packaged = bool(plain["packaged"])
        backbone = Backbone(**{**vars(made), "packaged": packaged})
        encoder = cls(backbone, plain["side"], plain["channels"], plain["tuned"])
        if set(encoder.tensors()) != set(tensors):
            raise ValueError(f"its weights are not those of {backbone.name}")
        backbone.blocks.load_state_dict(tensors, strict=False)
        return encoder


def pretrained_encoder(
    name: str = PACKAGED, weights: Path | None = None, *, side: int | None = None, channels: int | None = None
) -> PretrainedEncoder:
    """Load a pretrained image network.

    Parameters
    ----------
    name, weights
        See `backbones.open_backbone`.
    side, channels : int, optional
        Of the images it will be given.

    Raises
    ------
    InputError
        Where the name is unknown, what it needs is not installed, or the weights do not fit.
    """
    return PretrainedEncoder(open_backbone(name, weights), side, channels)


def encoding(encoder: Encoder, device: str) -> Callable[[Any], NDArray[np.float32]]:
    """Give what turns rows into features: a pretrained network computes on the device that is asked for.

    Parameters
    ----------
    encoder : Encoder
    device : str
        See `fitting.choose_device`.
    """
    if isinstance(encoder, PretrainedEncoder):
        return partial(encoder.transform, device=str(choose_device(device)))
    return encoder.transform


def _colours(levels: tuple[float, ...], device: str) -> Tensor:
    return torch.tensor(levels, device=device)[:, None, None]
