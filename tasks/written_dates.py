"""Dates as people write them, in several formats in one column too: `2021-03-31`, `31.3.2021`, `31 Mar 2021`.

Each way of writing (dashes from the year, dots, slashes, names of months, ...) is read by itself. Slashes and dashes
that end in the year may put the day or the month first: one value that fits one order only (`03/31/2021`) decides for
all of its kind in the column; where none decides, or two decide otherwise, the column has no one reading.

Known failures: two-digit years and names of months other than English ones are no dates here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

_TIME = r"(?:[ T]\d{1,2}:\d{2}.*)?"
_CLOCK = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S")
_MONTH = r"[A-Za-z]{3,9}\.?"
ISO = "ISO8601"
WAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}", (ISO, "%Y-%m-%d")),
    (rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}{_TIME}", ("%Y/%m/%d",)),
    (rf"\d{{4}}\.\d{{1,2}}\.\d{{1,2}}{_TIME}", ("%Y.%m.%d",)),
    (rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}}{_TIME}", ("%d.%m.%Y",)),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{4}}{_TIME}", ("%d/%m/%Y", "%m/%d/%Y")),
    (rf"\d{{1,2}}-\d{{1,2}}-\d{{4}}{_TIME}", ("%d-%m-%Y", "%m-%d-%Y")),
    (rf"\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}{_TIME}", ("%d %b %Y", "%d %B %Y")),
    (rf"{_MONTH} \d{{1,2}},? \d{{4}}{_TIME}", ("%b %d %Y", "%B %d %Y")),
)
LIKE_A_DATE = "|".join(f"(?:{pattern})" for pattern, _ in WAYS)


@dataclass(frozen=True)
class DateNotation:
    """How the dates of a column are written: the formats, as of `strftime`, in the order in which they are tried."""

    formats: tuple[str, ...]

    def read(self, values: pd.Series) -> pd.Series:
        """Read texts (n,) as instants in UTC without a zone; NaT where a cell is missing or written otherwise.

        Examples
        --------
        >>> dates = DateNotation(("%d.%m.%Y", "%m/%d/%Y")).read(pd.Series(["3.4.2021", "04/03/2021", "x"]))
        >>> dates.astype(str).tolist()
        ['2021-04-03', '2021-04-03', nan]
        """
        read = pd.Series(np.full(len(values), "NaT", "datetime64[us]"), index=values.index)
        text = values.astype("str").str.strip()
        for form in self.formats:
            left = read.isna() & text.notna()
            if left.any():
                read = read.where(~left, _read(text[left], form).reindex(read.index))
        return read


def find_date_notation(values: pd.Series) -> tuple[DateNotation | None, str]:
    """Find the formats that read all values, which are distinct, stripped and none of them missing.

    Returns
    -------
    (DateNotation or None, str)
        None where they are no dates, or have two readings; then a value with two, else the empty string.

    Examples
    --------
    >>> find_date_notation(pd.Series(["2021-03-31", "31.3.2021", "03/31/2021"]))[0]
    DateNotation(formats=('ISO8601', '%d.%m.%Y', '%m/%d/%Y'))
    >>> find_date_notation(pd.Series(["2021-03-31", "03/04/2021"]))
    (None, '03/04/2021')
    """
    formats: list[str] = []
    left = pd.Series(True, index=values.index)
    for pattern, ways in WAYS:
        mine = values.str.fullmatch(pattern) & left
        if not mine.any():
            continue
        left &= ~mine
        read = {form: dates for form in ways if (dates := _read(values[mine], form)).notna().all()}
        if not read:
            return None, ""
        first, *others = read.values()
        differ = [other for other in others if not other.equals(first)]
        if differ:
            return None, str(values[mine][first != differ[0]].iloc[0])
        formats.append(next(iter(read)))
    return (None, "") if left.any() or not formats else (DateNotation(tuple(formats)), "")


def _read(text: pd.Series, form: str) -> pd.Series:
    """Read texts by one format, with a time behind it or without."""
    if form == ISO:
        return _parse(text, form)
    if "%b" in form or "%B" in form:
        text = text.str.replace(r"[.,]", "", regex=True).str.replace(r"(?<=[A-Za-z])-|-(?=[A-Za-z])", " ", regex=True)
    read = _parse(text, form)
    for clock in _CLOCK[1:]:
        left = read.isna()
        if not left.any():
            break
        read = read.where(~left, _parse(text[left], form + clock).reindex(read.index))
    return read


def _parse(text: pd.Series, form: str) -> pd.Series:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dates = pd.to_datetime(text, format=form, utc=True, errors="coerce")
    return dates.dt.tz_localize(None).astype("datetime64[us]")
