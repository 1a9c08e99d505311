"""Copies of rows: jitter within the classes, mixes within the class, whole columns left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from burnish.tasks.row_noise import noisy_rows


def test_jitter_is_a_share_of_the_spread_within_the_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    features = np.stack([labels * 100 + rng.normal(0, 2, 4000), labels, np.full(4000, 7.0)], axis=1)
    origin = np.tile(np.arange(4000), 2)
    noise = noisy_rows(features, labels, origin, strength=0.1, seed=1) - features[origin]
    assert noise[:, 0].std() == pytest.approx(0.2, rel=0.05)
    assert (noise[:, 1:] == 0).all()


def test_mixed_rows_stay_within_their_class():
    labels = np.repeat([0, 1], 50)
    features = labels[:, None] * 10.0 + np.random.default_rng(0).uniform(0, 1, (100, 3))
    origin = np.tile(np.arange(100), 3)
    made = noisy_rows(features, labels, origin, strength=0, mixup=0.4, seed=0)
    assert (np.floor(made / 10) == labels[origin][:, None]).all()
    assert not np.allclose(made, features[origin])
    own = np.abs(made - features[origin]).max()
    assert own <= 0.5  # at least half of it is itself


def test_columns_are_left_out_with_all_their_features():
    features = np.random.default_rng(0).normal(5, 1, (2000, 4))
    columns = np.array([0, 0, 1, 2])
    made = noisy_rows(features, np.zeros(2000, int), np.arange(2000), strength=0, drop=0.25, columns=columns, seed=0)
    gone = ~np.isclose(made, features, atol=1e-5)
    assert (gone[:, 0] == gone[:, 1]).all()
    assert gone.mean() == pytest.approx(0.25, abs=0.03)
    assert made[gone[:, 3], 3] == pytest.approx(features[:, 3].mean(), abs=1e-4)


@settings(deadline=None, max_examples=30)
@given(
    features=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-9, 9, width=32)
    ),
    copies=st.integers(0, 3),
    drop=st.floats(0, 0.9),
    mixup=st.floats(0, 2),
)
def test_copies_keep_shape_and_are_deterministic(features, copies, drop, mixup):
    labels, origin = np.arange(len(features)) % 2, np.tile(np.arange(len(features)), copies)
    made, again = (noisy_rows(features, labels, origin, drop=drop, mixup=mixup, seed=2) for _ in range(2))
    assert made.shape == (copies * len(features), features.shape[1])
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.array_equal(made, again)
