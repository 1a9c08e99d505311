"""A table file (.csv .tsv .parquet .feather .jsonl) → a frame, strictly: what cannot be trusted is refused by name.

Text formats come as text, every cell as it is written (leading zeros, integers beyond 2^53 and the word `NA` stay
what they are); `burnish.tasks.column_types.infer_types` makes numbers and dates of them. Parquet and Feather keep
their types. `open_table` keeps beside the frame what is needed to write the table back in the form it came in.

Known failure: the whole table is held in memory, but for `table_frames`.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pyarrow as pa
from pyarrow import feather, parquet

from burnish.tasks.column_types import infer_types
from burnish.tasks.delimited import check_names, read_delimited
from burnish.tasks.delimited_parts import delimited_frames
from burnish.tasks.findings import InputError
from burnish.tasks.hints import closest, did_you_mean
from burnish.tasks.text_encoding import read_utf8

__all__ = ["FORMATS", "SourceTable", "arrow_parts", "infer_types", "open_table", "read_table", "table_frames"]

PART_ROWS = 131_072  # rows read at once to be written back
FORMATS = {".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".feather": "feather", ".jsonl": "jsonl"}


@dataclass(frozen=True)
class SourceTable:
    """A table as it came.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        ``csv``, ``tsv``, ``parquet``, ``feather`` or ``jsonl``.
    frame : DataFrame
        Its rows; `str` columns for text formats.
    delimiter, encoding : str or None
        Of text formats.
    stamp : tuple of int
        Size in bytes and time of the last change in nanoseconds, of parquet and feather, which are read again to be
        written back (`arrow_parts`).
    lines : tuple of str
        The same rows as written, of jsonl.
    """

    path: Path
    format: str
    frame: pd.DataFrame
    delimiter: str | None = None
    encoding: str | None = None
    stamp: tuple[int, int] = (0, 0)
    lines: tuple[str, ...] = ()


def read_table(
    path: str | Path, *, delimiter: str | None = None, encoding: str | None = None, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a table file.

    Parameters
    ----------
    path : str or Path
        A .csv, .tsv, .parquet, .feather or .jsonl file.
    delimiter, encoding : str, optional
        For text formats; comma (tab for .tsv) and UTF-8 where not given.
    columns : sequence of str, optional
        The columns wanted, in this order.

    Returns
    -------
    DataFrame
        Text formats: `str` columns exactly as written, an empty cell is NaN. Others: their own types, whole numbers
        and booleans with nulls as pandas' nullable types.

    Raises
    ------
    InputError
        The file is absent, damaged, empty, ragged, of another format or encoding; the sentence says where.
    """
    return open_table(path, delimiter=delimiter, encoding=encoding, columns=columns).frame


def open_table(
    path: str | Path, *, delimiter: str | None = None, encoding: str | None = None, columns: Sequence[str] | None = None
) -> SourceTable:
    """Read a table file and keep what writing it back needs; parameters and errors as in `read_table`."""
    path = Path(path)
    kind = _check_file(path)
    wanted = None if columns is None else list(columns)
    if kind in ("csv", "tsv"):
        mark = _unescape(delimiter) if delimiter else ("\t" if kind == "tsv" else ",")
        frame = read_delimited(path, mark, encoding)
        table = SourceTable(path, kind, frame, delimiter=mark, encoding=encoding or _mark_of(path))
    elif kind == "jsonl":
        table = _open_jsonl(path, encoding)
    else:
        table = _open_arrow(path, kind)
    if not wanted:
        return table
    for name in wanted:
        if name not in table.frame.columns:
            refuse_column(name, list(table.frame.columns), path)
    return replace(table, frame=table.frame[wanted])


def refuse_column(name: str, columns: Sequence[str], path: Path, key: str = "") -> NoReturn:
    """Say that a column is absent, which one may be meant, and which there are.

    Raises
    ------
    InputError
        Always.
    """
    meant = did_you_mean(name, columns)
    lead = f"{key}: " if key else ""
    raise InputError(
        f"{lead}{path} has no column {name!r}: {meant and meant + ' '}its columns are {list_names(columns)}"
    )


