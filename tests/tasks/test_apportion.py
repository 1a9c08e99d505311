"""Dealing the rows of a cell: as many as the quota says, and every choice as likely as any other."""

from collections import Counter
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.apportion import MOST_DRAWN, PARTS, _deal, assign

SHARES = np.array([0.96, 0.02, 0.01, 0.01])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.integers(0, 40)] * 4), min_size=1, max_size=6), st.integers(0, 99))
def test_meets_the_quota(rows: list[tuple[int, ...]], seed: int) -> None:
    quota = np.array(rows) * [25, 1, 1, 1] if seed % 2 else np.array(rows)  # drawn one by one, or from a permutation
    cell = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(quota)), quota.sum(axis=1)))
    part = _deal(cell, quota, np.random.default_rng(seed))
    counted = np.zeros_like(quota)
    np.add.at(counted, (cell, part), 1)
    assert np.array_equal(counted, quota)


@pytest.mark.parametrize(("kept", "drawn_alone"), [(22, True), (3, False)])
def test_every_choice_is_as_likely(kept: int, drawn_alone: bool) -> None:
    """Chi-square over all ordered choices of the two rows that leave the largest part of a cell, one to each part."""
    n = kept + 2
    assert (2 / n <= MOST_DRAWN) == drawn_alone
    quota, cell, rng = np.array([[kept, 0, 1, 1]]), np.zeros(n, dtype=np.int64), np.random.default_rng(0)
    choices = comb(n, 2) * factorial(2)
    tries = 30 * choices
    seen = Counter()
    for _ in range(tries):
        part = _deal(cell, quota, rng)
        seen[int(np.flatnonzero(part == 2)[0]), int(np.flatnonzero(part == 3)[0])] += 1
    square = sum((seen[a, b] - 30) ** 2 / 30 for a in range(n) for b in range(n) if a != b)
    assert abs(square - (choices - 1)) < 4.5 * np.sqrt(2 * (choices - 1))


def test_a_rare_cell_gets_its_rows_all_the_same() -> None:
    """One cell in a thousand: what is drawn from all rows holds too few of it."""
    cell = np.r_[np.zeros(20_000, dtype=np.int64), np.ones(20, dtype=np.int64)]
    quota = np.array([[19_600, 0, 200, 200], [2, 0, 9, 9]])
    places = np.zeros(20)
    for seed in range(200):
        part = _deal(cell, quota, np.random.default_rng(seed))
        assert [(part[cell == 1] == code).sum() for code in range(4)] == [2, 0, 9, 9]
        places += part[cell == 1] == 2
    assert abs(places - 90).max() < 4.5 * np.sqrt(200 * 0.45 * 0.55)


def test_gaps_in_the_codes_change_nothing() -> None:
    rng = np.random.default_rng(0)
    label, source, alone = rng.integers(0, 3, 5000), rng.integers(0, 2, 5000), np.full(5000, -1)
    dense = assign(label, source, alone, SHARES, np.random.default_rng(1))
    spread = assign(label * 7, source * 3, alone, SHARES, np.random.default_rng(1))
    assert np.array_equal(dense, spread)
    assert len(np.unique(dense)) == len(PARTS)
