"""The quick pictures of the fit are those the recipe's pipeline makes."""

import numpy as np
import pytest
from drawings import albumentations_loaded, drawings  # noqa: F401 - a fixture

from burnish.tasks.augment import augment_images
from burnish.tasks.cameras import Shots
from burnish.tasks.picture_figures import as_grey, picture_figures
from burnish.tasks.recipes import UNCHANGED, Recipe

pytestmark = pytest.mark.usefixtures("albumentations_loaded")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(blur=(0.5, 1.5), noise=(3, 9), contrast=(0.5, 0.8), brightness=(10, 40)),
        Recipe(shift=0.1, rotation=15, scale=(0.8, 1.1)),
        Recipe(noise=(2, 4), jpeg=(20, 60)),
    ],
)
def test_the_same_pictures_as_the_pipeline_makes(recipe, channels):
    if channels == 3 and recipe.jpeg[0] < 100:
        pytest.skip("JPEG treats the colours of a picture otherwise than grey")
    pages = drawings(300, 0, channels)
    ours, _ = picture_figures(Shots.of(pages, np.random.default_rng(0)).take(recipe))
    theirs, names = picture_figures(as_grey(augment_images(pages, recipe)))
    spread = np.maximum(theirs.std(axis=0), 0.05 + 1e-2 * np.abs(theirs.mean(axis=0)))
    apart = dict(zip(names, np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) / spread, strict=True))
    assert max(apart.values()) < 0.35, max(apart, key=apart.get)
    assert np.median(ours.std(axis=0) / np.maximum(theirs.std(axis=0), 1e-9)) == pytest.approx(1, abs=0.15)


def test_the_dice_stay_when_the_knobs_are_turned():
    shots = Shots.of(drawings(20, 0), np.random.default_rng(3))
    assert np.array_equal(shots.take(UNCHANGED), drawings(20, 0)[..., 0])
    once, again = (shots.take(Recipe(noise=(5, 5), shift=0.1)) for _ in range(2))
    assert np.array_equal(once, again)
    more = shots.take(Recipe(noise=(5.1, 5.1), shift=0.1))
    assert np.abs(more.astype(int) - once).max() <= 2
