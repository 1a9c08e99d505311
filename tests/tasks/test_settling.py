"""Labels do not go in circles, and the loop stops for a reason."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from burnish.tasks.settling import best_round, hold_still, is_better, lead_on_truth

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


NOISE = np.array([[0.95, 0.05, 0.0], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])


def noisy_dev(m, right, seed=0):
    """True labels, labels that went wrong by NOISE, and a model that is right so often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, m)
    given_labels = (NOISE.cumsum(axis=1)[truth] < rng.random((m, 1))).sum(axis=1)
    wrong = rng.random(m) > right
    return truth, given_labels, np.where(wrong, (truth + rng.integers(1, 3, m)) % 3, truth)


def test_the_lead_is_that_on_the_truth():
    truth, labels, after = noisy_dev(20_000, 0.8)
    before = np.where(np.random.default_rng(1).random(20_000) < 0.2, 0, after)
    real = (after == truth).mean() - (before == truth).mean()
    lead = lead_on_truth(before, after, labels, NOISE)
    assert abs(lead.share - real) < 4 * lead.error < 0.05


def test_a_model_that_has_learnt_the_noise_does_not_lead():
    rng = np.random.default_rng(2)
    truth = (rng.random(5_000) < 0.6).astype(int)  # one place where classes overlap: 1 is the better answer
    noise = np.array([[0.95, 0.05], [0.3, 0.7]])
    labels = (rng.random(5_000) < noise[truth, 1]).astype(int)
    zeros, ones = np.zeros(5_000, dtype=int), np.ones(5_000, dtype=int)
    assert (labels == zeros).mean() > (labels == ones).mean()
    lead = lead_on_truth(zeros, ones, labels, noise)
    assert abs(lead.share - (2 * truth.mean() - 1)) < 4 * lead.error and lead.share > 0.1


def test_labels_without_noise_are_taken_at_their_word():
    truth, _, after = noisy_dev(500, 0.9)
    before = np.roll(after, 1)
    lead = lead_on_truth(before, after, truth, np.eye(3))
    assert np.isclose(lead.share, (after == truth).mean() - (before == truth).mean())
    assert lead_on_truth(after, before, truth, np.eye(3)).behind


def test_one_row_that_tells_is_not_enough():
    labels = np.repeat([0, 1], 20)
    right, once, twice = labels.copy(), labels.copy(), labels.copy()
    once[0], twice[:2] = 1, 1
    assert not lead_on_truth(right, once, labels, np.eye(2)).behind
    assert lead_on_truth(right, twice, labels, np.eye(2)).behind


def test_who_cannot_be_told_apart_is_not_behind():
    truth, labels, after = noisy_dev(100, 0.8)
    assert not lead_on_truth(after, after, labels, NOISE).behind
    assert not lead_on_truth(after[:1], truth[:1], labels[:1], NOISE).behind
    assert not lead_on_truth(after, truth, labels, np.full((3, 3), 1 / 3)).behind  # labels that say nothing
