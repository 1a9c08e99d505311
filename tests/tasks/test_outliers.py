import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from burnish.tasks.findings import InputError
from burnish.tasks.outliers import OUTLIER_ABOVE, Limits, fit_limits, score_outliers, summarize_limits

RNG = np.random.default_rng(0)
N = 4000
SHAPES = {
    "normal": RNG.normal(10, 2, N),
    "lognormal": RNG.lognormal(0, 1, N),
    "exponential": RNG.exponential(3, N),
    "left_skewed": -RNG.gamma(2, 1, N),
    "student": RNG.standard_t(3, N),
    "uniform": RNG.random(N),
    "integers": RNG.normal(50, 8, N).round(),
    "counts": RNG.poisson(1.5, N).astype(float),
    "zeros": np.where(RNG.random(N) < 0.7, 0, RNG.lognormal(1, 0.5, N)),
    "two_modes": np.where(RNG.random(N) < 0.5, RNG.normal(0, 1, N), RNG.normal(9, 1, N)),
    "a_small_mode": np.where(RNG.random(N) < 0.9, RNG.normal(0, 1, N), RNG.normal(9, 1, N)),
}


def limits_of(values, **options):
    return fit_limits(pd.DataFrame({"x": values}), **options).columns[0]


class TestFitLimits:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_leaves_clean_columns_alone(self, shape):
        frame = pd.DataFrame({"x": SHAPES[shape]})
        _, replaced = fit_limits(frame).apply(frame)
        assert replaced["x"].mean() <= 0.002

    @pytest.mark.parametrize("shape", [s for s in SHAPES if s not in {"counts", "a_small_mode"}])
    def test_catches_a_slipped_decimal_point(self, shape):
        spread = np.ptp(np.quantile(SHAPES[shape], [0.005, 0.995]))
        values = SHAPES[shape].copy()
        values[:5] = values.mean() + 20 * spread
        frame = pd.DataFrame({"x": values})
        treated, replaced = fit_limits(frame).apply(frame)
        assert replaced["x"].iloc[:5].all()
        assert treated["x"].max() < values[:5].max()

    def test_finds_planted_outliers_on_both_sides(self):
        values = SHAPES["normal"].copy()
        values[:10], values[10:20] = 10 + 2 * 6, 10 - 2 * 6
        frame = pd.DataFrame({"x": values})
        treated, replaced = fit_limits(frame).apply(frame)
        assert replaced["x"].iloc[:20].all()
        assert replaced["x"].sum() <= 25
        assert treated["x"].iloc[:10].nunique() == treated["x"].iloc[10:20].nunique() == 1

    def test_mad_agrees_with_scipy(self):
        from scipy.stats import median_abs_deviation

        found = limits_of(SHAPES["normal"], rule="mad", strength=3)
        sigma = median_abs_deviation(SHAPES["normal"], scale="normal")
        assert found.high == pytest.approx(np.median(SHAPES["normal"]) + 3 * sigma)

    def test_quantile_agrees_with_scipy(self):
        from scipy.stats.mstats import winsorize

        found = limits_of(SHAPES["normal"], rule="quantile", strength=2)
        theirs = winsorize(SHAPES["normal"], limits=0.02275)
        assert found.high == pytest.approx(theirs.max(), rel=0.01)

    def test_double_mad_follows_the_skew(self):
        found = limits_of(SHAPES["exponential"], rule="double_mad")
        middle = np.median(SHAPES["exponential"])
        assert found.high - middle > 1.3 * (middle - found.low)

    def test_says_what_it_did(self):
        rules = {shape: limits_of(values).rule for shape, values in SHAPES.items()}
        assert rules["normal"] == "mad"
        assert rules["lognormal"] == "skewed"
        assert rules["student"] == "mad, heavy tails"
        assert rules["counts"] == "left alone: counts"
        assert rules["two_modes"] == "mad, two modes"
        assert rules["a_small_mode"].startswith("left alone: a small second mode")
        assert rules["zeros"].endswith("of the values ≠ 0")
        assert limits_of([1.0] * 50).rule == "left alone: nearly constant"
        assert limits_of([1.0, 2.0]).rule == "left alone: too few values"

    def test_a_common_tail_is_no_outlier(self):
        values = np.r_[RNG.normal(0, 1, 970), RNG.normal(30, 0.1, 30)]
        assert limits_of(values).high is None
        assert limits_of(-values).low is None
        skewed = np.r_[RNG.lognormal(0, 0.5, 975), RNG.normal(1000, 1, 25)]
        assert limits_of(skewed).high is None

    def test_only_numbers_have_limits(self):
        frame = pd.DataFrame(
            {
                "flag": [True, False] * 50,
                "day": pd.date_range("2020-01-01", periods=100),
                "name": ["a", "b"] * 50,
                "x": RNG.normal(size=100),
                "whole": pd.array([*range(98), None, 10**9], dtype="Int64"),
            }
        )
        limits = fit_limits(frame, rule="mad")
        assert [c.column for c in limits.columns] == ["x", "whole"]
        treated, replaced = limits.apply(frame)
        assert treated.dtypes.equals(frame.dtypes)
        assert treated["whole"].isna().sum() == 1
        assert treated["whole"].max() < 300
        assert not replaced[["flag", "day", "name"]].any(axis=None)

    def test_many_rows_are_sampled_to_the_same_limits(self):
        values = np.random.default_rng(1).normal(size=500_000)
        found = limits_of(values)
        assert found.high == pytest.approx(3.5, abs=0.05)
        assert limits_of(values) == found

    @pytest.mark.parametrize(
        "options", [{"method": "winsorise"}, {"rule": "iqr"}, {"strength": 0}, {"strength": float("nan")}]
    )
    def test_refuses(self, options):
        with pytest.raises(InputError, match=next(iter(options))):
            fit_limits(pd.DataFrame({"x": [1.0]}), **options)


