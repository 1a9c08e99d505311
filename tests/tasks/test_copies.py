import numpy as np
import pandas as pd
import pytest

from burnish.tasks.copies import (
    copies_as_groups,
    copies_by_features,
    count_duplicates,
    duplicate_findings,
    find_row_duplicates,
)


def ids(n: int) -> pd.Series:
    return pd.Series([f"r{i}" for i in range(n)])


def test_a_repeated_row_is_a_copy_and_two_labels_contradict() -> None:
    rows = pd.DataFrame({"a": [*range(30), 3], "b": [*"x" * 30, "x"]})
    found = find_row_duplicates(ids(31), rows, labels=["no"] * 30 + ["yes"])
    assert found["duplicate_of"].dropna().to_dict() == {30: "r3"}
    assert count_duplicates(found) == {"exact": 1, "near": 0, "conflicting": 1, "groups": 1}
    said = {finding.code: finding for finding in duplicate_findings(found, ids(31))}
    assert set(said) == {"duplicates.copies", "duplicates.conflicting"}
    assert said["duplicates.conflicting"].ids == ("r3", "r30")


def test_where_rows_repeat_by_nature_nothing_is_a_copy() -> None:
    found = find_row_duplicates(ids(100), pd.DataFrame({"colour": ["red", "blue"] * 50}))
    assert found["duplicate_of"].isna().all()
    assert not list(duplicate_findings(found, ids(100)))


@pytest.mark.parametrize("columns", [2, 3, 8, 64])
def test_rows_that_are_near_by_nature_are_not_chained_together(columns: int) -> None:
    rng = np.random.default_rng(0)
    clumps = rng.normal(0, 100, (5, columns))[rng.integers(0, 5, 1000)]
    points = (clumps + rng.normal(size=(1000, columns))).astype(np.float32)
    found = find_row_duplicates(ids(1000), pd.DataFrame(index=range(1000)), points)
    assert found["duplicate_of"].notna().mean() < 0.03
    assert np.bincount(found["duplicate_group"] + 1)[1:].max(initial=0) <= 4


def test_copies_by_features_are_told_where_features_identify_an_example() -> None:
    points = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32)
    points[[50, 60, 70]] = points[5]
    points[80] = points[7] + 1e-5
    group = copies_by_features(points)
    assert [np.flatnonzero(group == one).tolist() for one in (0, 1)] == [[5, 50, 60, 70], [7, 80]]
    assert (copies_by_features(np.repeat(points, 2, axis=0)) == -1).all()


def test_equal_rows_are_found_in_any_crowd() -> None:
    rng = np.random.default_rng(0)
    points = (rng.normal(0, 100, (2, 16))[np.arange(400) % 2] + rng.normal(size=(400, 16))).astype(np.float32)
    points[390] = points[0]
    assert np.flatnonzero(copies_by_features(points) >= 0).tolist() == [0, 390]


def test_embeddings_alone_find_near_copies() -> None:
    points = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    points[49] = points[0] + 1e-4
    found = find_row_duplicates(ids(50), pd.DataFrame(index=range(50)), points)
    assert found["duplicate_kind"].dropna().to_dict() == {49: "near"}
    groups = copies_as_groups(found["duplicate_group"])
    assert groups.dropna().index.tolist() == [0, 49]


@pytest.mark.parametrize(
    ("groups", "title"),
    [
        (1, "1 group of copies carries more than one label"),
        (2, "2 groups of copies carry more than one label"),
    ],
)
def test_contradictions_are_counted_in_words(groups: int, title: str) -> None:
    rows = pd.DataFrame({"a": [*range(30), *range(groups)], "b": "x"})
    found = find_row_duplicates(ids(30 + groups), rows, labels=["no"] * 30 + ["yes"] * groups)
    assert title in {finding.title for finding in duplicate_findings(found, ids(30 + groups))}
