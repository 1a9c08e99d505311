"""Delimited text (CSV, TSV): every row is counted before a parser sees the file, then every cell is read as text.

Parsers make do with what they get: a trailing delimiter shifts the columns, a short row gets nulls, an open quote
swallows the rest. Here the bytes are scanned first, vectorised (quoted stretches, row ends, delimiters a row), and a
file whose rows don't agree with its header is refused with the line number. What passes goes to pyarrow's reader.
Cells are RFC 4180: a quote opens a quoted cell only at the start of a cell, and is doubled inside it.

Known failure: a file without a header is recognised by its first line looking like the data below it; a table whose
column names are also among its cells is then refused wrongly, and a file of distinct words without header passes.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from burnish.tasks.findings import InputError
from burnish.tasks.text_encoding import line_of, read_utf8

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SHOWN = {"\t": '"\\t"', ";": '";"', ",": '","', "|": '"|"'}
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_HEADER_SAMPLE = 1000
_LF, _CR, _QUOTE = 10, 13, 34


@dataclass(frozen=True)
class _Rows:
    """Where the rows of a delimited text are: byte positions, blank lines left out, the header first."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    cells: NDArray[np.int64]


def read_delimited(path: Path, delimiter: str, encoding: str | None = None) -> pd.DataFrame:
    """Read a delimited text file, every cell as it is written.

    Parameters
    ----------
    path : Path
        A file that exists.
    delimiter : str
        One ASCII character.
    encoding : str, optional
        As in `burnish.tasks.text_encoding.read_utf8`.

    Returns
    -------
    DataFrame
        All columns `str`; an empty cell, quoted or not, is NaN.

    Raises
    ------
    InputError
        Ragged rows, open quotes, no header, no rows, names doubled or empty, wrong delimiter, wrong encoding.
    """
    return parse_delimited(read_utf8(path, encoding), delimiter, path)


def parse_delimited(data: bytes, delimiter: str, path: Path) -> pd.DataFrame:
    """Read delimited text that is in memory, as UTF-8; `path` is what errors name. See `read_delimited`."""
    _check_delimiter(delimiter)
    rows = _find_rows(data, ord(delimiter), path)
    names = _column_names(data, rows, delimiter, path)
    _check_row_lengths(data, rows, delimiter, path)
    longest = int((rows.ends - rows.starts).max())
    table = arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(data)[int(rows.starts[1]) :]),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=max(1 << 20, 2 * longest)),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            check_utf8=False,
        ),
    )
    frame = table.to_pandas()
    _check_header(names, frame, path)
    return frame


def detect_delimiter(header: str) -> str | None:
    """Give the delimiter that occurs most in a header line, quoted cells left out; `None` where there is none.

    >>> detect_delimiter('a;"b,c";d')
    ';'
    """
    bare = re.sub(r'"[^"]*"', "", header)
    best = max(DELIMITERS, key=bare.count)
    return best if bare.count(best) else None


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n\0':
        raise InputError(f"data.delimiter: {delimiter!r} is no delimiter: give one character, such as ; or | or \\t")


def _find_rows(data: bytes, delimiter: int, path: Path) -> _Rows:
    symbols = np.frombuffer(data, dtype=np.uint8)
    outside = _outside_quotes(data, symbols, delimiter, path)
    line_ends = np.flatnonzero((symbols == _LF) & outside)
    _check_lone_returns(data, symbols, outside, path)
    starts = np.concatenate([[0], line_ends + 1])
    ends = np.append(line_ends, len(data))
    returned = (ends > starts) & (symbols[np.maximum(ends - 1, 0)] == _CR)
    ends = ends - returned
    filled = ends > starts
    starts, ends = starts[filled], ends[filled]
    delimiters = np.flatnonzero((symbols == delimiter) & outside)
    cells = np.searchsorted(delimiters, ends) - np.searchsorted(delimiters, starts) + 1
    return _Rows(starts, ends, cells)


def _outside_quotes(data: bytes, symbols: NDArray[np.uint8], delimiter: int, path: Path) -> NDArray[np.bool_]:
    """Tell for each byte whether it is outside a quoted cell, shape (bytes,)."""
    quotes = np.flatnonzero(symbols == _QUOTE)
    if not quotes.size:
        return np.ones(len(symbols), dtype=np.bool_)
    if _quotes_are_plain(symbols, quotes, delimiter):
        # uint8 overflow is harmless: only the parity counts
        return (np.cumsum(symbols == _QUOTE, dtype=np.uint8) & 1) == 0
    edges = np.zeros(len(symbols) + 1, dtype=np.int8)
    spans = np.array(_quoted_spans(data, delimiter, path), dtype=np.int64).reshape(-1, 2)
    edges[spans[:, 0]] += 1
    edges[spans[:, 1]] -= 1
    return np.cumsum(edges[:-1], dtype=np.int8) == 0


def _quotes_are_plain(symbols: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int) -> bool:
    """Tell whether every quote opens a cell, closes one, or is half of a doubled one."""
    if quotes.size % 2:
        return False
    around = np.zeros(256, dtype=np.bool_)
    around[[delimiter, _LF, _CR, _QUOTE]] = True
    opens, closes = quotes[0::2], quotes[1::2]
    before = around[symbols[np.maximum(opens - 1, 0)]] | (opens == 0)
    after = around[symbols[np.minimum(closes + 1, len(symbols) - 1)]] | (closes == len(symbols) - 1)
    return bool(before.all() and after.all())


