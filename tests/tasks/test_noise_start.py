"""The first guess finds what was done to the images."""

import numpy as np
import pytest
from drawings import change, drawings

from burnish.tasks.noise_start import guess_recipe


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ({"blur": 1.2}, {"blur": 1.2}),
        ({"noise": 9.0}, {"noise": 9.0}),
        ({"gain": 0.6, "lift": 40.0}, {"gain": 0.6, "lift": 40.0}),
        ({"blur": 1.0, "gain": 0.7, "lift": 30.0, "noise": 8.0}, {"blur": 1.0, "gain": 0.7, "noise": 8.0}),
    ],
)
def test_guess_finds_what_was_done(done, expected):
    recipe = guess_recipe(drawings(300, 1), change(drawings(300, 2), **done))
    found = {
        "blur": np.mean(recipe.blur),
        "noise": np.mean(recipe.noise),
        "gain": np.mean(recipe.contrast),
        "lift": np.mean(recipe.brightness),
    }
    assert found["blur"] == pytest.approx(expected.get("blur", 0.0), abs=0.2)
    assert found["noise"] == pytest.approx(expected.get("noise", 0.0), abs=1.5)
    if "gain" in expected:
        assert found["gain"] == pytest.approx(expected["gain"], rel=0.12)
    if "lift" in expected:
        assert found["lift"] == pytest.approx(expected["lift"], abs=15)


def test_guess_finds_moves():
    recipe = guess_recipe(drawings(400, 1), change(drawings(400, 2), shift=4))
    assert recipe.shift == pytest.approx(4.5 / 32, rel=0.3)  # whole steps of −4 … 4 spread like ±4.5


def test_noise_of_colour_pictures_is_that_of_each_channel():
    pages = drawings(200, 2, channels=3).astype(float)
    noisy = (pages + np.random.default_rng(0).normal(0, 24, pages.shape)).round().clip(0, 255).astype(np.uint8)
    assert np.mean(guess_recipe(drawings(200, 1, channels=3), noisy).noise) == pytest.approx(24, abs=3)


def test_guess_of_the_same_distribution_changes_nothing_much():
    recipe = guess_recipe(drawings(300, 1), drawings(300, 2))
    assert recipe.blur == (0.0, 0.0)
    assert recipe.noise == (0.0, 0.0)
    assert np.mean(recipe.contrast) == pytest.approx(1, abs=0.02)
    assert np.mean(recipe.brightness) == pytest.approx(0, abs=2)
