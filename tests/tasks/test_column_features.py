import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from burnish.tasks.column_features import FARTHEST, as_numbers, fit_category, fit_number
from burnish.tasks.findings import InputError


def test_numbers_are_standardised_as_by_sklearn():
    values = np.random.default_rng(0).gamma(2, 3, 200)
    column = fit_number(pd.Series(values, name="x"), "number")
    ours = column.transform(pd.Series(values, name="x"))
    np.testing.assert_allclose(ours[:, 0], StandardScaler().fit_transform(values[:, None])[:, 0], rtol=1e-5, atol=1e-6)
    assert column.names == ["x"]


def test_missing_becomes_the_median_and_a_column():
    column = fit_number(pd.Series([1.0, 2.0, 9.0, np.nan], name="x"), "number")
    made = column.transform(pd.Series([np.nan, 2.0, np.inf], name="x"))
    assert made[0, 0] == made[1, 0] == made[2, 0]
    assert made[:, 1].tolist() == [1, 0, 1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=30))
def test_any_number_gives_finite_features_within_bounds(values):
    train = pd.Series(np.random.default_rng(0).normal(size=500), name="x")
    made = fit_number(train, "number").transform(pd.Series(values, name="x", dtype=float))
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= FARTHEST


def test_bins_fill_from_the_left():
    train = pd.Series(np.arange(1000.0), name="x")
    column = fit_number(train, "number")
    bins = column.transform(pd.Series([-5.0, 499.5, 2000.0], name="x"))[:, 1:]
    assert bins[0].sum() == 0
    assert (bins[2] == bins.max()).all()
    assert bins[1].sum() == pytest.approx(bins[2].sum() / 2)
    assert (np.diff(bins[1]) <= 0).all()
    assert len(column.names) == bins.shape[1] + 1


def test_where_most_cells_are_one_value_the_bins_lie_among_the_others():
    values = np.where(np.arange(1000) % 10 == 0, np.arange(1000.0), 0.0)
    knots = fit_number(pd.Series(values, name="x"), "number").knots
    assert len(knots) >= 5
    assert knots[0] == 0


def test_integers_and_booleans_with_missing_cells():
    whole = pd.Series([1, None, 3], dtype="Int64", name="x")
    assert as_numbers(whole, "number").tolist()[::2] == [1, 3]
    truth = pd.Series([True, None, False], dtype="boolean", name="x")
    assert fit_number(truth, "boolean").transform(truth).shape == (3, 2)


def test_dates_know_their_season():
    dates = pd.Series(pd.to_datetime(["2021-01-04", "2022-01-03", None, "2021-07-05"]), name="day")
    column = fit_number(dates, "date")
    made = column.transform(dates)
    assert column.names == [
        "day",
        "day month sin",
        "day month cos",
        "day weekday sin",
        "day weekday cos",
        "day missing",
    ]
    np.testing.assert_allclose(made[0, 1:5], [0, 1, 0, 1], atol=1e-6)
    np.testing.assert_allclose(made[1, 1:3], made[0, 1:3])
    np.testing.assert_allclose(made[3, 1:3], [0, -1], atol=1e-6)
    np.testing.assert_allclose(made[2, 1:], [0, 0, 0, 0, 1])


def test_dates_with_a_time_zone():
    dates = pd.Series(pd.to_datetime(["2021-01-04", "2022-01-03"]), name="day")
    column = fit_number(dates, "date")
    np.testing.assert_allclose(column.transform(dates), column.transform(dates.dt.tz_localize("UTC")))


def test_text_where_numbers_were_is_refused():
    column = fit_number(pd.Series([1.0, 2.0], name="age"), "number")
    with pytest.raises(InputError, match="age"):
        column.transform(pd.Series(["old", "1"], name="age"))


def test_categories_one_column_a_level_and_one_for_the_rest():
    train = pd.Series(["a"] * 5 + ["b"] * 4 + ["c", None], name="t")
    column = fit_category(train)
    assert column.names == ["t = a", "t = b", "t other", "t missing"]
    made = column.transform(pd.Series(["b", "never seen", None, "c"], name="t"))
    assert made.tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]


def test_many_levels_stay_narrow_and_read_no_label():
    rng = np.random.default_rng(0)
    train = pd.Series([f"level {i}" for i in rng.geometric(0.01, 5000)], name="t")
    column = fit_category(train)
    made = column.transform(train)
    assert made.shape[1] == len(column.names) <= 85
    common, rare = train.value_counts().index[0], train.value_counts().index[-1]
    shares = column.transform(pd.Series([common, rare, "never seen"], name="t"))[:, column.names.index("t how common")]
    assert shares[0] == 1
    assert shares[0] > shares[1] >= shares[2] == 0


def test_dates_beyond_the_range_of_nanoseconds() -> None:
    days = pd.Series(pd.array(["1500-01-01", "1970-01-02", "9999-12-31"], dtype="datetime64[us]"), name="until")
    assert as_numbers(days, "date").tolist() == [-171664.0, 1.0, 2932896.0]


def test_rare_levels_share_signs_that_tell_them_apart():
    train = pd.Series([f"level {i // 3}" for i in range(900)], name="t")
    column = fit_category(train)
    made = column.transform(train)
    shared = made[:, [name.startswith("t hash") for name in column.names]]
    rare = ~train.isin(column.levels).to_numpy()
    assert shared.shape[1] == 32
    assert len(np.unique(shared[rare], axis=0)) == 250
    np.testing.assert_allclose(np.square(shared[rare]).sum(axis=1), 1, rtol=1e-5)
    assert not shared[~rare].any()
    assert not column.transform(pd.Series(["new", None], name="t"))[:, -32:].any()
