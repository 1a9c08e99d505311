"""The figures of pictures: finite, and each moved by what it is there for."""

import numpy as np
import pytest
from drawings import change, drawings

from burnish.tasks.picture_figures import as_grey, picture_figures, power_spectra


def mean_figures(pixels):
    figures, names = picture_figures(as_grey(pixels))
    assert np.isfinite(figures).all()
    assert figures.shape == (len(pixels), len(names))
    return dict(zip(names, figures.mean(axis=0), strict=True))


def test_white_noise_has_its_variance_at_all_frequencies():
    pages = np.random.default_rng(0).normal(128, 12, (200, 32, 32)).round().clip(0, 255).astype(np.uint8)
    frequencies, power = power_spectra(pages)
    corner = -1  # three frequencies only
    assert power.mean(axis=0)[:corner] == pytest.approx(np.full(len(frequencies) - 1, 144 + 1 / 12), rel=0.08)
    assert (np.diff(frequencies) > 0).all()


def test_each_change_moves_its_figure():
    plain = mean_figures(drawings(100, 0))
    assert mean_figures(change(drawings(100, 0), noise=10))["noise"] > plain["noise"] + 0.5
    assert mean_figures(change(drawings(100, 0), blur=1.5))["sharpness"] < 0.8 * plain["sharpness"]
    assert mean_figures(change(drawings(100, 0), gain=0.7))["brightness"] < 0.8 * plain["brightness"]
    moved = mean_figures(np.roll(drawings(100, 0), 3, axis=2))
    assert moved["ink right"] == pytest.approx(plain["ink right"] + 3, abs=0.3)
    assert moved["ink down"] == pytest.approx(plain["ink down"], abs=0.1)


@pytest.mark.parametrize("side", [8, 33, 64])
def test_any_side_and_blank_pages(side):
    blank = np.full((3, side, side, 1), 255, np.uint8)
    mean_figures(blank)
