import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_votes import simulate

from burnish.tasks.annotators import (
    choose_classes,
    climb,
    find_consensus,
    krippendorff_alpha,
    leave_out,
    measure_accuracy,
    pair_agreement,
)


def plain_dawid_skene(votes, k, steps=300):
    """The method of 1979 row by row, without smoothing."""
    n, m = votes.shape
    belief = np.array([np.bincount(row[row >= 0], minlength=k) / (row >= 0).sum() for row in votes])
    for _ in range(steps):
        shares = belief.mean(axis=0)
        error = np.zeros((m, k, k))
        for i in range(n):
            for j in range(m):
                if votes[i, j] >= 0:
                    error[j, :, votes[i, j]] += belief[i]
        error /= error.sum(axis=2, keepdims=True)
        for i in range(n):
            belief[i] = shares
            for j in range(m):
                if votes[i, j] >= 0:
                    belief[i] = belief[i] * error[j, :, votes[i, j]]
            belief[i] /= belief[i].sum()
    return belief, error


def table_of_votes(max_rows=12):
    shapes = st.tuples(st.integers(1, max_rows), st.integers(1, 4))
    return shapes.flatmap(
        lambda shape: st.lists(
            st.lists(st.integers(-1, 2), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
        ).map(lambda rows: np.array(rows, dtype=np.int64))
    )


def test_the_plain_method_on_many_votes():
    _, votes = simulate(700, (0.9, 0.85, 0.75, 0.8), k=3, seed=4)
    belief, error = plain_dawid_skene(votes, 3, steps=40)
    found = climb(votes, np.ones(len(votes)), 3)
    assert (found.posterior.argmax(axis=1) == belief.argmax(axis=1)).mean() > 0.98
    np.testing.assert_allclose(find_consensus(votes, 3).confusions, error, atol=0.03)


def test_accuracies_of_a_simulation_are_recovered():
    truth, votes = simulate(2000, (0.95, 0.85, 0.7, 0.55), missing=0.3)
    found = find_consensus(votes, 4)
    for j, each in enumerate(found.accuracy):
        cast = votes[:, j] >= 0
        assert abs(each.value - (votes[cast, j] == truth[cast]).mean()) < 0.03
        assert each.low <= each.value <= each.high
        assert each.total == cast.sum()
    assert found.told_apart


def test_intervals_of_accuracy_hold_the_truth():
    held = []
    for seed in range(15):
        _, votes = simulate(400, (0.9, 0.8, 0.7), seed=seed)
        found = find_consensus(votes, 4)
        held += [each.low <= real <= each.high for each, real in zip(found.accuracy, (0.9, 0.8, 0.7), strict=True)]
    assert np.mean(held) >= 0.84


def test_an_uncertain_truth_widens_the_interval():
    votes = np.zeros((200, 1), dtype=np.int64)
    sure = np.repeat([[1.0, 0.0], [0.0, 1.0]], [160, 40], axis=0)
    (known,), (guessed,) = measure_accuracy(votes, sure), measure_accuracy(votes, np.tile([[0.8, 0.2]], (200, 1)))
    assert known.value == pytest.approx(guessed.value)
    assert guessed.high - guessed.low > 2 * (known.high - known.low)


def test_a_class_that_is_often_taken_for_another_is_found():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 900)
    votes = np.repeat(truth[:, None], 3, axis=1)
    votes[(truth == 2) & (rng.random(900) < 0.6), 0] = 1
    found = find_consensus(votes, 3)
    assert found.confusions[0, 2, 1] == pytest.approx(0.6, abs=0.08)
    assert found.confusions[1, 2, 1] < 0.05


def test_better_than_the_majority_and_than_cleanlab_on_votes_alone():
    from cleanlab.multiannotator import get_label_quality_multiannotator, get_majority_vote_label

    truth, votes = simulate(1200, (0.95, 0.9, 0.6, 0.55, 0.5), missing=0.2, seed=1)
    voted = (votes >= 0).any(axis=1)
    truth, votes = truth[voted], votes[voted]
    frame = pd.DataFrame(votes).astype("Int64").mask(votes < 0)
    majority = get_majority_vote_label(frame, verbose=False)
    shares = np.stack([(votes == c).sum(axis=1) for c in range(4)], axis=1) + 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = get_label_quality_multiannotator(frame, shares / shares.sum(axis=1, keepdims=True), verbose=False)
    ours = (find_consensus(votes, 4).codes == truth).mean()
    assert ours > (majority == truth).mean() + 0.02
    assert ours > (peer["label_quality"]["consensus_label"].to_numpy() == truth).mean() + 0.02


def test_the_consensus_is_cleanlabs_where_annotators_are_alike():
    from cleanlab.multiannotator import get_majority_vote_label

    _, votes = simulate(800, (0.9, 0.9, 0.9, 0.9, 0.9), seed=2)
    majority = get_majority_vote_label(pd.DataFrame(votes), verbose=False)
    assert (find_consensus(votes, 4).codes == majority).mean() > 0.97


