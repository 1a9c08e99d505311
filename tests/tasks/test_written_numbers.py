import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.column_types import type_columns
from burnish.tasks.written_numbers import NumberNotation, find_notation


def typed(*cells):
    return type_columns(pd.DataFrame({"x": list(cells)}, dtype="str"))


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,234.50", "12"], [1234.5, 12]),
        (["1.234,50", "3"], [1234.5, 3]),
        (["1 234", "12"], [1234, 12]),
        (["1\u202f234,5", "7"], [1234.5, 7]),
        (["1'234.5", "2"], [1234.5, 2]),
        (["1,234,567", "2,345"], [1234567, 2345]),
        (["3,5", "12,75"], [3.5, 12.75]),
        (["€ 1.200,5", "€3"], [1200.5, 3]),
        (["12 EUR", "3.5 EUR"], [12, 3.5]),
        (["$1,200", "$3,500"], [1200, 3500]),
        (["-$5", "$2"], [-5, 2]),
        (["(300)", "20"], [-300, 20]),
        (["−3,5", "2,25"], [-3.5, 2.25]),
        (["12%", "7.5 %"], [12, 7.5]),
        (["1e3", "2,000.5"], [1000, 2000.5]),
    ],
)
def test_what_has_one_reading_is_read(cells, numbers):
    found = typed(*cells, None)
    np.testing.assert_array_equal(found.frame["x"].to_numpy(dtype=float, na_value=np.nan), [*numbers, np.nan])
    assert isinstance(found.notations["x"], NumberNotation)
    assert not found.ambiguous


def test_whole_numbers_stay_whole():
    assert str(typed("1,234", "12,345,678").frame["x"].dtype) == "Int64"


@pytest.mark.parametrize("cells", [["1,234", "2,345"], ["1,234", "12"]])
def test_two_readings_stay_text_and_are_said(cells):
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert "1.234" in found.ambiguous["x"] and "1234" in found.ambiguous["x"]


@pytest.mark.parametrize(
    "cells",
    [["$3", "€4"], ["12%", "3"], ["0,123", "007"], ["1.2.3", "4.5.6"], ["12-34", "5"], ["abc1", "1"], ["1,2,3", "4"]],
)
def test_what_is_no_one_number_stays_text(cells):
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert not found.notations


@given(st.lists(st.decimals(-9_999_999, 9_999_999, places=2), min_size=2, max_size=30), st.booleans())
@settings(max_examples=60, deadline=None)
def test_numbers_written_in_groups_come_back(values, german):
    written = [f"{value:,.2f}" for value in values]
    if german:
        written = [each.translate(str.maketrans(",.", ".,")) for each in written]
    notation, _ = find_notation(pd.Series(written, dtype="str").drop_duplicates())
    assert notation is not None
    np.testing.assert_allclose(notation.read(pd.Series(written, dtype="str")), [float(value) for value in values])


def test_a_later_batch_is_read_as_the_first_was():
    first = typed("1.234,5", "7")
    batch = pd.DataFrame({"x": ["1.234", "2"]}, dtype="str")
    assert type_columns(batch, first.notations).frame["x"].tolist() == [1234, 2]
    assert type_columns(batch).frame["x"].tolist() == [1.234, 2]
