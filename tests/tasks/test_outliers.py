import numpy as np
import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.outliers import extreme_columns, fit_limits, summarize_limits

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
        assert rules["a_small_mode"] == "skewed"
        assert limits_of(np.random.default_rng(0).pareto(0.7, 20_000)).high is None
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
        assert 3.5 < found.high < 5
        assert limits_of(values) == found

    @pytest.mark.parametrize(
        "options", [{"method": "winsorise"}, {"rule": "iqr"}, {"strength": 0}, {"strength": float("nan")}]
    )
    def test_refuses(self, options):
        with pytest.raises(InputError, match=next(iter(options))):
            fit_limits(pd.DataFrame({"x": [1.0]}), **options)

    def test_rows_say_which_to_learn_from(self):
        frame = pd.DataFrame({"x": np.r_[SHAPES["normal"], SHAPES["normal"] * 100]})
        train = np.arange(2 * N) < N
        assert fit_limits(frame, rows=train) == fit_limits(frame[train])

    def test_groups_have_limits_of_their_own(self):
        rng = np.random.default_rng(0)
        lab = pd.Series(["a"] * 500 + ["b"] * 500 + ["c"] * 5 + [None] * 5, name="lab")
        frame = pd.DataFrame({"x": np.r_[rng.normal(0, 1, 500), rng.normal(1000, 1, 500), np.zeros(10)]})
        limits = fit_limits(frame, groups=lab)
        assert limits.by == "lab"
        assert [each.group for each in limits.columns] == [None, "a", "b"]
        later = pd.DataFrame({"x": [1000.0, 1000.0, 1000.0, 1000.0, 0.0], "lab": ["a", "b", "z", None, "b"]})
        _, outside = limits.apply(later)
        assert outside["x"].tolist() == [True, False, False, False, True]
        with pytest.raises(InputError, match="learnt by 'lab'"):
            limits.apply(later[["x"]])

    def test_too_many_groups_are_refused(self):
        with pytest.raises(InputError, match="1,001 values with 30 rows"):
            many = pd.Series(np.arange(30 * 1001) % 1001, name="id")
            fit_limits(pd.DataFrame({"x": np.arange(30 * 1001.0)}), groups=many)

    def test_groups_too_small_have_the_limits_of_the_column(self):
        frame = pd.DataFrame({"x": SHAPES["normal"]})
        alone = pd.Series(np.arange(N), name="id")
        limits = fit_limits(frame, groups=alone)
        assert limits.columns == fit_limits(frame).columns

    def test_wide_tables_and_all_rows_outliers(self):
        rng = np.random.default_rng(0)
        wide = pd.DataFrame(rng.normal(size=(60, 500)), columns=[f"c{i}" for i in range(500)])
        wide.iloc[3, 7] = 1e9
        treated, outside = fit_limits(wide).apply(wide)
        assert outside.iloc[3, 7]
        assert treated.iloc[3, 7] < 100
        everything = pd.DataFrame({"x": np.where(rng.random(1000) < 0.5, -1e9, 1e9)})
        assert not fit_limits(everything).apply(everything)[1].any(axis=None)

    def test_infinities_teach_nothing(self):
        frame = pd.DataFrame({"x": [*SHAPES["normal"], np.inf, -np.inf]})
        assert fit_limits(frame) == fit_limits(frame.iloc[:N])
        assert limits_of([np.inf] * 50).rule == "left alone: too few values"
        treated, _ = fit_limits(frame).apply(frame)
        assert np.isfinite(treated["x"]).all()


def test_summary():
    frame = pd.DataFrame({"x": [*SHAPES["normal"], 1e6], "n": ["a"] * (N + 1)})
    limits = fit_limits(frame)
    _, replaced = limits.apply(frame)
    (row,) = summarize_limits(limits, replaced, pd.Series(["train"] * N + ["test"]))
    assert row["column"] == "x"
    assert row["replaced_test"] == 1
    assert row["replaced_dev"] == 0


def test_extreme_columns_are_named():
    frame = pd.DataFrame({"x": [*SHAPES["normal"], 1e6, -1e6], "y": [*SHAPES["normal"], 10.0, 1e6]})
    named = extreme_columns(fit_limits(frame, method="flag").apply(frame)[1])
    assert named.iloc[-2:].tolist() == [("x",), ("x", "y")]
    assert (named.iloc[: N - 100] == ()).mean() > 0.99


def test_summary_gives_the_limits_of_each_group():
    rng = np.random.default_rng(0)
    lab = pd.Series(["a", "b"] * 500, name="lab")
    frame = pd.DataFrame({"x": np.where(lab == "a", 0.0, 1000.0) + rng.normal(0, 1, 1000)})
    limits = fit_limits(frame, groups=lab)
    (row,) = summarize_limits(limits, limits.apply(frame, lab)[1], pd.Series(["train"] * 1000))
    assert row["groups"] == 2
    first, second = row["of_groups"]
    assert (first["group"], second["group"]) == ("a", "b")
    assert first["high"] < 100 < 900 < second["low"]


class TestWhatIsNoQuantity:
    TOWNS = np.r_[np.repeat([20095.0, 20457.0, 22085.0], 400), np.repeat([1067.0, 98527.0], 3)]

    def test_codes_are_left_alone(self):
        frame = pd.DataFrame({"plz": self.TOWNS, "price": self.TOWNS})
        code, price = fit_limits(frame).columns
        assert (code.low, code.high, code.rule) == (None, None, "left alone: codes")
        assert price.rule != code.rule
        assert fit_limits(frame, rule="mad").columns[0].high is not None

    def test_ids_under_any_name_are_left_alone(self):
        numbers = np.random.default_rng(0).permutation(np.arange(7_000.0, 9_000.0))
        numbers[3] = 4e9
        assert limits_of(numbers).rule == "left alone: codes"

    def test_ids_of_many_rows_are_known_by_a_sample(self):
        assert limits_of(np.random.default_rng(0).permutation(np.arange(400_000.0))).rule == "left alone: codes"

    @pytest.mark.parametrize("mean", [3, 12, 40])
    def test_counts_have_no_limit_below_nought(self, mean):
        counts = np.random.default_rng(mean).poisson(mean, N).astype(float)
        assert (limits_of(counts).low or 0) >= 0
        assert (limits_of(-counts).high or 0) <= 0
        assert (limits_of(np.r_[counts, -999.0]).low or 0) >= 0

    def test_what_is_negative_may_be_so(self):
        assert limits_of(SHAPES["normal"] - 10).low < -3
