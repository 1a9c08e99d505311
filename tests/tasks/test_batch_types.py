import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.batch_types import kinds_of, read_column, zone_findings
from burnish.tasks.column_types import type_columns


def odd(column, kind):
    found = read_column(pd.Series(column), kind).odd
    return [] if found is None else np.flatnonzero(found).tolist()


@pytest.mark.parametrize(
    ("column", "kind", "dtype", "rows"),
    [
        (["1", "2", None], "number", "float64", []),
        (["1", "2"], "number", "int64", []),
        (["1", "x", "2.5"], "number", "float64", [1]),
        ([1, "x", None, 2.5], "number", "float64", [1]),
        ([True, "true", "FALSE", None], "boolean", "boolean", []),
        (["true", "maybe", None], "boolean", "boolean", [1]),
        (["2024-01-01", "soon"], "date", "datetime64[ns]", [1]),
        ([1, 2], "date", "datetime64[ns]", [0, 1]),
        ([1, None], "text", "str", []),
        ([pd.Timestamp("2024-01-01")], "number", "float64", [0]),
        ([[1], "a"], "number", "float64", [0, 1]),
    ],
)
def test_kinds_and_odd_cells(column, kind, dtype, rows):
    read = read_column(pd.Series(column, dtype=object), kind)
    assert str(read.series.dtype) == dtype
    assert odd(pd.Series(column, dtype=object), kind) == rows


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2**64 - 1], dtype="uint64"),
        pd.Series([1, 2**64 - 1], dtype="UInt64"),
        pd.Series(["1", str(2**64 - 1)], dtype="str"),
        pd.Series([1, 10**30], dtype=object),
        pd.Series(["1", "1" + "0" * 30], dtype="str"),
    ],
)
def test_integers_that_do_not_fit_are_floats_and_never_wrap(column):
    read = read_column(column, "number")
    assert read.odd is None
    assert read.series.dtype == "float64"
    assert read.series.max() >= 1.8e19


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=1))
def test_numbers_survive_being_written_as_text(values):
    numbers = read_column(pd.Series(values, dtype="Int64"), "number").series
    texts = read_column(pd.Series([None if v is None else str(v) for v in values], dtype="str"), "number").series
    pd.testing.assert_series_equal(numbers, texts, check_names=False)


def test_categories_are_what_they_are_made_of():
    column = pd.Series([1.0, 2.0, None, 2.0]).astype("category")
    assert read_column(column, "number").odd is None
    assert read_column(pd.Series(["a", "b"]).astype("category"), "text").series.tolist() == ["a", "b"]


def test_zones_are_brought_to_utc():
    read = read_column(pd.Series(["2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00"]), "date")
    assert read.odd is None
    assert set(read.series) == {pd.Timestamp("2024-01-01")}


def test_what_a_suite_says_of_kinds():
    suite = {
        "expectations": [
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "max_value": 3}},
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "d", "min_value": "2024-01-01"}},
            {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "t", "value_set": ["a"]}},
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "z", "regex": "a"}},
            {"type": "expect_column_values_to_be_in_type_list", "kwargs": {"column": "b", "type_list": ["bool"]}},
            {"type": "expect_column_median_to_be_between", "kwargs": {"column": "m", "min_value": 1}},
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "word", "max_value": "m"}},
            {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}},
        ]
    }
    assert kinds_of(suite) == {"n": "number", "d": "date", "t": "text", "z": "text", "b": "boolean", "m": "number"}


@pytest.mark.parametrize(
    ("cells", "phrase"),
    [
        (["2024-01-01T10:00:00+01:00", "2024-01-02T10:00:00Z", "2024-01-03T10:00:00Z"], "Z (2), +01:00 (1)"),
        (["2024-01-01T10:00:00", "2024-01-02T10:00:00Z", "2024-01-03T10:00:00"], "none (2), Z (1)"),
        (["2024-01-01 10:00:00.5-0500", "2024-01-02 10:00", "2024-01-03 10:00"], "none (2), -0500 (1)"),
    ],
)
def test_mixed_zones_are_said(cells, phrase):
    given = pd.DataFrame({"at": pd.Series(cells, dtype="str")})
    (finding,) = zone_findings(given, type_columns(given).frame, pd.Series(["a", "b", "c"]))
    assert phrase in finding.title
    assert len(finding.ids) == 1


@pytest.mark.parametrize(
    "cells",
    [["2024-01-01", "2024-01-02"], ["2024-01-01T10:00:00Z", "2024-01-01T11:00:00+00:00"], ["2024-01-01 10:00", None]],
)
def test_one_zone_is_nothing_to_say(cells):
    given = pd.DataFrame({"at": pd.Series(cells, dtype="str")})
    assert zone_findings(given, type_columns(given).frame, pd.Series(["a", "b"])) == ()
