"""`review.csv` as a file: read as a person or a spreadsheet left it, changed by the row, written whole or not at all.

A row is kept as the text of its line, so that setting one decision among 50,000 costs one line and one write. Writing
goes to a file beside it that takes its place once it is on disk (`os.replace` after `fsync`): a crash leaves the old
sheet or the new one, never half of either. Whoever holds a sheet can ask whether the file has been changed since.

A cell that a spreadsheet would run as a formula stands in the file with an apostrophe before it (`cleaned.py`); ids
are matched with and without. Spreadsheets that write semicolons or tabs are understood; what is written has commas.

Known failure: two ids that differ only in such an apostrophe can't be told apart, and are refused as the same id twice.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.delimited import detect_delimiter
from burnish.tasks.findings import InputError
from burnish.tasks.tables import list_names
from burnish.tasks.text_encoding import detect_encoding, read_utf8

ANSWER = ("decision", "new_label")  # the columns a person fills in
Stamp = tuple[int, int, int]


@dataclass
class Sheet:
    """The rows of a sheet, by id, in their order.

    Attributes
    ----------
    path : Path
    columns : tuple of str
        `id` and the two of `ANSWER` among them.
    rows : dict of list of str
        Cells as they stand in the file.
    """

    path: Path
    columns: tuple[str, ...]
    rows: dict[str, list[str]]
    _lines: dict[str, str] = field(default_factory=dict)
    _stamp: Stamp | None = None

    def answer(self, key: str) -> tuple[str, str]:
        """Give the decision and the new label written for an id, empty where there are none."""
        cells = self.rows.get(key)
        if cells is None:
            return "", ""
        decision, label = (cells[self.columns.index(name)].strip() for name in ANSWER)
        return decision.casefold(), label

    def set_answer(self, key: str, decision: str, label: str = "", *, else_from: Mapping[str, object]) -> None:
        """Fill in an answer; a row that is not there yet is added at the end, its other cells from `else_from`."""
        if key not in self.rows:
            given = pd.DataFrame({name: [else_from.get(name, "")] for name in self.columns}, dtype=object)
            self.rows[key] = _as_cells(given)[0]
        for name, text in zip(ANSWER, escaped([decision, label]), strict=True):
            self.rows[key][self.columns.index(name)] = text
        self._lines.pop(key, None)

    def remove(self, keys: Collection[str]) -> None:
        """Take rows out."""
        for key in keys:
            self.rows.pop(key, None)
            self._lines.pop(key, None)

    def is_stale(self) -> bool:
        """Say whether the file is another than the one that was read or written last."""
        return _stamp_of(self.path) != self._stamp

    def save(self) -> None:
        """Write the sheet; when this returns it is on disk."""
        for key, cells in self.rows.items():
            if key not in self._lines:
                self._lines[key] = _line(cells)
        header = _line(self.columns)
        text = header + "".join([self._lines[key] for key in self.rows])
        write_atomically(self.path, text.encode("utf-8"))
        self._stamp = _stamp_of(self.path)


def open_sheet(path: Path, ids: pd.Series) -> Sheet:
    """Read a sheet.

    Parameters
    ----------
    path : Path
        A delimited text file with a header.
    ids : Series of str
        All ids of the run: they say what a cell with an apostrophe stands for.

    Raises
    ------
    InputError
        No such file, not readable as a sheet, no `id` or `decision` column, an id twice; names the line.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist: name the review.csv of the run, or a copy of it")
    stamp = _stamp_of(path)
    columns, records = _read(path)
    for name in ("id", ANSWER[0]):
        if name not in columns:
            raise InputError(f"{path} has no column {name!r}: give a review.csv as the run wrote it, with its header")
    added = [name for name in ANSWER if name not in columns]
    known = unescaped(ids)
    place = columns.index("id")
    keys = [known.get(cells[place], cells[place]) for _, cells in records]
    _refuse_twice(path, keys)
    rows = {key: cells + [""] * len(added) for key, (_, cells) in zip(keys, records, strict=True)}
    return Sheet(path, (*columns, *added), rows, _stamp=stamp)


def empty_sheet(path: Path, columns: Sequence[str]) -> Sheet:
    """Give a sheet without rows, for a run that has none."""
    return Sheet(path, tuple(columns), {}, _stamp=_stamp_of(path))


def unescaped(values: Iterable[str]) -> dict[str, str]:
    """Say what each cell stands for that differs from its value: the apostrophe of `escape_formulas` is undone.

    >>> unescaped(["=a", "b"])
    {"'=a": '=a'}
    """
    plain = list(dict.fromkeys(values))
    return {cell: value for cell, value in zip(escaped(plain), plain, strict=True) if cell != value}


def escaped(values: Sequence[str]) -> list[str]:
    """Give values as cells that no spreadsheet runs as a formula."""
    return escape_formulas(pd.DataFrame({"value": pd.Series(values, dtype="str")}))["value"].tolist()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one; on return it is on disk.

    Raises
    ------
    OSError
        The folder can't be written, or the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name too is to outlast a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    coding = detect_encoding(path.read_bytes())
    if coding is not None and not coding.startswith("utf"):
        raise InputError(f"{path} is not in UTF-8: save it from the spreadsheet as CSV UTF-8")
    text = read_utf8(path, coding).decode("utf-8").removeprefix("\ufeff")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=detect_delimiter(text.split("\n", 1)[0]) or ",")
    try:
        records = [(reader.line_num, cells) for cells in reader if any(cells)]
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num} is no line of a CSV file ({error}): save it again") from None
    if not records:
        raise InputError(f"{path} has no header: give a review.csv as the run wrote it")
    columns = [name.strip() for name in records.pop(0)[1]]
    for number, cells in records:
        if len(cells) != len(columns):
            raise InputError(
                f"{path}: line {number} has {len(cells)} cells where the header has {len(columns)}: put the row right"
            )
    if len(set(columns)) < len(columns):
        raise InputError(f"{path}: the header has a column twice: keep one of them")
    return columns, records


def _refuse_twice(path: Path, keys: Sequence[str]) -> None:
    places = pd.Series(keys, dtype="str")
    twice = places[places.duplicated()].unique()
    if len(twice):
        raise InputError(
            f"{path} has a row twice for {list_names([repr(key) for key in twice], 3)}: keep one; nothing was applied"
        )


def _as_cells(frame: pd.DataFrame) -> list[list[str]]:
    """Write values as `to_csv` does: floats in full, nothing where missing."""
    text = frame.apply(lambda column: column.map(lambda cell: "" if pd.isna(cell) else str(cell)))
    cells: list[list[str]] = escape_formulas(text.astype("str")).to_numpy(dtype=object).tolist()
    return cells


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
