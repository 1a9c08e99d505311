"""Cells that cannot be read are counted over parts; most of a column is refused, and one cell never."""

import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.learnt_types import LearntType
from burnish.tasks.misfits import Misfits

NUMBER = LearntType("number")


def counted(*parts):
    misfits = Misfits()
    for part in parts:
        misfits.count("fee", NUMBER, NUMBER.read(pd.Series(part, dtype="str")))
    return misfits


def test_parts_make_no_difference():
    cells = ["a", "1", "b", "a", "2", "3", "4", None]
    whole, parts = counted(cells), counted(*([cell] for cell in cells))
    assert whole.columns == parts.columns
    assert whole.sentence() == "cells that cannot be read count as missing: 3 of 7 in 'fee' ('a', 'b')"


@pytest.mark.parametrize("cells", [["x"], ["x", None, "?"], ["x", "1"], ["x", "y", "1", "2"], ["1"], [None, None]])
def test_one_cell_or_half_of_them_is_not_refused(cells):
    counted(cells).refuse()


@pytest.mark.parametrize("cells", [["x", "x"], ["x", "y", "1"], ["x", "y", None, "?"]])
def test_most_of_several_are_refused(cells):
    with pytest.raises(InputError, match="column 'fee' held numbers in the data of the run, and 2 of"):
        counted(cells).refuse()


def test_nothing_is_said_of_one_empty_row():
    assert counted([None]).sentence() is None
    assert counted([None], [None]).sentence() == "'fee' is empty throughout"
