import numpy as np
import pandas as pd
import pytest

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.findings import InputError


def test_a_column_is_its_distinct_values_and_empty_cells_have_none() -> None:
    column = read_columns(pd.DataFrame({"a": ["x", None, " ", "y", "x"]}))[0]
    assert column.texts == ("x", "y")
    assert column.codes.tolist() == [0, -1, -1, 1, 0]
    assert column.counts.tolist() == [2, 1]
    assert column.filled == 3


def test_typed_columns_give_the_text_of_their_values() -> None:
    frame = pd.DataFrame({"n": pd.array([1, None, 2], dtype="Int64"), "x": [1.0, 2.5, np.nan]})
    whole, real = read_columns(frame)
    assert (tuple(whole.texts), tuple(real.texts)) == (("1", "2"), ("1", "2.5"))
    assert whole.typed
    assert real.is_numeric


def test_values_and_rows_can_be_taken_for_empty() -> None:
    column = read_columns(pd.DataFrame({"a": ["x", "y", "x"]}))[0]
    assert column.without([0]).codes.tolist() == [-1, 1, -1]
    assert column.without([0]).counts.tolist() == [0, 1]
    assert column.without_rows(np.array([0])).counts.tolist() == [1, 1]
    assert column.without([]) is column


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}, np.array([1, 2])])
def test_values_that_are_no_single_ones_are_refused_by_name(value) -> None:
    with pytest.raises(InputError, match="column 'odd' holds"):
        read_columns(pd.DataFrame({"odd": [value] * 3}))
