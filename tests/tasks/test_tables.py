import json

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from burnish.tasks.findings import InputError
from burnish.tasks.tables import FORMATS, infer_types, open_table, read_table


@pytest.fixture
def frame():
    return pd.DataFrame({"name": ["a", "b", None], "size": [1, 2, 3], "weight": [1.5, None, 2.5]})


def test_every_format_gives_the_same_rows(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "t.parquet")
    feather.write_feather(pa.Table.from_pandas(frame), str(tmp_path / "t.feather"))
    wanted = infer_types(frame)
    for suffix in FORMATS:
        pd.testing.assert_frame_equal(infer_types(read_table(tmp_path / f"t{suffix}")), wanted)


def test_columns_are_chosen_in_order(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert list(read_table(tmp_path / "t.csv", columns=["size", "name"]).columns) == ["size", "name"]
    with pytest.raises(InputError, match="no column 'siz': did you mean 'size'"):
        read_table(tmp_path / "t.csv", columns=["siz"])


def test_missing_file_names_its_neighbours(tmp_path):
    (tmp_path / "digits.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"did you mean digits.csv"):
        read_table(tmp_path / "digit.csv")
    with pytest.raises(InputError, match="nor does its folder"):
        read_table(tmp_path / "nowhere" / "digit.csv")


def test_folder_and_unknown_format(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"give one of \.csv"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_empty_file(tmp_path, suffix):
    (tmp_path / f"t{suffix}").touch()
    with pytest.raises(InputError, match="is empty"):
        read_table(tmp_path / f"t{suffix}")


@pytest.mark.parametrize("delimiter", ["\t", "\\t"])
def test_a_tab_may_be_written_as_an_escape(tmp_path, delimiter):
    (tmp_path / "t.csv").write_text("a\tb\n1\tx\n")
    assert read_table(tmp_path / "t.csv", delimiter=delimiter).shape == (1, 2)


def test_byte_order_mark_is_remembered(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    opened = open_table(tmp_path / "t.csv")
    assert opened.encoding == "utf-8-sig"
    assert list(opened.frame.columns) == ["a", "b"]


def test_jsonl_keeps_numbers_as_written(tmp_path):
    (tmp_path / "t.jsonl").write_text(
        '{"id": 9007199254740993, "x": 1.50, "ok": true, "n": null}\n\n{"id": "007", "x": 1e3, "new": ""}\r\n'
    )
    read = read_table(tmp_path / "t.jsonl")
    assert read["id"].tolist() == ["9007199254740993", "007"]
    assert read["x"].tolist() == ["1.50", "1e3"]
    assert read["ok"].tolist()[0] == "true"
    assert read[["n", "new"]].isna().all(axis=None)
    assert {str(kind) for kind in read.dtypes} == {"str"}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{bad", "line 2 is not JSON"),
        ("[1, 2]", "line 2 is no JSON object"),
        ('{"tags": ["a"]}', "line 2, column 'tags' holds a list"),
        ('{"tags": {"a": 1}}', "line 2, column 'tags' holds a nested object"),
        ('{"a": 1, "a": 2}', "line 2 has a key twice"),
        ("[" * 100_000, "line 2 is n"),
        ('{"": 1}', "has no name"),
    ],
)
def test_bad_jsonl(tmp_path, line, says):
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n' + line + "\n")
    with pytest.raises(InputError, match=says):
        read_table(tmp_path / "t.jsonl")


def test_jsonl_without_keys(tmp_path):
    (tmp_path / "t.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="no keys"):
        read_table(tmp_path / "t.jsonl")


def test_line_separators_inside_json_strings(tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps({"a": "x\u2028y\x85z"}, ensure_ascii=False), encoding="utf-8")
    assert read_table(tmp_path / "t.jsonl")["a"].tolist() == ["x\u2028y\x85z"]


def test_parquet_keeps_large_integers_beside_nulls(tmp_path):
    big = 2**60 + 1
    table = pa.table(
        {"a": pa.array([big, None]), "b": pa.array([True, None]), "c": pa.array(["x", "y"]).dictionary_encode()}
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert read["a"].tolist() == [big, pd.NA]
    assert [str(kind) for kind in read.dtypes] == ["Int64", "boolean", "category"]


def test_parquet_index_becomes_a_column(tmp_path, frame):
    frame.set_index("size").to_parquet(tmp_path / "t.parquet")
    assert set(read_table(tmp_path / "t.parquet").columns) == {"name", "weight", "size"}


def test_damaged_pandas_metadata_does_no_harm(tmp_path):
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({"pandas": "{bad"})
    parquet.write_table(table, tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet")["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([[1], [2]]), r"column 'x' holds lists of numbers .* data\.embeddings"),
        (pa.array([[1.5, 2], [2, 3]], pa.list_(pa.float32(), 2)), r"column 'x' holds lists of numbers"),
        (pa.array([["a"], ["b"]]), "column 'x' holds lists or nested"),
        (pa.array([{"a": 1}, {"a": 2}]), "column 'x' holds lists or nested"),
        (pa.array([b"1", b"2"]), "column 'x' holds bytes"),
    ],
)
@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_nested_columns_are_refused_by_name(tmp_path, suffix, column, says):
    path = tmp_path / f"t.{suffix}"
    table = pa.table({"x": column, "y": pa.array([1, 2])})
    parquet.write_table(table, path) if suffix == "parquet" else feather.write_feather(table, str(path))
    with pytest.raises(InputError, match=says):
        read_table(path)


@pytest.mark.parametrize("suffix", ["parquet", "feather"])
def test_damaged_binary_tables(tmp_path, suffix):
    path = tmp_path / f"t.{suffix}"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match=f"can't be read as {suffix.capitalize()}"):
        read_table(path)
    parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    with pytest.raises(InputError, match="no rows"):
        read_table(tmp_path / "none.parquet")


def test_parquet_names_twice(tmp_path):
    parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="same name"):
        read_table(tmp_path / "t.parquet")
