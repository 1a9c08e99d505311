import numpy as np
import pandas as pd

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.cell_errors import find_cell_errors
from burnish.tasks.code_slips import find_code_slips
from burnish.tasks.dependencies import find_dependencies


def places(zips: list[str], *, cities: int, rows: int = 3_000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(zips), rows)
    of = rng.integers(0, cities, len(zips))
    names = np.array([f"city {letter * 3}" for letter in "abcdefghij"], dtype=object)
    return pd.DataFrame({"zip": np.array(zips, dtype=object)[drawn], "city": names[of[drawn]]})


def found(frame: pd.DataFrame) -> set[int]:
    columns = read_columns(frame)
    slips = find_code_slips(columns, find_dependencies(columns)[0])
    return {row for each in slips if each.confidence >= 0.6 for row in each.rows.tolist()}


def test_swapped_digits_are_found_and_repaired() -> None:
    rng = np.random.default_rng(1)
    frame = places([f"{each:05d}" for each in rng.choice(99_999, 100, replace=False)], cities=10)
    right = frame["zip"].copy()
    for row in range(0, 300, 10):
        text = frame.loc[row, "zip"]
        frame.loc[row, "zip"] = text[:2] + text[3] + text[2] + text[4]
    wrong = set(np.flatnonzero(frame["zip"] != right).tolist())
    assert len(found(frame) & wrong) >= 0.9 * len(wrong)
    assert not found(frame) - wrong
    cells = find_cell_errors(frame).set_index("row")
    cells = cells[cells["column"] == "zip"]
    assert (cells["repair"] == right[cells.index]).all()


def test_dense_codes_and_those_that_follow_one_another_are_left_alone() -> None:
    dense = places([str(each) for each in range(1_000, 1_100)], cities=2)
    dense.loc[5, "zip"] = "1150"
    assert not found(dense)
    assert not found(places([str(each) for each in range(10_000, 99_000, 700)], cities=10))