def list_names(names: Sequence[str], most: int = 20) -> str:
    """Join names for a sentence, the first 20 of them."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _check_file(path: Path) -> str:
    if path.is_dir():
        raise InputError(f"{path} is a folder where a table file is expected: name the file in it")
    if not path.exists():
        raise InputError(f"{path} does not exist{_near(path)}")
    if not path.is_file():
        raise InputError(f"{path} is not a regular file: give a table file")
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path} is of no format that Burnish reads: give one of {', '.join(FORMATS)}")
    return FORMATS[path.suffix.lower()]


def _near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f", nor does its folder {folder}: check data.path"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    close = closest(path.name, names, 3)
    return f": did you mean {' or '.join(close)}?" if close else f": check data.path (nothing like it in {folder})"


def _mark_of(path: Path) -> str:
    """Tell UTF-8 with a byte order mark, which spreadsheets go by, from plain UTF-8."""
    with path.open("rb") as file:
        return "utf-8-sig" if file.read(3) == codecs.BOM_UTF8 else "utf-8"


def _unescape(delimiter: str) -> str:
    return "\t" if delimiter == "\\t" else delimiter


def _open_jsonl(path: Path, encoding: str | None) -> SourceTable:
    text = read_utf8(path, encoding).decode("utf-8")
    # not splitlines: U+2028 and friends may stand inside a JSON string
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    records = [_json_record(line, number, path) for number, line in numbered]
    frame = pd.DataFrame.from_records(records)
    names = [str(name) for name in frame.columns]
    if not names:
        raise InputError(f"{path} has lines but no keys in them: give each example its values")
    check_names(names, path)
    frame = frame.astype("str").replace("", float("nan"))
    return SourceTable(path, "jsonl", frame, encoding=encoding, lines=tuple(line for _, line in numbered))


def _json_record(line: str, number: int, path: Path) -> dict[str, str | None]:
    """Read one line: numbers stay as they are written, a nested value is refused by its key."""

    def flat(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            raise InputError(f"{path}: line {number} has a key twice: keep one of them")
        return record

    try:
        record = json.loads(line, object_pairs_hook=flat, parse_int=str, parse_float=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: line {number} is not JSON ({error.msg}, column {error.colno}): put one object on each line"
        ) from None
    except RecursionError:
        raise InputError(f"{path}: line {number} is nested too deeply: put one flat object on each line") from None
    if not isinstance(record, dict):
        raise InputError(f'{path}: line {number} is no JSON object: write it as {{"column": value, …}}')
    for key, value in record.items():
        if isinstance(value, dict | list):
            kind = "list" if isinstance(value, list) else "nested object"
            raise InputError(
                f"{path}: line {number}, column {key!r} holds a {kind}: flatten it into columns, or leave it out"
            )
        if isinstance(value, bool):
            record[key] = "true" if value else "false"
    return record


def arrow_parts(source: SourceTable, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Read a parquet or feather table once more, with its exact types, a part at a time.

    Parameters
    ----------
    source : SourceTable
    columns : sequence of str, optional
        Those wanted; by default all.

    Raises
    ------
    InputError
        The file is no longer the one that was read.
    """
    if not source.path.exists() or _stamp(source.path) != source.stamp:
        raise InputError(f"{source.path} was changed while the run was using it: make the run again")
    file = _arrow_file(source.path, source.format)
    index, start = _range_index(file.schema_arrow, _rows(file)), 0
    wanted = [name for name in (columns or file.schema_arrow.names) if name not in index]
    for part in _parts(file, wanted):
        for name, numbers in index.items():
            if columns is None or name in columns:
                part = part.append_column(name, pa.array(numbers[start : start + part.num_rows]))
        start += part.num_rows
        yield part


def table_frames(
    path: Path, *, delimiter: str | None = None, encoding: str | None = None, rows: int, size: int
) -> Iterator[pd.DataFrame]:
    """Read a table file a part at a time, each part as `read_table` would give it; .jsonl as a whole.

    Parameters
    ----------
    path : Path
    delimiter, encoding : str, optional
        As in `read_table`.
    rows : int
        Rows of a part of parquet and feather.
    size : int
        Bytes of a part of delimited text, about.

    Raises
    ------
    InputError
        As `read_table`, when the part is read that is at fault.
    """
    kind = _check_file(path)
    if kind in ("csv", "tsv"):
        mark = _unescape(delimiter) if delimiter else ("\t" if kind == "tsv" else ",")
        yield from delimited_frames(path, mark, encoding, size)
    elif kind == "jsonl":
        yield read_table(path, encoding=encoding)
    else:
        yield from _arrow_frames(path, kind, rows)


