"""What a classifier is shown to tell pictures of two cameras apart: figures of light, grain, spectrum, place and shape.

What: a row of figures a picture. Light and sharpness from `image_quality`; the power spectrum in rings, where blur,
noise and contrast leave separate marks; the grid of JPEG's blocks; where the ink lies and how it spreads, which moves,
turns and scales change; and the picture itself at 8 × 8.
Why figures: with a few hundred pictures a classifier on them sees what one on raw pixels needs thousands for.
Known failure: grey only: a tint that leaves the mean of the channels is not seen.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2

from burnish.tasks.image_quality import measure_quality

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

RINGS = 12
SMALL = 8
BLOCK = 8  # side of JPEG's blocks
LIGHT = ("brightness", "brightness_p01", "brightness_p05", "brightness_p50", "brightness_p95", "brightness_p99")


def as_grey(pixels: Pixels) -> Pixels:
    """Give uint8 (n, s, s) of uint8 (n, s, s, c): the mean of the channels."""
    return np.rint(pixels.mean(axis=3)).astype(np.uint8) if pixels.shape[3] == 3 else pixels[..., 0]


def picture_figures(grey: Pixels) -> tuple[Floats, tuple[str, ...]]:
    """Measure pictures.

    Parameters
    ----------
    grey : uint8 (n, s, s)

    Returns
    -------
    figures : float64 (n, d)
        Finite.
    names : tuple of str, length d

    Examples
    --------
    >>> page = np.full((1, 16, 16), 240, np.uint8)
    >>> page[:, 2:6, 9:13] = 20
    >>> figures, names = picture_figures(page)
    >>> dict(zip(names, figures[0].round(1)))["ink right"] > 0
    np.True_
    """
    quality = measure_quality(grey)
    light = np.stack([quality[name] for name in LIGHT], axis=1)
    grain = log_levels(np.stack([quality[name] for name in ("noise", "structure", "contrast")], axis=1))
    edges = np.stack([np.nan_to_num(quality["sharpness"]), quality["entropy"], _blocks(grey)], axis=1)
    rings = np.log(_in_rings(grey) + 1.0)
    small = np.stack([cv2.resize(page, (SMALL, SMALL), interpolation=cv2.INTER_AREA).ravel() for page in grey])
    names = (
        *LIGHT, "noise", "structure", "contrast", "sharpness", "entropy", "JPEG blocks",
        *(f"spectrum {ring}" for ring in range(rings.shape[1])), *INK, *(f"pixel {i}" for i in range(SMALL**2)),
    )  # fmt: skip
    return np.hstack([light, grain, edges, rings, ink_places(grey, quality["noise"]), small]), names


def log_levels(values: Floats) -> Floats:
    """Logarithm of levels, which below half a level are rounding."""
    return np.log(np.maximum(values, 0.5))


INK = ("ink down", "ink right", "ink height", "ink width", "ink slant")


def ink_places(grey: Pixels, noise: Floats) -> Floats:
    """Where what stands out from the background lies, pixels from the middle (down, right), and how far it spreads.

    Parameters
    ----------
    grey : uint8 (n, s, s)
    noise : float64 (n,)
        σ of the noise of each, levels, of which nothing is made.

    Returns
    -------
    float64 (n, 5)
        Mean row and column, their standard deviations, and the covariance's share of them.
    """
    smooth = np.stack([cv2.blur(picture.astype(np.float32), (3, 3)) for picture in grey])
    background = np.sort(smooth.reshape(len(grey), -1), axis=1)[:, smooth[0].size // 2, None, None]
    ink = (np.abs(smooth - background) - (1.5 * noise[:, None, None] + 1).astype(np.float32)).clip(0) + np.float32(1e-6)
    place = (np.arange(grey.shape[1]) - (grey.shape[1] - 1) / 2).astype(np.float32)
    rows, columns, leaning = ink.sum(axis=2), ink.sum(axis=1), ink @ place @ place
    total = rows.sum(axis=1)
    down, right = rows @ place / total, columns @ place / total
    height = np.sqrt((rows @ place**2 / total - down**2).clip(1e-3))
    width = np.sqrt((columns @ place**2 / total - right**2).clip(1e-3))
    slant = (leaning / total - down * right) / (height * width)
    return np.stack([down, right, height, width, slant], axis=1).astype(np.float64)


def power_spectra(grey: Pixels) -> tuple[Floats, Floats]:
    """Angular frequencies (radians a pixel) and the power of each picture there, in rings; white noise of σ has σ².

    Returns
    -------
    frequencies : float64 (rings,)
    power : float64 (n, rings)
    """
    side = grey.shape[1]
    window = np.outer(np.hanning(side + 2)[1:-1], np.hanning(side + 2)[1:-1]).astype(np.float32)
    centred = (grey - grey.mean(axis=(1, 2), keepdims=True)).astype(np.float32)
    waves = rfft2(centred * window)
    power = (np.square(waves.real) + np.square(waves.imag)) / np.square(window).sum()
    down, right = 2 * np.pi * np.fft.fftfreq(side), 2 * np.pi * np.fft.rfftfreq(side)
    square = (down[:, None] ** 2 + right[None, :] ** 2).ravel()
    ring = np.rint(np.sqrt(square) * side / (2 * np.pi)).astype(int)
    members = np.zeros((len(ring), ring.max() + 1))
    members[np.arange(len(ring)), ring] = 1
    members = (members / members.sum(axis=0)).astype(np.float32)
    return np.sqrt(square @ members)[2:], (power.reshape(len(grey), -1) @ members)[:, 2:].astype(np.float64)


def _in_rings(grey: Pixels) -> Floats:
    """Power of each picture in at most so many rings, float64 (n, rings)."""
    _, power = power_spectra(grey)
    bounds = np.unique(np.linspace(0, power.shape[1], RINGS + 1).astype(int))
    return np.add.reduceat(power, bounds[:-1], axis=1) / np.diff(bounds)


def _blocks(grey: Pixels) -> Floats:
    """How much larger steps are between JPEG's blocks of 8 × 8 than within them, as a logarithm, float64 (n,)."""
    across = cv2.absdiff(grey[:, :, 1:], grey[:, :, :-1]).mean(axis=1, dtype=np.float32)
    down = cv2.absdiff(grey[:, 1:], grey[:, :-1]).mean(axis=2, dtype=np.float32)
    steps = across + down
    border = np.arange(steps.shape[1]) % BLOCK == BLOCK - 1
    if not border.any():
        return np.zeros(len(grey))
    return np.log((steps[:, border].mean(axis=1) + 0.5) / (steps[:, ~border].mean(axis=1) + 0.5)).astype(np.float64)
