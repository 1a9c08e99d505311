"""How good an image is: light, contrast, sharpness, noise, information; and which images are bad enough to flag.

What: figures of a stack of grey images at once, and the flags blurry, dark, bright, blank, odd_size, odd_aspect.
Why two conditions: a flag needs an absolute limit (a person would call it so) *and* the tail of its own data set
(scanned paper is bright, a cell under the microscope is dark: there it means nothing). Limits follow from what
they measure; none was fitted to a data set.

Sharpness is the steepest step of the strongest edges as a share of their height: it depends neither on contrast nor
on how much texture there is, unlike the variance of the Laplacian; what an edge blurred by σ pixels has is known
(`edge_sharpness`). Noise: median form of J. Immerkær, Fast Noise Variance Estimation, 1996.
Known failure: a sharp border or caption pasted on a blurred picture counts as sharp; so does heavy noise; a picture
whose subject is soft while the background is sharp is not found.
"""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import erf

FLAGS = ("blurry", "dark", "bright", "blank", "odd_size", "odd_aspect")

LARGEST_SIDE = 512  # larger images are measured after shrinking to this
PLACES = 64  # noise, structure and sharpness are read at so many places a side
PIECE = 2**17  # pixels measured together: what is computed from them stays in the processor's cache
LIGHT_LIMIT = 255 / 3  # a third of the scale, 9% of the light in sRGB: all but 1% of the pixels are darker
BLANK_LEVELS, BLANK_SHARE = 2.0, 0.05  # structure below 1% of the scale, or 5% of the mean in dark images
TAIL, TAIL_FLOOR = 3.5, 0.05  # modified z-score of Iglewicz & Hoaglin; logarithmic spread of at least 5%
BLUR_LIMIT = 1.5  # σ in pixels: an edge takes 3.8 pixels from 10 to 90% of its height
FAINT = 8  # levels over 7×7 pixels, under which nothing is an edge
QUARTILE = 0.6745  # upper quartile of the standard normal distribution
REACH = 3  # of the largest window, 7×7

Grey = NDArray[np.uint8]


