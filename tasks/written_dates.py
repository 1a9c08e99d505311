"""Dates as people write them, in several formats in one column too: `2021-03-31`, `31.3.21`, `31 März 2021`.

Each way of writing (dashes from the year, dots, slashes, names of months, ...) is read by itself. Slashes and dashes
that end in the year may put the day or the month first: one value that fits one order only (`03/31/2021`) decides for
all of its kind in the column; where none decides, or two decide otherwise, the column has no one reading.

A year of two digits is the last part where that makes at least twice as many different days as years; otherwise, where
it could be the first part too, nothing is decided. Its century is that of `strptime`
(69 and later: 1900s), and is not clear where 50 to 68 occur or the years span more than fifty. Months are named in
English, German, French, Spanish, Italian, Portuguese or Dutch, whose names do not contradict one another.

Known failures: a column of births before 1950 alone, with years of two digits, is read as of this century; one with
the year of two digits first and the same month and day throughout is misread; weekdays beside a date are not read.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_TIME = r"(?:[ T]\d{1,2}:\d{2}.*)?"
_CLOCK = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|[.ºª])?"
_MONTH = r"[A-Za-zÀ-ž]{3,10}\.?"
_NAMED = re.compile(rf"({_DAY})[ -](?:de )?({_MONTH})[ -](?:del? )?(\d{{4}}|\d{{2}})({_TIME})")
_NAMED_FIRST = re.compile(rf"({_MONTH}) ({_DAY}),? (\d{{4}})({_TIME})")
ISO = "ISO8601"
WAYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}", (ISO, "%Y-%m-%d")),
    (rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}{_TIME}", ("%Y/%m/%d",)),
    (rf"\d{{4}}\.\d{{1,2}}\.\d{{1,2}}{_TIME}", ("%Y.%m.%d",)),
    (rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}}{_TIME}", ("%d.%m.%Y",)),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{4}}{_TIME}", ("%d/%m/%Y", "%m/%d/%Y")),
    (rf"\d{{1,2}}-\d{{1,2}}-\d{{4}}{_TIME}", ("%d-%m-%Y", "%m-%d-%Y")),
    (rf"{_DAY}[ -](?:de )?{_MONTH}[ -](?:del? )?\d{{4}}{_TIME}", ("%d %b %Y",)),
    (rf"{_MONTH} {_DAY},? \d{{4}}{_TIME}", ("%b %d %Y",)),
    (rf"\d{{1,2}}\.\d{{1,2}}\.\d{{2}}{_TIME}", ("%d.%m.%y", "%y.%m.%d")),
    (rf"\d{{1,2}}/\d{{1,2}}/\d{{2}}{_TIME}", ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d")),
    (rf"\d{{1,2}}-\d{{1,2}}-\d{{2}}{_TIME}", ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d")),
    (rf"{_DAY}[ -](?:de )?{_MONTH}[ -](?:del? )?\d{{2}}{_TIME}", ("%d %b %y", "%y %b %d")),
)
LIKE_A_DATE = "|".join(f"(?:{pattern})" for pattern, _ in WAYS)
_MONTHS = (
    "jan january januar janner janvier janv enero ene gennaio gen janeiro januari",
    "feb february februar febr fevrier fevr fev febrero febbraio fevereiro februari",
    "mar march marz mrz mars marzo marco maart mrt",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "jun june juni juin junio giugno giu junho",
    "jul july juli juillet juil julio luglio lug julho",
    "aug august aout agosto ago augustus",
    "sep september sept septembre septiembre settembre setembro set",
    "oct october oktober okt octobre octubre ottobre ott outubro out",
    "nov november novembre noviembre novembro",
    "dec december dezember dez decembre dicembre dic diciembre dezembro",
)
_NUMBER_OF = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_UNCLEAR_YEARS = range(50, 69)  # `strptime` puts them into the 2000s, most people into the 1900s
_WIDEST = 50  # years of two digits that span more may be of either century
_MORE = 2  # so many times as many different days as years tell which is which


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

    def words(self) -> str:
        """Say how the dates are written.

        Examples
        --------
        >>> DateNotation(("ISO8601", "%d/%m/%y", "%d %b %Y")).words()
        'year-month-day, day/month/year in two digits, day month by name year'
        """
        return ", ".join(_say(form) for form in self.formats)


def find_date_notation(values: pd.Series) -> tuple[DateNotation | None, str]:
    """Find the formats that read all values, which are distinct, stripped and none of them missing.

    Returns
    -------
    (DateNotation or None, str)
        None where they are no dates, or have two readings; then what the two are, else the empty string.

    Examples
    --------
    >>> find_date_notation(pd.Series(["2021-03-31", "31.3.2021", "03/31/2021"]))[0]
    DateNotation(formats=('ISO8601', '%d.%m.%Y', '%m/%d/%Y'))
    >>> find_date_notation(pd.Series(["2021-03-31", "03/04/2021"]))
    (None, "'03/04/2021' reads day first and month first")
    >>> find_date_notation(pd.Series(["28/01/21", "29/01/21", "30/01/21"]))[0].words()
    'day/month/year in two digits'
    """
    formats: list[str] = []
    for mine, ways in _by_way(values):
        read = {form: dates for form in ways if (dates := _read(values[mine], form)).notna().all()}
        if not read:
            return None, ""
        read = _plausible(read)
        form, dates = next(iter(read.items()))
        for other, others in read.items():
            if not others.equals(dates):
                two = values[mine][dates != others].iloc[0]
                return None, f"{two!r} reads {_first_part(form)} first and {_first_part(other)} first"
        unclear = _unclear_century(dates) if "%y" in form else np.zeros(len(dates), dtype=bool)
        if unclear.any():
            year = int(dates[unclear].iloc[0].year) % 100
            return None, f"{values[mine][unclear].iloc[0]!r} is of 19{year:02d} or 20{year:02d}"
        formats.append(form)
    complete = formats and values.str.fullmatch(LIKE_A_DATE).all()
    return (DateNotation(tuple(formats)), "") if complete else (None, "")


def impossible_dates(values: pd.Series) -> NDArray[np.bool_]:
    """Tell which values (n,) are written as dates are and name no day, such as `2021-02-30`."""
    found = pd.Series(False, index=values.index)
    for mine, ways in _by_way(values):
        nowhere = np.logical_and.reduce([_read(values[mine], form).isna().to_numpy() for form in ways])
        found[mine] = nowhere
    return found.to_numpy(dtype=bool)


def why_no_dates(values: pd.Series) -> str:
    """Say what keeps values that are written as dates from being read, empty where nothing is known.

    Examples
    --------
    >>> why_no_dates(pd.Series(["31/12/2021", "12/31/2021"]))
    "'31/12/2021' has the day first, '12/31/2021' the month"
    """
    for mine, ways in _by_way(values):
        some = values[mine]
        fits = {form: _read(some, form).notna() for form in ways}
        if any(fit.all() for fit in fits.values()):
            continue
        none = ~np.logical_or.reduce(list(fits.values()))
        if none.any():
            return f"{some[none].iloc[0]!r} is no day of any calendar"
        one, two = list(fits)[:2]
        if (fits[one] & ~fits[two]).any() and (fits[two] & ~fits[one]).any():
            shown = [some[fits[a] & ~fits[b]].iloc[0] for a, b in ((one, two), (two, one))]
            return f"{shown[0]!r} has the {_first_part(one)} first, {shown[1]!r} the {_first_part(two)}"
    return ""


def _by_way(values: pd.Series) -> list[tuple[pd.Series, tuple[str, ...]]]:
    """Give the values of each way of writing as a mask, with the formats they may have."""
    found = [(values.str.fullmatch(pattern).fillna(False).astype(bool), ways) for pattern, ways in WAYS]
    return [(mine, ways) for mine, ways in found if mine.any()]


def _plausible(read: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """Leave out the reading that has the year first, where another has many more days than years."""
    last = {form: dates for form, dates in read.items() if not form.startswith("%y")}
    sure = any(dates.dt.day.nunique() >= _MORE * dates.dt.year.nunique() for dates in last.values())
    return last if sure and len(last) < len(read) else read


def _unclear_century(dates: pd.Series) -> NDArray[np.bool_]:
    years = dates.dt.year.to_numpy() % 100
    known = np.unique(years)
    gaps = np.diff(np.r_[known, known[0] + 100])
    return np.isin(years, _UNCLEAR_YEARS) | bool(100 - gaps.max() > _WIDEST)


def _first_part(form: str) -> str:
    return {"%d": "day", "%m": "month", "%b": "month"}.get(form[:2], "year")


def _say(form: str) -> str:
    if form == ISO:
        return "year-month-day"
    named = {"%d": "day", "%m": "month", "%b": "month by name", "%B": "month by name", "%Y": "year", "%y": "year"}
    text = re.sub("%[a-zA-Z]", lambda part: named[part[0]], form)
    return f"{text} in two digits" if "%y" in form else text


def _read(text: pd.Series, form: str) -> pd.Series:
    """Read texts by one format, with a time behind it or without."""
    if form == ISO:
        return _parse(text, form)
    if "%b" in form or "%B" in form:
        text, form = _with_numbers(text, form)
    read = _parse(text, form)
    for clock in _CLOCK[1:]:
        left = read.isna()
        if not left.any():
            break
        read = read.where(~left, _parse(text[left], form + clock).reindex(read.index))
    return read


def _with_numbers(text: pd.Series, form: str) -> tuple[pd.Series, str]:
    """Write months that are named as numbers, day-month-year in the order of the format; NaN where that fails."""
    first_month = form[:2] in ("%b", "%B")
    parts = text.str.extract(_NAMED_FIRST if first_month else rf"^{_NAMED.pattern}$")
    if first_month:
        parts = parts[[1, 0, 2, 3]].set_axis(range(4), axis=1)
    months = parts[1].map(_month_number, na_action="ignore")
    day = parts[0].str.extract(r"^(\d+)", expand=False)
    plain = day + "-" + months.astype("str") + "-" + parts[2] + parts[3].fillna("")
    order = "%y-%m-%d" if form[:2] == "%y" else f"%d-%m-{'%y' if '%y' in form else '%Y'}"
    return plain.where(months.notna()), order


def _month_number(name: str) -> str | None:
    bare = unicodedata.normalize("NFKD", name.casefold().rstrip("."))
    number = _NUMBER_OF.get("".join(letter for letter in bare if not unicodedata.combining(letter)))
    return None if number is None else str(number)


def _parse(text: pd.Series, form: str) -> pd.Series:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dates = pd.to_datetime(text, format=form, utc=True, errors="coerce")
    return dates.dt.tz_localize(None).astype("datetime64[us]")
