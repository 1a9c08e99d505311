"""Rows dealt into folds: none lost, classes even, groups whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.dealing import assign_folds
from burnish.tasks.findings import InputError


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-1, 3), min_size=4, max_size=80), st.integers(2, 6), st.integers(0, 99))
def test_folds_are_stratified_and_cover_the_labelled(labels, folds, seed):
    labels = np.array(labels)
    if (labels >= 0).sum() < 2:
        return
    fold, note = assign_folds(labels, folds=folds, seed=seed)
    assert ((fold >= 0) == (labels >= 0)).all()
    used = fold.max() + 1
    assert 2 <= used <= folds
    assert (note == "") == (used == folds)
    for one in np.unique(labels[labels >= 0]):
        counts = np.bincount(fold[labels == one], minlength=used)
        assert counts.max() - counts.min() <= 1
    counts = np.bincount(fold[labels >= 0], minlength=used)
    assert counts.max() - counts.min() <= 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 15)), min_size=20, max_size=80), st.integers(0, 99))
def test_groups_stay_whole(rows, seed):
    labels, groups = (np.array(part) for part in zip(*rows, strict=True))
    if len(np.unique(groups)) < 2:
        return
    fold, _ = assign_folds(labels, folds=3, groups=groups, seed=seed)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))


def test_null_groups_are_groups_of_their_own():
    groups = np.array(["a", "a", None, None, None, np.nan], dtype=object)
    fold, _ = assign_folds(np.zeros(6, np.int64), folds=5, groups=groups)
    assert fold[0] == fold[1]
    assert len(np.unique(fold)) == 5


def test_refuses():
    with pytest.raises(InputError, match="folds"):
        assign_folds(np.zeros(4, np.int64), folds=1)
    with pytest.raises(InputError, match="all in one group"):
        assign_folds(np.zeros(4, np.int64), groups=np.array(["a"] * 4))
