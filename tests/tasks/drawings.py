"""Strokes on paper, something of everything a digit has, and another camera's pictures of them."""

import warnings

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def albumentations_loaded():
    """Its import asks for updates and warns; neither is ours to judge."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations  # noqa: F401

        yield


def drawings(count, seed, channels=1):
    rng = np.random.default_rng(seed)
    pages = np.full((count, 32, 32), 230, np.uint8)
    for page in pages:
        points = rng.integers(7, 25, (3, 2)).astype(np.int32)
        cv2.polylines(page, [points], False, 30, 2, cv2.LINE_AA)
    return np.repeat(pages[..., None], channels, axis=3)


def change(pixels, *, blur=0.0, gain=1.0, lift=0.0, noise=0.0, shift=0, seed=9):
    rng = np.random.default_rng(seed)
    out = []
    for page in pixels[..., 0].astype(np.float32):
        moved = np.roll(page, rng.integers(-shift, shift + 1, 2), (0, 1))
        soft = cv2.GaussianBlur(moved, (0, 0), blur) if blur else moved
        out.append(soft * gain + lift + rng.normal(0, noise, soft.shape))
    return np.stack(out).round().clip(0, 255).astype(np.uint8)[..., None]
