import pandas as pd
import pytest

from burnish.tasks.cell_columns import ValueSuspect, read_columns
from burnish.tasks.suspicions import COLUMNS, NO_CELLS, combine, expand_values


def test_two_doubts_about_a_cell_make_one_line_with_the_repair_there_is() -> None:
    columns = read_columns(pd.DataFrame({"a": ["x", "y", "x"]}))
    doubts = [ValueSuspect(0, "pattern", None, "odd", 0.9), ValueSuspect(0, "typo", "y", "near", 0.5)]
    cells = combine(pd.concat(expand_values(columns[0], doubts)), columns)
    assert list(cells.columns) == COLUMNS
    assert cells["row"].tolist() == [0, 2]
    assert cells["kind"].tolist() == ["pattern", "pattern"]
    assert cells["repair"].tolist() == ["y", "y"]
    assert cells["confidence"].tolist() == pytest.approx([0.95, 0.95])


def test_no_suspicion_makes_no_cell() -> None:
    columns = read_columns(pd.DataFrame({"a": ["x"]}))
    assert list(combine(NO_CELLS, columns).columns) == COLUMNS
    assert not expand_values(columns[0], [])
