"""A small residual network for images of 8–64 px, trained from the pixels.

A 3 × 3 stem, then stages of one residual block each, every stage at half the side of the one before and down to 8 px
or less; the mean and the largest response of each channel over the last map go to a linear layer (He et al. 2016,
"Deep Residual Learning for Image Recognition"; the last scale of each branch starts at zero, so that a block starts
as what it adds to: Goyal et al. 2017). The last layer starts at zero as well: first predictions are uniform.

Two sizes, by where it is trained: `lean` shrinks the image at once and is made for a few CPU cores, `wide` keeps
images up to 32 px whole in its first stage and keeps a GPU busy. Images are uint8 on the device and become numbers
around 0 inside: each channel's mean and one divisor, both learnt from the training rows. On a GPU training computes in
bfloat16; predicting never does.

While it trains, each image is moved a little (`moves`), anew in every epoch. A network that learns from mirrored images
predicts from both sides: the mean of the scores of the image and of its mirror image (Krizhevsky et al. 2012 average
crops and mirrored crops so), for twice the time.
Known failure: batch normalization reads the batch, so that a row's gradient depends on its neighbours in the batch; and
the filters start from nothing, so that with few images the features of `encoders` can be better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.activations import ACTIVATIONS
from burnish.tasks.findings import InputError
from burnish.tasks.moves import Moves, move

LAST_MAP = 8  # pixels; stages are added until the map is no larger
SMALLEST_SIDE = 8
WIDTHS = {"lean": (16, 64, 96, 128), "wide": (64, 128, 256, 512)}
WHOLE = {"lean": 16, "wide": 32}  # images of up to so many pixels are not shrunk by the stem


class Block(nn.Module):
    """Two 3 × 3 convolutions and a way around them; (n, i, s, s) → (n, o, s/stride, s/stride).

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        1, or 2 to halve the map.
    activation : str
        A key of `activations.ACTIVATIONS`.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int, activation: str) -> None:
        super().__init__()
        self.stride, self.activation = stride, activation
        self.first, self.second = _convolution(inputs, outputs, stride), _convolution(outputs, outputs)
        self.first_norm, self.second_norm = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.second_norm.weight)
        self.around = _convolution(inputs, outputs, side=1) if inputs != outputs else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Add what the branch says to the maps as they came."""
        act = ACTIVATIONS[self.activation]
        branch = self.second_norm(self.second(act(self.first_norm(self.first(maps)))))
        shrunk = F.avg_pool2d(maps, self.stride, ceil_mode=True) if self.stride > 1 else maps
        return act(self.around(shrunk) + branch)


class ConvNet(nn.Module):
    """The network; images uint8 (n, c, s, s) → scores before the softmax (1, n, k), a copy first as `models.Network`.

    While it trains, `fused` may stand for `trunk`: the same, compiled (`compiling`).

    Parameters
    ----------
    side, channels : int
        Of the images, at least 8 px.
    classes : int
    size : str
        ``"lean"`` or ``"wide"``.
    dropout : float
        Share of the pooled responses left out at each training step.
    activation : str
        A key of `activations.ACTIVATIONS`.
    initialization : str
        ``"he"`` or ``"xavier"``, as in `models`.
    output : str
        ``"softmax"``, or ``"logistic"`` for one class against the rest, as in `models`.
    mirrored : bool
        Whether it predicts from the image and its mirror image.
    seed : int
        Where the first weights come from.

    Raises
    ------
    InputError
        On images smaller than 8 px.

    Examples
    --------
    >>> network = ConvNet(28, 1, 10).eval()
    >>> tuple(network(torch.zeros(3, 1, 28, 28, dtype=torch.uint8)).shape), network.widths
    ((1, 3, 10), (16, 64))
    """

    kind: ClassVar[str] = "cnn"
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        side: int,
        channels: int,
        classes: int,
        *,
        size: str = "lean",
        dropout: float = 0.0,
        activation: str = "relu",
        initialization: str = "he",
        output: str = "softmax",
        mirrored: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if side < SMALLEST_SIDE:
            raise InputError(f"images have {side} px, and train.model cnn needs {SMALLEST_SIDE}: choose linear or mlp")
        self.side, self.channels, self.classes = side, channels, classes
        self.size, self.dropout, self.activation, self.output = size, dropout, activation, output
        self.mirrored = mirrored
        stride = 1 if side <= WHOLE[size] else 2
        self.widths = _widths(-(-side // stride), WIDTHS[size])
        self.stem = _convolution(channels, self.widths[0], stride)
        self.stem_norm = nn.BatchNorm2d(self.widths[0])
        first = Block(self.widths[0], self.widths[0], stride=1, activation=activation)
        later = [Block(i, o, stride=2, activation=activation) for i, o in pairwise(self.widths)]
        self.blocks = nn.Sequential(first, *later)
        self.head = nn.Linear(2 * self.widths[-1], classes, device="meta").to_empty(device="cpu")
        self.fused: Callable[[Tensor], Tensor] | None = None
        self.register_buffer("shift", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(()))
        _start(self, initialization, torch.Generator().manual_seed(seed))

    def architecture(self) -> dict[str, Any]:
        """Give what `from_dict` needs, as plain values for JSON."""
        names = ("side", "channels", "size", "dropout", "activation", "output", "mirrored")
        return {"kind": self.kind} | {name: getattr(self, name) for name in names}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], classes: int) -> ConvNet:
        """Build a network, its weights not yet loaded, from what `architecture` gave."""
        return cls(classes=classes, **{name: value for name, value in plain.items() if name != "kind"})

    def set_scale(self, images: Tensor) -> None:
        """Learn the centre of each channel and the one divisor from training images (n, c, s, s)."""
        with torch.no_grad():
            whole = images.float()
            shift = whole.mean((0, 2, 3))[:, None, None]
            spread = (whole - shift).square_().mean().sqrt()
            self.shift.copy_(shift)
            self.scale.copy_(spread if spread > 0 else torch.ones_like(spread))

    def forward(self, images: Tensor, generator: torch.Generator | None = None, moves: Moves | None = None) -> Tensor:
        """Give scores float32 (1, n, k); in training, images are moved and responses dropped by the generator."""
        values = images.float()
        if self.training and moves is not None:
            values = move(values, moves, generator)
        values = ((values - self.shift) / self.scale).contiguous(memory_format=torch.channels_last)
        half = self.training and has_bfloat16(values.device)
        with torch.autocast(values.device.type, torch.bfloat16, enabled=half):
            pooled = (self.fused if self.fused and self.training else self.trunk)(values)
            scores = self.head(self._drop(pooled, generator))
            if self.mirrored and not self.training:
                scores = (scores + self.head(self.trunk(values.flip(3)))) / 2
        scores = scores.float()[None]
        return scores if self.training or self.output == "softmax" else -F.softplus(-scores)

    def trunk(self, values: Tensor) -> Tensor:
        """Turn images (n, c, s, s) as numbers around 0 into what is pooled of them (n, 2w); nothing is drawn here."""
        maps = self.blocks(ACTIVATIONS[self.activation](self.stem_norm(self.stem(values))))
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1)

    def _drop(self, pooled: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.training or self.dropout == 0:
            return pooled
        kept = torch.rand(pooled.shape, generator=generator, device=pooled.device) >= self.dropout
        return pooled * kept / (1 - self.dropout)


def _widths(side: int, widths: Sequence[int]) -> tuple[int, ...]:
    """Give the channels of each stage: two at least, more until the map is small enough.

    Examples
    --------
    >>> _widths(14, (24, 64, 96)), _widths(32, (24, 64, 96)), _widths(8, (24, 64, 96))
    ((24, 64), (24, 64, 96), (24, 64))
    """
    stages = 2
    while side / 2 ** (stages - 1) > LAST_MAP and stages < len(widths):
        stages += 1
    return tuple(widths[:stages])


def _convolution(inputs: int, outputs: int, stride: int = 1, side: int = 3) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False, device="meta")
    return layer.to_empty(device="cpu")


def _start(network: ConvNet, initialization: str, generator: torch.Generator) -> None:
    """Draw the first weights; the last layer starts at zero."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and initialization == "xavier":
            nn.init.xavier_normal_(layer.weight, generator=generator)
        elif isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)


@cache
def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a GPU computes in bfloat16 by itself (Ampere or later); others only imitate it, slowly."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
