import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from burnish.tasks.findings import InputError
from burnish.tasks.limits import ColumnLimits, Limits
from burnish.tasks.outliers import fit_limits

N = 4000
NORMAL = np.random.default_rng(0).normal(10, 2, N)


def between(low, high, replacement=None, method="winsorize"):
    return Limits(method, 3.5, (ColumnLimits("x", low, high, replacement, "mad"),))


class TestApply:
    @settings(deadline=None, max_examples=50)
    @given(
        arrays(np.float64, st.integers(30, 80), elements=st.floats(-1e9, 1e9) | st.just(np.nan)),
        st.sampled_from(["winsorize", "median", "mean", "zero", "drop", "flag", "keep"]),
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
        limits = fit_limits(pd.DataFrame({"x": NORMAL}))
        later = pd.DataFrame({"x": [10.0, 1e6, -1e6, np.inf, np.nan]})
        treated, replaced = limits.apply(later)
        assert replaced["x"].tolist() == [False, True, True, True, False]
        assert treated["x"].tolist()[1:4] == [limits.columns[0].high, limits.columns[0].low, limits.columns[0].high]

    @pytest.mark.parametrize(("method", "expected"), [("zero", 0.0), ("median", 10.0), ("mean", 10.0)])
    def test_replacements(self, method, expected):
        frame = pd.DataFrame({"x": [*NORMAL, 1e6]})
        treated, replaced = fit_limits(frame, method=method).apply(frame)
        assert replaced["x"].iloc[-1]
        assert treated["x"].iloc[-1] == pytest.approx(expected, abs=0.2)

    def test_drop_marks_and_keep_does_nothing(self):
        frame = pd.DataFrame({"x": [*NORMAL, 1e6]})
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
        limits = fit_limits(
            pd.DataFrame({"x": NORMAL, "y": np.exp(NORMAL / 10)}), groups=pd.Series(["a", "b"] * (N // 2), name="lab")
        )
        assert Limits.from_dict(json.loads(json.dumps(limits.to_dict(), allow_nan=False))) == limits

    def test_refuses_a_column_that_is_gone_or_has_turned_to_text(self):
        limits = fit_limits(pd.DataFrame({"x": NORMAL}))
        with pytest.raises(InputError, match="'x' has outlier limits but is not in the data"):
            limits.apply(pd.DataFrame({"y": [1.0]}))
        with pytest.raises(InputError, match="held numbers"):
            limits.apply(pd.DataFrame({"x": ["1"]}))

    def test_flag_says_which_and_changes_nothing(self):
        frame = pd.DataFrame({"x": [*NORMAL, 1e6]})
        treated, outside = fit_limits(frame, method="flag").apply(frame)
        assert outside["x"].iloc[-1]
        assert treated.equals(frame)

    def test_older_stored_limits_are_read(self):
        stored = {"method": "winsorize", "strength": 3.5, "columns": [
            {"column": "x", "low": 0.0, "high": 1.0, "replacement": None, "rule": "mad"}
        ]}  # fmt: skip
        assert Limits.from_dict(stored) == between(0.0, 1.0)

    @pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint64", "int64", "Int8", "UInt8", "Int64"])
    def test_whole_numbers_stay_whole_in_their_type(self, dtype):
        frame = pd.DataFrame({"x": pd.array([0, 1, 50, 100, 120], dtype=dtype)})
        treated, outside = between(1.0, 100.0).apply(frame)
        assert treated["x"].tolist() == [1, 1, 50, 100, 100]
        assert treated["x"].dtype == dtype
        assert outside["x"].tolist() == [True, False, False, False, True]

    @pytest.mark.parametrize("dtype", ["int8", "Int8"])
    def test_what_a_type_cannot_hold_makes_it_wider(self, dtype):
        frame = pd.DataFrame({"x": pd.array([0, -100], dtype=dtype)})
        assert between(-50.0, 2000.0, replacement=1000.0).apply(frame)[0]["x"].tolist() == [0, 1000]
        assert between(-50.5, 2000.0).apply(frame)[0]["x"].tolist() == [0.0, -50.5]
        assert not between(-1e30, 1e30).apply(frame)[1].any(axis=None)

    @settings(deadline=None, max_examples=80)
    @given(
        st.sampled_from(["int8", "uint8", "int64", "uint64", "Int8", "UInt8", "Int64", "UInt64"]),
        st.data(),
        st.booleans(),
    )
    def test_whole_numbers_are_clipped_as_python_would(self, dtype, data, grouped):
        ends = np.iinfo(dtype.lower())
        near = [v for v in (2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, ends.min, ends.max) if ends.min <= v <= ends.max]
        whole = st.integers(int(ends.min), int(ends.max)) | st.sampled_from(near)
        values = data.draw(st.lists(whole, min_size=1, max_size=8))
        low, high = sorted(float(each) for each in data.draw(st.tuples(whole, whole)))
        exact = np.array(values, dtype=dtype.lower())  # pandas goes by way of floats
        frame = pd.DataFrame({"x": pd.array(exact, dtype=dtype)})
        limits = (ColumnLimits("x", low, high, None, "mad"), ColumnLimits("x", low, high, None, "mad", "a"))
        lab = pd.Series(["a"] * len(values), name="lab") if grouped else None
        treated = Limits("winsorize", 3.5, limits[: 1 + grouped], "lab" if grouped else None).apply(frame, lab)[0]["x"]
        assert [int(each) for each in treated] == [
            int(low) if v < low else int(high) if v > high else v for v in values
        ]
        assert treated.dtype == dtype or high > ends.max

    def test_large_whole_numbers_keep_their_last_digit(self):
        large = 2**53 + 1
        frame = pd.DataFrame({"x": np.array([large, -(2**62), 2**63 - 1])})
        treated, outside = between(-1e18, 9.1e18).apply(frame)
        assert treated["x"].tolist() == [large, -(10**18), 9_100_000_000_000_000_000]
        assert outside["x"].tolist() == [False, True, True]

    def test_missing_cells_of_nullable_types_stay_missing(self):
        frame = pd.DataFrame({"x": pd.array([None, 5.0, 900.0], dtype="Float64"), "y": ["a", "b", None]})
        treated, outside = between(0.0, 10.0).apply(frame)
        assert treated["x"].isna().tolist() == [True, False, False]
        assert treated["x"].iloc[2] == 10.0
        assert outside.dtypes.eq(bool).all()

    def test_small_floats_do_not_overflow(self):
        frame = pd.DataFrame({"x": np.array([1.0, 60000.0, np.nan], dtype=np.float16)})
        treated, _ = between(-1e9, 100.0).apply(frame)
        assert treated["x"].dtype == np.float16
        assert treated["x"].iloc[:2].tolist() == [1.0, 100.0]

    def test_columns_without_outliers_are_not_copied(self):
        frame = pd.DataFrame({"x": NORMAL, "y": NORMAL})
        treated, _ = between(-1e9, 1e9).apply(frame)
        assert np.shares_memory(treated["x"].to_numpy(), frame["x"].to_numpy())

    def test_a_column_that_got_a_bool_has_turned(self):
        with pytest.raises(InputError, match="holds none now: give numbers"):
            between(0.0, 1.0).apply(pd.DataFrame({"x": [True, False]}))
