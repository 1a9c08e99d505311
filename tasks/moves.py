"""Images moved a little while a network trains, so that it learns what is shown and not where: on the device, anew
for every batch.

Each image is shifted, turned and scaled by amounts of its own, drawn evenly, in one interpolation; the pixels at the
edge go on outside it. Only where it is asked for is every second image mirrored left to right: a mirrored digit or
letter is another one, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it


@dataclass(frozen=True)
class Moves:
    """How far images are moved.

    Attributes
    ----------
    shift : float
        Up to this share of the side, each way.
    rotation : float
        Up to this many degrees, each way.
    scale : float
        Larger or smaller by up to this share.
    mirror : bool
        Left to right, one image in two.
    """

    shift: float = 0.08
    rotation: float = 10.0
    scale: float = 0.1
    mirror: bool = False


def move(images: Tensor, moves: Moves, generator: torch.Generator | None = None) -> Tensor:
    """Move each image by amounts of its own.

    Parameters
    ----------
    images : float32 (n, c, s, s)
    moves : Moves
    generator : torch.Generator, optional
        On the images' device.

    Returns
    -------
    float32 (n, c, s, s)

    Examples
    --------
    >>> image = torch.arange(9.0).reshape(1, 1, 3, 3)
    >>> bool(torch.allclose(move(image, Moves(0, 0, 0)), image))
    True
    """
    drawn = torch.rand(len(images), 5, generator=generator, device=images.device)
    even = 2 * drawn - 1
    angle, scale = even[:, 0] * (moves.rotation * pi / 180), 1 + even[:, 1] * moves.scale
    along, aside = scale * angle.cos(), scale * angle.sin()
    flip: Tensor | float = torch.where(drawn[:, 4] < 0.5, -1.0, 1.0) if moves.mirror else 1.0
    shift = even[:, 2:4] * (2 * moves.shift)
    turned = torch.stack([flip * along, -aside, shift[:, 0], flip * aside, along, shift[:, 1]], 1)
    grid = F.affine_grid(turned.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
