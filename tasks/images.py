"""Image files → pixels to learn from, figures of quality, flags and hashes; each file is decoded once.

What: one pass over the files in threads; the statistics are taken on whole batches of equal size.
Why: a blurred, dark or empty picture has no right label, and the network learns nothing from it.
An image that cannot be read costs its row (``unreadable``, with the reason), not the run.
Known failure: pictures of another shape are squashed to a square, not cropped; see `image_quality` and `decoding`.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from burnish.tasks.decoding import DEPTHS, FORMATS, Decoded, Pixels, UnreadableError, check_paths, decode
from burnish.tasks.duplicates import hash_pictures
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.image_quality import FLAGS, LARGEST_SIDE, flag_quality, measure_quality

BATCH = 128
SIZES_LOOKED_AT = 200
LARGEST_AUTOMATIC, SMALLEST_AUTOMATIC, SMALLEST, STEP = 32, 16, 8, 4

HALVED = 8  # times the wanted side, from which an image is halved first

Progress = Callable[[int], None]

ADVICE = {
    "blurry": "Look at them; a picture that a person cannot read is dropped from training.",
    "dark": "Look at them, or brighten them before reading; they are hardly readable.",
    "bright": "Look at them; what is overexposed cannot be brought back.",
    "blank": "Remove them: there is nothing to learn from.",
    "odd_size": "Check where they come from: a thumbnail or an original among the rest is often another source.",
    "odd_aspect": "Check for panoramas, collages and failed crops; they are squashed to a square for learning.",
}
MEANING = {
    "blurry": "even the sharpest edges are spread over more than 3.8 pixels, far more than in the rest of the data",
    "dark": "all but 1% of the pixels are in the darkest third of the scale, unlike the rest of the data",
    "bright": "all but 1% of the pixels are in the brightest third of the scale, unlike the rest of the data",
    "blank": "nothing stands out from the noise",
    "odd_size": "the size is more than three quartile ranges, and a factor of two, from the rest",
    "odd_aspect": "the shape is more than three quartile ranges, and a factor of two, from the rest",
}


@dataclass(frozen=True)
class ImageScan:
    """What a pass over the image files gave; rows are aligned with the paths.

    Attributes
    ----------
    pixels : uint8 (n, s, s, c)
        c = 1 if every image is grey, else 3 (RGB); zeros where unreadable.
    quality : DataFrame of n rows
        ``width height`` · the figures of `measure_quality` · the flags ``blurry dark bright blank odd_size odd_aspect``
        · ``content_hash`` (SHA-256 of the decoded pixels and their shape, "" where unreadable) · ``perceptual_hash``
        (uint64) · ``unreadable`` and ``unreadable_reason``.
    findings : tuple of Finding
    """

    pixels: Pixels
    quality: pd.DataFrame
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Facts:
    """What one image file gave."""

    small: Pixels
    width: float = np.nan
    height: float = np.nan
    content_hash: str = ""
    unreadable_reason: str | None = None
    deepest: int = 0


@dataclass(frozen=True)
class _Batch:
    facts: list[_Facts]
    pixels: Pixels
    figures: dict[str, NDArray[np.float64]]


def measure_images(
    root: Path,
    paths: Sequence[str],
    *,
    size: int | None = None,
    largest: int = LARGEST_AUTOMATIC,
    threads: int = 2,
    ids: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> ImageScan:
    """Decode, measure, flag and hash image files.

    Parameters
    ----------
    root : Path
        The data folder; no path may leave it.
    paths : sequence of str
        Relative to `root`; a missing one (NaN) is an unreadable image.
    size : int, optional
        Side s of the pixels. Default: the median shorter side, a multiple of 4 from 16 to `largest`.
    largest : int
    threads : int
    ids : sequence of str, optional
        What findings call the images; default: their paths.
    progress : callable, optional
        Called with the number of images done so far.

    Returns
    -------
    ImageScan

    Raises
    ------
    InputError
        There is no image, none can be read, a path leaves `root`, or `size` is below 8.
    """
    given = [path if isinstance(path, str) else "" for path in paths]
    if not given:
        raise InputError(f"there is no image in {root}: give a folder of class folders or a column of image paths")
    if size is not None and size < SMALLEST:
        raise InputError(f"image size {size} is too small: use at least {SMALLEST} pixels")
    check_paths(root, given)
    with _bombs_are_errors():
        side = size or _choose_size(root, given, largest)
        batches = _scan(root, given, side, threads, progress)
    pixels = _join_pixels([batch.pixels for batch in batches], side)
    quality = _one_table(batches)
    if quality["unreadable"].all():
        reason = f"the first, {given[0]!r}: {quality['unreadable_reason'][0]}"
        raise InputError(f"none of the {len(given)} images in {root} can be read ({reason}): check the files")
    quality = pd.concat([quality, flag_quality(quality)], axis=1)
    quality["perceptual_hash"] = np.where(quality["unreadable"], np.uint64(0), hash_pictures(pixels))
    found = _findings(quality, pd.Series(given if ids is None else list(ids)))
    return ImageScan(pixels, quality, (*found, *size_findings(quality["width"], quality["height"], side)))


def size_findings(widths: pd.Series, heights: pd.Series, side: int) -> tuple[Finding, ...]:
    """Say that images of different sizes are learnt from as squares of one size.

    Parameters
    ----------
    widths, heights : pd.Series
        In pixels; NaN where unreadable.
    side : int
        Of the squares.

    Examples
    --------
    >>> widths, heights = pd.Series([28, 28, 64, 64]), pd.Series([28, 28, 48, 28])
    >>> [each.title for each in size_findings(widths, heights, 28)]
    ['The images have 3 sizes, from 28 × 28 to 64 × 48 px: all are learnt from at 28 × 28']
    """
    shapes = pd.DataFrame({"width": widths, "height": heights}).dropna().astype(int)
    sizes = shapes.drop_duplicates()
    if len(sizes) < 2:
        return ()
    least, most = (shapes.loc[place] for place in (_area(shapes).idxmin(), _area(shapes).idxmax()))
    ratio = shapes["width"] / shapes["height"]
    squashed = int((ratio != ratio.mode().iloc[0]).sum())
    return (
        Finding(
            "images.sizes",
            f"The images have {len(sizes):,} sizes, from {least['width']} × {least['height']} to "
            f"{most['width']} × {most['height']} px: all are learnt from at {side} × {side}",
            "info",
            explanation="Smaller ones are enlarged and look blurred beside the others; larger ones lose detail."
            + (
                f" {squashed:,} have other proportions than the most frequent and are squashed otherwise."
                if squashed
                else ""
            ),
            method="width and height of every image that can be read; the side is the median shorter one",
            advice="Crop or pad them to one size beforehand, or set `features.image_size`.",
            count=len(sizes),
        ),
    )


def _area(shapes: pd.DataFrame) -> pd.Series:
    return shapes["width"] * shapes["height"]


@contextmanager
def _bombs_are_errors() -> Iterator[None]:
    """Pillow only warns of the smaller bombs; what else it warns of shows in the pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _choose_size(root: Path, paths: Sequence[str], largest: int) -> int:
    """Median shorter side by the headers of up to 200 files, spread evenly."""
    shorter = []
    for place in np.unique(np.linspace(0, len(paths) - 1, SIZES_LOOKED_AT).astype(int)):
        # what is wrong with a file is said when it is decoded
        with suppress(Exception), Image.open(root / paths[place], formats=FORMATS) as image:
            shorter.append(min(image.size))
    middle = int(np.median(shorter)) if shorter else SMALLEST_AUTOMATIC
    return int(np.clip(middle // STEP * STEP, SMALLEST_AUTOMATIC, largest))


def _scan(root: Path, paths: Sequence[str], side: int, threads: int, progress: Progress | None) -> list[_Batch]:
    """Go through all files in batches; once more through deep grey ones that use only part of their 16 bits."""
    starts = range(0, len(paths), BATCH)
    batches: list[_Batch] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:

        def scan(start: int, depth: int = DEPTHS[-1]) -> _Batch:
            return _scan_batch(root, paths[start : start + BATCH], side, depth)

        for start, batch in zip(starts, pool.map(scan, starts), strict=True):
            batches.append(batch)
            if progress is not None:
                progress(min(start + BATCH, len(paths)))
        deepest = max(_deepest(batch) for batch in batches)
        depth = next(bits for bits in DEPTHS if deepest < 2**bits)
        if deepest > 0 and depth < DEPTHS[-1]:
            again = [place for place, batch in enumerate(batches) if _deepest(batch) > 0]
            scanned = pool.map(lambda place: scan(place * BATCH, depth), again)
            for place, batch in zip(again, scanned, strict=True):
                batches[place] = batch
    return batches


def _scan_batch(root: Path, paths: Sequence[str], side: int, depth: int) -> _Batch:
    """Decode some files; measure those of equal size together."""
    facts: list[_Facts] = []
    by_shape: dict[tuple[int, ...], list[tuple[int, Pixels]]] = {}
    for row, path in enumerate(paths):
        try:
            decoded = _decode(root, path, depth)
        except UnreadableError as reason:
            facts.append(_Facts(np.zeros((side, side), np.uint8), unreadable_reason=str(reason)))
            continue
        facts.append(_facts(decoded, side))
        grey = _measured_grey(decoded.pixels)
        by_shape.setdefault(grey.shape, []).append((row, grey))
    pixels = _join_pixels([_with_channels(one.small)[None] for one in facts], side)
    return _Batch(facts, pixels, _figures(len(facts), by_shape))


def _deepest(batch: _Batch) -> int:
    return max(facts.deepest for facts in batch.facts)


def _decode(root: Path, path: str, depth: int) -> Decoded:
    if not path:
        raise UnreadableError("no image path")
    return decode(root / path, depth=depth)


def _facts(decoded: Decoded, side: int) -> _Facts:
    height, width = decoded.pixels.shape[:2]
    kind = "uint8" if decoded.raw.itemsize == 1 else "uint16"
    content = hashlib.sha256(f"{decoded.raw.shape}{kind}".encode())
    content.update(np.ascontiguousarray(decoded.raw).data)
    small = _resize(decoded.pixels, side)
    return _Facts(small, width, height, content.hexdigest(), deepest=decoded.deepest)


def _figures(rows: int, by_shape: dict[tuple[int, ...], list[tuple[int, Pixels]]]) -> dict[str, NDArray[np.float64]]:
    """Measure each stack of equal size; the rows of unreadable images stay empty."""
    figures: dict[str, NDArray[np.float64]] = {}
    for stack in by_shape.values():
        places = [row for row, _ in stack]
        for name, values in measure_quality(np.stack([grey for _, grey in stack])).items():
            figures.setdefault(name, np.full(rows, np.nan))[places] = values
    return figures


def _one_table(batches: Sequence[_Batch]) -> pd.DataFrame:
    """Lay the batches below one another."""
    facts = [facts for batch in batches for facts in batch.facts]
    reasons = pd.Series([one.unreadable_reason for one in facts], dtype="str")
    table = pd.DataFrame(
        {
            "width": np.array([one.width for one in facts]),
            "height": np.array([one.height for one in facts]),
            "content_hash": pd.Series([one.content_hash for one in facts], dtype="str"),
            "unreadable": reasons.notna(),
            "unreadable_reason": reasons,
        }
    )
    figures = pd.concat([pd.DataFrame(batch.figures, index=range(len(batch.facts))) for batch in batches])
    return pd.concat([table, figures.reset_index(drop=True)], axis=1)


def _resize(pixels: Pixels, side: int) -> Pixels:
    """Squash or enlarge to a square; shrinking averages."""
    height, width = pixels.shape[:2]
    if (height, width) == (side, side):
        return pixels
    while min(height, width) >= HALVED * side:  # halving is fast, and averages as well
        height, width = height // 2, width // 2
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    method = cv2.INTER_AREA if min(height, width) >= side else cv2.INTER_LINEAR
    return cv2.resize(pixels, (side, side), interpolation=method).astype(np.uint8, copy=False)


def _measured_grey(pixels: Pixels) -> Pixels:
    """Luma, at most 512 pixels long."""
    grey: Any = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    longest = max(grey.shape)
    if longest <= LARGEST_SIDE:
        return grey
    height, width = (max(1, round(length * LARGEST_SIDE / longest)) for length in grey.shape)
    return cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _with_channels(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _join_pixels(parts: Sequence[Pixels], side: int) -> Pixels:
    """Put arrays (·, s, s, 1 or 3) into one: three channels as soon as one part has them."""
    channels = max(part.shape[-1] for part in parts)
    joined = np.empty((sum(len(part) for part in parts), side, side, channels), np.uint8)
    end = 0
    for part in parts:
        start, end = end, end + len(part)
        joined[start:end] = part
    return joined


def _findings(quality: pd.DataFrame, ids: pd.Series) -> tuple[Finding, ...]:
    """One finding for each thing that is wrong with some images; one that all is well if nothing is."""
    found = []
    if unreadable := int(quality["unreadable"].sum()):
        found.append(_unreadable_finding(quality, ids, unreadable))
    found += [_flag_finding(quality, ids, flag) for flag in FLAGS if quality[flag].any()]
    all_well = Finding("images.quality", f"All {len(quality):,} images can be read and none stands out as bad", "ok")
    return tuple(found) or (all_well,)


def _flag_finding(quality: pd.DataFrame, ids: pd.Series, flag: str) -> Finding:
    count = int(quality[flag].sum())
    return Finding(
        code=f"images.{flag}",
        title=f"{count:,} of {len(quality):,} images: {flag.replace('_', ' ')}",
        severity="warning" if flag == "blank" else "info",
        explanation=f"In each of them {MEANING[flag]}.",
        method="a limit of its own and the tail of the data set, both",
        advice=ADVICE[flag],
        count=count,
        ids=tuple(ids[quality[flag]].astype(str)[:SHOWN_IDS]),
    )


def _unreadable_finding(quality: pd.DataFrame, ids: pd.Series, count: int) -> Finding:
    rows = quality.index[quality["unreadable"]]
    examples = "; ".join(f"{ids[row]}: {quality['unreadable_reason'][row]}" for row in rows[:3])
    return Finding(
        code="images.unreadable",
        title=f"{count:,} of {len(quality):,} images cannot be read",
        severity="warning",
        explanation=f"They are left out of learning and of every figure. {examples}",
        method="decoding every file",
        advice="Copy or export these files again, or take their rows out of the table.",
        count=count,
        ids=tuple(ids[rows].astype(str)[:SHOWN_IDS]),
    )
