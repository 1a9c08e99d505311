"""The cleaned dataset, written back in the form it came in: final labels in place, dropped rows left out.

The user's own files are read, never written: a table goes to a file of the same name in another folder, images are
copied. The label column holds the final label with the type and spelling it has in the original; all other cells stay.
Where several annotators gave labels, their columns stay too, and the final label is a new last column, `label`; where
the data has such a column already, `final_label`, then `final_label_2` and so on.
In CSV files a cell that a spreadsheet would run as a formula gets a leading apostrophe (OWASP, "CSV injection").

Known failures: quotes and line ends of a CSV file are written in one way, whatever the original had; a label that reads
as a formula (`=a`) has the apostrophe too, and is another class when the cleaned file is read.
"""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, feather, parquet

from burnish.tasks.examples import Examples
from burnish.tasks.findings import InputError
from burnish.tasks.label_checks import label_codes, labels_as_text
from burnish.tasks.tables import SourceTable, arrow_parts

Places = NDArray[np.int32 | np.int64]  # narrow where they can be: of ten million rows, 40 MB less
_FORMULA = r"^(?s:[=+\-@\t\r].)"
_CELLS_AT_ONCE = 1_000_000  # written to CSV in one go; of wide tables that is few rows
_HARMLESS = r"\s*[+-]?(?:\.?\d[\d.,]*(?:[eE][+-]?\d+)?|inf|Inf|infinity|Infinity|nan|NaN)\s*"


