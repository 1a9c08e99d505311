"""What was learnt decides how a cell is read: the same alone and among others, as text and with a type."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.column_types import type_columns
from burnish.tasks.learnt_types import LearntType
from burnish.tasks.written_dates import DateNotation
from burnish.tasks.written_numbers import NumberNotation

CELLS = st.sampled_from(["1", "2.5", "-3e2", "007", "1,5", "1.200,5", "yes", "No", "0", "2021-02-03", "3.2.2021",
                         "2021", "2021-02-30", "", "?", "-", "inf", "word", None])  # fmt: skip
TYPES = st.sampled_from(
    [
        LearntType("number"),
        LearntType("number", NumberNotation(",", ".")),
        LearntType("boolean"),
        LearntType("date"),
        LearntType("date", DateNotation(("ISO8601", "%d.%m.%Y"))),
    ]
)


@given(TYPES, st.lists(CELLS, min_size=1, max_size=20))
def test_a_cell_is_read_alone_as_among_others(learnt, cells):
    whole = learnt.read(pd.Series(cells, dtype="str"))
    alone = [learnt.read(pd.Series([cell], dtype="str")) for cell in cells]
    assert whole.typed.isna().tolist() == [bool(each.typed.isna().iloc[0]) for each in alone]
    assert all(each.typed.iloc[0] == value for each, value in zip(alone, whole.typed, strict=True) if pd.notna(value))
    assert whole.there == sum(each.there for each in alone)
    assert whole.unreadable == sum(each.unreadable for each in alone)


@pytest.mark.parametrize("cells", [["1", "2"], ["1.5", "1e9"], ["true", "FALSE"], ["yes", "no"], ["2021-02-03"]])
def test_plain_cells_are_read_as_the_run_read_them(cells):
    column = pd.Series([*cells, None], dtype="str", name="x")
    typed = type_columns(column.to_frame()).frame["x"]
    kind = {"b": "boolean", "M": "date"}.get(typed.dtype.kind, "number")
    pd.testing.assert_series_equal(LearntType(kind).read(column).typed, typed)


@pytest.mark.parametrize(
    "kind, column, unreadable",
    [
        ("number", pd.Series([1, 2]), 0),
        ("number", pd.Series([2**60, 1]), 0),
        ("number", pd.Series([True, False]), 2),
        ("number", pd.to_datetime(pd.Series(["2021-02-03"])), 1),
        ("date", pd.to_datetime(pd.Series(["2021-02-03", None])), 0),
        ("date", pd.Series([20210203, 2021]), 2),
        ("date", pd.Series([np.nan, np.nan]), 0),
        ("boolean", pd.Series([1.0, 0.0, np.nan]), 0),
        ("boolean", pd.Series([0, 2]), 1),
        ("number", pd.Series(["1", "x"], dtype="category"), 1),
    ],
)
def test_columns_with_types_are_read_by_the_same_rule(kind, column, unreadable):
    read = LearntType(kind).read(column.rename("x"))
    assert read.unreadable == unreadable
    assert read.there == column.notna().sum()
    assert read.typed.isna().sum() == column.isna().sum() + unreadable