class TestApply:
    @settings(deadline=None, max_examples=50)
    @given(
        arrays(np.float64, st.integers(30, 80), elements=st.floats(-1e9, 1e9) | st.just(np.nan)),
        st.sampled_from(["winsorize", "median", "mean", "zero", "drop", "keep"]),
        st.sampled_from(["auto", "mad", "double_mad", "quantile"]),
    )
    def test_keeps_shape_and_missing_values_and_settles(self, values, method, rule):
        frame = pd.DataFrame({"x": values})
        limits = fit_limits(frame, method=method, rule=rule)
        treated, replaced = limits.apply(frame)
        assert treated.shape == replaced.shape == frame.shape
        assert (treated["x"].isna() == np.isnan(values)).all()
        assert frame["x"].equals(pd.Series(values))
        untouched = ~replaced["x"].to_numpy()
        assert np.array_equal(treated["x"].to_numpy()[untouched], values[untouched], equal_nan=True)
        if method == "winsorize":
            assert not limits.apply(treated)[1].any(axis=None)

    def test_limits_of_train_hold_for_later_rows(self):
        limits = fit_limits(pd.DataFrame({"x": SHAPES["normal"]}))
        later = pd.DataFrame({"x": [10.0, 1e6, -1e6, np.inf, np.nan]})
        treated, replaced = limits.apply(later)
        assert replaced["x"].tolist() == [False, True, True, True, False]
        assert treated["x"].tolist()[1:4] == [limits.columns[0].high, limits.columns[0].low, limits.columns[0].high]

    @pytest.mark.parametrize(("method", "expected"), [("zero", 0.0), ("median", 10.0), ("mean", 10.0)])
    def test_replacements(self, method, expected):
        frame = pd.DataFrame({"x": [*SHAPES["normal"], 1e6]})
        treated, replaced = fit_limits(frame, method=method).apply(frame)
        assert replaced["x"].iloc[-1]
        assert treated["x"].iloc[-1] == pytest.approx(expected, abs=0.2)

    def test_drop_marks_and_keep_does_nothing(self):
        frame = pd.DataFrame({"x": [*SHAPES["normal"], 1e6]})
        treated, replaced = fit_limits(frame, method="drop").apply(frame)
        assert replaced["x"].iloc[-1]
        assert treated.equals(frame)
        treated, replaced = fit_limits(frame, method="keep").apply(frame)
        assert treated.equals(frame)
        assert not replaced.any(axis=None)

    def test_small_integers_do_not_overflow(self):
        frame = pd.DataFrame({"x": np.r_[np.arange(100), 120].astype(np.int8)})
        treated, _ = fit_limits(frame, rule="mad", strength=0.5).apply(frame)
        assert treated["x"].dtype == np.int8
        assert 0 < treated["x"].min() < treated["x"].max() < 100

    def test_survives_json(self):
        limits = fit_limits(pd.DataFrame(SHAPES))
        assert Limits.from_dict(json.loads(json.dumps(limits.to_dict(), allow_nan=False))) == limits

    def test_refuses_a_column_that_is_gone_or_has_turned_to_text(self):
        limits = fit_limits(pd.DataFrame({"x": SHAPES["normal"]}))
        with pytest.raises(InputError, match="'x' has outlier limits but is not in the data"):
            limits.apply(pd.DataFrame({"y": [1.0]}))
        with pytest.raises(InputError, match="held numbers"):
            limits.apply(pd.DataFrame({"x": ["1"]}))

    def test_summary(self):
        frame = pd.DataFrame({"x": [*SHAPES["normal"], 1e6], "n": ["a"] * (N + 1)})
        limits = fit_limits(frame)
        _, replaced = limits.apply(frame)
        (row,) = summarize_limits(limits, replaced, pd.Series(["train"] * N + ["test"]))
        assert row["column"] == "x"
        assert row["replaced_test"] == 1
        assert row["replaced_dev"] == 0


