import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_votes import simulate

from burnish.tasks.annotators import ENOUGH, find_consensus
from burnish.tasks.human_error import human_error


def real_errors(truth, votes, k=4):
    codes = find_consensus(votes, k).codes
    voted = codes >= 0
    return (codes != truth)[voted].mean(), (votes != truth[:, None])[votes >= 0].mean()


@pytest.mark.parametrize("accuracies", [(0.9, 0.8, 0.7), (0.95, 0.9, 0.85, 0.6), (0.7, 0.7, 0.7, 0.7, 0.7)])
def test_the_error_of_a_simulation_lies_in_the_interval(accuracies):
    held, told, real = [], [], []
    for seed in range(4):
        truth, votes = simulate(500, accuracies, missing=0.1, seed=seed)
        found = human_error(votes, 4)
        consensus, single = real_errors(truth, votes)
        held += [found.rate.low <= consensus <= found.rate.high, found.single.low <= single <= found.single.high]
        told.append(found.rate.value)
        real.append(consensus)
        assert not found.assumed_equal
    assert np.mean(held) >= 0.75
    assert np.mean(told) == pytest.approx(np.mean(real), rel=0.3)


def test_two_equal_annotators_are_told_with_the_assumption_said():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 2000)
    votes = np.where(rng.random((2000, 2)) < 0.1, 1 - truth[:, None], truth[:, None])
    found = human_error(votes, 2)
    assert found.assumed_equal
    assert "equally often" in found.finding.explanation
    assert found.single.value == pytest.approx(0.1, abs=0.02)
    assert found.rate.low <= real_errors(truth, votes, 2)[0] <= found.rate.high


def test_errors_that_all_share_are_invisible():
    truth, votes = simulate(600, (0.95, 0.95, 0.95), seed=1)
    votes[:60] = (truth[:60, None] + 1) % 4
    assert human_error(votes, 4).rate.high < 0.1 < real_errors(truth, votes)[0] + 0.02


def test_the_more_rows_the_narrower():
    few, many = (human_error(simulate(n, (0.9, 0.85, 0.8), seed=2)[1], 4).rate for n in (100, 3000))
    assert many.high - many.low < 0.4 * (few.high - few.low)


def test_full_agreement_is_no_proof_of_perfection():
    found = human_error(np.zeros((100, 3), dtype=np.int64) + np.arange(100)[:, None] % 2, 2)
    assert found.rate.value < 0.005
    assert 0.03 < found.rate.high < 0.06


@pytest.mark.parametrize("votes", [np.zeros((500, 1), dtype=np.int64), np.zeros((ENOUGH - 1, 3), dtype=np.int64)])
def test_without_shared_rows_nobody_can_tell(votes):
    found = human_error(votes, 2)
    assert found.rate is None
    assert found.single is None
    assert found.finding.severity == "cannot_tell"


def test_annotators_of_different_rows_cannot_tell():
    votes = np.full((200, 2), -1)
    votes[:100, 0], votes[100:, 1] = 0, 1
    assert human_error(votes, 2).rate is None


def test_large_data_are_drawn_in_part_and_scaled():
    _, votes = simulate(20_000, (0.9, 0.85, 0.8), seed=3)
    rate = human_error(votes, 4).rate
    assert 0.002 < rate.high - rate.low < 0.02


def test_the_same_seed_gives_the_same_interval():
    _, votes = simulate(200, (0.9, 0.8, 0.7), seed=4)
    assert human_error(votes, 4, seed=1) == human_error(votes, 4, seed=1)
    assert human_error(votes, 4, seed=1).rate != human_error(votes, 4, seed=2).rate


def test_without_the_suspects_little_is_left():
    _, votes = simulate(200, (0.9, 0.8, 0.7), seed=5)
    found = human_error(votes, 4)
    quality = np.where(np.arange(200) < 20, 0.1, 0.99)
    left = found.among(quality, quality > 0.5)
    assert left.value == pytest.approx(found.rate.value * 0.01 / (18 + 1.8) * 200)
    assert left.low < left.value < left.high
    assert found.among(np.full(200, np.nan), quality > 0.5) == found.rate


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 1000), st.integers(2, 4), st.floats(0.4, 1.0))
def test_what_always_holds(seed, annotators, accuracy):
    found = human_error(simulate(60, (accuracy,) * annotators, seed=seed)[1], 4)
    for each in (found.rate, found.single):
        assert 0 <= each.low <= each.value <= each.high <= 1
    assert found.annotators == annotators
