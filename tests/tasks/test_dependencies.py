import numpy as np
import pandas as pd

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.dependencies import Dependency, find_dependencies


def places(rows: int = 2000, errors: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    zips = rng.integers(0, 100, rows)
    cities = zips // 2
    cities[:errors] = rng.integers(0, 50, errors)
    return pd.DataFrame({"zip": [f"z{each}" for each in zips], "city": [f"c{each}" for each in cities]})


def test_a_dependency_that_nearly_holds_is_found_one_way() -> None:
    found, skipped = find_dependencies(read_columns(places()))
    assert [(each.decides, each.decided) for each in found if each.strength > 0.9] == [(0, 1)]
    assert found[0].error < 0.03
    assert skipped == 0


def test_independent_columns_and_measurements_decide_nothing() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.integers(0, 5, 500).astype(str) for i in range(6)})
    frame["rare"] = np.where(rng.random(500) < 0.01, "yes", "no")
    frame["x"] = (rng.normal(size=500)).round(1).astype(str)
    frame["class"] = np.where(frame["x"].astype(float) > 0, "high", "low")
    assert not find_dependencies(read_columns(frame))[0]


def test_pairs_are_bounded_and_neighbours_come_first() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{i}": rng.integers(0, 20, 200).astype(str) for i in range(60)})
    frame.insert(30, "twin", frame["c29"].radd("t"))
    found, skipped = find_dependencies(read_columns(frame), most_pairs=200)
    assert {(each.decides, each.decided) for each in found} == {(29, 30), (30, 29)}
    assert skipped == 61 * 60 - 200


def test_few_exceptions_make_a_rule_and_many_a_habit() -> None:
    rule, habit = (Dependency(0, 1, 0.9, error) for error in (0.02, 0.25))
    assert rule.holds(mutual=False) > 0.9
    assert habit.holds(mutual=False) < 0.2
    assert habit.holds(mutual=True) == 1
