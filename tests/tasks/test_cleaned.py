import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from burnish.tasks.cleaned import escape_formulas, write_cleaned
from burnish.tasks.examples import read_examples
from burnish.tasks.findings import InputError
from burnish.tasks.tables import read_table


def decided(examples, changes=None, dropped=()):
    table = examples.table.copy()
    table["final_label"] = table["label"]
    for row, label in (changes or {}).items():
        table.loc[row, "final_label"] = label
    table["action"] = "keep"
    table.loc[list(dropped), "action"] = "drop"
    table.loc[list(dropped), "final_label"] = np.nan
    return table


def test_csv_keeps_form_order_and_cells(tmp_path):
    given_ = 'id;größe;label\n007;"1;5";b\n008;;a\n009;NA;\n010;x;b\n'
    (tmp_path / "t.csv").write_bytes(given_.encode("latin-1"))
    examples = read_examples(tmp_path / "t.csv", label="label", id="id", delimiter=";", encoding="latin-1")
    path = write_cleaned(examples, decided(examples, {0: "a"}, [3]), tmp_path / "cleaned")
    assert path == tmp_path / "cleaned" / "t.csv"
    assert path.read_bytes().decode("latin-1") == 'id;größe;label\n007;"1;5";a\n008;;a\n009;NA;\n'
    assert (tmp_path / "t.csv").read_bytes().decode("latin-1") == given_


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_the_encoding_are_kept(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("x,label\n1,é\n2,b\n3,é\n".encode(encoding))
    examples = read_examples(tmp_path / "t.csv", label="label", encoding=None if encoding == "utf-8-sig" else encoding)
    path = write_cleaned(examples, decided(examples, {1: "é"}), tmp_path / "cleaned")
    assert path.read_bytes() == "x,label\n1,é\n2,é\n3,é\n".encode(encoding)


@pytest.mark.parametrize(
    ("kind", "labels", "final"),
    [
        (pa.int8(), [1, 2, None, 1], "2"),
        (pa.bool_(), [True, False, None, True], "False"),
        (pa.dictionary(pa.int32(), pa.string()), ["a", "b", None, "a"], "b"),
        (pa.float32(), [1.0, 2.0, None, 1.0], "2"),
        (pa.string(), ["a", "b", None, "a"], "b"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_parquet_and_feather_keep_their_types(tmp_path, suffix, kind, labels, final):
    source = pa.table({"label": pa.array(labels, type=kind), "x": pa.array([1.5, None, 2.5, 3], type=pa.float32())})
    path = tmp_path / f"t.{suffix}"
    parquet.write_table(source, path) if suffix == "parquet" else feather.write_feather(source, str(path))
    examples = read_examples(path, label="label")
    written = write_cleaned(examples, decided(examples, {0: final}, [3]), tmp_path / "cleaned")
    table = parquet.read_table(written) if suffix == "parquet" else feather.read_table(written)
    assert table.schema.equals(source.schema)
    assert table["label"].to_pylist() == [labels[1], labels[1], None]
    assert table["x"].to_pylist() == [1.5, None, 2.5]


def test_jsonl_keeps_untouched_lines_as_written(tmp_path):
    lines = ['{"x": 1.50, "label": 1}', '{"x":2,"label":2}', '{"x": 3, "label": 1, "note": "é"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    examples = read_examples(tmp_path / "t.jsonl", label="label")
    path = write_cleaned(examples, decided(examples, {2: "2"}, []), tmp_path / "cleaned")
    written = path.read_text(encoding="utf-8").splitlines()
    assert written[:2] == lines[:2]
    assert json.loads(written[2]) == {"x": 3, "label": 2, "note": "é"}


def make_folder(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_class_folders(tmp_path):
    root = tmp_path / "data"
    make_folder(root, "cat/1.png", "cat/deep/2.png", "cat/3.png", "dog/1.png", "dog/4.png")
    examples = read_examples(root)
    rows = {path: row for row, path in examples.table["image"].items()}
    changes = {rows["cat/1.png"]: "dog", rows["cat/deep/2.png"]: "dog"}
    folder = write_cleaned(examples, decided(examples, changes, [rows["dog/4.png"]]), tmp_path / "cleaned")
    assert folder == tmp_path / "cleaned"
    assert files_of(folder) == ["cat/3.png", "dog/1.png", "dog/cat-1.png", "dog/deep/2.png"]
    assert (folder / "dog/cat-1.png").read_text() == "cat/1.png"
    assert (folder / "dog/1.png").read_text() == "dog/1.png"
    assert len(files_of(root)) == 5


def test_a_table_of_images_takes_its_images_along(tmp_path):
    make_folder(tmp_path, "img/1.png", "img/2.png", "img/3.png")
    (tmp_path / "t.csv").write_text("file,label\nimg/1.png,a\nimg/2.png,b\nimg/3.png,a\nimg/none.png,b\n")
    examples = read_examples(tmp_path / "t.csv", label="label", image="file")
    write_cleaned(examples, decided(examples, {}, [1]), tmp_path / "cleaned")
    assert files_of(tmp_path / "cleaned") == ["img/1.png", "img/3.png", "t.csv"]
    assert read_examples(tmp_path / "cleaned" / "t.csv", label="label", image="file").table["label"].tolist() == list(
        "aab"
    )


def test_the_data_itself_is_never_written(tmp_path):
    root = tmp_path / "data"
    make_folder(root, "cat/1.png", "dog/1.png")
    (tmp_path / "t.csv").write_text("x,label\n1,a\n2,b\n")
    folder, table = read_examples(root), read_examples(tmp_path / "t.csv", label="label")
    for examples, target in [(folder, root), (folder, root / "cleaned"), (table, tmp_path), (table, tmp_path / ".")]:
        with pytest.raises(InputError, match="is where the data itself is"):
            write_cleaned(examples, decided(examples), target)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n1,a\n2,b\n")
    (tmp_path / "file").touch()
    examples = read_examples(tmp_path / "t.csv", label="label")
    with pytest.raises(InputError, match=r"can't be written .*give another place"):
        write_cleaned(examples, decided(examples), tmp_path / "file" / "cleaned")


def test_rows_and_labels_must_be_those_of_the_examples(tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n1,a\n2,b\n")
    examples = read_examples(tmp_path / "t.csv", label="label")
    with pytest.raises(ValueError, match="rows"):
        write_cleaned(examples, decided(examples).iloc[::-1], tmp_path / "cleaned")
    with pytest.raises(ValueError, match="none of the classes"):
        write_cleaned(examples, decided(examples, {0: "z"}), tmp_path / "cleaned")


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|'/c calc'!A0", "-1-2", "@SUM(A1)", "\t=1", "\r=1", "=a\n=b", "--1"])
def test_formulas_are_made_text(cell):
    frame = pd.DataFrame({cell: [cell, None]}, dtype="str")
    escaped = escape_formulas(frame)
    assert list(escaped.columns) == ["'" + cell]
    assert escaped.iloc[0, 0] == "'" + cell
    assert escaped.iloc[1].isna().all()


@pytest.mark.parametrize("cell", ["-1", "+2.5e-3", "-.5", "-1,234.5", "-inf", "+", "-", "a=b", "'=1", " =1", ""])
def test_numbers_and_plain_text_stay(cell):
    frame = pd.DataFrame({"a": [cell]}, dtype="str")
    pd.testing.assert_frame_equal(escape_formulas(frame), frame)


def test_other_columns_stay_as_they_are():
    frame = pd.DataFrame({"n": [-1, 2], "b": [True, False], "o": pd.Series([["=1"], "=1"], dtype=object)})
    escaped = escape_formulas(frame)
    assert escaped["n"].tolist() == [-1, 2]
    assert escaped["o"].tolist() == [["=1"], "'=1"]
    assert escape_formulas(pd.DataFrame({"c": pd.Categorical(["=1", "b"])}))["c"].tolist() == ["'=1", "b"]


CELLS = st.text(st.sampled_from('ab,"\n\r;é'), max_size=5)


@given(
    st.lists(st.tuples(CELLS, st.sampled_from("xyz"), st.sampled_from("xyz"), st.booleans()), min_size=3, max_size=12)
)
@settings(max_examples=60, deadline=None)
def test_what_is_written_reads_back(tmp_path_factory, rows):
    tmp_path = tmp_path_factory.mktemp("cleaned")
    rows = [("p", "x", "x", False), ("q", "y", "y", False), ("r", "z", "z", False), *rows]
    frame = pd.DataFrame(
        {"k": "k", "n": range(len(rows)), "a": [row[0] for row in rows], "label": [row[1] for row in rows]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False, quoting=1)
    examples = read_examples(tmp_path / "t.csv", label="label")
    dropped = [place for place, row in enumerate(rows) if row[3]]
    table = decided(examples, {place: row[2] for place, row in enumerate(rows) if not row[3]}, dropped)
    read = read_table(write_cleaned(examples, table, tmp_path / "cleaned"))
    kept = [row for row in rows if not row[3]]
    assert read["label"].tolist() == [row[2] for row in kept]
    assert read["a"].fillna("").str.removeprefix("'").tolist() == [row[0] for row in kept]
