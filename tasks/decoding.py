"""One image file to one array: any of five formats, any depth, safely.

What: grey or RGB uint8 pixels of a PNG, JPEG, WebP, BMP or TIFF file as a person would see it: turned upright (EXIF),
transparent parts over white, palettes and CMYK resolved, deep grey images scaled to 8 bits, an RGB image without
colour given as grey. Everyday files are decoded by `plain_images`, all others by Pillow. Why here: what cannot be
decoded must cost one row, never the run, and no path may leave the data folder. The size is checked in the header,
before anything is unpacked (decompression bombs).
Known failure: 16-bit colour comes as 8 bits (Pillow), of an animation only the first frame is seen.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from burnish.tasks.findings import InputError
from burnish.tasks.plain_images import decode_plain

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 89_478_485  # Pillow's own limit: a quarter of a gigabyte of RGB
MAX_BYTES = 2**26  # larger files are read piece by piece
DEPTHS = (8, 10, 12, 14, 16)  # bits a deep grey sensor uses of its 16

Pixels = NDArray[np.uint8]


class UnreadableError(Exception):
    """The file gives no pixels; the message says why."""


@dataclass(frozen=True)
class Decoded:
    """What one file holds.

    Attributes
    ----------
    pixels : uint8 (h, w) or (h, w, 3)
        Grey, or RGB where there is colour.
    raw : bytes-like
        The pixels before deep grey was scaled to 8 bits: what identifies the content.
    deepest : int
        The largest value of a deep (16-bit or float) image, 0 for all others.
    """

    pixels: Pixels
    raw: NDArray[Any]
    deepest: int = 0


def check_paths(root: Path, paths: list[str]) -> None:
    """Refuse paths that leave `root`: absolute ones, ``..``, and symbolic links to somewhere else.

    Raises
    ------
    InputError
        Naming the first such path.
    """
    base = root.resolve()
    inside: dict[str, bool] = {}
    for path in paths:
        parent, name = os.path.split(path)
        if parent not in inside:
            leaves = Path(parent).is_absolute() or ".." in PurePath(parent).parts or "\0" in parent
            inside[parent] = not leaves and (base / parent).resolve().is_relative_to(base)
        if not inside[parent] or name == ".." or "\0" in name:
            _refuse(root, path)
        file = os.path.join(base, path)  # noqa: PTH118  (ten times as fast as Path)
        if os.path.islink(file) and not Path(file).resolve().is_relative_to(base):  # noqa: PTH114
            _refuse(root, path)


def _refuse(root: Path, path: str) -> NoReturn:
    pure = PurePath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise InputError(f"image path {path!r} leaves the data folder {root}: give paths inside it, without '..'")
    raise InputError(f"image path {path!r} is a link out of the data folder {root}: copy the file into it")


def decode(file: Path, *, depth: int = 16) -> Decoded:
    """Decode one image file.

    Parameters
    ----------
    file : Path
        A regular file (a link is followed: see `check_paths`).
    depth : int
        Bits that stand for white in deep grey images: 16 unless the whole data set uses fewer.

    Raises
    ------
    UnreadableError
        Missing, empty, truncated, corrupt, too large or of another format; the message is the reason.
    """
    size = _check_file(file)
    try:
        # opened here, as Pillow would map a TIFF given by its name into memory and turn it wrongly
        with file.open("rb", buffering=0 if size <= MAX_BYTES else -1) as opened:
            content = opened.read() if size <= MAX_BYTES else b""
            plain = decode_plain(content, MAX_PIXELS)
            if plain is not None:
                pixels = _grey_if_colourless(plain)
                return Decoded(pixels, pixels)
            with Image.open(BytesIO(content) if content else opened, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise UnreadableError(f"too large: {image.width} × {image.height} pixels")
                return _to_array(_upright(image), depth)
    except UnreadableError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableError(f"too large: over {MAX_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise UnreadableError("not a PNG, JPEG, WebP, BMP or TIFF image") from error
    except Exception as error:  # decoders raise whatever the broken bytes led them to
        raise UnreadableError(f"corrupt or truncated: {type(error).__name__}: {error}"[:200]) from error


def _check_file(file: Path) -> int:
    """Give the size; only regular files with something in them are opened: a pipe would hang."""
    try:
        facts = file.stat()
    except FileNotFoundError as error:
        raise UnreadableError("no such file") from error
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableError("not a file")
    if facts.st_size == 0:
        raise UnreadableError("empty file")
    return facts.st_size


def _upright(image: Image.Image) -> Image.Image:
    """Load the image and turn it as its EXIF orientation says (Pillow has done so for TIFF)."""
    image.load()
    told = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"} & image.info.keys()
    return ImageOps.exif_transpose(image) if told else image


def _to_array(image: Image.Image, depth: int) -> Decoded:
    """Give the pixels as grey or RGB uint8."""
    if image.mode.startswith(("I", "F")):
        deep = _deep_values(image)
        white = 2**depth - 1
        pixels = np.rint(deep.clip(0, white) * (255 / white)).astype(np.uint8)
        return Decoded(pixels, deep, int(deep.max()))
    if image.mode not in ("L", "RGB") or "transparency" in image.info:
        image = _plain(image)
    pixels = _grey_if_colourless(np.asarray(image))
    return Decoded(pixels, pixels)


def _deep_values(image: Image.Image) -> NDArray[np.uint16]:
    """Deep grey values as 0..65535; floats up to 1 are fractions of white."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise UnreadableError("holds values that are not finite")
    if image.mode.startswith("F") and values.max() <= 1:
        values = values * 65535
    return np.rint(values.clip(0, 65535)).astype(np.uint16)


def _plain(image: Image.Image) -> Image.Image:
    """Resolve palettes, inks, bits and transparency into grey or RGB."""
    if image.mode == "1":
        return image.convert("L")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def _grey_if_colourless(pixels: Pixels) -> Pixels:
    """Drop two of three equal channels; most colour images give themselves away in one row."""
    if pixels.ndim == 2:
        return pixels
    for part in (pixels[len(pixels) // 2], pixels):
        red = part[..., 0]
        if (red != part[..., 1]).any() or (red != part[..., 2]).any():
            return pixels
    return np.ascontiguousarray(pixels[..., 0])
