import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.row_hashes import as_values, hash_column, neighbours, others_in, pairs_in

COLUMNS = {
    "whole": pd.Series([10**18, 10**18 + 1, 10**18, -1]),
    "whole or missing": pd.Series([10**18, None, 10**18, 0], dtype="Int64"),
    "number": pd.Series([0.0, np.nan, -0.0, 1e300]),
    "flag": pd.Series([True, None, True, False], dtype="boolean"),
    "date": pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-01", "2021-01-01"])),
    "text": pd.Series([" A  b", None, "a B", "c"], dtype="str"),
    "category": pd.Series(["x", None, "X", "y"], dtype="category"),
    "object": pd.Series(["x", None, "x", 3], dtype=object),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_equal_values_alone_have_equal_hashes(name: str) -> None:
    given_values = COLUMNS[name].copy()
    hashes = hash_column(COLUMNS[name], 3)
    assert hashes[0] == hashes[2]
    assert len(set(hashes[[0, 1, 3]].tolist())) == 3
    assert not set(hashes.tolist()) & set(hash_column(COLUMNS[name], 4).tolist())
    pd.testing.assert_series_equal(COLUMNS[name], given_values)


def test_missing_values_lie_below_all() -> None:
    assert as_values(pd.Series([1.5, None])).tolist() == [1.5, -np.inf]
    assert as_values(pd.Series(pd.to_datetime([None, "1970-01-01"]))).tolist() == [-np.inf, 0]


@given(st.lists(st.integers(0, 6), max_size=40))
def test_pairs_and_others_are_those_of_a_count(keys: list[int]) -> None:
    key = np.array(keys, dtype=np.uint64)
    sizes = pd.Series(keys, dtype="int64").map(pd.Series(keys, dtype="int64").value_counts())
    assert others_in(key).tolist() == (sizes - 1).tolist()
    assert pairs_in(key.copy()) == (sizes - 1).sum() / 2
    linked = neighbours(key)
    assert len(linked) == len(keys) - len(set(keys))
    assert (key[linked[:, 0]] == key[linked[:, 1]]).all()
