"""Bytes of a text file → UTF-8 bytes that a parser can trust, or one sentence that says what is wrong.

Parsers disagree on byte order marks, UTF-16, NUL bytes and lone carriage returns, and most of them go on in silence.
So the bytes are judged here first, once for every text format. The whole file is in memory: a table that does not
fit there does not fit the later stages either.

Known failure: an eight-bit encoding can't be told from another; a file in `cp1252` read as `latin-1` passes.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from burnish.tasks.findings import InputError

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"PAR1", "a Parquet file: rename it to .parquet"),
    (b"ARROW1", "a Feather file: rename it to .feather"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
)


def read_utf8(path: Path, encoding: str | None = None) -> bytes:
    r"""Read a text file as UTF-8 without byte order mark, lines ended by LF or CRLF.

    Parameters
    ----------
    path : Path
        A file that exists.
    encoding : str, optional
        The Python name of its encoding; UTF-8, with or without a byte order mark, where not given.

    Returns
    -------
    bytes
        The text; CR-only lines (old Macintosh) are made LF ones, nothing else is altered.

    Raises
    ------
    InputError
        Empty, of another format, in another encoding, or with NUL bytes in it.
    """
    return as_utf8(path.read_bytes(), path, encoding)


def as_utf8(data: bytes, path: Path, encoding: str | None = None) -> bytes:
    """Give the bytes of a text file, or of a part of it, as `read_utf8` does; `path` is what errors name."""
    if not data:
        raise InputError(f"{path} is empty: it needs a header line and rows")
    for magic, what in _OTHER_FORMATS:
        if data.startswith(magic):
            raise InputError(f"{path} is no text table but {what}")
    data = _to_utf8(data, path, encoding)
    if (at := data.find(b"\0")) >= 0:
        raise InputError(_nul_sentence(data, at, path))
    if not data.strip():
        raise InputError(f"{path} holds nothing but blank space: it needs a header line and rows")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data


def detect_encoding(data: bytes) -> str | None:
    """Name the encoding that the first bytes of a file show, `None` where they are UTF-8.

    >>> detect_encoding("größe".encode("utf-16"))
    'utf-16'
    >>> detect_encoding("größe".encode("latin-1"))
    'latin-1'
    >>> detect_encoding("größe".encode()) is None
    True
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if marked:
        return marked
    try:
        # incremental: the sample may end in the middle of a character
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return "latin-1"
    return None


def line_of(data: bytes, position: int) -> int:
    """Give the line number, from 1, of a byte position."""
    return data.count(b"\n", 0, position) + 1


def _to_utf8(data: bytes, path: Path, encoding: str | None) -> bytes:
    name = _codec_name(encoding, path)
    if not name.startswith(("utf-16", "utf-32")):
        marked = next((found for mark, found in _MARKS if data.startswith(mark)), None)
        if marked:
            raise InputError(f"{path} is written in {marked.upper()}: set data.encoding: {marked}")
    if name in ("utf-8", "utf-8-sig"):
        data = data.removeprefix(codecs.BOM_UTF8)
        name = "utf-8"
    try:
        text = data.decode(name)
    except UnicodeDecodeError as error:
        raise InputError(_decode_sentence(error, data, path, name)) from None
    return data if name == "utf-8" else text.removeprefix("\ufeff").encode("utf-8")


def _codec_name(encoding: str | None, path: Path) -> str:
    try:
        name = codecs.lookup(encoding or "utf-8").name
        b"a".decode(name)  # refuses codecs that are no text encodings, as rot13
    except UnicodeDecodeError:
        return name  # one letter is none in UTF-16
    except (LookupError, ValueError):
        raise InputError(
            f"data.encoding: {encoding!r} is no text encoding Python knows; try utf-8, utf-16, latin-1 or cp1252 "
            f"for {path}"
        ) from None
    return name


def _decode_sentence(error: UnicodeDecodeError, data: bytes, path: Path, name: str) -> str:
    line = line_of(data, error.start)
    where = f"{path}: line {line} has a byte (0x{data[error.start]:02x}) that is not valid {name.upper()}"
    if name == "utf-8":
        return f"{where}: save the file as UTF-8, or set data.encoding (latin-1 and cp1252 are the usual ones)"
    return f"{where}: set data.encoding to the encoding the file was written in"


def _nul_sentence(data: bytes, at: int, path: Path) -> str:
    head = data[:4096]
    if head.count(b"\0") * 5 > len(head):
        guess = "utf-16-be" if head[0::2].count(b"\0") > head[1::2].count(b"\0") else "utf-16-le"
        return f"{path} has a NUL byte in every other place, as UTF-16 has: set data.encoding: {guess}"
    return (
        f"{path}: line {line_of(data, at)} has a NUL byte, so the file is damaged or no text table: write it again, "
        "or remove the byte"
    )
