"""Recipes: what they say is what the pipeline does, each knob by its own dice."""

import json

import numpy as np
import pytest
from drawings import albumentations_loaded, drawings  # noqa: F401 - a fixture

from burnish.tasks.augment import augment_images
from burnish.tasks.recipes import UNCHANGED, Recipe, compose, mild_recipe

pytestmark = pytest.mark.usefixtures("albumentations_loaded")


def spot(count):
    """A soft spot in the middle of each page, whose place and size are easily measured."""
    across = np.arange(48) - 23.5
    page = 200 * np.exp(-(across[:, None] ** 2 + across[None, :] ** 2) / 2 / 3**2)
    return np.repeat(page[None, ..., None].astype(np.uint8), count, axis=0)


def centres(pixels):
    grey = pixels[..., 0].astype(float)
    place = np.arange(48) - 23.5
    return np.stack([grey.sum(1) @ place, grey.sum(2) @ place], axis=1) / grey.sum((1, 2))[:, None]


def test_recipe_goes_through_json():
    recipe = mild_recipe().with_parts({"jpeg": (30, 90), "cut": 0.1})
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe
    assert Recipe.from_dict({}) == UNCHANGED


def test_what_changes_nothing_is_left_out():
    assert len(compose(UNCHANGED).transforms) == 0
    assert len(compose(Recipe(rotation=3, jpeg=(50, 90))).transforms) == 2


def test_shifts_are_by_parts_of_a_pixel():
    moved = centres(augment_images(spot(400), Recipe(shift=2 / 48)))
    assert np.abs(moved).max() < 2.1
    assert moved.std(axis=0) == pytest.approx([2 / np.sqrt(3)] * 2, rel=0.1)


def test_the_knobs_of_a_picture_are_turned_independently():
    recipe = Recipe(shift=4 / 48, contrast=(0.5, 1.0), scale=(0.8, 1.2), noise=(0, 6))
    made = augment_images(spot(400), recipe)
    light = np.sort(made.reshape(400, -1), axis=1)[:, -20:].mean(axis=1)
    grain = made[:, :6, :6].reshape(400, -1).std(axis=1)
    drawn = np.corrcoef(np.column_stack([centres(made), light, grain]).T)
    assert np.abs(drawn - np.eye(4)).max() < 0.3


def test_noise_and_levels_are_what_the_recipe_says():
    grey = np.full((60, 32, 32, 1), 120, np.uint8)
    made = augment_images(grey, Recipe(noise=(8, 8), contrast=(0.5, 0.5), brightness=(40, 40))).astype(float)
    assert made.mean() == pytest.approx(100, abs=0.3)
    assert made.std() == pytest.approx(8, rel=0.02)
    colour = augment_images(np.repeat(grey, 3, axis=3), Recipe(noise=(8, 8))).astype(float)
    assert colour.mean(axis=3).std() == pytest.approx(8 / np.sqrt(3), rel=0.03)


def test_scale_keeps_the_shape_and_cut_only_enlarges():
    made = augment_images(spot(200), Recipe(scale=(0.8, 1.25))).astype(float)[..., 0]
    place = (np.arange(48) - 23.5) ** 2
    height, width = made.sum(2) @ place, made.sum(1) @ place
    assert height / width == pytest.approx(np.ones(200), rel=0.05)
    cut = augment_images(spot(100), Recipe(cut=0.2)).astype(float)
    assert cut.sum((1, 2, 3)).min() > 0.95 * spot(1).sum()


def test_jpeg_leaves_blocks():
    pages = drawings(20, 0)
    assert np.abs(augment_images(pages, Recipe(jpeg=(5, 10))).astype(int) - pages).mean() > 1