def test_errors_are_seen_at_their_true_rate():
    """Without leaving each row's own votes out, far too few are."""
    truth, votes = simulate(3000, (0.9, 0.9, 0.9, 0.9), k=40, missing=0.3, seed=3)
    found = find_consensus(votes, 40)
    told = 1 - found.posterior[np.arange(3000), np.maximum(found.codes, 0)]
    real = (found.codes != truth)[found.codes >= 0].mean()
    assert told[found.codes >= 0].mean() == pytest.approx(real, rel=0.35)
    with_own = climb(votes, np.ones(3000), 40).posterior.max(axis=1)
    assert (1 - with_own)[found.codes >= 0].mean() < 0.6 * real


def test_leaving_a_row_out_is_fitting_without_it():
    _, votes = simulate(120, (0.85, 0.8, 0.7), k=3, seed=5)
    fit = climb(votes, np.ones(120), 3)
    quick = leave_out(votes, np.ones(120), fit)
    for row in range(0, 120, 15):
        weights = np.ones(120)
        weights[row] = 0
        np.testing.assert_allclose(climb(votes, weights, 3).posterior[row], quick[row], atol=0.1)


def test_a_prior_decides_where_votes_cannot():
    votes = np.array([[0, 1], [0, 1]] * 50)
    prior = np.array([[0.9, 0.1], [0.1, 0.9]] * 50)
    found = find_consensus(votes, 2, prior=prior)
    assert found.codes[:2].tolist() == [0, 1]
    assert found.told_apart


def test_only_rows_to_learn_from_judge_the_annotators():
    truth, votes = simulate(400, (0.95, 0.9, 0.9), k=2)
    spoilt = votes.copy()
    spoilt[200:, 0] = 1 - truth[200:]
    learn = np.arange(400) < 200
    first = find_consensus(votes, 2, learn=learn)
    second = find_consensus(spoilt, 2, learn=learn)
    np.testing.assert_allclose(first.confusions, second.confusions, atol=1e-6)


def test_two_annotators_are_taken_for_equally_good():
    _, votes = simulate(1000, (0.95, 0.7), k=2)
    found = find_consensus(votes, 2)
    assert not found.told_apart
    np.testing.assert_allclose(found.confusions[0], found.confusions[1])


def test_the_given_label_is_one_that_somebody_gave():
    posterior = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    votes = np.array([[0, 1], [0, 1], [-1, -1]])
    assert choose_classes(np.vstack([votes, [[1, 1]]]), np.vstack([posterior, [[0, 1, 0]]])).tolist() == [1, 1, -1, 1]


def test_alpha_is_krippendorffs_own_example():
    """Nominal α = 0.743 (Krippendorff 2011, section C)."""
    votes = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
            [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
        ]
    ).T
    assert krippendorff_alpha(votes - 1, 5) == pytest.approx(0.743, abs=5e-4)


def test_agreement_by_hand():
    votes = np.array([[0, 0, 0], [0, 1, -1], [1, -1, -1], [0, 0, 1]])
    assert pair_agreement(votes, 2) == pytest.approx((6 + 0 + 2) / (6 + 2 + 6))
    assert np.isnan(pair_agreement(votes[2:3], 2))
    assert np.isnan(krippendorff_alpha(np.zeros((5, 2), dtype=np.int64), 2))


@settings(deadline=None, max_examples=40)
@given(table_of_votes(), st.randoms(use_true_random=False))
def test_the_order_of_annotators_and_rows_is_no_matter(votes, chance):
    found = find_consensus(votes, 3)
    columns, rows = list(range(votes.shape[1])), list(range(len(votes)))
    chance.shuffle(columns)
    chance.shuffle(rows)
    moved = find_consensus(votes[rows][:, columns], 3)
    np.testing.assert_allclose(moved.posterior, found.posterior[rows], atol=1e-4)
    assert [each.count for each in moved.accuracy] == pytest.approx([found.accuracy[j].count for j in columns], abs=1)


@settings(deadline=None, max_examples=40)
@given(table_of_votes())
def test_what_always_holds(votes):
    found = find_consensus(votes, 3)
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1)
    np.testing.assert_allclose(found.confusions.sum(axis=2), 1)
    voted = (votes >= 0).any(axis=1)
    assert ((found.codes >= 0) == voted).all()
    assert (votes == found.codes[:, None]).any(axis=1)[voted].all()
    again = find_consensus(votes, 3)
    assert again.posterior.tobytes() == found.posterior.tobytes()


@settings(deadline=None, max_examples=30)
@given(table_of_votes())
def test_one_who_never_votes_changes_nothing(votes):
    silent = np.concatenate([votes, np.full((len(votes), 1), -1)], axis=1)
    found, with_silent = find_consensus(votes, 3), find_consensus(silent, 3)
    np.testing.assert_allclose(with_silent.posterior, found.posterior, atol=1e-6)
    assert not with_silent.accuracy[-1].known


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-1, 3), min_size=1, max_size=30))
def test_one_annotator_is_the_label(labels):
    codes = np.array(labels, dtype=np.int64)
    assert (find_consensus(codes[:, None], 4).codes == codes).all()
