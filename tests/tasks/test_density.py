"""The density ratio: known where both densities are, one where nothing differs."""

import numpy as np
import pytest
from scipy.stats import norm

from burnish.tasks.density import density_ratio


def test_the_ratio_of_two_normal_distributions():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, (3000, 2)), rng.normal([0.7, 0], 1, (1500, 2))])
    train = np.arange(4500) < 3000
    found = density_ratio(x, train, ~train)
    true = norm.pdf(x[:3000, 0], 0.7) / norm.pdf(x[:3000, 0])
    assert np.corrcoef(np.log(found[:3000]), np.log(true))[0, 1] > 0.95
    assert found[:3000].mean() == pytest.approx(1, abs=0.15)
    assert (found[3000:] == 1).all()


def test_weighted_means_are_those_of_the_target():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, (4000, 1)), rng.normal(0.5, 1, (2000, 1))])
    train = np.arange(6000) < 4000
    ratio = density_ratio(x, train, ~train)[:4000]
    assert np.average(x[:4000, 0], weights=ratio) == pytest.approx(0.5, abs=0.12)


def test_without_a_difference_all_weigh_alike():
    x = np.random.default_rng(2).normal(size=(1000, 20))
    train = np.arange(1000) < 600
    assert np.abs(np.log(density_ratio(x, train, ~train))).max() < 0.5


def test_capped_and_deterministic_and_silent_on_little():
    x = np.concatenate([np.zeros((100, 1)), np.ones((100, 1))]) + np.random.default_rng(0).normal(0, 0.1, (200, 1))
    train = np.arange(200) < 100
    found = density_ratio(x, train, ~train, cap=4.0)
    assert found.min() >= 0.25
    assert np.array_equal(found, density_ratio(x, train, ~train, cap=4.0))
    assert (density_ratio(x, train, np.arange(200) >= 195) == 1).all()