def measure_quality(grey: Grey) -> dict[str, NDArray]:
    """Measure a stack of grey images of one size.

    Parameters
    ----------
    grey : uint8 (n, h, w)

    Returns
    -------
    dict of arrays (n,)
        ``brightness`` (mean) and its percentiles ``brightness_p01, _p05, _p50, _p95, _p99`` (levels 0..255) ·
        ``contrast`` (standard deviation, levels) · ``entropy`` (bits) · ``noise`` (σ, levels) · ``structure`` (standard
        deviation of what is left after smoothing, above what noise explains, levels) · ``sharpness`` (0..1, NaN where
        there is no edge to judge, 0 where there is none for blur).

    Examples
    --------
    >>> page = np.full((1, 16, 16), 240, np.uint8)
    >>> page[:, 4:12, 4:12] = 20
    >>> quality = measure_quality(page)
    >>> int(quality["brightness_p50"][0]), float(quality["sharpness"][0])
    (240, 1.0)
    """
    together = max(1, PIECE // grey[0].size)
    pieces = [_measure(grey[start : start + together]) for start in range(0, len(grey), together)]
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def edge_sharpness(blur: float) -> float:
    """Sharpness of a straight ideal edge blurred by a Gaussian of σ = `blur` pixels.

    The steepest of its steps is e = erf(0.5 / (σ√2)) of its height; the best window ends half a pixel beyond
    that step and sees (1 + e) / 2 of the height.

    Examples
    --------
    >>> [round(edge_sharpness(blur), 2) for blur in (0.5, 1, 1.5, 2)]
    [0.81, 0.55, 0.41, 0.33]
    """
    step = float(erf(0.5 / (blur * np.sqrt(2))))
    return 2 * step / (1 + step)


def flag_quality(quality: pd.DataFrame) -> pd.DataFrame:
    """Flag the images of a data set that are far below the rest and bad by themselves.

    Parameters
    ----------
    quality : DataFrame
        The figures of `measure_quality`, a row an image, with ``width`` and ``height``; NaN where it is unreadable.

    Returns
    -------
    DataFrame of bool, the columns of `FLAGS`. A blank image is nothing else besides.
    """
    structure_limit = np.minimum(BLANK_LEVELS, BLANK_SHARE * quality["brightness"])
    blank = _in_tail(quality["structure"] + 0.1) & (quality["structure"] <= structure_limit)
    dark = _is_low(quality["brightness_p99"], LIGHT_LIMIT)
    bright = _is_low(255 - quality["brightness_p01"], LIGHT_LIMIT)
    blurry = _is_low(quality["sharpness"], edge_sharpness(BLUR_LIMIT))
    side = np.log(np.sqrt(quality["width"] * quality["height"]))
    aspect = np.log(quality["width"] / quality["height"])
    return pd.DataFrame(
        {
            "blurry": blurry & ~blank,
            "dark": dark & ~blank,
            "bright": bright & ~blank,
            "blank": blank,
            "odd_size": _is_odd(side),
            "odd_aspect": _is_odd(aspect),
        },
        index=quality.index,
    )


def _is_low(values: pd.Series, limit: float) -> pd.Series:
    return (values < limit) & _in_tail(values + 1e-3)


def _in_tail(values: pd.Series) -> pd.Series:
    """Which positive values lie far below the median; the spread is that of the upper half, which bad images spare."""
    logs = np.log(values)
    middle, upper = logs.quantile([0.5, 0.75])
    return logs < middle - TAIL * max((upper - middle) / QUARTILE, TAIL_FLOOR)


def _is_odd(logs: pd.Series) -> pd.Series:
    """Tukey's far-out rule on a logarithmic scale: beyond three quartile ranges, and by a factor of two at least."""
    low, middle, high = logs.quantile([0.25, 0.5, 0.75])
    margin = 3 * (high - low)
    outside = (logs < low - margin) | (logs > high + margin)
    return outside & ((logs - middle).abs() > np.log(2) - 1e-9)


def _measure(grey: Grey) -> dict[str, NDArray]:
    framed = np.pad(grey, ((0, 0), (REACH, REACH), (REACH, REACH)), mode="edge")
    every = max(1, max(grey.shape[1:]) // PLACES)
    noise = _estimate_noise(framed, every)
    structure = _measure_structure(framed, every, noise)
    sharpness = _measure_sharpness(framed, every, noise, structure)
    return _measure_light(grey) | {"noise": noise, "structure": structure, "sharpness": sharpness}


def _measure_light(grey: Grey) -> dict[str, NDArray]:
    """Brightness, contrast and entropy, all from the histograms."""
    pixels = grey[0].size
    counts = np.stack([cv2.calcHist([page], [0], None, [256], [0, 256]).ravel() for page in grey]).astype(np.int64)
    levels = np.arange(256)
    mean = counts @ levels / pixels
    variance = counts @ levels**2 / pixels - mean**2
    shares = counts / pixels
    bits = -(shares * np.log2(shares, where=shares > 0, out=np.zeros_like(shares))).sum(axis=1)
    cumulated = counts.cumsum(axis=1)
    percentiles = {
        f"brightness_p{percent:02d}": (cumulated < percent / 100 * pixels).sum(axis=1) for percent in (1, 5, 50, 95, 99)
    }
    return {"brightness": mean, **percentiles, "contrast": np.sqrt(variance.clip(0)), "entropy": bits + 0.0}


def _estimate_noise(framed: Grey, every: int) -> NDArray[np.float64]:
    """σ of white noise from the second difference in both directions, whose median edges hardly move."""
    above, row, below = (_thin(framed, every, shift, axis=1).astype(np.int16) for shift in (-1, 0, 1))
    bent = above - 2 * row + below
    left, column, right = (_thin(bent, every, shift, axis=2) for shift in (-1, 0, 1))
    residue = np.sort(np.abs(left - 2 * column + right).reshape(len(framed), -1), axis=1, kind="stable")
    middle = residue.shape[1] // 2  # the median; NumPy's own takes seven times as long
    return residue[:, [middle, ~middle]].mean(axis=1) / (QUARTILE * 6)


def _measure_structure(framed: Grey, every: int, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Contrast after smoothing over 5×5 pixels, above what white noise of this σ would leave (by three deviations)."""
    sums = cv2.boxFilter(_tall(framed), cv2.CV_16U, (5, 5), normalize=False).reshape(framed.shape)
    smooth = _places(sums, every).reshape(len(framed), -1)
    cells = max(smooth.shape[1] * every**2 / 25, 2)
    expected = noise**2 / 25 * (1 + 3 * np.sqrt(2 / cells))
    return np.sqrt((smooth.var(axis=1, dtype=np.float64) / 25**2 - expected).clip(0))


def _measure_sharpness(
    framed: Grey, every: int, noise: NDArray[np.float64], structure: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Steepest step over height, at the best tenth of the places whose height is at least half the highest.

    A picture with light and shade in it, and nowhere more than a faint step, has no sharpness left.
    """
    height, step = (_places(part, every).reshape(len(framed), -1) for part in _edges(framed))
    highest = np.sort(height, axis=1, kind="stable")[:, int(0.99 * (height.shape[1] - 1))]
    strong = height >= np.maximum(highest - highest // 2, 1)[:, None]
    share = np.where(strong, step / np.maximum(height, 1, dtype=np.float32), np.float32(-1))
    place = height.shape[1] - 1 - strong.sum(axis=1) // 10
    sharpest = np.take_along_axis(np.sort(share, axis=1), place[:, None], axis=1)[:, 0].astype(np.float64)
    judged = np.where(highest > np.maximum(6 * noise, FAINT), sharpest.clip(0, 1), np.nan)
    return np.where((highest <= FAINT) & (structure > FAINT), 0.0, judged)


def _edges(framed: Grey) -> tuple[Grey, Grey]:
    """Height (range in the 7×7 window) and steepest step (in the 5×5 window) around each pixel."""
    tall = _tall(framed)
    height = cv2.morphologyEx(tall, cv2.MORPH_GRADIENT, np.ones((7, 7), np.uint8))
    steps = np.zeros_like(tall)
    cv2.absdiff(tall[:, 1:], tall[:, :-1], dst=steps[:, :-1])
    cv2.max(steps[:-1], cv2.absdiff(tall[1:], tall[:-1]), dst=steps[:-1])
    steepest = cv2.dilate(steps, np.ones((5, 5), np.uint8))
    return np.asarray(height, np.uint8).reshape(framed.shape), np.asarray(steepest, np.uint8).reshape(framed.shape)


def _tall(framed: NDArray) -> NDArray:
    """Lay the images below one another, apart by their frames, so that one OpenCV call serves all."""
    return framed.reshape(-1, framed.shape[2])


def _places(framed: NDArray, every: int) -> NDArray:
    """Take the frame off, and every so many rows and columns of what is left."""
    return _thin(_thin(framed, every, 0, axis=1), every, 0, axis=2)


def _thin(framed: NDArray, every: int, shift: int, *, axis: int) -> NDArray:
    """Take every so many rows (axis 1) or columns (axis 2) within the frame, `shift` further on."""
    within = slice(REACH + shift, framed.shape[axis] - REACH + shift, every)
    return framed[:, within] if axis == 1 else framed[:, :, within]
