import numpy as np
import pandas as pd
from test_dependencies import places

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.dependencies import find_dependencies
from burnish.tasks.violations import find_exceptions


def doubted(frame: pd.DataFrame, decided: int) -> dict[int, str]:
    columns = read_columns(frame)
    found, _ = find_dependencies(columns)
    exceptions = find_exceptions(columns, found, decided)
    sure = exceptions.confidence >= 0.6
    return {
        row: columns[decided].texts[code]
        for row, code in zip(exceptions.rows[sure].tolist(), exceptions.repairs[sure].tolist(), strict=True)
    }


def test_cells_that_break_a_rule_are_named_with_their_repair() -> None:
    frame = places()
    right = places(errors=0)["city"]
    wrong = np.flatnonzero(frame["city"] != right)
    found = doubted(frame, 1)
    assert set(found) <= set(wrong.tolist())
    assert len(found) >= 0.9 * len(wrong)
    assert all(found[row] == right[row] for row in found)


def test_a_gap_that_its_group_fills_is_named() -> None:
    frame = places(errors=0)
    frame.loc[5, "city"] = ""
    assert doubted(frame, 1) == {5: f"c{int(frame.loc[5, 'zip'][1:]) // 2}"}


def test_a_habit_is_no_rule() -> None:
    rng = np.random.default_rng(0)
    customer = rng.integers(0, 300, 4000)
    usual = rng.integers(0, 40, 300)[customer]
    store = np.where(rng.random(4000) < 0.8, usual, rng.integers(0, 40, 4000))
    frame = pd.DataFrame({"customer": [f"c{i}" for i in customer], "store": [f"s{i}" for i in store]})
    assert not doubted(frame, 1)


def test_groups_that_split_by_nature_explain_their_exceptions() -> None:
    rng = np.random.default_rng(0)
    town = rng.integers(0, 100, 3000)
    two = rng.random(100) < 0.3
    share = rng.random(100)
    area = 2 * town + (two[town] & (rng.random(3000) < share[town]))
    frame = pd.DataFrame({"town": [f"t{i}" for i in town], "area": [f"a{i}" for i in area]})
    assert len(doubted(frame, 1)) <= 3
