"""Great Expectations itself is the reference: what is shown to hold must hold there, by the same count."""

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.batch_types import TYPES, read_column
from burnish.tasks.expectations import evaluate
from burnish.tasks.screening import Screen, screen_rows

KINDS = {"number": "number", "whole": "number", "date": "date", "text": "text", "flag": "boolean", "mixed": "number"}


def batch(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "number": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n).round(1)),
            "whole": rng.permutation(n),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 50, n), unit="D"),
            "text": pd.Series(rng.choice(["a1", "b2", "cc", "Ä"], n), dtype="str").mask(rng.random(n) < 0.2),
            "flag": rng.random(n) < 0.5,
            "mixed": pd.Series(rng.integers(0, 9, n)).astype(object).where(rng.random(n) < 0.9, "many"),
        }
    )


def drawn(count: int) -> list[dict]:
    """Expectations at random, most of them near the edge between holding and not."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(count):
        column = str(rng.choice(list(KINDS)))
        low, high = sorted(rng.normal(scale=2, size=2).round(1).tolist())
        if column == "date":
            low, high = (
                f"2024-0{month}-{day:02d}" for month, day in ((1, rng.integers(1, 30)), (2, rng.integers(1, 28)))
            )
        elif column == "whole":
            low, high = sorted(rng.integers(-5, 210, 2).tolist())
        bounds = {"min_value": low, "max_value": high, "strict_min": bool(rng.random() < 0.5)}
        if rng.random() < 0.3:
            bounds |= {"max_value": None}
        kinds = {
            "expect_column_values_to_not_be_null": {},
            "expect_column_proportion_of_non_null_values_to_be_between": {"min_value": 0.8, "max_value": 1},
            "expect_column_values_to_be_in_type_list": {"type_list": TYPES[KINDS[column]]} if column != "text" else {},
            "expect_column_values_to_be_unique": {},
        }
        if column in ("number", "whole", "date"):
            kinds["expect_column_values_to_be_between"] = bounds
            kinds["expect_column_max_to_be_between"] = bounds
            kinds["expect_column_min_to_be_between"] = bounds
        if column in ("number", "whole"):
            kinds["expect_column_median_to_be_between"] = bounds
        if column == "text":
            del kinds["expect_column_values_to_be_in_type_list"]
            some = rng.choice(["a1", "b2", "cc", "Ä", "zz"], rng.integers(1, 5), replace=False).tolist()
            kinds["expect_column_values_to_be_in_set"] = {"value_set": some}
            kinds["expect_column_values_to_not_be_in_set"] = {"value_set": some}
            kinds["expect_column_value_lengths_to_be_between"] = {"min_value": int(rng.integers(0, 3)), "max_value": 2}
            kinds["expect_column_values_to_match_regex"] = {"regex": str(rng.choice(["^[a-z][0-9]$", "2", "^.{2}$"]))}
        type_ = str(rng.choice(list(kinds)))
        mostly = {} if "proportion" in type_ or "column_m" in type_ else {"mostly": round(float(rng.random()), 2)}
        found.append({"type": type_, "kwargs": {"column": column, **kinds[type_], **mostly}})
    return found


def test_the_verdicts_and_counts_of_great_expectations():
    frame, items = batch(), list(enumerate(drawn(200)))
    read = {name: read_column(frame[name], kind) for name, kind in KINDS.items()}
    screens = {name: Screen(column) for name, column in read.items()}
    about_cells = ("_be_in_type_list", "_be_null", "_proportion_of_non_null_values_to_be_between")
    of_cells = [item for item in items if item[1]["type"].endswith(about_cells)]
    of_values = [item for item in items if not item[1]["type"].endswith(about_cells)]
    cells = pd.DataFrame({name: column.as_given(frame[name]) for name, column in read.items()})
    values = pd.DataFrame({name: column.for_evaluation() for name, column in read.items()})
    theirs = evaluate(cells, of_cells) | evaluate(values, of_values)
    held = 0
    for number, each in items:
        ours = screens[each["kwargs"]["column"]].outcome(each)
        assert (ours is not None) == theirs[number]["success"], each
        if ours is not None:
            held += 1
            for key, value in ours["result"].items() if each["type"].split("_")[-2:] != ["type", "list"] else ():
                assert str(theirs[number]["result"][key]) in (str(value), str(value).replace(" ", "T")), each
    assert 60 < held < 180


@pytest.mark.parametrize(
    "kwargs",
    [
        {"mostly": 7},
        {"mostly": True},
        {"mostly": "1"},
        {"mosty": 0.5},
        {"row_condition": "a > 1", "condition_parser": "pandas"},
        {"min_value": None, "max_value": None},
        {"min_value": 9, "max_value": 1},
        {"min_value": "1"},
        {"min_value": True},
        {"strict_min": 1},
    ],
)
def test_odd_arguments_are_left_to_great_expectations(kwargs):
    screen = Screen(read_column(pd.Series([1.0, 2.0]), "number"))
    given = {"column": "a", "min_value": 0, **kwargs}
    assert screen.outcome({"type": "expect_column_values_to_be_between", "kwargs": given}) is None


@pytest.mark.parametrize(
    ("type_", "kwargs"),
    [
        ("expect_column_values_to_match_regex", {"regex": "("}),
        ("expect_column_values_to_match_regex", {"regex": None}),
        ("expect_column_values_to_be_in_set", {"value_set": ["a", 1]}),
        ("expect_column_values_to_be_in_set", {"value_set": "a"}),
        ("expect_column_values_to_be_between", {"min_value": "a"}),
        ("expect_column_median_to_be_between", {"min_value": 0}),
        ("expect_column_values_to_be_null", {}),
        ("no_such", {}),
    ],
)
def test_what_is_not_counted_is_left_too(type_, kwargs):
    screen = Screen(read_column(pd.Series(["a", "b"]), "text"))
    assert screen.outcome({"type": type_, "kwargs": {"column": "a", **kwargs}}) is None


def test_rows():
    each = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 2, "max_value": 5}}
    assert screen_rows(5, each) == {"success": True, "result": {"observed_value": 5}}
    assert screen_rows(6, each) is None
    assert screen_rows(5, {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 5}}) is None
