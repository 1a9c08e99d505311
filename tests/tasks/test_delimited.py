import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from burnish.tasks.delimited import detect_delimiter, read_delimited
from burnish.tasks.findings import InputError


@pytest.fixture
def read(tmp_path):
    def _read(text, delimiter=",", encoding=None):
        path = tmp_path / "t.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_delimited(path, delimiter, encoding)

    return _read


def rows_of(frame):
    return frame.astype(object).where(frame.notna(), "").to_numpy().tolist()


def test_cells_stay_as_they_are_written(read):
    frame = read('id,big,word,gap\n007,9007199254740993,NA,\n"08",1.50, nan,""\n')
    assert [str(kind) for kind in frame.dtypes] == ["str"] * 4
    assert rows_of(frame) == [["007", "9007199254740993", "NA", ""], ["08", "1.50", " nan", ""]]
    assert frame["gap"].isna().all()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(read, end, last):
    text = end.join(["a,b", "x,1", "y,2"]) + (end if last else "")
    assert rows_of(read(text)) == [["x", "1"], ["y", "2"]]


def test_blank_lines_are_passed_over(read):
    assert rows_of(read("\n\na,b\n\nx,1\r\n\r\ny,2\n\n")) == [["x", "1"], ["y", "2"]]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(read):
    frame = read('a,"b,c"\n"x\ny","say ""hi"""\n"1\r\n2",\n')
    assert list(frame.columns) == ["a", "b,c"]
    assert rows_of(frame) == [["x\ny", 'say "hi"'], ["1\r\n2", ""]]


def test_a_quote_inside_a_cell_is_a_letter(read):
    assert rows_of(read('a,b\n5" pipe,x\n"7"" pipe",y\n6"" pipe,"z"\n')) == [
        ['5" pipe', "x"],
        ['7" pipe', "y"],
        ['6"" pipe', "z"],
    ]


def test_names_of_any_kind(read):
    names = ["a.b", "c d", "<b>x</b>", "split", "label_quality", "größe", "=1+1"]
    assert list(read(",".join(names) + "\n" + "1," * 6 + "1\n").columns) == names


def test_header_only(read):
    for text in ("a,b\n", "a,b", "a,b\n\n\r\n"):
        with pytest.raises(InputError, match="no rows below"):
            read(text)


def test_short_row_says_line_and_counts(read):
    with pytest.raises(InputError, match="line 3 has 2 cells, the header has 3"):
        read("a,b,c\n1,2,3\n1,2\n1,2,3\n")


def test_line_numbers_count_lines_inside_quoted_cells(read):
    with pytest.raises(InputError, match="line 4 has 1 cells, the header has 2, and 1 more rows"):
        read('a,b\n"x\ny",1\nz\n1,2,3\n')


def test_a_file_cut_off_is_said(read):
    with pytest.raises(InputError, match=r"line 3 .*cut off"):
        read("a,b,c\n1,2,3\n1,2")


def test_long_row(read):
    with pytest.raises(InputError, match="line 2 has 4 cells, the header has 3"):
        read("a,b,c\n1,2,3,4\n1,2,3\n")


def test_trailing_delimiter_on_every_row(read):
    with pytest.raises(InputError, match="every data row ends in a comma too many"):
        read("a,b\nx,1,\ny,2,\n")


def test_open_quote_at_the_end(read):
    with pytest.raises(InputError, match="the quote opened on line 3 is never closed"):
        read('a,b\nx,1\n"y,2\nz,3\n')


def test_open_quote_closed_by_a_later_one(read):
    with pytest.raises(InputError, match="opens on line 2 goes on after its closing quote on line 3"):
        read('a,b\n"x,1\n"y",2\n')


