from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.suites import date_suite, learn_suite, learning_findings
from burnish.tasks.validate import enforce_suite


def of_column(suite, column, part=""):
    return [e for e in suite["expectations"] if e["kwargs"].get("column") == column and part in e["type"]]


def failed(frame, suite):
    return [(r.column, r.expectation) for r in enforce_suite(frame, suite).failures]


def orders(n, seed=0, rate=0.3):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "label": pd.Series(np.where(rng.random(n) < rate, "yes", "no"), dtype="str"),
            "code": pd.Series([f"AT-{value:06d}" for value in rng.permutation(10**6)[:n]], dtype="str"),
            "number": rng.permutation(10**6)[:n],
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="m"),
        }
    )


def test_forms_and_keys():
    suite = learn_suite(orders(1000), label_column="label")
    assert of_column(suite, "code", "regex")[0]["kwargs"]["regex"] == "^AT-[0-9]{6}$"
    assert of_column(suite, "code", "unique")
    assert of_column(suite, "number", "unique")
    assert not of_column(suite, "label", "unique")
    bad = orders(500, 1)
    bad["code"] = bad["code"].str.removeprefix("AT-")
    bad["number"] = bad["number"] % 100
    assert failed(bad, suite) == [
        ("code", "expect_column_values_to_match_regex"),
        ("number", "expect_column_median_to_be_between"),
        ("number", "expect_column_values_to_be_unique"),
        ("code", "expect_column_value_lengths_to_be_between"),
    ]


def test_the_balance_of_labels():
    suite = learn_suite(orders(3000), label_column="label")
    assert failed(orders(1000, 1), suite) == []
    few, many = enforce_suite(orders(1000, 1, 0.05), suite), enforce_suite(orders(1000, 1, 0.8), suite)
    assert [(r.column, r.severity) for r in (*few.failures, *many.failures)] == [("label", "warning")] * 2
    assert few.failures[0].expected.startswith("at least")
    assert many.failures[0].expected.startswith("at most")
    assert many.failures[0].observed.endswith("%")
    assert many.failures[0].row_positions == ()


def test_one_class_has_no_balance_and_many_are_not_all_watched():
    assert not of_column(learn_suite(pd.DataFrame({"y": ["a"] * 99}), label_column="y"), "y", "not_be_in_set")
    many = pd.DataFrame({"y": [f"c{i % 50}" for i in range(50_000)]})
    assert len(of_column(learn_suite(many, label_column="y"), "y", "not_be_in_set")) == 10


def test_freshness():
    suite = learn_suite(orders(1000), label_column="label")
    stale = orders(500, 1)
    assert failed(stale, suite) == []
    stale["at"] -= pd.Timedelta(400, "D")
    assert ("at", "expect_column_max_to_be_between") in failed(stale, suite)


def test_freshness_from_today():
    frame = orders(1000)
    suite = learn_suite(frame, label_column="label", max_age_days=30)
    newest = frame["at"].max().date()
    assert failed(frame, date_suite(suite, newest)) == []
    late = date_suite(suite, date(newest.year + 1, 1, 1))
    (failure,) = enforce_suite(frame, late).failures
    assert (failure.column, failure.severity) == ("at", "warning")
    assert "or later" in failure.expected
    assert suite != late
    with pytest.raises(InputError, match="max_age_days"):
        date_suite({"expectations": [{"type": "a", "meta": {"max_age_days": "soon"}}]}, newest)


def test_a_set_that_would_leave_most_out_is_none():
    rng = np.random.default_rng(0)
    codes = pd.DataFrame({"zip": pd.Series([f"{v:05d}" for v in rng.integers(0, 2000, 100_000)], dtype="str")})
    suite = learn_suite(codes)
    assert not of_column(suite, "zip", "in_set")
    assert of_column(suite, "zip", "regex")[0]["kwargs"]["regex"] == "^[0-9]{5}$"


def test_rows_are_those_of_train():
    frame = orders(1000)
    rows = np.arange(1000) < 700
    assert learn_suite(frame, rows=rows, label_column="label") == learn_suite(frame[rows], label_column="label")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([120, 700]), st.floats(0, 1))
def test_what_was_learnt_from_keeps_its_contract(seed, n, missing):
    rng = np.random.default_rng(seed)
    frame = orders(n, seed)
    frame["amount"] = np.where(rng.random(n) < missing, np.nan, rng.lognormal(size=n))
    frame["kind"] = pd.Series(rng.choice(["a", "b", "c", None], n), dtype="str")
    suite = learn_suite(frame, label_column="label")
    assert failed(frame, suite) == []
    assert learn_suite(frame, label_column="label") == suite


