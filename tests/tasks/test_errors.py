"""Error categories and the accounting of the error-category table."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.errors import TYPES, categorise, error_table
from burnish.tasks.metrics import rate


def examples(n: int = 100) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"e{i}" for i in range(n)],
            "label": ["a", "b"] * (n // 2),
            "split": ["train"] * (n // 2) + ["dev"] * (n // 2),
            "correct": [False] * n,
        }
    )


def test_flags_become_categories_and_overlap() -> None:
    table = examples(4).assign(
        label_issue=[True, False, False, True], blurry=[True, False, False, False], outlier=False
    )
    assert categorise(table) == [["mislabelled", "blurry"], ["unexplained"], ["unexplained"], ["mislabelled"]]


def test_right_and_unpredicted_rows_have_no_category() -> None:
    table = examples(4).assign(blurry=True)
    table["correct"] = pd.Series([True, False, None, False], dtype="boolean")
    assert categorise(table) == [[], ["blurry"], [], ["blurry"]]


def test_columns_that_hold_nothing_are_no_category() -> None:
    table = examples(4).assign(blurry=pd.Series([None] * 4, dtype=object), margin=np.nan)
    assert categorise(table) == [["unexplained"]] * 4


def test_rare_class_is_judged_by_the_training_rows() -> None:
    table = examples()
    table.loc[table["split"] == "train", "label"] = ["b"] * 46 + ["c"] * 4
    table.loc[99, "label"] = "c"
    found = categorise(table)
    assert found[99] == ["rare class"]
    assert found[60] == ["rare class"]  # class a has no training row at all
    assert found[61] == ["unexplained"]


def test_duplicates_with_another_label_are_found_on_both_sides() -> None:
    table = examples(6).assign(duplicate_of=[None, "e0", None, None, "e2", None])
    found = categorise(table)
    assert [row for row in range(6) if "duplicate with another label" in found[row]] == [0, 1]


def test_only_a_source_that_is_worse_is_a_category() -> None:
    table = examples(400).assign(source=["phone", "scanner"] * 200)
    table["correct"] = np.where(table["source"] == "phone", np.arange(400) % 4 != 0, np.arange(400) % 40 != 1)
    found = categorise(table)
    assert found[200] == ["source: phone"]
    assert found[201] == ["unexplained"]
    table["source"] = ["phone"] * 400
    assert categorise(table)[200] == ["unexplained"]


def test_low_confidence_and_missing_values() -> None:
    table = examples(4).assign(margin=[0.1, 0.9, 0.9, np.nan])
    attributes = pd.DataFrame({"x": [1.0, np.nan, 2.0, 3.0], "y": ["u", "v", "w", "w"]})
    expected = [["low confidence"], ["missing values"], ["unexplained"], ["unexplained"]]
    assert categorise(table, attributes) == expected


def test_table_is_worked_out_by_hand() -> None:
    categories = [["blurry", "mislabelled"], ["blurry"], ["mislabelled"], ["blurry"], ["dark"]]
    wrong = np.array([True, True, True, True, False])
    found = error_table(categories, wrong, 40)
    assert found.columns.tolist() == list(TYPES)
    assert found["category"].tolist() == ["blurry", "mislabelled"]
    assert found["count"].tolist() == [3, 2]
    assert found["share_of_errors"].tolist() == [0.75, 0.5]
    assert found["error_now"].tolist() == [0.1, 0.1]
    assert found["error_if_solved"].tolist() == pytest.approx([1 / 40, 2 / 40])
    left = rate(2, 40)
    assert tuple(found.loc[1, ["low", "high"]]) == (left.low, left.high)


def test_no_error_is_an_empty_table() -> None:
    found = error_table([[], []], np.array([False, False]))
    assert found.empty
    assert found.columns.tolist() == list(TYPES)


NAMES = st.lists(st.sampled_from(["blurry", "dark", "mislabelled", "outlier"]), max_size=4)


@given(st.lists(st.tuples(NAMES, st.booleans()), min_size=1, max_size=40))
def test_accounts_add_up(rows: list[tuple[list[str], bool]]) -> None:
    categories, wrong = [names or ["unexplained"] for names, _ in rows], np.array([flag for _, flag in rows])
    found = error_table(categories, wrong)
    errors = int(wrong.sum())
    assert found["count"].sum() >= errors
    assert (found["count"] <= errors).all()
    assert (found["count"] > 0).all()
    assert found["count"].is_monotonic_decreasing
    gained = found["error_now"] - found["error_if_solved"]
    np.testing.assert_allclose(gained, found["count"] / len(rows), atol=1e-12)
    np.testing.assert_allclose(found["share_of_errors"] * errors, found["count"])
    assert ((found["low"] <= found["error_if_solved"]) & (found["error_if_solved"] <= found["high"])).all()


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_every_misclassified_row_has_a_category_and_no_other(rows: list[tuple[bool, bool, bool]]) -> None:
    table = pd.DataFrame(rows, columns=["correct", "blurry", "label_issue"])
    found = categorise(table)
    assert [bool(names) for names in found] == (~table["correct"]).tolist()
    assert all(("unexplained" in names) == (names == ["unexplained"]) for names in found if names)


def test_a_property_of_most_dev_rows_explains_no_error() -> None:
    n = 40
    frame = pd.DataFrame({"correct": [False] * n, "split": ["dev"] * n, "outlier": [True] * 30 + [False] * 10})
    assert categorise(frame)[0] == ["unexplained"]
    fewer = frame.assign(outlier=[True] * 10 + [False] * 30)
    assert categorise(fewer)[0] == ["outlier"]
