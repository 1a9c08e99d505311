import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.sheet import empty_sheet, open_sheet, write_atomically

IDS = pd.Series(["a", "=b", "-1", "c"], dtype="str")
HEADER = "id,label,decision,new_label\n"


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_an_answer_changes_its_own_row_only(tmp_path):
    path = written(tmp_path / "review.csv", HEADER + 'a,"x, y",,\n\'=b,z,keep,\n')
    sheet = open_sheet(path, IDS)
    sheet.set_answer("a", "other", "=z", else_from={})
    sheet.save()
    again = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert again.to_dict("list") == {
        "id": ["a", "'=b"], "label": ["x, y", "z"], "decision": ["other", "keep"], "new_label": ["'=z", ""]
    }  # fmt: skip
    assert open_sheet(path, IDS).answer("=b") == ("keep", "")


def test_a_row_that_was_not_there_is_added_and_can_be_taken_out(tmp_path):
    path = written(tmp_path / "review.csv", HEADER + "a,x,,\n")
    before = open_sheet(path, IDS)
    before.set_answer("=b", "drop", else_from={"id": "=b", "label": float("nan")})
    before.save()
    assert path.read_text().splitlines()[-1] == '"\'=b","","drop",""'
    before.remove(["=b"])
    before.save()
    assert list(open_sheet(path, IDS).rows) == ["a"]


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-8"])
def test_what_spreadsheets_write_is_read(tmp_path, mark, coding):
    text = f"id{mark}decision\r\na{mark} Keep \r\n{mark}\r\n"
    sheet = open_sheet(written(tmp_path / "review.csv", text.encode(coding)), IDS)
    assert sheet.answer("a") == ("keep", "") and len(sheet.rows) == 1
    sheet.save()
    assert open_sheet(sheet.path, IDS).answer("a") == ("keep", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("label,decision\nx,keep\n", "no column 'id'"),
        ("id,label\na,x\n", "no column 'decision'"),
        ("id,decision\na,keep\na,drop\n", "twice for 'a'"),
        ("id,decision\n=b,keep\n'=b,drop\n", "twice for '=b'"),
        ("id,decision\na,keep,x\n", "line 2 has 3 cells"),
        ("id,decision,decision\na,keep,x\n", "a column twice"),
        (HEADER.encode() + "a,größe,,\n".encode("latin-1"), "not in UTF-8"),
        (b"PK\x03\x04xxxx", "Excel"),
        (b"id,decision\na,ke\x00ep\n", "NUL"),
    ],
)
def test_what_is_no_sheet_is_refused_in_one_sentence(tmp_path, text, said):
    with pytest.raises(InputError) as error:
        open_sheet(written(tmp_path / "review.csv", text), IDS)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_no_file_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_sheet(tmp_path / "no.csv", IDS)


def test_a_change_from_outside_is_noticed(tmp_path):
    path = written(tmp_path / "review.csv", HEADER + "a,x,,\n")
    sheet = open_sheet(path, IDS)
    assert not sheet.is_stale()
    sheet.save()
    assert not sheet.is_stale()
    written(path, HEADER + "a,x,keep,\n")
    assert sheet.is_stale()
    path.unlink()
    assert sheet.is_stale()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = written(tmp_path / "review.csv", HEADER)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"half")
    assert path.read_text() == HEADER and [file.name for file in tmp_path.iterdir()] == ["review.csv"]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(cells, cells), unique_by=lambda row: row[0], min_size=1, max_size=5))
def test_any_cells_survive_writing_and_reading(tmp_path_factory, rows):
    ids = pd.Series([f"i{key}" for key, _ in rows], dtype="str")
    sheet = empty_sheet(tmp_path_factory.mktemp("sheet") / "review.csv", ("id", "label", "decision", "new_label"))
    for key, (_, label) in zip(ids, rows, strict=True):
        sheet.set_answer(key, "skip", else_from={"id": key, "label": label})
    sheet.save()
    again = open_sheet(sheet.path, ids)
    assert again.rows == sheet.rows and list(again.rows) == ids.tolist()
