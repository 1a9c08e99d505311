"""Text columns → numbers, booleans, dates, where every cell that is there agrees; the rest stays text.

How the text of a column is read is in `text_types`; columns that came with types keep them, in their simplest form.
Numbers with leading zeros (postcodes) and whole numbers beyond 2^53 (no longer exact as floats) stay text.

Known failures: a date that reads both day-first and month-first (`03/04/2021` throughout) stays text; a column of 0 and
1 is a number, not a boolean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from burnish.tasks.text_types import EXACT, MISSING, MixedCells, Notation, ReadText, holds_beyond_float, type_text

__all__ = [
    "MISSING",
    "MixedCells",
    "Notation",
    "TypedColumns",
    "drop_infinities",
    "infer_types",
    "is_missing",
    "is_text",
    "type_columns",
]

_LARGEST = 1e150  # the square of a larger number, which a spread is made of, is beyond float


@dataclass(frozen=True)
class TypedColumns:
    """What `type_columns` found.

    Attributes
    ----------
    frame : DataFrame
        float64 | Int64 | boolean | datetime64 | str columns, NaN (NA, NaT) where missing.
    infinite : dict of str to int
        Columns that held infinities or numbers beyond ±1e150, made missing, and how many.
    beyond_float : tuple of str
        Columns of whole numbers beyond 2^53, kept as text.
    notations : dict of str to NumberNotation or DateNotation
        Columns that were not read as plain numbers or by one format throughout as ISO 8601, and how they were.
    ambiguous : dict of str to str
        Columns that have two readings and stay text, and what the two are, for a person.
    mixed : dict of str to MixedCells
        Columns of numbers or dates with words among them.
    kept : dict of str to str
        Columns that look like numbers or dates and stay text, and why.
    """

    frame: pd.DataFrame
    infinite: dict[str, int]
    beyond_float: tuple[str, ...]
    notations: dict[str, Notation] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)
    mixed: dict[str, MixedCells] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


def infer_types(frame: pd.DataFrame, notations: Mapping[str, Notation] | None = None) -> pd.DataFrame:
    """Give each column the narrowest type that all its cells agree on; see `type_columns` for what it also found.

    Parameters
    ----------
    frame : DataFrame
        Text columns as `read_table` gives them; columns of other types are brought to the same few types.
    notations : mapping of str to NumberNotation or DateNotation, optional
        How the text of a column is to be read, as found on an earlier batch.

    Returns
    -------
    DataFrame
        Whole numbers Int64, numbers float64, true/false and yes/no boolean, dates datetime64, else str. Cells that
        spell a missing value ("", "?", "NA", "N/A", "nan", "null", "None"), infinities and numbers beyond ±1e150 are
        missing.

    Examples
    --------
    >>> given = pd.DataFrame({"age": ["39", "?"], "zip": ["0123", "4567"], "fee": ["1.200,5", "3"]}, dtype="str")
    >>> infer_types(given).dtypes.astype(str).to_dict()
    {'age': 'Int64', 'zip': 'str', 'fee': 'float64'}
    """
    return type_columns(frame, notations).frame


def type_columns(frame: pd.DataFrame, notations: Mapping[str, Notation] | None = None) -> TypedColumns:
    """Type the columns as `infer_types` does, and tell what had to give way."""
    typed: dict[str, pd.Series] = {}
    infinite: dict[str, int] = {}
    beyond_float: list[str] = []
    found: dict[str, ReadText] = {}
    for name in frame.columns:
        given = frame[name]
        if not is_text(given):
            column = _type_native(given)
        elif notations and name in notations:
            column = _by_notation(given, notations[name])
        else:
            column, found[name] = type_text(given)
        if pd.api.types.is_float_dtype(column.dtype):
            column, endless = drop_infinities(column)
            if endless:
                infinite[name] = endless
        if is_text(column) and holds_beyond_float(column):
            beyond_float.append(name)
        typed[name] = column
    return TypedColumns(
        pd.DataFrame(typed, index=frame.index, columns=frame.columns, copy=False),
        infinite,
        tuple(beyond_float),
        {name: read.notation for name, read in found.items() if read.notation is not None},
        {name: read.ambiguous for name, read in found.items() if read.ambiguous},
        {name: read.mixed for name, read in found.items() if read.mixed is not None},
        {name: read.kept for name, read in found.items() if read.kept},
    )


def is_missing(column: pd.Series) -> pd.Series:
    """Tell which cells of a text column spell a missing attribute."""
    codes, values = pd.factorize(column)
    spelled = np.append(values.str.strip().isin(MISSING), True)  # code −1 is NaN
    return pd.Series(spelled[codes], index=column.index)


def is_text(column: pd.Series) -> bool:
    """Tell whether a column came as text, or as objects that are read as such."""
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def _by_notation(column: pd.Series, notation: Notation) -> pd.Series:
    read = notation.read(column.mask(is_missing(column)))
    return read if isinstance(read, pd.Series) else pd.Series(read, index=column.index, name=column.name)


def _naive(dates: pd.Series) -> pd.Series:
    return dates.dt.tz_localize(None).astype("datetime64[us]")


def _type_native(column: pd.Series) -> pd.Series:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        categories = kind.categories
        if isinstance(categories.dtype, pd.StringDtype) or categories.dtype == object:
            return _keep_text(column.astype("str"))
        return _type_native(column.astype(categories.dtype))
    if pd.api.types.is_bool_dtype(kind):
        return column.astype("boolean")
    if pd.api.types.is_integer_dtype(kind):
        extent = column.dropna()
        if len(extent) and max(abs(int(extent.min())), abs(int(extent.max()))) >= EXACT:
            return column.astype("str")
        return column.astype("Int64")
    if pd.api.types.is_float_dtype(kind) or (pd.api.types.is_numeric_dtype(kind) and kind.kind == "O"):
        return column.astype("float64")  # Arrow's decimals, too
    if isinstance(kind, pd.DatetimeTZDtype):
        return _naive(column.dt.tz_convert("UTC"))
    if pd.api.types.is_datetime64_dtype(kind):
        return column.astype("datetime64[us]")
    if kind.kind == "m":
        return column.dt.total_seconds().astype("float64")
    return _keep_text(column.astype("str"))


def _keep_text(column: pd.Series) -> pd.Series:
    """Give the column itself where nothing in it spells a missing value: it takes no place beside the table's own."""
    missing = is_missing(column)
    return column.mask(missing) if missing.any() else column


def drop_infinities(column: pd.Series) -> tuple[pd.Series, int]:
    """Make infinities and numbers beyond ±1e150 missing, and tell how many there were."""
    endless = np.abs(column.to_numpy(dtype=np.float64, na_value=np.nan)) > _LARGEST
    return (column.mask(endless), int(endless.sum())) if endless.any() else (column, 0)