def _quoted_spans(data: bytes, delimiter: int, path: Path) -> list[tuple[int, int]]:
    """List the quoted cells, [start, end) in bytes, of a file with quotes in odd places."""
    between = re.escape(bytes([delimiter])) + rb"\r\n"
    pattern = re.compile(rb'(?<![^%s])"[^"]*+(?:""[^"]*+)*+("?)' % between)
    closing = bytes([delimiter]) + b"\r\n"
    spans = []
    for match in pattern.finditer(data):
        opened = line_of(data, match.start()) if not match[1] or data[match.end() : match.end() + 1] else 0
        if not match[1]:
            raise InputError(f"{path}: the quote opened on line {opened} is never closed: close it, or double it")
        follows = data[match.end() : match.end() + 1]
        if follows and follows not in closing:
            raise InputError(
                f"{path}: the quoted cell that opens on line {opened} goes on after its closing quote on line "
                f"{line_of(data, match.end())}: a closing quote is missing, or a quote inside the cell is not doubled"
            )
        spans.append(match.span())
    return spans


def _check_lone_returns(data: bytes, symbols: NDArray[np.uint8], outside: NDArray[np.bool_], path: Path) -> None:
    returns = np.flatnonzero((symbols == _CR) & outside)
    following = symbols[np.minimum(returns + 1, len(symbols) - 1)]
    lone = returns[(following != _LF) & (returns < len(symbols) - 1)]
    if lone.size:
        raise InputError(
            f"{path}: line {line_of(data, int(lone[0]))} has a carriage return (CR) inside a row: end every row "
            "the same way (LF or CRLF), or quote the cell"
        )


def _column_names(data: bytes, rows: _Rows, delimiter: str, path: Path) -> list[str]:
    header = data[rows.starts[0] : rows.ends[0]].decode("utf-8")
    names = next(csv.reader(io.StringIO(header, newline=""), delimiter=delimiter))
    if len(names) == 1 and (other := detect_delimiter(header)) and other != delimiter:
        raise InputError(
            f"{path}: the header has one column, {_short(names[0])}, which holds a {DELIMITERS[other]}: "
            f"set data.delimiter: {_SHOWN[other]}"
        )
    if len(rows.starts) < 2:
        raise InputError(f"{path} has a header line and no rows below it: add the examples")
    check_names(names, path)
    return names


def check_names(names: list[str], path: Path) -> None:
    """Refuse column names that are empty or occur twice.

    Raises
    ------
    InputError
        Names the column by its place.
    """
    first: dict[str, int] = {}
    for place, name in enumerate(names, start=1):
        if name in first:
            if _NUMBER.fullmatch(name):
                raise InputError(_no_header_sentence(names, path))
            raise InputError(
                f"{path}: columns {first[name]} and {place} have the same name, {_short(name)}: rename one of "
                "them, or put a line with the names on top if there is none"
            )
        first[name] = place
    for place, name in enumerate(names, start=1):
        if not name.strip():
            index = " (pandas writes its index so; index=False leaves it out)" if place == 1 else ""
            ends = " (does the header end in a delimiter?)" if place == len(names) else ""
            raise InputError(f"{path}: column {place} of {len(names)} has no name{index}{ends}: give it one")


def _check_row_lengths(data: bytes, rows: _Rows, delimiter: str, path: Path) -> None:
    wanted = int(rows.cells[0])
    found = rows.cells[1:]
    wrong = np.flatnonzero(found != wanted)
    if not wrong.size:
        return
    symbols = np.frombuffer(data, dtype=np.uint8)
    ends_so = symbols[rows.ends[1:] - 1] == ord(delimiter)
    if bool((found == wanted + 1).all() and ends_so.all()):
        raise InputError(
            f"{path}: every data row ends in a {DELIMITERS.get(delimiter, 'delimiter')} too many, the header does "
            f"not ({wanted + 1} cells, {wanted} names): remove it, or give the last column a name"
        )
    row = int(wrong[0])
    line = line_of(data, int(rows.starts[row + 1]))
    more = f", and {wrong.size - 1:,} more rows are wrong" if wrong.size > 1 else ""
    cut = "; the file seems to be cut off there" if row == len(found) - 1 and found[row] < wanted else ""
    raise InputError(
        f"{path}: line {line} has {found[row]} cells, the header has {wanted}{more}{cut}: complete the row, or quote "
        "cells that hold the delimiter"
    )


def _check_header(names: list[str], frame: pd.DataFrame, path: Path) -> None:
    """Refuse a file without header: names that are numbers in no order, or that are cells of their own column."""
    top = frame.head(_HEADER_SAMPLE)
    shared = [bool((top[name] == name).any()) for name in names]
    if all(shared) and (repeats := _repeated_header(frame)) is not None:
        raise InputError(
            f"{path}: row {repeats + 1} below the header repeats the header, as when files are put together: remove it"
        )
    numbers = [float(name) for name in names if _NUMBER.fullmatch(name)]
    if len(numbers) > 1 and all(low < high for low, high in pairwise(numbers)):
        return  # pixels 0, 1, 2, …; years; wavelengths
    like_data = sum(
        common or (_NUMBER.fullmatch(name) is not None and "." in name)
        for name, common in zip(names, shared, strict=True)
    )
    if len(names) > 1 and 2 * like_data > len(names):
        raise InputError(_no_header_sentence(names, path))


def _repeated_header(frame: pd.DataFrame) -> int | None:
    same = np.logical_and.reduce([(frame[name] == name).to_numpy() for name in frame.columns])
    return int(np.flatnonzero(same)[0]) if same.any() else None


def _no_header_sentence(names: list[str], path: Path) -> str:
    shown = ", ".join(_short(name.strip()) for name in names[:3])
    return f"{path}: the first line looks like data, not column names ({shown}, …): put a line with the names on top"


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:59] + "…")
