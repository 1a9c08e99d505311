"""A text file read in parts is the file read at once, whatever the size of the parts, with the same refusals."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.delimited import read_delimited
from burnish.tasks.delimited_parts import delimited_frames
from burnish.tasks.findings import InputError

CELL = st.text(st.sampled_from('ab",\n é€'), max_size=8)


def written(rows, end):
    quoted = ['"' + cell.replace('"', '""') + '"' if set(cell) & set('",\n') else cell for row in rows for cell in row]
    pairs = zip(quoted[::2], quoted[1::2], strict=True)
    return end.join(["first,second", *(",".join(pair) for pair in pairs)])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, st.sampled_from(["x", "y", "12"])), min_size=1, max_size=30),
    size=st.integers(1, 80),
    end=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
)
def test_parts_are_the_whole(tmp_path_factory, rows, size, end, closed):
    path = tmp_path_factory.mktemp("parts") / "t.csv"
    path.write_bytes((written(rows, end) + (end if closed else "")).encode())
    parts = list(delimited_frames(path, ",", None, size))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), read_delimited(path, ","))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252", "utf-8-sig"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(("name,n\n" + "größe,1\n" * 50).encode(encoding))
    parts = list(delimited_frames(path, ",", encoding, 64))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), read_delimited(path, ",", encoding))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n" + "1,2\n" * 40 + "3\n" + "1,2\n" * 9, "line 42 has 1 cells"),
        ("a,b\n" + "1,2\n" * 40 + '3,"x\n', "quote opened on line 42"),
        ("\n\na,b\n\n" + "1,2\n" * 40 + "1,2,3\n1,2\n", "line 45 has 3 cells"),
        ("a,b" + "\n" * 90, "no rows below"),
        ("\n" * 90, "blank space"),
    ],
)
def test_an_error_names_the_line_of_the_file(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list(delimited_frames(path, ",", None, 30))


def test_memory_is_bounded_by_the_part(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 5_000)
    sizes = [len(part) for part in delimited_frames(path, ",", None, 400)]
    assert sum(sizes) == 5_000 and max(sizes) <= 110


def test_an_unknown_encoding_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a\n" + "1\n" * 50)
    with pytest.raises(InputError, match="no text encoding"):
        list(delimited_frames(path, ",", "utf-9", 20))
