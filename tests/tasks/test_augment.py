"""Augmentation: copies are deterministic, the fitted recipe finds what was done to the images."""

import json
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from burnish.tasks.augment import Recipe, augment_images, default_recipe, fit_recipe, jitter_features


@pytest.fixture(scope="module", autouse=True)
def albumentations_loaded():
    """Its import asks for updates and warns; neither is ours to judge."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations  # noqa: F401

        yield


def drawings(count, seed):
    """Strokes on paper, something of everything a digit has."""
    rng = np.random.default_rng(seed)
    pages = np.full((count, 32, 32), 230, np.uint8)
    for page in pages:
        points = rng.integers(7, 25, (3, 2)).astype(np.int32)
        cv2.polylines(page, [points], False, 30, 2, cv2.LINE_AA)
    return pages[..., None]


def change(pixels, *, blur=0.0, gain=1.0, lift=0.0, noise=0.0, shift=0, seed=9):
    rng = np.random.default_rng(seed)
    out = []
    for page in pixels[..., 0].astype(np.float32):
        moved = np.roll(page, rng.integers(-shift, shift + 1, 2), (0, 1))
        soft = cv2.GaussianBlur(moved, (0, 0), blur) if blur else moved
        out.append(soft * gain + lift + rng.normal(0, noise, soft.shape))
    return np.stack(out).round().clip(0, 255).astype(np.uint8)[..., None]


def test_same_seed_same_copies_and_another_seed_others():
    pixels = drawings(6, 0)
    once = augment_images(pixels, default_recipe(), copies=2, seed=3)
    assert once.shape == (12, 32, 32, 1)
    assert once.dtype == np.uint8
    assert np.array_equal(once, augment_images(pixels, default_recipe(), copies=2, seed=3))
    assert not np.array_equal(once, augment_images(pixels, default_recipe(), copies=2, seed=4))
    assert not np.array_equal(once[:6], once[6:])


def test_a_copy_does_not_depend_on_the_images_beside_it():
    pixels = drawings(6, 0)
    assert np.array_equal(augment_images(pixels, default_recipe())[:3], augment_images(pixels[:3], default_recipe()))


def test_equal_images_get_different_noise():
    twins = np.repeat(drawings(1, 0), 2, axis=0)
    first, second = augment_images(twins, Recipe(noise=(5, 5)))
    assert not np.array_equal(first, second)


def test_the_empty_recipe_changes_nothing_in_colour_too():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    assert np.array_equal(augment_images(pixels, Recipe()), pixels)


def test_default_recipe_keeps_the_picture_and_its_sides():
    pixels = drawings(30, 1)
    changed = augment_images(pixels, default_recipe(), seed=1)
    flat, mirrored = pixels.reshape(30, -1), pixels[:, :, ::-1].reshape(30, -1)
    likeness = [np.corrcoef(new.ravel(), old)[0, 1] for new, old in zip(changed, flat, strict=True)]
    mirror = [np.corrcoef(new.ravel(), old)[0, 1] for new, old in zip(changed, mirrored, strict=True)]
    assert np.mean(likeness) > 0.7
    assert np.mean(likeness) > np.mean(mirror) + 0.3


def test_recipe_goes_through_json():
    recipe = default_recipe()
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        ({"blur": 1.2}, {"blur": 1.2}),
        ({"noise": 9.0}, {"noise": 9.0}),
        ({"gain": 0.6, "lift": 40.0}, {"gain": 0.6, "lift": 40.0}),
        ({"blur": 1.0, "gain": 0.7, "lift": 30.0, "noise": 8.0}, {"blur": 1.0, "gain": 0.7, "noise": 8.0}),
    ],
)
def test_fit_finds_what_was_done(done, expected):
    recipe = fit_recipe(drawings(300, 1), change(drawings(300, 2), **done), seed=0)
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


def test_fit_finds_moves():
    recipe = fit_recipe(drawings(400, 1), change(drawings(400, 2), shift=4), seed=0)
    assert recipe.shift == pytest.approx(4.5 / 32, rel=0.3)  # whole steps of −4 … 4 spread like ±4.5


def test_fit_of_the_same_distribution_changes_nothing_much():
    recipe = fit_recipe(drawings(300, 1), drawings(300, 2), seed=0)
    assert recipe.blur == (0.0, 0.0)
    assert recipe.noise == (0.0, 0.0)
    assert np.mean(recipe.contrast) == pytest.approx(1, abs=0.02)
    assert np.mean(recipe.brightness) == pytest.approx(0, abs=2)


def test_augmented_is_nearer_to_the_target():
    train, target = drawings(200, 1), change(drawings(200, 2), blur=1.2, gain=0.6, lift=40, noise=9)
    like = augment_images(train, fit_recipe(train, target), seed=5)
    assert abs(like.mean() - target.mean()) < 0.2 * abs(train.mean() - target.mean()) + 2
    assert abs(like.std() - target.std()) < 0.2 * abs(train.std() - target.std())


def test_jitter_is_a_share_of_the_spread_within_the_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    features = np.stack([labels * 100 + rng.normal(0, 2, 4000), labels, np.full(4000, 7.0)], axis=1)
    noise = jitter_features(features, labels, strength=0.1, copies=2, seed=1) - np.tile(features, (2, 1))
    assert noise.dtype == np.float64
    assert noise[:, 0].std() == pytest.approx(0.2, rel=0.05)
    assert (noise[:, 1:] == 0).all()


@settings(deadline=None, max_examples=30)
@given(
    features=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-9, 9, width=32)
    ),
    copies=st.integers(1, 3),
)
def test_jitter_keeps_shape_and_is_deterministic(features, copies):
    labels = np.arange(len(features)) % 2
    made = jitter_features(features, labels, copies=copies, seed=2)
    assert made.shape == (copies * len(features), features.shape[1])
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.array_equal(made, jitter_features(features, labels, copies=copies, seed=2))
