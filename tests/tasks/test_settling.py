"""Labels do not go in circles, and the loop stops for a reason."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from burnish.tasks.settling import best_round, hold_still, is_better

LABELS = st.integers(-1, 2)


@settings(max_examples=200, deadline=None)
@given(arrays(np.int64, (30, 6), elements=LABELS))
def test_any_proposals_come_to_rest(proposals):
    given_codes = np.abs(proposals[0])
    history = [given_codes]
    for proposed in proposals[1:]:
        history.append(hold_still(np.stack(history), proposed, given_codes))
    walked = np.stack(history)
    changes = (walked[1:] != walked[:-1]).sum(axis=0)
    assert changes.max() <= 5  # three classes and "not learnt from", and back once
    for column in walked.T:
        runs = column[np.r_[True, column[1:] != column[:-1]]]
        back = [i for i in range(2, len(runs)) if runs[i] in runs[: i - 1]]
        assert len(back) <= 1
        assert all(runs[i] == column[0] and i == len(runs) - 1 for i in back)


def test_what_was_not_moved_before_moves_as_proposed():
    history = np.array([[0, 1, 2]])
    assert hold_still(history, np.array([1, 1, -1]), history[0]).tolist() == [1, 1, -1]


def test_a_third_label_that_comes_back_gives_way_to_the_given_one():
    history = np.array([[0], [1], [2]])
    assert hold_still(history, np.array([1]), np.array([0])).tolist() == [0]


def test_better_is_mcnemars_exact_test():
    rng = np.random.default_rng(0)
    for _ in range(50):
        before, after = rng.random((2, 60)) < rng.random((2, 1))
        mended, broken = int((before & ~after).sum()), int((after & ~before).sum())
        p = binomtest(mended, mended + broken, alternative="greater").pvalue if mended + broken else 1.0
        assert is_better(before, after) == (p < 0.025)


def test_the_best_round_is_the_last_that_gained():
    wrong, right = np.ones(40, dtype=bool), np.zeros(40, dtype=bool)
    assert best_round([wrong]) == 0
    assert best_round([wrong, wrong, right]) == 2
    assert best_round([wrong, right, wrong, right]) == 1
