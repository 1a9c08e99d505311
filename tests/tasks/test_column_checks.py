import numpy as np
import pandas as pd

from burnish.tasks.column_checks import MOST_LEVELS, choose_columns
from burnish.tasks.column_types import type_columns


def choose(**columns):
    frame = pd.DataFrame({name: pd.Series(list(cells), dtype="str") for name, cells in columns.items()})
    kept, findings = choose_columns(type_columns(frame), list(frame.columns))
    return kept, {finding.code: finding for finding in findings}


def test_columns_that_teach_nothing_are_left_out():
    kept, found = choose(same="aaaa", empty=["", "?", "NA", None], good="abab", hole=["x", None, "x", None])
    assert kept == ("good", "hole")
    assert found["columns.constant"].count == 2
    assert "same, empty" in found["columns.constant"].title


def test_row_numbers_are_left_out():
    numbers = [str(place) for place in range(5, 55)]
    kept, found = choose(index=numbers, age=numbers[::-1], level=["a", "b"] * 25)
    assert kept == ("age", "level")
    assert "columns.row_number" in found


def test_categories_of_too_many_levels_are_left_out():
    rng = np.random.default_rng(0)
    few = rng.choice([f"c{place}" for place in range(MOST_LEVELS)], 5000)
    many = [f"n{place}" for place in range(5000)]
    kept, found = choose(few=few, many=many)
    assert kept == ("few",)
    assert "many (5,000 values)" in found["columns.many_levels"].title


def test_a_hundred_thousand_levels():
    kept, found = choose(many=[f"n{place}" for place in range(100_000)], good=["a", "b"] * 50_000)
    assert kept == ("good",)
    assert "many (100,000 values)" in found["columns.many_levels"].title


def test_small_tables_keep_their_categories():
    assert choose(name=["a", "b", "c", "d"])[0] == ("name",)


def test_what_had_to_give_way_is_told():
    kept, found = choose(x=["1.5", "inf", "2.5"], big=[str(2**60), str(2**60), "1"])
    assert kept == ("x", "big")
    assert found["columns.infinite"].count == 1
    assert "big" in found["columns.beyond_float"].title


def test_only_the_columns_wanted_are_judged():
    typed = type_columns(pd.DataFrame({"a": ["1", "2"], "same": ["x", "x"]}, dtype="str"))
    assert choose_columns(typed, ["a"]) == (("a",), ())
