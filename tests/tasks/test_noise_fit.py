"""The fitted noise finds what was done, and leaves alone what was not."""

import numpy as np
import pytest
from drawings import change, drawings

from burnish.tasks.cameras import Shots
from burnish.tasks.noise_fit import NAMES, _as_knobs, _as_recipe, fit_noise
from burnish.tasks.recipes import UNCHANGED, Recipe, mild_recipe


@pytest.fixture(scope="module")
def another_camera():
    recipe = Recipe(blur=(0.8, 1.4), noise=(4, 10), contrast=(0.5, 0.7), brightness=(40, 40), shift=0.06, rotation=8)
    pages = Shots.of(drawings(300, 2), np.random.default_rng(7)).take(recipe)[..., None]
    return recipe, fit_noise(drawings(300, 1), pages, shots=120, seed=0)


def test_a_classifier_no_longer_tells_the_pictures_apart(another_camera):
    _, fitted = another_camera
    assert fitted.auc_before > 0.95
    assert fitted.auc < 0.7
    assert fitted.judged_on == 80


def test_the_knobs_are_found(another_camera):
    true, fitted = another_camera
    assert np.mean(fitted.recipe.blur) == pytest.approx(np.mean(true.blur), abs=0.15)
    assert np.mean(fitted.recipe.noise) == pytest.approx(np.mean(true.noise), abs=1)
    assert np.ptp(fitted.recipe.noise) == pytest.approx(np.ptp(true.noise), abs=2.5)
    assert np.mean(fitted.recipe.contrast) == pytest.approx(np.mean(true.contrast), abs=0.05)
    assert np.mean(fitted.recipe.brightness) == pytest.approx(40, abs=8)
    assert fitted.recipe.jpeg[1] == 100


def test_the_same_seed_gives_the_same_fit():
    target = change(drawings(60, 2), noise=6)
    once, again = (fit_noise(drawings(60, 1), target, shots=60, seed=3) for _ in range(2))
    assert once == again


def test_of_the_same_camera_little_is_changed():
    fitted = fit_noise(drawings(200, 1), drawings(200, 2), shots=100, seed=0)
    assert fitted.auc < 0.65
    assert np.max(fitted.recipe.noise) < 2
    assert np.max(fitted.recipe.blur) < 0.5


def test_too_few_pictures_are_not_fitted():
    assert fit_noise(drawings(40, 1), drawings(10, 2)) is None


def test_knobs_and_recipe_say_the_same():
    for recipe in (UNCHANGED, mild_recipe(), Recipe(jpeg=(20.0, 60.0), blur=(1.0, 2.0))):
        assert _as_recipe(_as_knobs(recipe)) == recipe
    assert len(_as_knobs(UNCHANGED)) == len(NAMES)