class TestScoreOutliers:
    @pytest.mark.parametrize(("n", "d"), [(300, 3), (2000, 10), (1000, 90)])
    def test_clean_rows_are_seldom_flagged(self, n, d):
        shares = []
        for seed in range(3):
            rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
            shares.append((score_outliers(rows, seed=seed) > OUTLIER_ABOVE).mean())
        assert np.mean(shares) <= 0.005

    def test_far_rows_are_found(self):
        rows = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
        rows[:10] += 8
        flagged = score_outliers(rows) > OUTLIER_ABOVE
        assert flagged[:10].all()
        assert flagged[10:].sum() <= 5

    def test_unusual_combinations_of_usual_values_are_found(self):
        rng = np.random.default_rng(0)
        shared = rng.normal(size=(2000, 1))
        rows = np.hstack([shared + 0.1 * rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))]).astype(np.float32)
        rows[:10, :2] = [1.5, -1.5]
        flagged = score_outliers(rows) > OUTLIER_ABOVE
        assert flagged[:10].all()
        assert flagged[10:].sum() <= 10

    def test_ranks_a_real_table_as_well_as_its_peer(self):
        from sklearn.datasets import load_breast_cancer
        from sklearn.ensemble import IsolationForest
        from sklearn.metrics import roc_auc_score

        rows, benign = load_breast_cancer(return_X_y=True)
        kept = np.r_[np.flatnonzero(benign == 1), np.flatnonzero(benign == 0)[:10]]  # a few malignant as outliers
        rows, malignant = rows[kept].astype(np.float32), benign[kept] == 0
        peer = -IsolationForest(random_state=0).fit(rows).score_samples(rows)
        assert roc_auc_score(malignant, score_outliers(rows)) >= roc_auc_score(malignant, peer) - 0.02

    def test_learns_from_train_only(self):
        rows = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
        train = np.arange(600) < 400
        other = rows.copy()
        other[500:] = 50
        first, second = score_outliers(rows, train, seed=1), score_outliers(other, train, seed=1)
        assert np.array_equal(first[:500], second[:500])
        assert (second[500:] > OUTLIER_ABOVE).all()

    def test_same_seed_same_bytes_and_within_bounds(self):
        rows = np.random.default_rng(0).normal(size=(12_000, 3)).astype(np.float32)
        rows[0] = 1e30
        first = score_outliers(rows, seed=5)
        assert first.tobytes() == score_outliers(rows, seed=5).tobytes()
        assert np.isfinite(first).all()
        assert first.min() >= 0
        assert first.max() <= 1
        assert first.argmax() == 0

    @pytest.mark.parametrize(
        "rows",
        [np.zeros((0, 3)), np.zeros((5, 3)), np.zeros((100, 0)), np.zeros((100, 3)), np.eye(100), np.ones((100, 1))],
    )
    def test_degenerate_tables(self, rows):
        score = score_outliers(rows.astype(np.float32))
        assert score.shape == (len(rows),)
        assert not (score > OUTLIER_ABOVE).any()
