"""How to change a picture: what a recipe of noise says, and the pipeline that does it.

What: a `Recipe` of moves (shift, rotation, scale, cut), blur, light, contrast, noise and JPEG artefacts, each a range
to draw from evenly, an image at a time. The steps follow a camera: the page is moved, the lens blurs, the exposure
changes the levels, the sensor adds noise, the file is compressed. Digits and letters are never mirrored.
Why a recipe: it can be fitted (`noise_fit`), written into a configuration, read in a report, and kept as JSON.
Known failure: one light for the whole picture (no shadow across it), noise alike at all levels, no blur by motion.
"""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any

import cv2
import numpy as np

Range = tuple[float, float]


@dataclass(frozen=True)
class Recipe:
    """How to change an image; each range is drawn from evenly, an image at a time.

    Attributes
    ----------
    blur : (low, high)
        σ of a Gaussian, pixels.
    noise : (low, high)
        σ of white noise, levels 0..255.
    contrast, brightness : (low, high)
        The value v becomes v × contrast + brightness (levels).
    shift : float
        Moved by up to this share of the side, each way.
    rotation : float
        Turned by up to this many degrees, each way.
    scale : (low, high)
        Enlarged by this factor.
    cut : float
        Up to this share of the side is cut off at each edge, and the rest enlarged to the whole.
    jpeg : (low, high)
        Quality of the JPEG file it goes through, 1..100; (100, 100) is none.
    """

    blur: Range = (0.0, 0.0)
    noise: Range = (0.0, 0.0)
    contrast: Range = (1.0, 1.0)
    brightness: Range = (0.0, 0.0)
    shift: float = 0.0
    rotation: float = 0.0
    scale: Range = (1.0, 1.0)
    cut: float = 0.0
    jpeg: Range = (100.0, 100.0)

    def as_dict(self) -> dict[str, Any]:
        """Give the recipe as values that JSON knows."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Recipe:
        """Read what `as_dict` gave; what is missing changes nothing.

        Examples
        --------
        >>> Recipe.from_dict(mild_recipe().as_dict()) == mild_recipe()
        True
        """
        return replace(Recipe(), **_as_ranges(values))

    def with_parts(self, parts: dict[str, Any]) -> Recipe:
        """Give the recipe with some parts set otherwise.

        Examples
        --------
        >>> mild_recipe().with_parts({"rotation": 20.0, "jpeg": [40, 90]}).jpeg
        (40.0, 90.0)
        """
        return replace(self, **_as_ranges(parts))


UNCHANGED = Recipe()


def mild_recipe() -> Recipe:
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


def compose(recipe: Recipe) -> Any:
    """Build the albumentations pipeline, without the steps that would change nothing."""
    import albumentations

    return albumentations.Compose([*_moves(recipe), *_levels(recipe)])


def throw(steps: Any, seed: int) -> None:
    """Seed a pipeline so that its steps draw one after the other.

    Its own `set_random_seed` gives every step the same dice: what is moved to the right would be lit and noisy, too.
    """
    numbers, python = np.random.default_rng(seed), random.Random(seed)  # noqa: S311 - no secret
    for step in steps.transforms:
        step.set_random_state(numbers, python)


def _moves(recipe: Recipe) -> list[Any]:
    import albumentations

    steps: list[Any] = []
    if recipe.cut:
        edges = (-recipe.cut, 0.0)
        steps.append(albumentations.CropAndPad(percent=edges, keep_size=True, interpolation=cv2.INTER_CUBIC, p=1))
    if recipe.shift or recipe.rotation or recipe.scale != UNCHANGED.scale:
        move = (-recipe.shift, recipe.shift)
        steps.append(
            _affine()(
                translate_percent={"x": move, "y": move},
                rotate=(-recipe.rotation, recipe.rotation),
                scale=recipe.scale,
                keep_ratio=True,
                interpolation=cv2.INTER_CUBIC,
                border_mode=cv2.BORDER_REPLICATE,
                p=1,
            )
        )
    return steps


@cache
def _affine() -> Any:
    """Give albumentations' affine move by parts of a pixel: its own cuts shifts down to whole ones."""
    import albumentations

    class Affine(albumentations.Affine):  # type: ignore[misc]
        def _get_translate_params(self, image_shape: tuple[int, int]) -> dict[str, float]:
            sides = {"x": image_shape[1], "y": image_shape[0]}
            return {axis: self.py_random.uniform(*ends) * sides[axis] for axis, ends in self.translate_percent.items()}

    return Affine


def _levels(recipe: Recipe) -> list[Any]:
    import albumentations

    steps: list[Any] = []
    if recipe.blur[1] > 0:
        steps.append(albumentations.GaussianBlur(blur_limit=0, sigma_limit=recipe.blur, p=1))
    if recipe.contrast != UNCHANGED.contrast or recipe.brightness != UNCHANGED.brightness:
        gain = (recipe.contrast[0] - 1, recipe.contrast[1] - 1)
        lift = (recipe.brightness[0] / 255, recipe.brightness[1] / 255)
        steps.append(albumentations.RandomBrightnessContrast(brightness_limit=lift, contrast_limit=gain, p=1))
    if recipe.noise[1] > 0:
        steps.append(albumentations.GaussNoise(std_range=(recipe.noise[0] / 255, recipe.noise[1] / 255), p=1))
    if recipe.jpeg[0] < UNCHANGED.jpeg[0]:
        quality = (round(recipe.jpeg[0]), round(recipe.jpeg[1]))
        steps.append(albumentations.ImageCompression(quality_range=quality, p=1))
    return steps


def _as_ranges(values: dict[str, Any]) -> dict[str, Any]:
    """Plain values as the recipe holds them: lists of two become ranges."""
    known = {field.name for field in fields(Recipe)}
    return {
        name: tuple(float(end) for end in value) if isinstance(value, list | tuple) else float(value)
        for name, value in values.items()
        if name in known
    }
