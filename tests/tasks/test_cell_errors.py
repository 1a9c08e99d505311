import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dependencies import places

from burnish.tasks.cell_errors import find_cell_errors, search_cells


def table(seed: int = 0) -> pd.DataFrame:
    frame = places(1000, 0, seed)
    rng = np.random.default_rng(seed + 100)
    frame["size"] = rng.choice(["small", "medium", "large"], len(frame))
    frame["share"] = [f"{each}%" for each in rng.integers(0, 100, len(frame))]
    return frame


def test_each_kind_of_error_is_found_with_its_repair() -> None:
    frame = table()
    right = frame.copy()
    frame.loc[3, "size"] = "medoum"
    frame.loc[4, "share"] = "seven per cent"
    frame.loc[5, "city"] = ""
    frame.loc[6, "city"] = "c49" if frame.loc[6, "city"] != "c49" else "c1"
    frame.loc[7, "size"] = "N/A"
    found = find_cell_errors(frame).set_index("row").sort_index()
    assert found["kind"].to_dict() == {
        3: "typo", 4: "pattern", 5: "missing", 6: "dependency", 7: "placeholder",
    }  # fmt: skip
    for row, column in ((3, "size"), (5, "city"), (6, "city")):
        assert found.loc[row, "repair"] == right.loc[row, column]


def test_nothing_is_found_where_nothing_is_wrong_and_nothing_is_changed() -> None:
    frame = table(1)
    before = frame.copy()
    found = find_cell_errors(frame)
    assert found.empty
    assert list(found.columns) == ["row", "column", "value", "repair", "kind", "why", "confidence"]
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_random_tables_are_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{i}": rng.integers(0, 2 + 3 * i, 300).astype(str) for i in range(4)})
    frame["x"] = rng.normal(size=300)
    assert len(find_cell_errors(frame)) <= 2


def test_a_cell_is_named_once_the_surest_first_and_the_same_again() -> None:
    frame = places(1000, 30)
    frame.loc[40, "city"] = "cx"
    found = find_cell_errors(frame, confidence=0.0)
    assert not found.duplicated(["row", "column"]).any()
    assert found["confidence"].is_monotonic_decreasing
    assert found["confidence"].between(0, 1).all()
    pd.testing.assert_frame_equal(found, find_cell_errors(frame, confidence=0.0))


def test_where_two_columns_decide_one_another_the_blame_is_shared() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 20, 1000)
    frame = pd.DataFrame({"code": [f"k{i}" for i in codes], "name": [f"n{i}" for i in codes]})
    frame.loc[0, "name"] = "n5" if codes[0] != 5 else "n6"
    found = find_cell_errors(frame)
    assert set(found["column"]) == {"code", "name"}
    assert (found["confidence"] < 0.6).all()


def test_rows_that_differ_as_a_whole_are_no_errors() -> None:
    rng = np.random.default_rng(0)
    measures = [f"{a}{b}" for a in ("heart", "lung", "liver", "kidney") for b in ("care", "visit", "test", "dose")]
    frame = pd.DataFrame({"state": "al", "average": [f"al_{each}" for each in rng.choice(measures, 1000)]})
    frame.loc[:15, "state"] = "ak"
    frame.loc[:15, "average"] = [f"ak_{each}" for each in measures]
    assert not (find_cell_errors(frame)["column"] == "average").any()


def test_long_tables_are_searched_in_part_and_rows_keep_their_positions() -> None:
    frame = table()
    frame["size"] = "N/A"
    found = search_cells(frame, most_rows=100)
    assert found.searched == 100
    assert found.rows == 1000
    assert found.cells["row"].max() > 200
    assert len(found.cells) == 100


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": [None, None]}), pd.DataFrame({"a": ["x"]})]
)
def test_tables_with_nothing_in_them_give_nothing(frame: pd.DataFrame) -> None:
    assert find_cell_errors(frame).empty


def test_typed_columns_are_searched_too() -> None:
    frame = pd.DataFrame({"n": pd.array([*range(20, 70), 999, 999], dtype="Int64"), "when": pd.Timestamp("2020-01-01")})
    found = find_cell_errors(frame)
    assert found["value"].tolist() == ["999", "999"]
    assert set(found["kind"]) == {"placeholder"}


def test_a_word_for_missing_stays_one_where_other_columns_tell_its_value() -> None:
    rows = [("35233", "birmingham"), ("35611", "athens"), ("36049", "luverne"), ("35957", "boaz")] * 10
    cells = find_cell_errors(pd.DataFrame([*rows, ("35957", "N/A")], columns=["zip", "city"]))
    assert cells[["row", "kind", "repair"]].to_numpy().tolist() == [[40, "placeholder", "boaz"]]
