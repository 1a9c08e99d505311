"""Small pictures for the report: a file's or an array's pixels as PNG bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from burnish.tasks.decoding import UnreadableError, check_paths, decode
from burnish.tasks.findings import InputError

SIDE = 96


def as_png(pixels: NDArray[np.uint8], side: int = SIDE) -> bytes:
    r"""Encode pixels, uint8 (h, w), (h, w, 1) or (h, w, 3) in RGB, as PNG; the longer side shrinks to `side` at most.

    Examples
    --------
    >>> as_png(np.zeros((200, 100, 3), np.uint8))[:4]
    b'\x89PNG'
    """
    picture: NDArray[Any] = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    scale = side / max(picture.shape[:2])
    if scale < 1:
        height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    encoded: bytes = cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)[1].tobytes()
    return encoded


def thumbnail(root: Path, path: str, side: int = SIDE) -> bytes | None:
    """Give a small PNG of an image file below `root`, or None where it cannot be read."""
    try:
        check_paths(root, [path])
        return as_png(decode(root / path).pixels, side)
    except (UnreadableError, InputError):
        return None
