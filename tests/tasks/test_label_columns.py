import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from burnish.tasks.annotators import find_consensus
from burnish.tasks.cleaned import write_cleaned
from burnish.tasks.examples import read_examples
from burnish.tasks.findings import InputError

NAMES = ["ann", "bob", "eve"]


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    truth = rng.choice(["cat", "dog", "owl"], 60)
    columns = {"key": [f"k{i}" for i in range(60)], "size": rng.normal(size=60).round(3)}
    for name, rate in zip(NAMES, (0.05, 0.2, 0.3), strict=True):
        given = np.where(rng.random(60) < rate, rng.choice(["cat", "dog", "owl"], 60), truth).astype(object)
        given[rng.random(60) < 0.2] = ""
        columns[name] = given
    frame = pd.DataFrame(columns)
    frame.loc[7, NAMES] = ""
    frame.loc[8, NAMES] = ["cat", "", ""]
    return frame


@pytest.fixture
def path(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_votes_and_their_consensus(path, frame):
    examples = read_examples(path, label=NAMES, id="key")
    assert examples.annotators == tuple(NAMES)
    assert examples.classes == ("cat", "dog", "owl")
    assert examples.votes.dtype == np.int64
    assert examples.votes.shape == (60, 3)
    written = np.array(["", *examples.classes], dtype=object)[examples.votes + 1]
    assert (written == frame[NAMES].to_numpy()).all()
    assert (examples.codes == find_consensus(examples.votes, 3).codes).all()
    assert pd.isna(examples.table["label"][7])
    assert examples.table["label"][8] == "cat"
    assert str(examples.table["label"].dtype) == "str"


def test_no_annotator_is_learnt_from(path):
    examples = read_examples(path, label=NAMES, id="key")
    assert examples.learn_from == ("size",)
    assert list(examples.attributes) == ["size"]


def test_made_ids_do_not_change_with_the_votes(path, frame, tmp_path):
    first = read_examples(path, label=NAMES, exclude=["key"]).table["id"]
    frame.assign(bob=frame["ann"]).to_csv(tmp_path / "u.csv", index=False)
    assert (first == read_examples(tmp_path / "u.csv", label=NAMES, exclude=["key"]).table["id"]).all()


def test_a_list_of_one_is_that_one(path):
    alone, listed = (read_examples(path, label=label, id="key", exclude=["bob", "eve"]) for label in ("ann", ["ann"]))
    pd.testing.assert_frame_equal(alone.table, listed.table)
    assert listed.votes is None
    assert listed.annotators == ()
    assert listed.original.label == "ann"


def test_what_is_found_is_about_votes_where_they_are_many(path, frame, tmp_path):
    frame.loc[:3, "bob"] = "Cat"
    frame.to_csv(tmp_path / "u.csv", index=False)
    found = {finding.code: finding for finding in read_examples(tmp_path / "u.csv", label=NAMES, id="key").findings}
    assert "'Cat' (4)" in found["labels.spelling"].title
    assert found["labels.missing"].count == 1
    both = (frame[NAMES] != "").sum(axis=1) >= 2
    assert f"{both.sum()} of 60 examples have two votes" in found["annotators.votes"].title
    at_odds = frame[NAMES].apply(lambda row: len(set(row) - {""}) > 1, axis=1)
    assert found["annotators.votes"].count == at_odds.sum()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": ["ann", "bop"]}, "did you mean 'bob'"),
        ({"label": ["ann", "ann"]}, "'ann' stands twice in the list"),
        ({"label": []}, "name the column of"),
        ({"label": NAMES, "id": "bob"}, "data.id: 'bob' is a label column already"),
        ({"label": NAMES, "group": "eve"}, "data.group: 'eve' is a label column already"),
        ({"label": NAMES, "features": ["size", "bob"]}, "'bob' is named under data.label too"),
        ({"label": NAMES, "weight": "ann"}, "weights.column: 'ann' is a label column already"),
        ({"label": ["key", "ann"]}, "looks like an id or free text"),
        ({"label": ["ann", "none"]}, "'none' of"),
        ({"label": ["sure", "certain"]}, "every example is 'cat'"),
    ],
)
def test_bad_input_is_one_sentence(frame, tmp_path, options, said):
    frame.assign(none="", sure="cat", certain="cat").to_csv(tmp_path / "u.csv", index=False)
    with pytest.raises(InputError, match=said) as error:
        read_examples(tmp_path / "u.csv", **options)
    assert "\n" not in str(error.value)