def _arrow_frames(path: Path, kind: str, rows: int) -> Iterator[pd.DataFrame]:
    file, index = _checked_arrow(path, kind)
    names = [name for name in file.schema_arrow.names if name not in index]
    start = 0
    try:
        for batch in file.iter_batches(rows, columns=names):
            frame = _as_frame(pa.Table.from_batches([batch]))
            for name, numbers in index.items():
                frame[name] = pd.array(numbers[start : start + len(frame)], dtype="Int64")
            start += len(frame)
            yield frame
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, kind, error) from None


def _open_arrow(path: Path, kind: str) -> SourceTable:
    stamp = _stamp(path)
    file, index = _checked_arrow(path, kind)
    try:
        frame = _as_frame(file.read())
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, kind, error) from None
    for name, numbers in index.items():
        frame[name] = pd.array(numbers, dtype="Int64")
    return SourceTable(path, kind, frame, stamp=stamp)


def _checked_arrow(path: Path, kind: str) -> tuple[Any, dict[str, range]]:
    """Open a parquet or feather file that has flat columns of names and rows; give it and its stored index."""
    if not path.stat().st_size:
        raise InputError(f"{path} is empty: it needs columns and rows")
    file = _arrow_file(path, kind)
    rows, schema = _rows(file), file.schema_arrow
    if not rows:
        raise InputError(f"{path} has columns and no rows: add the examples")
    index = _range_index(schema, rows)
    check_names([*schema.names, *index], path)
    for field in schema:
        _check_flat(field, path)
    return file, index


def _as_frame(table: pa.Table) -> pd.DataFrame:
    table = table.replace_schema_metadata(None)  # what pandas notes there of its index is read even if ignored
    options = {"date_as_object": False, "types_mapper": _NULLABLE.get, "split_blocks": True, "self_destruct": True}
    return table.to_pandas(ignore_metadata=True, **options)


class _Feather:
    """A feather file with what `parquet.ParquetFile` has."""

    def __init__(self, path: Path) -> None:
        self._table = feather.read_table(path, memory_map=True)
        self.schema_arrow = self._table.schema
        self.num_rows = self._table.num_rows

    def read(self) -> pa.Table:
        return self._table

    def iter_batches(self, size: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(columns).to_batches(size)


def _arrow_file(path: Path, kind: str) -> Any:
    try:
        return parquet.ParquetFile(path, pre_buffer=False) if kind == "parquet" else _Feather(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, kind, error) from None


def _damaged(path: Path, kind: str, error: Exception) -> InputError:
    reason = str(error).splitlines()[0].rstrip(".")
    return InputError(f"{path} can't be read as {kind.capitalize()} ({reason}): write it again")


def _rows(file: Any) -> int:
    return int(file.num_rows if isinstance(file, _Feather) else file.metadata.num_rows)


def _parts(file: Any, columns: Sequence[str]) -> Iterator[pa.Table]:
    batches = file.iter_batches(PART_ROWS, columns=columns)
    return (pa.Table.from_batches([batch]) for batch in batches)


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _range_index(schema: pa.Schema, rows: int) -> dict[str, range]:
    """Give the named index that pandas stores as a start and a step only."""
    try:
        indexes = (schema.pandas_metadata or {}).get("index_columns", [])
    except ValueError:  # damaged metadata; the columns are whole
        return {}
    found = {}
    for index in indexes:
        if isinstance(index, dict) and index.get("kind") == "range" and isinstance(index.get("name"), str):
            numbers = range(index["start"], index["stop"], index["step"])
            if len(numbers) == rows and index["name"] not in schema.names:
                found[index["name"]] = numbers
    return found


_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def _is_vector(kind: Any) -> bool:
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(listed and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)))


def _check_flat(field: Any, path: Path) -> None:
    if _is_vector(field.type):
        raise InputError(
            f"{path}: column {field.name!r} holds lists of numbers ({field.type}): if they are embeddings, save them "
            f"with np.save('embeddings.npy', np.stack(frame.pop({field.name!r}))), name that file in data.embeddings "
            "and write the table again without the column"
        )
    if pa.types.is_nested(field.type):
        raise InputError(
            f"{path}: column {field.name!r} holds lists or nested values ({field.type}): flatten it into columns, or "
            "leave it out"
        )
    if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
        raise InputError(
            f"{path}: column {field.name!r} holds bytes: write them as files and give their paths (data.image), or "
            "leave it out"
        )
