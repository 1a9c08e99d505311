import numpy as np
import pandas as pd

from burnish.tasks.copies import copies_as_groups, count_duplicates, duplicate_findings, find_row_duplicates


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


def test_embeddings_alone_find_near_copies() -> None:
    points = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    points[49] = points[0] + 1e-4
    found = find_row_duplicates(ids(50), pd.DataFrame(index=range(50)), points)
    assert found["duplicate_kind"].dropna().to_dict() == {49: "near"}
    groups = copies_as_groups(found["duplicate_group"])
    assert groups.dropna().index.tolist() == [0, 49]