def write_cleaned(examples: Examples, table: pd.DataFrame, folder: str | Path) -> Path:
    """Write the cleaned dataset.

    Parameters
    ----------
    examples : Examples
        The dataset as it was read.
    table : DataFrame
        Row-aligned with `examples.table`; `final_label`, NaN where dropped or missing, and `action` where there is one.
    folder : str or Path
        Where to write; made if absent.

    Returns
    -------
    Path
        The table file, or `folder` itself for class folders.

    Raises
    ------
    InputError
        The folder is where the data is, or can't be written.
    ValueError
        The rows are others than those of `examples`, or a final label is none of the classes.
    """
    folder = Path(folder)
    if not table["id"].reset_index(drop=True).equals(examples.table["id"]):
        raise ValueError("the table's rows are not those of the examples")
    kept, rows = _plan(examples, table)
    _check_apart(examples, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if examples.original.table is None:
            return _copy_class_folders(examples, table, kept, folder)
        path = _write_table(examples, examples.original.table, kept, rows, folder)
        if examples.original.image is not None:
            _copy_images(examples, examples.table.loc[kept, "image"], folder)
    except OSError as error:
        raise InputError(
            f"{folder}: the cleaned data can't be written ({error.strerror}): give another place"
        ) from None
    return path


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Make a frame safe to open as CSV in a spreadsheet.

    Parameters
    ----------
    frame : DataFrame
        Any columns; only text is touched.

    Returns
    -------
    DataFrame
        Cells and names that start with ``=``, ``+``, ``-``, ``@``, a tab or CR have a leading apostrophe, unless they
        are numbers or that one character.

    Examples
    --------
    >>> escape_formulas(pd.DataFrame({"a": ["=1+1", "-1.5", "-", "b"]}, dtype="str"))["a"].tolist()
    ["'=1+1", '-1.5', '-', 'b']
    """
    safe = {}
    for place in range(len(frame.columns)):
        column = frame.iloc[:, place]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype("str")
        is_text = isinstance(column.dtype, pd.StringDtype) or column.dtype == object
        safe[place] = _escape(column) if is_text else column
    escaped = pd.DataFrame(safe, index=frame.index)
    escaped.columns = pd.Index(_escape(pd.Series(frame.columns, dtype=object)).tolist())
    return escaped


def _escape(column: pd.Series) -> pd.Series:
    text = column.where(column.map(lambda cell: isinstance(cell, str))) if column.dtype == object else column
    text = text.astype("str")
    places = _risky(text)
    if not places.size:
        return column
    escaped = column.copy()
    escaped.iloc[places] = "'" + text.iloc[places]
    return escaped


def _risky(text: pd.Series) -> NDArray[np.int64]:
    """Give the places of the cells that a spreadsheet would run; by Arrow, as tables have thousands of columns."""
    cells = pa.array(text, type=pa.large_string(), from_pandas=True)
    signed = compute.match_substring_regex(cells, _FORMULA).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(np.equal(signed, True))
    harmless = compute.match_substring_regex(cells.take(pa.array(places)), f"^(?:{_HARMLESS})$")
    return places[~harmless.to_numpy(zero_copy_only=False).astype(np.bool_)]


def _plan(examples: Examples, table: pd.DataFrame) -> tuple[NDArray[np.bool_], Places]:
    """Say which rows stay, shape (n,), and for each of these whose label cell it takes, shape (kept,), −1 = nobody's.

    With several annotators the cells are those of all their columns, one column after the other.
    """
    given, final = examples.table["label"], table["final_label"].reset_index(drop=True)
    named = final.notna().to_numpy()
    kept = named | given.isna().to_numpy()
    if "action" in table:
        kept &= (table["action"] != "drop").to_numpy()
    cells = len(given) * max(len(examples.annotators), 1)
    place = np.dtype(np.int32 if cells <= np.iinfo(np.int32).max else np.int64)
    rows: Places = np.arange(len(given)).astype(place)
    others = np.flatnonzero(named & (final != given).to_numpy())
    if examples.votes is not None:
        others, rows = np.flatnonzero(named), np.full(len(given), -1).astype(place)
    codes = label_codes(final.iloc[others], examples.classes)
    if (codes < 0).any():
        raise ValueError("a final label is none of the classes")
    if len(others):
        told = examples.codes if examples.votes is None else examples.votes.T.ravel()
        rows[others] = _first_cells(told, len(examples.classes))[codes]
    return kept, rows if kept.all() else rows[kept]


def _first_cells(cells: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Give the place of the first cell of each class, 0 where it has none."""
    places = np.flatnonzero(~pd.Series(cells, copy=False).duplicated().to_numpy())
    places = places[cells[places] >= 0]
    first = np.zeros(classes, dtype=np.int64)
    first[cells[places]] = places
    return first


def _check_apart(examples: Examples, folder: Path) -> None:
    target, source = folder.resolve(), examples.original.path.resolve()
    clash = target / source.name == source if examples.original.table else source == target or source in target.parents
    if clash:
        raise InputError(f"{folder} is where the data itself is: write the cleaned data to another folder")


def _write_table(examples: Examples, source: SourceTable, kept: NDArray[np.bool_], rows: Places, folder: Path) -> Path:
    path = folder / source.path.name
    given = examples.original.annotators or (str(examples.original.label),)
    label = given[0] if len(given) == 1 else _free_column(source.frame.columns)
    if source.format in ("parquet", "feather"):
        parts = _relabel_arrow(source, given, label, kept, rows)
        if source.format == "parquet":
            first = next(parts)
            with parquet.ParquetWriter(path, first.schema) as file:
                for part in itertools.chain([first], parts):
                    file.write_table(part)
        else:
            feather.write_feather(pa.concat_tables(parts), str(path))
    elif source.format == "jsonl":
        lines = _relabel_lines(source.lines, given, label, np.flatnonzero(kept), rows)
        path.write_text("".join(line + "\n" for line in lines), encoding=source.encoding or "utf-8", newline="\n")
    else:
        cells = pd.concat([source.frame[name] for name in given], ignore_index=True)
        frame = source.frame[kept].assign(**{label: cells.reindex(rows).array})
        frame = escape_formulas(frame[[*source.frame.columns, *({label} - set(source.frame.columns))]])
        # the csv module leaves a lone CR unquoted where lines end in LF
        quoting = csv.QUOTE_ALL if any(map(_holds_returns, (frame[name] for name in frame))) else csv.QUOTE_MINIMAL
        frame.to_csv(
            path,
            sep=source.delimiter,
            index=False,
            encoding=source.encoding,
            lineterminator="\n",
            quoting=quoting,
            chunksize=max(1, _CELLS_AT_ONCE // frame.shape[1]),
        )
    return path


def _holds_returns(column: pd.Series) -> bool:
    cells = pa.array(column, type=pa.large_string(), from_pandas=True)
    return bool(compute.any(compute.match_substring(cells, "\r")).as_py())


def _free_column(taken: Iterable[str]) -> str:
    """Name the column of final labels beside those of several annotators."""
    names = set(taken)
    candidates = ["label", "final_label", *(f"final_label_{number}" for number in range(2, len(names) + 2))]
    return next(name for name in candidates if name not in names)


def _relabel_arrow(
    source: SourceTable, given: Sequence[str], label: str, kept: NDArray[np.bool_], rows: Places
) -> Iterator[pa.Table]:
    """Put the final labels in place, or add them; columns of annotators that differ in type become text."""
    told = pa.concat_tables(arrow_parts(source, given)).unify_dictionaries()
    columns = [told.column(name) for name in given]
    if len({column.type for column in columns}) > 1:
        columns = [pa.array(labels_as_text(column.to_pandas()), from_pandas=True) for column in columns]
    cells = pa.chunked_array([chunk for column in columns for chunk in _chunks(column)])
    nobody = rows < 0
    labels = cells.take(pa.array(rows, mask=nobody if nobody.any() else None))
    del told, columns, cells, nobody
    start, done = 0, 0
    for part in arrow_parts(source):
        here = kept[start : start + part.num_rows]
        stay = part if here.all() else part.filter(pa.array(here))
        own = labels.slice(done, stay.num_rows)
        start, done = start + part.num_rows, done + stay.num_rows
        if label in part.column_names:
            place = part.column_names.index(label)
            yield stay.set_column(place, part.schema.field(label), own)
        else:
            yield stay.append_column(label, own)


def _chunks(column: pa.ChunkedArray | pa.Array) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _relabel_lines(
    lines: tuple[str, ...], given: Sequence[str], label: str, kept: NDArray[np.int64], rows: Places
) -> list[str]:
    """Give the kept lines, as written where the label stays."""
    written = []
    for own, cell in zip(kept.tolist(), rows.tolist(), strict=True):
        line = lines[own].rstrip("\r")
        if own != cell or len(given) > 1:
            record: dict[str, Any] = json.loads(line)
            record[label] = None if cell < 0 else json.loads(lines[cell % len(lines)])[given[cell // len(lines)]]
            line = json.dumps(record, ensure_ascii=False)
        written.append(line)
    return written


def _copy_class_folders(examples: Examples, table: pd.DataFrame, kept: NDArray[np.bool_], folder: Path) -> Path:
    taken = set(examples.table.loc[kept, "image"])
    given, final = examples.table["label"], table["final_label"].reset_index(drop=True)
    for path, was, now in zip(examples.table["image"][kept], given[kept], final[kept].fillna(given[kept]), strict=True):
        target = path
        if now != was and isinstance(now, str):
            target = _free_name(now, path, taken)
            taken.add(target)
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(examples.root / path, folder / target)
    return folder


def _free_name(label: str, path: str, taken: set[str]) -> str:
    """Name a file in another class's folder; where the name is taken, its old class goes in front."""
    was, rest = path.split("/", 1)
    parent, _, file = rest.rpartition("/")
    start = f"{label}/{parent}/" if parent else f"{label}/"
    names = [file, f"{was}-{file}", *(f"{was}-{number}-{file}" for number in range(2, len(taken) + 3))]
    return next(start + name for name in names if start + name not in taken)


def _copy_images(examples: Examples, images: pd.Series, folder: Path) -> None:
    for path in images.drop_duplicates():
        if path and (examples.root / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(examples.root / path, folder / path)
