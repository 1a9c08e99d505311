"""A column as its distinct values: what every search for wrong cells works on, however many rows there are.

A million rows with forty values cost forty looks. Cells are text as written; columns that are already typed give the
text of their distinct values, numbers only where it is asked for: a million of them written out would take 170 MB. A
detector that judges values names them by their code (`ValueSuspect`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import InputError

NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:,\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")


class ValueSuspect(NamedTuple):
    """A value of a column that looks wrong wherever it stands.

    `repair` is None where nothing can be suggested; `confidence` is the probability that the value is wrong.
    """

    code: int
    kind: str
    repair: str | None
    why: str
    confidence: float


class NumberTexts(Sequence[str]):
    """Distinct numbers as the text of each, which is made when it is read.

    >>> tuple(NumberTexts(np.array([1.0, 2.5])))
    ('1', '2.5')
    """

    def __init__(self, numbers: NDArray[np.float64] | NDArray[np.int64]) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return NumberTexts(self.numbers[place]) if isinstance(place, slice) else _as_text(self.numbers[place].item())


@dataclass(frozen=True)
class CellColumn:
    """A column of n cells.

    Attributes
    ----------
    name : str
    codes : int32 (n,)
        The value of each cell, as an index into `texts`; −1 where the cell is empty.
    texts : sequence of str
        The distinct values, in order of appearance.
    counts : int64 (k,)
        How many cells hold each value.
    typed : bool
        Numbers, booleans or dates that were read as such: how a cell is written is no longer known.
    """

    name: str
    codes: NDArray[np.int32]
    texts: Sequence[str]
    counts: NDArray[np.int64]
    typed: bool = False

    @property
    def filled(self) -> int:
        """How many cells hold a value."""
        return int(self.counts.sum())

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The distinct values as numbers, NaN where they are none; shape (k,)."""
        if isinstance(self.texts, NumberTexts):
            values = self.texts.numbers.astype(np.float64)
            return np.where(np.isfinite(values), values, np.nan)
        return np.array([float(v.replace(",", "")) if NUMBER.fullmatch(v) else np.nan for v in self.texts], dtype=float)

    @cached_property
    def is_numeric(self) -> bool:
        """Whether nine cells in ten that hold a value hold a number."""
        return self.filled > 0 and self.counts[np.isfinite(self.numbers)].sum() >= 0.9 * self.filled

    def without(self, codes: Iterable[int]) -> CellColumn:
        """Give the column with these values taken for empty cells."""
        gone = np.zeros(len(self.texts) + 1, dtype=np.bool_)
        gone[list(codes)] = True
        if not gone.any():
            return self
        kept = np.where(gone[self.codes], np.int32(-1), self.codes)
        return CellColumn(self.name, kept, self.texts, np.where(gone[:-1], 0, self.counts), self.typed)

    def without_rows(self, rows: NDArray[np.int64]) -> CellColumn:
        """Give the column with the cells of these rows taken for empty."""
        codes = self.codes.copy()
        codes[rows] = -1
        counts = np.bincount(codes[codes >= 0], minlength=len(self.texts)).astype(np.int64)
        return CellColumn(self.name, codes, self.texts, counts, self.typed)


def read_columns(frame: pd.DataFrame) -> list[CellColumn]:
    """Read the columns of a table as distinct values.

    Parameters
    ----------
    frame : DataFrame of n rows
        Text as written, or typed columns. A cell that is NaN, or text without a visible character, is empty.

    Returns
    -------
    list of CellColumn

    Raises
    ------
    InputError
        A column of lists, dicts or other values that cannot be compared.

    Examples
    --------
    >>> column = read_columns(pd.DataFrame({"city": ["Bend", "", "Gary", "Bend"]}))[0]
    >>> column.texts, column.counts.tolist(), column.codes.tolist()
    (('Bend', 'Gary'), [2, 1], [0, -1, 1, 0])
    """
    return [_read_column(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]


def _read_column(name: str, column: pd.Series) -> CellColumn:
    try:
        codes, distinct = pd.factorize(column)
    except (TypeError, NotImplementedError):
        raise InputError(
            f"column {name!r} holds {type(column.iloc[0]).__name__} values, which are no single values: "
            "flatten it into columns, or leave it out"
        ) from None
    if np.asarray(distinct).dtype.kind in "iuf":
        counts = np.bincount(codes[codes >= 0], minlength=len(distinct)).astype(np.int64)
        return CellColumn(name, codes.astype(np.int32), NumberTexts(np.asarray(distinct)), counts, typed=True)
    values = [_as_text(value) for value in distinct]
    order: dict[str, int] = {}
    place = np.array([order.setdefault(v, len(order)) if v.strip() else -1 for v in values] + [-1], dtype=np.int32)
    codes = place[codes]
    counts = np.bincount(codes[codes >= 0], minlength=len(order)).astype(np.int64)
    written = pd.api.types.is_object_dtype(column.dtype) or isinstance(
        column.dtype, pd.StringDtype | pd.CategoricalDtype
    )
    return CellColumn(name, codes, tuple(order), counts, typed=not written)


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
