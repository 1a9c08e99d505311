"""Text columns → numbers, booleans, dates, where every cell that is there agrees; the rest stays text.

A column is judged by its distinct values: a million rows with forty values cost forty checks.
Numbers with leading zeros (postcodes) and whole numbers beyond 2^53 (no longer exact as floats) stay text.

Known failure: a date that reads both day-first and month-first (`03/04/2021` throughout) stays text; a column of 0 and
1 is a number, not a boolean.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

MISSING = frozenset({"", "?", "NA", "N/A", "nan", "NaN", "NAN", "null", "NULL", "None"})

_INTEGER = r"[+-]?\d+"
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|INF)"
_PADDED = r"[+-]?0\d+"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d{1,2}:\d{2}.*)?"
_DATE_FORMATS = ("ISO8601", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y")
_LARGEST = 1e150  # the square of a larger number, which a spread is made of, is beyond float
_EXACT = 2**53  # as a float this may stand for its neighbour, 2^53 + 1


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
    """

    frame: pd.DataFrame
    infinite: dict[str, int]
    beyond_float: tuple[str, ...]


def infer_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each column the narrowest type that all its cells agree on; see `type_columns` for what it also found.

    Parameters
    ----------
    frame : DataFrame
        Text columns as `read_table` gives them; columns of other types are brought to the same few types.

    Returns
    -------
    DataFrame
        Whole numbers Int64, numbers float64, true/false and yes/no boolean, dates datetime64, else str. Cells that
        spell a missing value ("", "?", "NA", "N/A", "nan", "null", "None"), infinities and numbers beyond ±1e150 are
        missing.

    Examples
    --------
    >>> given = pd.DataFrame({"age": ["39", "?"], "zip": ["0123", "4567"], "ok": ["yes", "no"]}, dtype="str")
    >>> infer_types(given).dtypes.astype(str).to_dict()
    {'age': 'Int64', 'zip': 'str', 'ok': 'boolean'}
    """
    return type_columns(frame).frame


def type_columns(frame: pd.DataFrame) -> TypedColumns:
    """Type the columns as `infer_types` does, and tell what had to give way."""
    typed: dict[str, pd.Series] = {}
    infinite: dict[str, int] = {}
    beyond_float: list[str] = []
    for name in frame.columns:
        given = frame[name]
        column = _type_text(given) if _is_text(given) else _type_native(given)
        if pd.api.types.is_float_dtype(column.dtype):
            column, endless = _drop_infinities(column)
            if endless:
                infinite[name] = endless
        if _is_text(column) and _holds_beyond_float(column):
            beyond_float.append(name)
        typed[name] = column
    return TypedColumns(pd.DataFrame(typed, index=frame.index, columns=frame.columns), infinite, tuple(beyond_float))


def is_missing(column: pd.Series) -> pd.Series:
    """Tell which cells of a text column spell a missing attribute."""
    codes, values = pd.factorize(column)
    spelled = np.append(values.str.strip().isin(MISSING), True)  # code −1 is NaN
    return pd.Series(spelled[codes], index=column.index)


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.StringDtype) or column.dtype == object


def _type_text(column: pd.Series) -> pd.Series:
    codes, found = pd.factorize(column.astype("str"))
    values = pd.Series(found, dtype="str")
    bare = values.str.strip()
    known = ~bare.isin(MISSING)
    values = values.where(known)
    if known.any():
        typed = _agree(bare[known])
        values = values if typed is None else typed.reindex(values.index)
    missing = values.iloc[:0].reindex([-1])
    taken = pd.concat([values, missing]).array.take(np.where(codes < 0, len(values), codes))
    return pd.Series(taken, index=column.index, name=column.name)


def _agree(values: pd.Series) -> pd.Series | None:
    """Give distinct, stripped values their common type, or `None` where they stay text."""
    if values.str.fullmatch(_NUMBER).all():
        whole = values.str.fullmatch(_INTEGER)
        if values[whole].str.fullmatch(_PADDED).any():
            return None
        numbers = pd.Series(values.to_numpy(dtype=object).astype(np.float64), index=values.index)
        if (numbers[whole].abs() >= _EXACT).any():
            return None
        return numbers.astype("Int64") if whole.all() else numbers
    words = values.str.lower()
    for true, false in (("true", "false"), ("yes", "no")):
        if words.isin([true, false]).all():
            return (words == true).astype("boolean")
    if values.str.fullmatch(_DATE).all():
        return _agree_on_date(values)
    return None


def _agree_on_date(values: pd.Series) -> pd.Series | None:
    read = []
    for form in _DATE_FORMATS:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dates = pd.to_datetime(values, format=form, utc=True)
        except (ValueError, OverflowError):
            continue
        if form == "ISO8601":
            return _naive(dates)
        read.append(_naive(dates))
    return read[0] if len(read) == 1 else None


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
        if len(extent) and max(abs(int(extent.min())), abs(int(extent.max()))) >= _EXACT:
            return column.astype("str")
        return column.astype("Int64")
    if pd.api.types.is_float_dtype(kind):
        return column.astype("float64")
    if isinstance(kind, pd.DatetimeTZDtype):
        return _naive(column.dt.tz_convert("UTC"))
    if pd.api.types.is_datetime64_dtype(kind):
        return column.astype("datetime64[us]")
    if pd.api.types.is_timedelta64_dtype(kind):
        return column.dt.total_seconds()
    return _keep_text(column.astype("str"))


def _keep_text(column: pd.Series) -> pd.Series:
    return column.mask(is_missing(column))


def _drop_infinities(column: pd.Series) -> tuple[pd.Series, int]:
    endless = np.abs(column.to_numpy(dtype=np.float64, na_value=np.nan)) > _LARGEST
    return (column.mask(endless), int(endless.sum())) if endless.any() else (column, 0)


def _holds_beyond_float(column: pd.Series) -> bool:
    values = pd.Series(column.dropna().unique(), dtype="str").str.strip()
    if not len(values) or not values.str.fullmatch(_INTEGER).all() or values.str.fullmatch(_PADDED).any():
        return False
    return bool((values.to_numpy(dtype=object).astype(np.float64).__abs__() >= _EXACT).any())
