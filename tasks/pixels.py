"""Pixels as they are: what stands before a network that reads images itself, in the place of an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.findings import InputError


@dataclass(frozen=True)
class PixelEncoder:
    """Hands images on after a look at their shape.

    Attributes
    ----------
    side, channels : int
        The images it reads are uint8 (n, side, side, channels).
    """

    kind: ClassVar[str] = "pixels"
    side: int
    channels: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features: none, a pixel has no name."""
        return ()

    def transform(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Give pixels uint8 (n, s, s, c) as they came.

        Raises
        ------
        InputError
            Where the images have another size or number of channels than those the network was trained on.

        Examples
        --------
        >>> PixelEncoder(8, 1).transform(np.zeros((2, 8, 8, 1), np.uint8)).shape
        (2, 8, 8, 1)
        """
        check_shape(pixels, self.side, self.channels)
        return pixels

    def to_dict(self) -> dict[str, Any]:
        """Give the shape for JSON."""
        return {"side": self.side, "channels": self.channels}

    def tensors(self) -> dict[str, Tensor]:
        """Give nothing: nothing was learnt."""
        return {}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> PixelEncoder:  # noqa: ARG003
        """Make the encoder from what `to_dict` gave."""
        return cls(plain["side"], plain["channels"])


def check_shape(pixels: NDArray[np.uint8], side: int, channels: int) -> None:
    """Refuse pixels (n, s, s, c) of another size or number of channels than a model learnt from.

    Raises
    ------
    InputError
    """
    if pixels.shape[1:] != (side, side, channels):
        grey = ", grey images alone: convert those in colour" if channels == 1 else ""
        raise InputError(f"images have shape {pixels.shape[1:]}: this model reads {(side, side, channels)}{grey}")