def test_a_folder_has_no_label_columns(tmp_path):
    with pytest.raises(InputError, match=r"data\.label"):
        read_examples(tmp_path, label=["ann", "bob"])


def cleaned(examples, folder, dropped=()):
    final = examples.table["label"].copy()
    final[0] = "owl"
    final[list(dropped)] = np.nan
    action = pd.Series("keep", index=final.index).mask(final.index.isin(dropped), "drop")
    return write_cleaned(examples, examples.table.assign(final_label=final, action=action), folder), final


def test_the_final_label_is_a_new_last_column(path, frame, tmp_path):
    examples = read_examples(path, label=NAMES, id="key")
    written, final = cleaned(examples, tmp_path / "out", dropped=[3])
    back = pd.read_csv(written, dtype=str, keep_default_na=False)
    assert list(back) == [*frame.columns, "label"]
    assert len(back) == 59
    kept = frame.drop(index=3)
    assert (back[NAMES].to_numpy() == kept[NAMES].to_numpy()).all()
    assert back["label"].tolist() == final.drop(index=3).fillna("").tolist()


@pytest.mark.parametrize(
    ("taken", "name"), [([], "label"), (["label"], "final_label"), (["label", "final_label"], "final_label_2")]
)
def test_a_name_that_is_taken_is_left_alone(frame, tmp_path, taken, name):
    frame.assign(**dict.fromkeys(taken, "mine")).to_csv(tmp_path / "u.csv", index=False)
    examples = read_examples(tmp_path / "u.csv", label=NAMES, id="key")
    written, _ = cleaned(examples, tmp_path / "out")
    back = pd.read_csv(written, dtype=str, keep_default_na=False)
    assert back.columns[-1] == name
    assert all((back[column] == "mine").all() for column in taken)


def test_an_annotator_called_label_stays_too(frame, tmp_path):
    frame.rename(columns={"ann": "label"}).to_csv(tmp_path / "u.csv", index=False)
    examples = read_examples(tmp_path / "u.csv", label=["label", "bob"], id="key", exclude=["eve"])
    written, _ = cleaned(examples, tmp_path / "out")
    back = pd.read_csv(written, dtype=str, keep_default_na=False)
    assert back["label"].tolist() == frame["ann"].tolist()
    assert back.columns[-1] == "final_label"


def test_json_lines_keep_their_types(tmp_path):
    rows = [{"size": i / 7, "ann": i % 3, "bob": (i + (i % 10 == 0)) % 3 if i % 4 else None} for i in range(40)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = read_examples(tmp_path / "t.jsonl", label=["ann", "bob"])
    assert examples.classes == ("0", "1", "2")
    final = examples.table["label"].copy()
    final[5] = "0"
    written = write_cleaned(examples, examples.table.assign(final_label=final), tmp_path / "out")
    back = [json.loads(line) for line in written.read_text().splitlines()]
    assert [row["label"] for row in back] == [int(label) for label in final]
    assert [{key: row[key] for key in ("size", "ann", "bob")} for row in back] == rows


@pytest.mark.parametrize("kinds", [(pa.int64(), pa.int64()), (pa.int32(), pa.string())])
def test_parquet_keeps_the_type_that_annotators_share(tmp_path, kinds):
    ann = [i % 3 for i in range(40)]
    bob = [None if i % 5 == 0 else i % 3 for i in range(40)]
    texts = [None if value is None else str(value) for value in bob]
    arrays = [pa.array(ann, kinds[0]), pa.array(texts if kinds[1] == pa.string() else bob, kinds[1])]
    table = pa.table({"size": [i / 7 for i in range(40)], "ann": arrays[0], "bob": arrays[1]})
    parquet.write_table(table, tmp_path / "t.parquet")
    examples = read_examples(tmp_path / "t.parquet", label=["ann", "bob"])
    final = examples.table["label"].copy()
    final[5] = "0"
    written = write_cleaned(examples, examples.table.assign(final_label=final), tmp_path / "out")
    back = parquet.read_table(written)
    assert back.column_names == ["size", "ann", "bob", "label"]
    assert back.drop_columns("label").equals(table)
    assert [str(value) for value in back.column("label").to_pylist()] == final.tolist()
    assert back.schema.field("label").type in (kinds[0], pa.string(), pa.large_string())
