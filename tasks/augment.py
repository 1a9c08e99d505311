"""Noise that makes training data look like the data it will meet; new examples from old ones.

What: a `Recipe` of blur, noise, light, contrast and small moves; the recipe that turns training images into images
like those of another source; augmented copies of images (albumentations) and of table rows (jitter).
Why: where train and target differ, training on data synthesized to look like the target closes part of the gap, and
a little noise keeps a network from learning the pixels by heart. Digits and letters are never mirrored.
How it is fitted: by moments and by the mean power spectrum. A blur of σ pixels multiplies power at frequency ω by
exp(−σ²ω²), a gain by g², and white noise adds a constant, so three unknowns follow from one curve; the spread of
each knob from what varies more in the target than in train; moves from the spread of the centre of the ink.
Known failure: assumes that both sources show the same kind of thing in the same proportions; rotation, scale and
JPEG artefacts are not fitted; blur that varies from image to image is fitted by a range around its mean.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from burnish.tasks.image_quality import measure_quality

Range = tuple[float, float]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]

BLURS = np.arange(0.0, 4.01, 0.05)  # σ tried, pixels
BLUR_SPREAD = 0.2  # share around the mean blur
HALF_WIDTH = np.sqrt(3)  # of a uniform distribution, in standard deviations


@dataclass(frozen=True)
class Recipe:
    """How to change an image; each range is drawn from evenly, an image at a time.

    Attributes
    ----------
    blur : (low, high)
        σ of a Gaussian, pixels.
    noise : (low, high)
        σ of white noise added last, levels 0..255.
    contrast, brightness : (low, high)
        The value v becomes v × contrast + brightness (levels).
    shift : float
        Moved by up to this share of the side, each way.
    rotation : float
        Turned by up to this many degrees, each way.
    scale : (low, high)
        Enlarged by this factor.
    """

    blur: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    contrast: Range = (1.0, 1.0)
    brightness: Range = (0.0, 0.0)
    shift: float = 0.0
    rotation: float = 0.0
    scale: Range = (1.0, 1.0)

    def as_dict(self) -> dict[str, Any]:
        """Give the recipe as values that JSON knows."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Recipe:
        """Read what `as_dict` gave.

        Examples
        --------
        >>> Recipe.from_dict(default_recipe().as_dict()) == default_recipe()
        True
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return Recipe(**given)


def default_recipe() -> Recipe:
    """Give the mild changes that leave any picture what it is."""
    return Recipe(
        blur=(0.0, 0.6),
        noise=(0.0, 4.0),
        contrast=(0.9, 1.1),
        brightness=(-8.0, 8.0),
        shift=0.05,
        rotation=5.0,
        scale=(0.95, 1.05),
    )


def fit_recipe(train_pixels: Pixels, target_pixels: Pixels, *, seed: int = 0, sample: int = 2000) -> Recipe:
    """Fit the recipe that makes training images look like the target's.

    Parameters
    ----------
    train_pixels, target_pixels : uint8 (n, s, s, c) and (m, s, s, c)
        At least two images each; blank and unreadable ones left out.
    seed : int
        Draws up to `sample` images of each.

    Returns
    -------
    Recipe
        With no change at all where the two do not differ.
    """
    rng = np.random.default_rng(seed)
    train, target = (_grey(_draw(pixels, sample, rng)) for pixels in (train_pixels, target_pixels))
    blur, gain, noise = _fit_spectrum(train, target)
    before, after = measure_quality(train), measure_quality(target)
    contrast = _around(gain, gain * _added_spread(_log(before["structure"]), _log(after["structure"])))
    lift = _difference(gain * before["brightness"], after["brightness"])
    moved_by_gain = (contrast[1] - contrast[0]) / 2 / HALF_WIDTH * before["brightness"].mean()
    wobble = np.sqrt(max(_added_spread(gain * before["brightness"], after["brightness"]) ** 2 - moved_by_gain**2, 0))
    grain = _added_spread(before["noise"], after["noise"]) if noise > 0 else 0.0
    low, high = _around(noise, grain)
    return Recipe(
        blur=(round(blur * (1 - BLUR_SPREAD), 3), round(blur * (1 + BLUR_SPREAD), 3)),
        noise=(max(low, 0.0), high),
        contrast=contrast,
        brightness=_around(lift, float(wobble)),
        shift=_fit_shift(train, target),
    )


def augment_images(pixels: Pixels, recipe: Recipe, *, copies: int = 1, seed: int = 0) -> Pixels:
    """Make changed copies of images; each copy has a seed of its own, whatever is done beside it.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
    recipe : Recipe
    copies : int
    seed : int

    Returns
    -------
    uint8 (copies · n, s, s, c)
        Copy by copy: row ``copy * n + i`` comes from image i.
    """
    transform = _compose(recipe)
    made = np.empty((copies * len(pixels), *pixels.shape[1:]), np.uint8)
    for copy in range(copies):
        seeds = np.random.SeedSequence([seed, copy]).generate_state(max(len(pixels), 1))
        for row, picture in enumerate(pixels):
            transform.set_random_seed(int(seeds[row]))
            made[copy * len(pixels) + row] = transform(image=np.ascontiguousarray(picture))["image"]
    return made


def jitter_features(
    features: NDArray[np.floating],
    labels: NDArray[np.integer],
    *,
    strength: float = 0.1,
    copies: int = 1,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Make copies of rows with Gaussian noise on the continuous columns.

    Parameters
    ----------
    features : float (n, d)
    labels : int (n,)
        The noise is measured against the spread *within* the classes, so that they stay apart.
    strength : float
        σ of the noise, as a share of that spread.

    Returns
    -------
    float32 (copies · n, d)
        Copy by copy. Columns of one or two values (indicators) stay as they are.

    Examples
    --------
    >>> rows = np.array([[0.0, 1.0], [0.5, 0.0], [1.0, 1.0]])
    >>> jitter_features(rows, np.array([0, 0, 0]))[:, 1].tolist()
    [1.0, 0.0, 1.0]
    """
    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), features.shape[1]))
    np.add.at(means, place, features)
    within = np.sqrt(np.square(features - (means / sizes[:, None])[place]).mean(axis=0, dtype=np.float64))
    continuous = np.array([len(np.unique(column)) > 2 for column in features.T], bool)
    sigma = (strength * within * continuous).astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal((copies * len(features), features.shape[1]), dtype=np.float32)
    return np.tile(features.astype(np.float32), (copies, 1)) + noise * sigma


