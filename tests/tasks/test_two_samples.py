"""The two tests against SciPy and scikit-learn, and what they find and do not find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from burnish.tasks.two_samples import (
    FOLDS,
    MOST_ROWS,
    RIDGE,
    area_under_curve,
    auc_interval,
    classify,
    compare_samples,
    directions,
    expand,
    kolmogorov_smirnov,
)

NAMES = tuple("abcdefgh")


def normal(seed: int, n: int, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def compare(a: np.ndarray, b: np.ndarray, permutations: int = 199):
    return compare_samples(a, b, NAMES, permutations=permutations, rng=np.random.default_rng(0))


@pytest.mark.parametrize("digits", [1, 9])
def test_kolmogorov_smirnov_is_scipys(digits: int) -> None:
    a, b = normal(0, 70).round(digits), normal(1, 45).round(digits) + 0.3
    distances, p_values = kolmogorov_smirnov(a, b)
    for column in range(4):
        expected = ks_2samp(a[:, column], b[:, column], method="asymp")
        assert distances[column] == pytest.approx(expected.statistic)
        assert p_values[column] == pytest.approx(expected.pvalue)


@given(st.integers(0, 1000), st.integers(1, 29))
def test_area_under_curve_is_scikit_learns(seed: int, positive: int) -> None:
    rng = np.random.default_rng(seed)
    scores, is_b = rng.integers(0, 6, 30).astype(float), rng.permutation(30) < positive
    assert area_under_curve(scores, is_b) == pytest.approx(roc_auc_score(is_b, scores))


def test_left_out_predictions_are_those_of_ridge_fitted_fold_by_fold() -> None:
    z = expand(directions(normal(0, 120, 3))).astype(np.float64)
    is_b = np.arange(120) >= 70
    z[is_b, 0] += 0.7
    found, _ = classify(z, is_b, 0, np.random.default_rng(5))
    folds = np.random.default_rng(5).permutation(np.arange(120) % FOLDS)
    scores = np.empty(120)
    for fold in range(FOLDS):
        out = folds == fold
        model = Ridge(RIDGE * 120, fit_intercept=False).fit(z[~out], is_b[~out] - is_b.mean())
        scores[out] = model.predict(z[out])
    assert found == pytest.approx(roc_auc_score(is_b, scores), abs=1e-9)


@given(st.floats(0, 1), st.integers(30, 500), st.integers(30, 500))
def test_auc_interval_holds_the_auc(auc: float, n: int, m: int) -> None:
    low, high = auc_interval(auc, n, m)
    assert 0 <= low <= auc <= high <= 1
    assert high > low


def test_shift_of_one_feature_is_found_and_named() -> None:
    b = normal(1, 100)
    b[:, 2] += 1
    found = compare(normal(0, 100), b)
    assert found.p_value <= 0.02
    assert found.drivers == ("c",)
    assert found.low > 0.5


def test_changed_correlation_is_found_and_named() -> None:
    b = normal(1, 200)
    b[:, 1] = 0.8 * b[:, 0] + 0.6 * b[:, 1]
    found = compare(normal(0, 200), b)
    assert found.p_value <= 0.02
    assert found.drivers == ("a × b",)


def test_features_of_many_dimensions_are_reduced() -> None:
    a, b = normal(0, 150, 80), normal(1, 150, 80)
    assert directions(a).shape == (150, 50)
    shifted = compare_samples(a, b + 0.5, [f"f{i}" for i in range(80)], permutations=99, rng=np.random.default_rng(0))
    assert shifted.p_value <= 0.02


@pytest.mark.parametrize("constant", [0.0, 1e6])
def test_constant_features_say_nothing(constant: float) -> None:
    found = compare(np.full((40, 3), constant), np.full((50, 3), constant), permutations=49)
    assert found.p_value == 1
    assert found.auc == 0.5
    assert found.drivers == ()


def test_tied_rows_are_no_difference() -> None:
    rng = np.random.default_rng(0)
    one_hot = np.eye(3)[rng.integers(0, 3, 400)]
    assert compare(one_hot[:200], one_hot[200:]).p_value > 0.05


def test_cost_is_bounded_and_bytes_repeat() -> None:
    a, b = normal(0, 3 * MOST_ROWS), normal(1, 2 * MOST_ROWS)
    assert compare(a, b, permutations=19) == compare(a, b, permutations=19)


def test_false_alarms_stay_below_five_per_cent() -> None:
    p_values = [compare(normal(2 * seed, 60), normal(2 * seed + 1, 60), permutations=99).p_value for seed in range(100)]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.09  # 5 expected at most; 10 of 100 would be bad luck of 3%
