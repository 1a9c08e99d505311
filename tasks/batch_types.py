"""The columns of a batch, read with the types that its contract means, one at a time.

Why: the same column comes as numbers in Parquet and as text in CSV, and a single `n/a` makes text of a million numbers.
The suite knows what it should be; a cell that cannot be read so is told apart from one that is missing.

Known failures: an instant without a time zone is taken as UTC; dates outside the years 1677 to 2262 are cut to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.suite_files import Suite

TYPES = {
    "number": ["int64", "float64", "int", "float"],
    "boolean": ["bool"],
    "date": ["datetime64[ns]", "Timestamp"],
}
_OF_TEXT = ("match_regex", "value_lengths", "match_like", "match_strftime")
_OF_BOUNDS = re.compile("expect_column_(?:values|max|min|mean|median|sum|stdev)_to_be_between")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONE = re.compile(r"(?:[T ]\d{1,2}:\d{2}[:.\d]*)\s*(Z|[+-]\d{2}(?::?\d{2})?)?$")
_EXACT = 2.0**63


@dataclass(frozen=True)
class TypedColumn:
    """A column as the suite means it.

    Attributes
    ----------
    series : Series
        int64, float64, datetime64[ns], bool, boolean or str; what cannot be read so is missing.
    kind : str
        ``number``, ``date``, ``boolean``, ``text``, or empty where the suite does not say.
    odd : bool (n,) or None
        Cells that are there and cannot be read so; None where all can.
    """

    series: pd.Series
    kind: str
    odd: NDArray[np.bool_] | None

    def as_given(self, given: pd.Series) -> pd.Series:
        """Give the values with the odd cells as they came; object where there are any."""
        values = self.for_evaluation()
        return values if self.odd is None else values.astype(object).where(~self.odd, given.astype(object))

    def for_evaluation(self) -> pd.Series:
        """Give the values in a type that Great Expectations knows."""
        return self.series.astype(object) if self.series.dtype == "boolean" else self.series


def kinds_of(suite: Suite) -> dict[str, str]:
    """Tell the kind of each column from the types, or else the values, that the suite asks of it."""
    kinds: dict[str, str] = {}
    implied: dict[str, str] = {}
    for each in suite["expectations"]:
        kwargs = each.get("kwargs", {})
        name, value_set = str(kwargs.get("column", "")), kwargs.get("value_set")
        if each["type"] == "expect_column_values_to_be_in_type_list":
            listed = kwargs.get("type_list")
            named = set(map(str, listed)) if isinstance(listed, list) else set()
            kinds.update((name, kind) for kind, types in TYPES.items() if named & set(types))
        elif _OF_BOUNDS.fullmatch(each["type"]):
            bounds = [kwargs[key] for key in ("min_value", "max_value") if kwargs.get(key) is not None]
            if any(isinstance(bound, int | float) for bound in bounds):
                implied.setdefault(name, "number")
            elif any(_DAY.match(str(bound)) for bound in bounds):
                implied.setdefault(name, "date")
        elif any(part in each["type"] for part in _OF_TEXT) or _are_texts(value_set):
            implied[name] = "text"
    return implied | kinds


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(value, str) for value in values)


def read_column(column: pd.Series, kind: str) -> TypedColumn:
    """Read a column as numbers, dates, booleans or text."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    values = _parse(column, kind)
    odd = (values.isna() & column.notna()).to_numpy(dtype=bool)
    return TypedColumn(values, kind, odd if odd.any() else None)