def test_wrong_delimiter(read):
    for found, shown in ((";", '";"'), ("\t", '"\\\\t"'), ("|", '"\\|"')):
        with pytest.raises(InputError, match=f"set data.delimiter: {shown}"):
            read(f"a{found}b\n1,5{found}2\n")
    with pytest.raises(InputError, match="comma"):
        read("a,b\n1,2\n", delimiter=";")


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "é"])
def test_impossible_delimiter(read, delimiter):
    with pytest.raises(InputError, match=r"data.delimiter"):
        read("a\n1\n", delimiter=delimiter)


def test_names_twice_and_names_missing(read):
    with pytest.raises(InputError, match="columns 1 and 3 have the same name, 'a'"):
        read("a,b,a\n1,2,3\n")
    with pytest.raises(InputError, match=r"column 1 of 2 has no name \(pandas"):
        read(",b\n0,2\n")
    with pytest.raises(InputError, match=r"column 3 of 3 has no name \(does the header end"):
        read("a,b,\n1,2,\n")


def test_a_lone_carriage_return_is_refused(read):
    with pytest.raises(InputError, match="line 2 has a carriage return"):
        read("a,b\nx\r1,2\n")


@pytest.mark.parametrize(
    "text",
    [
        "39, State-gov, Bachelors, <=50K\n50, Private, Bachelors, <=50K\n39, State-gov, HS-grad, >50K\n",
        "5.1,3.5,1.4,setosa\n4.9,3.0,1.4,setosa\n5.1,3.2,1.3,setosa\n",
        "17.99,10.38,122.8,M\n20.57,17.77,132.9,B\n",
        "5,0,0,0\n3,0,0,0\n",
    ],
)
def test_no_header(read, text):
    with pytest.raises(InputError, match="first line looks like data"):
        read(text)


@pytest.mark.parametrize(
    "text",
    ["0,1,2,3\n0,0,2,7\n", "label,0,1,2\n5,0,1,2\n", "2019,2020,2021\n1,2,3\n", "400.5,401.0,401.5\n0.1,0.2,0.3\n"],
)
def test_numbers_in_order_are_a_header(read, text):
    assert len(read(text)) == 1


def test_header_repeated_below(read):
    with pytest.raises(InputError, match="row 2 below the header repeats"):
        read("a,b\nx,1\na,b\ny,2\n")


def test_one_long_row_is_read(read):
    long = "x" * 3_000_000
    assert read(f"a,b\n1,2\n{long},3\n")["a"].str.len().tolist() == [1, 3_000_000]


def test_detect_delimiter():
    assert detect_delimiter("a\tb") == "\t"
    assert detect_delimiter("abc") is None


@given(
    rows=st.lists(
        st.lists(st.text(st.sampled_from('ab,;"\n\r \té='), max_size=6), min_size=3, max_size=3), min_size=1, max_size=8
    ),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_python_writes_is_read_back(tmp_path, rows, quoting, end):
    # Python leaves a lone CR unquoted where it can
    rows = [["r1", "r2", *(c if quoting == csv.QUOTE_ALL else c.replace("\r", "") for c in row)] for row in rows]
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=end).writerows([["p", "q", "s", "t", "u"], *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode())
    assert rows_of(read_delimited(path, ",")) == rows


@given(st.text(st.sampled_from('ab,"\n'), max_size=24))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stray_quotes_are_read_as_python_reads_them_or_refused(tmp_path, body):
    path = tmp_path / "t.csv"
    path.write_bytes(("p,q\n" + body).encode())
    try:
        frame = read_delimited(path, ",")
    except InputError:
        return
    wanted = [row for row in csv.reader(io.StringIO("p,q\n" + body, newline=""), strict=True) if row][1:]
    assert rows_of(frame) == wanted


def test_agrees_with_pandas(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(500, 4)), columns=list("abcd")).astype("str")
    frame["e"] = rng.choice(["x,y", 'say "no"', "two\nlines", "plain"], 500)
    frame.to_csv(tmp_path / "t.csv", index=False)
    pd.testing.assert_frame_equal(read_delimited(tmp_path / "t.csv", ","), frame.astype("str"))
