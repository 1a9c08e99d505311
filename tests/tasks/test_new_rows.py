"""New rows are read as the run read its own, in parts that make no difference, and misfits are refused by name."""

import json

import numpy as np
import pandas as pd
import pytest

from burnish.tasks import new_rows
from burnish.tasks.column_types import infer_types, type_columns
from burnish.tasks.encoders import fit_patch_encoder
from burnish.tasks.features import fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.misfits import Misfits
from burnish.tasks.new_rows import LIMITS, RowReader, stored_treatment
from burnish.tasks.outliers import fit_limits
from burnish.tasks.tree_columns import fit_tree_encoder

ROWS = 300


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(0)
    code = np.where(np.arange(ROWS) < 200, "007", "A12")  # the first parts look like numbers
    return pd.DataFrame(
        {
            "name": [f"n{row}" for row in range(ROWS)],
            "size": rng.normal(size=ROWS).round(3).astype(str),
            "code": code,
            "answer": np.where(np.arange(ROWS) < 250, "yes", rng.choice(["no", "maybe"], ROWS)),
            "day": pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d"),
            "note": ["a word", "12"] * (ROWS // 2),
        }
    ).astype("str")


def encoders(given):
    frame = infer_types(given)
    columns = ["size", "code", "answer", "day"]
    trees = fit_tree_encoder(frame, columns, np.ones(ROWS, bool))
    return frame, trees, fit_table_encoder(frame.assign(note=given["note"]), learn_from=columns, text="note")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "feather", "jsonl"])
@pytest.mark.parametrize("which", [0, 1])
def test_parts_are_read_as_the_whole_was(tmp_path, monkeypatch, given, suffix, which):
    monkeypatch.setattr(new_rows, "PART_ROWS", 37)
    monkeypatch.setattr(new_rows, "PART_BYTES", 700)
    frame, *both = encoders(given)
    encoder, path = both[which], tmp_path / f"t.{suffix}"
    write = {
        "csv": lambda: given.to_csv(path, index=False),
        "tsv": lambda: given.to_csv(path, index=False, sep="\t"),
        "parquet": lambda: given.to_parquet(path),
        "feather": lambda: given.to_feather(path),
        "jsonl": lambda: given.to_json(path, orient="records", lines=True),
    }
    write[suffix]()
    parts = list(RowReader(encoder=encoder, id="name").read(path))
    assert (len(parts) > 5) == (suffix != "jsonl")
    assert [name for ids, _, _ in parts for name in ids] == given["name"].tolist()
    read = np.concatenate([encoder.transform(rows) for _, rows, _ in parts])
    np.testing.assert_array_equal(read, encoder.transform(frame.assign(note=given["note"])))


def test_limits_are_those_of_the_run(tmp_path, given):
    frame, trees, _ = encoders(given)
    limits = fit_limits(frame, columns=["size"], rows=np.ones(ROWS, bool), method="winsorize")
    (tmp_path / LIMITS).write_text(json.dumps(limits.to_dict()))
    notations, stored = stored_treatment(tmp_path)
    assert notations == {} and stored == limits
    wild = given.assign(size="1000000")
    wild.to_csv(tmp_path / "t.csv", index=False)
    ((ids, rows, _),) = RowReader(encoder=trees, limits=stored).read(tmp_path / "t.csv")
    assert rows["size"].max() < 100 and ids[:2] == ["0", "1"]
    assert stored_treatment(tmp_path / "nowhere") == ({}, None)


def test_rows_whose_numbers_are_all_missing_are_read(tmp_path, given):
    frame, trees, _ = encoders(given)
    limits = fit_limits(frame, columns=["size"], rows=np.ones(ROWS, bool), method="winsorize")
    given[:1].assign(size="").to_csv(tmp_path / "t.csv", index=False)
    ((_, rows, _),) = RowReader(encoder=trees, limits=limits).read(tmp_path / "t.csv")
    assert rows["size"].isna().all() and rows["size"].dtype == np.float64


