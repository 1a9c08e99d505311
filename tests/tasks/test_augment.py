"""Augmentation: copies are deterministic, and the rarer classes get more of them."""

import numpy as np
import pytest
from drawings import albumentations_loaded, drawings  # noqa: F401 - a fixture
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.augment import augment_images, copy_numbers, rows_to_copy
from burnish.tasks.recipes import Recipe, mild_recipe

pytestmark = pytest.mark.usefixtures("albumentations_loaded")


def test_same_seed_same_copies_and_another_seed_others():
    pixels = drawings(6, 0)
    once = augment_images(pixels, mild_recipe(), copies=2, seed=3)
    assert once.shape == (12, 32, 32, 1)
    assert once.dtype == np.uint8
    assert np.array_equal(once, augment_images(pixels, mild_recipe(), copies=2, seed=3))
    assert not np.array_equal(once, augment_images(pixels, mild_recipe(), copies=2, seed=4))
    assert not np.array_equal(once[:6], once[6:])


def test_a_copy_does_not_depend_on_what_is_made_beside_it():
    pixels = drawings(6, 0)
    whole = augment_images(pixels, mild_recipe(), copies=2)
    assert np.array_equal(whole[:3], augment_images(pixels[:3], mild_recipe()))
    second = augment_images(pixels, mild_recipe(), origin=np.array([4, 4]))
    assert np.array_equal(second, whole[[4, 10]])


def test_equal_images_get_different_noise():
    twins = np.repeat(drawings(1, 0), 2, axis=0)
    first, second = augment_images(twins, Recipe(noise=(5, 5)))
    assert not np.array_equal(first, second)


def test_the_empty_recipe_changes_nothing_in_colour_too():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    assert np.array_equal(augment_images(pixels, Recipe()), pixels)


def test_mild_noise_keeps_the_picture_and_its_sides():
    pixels = drawings(30, 1)
    changed = augment_images(pixels, mild_recipe(), seed=1)
    flat, mirrored = pixels.reshape(30, -1), pixels[:, :, ::-1].reshape(30, -1)
    likeness = [np.corrcoef(new.ravel(), old)[0, 1] for new, old in zip(changed, flat, strict=True)]
    mirror = [np.corrcoef(new.ravel(), old)[0, 1] for new, old in zip(changed, mirrored, strict=True)]
    assert np.mean(likeness) > 0.7
    assert np.mean(likeness) > np.mean(mirror) + 0.3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 3), st.floats(0, 1))
def test_balancing_brings_classes_to_the_size_asked_for(labels, copies, balance):
    labels = np.array(labels)
    rows = rows_to_copy(labels, copies=copies, balance=balance, seed=1)
    assert np.array_equal(rows[: copies * len(labels)], np.tile(np.arange(len(labels)), copies))
    given_counts = np.bincount(labels, minlength=4)
    there = given_counts > 0
    total = given_counts + np.bincount(labels[rows], minlength=4)
    wanted = (1 + copies) * given_counts[there] * (given_counts.max() / given_counts[there]) ** balance
    assert total[there] == pytest.approx(wanted, abs=0.51)
    assert np.array_equal(rows, rows_to_copy(labels, copies=copies, balance=balance, seed=1))
    repeated = np.bincount(rows, minlength=len(labels))
    for code in np.flatnonzero(there):
        assert np.ptp(repeated[labels == code]) <= 1


@given(st.lists(st.integers(0, 5), max_size=30))
def test_copy_numbers_count_each_rows_copies(origin):
    seen = {}
    expected = [seen.setdefault(row, []).append(0) or len(seen[row]) - 1 for row in origin]
    assert copy_numbers(np.array(origin, np.int64)).tolist() == expected
