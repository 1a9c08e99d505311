"""A delimited text file of any size → frames, a part of its rows at a time.

The file is cut after the last line end outside quotes of each stretch of bytes, told by the parity of the quotes before
it, and each part goes with the header through `delimited` and all its checks. So memory is bounded by the part, and an
error still names the line of the file. UTF-8 and eight-bit encodings are read so, in which a line end and a quote are
one byte each; a file in another encoding is read as a whole.

Known failure: quotes that RFC 4180 does not know (`5" pipe` in an unquoted cell) shift the parity: parts then grow
until it is even again, and a part that ends inside a quoted cell is refused as a quote that is never closed.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.delimited import parse_delimited, read_delimited
from burnish.tasks.findings import InputError
from burnish.tasks.text_encoding import as_utf8

LF, QUOTE = 10, 34
BYTEWISE = ("utf-8", "ascii", "iso8859", "cp125")


def delimited_frames(path: Path, delimiter: str, encoding: str | None, size: int) -> Iterator[pd.DataFrame]:
    """Read a delimited text file about `size` bytes at a time.

    Parameters
    ----------
    path : Path
        A file that exists.
    delimiter, encoding
        As in `delimited.read_delimited`.
    size : int
        Bytes of a part, about; a file that is no longer is read at once.

    Yields
    ------
    DataFrame
        As `read_delimited` gives them.

    Raises
    ------
    InputError
        As `read_delimited`, when the part is read that is at fault.
    """
    if path.stat().st_size <= size or not _bytewise(encoding):
        yield read_delimited(path, delimiter, encoding)
        return
    header, above, found = b"", 0, False
    for piece in _pieces(path, size):
        below = piece
        if not header:
            header = piece[: _header_end(piece)]
            above, below = above + header.count(b"\n"), piece[len(header) :]
        if below.strip():
            found = True
            yield _parse(header, below, above - header.count(b"\n"), path, delimiter, encoding)
        above += below.count(b"\n")
    if not found:
        yield read_delimited(path, delimiter, encoding)  # which says what is wrong


def _parse(header: bytes, rows: bytes, skipped: int, path: Path, delimiter: str, encoding: str | None) -> pd.DataFrame:
    """Read rows below the header; where that fails, again with a blank line for each that was skipped between them."""
    try:
        return parse_delimited(as_utf8(header + rows, path, encoding), delimiter, path)
    except InputError:
        return parse_delimited(as_utf8(header + b"\n" * skipped + rows, path, encoding), delimiter, path)


def _bytewise(encoding: str | None) -> bool:
    try:
        return codecs.lookup(encoding or "utf-8").name.startswith(BYTEWISE)
    except LookupError:
        return False


def _pieces(path: Path, size: int) -> Iterator[bytes]:
    """Cut a file into pieces of whole rows."""
    left = b""
    with path.open("rb") as file:
        while block := file.read(size):
            left += block
            ends = _row_ends(left)
            if len(ends):
                yield left[: ends[-1]]
                left = left[ends[-1] :]
    if left:
        yield left


def _header_end(piece: bytes) -> int:
    """Give where the first row that is not blank ends; all of the piece where it has no line end."""
    return next((int(end) for end in _row_ends(piece) if piece[:end].strip()), len(piece))


def _row_ends(data: bytes) -> NDArray[np.int64]:
    """Give the positions behind the line ends outside quotes."""
    symbols = np.frombuffer(data, dtype=np.uint8)
    outside = (np.cumsum(symbols == QUOTE, dtype=np.uint8) & 1) == 0  # of the sum only the parity counts
    return np.flatnonzero((symbols == LF) & outside) + 1