KINDS = [
    ("size", ["1.234,5", "1 200", "", "12"], [1, 1, 0, 0]),
    ("answer", ["nein", "2", "N/A", "TRUE"], [1, 1, 0, 0]),
    ("day", ["06.09.2018", "20180906", "-", "2018-09-06"], [1, 1, 0, 0]),
]


@pytest.mark.parametrize("name, cells, lost", KINDS)
@pytest.mark.parametrize("others", [0, 1, 9, 100])
def test_a_cell_is_read_alike_whatever_is_beside_it(tmp_path, given, name, cells, lost, others):
    given = given.assign(answer=np.where(np.arange(ROWS) % 2, "yes", "no"))
    frame, *both = encoders(given)
    for cell, unreadable in zip(cells, lost, strict=True):
        rows = pd.concat([given[:1].assign(**{name: cell}), given[1 : 1 + others]])
        rows.to_csv(tmp_path / "t.csv", index=False)
        for encoder in both:
            misfits = Misfits()
            ((_, read, _),) = RowReader(encoder=encoder).read(tmp_path / "t.csv", misfits)
            assert misfits.columns[name].unreadable == unreadable
            assert read[name].isna().tolist() == [cell != cells[3]] + [False] * others
            as_ever = encoder.transform(frame.assign(note=given["note"]))[1 : 1 + others]
            np.testing.assert_array_equal(encoder.transform(read)[1:], as_ever)


def test_the_notation_that_was_learnt_decides(tmp_path, given):
    written = given.assign(size=given["size"].str.replace(".", ",", regex=False))
    typed = type_columns(written)
    encoder = fit_tree_encoder(typed.frame, ["size"], np.ones(ROWS, bool))
    reader = RowReader(encoder=encoder, notations=typed.notations)
    pd.DataFrame({"size": ["0,5", "0.5", "3"]}).to_csv(tmp_path / "t.csv", index=False)
    misfits = Misfits()
    ((_, rows, _),) = reader.read(tmp_path / "t.csv", misfits)
    np.testing.assert_array_equal(rows["size"], [0.5, np.nan, 3])
    assert misfits.sentence() == "cells that cannot be read count as missing: 1 of 3 in 'size' ('0.5')"
    given.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match=r"'size' held numbers \(a decimal comma\)"):
        list(reader.read(tmp_path / "t.csv"))


def test_embeddings_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(new_rows, "PART_ROWS", 4)
    rows = np.random.default_rng(0).normal(size=(10, 3))
    np.save(tmp_path / "e.npy", rows)
    parts = list(RowReader(encoder=fit_array_encoder(rows), embeddings=True).read(tmp_path / "e.npy"))
    assert [name for ids, _, _ in parts for name in ids] == [str(row) for row in range(10)]
    np.testing.assert_array_equal(np.concatenate([part for _, part, _ in parts]), rows)


def test_refuses_by_name(tmp_path, given):
    _, trees, table = encoders(given)
    path = tmp_path / "t.csv"
    for change, message in [
        ({"columns": {"size": "sise"}}, "no column 'size'.*did you mean.*sise"),
        ({"columns": {"code": "other", "day": "dy"}}, "no column '(code', 'day|day', 'code)', which"),
    ]:
        given.rename(**change).to_csv(path, index=False)
        for encoder in (trees, table):
            with pytest.raises(InputError, match=message):
                list(RowReader(encoder=encoder).read(path))
    given.assign(size="large").to_csv(path, index=False)
    for encoder in (trees, table):
        with pytest.raises(InputError, match="'size' held numbers in the data of the run, and 300 of 300 cells"):
            list(RowReader(encoder=encoder).read(path))
    with pytest.raises(InputError, match="is a folder where a table"):
        list(RowReader(encoder=trees).read(tmp_path))
    pixels = fit_patch_encoder(np.random.default_rng(0).integers(0, 255, (60, 16, 16, 3), dtype=np.uint8), filters=8)
    with pytest.raises(InputError, match="reads a folder of images"):
        list(RowReader(encoder=pixels).read(path))
    with pytest.raises(InputError, match="no image in"):
        list(RowReader(encoder=pixels).read(tmp_path))
