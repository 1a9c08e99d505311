"""A recipe's pictures made many times over, quickly: what the fit of noise tries its guesses on.

What: `Shots` hold pictures and the dice they were thrown, one throw a picture and knob. Made again under other knobs,
the dice stay, so that two recipes differ by the knobs alone and not by chance (common random numbers).
Why beside `recipes`: albumentations takes a millisecond a picture, this a thirtieth, in grey and without rounding
between the steps. The steps and what they mean are the same; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from burnish.tasks.picture_figures import Pixels, as_grey
from burnish.tasks.recipes import Range, Recipe

DICE = ("blur", "noise", "contrast", "brightness", "across", "down", "rotation", "scale", "jpeg")


@dataclass(frozen=True)
class Shots:
    """Pictures and their dice.

    Attributes
    ----------
    grey : float32 (n, s, s)
    dice : dict of float32 (n,) in −1..1
    grain : float32 (n, s, s)
        White noise of σ 1; in pictures of three channels less, for the mean of the channels has less.
    """

    grey: NDArray[np.float32]
    dice: dict[str, NDArray[np.float32]]
    grain: NDArray[np.float32]

    @staticmethod
    def of(pixels: Pixels, rng: np.random.Generator) -> Shots:
        """Throw the dice for pictures uint8 (n, s, s, c)."""
        grey = as_grey(pixels).astype(np.float32)
        thrown = {name: rng.uniform(-1, 1, len(grey)).astype(np.float32) for name in DICE}
        grain = rng.standard_normal(grey.shape, dtype=np.float32) / np.float32(np.sqrt(pixels.shape[3]))
        return Shots(grey, thrown, grain)

    def take(self, recipe: Recipe) -> Pixels:
        """Make the pictures under a recipe (without `cut`), uint8 (n, s, s)."""
        blurs = self._drawn("blur", recipe.blur)
        moved = self._moved(recipe)
        soft = np.stack([_soft(page, float(blur)) for page, blur in zip(moved, blurs, strict=True)])
        lit = soft * _wide(self._drawn("contrast", recipe.contrast))
        lit += _wide(self._drawn("brightness", recipe.brightness))
        lit += _wide(self._drawn("noise", recipe.noise)) * self.grain
        taken = np.rint(lit).clip(0, 255).astype(np.uint8)
        if recipe.jpeg[0] >= 100:
            return taken
        qualities = self._drawn("jpeg", recipe.jpeg)
        return np.stack([_through_jpeg(page, round(float(q))) for page, q in zip(taken, qualities, strict=True)])

    def _drawn(self, name: str, ends: Range) -> NDArray[np.float32]:
        return np.float32((ends[0] + ends[1]) / 2) + np.float32((ends[1] - ends[0]) / 2) * self.dice[name]

    def _moved(self, recipe: Recipe) -> NDArray[np.float32]:
        if not (recipe.shift or recipe.rotation or recipe.scale != (1.0, 1.0)):
            return self.grey
        side = self.grey.shape[1]
        angles, scales = recipe.rotation * self.dice["rotation"], self._drawn("scale", recipe.scale)
        steps = recipe.shift * side * np.stack([self.dice["across"], self.dice["down"]], axis=1)
        middle = ((side - 1) / 2, (side - 1) / 2)
        moved = np.empty_like(self.grey)
        for row, page in enumerate(self.grey):
            matrix = cv2.getRotationMatrix2D(middle, float(angles[row]), float(scales[row]))
            matrix[:, 2] += steps[row]
            cv2.warpAffine(
                page, matrix, (side, side), moved[row], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
        return moved


def _soft(page: NDArray[np.float32], blur: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(page, (0, 0), blur), np.float32) if blur > 0 else page


def _wide(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[:, None, None]


def _through_jpeg(page: Pixels, quality: int) -> Pixels:
    _, file = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.uint8)