def _compose(recipe: Recipe) -> Any:
    """Build the albumentations pipeline, without the steps that would change nothing."""
    import albumentations

    steps: list[Any] = []
    if recipe.shift or recipe.rotation or recipe.scale != (1.0, 1.0):
        move = (-recipe.shift, recipe.shift)
        steps.append(
            albumentations.Affine(
                translate_percent={"x": move, "y": move},
                rotate=(-recipe.rotation, recipe.rotation),
                scale=recipe.scale,
                interpolation=cv2.INTER_CUBIC,
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            )
        )
    if recipe.blur[1] > 0:
        steps.append(albumentations.GaussianBlur(blur_limit=0, sigma_limit=recipe.blur, p=1))
    if recipe.contrast != (1.0, 1.0) or recipe.brightness != (0.0, 0.0):
        gain = (recipe.contrast[0] - 1, recipe.contrast[1] - 1)
        lift = (recipe.brightness[0] / 255, recipe.brightness[1] / 255)
        steps.append(albumentations.RandomBrightnessContrast(brightness_limit=lift, contrast_limit=gain, p=1))
    if recipe.noise[1] > 0:
        steps.append(albumentations.GaussNoise(std_range=(recipe.noise[0] / 255, recipe.noise[1] / 255), p=1))
    return albumentations.Compose(steps)


def _draw(pixels: Pixels, sample: int, rng: np.random.Generator) -> Pixels:
    if len(pixels) <= sample:
        return pixels
    return pixels[np.sort(rng.choice(len(pixels), sample, replace=False))]


def _grey(pixels: Pixels) -> Pixels:
    return np.rint(pixels.mean(axis=3)).astype(np.uint8) if pixels.shape[3] == 3 else pixels[..., 0]


def _log(values: Floats) -> Floats:
    return np.log(np.maximum(values, 0.5))


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


def _mean_spectrum(grey: Pixels) -> tuple[Floats, Floats]:
    """Angular frequencies (radians a pixel) and mean power at each, in rings; white noise of σ has power σ²."""
    side = grey.shape[1]
    window = np.outer(np.hanning(side + 2)[1:-1], np.hanning(side + 2)[1:-1])
    centred = grey - grey.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(centred * window)) ** 2).mean(axis=0) / np.square(window).sum()
    frequency = 2 * np.pi * np.fft.fftfreq(side)
    square = frequency[:, None] ** 2 + frequency[None, :] ** 2
    ring = np.rint(np.sqrt(square) * side / (2 * np.pi)).astype(int).ravel()
    counts = np.bincount(ring)
    mean_power = np.bincount(ring, power.ravel()) / counts
    return np.sqrt(np.bincount(ring, square.ravel()) / counts)[2:], mean_power[2:]


def _fit_spectrum(train: Pixels, target: Pixels) -> tuple[float, float, float]:
    """Blur σ, gain and noise σ that take the mean spectrum of train to that of the target (least relative squares).

    No change where the spectra differ no more than twice as much as those of two halves of the training images.
    """
    frequency, source = _mean_spectrum(train)
    _, wanted = _mean_spectrum(target)
    halves = (_mean_spectrum(train[start::2])[1] for start in (0, 1))
    if _misfit(source, wanted) <= 2 * _misfit(*halves):
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
    before, after = _ink_centres(train), _ink_centres(target)
    spread = np.mean([_added_spread(before[:, axis], after[:, axis]) ** 2 for axis in (0, 1)])
    return round(float(HALF_WIDTH * np.sqrt(spread)) / train.shape[1], 4)


def _ink_centres(grey: Pixels) -> Floats:
    """Centre (row, column) of what stands out from the background's level, beyond noise."""
    noise = measure_quality(grey)["noise"]
    smooth = np.stack([cv2.blur(picture.astype(np.float32), (3, 3)) for picture in grey])
    background = np.median(smooth, axis=(1, 2), keepdims=True)
    ink = (np.abs(smooth - background) - 1.5 * noise[:, None, None] - 1).clip(0) + 1e-9
    place = np.arange(grey.shape[1]) - (grey.shape[1] - 1) / 2
    total = ink.sum(axis=(1, 2))
    return np.stack([(ink.sum(axis=2) @ place) / total, (ink.sum(axis=1) @ place) / total], axis=1)
