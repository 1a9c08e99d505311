"""Limits of columns, as learnt on train: what they are, and what happens to values outside of them.

Why a file of its own: the same limits treat the training rows, dev, test, and what `burnish predict` is given a year
later, in which a column may have come as another type. Missing cells stay missing, integers stay integers, and whole
numbers are compared as such, however large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.label_checks import labels_as_text

Method = Literal["winsorize", "median", "mean", "zero", "drop", "flag", "keep"]
LEFT_AS_THEY_ARE: tuple[Method, ...] = ("drop", "flag")
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnLimits:
    """The limits of one column; `low` and `high` are None where a side is left alone.

    `rule` says how they were found, or why there are none; `replacement` is the value for both sides with the methods
    median, mean and zero; `group` is the group they hold for, None for all rows of no group of its own.
    """

    column: str
    low: float | None
    high: float | None
    replacement: float | None
    rule: str
    group: str | None = None


@dataclass(frozen=True)
class Limits:
    """Limits learnt on train, a set for each numeric column, or for each column and group of the column `by`."""

    method: Method
    strength: float
    columns: tuple[ColumnLimits, ...]
    by: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the limits as plain values that JSON can hold."""
        return asdict(self) | {"columns": [asdict(each) for each in self.columns]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Limits:
        """Rebuild what `to_dict` gave."""
        columns = tuple(ColumnLimits(**each) for each in stored["columns"])
        return cls(stored["method"], stored["strength"], columns, stored.get("by"))

    def apply(self, frame: pd.DataFrame, groups: pd.Series | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Treat the values outside the limits; the frame given is left as it is.

        Parameters
        ----------
        frame : pd.DataFrame
            Must have the columns that have limits, as numbers.
        groups : pd.Series, optional
            The group of each row, where the limits have groups; default: the column `by` of the frame.

        Returns
        -------
        treated : pd.DataFrame
            A new frame that shares the columns nothing was replaced in; dtypes as they were, but for integers whose
            replacement is none or does not fit. With drop, flag and keep the values are the same.
        replaced : pd.DataFrame
            bool, shape of `frame`: the cells outside the limits, which were replaced, or whose rows are to go with
            drop; with keep, none.

        Raises
        ------
        InputError
            A column is gone or holds no numbers any more.
        """
        treated = frame.copy(deep=False)
        outside = {}
        for name, column, choices, chosen in self._limited(frame, groups):
            below, above = _outside(column, choices, chosen)
            outside[name] = below | above
            if self.method not in LEFT_AS_THEY_ARE and outside[name].any():
                treated[name] = _replace(column, choices, chosen, below, above)
        return treated, _every_column(frame, outside)

    def outside(self, frame: pd.DataFrame, groups: pd.Series | None = None) -> pd.DataFrame:
        """Tell the cells that `apply` would replace, bool, shape of `frame`; no value is held twice."""
        cells = {}
        for name, column, choices, chosen in self._limited(frame, groups):
            below, above = _outside(column, choices, chosen)
            cells[name] = np.logical_or(below, above, out=below)
        return _every_column(frame, cells)

    def _limited(
        self, frame: pd.DataFrame, groups: pd.Series | None
    ) -> Iterator[tuple[str, pd.Series, list[ColumnLimits], NDArray[np.int64] | None]]:
        """Give the columns that have limits: name, cells, limits, and which of these is each row's; None for one."""
        for name, choices in self.by_column():
            if self.method == "keep" or all(each.low is None and each.high is None for each in choices):
                continue
            column = _numbers(frame, name)
            yield (
                name,
                column,
                choices,
                None if self.by is None else self._choose(choices, _groups_of(frame, groups, self.by)),
            )

    def by_column(self) -> Iterator[tuple[str, list[ColumnLimits]]]:
        """Give the limits of each column, those for all rows first."""
        columns: dict[str, list[ColumnLimits]] = {}
        for each in self.columns:
            columns.setdefault(each.column, []).append(each)
        for name, choices in columns.items():
            yield name, sorted(choices, key=lambda each: each.group is not None)

    @staticmethod
    def _choose(choices: Sequence[ColumnLimits], groups: pd.Series) -> NDArray[np.int64]:
        """Give the position in `choices` of the limits of each row."""
        places = {each.group: place for place, each in enumerate(choices)}
        codes, names = pd.factorize(groups)
        of_name = np.array([*(places.get(name, 0) for name in names), 0])
        return np.asarray(of_name[codes], dtype=np.int64)  # code −1, a missing group, is the last


def _every_column(frame: pd.DataFrame, outside: dict[str, Mask]) -> pd.DataFrame:
    """Give the cells outside for all columns of a frame; those without any share one column of False."""
    nowhere = np.zeros(len(frame), dtype=bool)
    cells = {name: outside.get(name, nowhere) for name in frame.columns}
    return pd.DataFrame(cells, index=frame.index, columns=frame.columns, copy=False)


def is_number(column: pd.Series) -> bool:
    """Tell whether a column can have limits: numbers, but no booleans."""
    return pd.api.types.is_numeric_dtype(column) and not (
        pd.api.types.is_bool_dtype(column) or pd.api.types.is_complex_dtype(column)
    )


def _numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        raise InputError(f"column {name!r} has outlier limits but is not in the data: give it again.")
    column = frame[name]
    if not is_number(column):
        raise InputError(f"column {name!r} held numbers when its limits were learnt, and holds none now: give numbers.")
    return column


def _groups_of(frame: pd.DataFrame, groups: pd.Series | None, by: str) -> pd.Series:
    if groups is None and by not in frame:
        raise InputError(f"outlier limits were learnt by {by!r}, which is not in the data: give that column again.")
    return labels_as_text(frame[by] if groups is None else groups)


def _bounds(choices: Sequence[ColumnLimits]) -> tuple[Floats, Floats]:
    low = np.array([-np.inf if each.low is None else each.low for each in choices])
    high = np.array([np.inf if each.high is None else each.high for each in choices])
    return low, high


def _outside(column: pd.Series, choices: Sequence[ColumnLimits], chosen: NDArray[np.int64] | None) -> tuple[Mask, Mask]:
    """Tell the cells below and above their limits; whole numbers are compared as such, however large."""
    lows, highs = _bounds(choices)
    dtype, plain = _plain_type(column), isinstance(column.dtype, np.dtype)
    if dtype.kind in "iu":
        lows = np.array([_within(each, dtype) for each in np.ceil(lows).tolist()], dtype=dtype)
        highs = np.array([_within(each, dtype) for each in np.floor(highs).tolist()], dtype=dtype)
        cells = column.to_numpy() if plain else column.to_numpy(dtype=dtype, na_value=0)
    elif plain and chosen is None:
        edge = np.finfo(dtype).max
        lows, highs = np.maximum(lows, -edge).astype(dtype), np.minimum(highs, edge).astype(dtype)
        cells = column.to_numpy()
    else:
        cells = column.to_numpy(dtype=np.float64, na_value=np.nan)
    low, high = (lows[0], highs[0]) if chosen is None else (lows[chosen], highs[chosen])
    below, above = cells < low, cells > high
    if not plain and dtype.kind in "iu":
        known = column.notna().to_numpy()
        return below & known, above & known
    return below, above


def _within(limit: float, dtype: np.dtype[Any]) -> int:
    """Give a whole limit, or the end of an integer type where the limit lies beyond."""
    ends = np.iinfo(dtype)
    return int(ends.min) if limit <= ends.min else int(ends.max) if limit >= ends.max else int(limit)


def _replace(
    column: pd.Series, choices: Sequence[ColumnLimits], chosen: NDArray[np.int64] | None, below: Mask, above: Mask
) -> pd.Series:
    """Give the column with the cells outside set to their limit, or to the replacement where there is one."""
    lows, highs = _bounds(choices)
    for limits in (lows, highs):
        for number, each in enumerate(choices):
            if each.replacement is not None:
                limits[number] = each.replacement
    rows = np.flatnonzero(below | above)
    place = np.zeros(len(rows), dtype=np.int64) if chosen is None else chosen[rows]
    values = np.where(below[rows], lows[place], highs[place])
    result = _wide_enough(column, values).copy()
    result.iloc[rows] = values.astype(_plain_type(result))
    return result


def _plain_type(column: pd.Series) -> np.dtype[Any]:
    return column.dtype if isinstance(column.dtype, np.dtype) else column.dtype.numpy_dtype


def _wide_enough(column: pd.Series, values: Floats) -> pd.Series:
    """Give integers another type where they cannot hold the values that come in: limits of another batch's type."""
    if not pd.api.types.is_integer_dtype(column):
        return column
    whole = bool((values == np.round(values)).all())
    types = {"int64": "Int64", "float64": "Float64"}
    for dtype in (_plain_type(column), np.dtype("int64")):
        ends = np.iinfo(dtype)
        if whole and values.min() >= ends.min and values.max() < float(ends.max) + 1:
            break
    else:
        dtype = np.dtype("float64")
    if dtype == _plain_type(column):
        return column
    return column.astype(dtype.name if isinstance(column.dtype, np.dtype) else types[dtype.name])
