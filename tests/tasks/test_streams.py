"""A stream for every purpose: what is drawn for one says nothing of another, nor of the plain seed."""

import numpy as np
import pytest

from burnish.tasks.dealing import assign_folds
from burnish.tasks.split import split
from burnish.tasks.streams import stream


def test_the_same_numbers_for_the_same_purpose_and_no_others():
    draws = [stream(seed, name).random(4).tolist() for seed in (0, 1) for name in ("a", "b")]
    assert len({tuple(each) for each in draws}) == 4
    assert stream(1, "b").random(4).tolist() == draws[3]


@pytest.mark.parametrize("seed", range(4))
def test_errors_planted_with_the_seed_of_the_run_fall_in_every_part_and_fold(seed):
    rows = 600
    planted = np.random.default_rng(seed).permutation(rows)[:120]
    labels = np.arange(rows) % 2
    part = split(labels.astype(str), train_dev=0, seed=seed).to_numpy()[planted]
    shares = np.array([(part == name).mean() for name in ("train", "dev", "test")])
    np.testing.assert_allclose(shares, [0.6, 0.2, 0.2], atol=0.15)
    fold, _ = assign_folds(labels, folds=5, seed=seed)
    assert np.bincount(fold[planted], minlength=5).min() >= 10
