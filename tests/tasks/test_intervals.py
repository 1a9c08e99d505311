"""Intervals against SciPy's, and by how often they hold the truth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from burnish.tasks.intervals import harmonic_limits, mean_limits, score_limits, wilson
from burnish.tasks.metrics import harmonic_mean, score_classes

CLASSES = ("a", "b", "c")
TRUTH = np.array([[0.30, 0.03, 0.02], [0.05, 0.25, 0.05], [0.01, 0.04, 0.25]])  # shares of (label, prediction)


@pytest.mark.parametrize(("hits", "total"), [(0, 7), (7, 7), (3, 60), (1, 1)])
def test_wilson_is_scipys(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(method="wilson")
    low, high = wilson(np.array([hits]), np.array([total]))
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_limits_of_scores_enclose_them() -> None:
    confusion = np.array([[30, 2, 0], [5, 20, 1], [0, 0, 0]])
    limits = score_limits(confusion, 2.0)
    scores = score_classes(confusion, CLASSES, 2.0)
    for name in ("precision", "recall", "f_beta"):
        value = scores[name].dropna()
        assert (limits[f"{name}_low"][value.index] <= value).all()
        assert (value <= limits[f"{name}_high"][value.index]).all()
    assert limits["recall_low"][2] == 0
    assert limits["recall_high"][2] == 1


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    shares = score_classes((TRUTH * 1e9).astype(np.int64), CLASSES, 1.0)
    held = {"recall": 0, "f_beta": 0, "mean": 0, "harmonic": 0}
    draws = 400
    for confusion in rng.multinomial(240, TRUTH.ravel(), draws).reshape(draws, 3, 3):
        found = score_classes(confusion, CLASSES, 1.0)
        for name in ("recall", "f_beta"):
            held[name] += found[f"{name}_low"][1] <= shares[name][1] <= found[f"{name}_high"][1]
        parts = [found[f"recall{end}"].to_numpy() for end in ("", "_low", "_high")]
        low, high = mean_limits(*parts)
        held["mean"] += low <= shares["recall"].mean() <= high
        low, high = harmonic_limits(*parts)
        held["harmonic"] += low <= harmonic_mean(shares["recall"].to_numpy()) <= high
    assert {name: count / draws >= 0.92 for name, count in held.items()} == dict.fromkeys(held, True)


def test_of_nothing_nothing_is_known_and_a_class_never_found_pulls_to_zero() -> None:
    nothing = np.empty(0)
    assert mean_limits(nothing, nothing, nothing) == harmonic_limits(nothing, nothing, nothing) == (0.0, 1.0)
    low, high = harmonic_limits(np.array([0.0, 0.9]), np.array([0.0, 0.8]), np.array([0.2, 0.95]))
    assert low == 0.0
    assert 0.2 < high < 0.4
