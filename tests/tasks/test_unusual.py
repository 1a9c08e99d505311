import json

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.features import fit_table_encoder
from burnish.tasks.unusual import (
    MOST_NAMED,
    columns_of,
    find_unusual,
    name_unusual_columns,
    unusual_facts,
    unusual_findings,
)

NAMES = ["a", "b", "c", "d", "e"]


def related(rows=1500, seed=0):
    """Five columns: a, b and c tell of one another, d and e of nothing."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(rows, 1))
    return np.hstack([shared + 0.3 * rng.normal(size=(rows, 3)), rng.normal(size=(rows, 2))]).astype(np.float32)


def named(rows, unusual, **options):
    mask = np.zeros(len(rows), dtype=bool)
    mask[unusual] = True
    return name_unusual_columns(rows, NAMES, mask, **options)


class TestNameUnusualColumns:
    def test_the_one_that_breaks_the_relation_is_named(self):
        rows = related()
        rows[:50, :3] = np.random.default_rng(1).normal(size=(50, 1))
        rows[:50, 1] = -np.sign(rows[:50, 0]) * 2.5
        found = named(rows, np.arange(50))
        assert np.mean([names[0] == "b" for names in found[:50]]) >= 0.95
        assert found[50] == ()

    def test_one_gross_value_is_named_alone(self):
        rows = related()
        rows[0, 0] = 60
        rows[1, 4] = -60
        found = named(rows, [0, 1])
        assert found[0] == ("a",)
        assert found[1] == ("e",)

    def test_two_that_contradict_each_other_are_both_named(self):
        rows = related()[:, [0, 1, 3]]
        rows[0] = [-1.5, 1.5, 0]
        mask = np.arange(len(rows)) == 0
        assert set(name_unusual_columns(rows, ["a", "b", "d"], mask)[0]) == {"a", "b"}

    def test_several_gross_values_are_named_largest_first(self):
        rows = related()
        rows[0, 3], rows[0, 4] = 20, 50
        assert named(rows, [0])[0] == ("e", "d")

    def test_every_unusual_row_has_a_name_and_none_too_many(self):
        rows = related()
        found = named(rows, np.arange(len(rows)))
        assert all(1 <= len(names) <= MOST_NAMED for names in found)
        assert all(len(set(names)) == len(names) for names in found)

    def test_learns_from_train_only(self):
        rows = related()
        train = np.arange(len(rows)) < 1000
        other = rows.copy()
        other[1001:] = 99
        assert list(named(rows, [1000], train_mask=train)) == list(named(other, [1000], train_mask=train))

    def test_many_features_of_a_column_count_as_one(self):
        rng = np.random.default_rng(0)
        level = rng.integers(0, 6, 800)
        rows = np.column_stack([np.eye(6)[level], level + 0.1 * rng.normal(size=800), rng.normal(size=800)])
        rows[0, :6], rows[0, 6] = np.eye(6)[5], 0.0
        columns = ["kind"] * 6 + ["size", "noise"]
        assert set(name_unusual_columns(rows, columns, np.arange(800) == 0)[0]) <= {"kind", "size"}

    def test_very_wide_tables_are_judged_column_by_column(self):
        rows = np.random.default_rng(0).normal(size=(100, 600)).astype(np.float32)
        rows[0, 77] = 500
        assert name_unusual_columns(rows, [f"c{i}" for i in range(600)], np.arange(100) == 0)[0] == ("c77",)

    @pytest.mark.parametrize("shape", [(0, 5), (5, 5), (100, 0)])
    def test_nothing_to_learn_from(self, shape):
        rows = np.zeros(shape, dtype=np.float32)
        assert name_unusual_columns(rows, NAMES[: shape[1]], np.ones(len(rows), dtype=bool)).tolist() == [()] * shape[0]

    def test_constant_columns(self):
        rows = np.zeros((100, 5), dtype=np.float32)
        rows[3, 2] = 7
        assert named(rows, [3])[3] == ("c",)


def test_features_are_traced_to_their_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "kind": rng.choice(list("pqr"), 300), "note": ["a word"] * 300})
    encoder = fit_table_encoder(frame, learn_from=["x", "kind"], text="note", seed=0)
    columns = columns_of(encoder)
    assert len(columns) == len(encoder.names)
    assert set(columns) == {"x", "kind", "note"}
    assert all(name.startswith(column) for name, column in zip(encoder.names, columns, strict=True) if column != "note")


def test_facts_are_plain_and_worst_first():
    table = pd.DataFrame(
        {"id": ["p", "q", "r"], "split": "train", "outlier_score": [0.6, 0.1, 0.9], "outlier": [True, False, True]}
    )
    table["outlier_columns"] = [("x",), (), ("x", "y")]
    attributes = pd.DataFrame({"x": [1, 2, 3], "y": ["u", None, "<b>"]})
    facts = json.loads(json.dumps(unusual_facts(table, attributes), allow_nan=False))
    assert facts["unusual_rows"] == 2
    assert [row["id"] for row in facts["unusual"]] == ["r", "p"]
    assert facts["unusual"][0]["columns"] == [{"column": "x", "value": 3}, {"column": "y", "value": "<b>"}]
    (finding,) = unusual_findings(table)
    assert (finding.count, finding.ids) == (2, ("r", "p"))
    assert unusual_findings(table.assign(outlier=False)) == ()


def test_a_table_is_scored_by_its_features_and_its_pairs():
    rng = np.random.default_rng(0)
    male = rng.random(4000) < 0.5
    role = np.where(male, "husband", "wife")
    frame = pd.DataFrame({"sex": np.where(male, "m", "f"), "role": role, "x": rng.normal(size=4000)})
    frame["y"] = frame["x"] + 0.1 * rng.normal(size=4000)
    frame.loc[7, ["sex", "role"]] = ["m", "wife"]
    frame.loc[8, ["x", "y"]] = [3.0, -3.0]
    encoder = fit_table_encoder(frame, learn_from=list(frame.columns), text=None, seed=0)
    features, train = encoder.transform(frame), np.ones(4000, dtype=bool)
    found = find_unusual(features, train, encoder=encoder, attributes=frame)
    assert set(found.columns[7]) == {"sex", "role"}
    assert set(found.columns[8]) == {"x", "y"}
    assert found.score[[7, 8]].min() > 0.5
    assert (found.score > 0.5).mean() < 0.01
    alone = find_unusual(features, train)
    assert alone.columns.tolist() == [()] * 4000
