"""A first guess at the noise between two cameras, by moments and the mean power spectrum.

A blur of σ pixels multiplies power at frequency ω by exp(−σ²ω²), a gain by g², and white noise adds a constant, so
three unknowns follow from one curve; the spread of each knob from what varies more in the target than in train; moves
from the spread of the middle of the ink. `noise_fit` goes on from here.
Known failure: the spread of what differs from picture to picture anyway (contrast above all) is guessed badly.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from burnish.tasks.image_quality import measure_quality
from burnish.tasks.picture_figures import Floats, Pixels, as_grey, ink_places, log_levels, power_spectra
from burnish.tasks.recipes import Range, Recipe

BLURS = np.arange(0.0, 4.01, 0.05)  # σ tried, pixels
BLUR_SPREAD = 0.2  # share around the mean blur
HALF_WIDTH = np.sqrt(3)  # of a uniform distribution, in standard deviations


def guess_recipe(train_pixels: Pixels, target_pixels: Pixels) -> Recipe:
    """Guess the recipe that makes training images look like the target's.

    Parameters
    ----------
    train_pixels, target_pixels : uint8 (n, s, s, c) and (m, s, s, c)
        At least two images each.

    Returns
    -------
    Recipe
        With no change at all where the two do not differ.
    """
    train, target = as_grey(train_pixels), as_grey(target_pixels)
    blur, gain, noise = _fit_spectrum(train, target)
    before, after = measure_quality(train), measure_quality(target)
    contrast = _around(gain, gain * _added_spread(log_levels(before["structure"]), log_levels(after["structure"])))
    lift = _difference(gain * before["brightness"], after["brightness"])
    moved_by_gain = (contrast[1] - contrast[0]) / 2 / HALF_WIDTH * before["brightness"].mean()
    wobble = np.sqrt(max(_added_spread(gain * before["brightness"], after["brightness"]) ** 2 - moved_by_gain**2, 0))
    grain = _added_spread(before["noise"], after["noise"]) if noise > 0 else 0.0
    channels = np.sqrt(train_pixels.shape[3])  # noise of each channel is more than that of their mean
    low, high = _around(noise * channels, grain * channels)
    return Recipe(
        blur=(round(blur * (1 - BLUR_SPREAD), 3), round(blur * (1 + BLUR_SPREAD), 3)),
        noise=(max(low, 0.0), high),
        contrast=contrast,
        brightness=_around(lift, float(wobble)),
        shift=_fit_shift(train, target),
    )


def _around(middle: float, spread: float) -> Range:
    """Evenly spread range with this mean and standard deviation."""
    return round(float(middle - HALF_WIDTH * spread), 4), round(float(middle + HALF_WIDTH * spread), 4)


def _difference(before: Floats, after: Floats) -> float:
    """Difference of the means; 0 unless beyond two standard errors."""
    apart = float(after.mean() - before.mean())
    error = np.sqrt(before.var() / len(before) + after.var() / len(after))
    return apart if abs(apart) > 2 * error else 0.0


def _added_spread(before: Floats, after: Floats) -> float:
    """Standard deviation that must be added to the first to reach the second; 0 unless beyond two standard errors."""
    added = after.var() - before.var()
    error = np.sqrt(2 / len(before) * before.var() ** 2 + 2 / len(after) * after.var() ** 2)
    return float(np.sqrt(added)) if added > 2 * error else 0.0


def _fit_spectrum(train: Pixels, target: Pixels) -> tuple[float, float, float]:
    """Blur σ, gain and noise σ that take the mean spectrum of train to that of the target (least relative squares).

    No change where the spectra differ no more than twice as much as those of two halves of the training images.
    """
    frequency, powers = power_spectra(train)
    source, wanted = powers.mean(axis=0), power_spectra(target)[1].mean(axis=0)
    if _misfit(source, wanted) <= 2 * _misfit(powers[::2].mean(axis=0), powers[1::2].mean(axis=0)):
        return 0.0, 1.0, 0.0
    best = (np.inf, 0.0, 1.0, 0.0)
    for blur in BLURS:
        columns = np.stack([source * np.exp(-((blur * frequency) ** 2)), np.ones_like(source)], axis=1)
        (gain2, noise2), misfit = nnls(columns / wanted[:, None], np.ones_like(wanted))
        best = min(best, (round(float(misfit), 9), float(blur), float(np.sqrt(gain2)), float(np.sqrt(noise2))))
    return best[1:]


def _misfit(source: Floats, wanted: Floats) -> float:
    return float(np.linalg.norm(source / wanted - 1))


def _fit_shift(train: Pixels, target: Pixels) -> float:
    """Share of the side by which the target's content wanders more than that of train."""
    before, after = (ink_places(grey, measure_quality(grey)["noise"]) for grey in (train, target))
    spread = np.mean([_added_spread(before[:, axis], after[:, axis]) ** 2 for axis in (0, 1)])
    return round(float(HALF_WIDTH * np.sqrt(spread)) / train.shape[1], 4)