def _parse(column: pd.Series, kind: str) -> pd.Series:
    is_text = pd.api.types.is_string_dtype(column) or column.dtype == object
    if kind == "number":
        readable = is_text or (pd.api.types.is_numeric_dtype(column) and column.dtype.kind not in "bc")
        return _as_numbers(column) if readable else _nothing(column, "float64")
    if kind == "date":
        if not (is_text or pd.api.types.is_datetime64_any_dtype(column)):
            return _nothing(column, "datetime64[ns]")
        given = column.astype("str") if column.dtype == object else column
        dates = pd.to_datetime(given, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
        return dates.clip(pd.Timestamp.min.ceil("D"), pd.Timestamp.max.floor("D")).dt.as_unit("ns")
    if kind == "boolean":
        return _as_booleans(column)
    if kind == "text" or is_text:
        return column.astype("str")
    if pd.api.types.is_extension_array_dtype(column.dtype) and pd.api.types.is_numeric_dtype(column):
        return _as_numbers(column)
    return column


def _as_numbers(column: pd.Series) -> pd.Series:
    """Give int64 where every cell is a whole number that fits, else float64."""
    if pd.api.types.is_numeric_dtype(column):
        numbers = column
    else:
        numbers = pd.to_numeric(column.astype(object).where(column.notna(), None), errors="coerce")
    if numbers.dtype.kind == "O":  # Python's integers beyond 64 bits; Arrow's decimals
        numbers = numbers.astype("float64")
    if numbers.dtype.kind == "f" or numbers.isna().any():
        return pd.Series(numbers.to_numpy(dtype=np.float64, na_value=np.nan), index=column.index, name=column.name)
    fits = numbers.dtype.kind == "i" or not len(numbers) or float(numbers.max()) < _EXACT
    return numbers.astype("int64" if fits else "float64")


def _as_booleans(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column):
        return column if column.dtype == bool or column.isna().any() else column.astype(bool)
    codes, found = pd.factorize(column.astype(object), use_na_sentinel=True)
    read = pd.array([_as_bool(value) for value in [*found, None]], dtype="boolean")
    parsed = pd.Series(read.take(np.where(codes < 0, len(found), codes)), index=column.index, name=column.name)
    return parsed if parsed.isna().any() else parsed.astype(bool)


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    return {"true": True, "false": False}.get(str(value).lower())


def _nothing(column: pd.Series, dtype: str) -> pd.Series:
    return pd.Series(np.full(len(column), np.nan), index=column.index).astype(dtype)


def zone_findings(given: pd.DataFrame, typed: pd.DataFrame, ids: pd.Series) -> tuple[Finding, ...]:
    """Warn of columns of dates, given as text, whose instants are of several time zones, or only some of one.

    Parameters
    ----------
    given : DataFrame of n rows
        The columns as they were written.
    typed : DataFrame of n rows
        The same, after their types were found.
    ids : Series of str (n,)
    """
    found = []
    for name in typed.columns:
        is_date = pd.api.types.is_datetime64_any_dtype(typed[name]) and name in given.columns
        if not is_date or not pd.api.types.is_string_dtype(given[name]):
            continue
        zones = given[name].str.strip().str.extract(_ZONE.pattern, expand=False)
        timed = given[name].str.contains(":", regex=False, na=False)
        counts = zones[timed].fillna("none").replace({"+00:00": "Z", "+0000": "Z", "+00": "Z"}).value_counts()
        if len(counts) > 1:
            found.append(_zone_finding(str(name), counts, ids[timed & (zones.fillna("none") == counts.index[-1])]))
    return tuple(found)


def _zone_finding(name: str, counts: pd.Series, rare: pd.Series) -> Finding:
    mixed = ", ".join(f"{zone} ({count:,})" for zone, count in counts.head(4).items())
    return Finding(
        code="validation.time_zones",
        title=f"Column {name!r} mixes time zones: {mixed}{' and more' if len(counts) > 4 else ''}",
        severity="warning",
        explanation="All were brought to UTC, and a time without a zone was taken as UTC, which may be hours off.",
        method="The end of each instant as it is written.",
        advice="Write every instant with its zone, or all of them in one.",
        count=int(counts.iloc[1:].sum()),
        ids=tuple(rare.astype(str).head(SHOWN_IDS)),
    )