def test_what_rises_with_time_is_not_bounded_above():
    n = 1000
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(n), unit="D")
    frame = pd.DataFrame(
        {
            "at": days,
            "shipped": days + pd.to_timedelta(np.random.default_rng(0).integers(0, 9, n), unit="D"),
            "number": np.cumsum(np.random.default_rng(2).poisson(3, n)),
            "serial": np.arange(n),
            "left": np.arange(n, 0, -1.0),
            "month": pd.Series(days.strftime("%Y-%m"), dtype="str"),
            "price": np.random.default_rng(1).normal(10, 1, n),
        }
    )
    old = np.arange(n) < 700
    suite = learn_suite(frame, rows=old, time=frame["at"])
    assert not failed(frame, suite)
    assert failed(frame.iloc[700:], suite) == []
    assert failed(frame.assign(at=frame["at"] - pd.Timedelta(days=2000)), suite)
    assert ("at", "expect_column_values_to_be_between") in failed(frame, learn_suite(frame, rows=old))
    bounds = of_column(suite, "number", "column_values_to_be_between")[0]
    assert set(bounds["kwargs"]) == {"column", "min_value", "mostly"}
    assert not of_column(suite, "serial", "between")[1:]
    assert "max_value" in of_column(suite, "price", "column_values_to_be_between")[0]["kwargs"]


def test_types_that_a_library_caller_may_bring_keep_their_own_contract():
    numbers = np.arange(300) % 7
    frame = pd.DataFrame(
        {
            "decimals": pd.Series([Decimal(int(k)) / 4 for k in numbers]).astype(pd.ArrowDtype(pa.decimal128(5, 2))),
            "spans": pd.to_timedelta(numbers, unit="h"),
            "zoned": pd.date_range("2021", periods=300, tz="Europe/Berlin"),
            "missing": pd.array(np.where(numbers == 3, None, numbers), dtype="Int64"),
            "yes": pd.array(np.where(numbers == 3, None, numbers > 3), dtype="boolean"),
            "level": pd.Categorical(numbers),
        }
    )
    assert not failed(frame, learn_suite(frame))
    with pytest.raises(InputError, match="'z' holds complex numbers"):
        learn_suite(pd.DataFrame({"z": [1j, 2.0]}))


def bounds_of(suite, column):
    (between,) = of_column(suite, column, "column_values_to_be_between")
    return between["kwargs"]


def test_wild_values_widen_no_range():
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 1000), unit="D")
    frame = pd.DataFrame({"weight": rng.normal(75, 10, 1000), "kids": rng.poisson(2, 1000), "at": days})
    frame.loc[3, "weight"], frame.loc[[4, 5], "kids"], frame.loc[6, "at"] = 7500, 999, pd.Timestamp("1900-01-01")
    suite = learn_suite(frame)
    assert bounds_of(suite, "weight")["max_value"] < 150
    assert bounds_of(suite, "kids")["max_value"] < 20
    assert bounds_of(suite, "at")["min_value"] > "2023"
    assert failed(frame, suite) == []
    (said,) = learning_findings(suite)
    assert said.title == (
        "4 unusual cells were left out of the contract: weight (1, such as 7500), "
        "kids (2, such as 999), at (1, such as 1900-01-01)"
    )
    assert not learning_findings(learn_suite(frame.iloc[10:]))


def test_slips_are_no_categories():
    sites = pd.Series(["north", "south", "west", "east"] * 200 + ["noth", "souht", "harbour"], dtype="str")
    frame = pd.DataFrame({"site": sites})
    suite = learn_suite(frame)
    (known,) = of_column(suite, "site", "in_set")
    assert known["kwargs"]["value_set"] == ["east", "harbour", "north", "south", "west"]
    assert failed(frame, suite) == []
    (said,) = learning_findings(suite)
    assert said.title == ("2 unusual cells were left out of the contract: site (2, such as noth and souht)")


def test_codes_have_no_median_and_ids_no_range():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"serial": rng.permutation(np.arange(5000, 6000)), "zip": rng.choice([20095, 1067], 1000)})
    suite = learn_suite(frame)
    assert not of_column(suite, "serial", "column_values_to_be_between")
    assert of_column(suite, "serial", "unique")
    assert bounds_of(suite, "zip")["min_value"] == 0
    assert not [each for name in frame for each in of_column(suite, name, "median")]
    assert failed(frame.assign(serial=frame["serial"] + 1000, zip=20095), suite) == []


LAWS = {
    "lognormal": lambda rng, n: rng.lognormal(3, 1, n),
    "student": lambda rng, n: rng.standard_t(2, n),
    "pareto": lambda rng, n: rng.pareto(0.8, n),
    "counts": lambda rng, n: rng.negative_binomial(1, 0.05, n),
    "zeros": lambda rng, n: np.where(rng.random(n) < 0.9, 0, rng.lognormal(8, 2, n).round()),
    "two_modes": lambda rng, n: rng.normal(0, 1, n) + np.where(rng.random(n) < 0.015, 50, 0),
    "ratings": lambda rng, n: rng.choice([1, 2, 3, 4, 5], n, p=[0.01, 0.03, 0.9, 0.04, 0.02]),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [60, 600])
def test_the_rest_of_a_table_keeps_the_ranges_of_its_training_rows(law, n):
    broken = 0
    for seed in range(10):
        frame = pd.DataFrame({"x": LAWS[law](np.random.default_rng(seed), n)})
        (between,) = of_column(learn_suite(frame.iloc[: 6 * n // 10]), "x", "column_values_to_be_between")
        bounds = between["kwargs"]
        inside = frame["x"].between(bounds["min_value"], bounds["max_value"])
        broken += inside.mean() < bounds["mostly"]
    assert broken == 0
