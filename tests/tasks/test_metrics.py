"""Rates, per-class scores and their means against SciPy and scikit-learn."""

import json
import math

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from burnish.tasks.metrics import difference, error_rate, harmonic_mean, latency, measure, pool, rate, stated

CLASSES = ("ant", "bee", "cat", "dog")


def predictions(seed: int, n: int = 200, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    chances = rng.dirichlet(np.ones(k), n)
    chances[np.arange(n), labels] += rng.random(n)
    return labels, chances / chances.sum(axis=1, keepdims=True)


@given(st.integers(1, 400), st.integers(0, 400))
def test_wilson_interval_is_scipys(total: int, count: int) -> None:
    count = min(count, total)
    expected = binomtest(count, total).proportion_ci(method="wilson")
    found = rate(count, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_error_rate_counts_the_wrong_ones() -> None:
    found = error_rate(np.array([True, True, False, False, False]))
    assert (found.count, found.total, found.value) == (2, 5, 0.4)


def test_no_examples_cannot_tell() -> None:
    found = error_rate(np.array([], dtype=bool))
    assert math.isnan(found.value)
    assert not found.known
    assert (found.low, found.high) == (0, 1)
    assert found.as_dict()["value"] is None


def test_wilson_interval_covers_the_truth_nineteen_times_in_twenty() -> None:
    counts = np.random.default_rng(0).binomial(100, 0.05, 2000)
    held = [rate(int(count), 100) for count in counts]
    assert np.mean([each.low <= 0.05 <= each.high for each in held]) > 0.93


def test_difference_is_newcombes_example() -> None:
    # Newcombe 1998, table II: 56/70 − 48/80, method 10
    found = difference(rate(56, 70), rate(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    none = difference(rate(0, 10), rate(0, 10))
    assert (none.low, none.high) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


@given(*[st.integers(0, 50)] * 2, *[st.integers(50, 90)] * 2)
def test_difference_turns_round_with_its_sides(x: int, y: int, n: int, m: int) -> None:
    there, back = difference(rate(x, n), rate(y, m)), difference(rate(y, m), rate(x, n))
    assert there.low <= there.value <= there.high
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_difference_to_a_stated_rate_carries_the_other_interval_only() -> None:
    counted = rate(20, 400)
    found = difference(counted, stated(0.007))
    assert (found.low, found.high) == pytest.approx((counted.low - 0.007, counted.high - 0.007))


def test_pool_adds_counts() -> None:
    assert pool([rate(1, 10), rate(5, 90)]) == rate(6, 100)
    assert not pool([]).known


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_measure_agrees_with_scikit_learn(beta: float) -> None:
    labels, chances = predictions(1)
    found = measure(labels, chances, CLASSES, beta=beta)
    predicted = chances.argmax(axis=1)
    precision, recall, f_beta, support = reference.precision_recall_fscore_support(labels, predicted, beta=beta)
    table = found.per_class
    assert table["support"].tolist() == support.tolist()
    np.testing.assert_allclose(table[["precision", "recall", "f_beta"]].to_numpy(), np.c_[precision, recall, f_beta])
    assert found.accuracy.value == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found.error.value == pytest.approx(1 - found.accuracy.value)
    assert found.log_loss == pytest.approx(reference.log_loss(labels, chances))
    assert found.confusion.tolist() == reference.confusion_matrix(labels, predicted).tolist()
    assert found.arithmetic["recall"] == pytest.approx(reference.balanced_accuracy_score(labels, predicted))
    assert found.harmonic["f_beta"] == pytest.approx(4 / (1 / f_beta).sum())


def test_certain_and_wrong_has_finite_log_loss() -> None:
    found = measure(np.array([0]), np.array([[0.0, 1.0]]), ("a", "b"))
    assert found.log_loss == pytest.approx(-math.log(np.finfo(float).eps))


def test_missing_labels_are_skipped() -> None:
    labels, chances = predictions(2)
    holed = labels.copy()
    holed[::3] = -1
    kept = holed >= 0
    assert measure(holed, chances, CLASSES).as_dict() == measure(labels[kept], chances[kept], CLASSES).as_dict()


def test_class_without_examples_is_left_out_of_the_means() -> None:
    labels, chances = predictions(3)
    labels[labels == 2] = 0
    found = measure(labels, chances, CLASSES)
    assert found.left_out == ("cat",)
    assert math.isnan(found.per_class["recall"][2])
    assert found.per_class["precision"][2] == 0  # it was predicted, never rightly
    assert found.arithmetic["recall"] == pytest.approx(found.per_class["recall"].drop(2).mean())


def test_class_never_found_makes_the_harmonic_mean_zero() -> None:
    found = measure(np.array([0, 0, 1]), np.array([[0.9, 0.1]] * 3), ("a", "b"))
    assert found.per_class["precision"].tolist() == pytest.approx([2 / 3, 0])
    assert found.harmonic == {"precision": 0, "recall": 0, "f_beta": 0}


def test_nothing_to_measure_is_unknown_and_json() -> None:
    found = measure(np.array([-1, -1]), np.full((2, 2), 0.5), ("a", "b")).as_dict()
    assert found["error"]["value"] is None
    assert found["log_loss"] is None
    assert found["arithmetic"]["f_beta"] is None
    json.dumps(found, allow_nan=False)


def test_as_dict_has_the_keys_of_the_summary() -> None:
    labels, chances = predictions(4)
    found = json.loads(json.dumps(measure(labels, chances, CLASSES, milliseconds_per_example=0.5).as_dict()))
    keys = ["accuracy", "error", "log_loss", "per_class", "arithmetic", "harmonic"]
    keys += ["arithmetic_limits", "harmonic_limits", "beta", "confusion", "milliseconds_per_example"]
    assert list(found) == keys
    assert list(found["per_class"][0])[:5] == ["class", "support", "precision", "recall", "f_beta"]
    limits = [f"{score}_{end}" for score in ("precision", "recall", "f_beta") for end in ("low", "high")]
    assert list(found["per_class"][0])[5:] == limits
    assert list(found["error"]) == ["value", "low", "high", "count", "total"]


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_confusion_accounts_for_every_example(seed: int, n: int) -> None:
    labels, chances = predictions(seed, n)
    found = measure(labels, chances, CLASSES)
    assert found.confusion.sum() == n == found.per_class["support"].sum()
    assert np.trace(found.confusion) == found.accuracy.count
    assert found.accuracy.count + found.error.count == n
    assert all(found.harmonic[score] <= found.arithmetic[score] + 1e-12 for score in found.harmonic)


def test_harmonic_mean_of_equal_values_is_the_value() -> None:
    assert harmonic_mean(np.full(3, 0.25)) == pytest.approx(0.25)


def test_latency_is_per_example_and_positive() -> None:
    calls = []
    found = latency(lambda batch: calls.append(len(batch)), np.zeros((10, 2)), repeats=3)
    assert found > 0
    assert calls == [10] * 4
