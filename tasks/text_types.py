"""The cells of one text column → their common type: numbers, true and false, dates, or text as they are.

A column is judged by its distinct values: a million rows with forty values cost forty checks. Numbers and dates in
other notations than a program's are read by `written_numbers` and `written_dates`, which keep how, for later batches.

A few words among numbers or dates (`unknown`) are missing cells; where words hold digits as well (`V45` among codes),
the column is text, unless they are so few that they must be slips.

Known failure: a column of numbers with codes of letters alone among them (`250`, `V`) loses these.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.placeholders import SURE, names_of_nothing
from burnish.tasks.written_dates import (
    ISO,
    LIKE_A_DATE,
    DateNotation,
    find_date_notation,
    impossible_dates,
    why_no_dates,
)
from burnish.tasks.written_numbers import LIKE_AN_AMOUNT, NumberNotation, find_notation, why_no_numbers

MISSING = frozenset({"", "NA", "NaN", "None", *SURE, *map(str.upper, SURE), *map(str.title, SURE)})
EXACT = 2**53  # as a float this may stand for its neighbour, 2^53 + 1
Notation = NumberNotation | DateNotation

_INTEGER = r"[+-]?\d+"
_NUMBER = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|INF)"
_PADDED = r"[+-]?0\d+"
_MOSTLY = 0.95  # share of the cells that must agree for the others to be words in place of a missing cell
_LOOKS_LIKE = 0.8  # share that must agree for what is odd about the way they are written to be looked for
_MIXED = 0.5  # share that must agree for a text column to be said to mix numbers or dates with words
_FEWEST = 20  # distinct values that agree: fewer may be codes
_SLIPS = 0.005  # words with digits in them are codes, unless their share of the cells is at most this
_SPELLINGS = 16  # of true and false: TRUE, True, true, ...
_FEW = 2_000
_TRIED = 200  # distinct values that are tried before all are


@dataclass(frozen=True)
class MixedCells:
    """What a column of numbers or dates holds beside them.

    Attributes
    ----------
    kind : str
        ``"numbers"`` or ``"dates"``.
    cells : int
        Cells that hold something else.
    words : tuple of str
        The most frequent of these, at most three.
    read : bool
        Whether the column is read as that kind, and the words as missing; else it stays text.
    share : float
        Of the cells that hold anything.
    """

    kind: str
    cells: int
    words: tuple[str, ...]
    read: bool
    share: float


@dataclass(frozen=True)
class ReadText:
    """The distinct values of a text column, read.

    Attributes
    ----------
    typed : Series or None
        None where they stay text.
    notation : NumberNotation or DateNotation or None
        How they are written, where not plainly.
    ambiguous : str
        The two readings, where there are two.
    mixed : MixedCells or None
    kept : str
        Why they stay text though they look like numbers or dates.
    """

    typed: pd.Series | None
    notation: Notation | None = None
    ambiguous: str = ""
    mixed: MixedCells | None = None
    kept: str = ""


def type_text(column: pd.Series) -> tuple[pd.Series, ReadText]:
    """Read a text column, with what was found about its distinct values.

    Examples
    --------
    >>> column, read = type_text(pd.Series(["1.200,5", None, "3"], dtype="str"))
    >>> column.tolist(), read.notation.words()
    ([1200.5, nan, 3.0], 'a point between thousands, a decimal comma')
    """
    column = column.astype("str")
    codes, found = pd.factorize(column)
    values = pd.Series(found, dtype="str")
    bare = values.str.strip()
    known = ~bare.isin(MISSING)
    values = values.where(known)
    read = ReadText(None)
    if known.any():
        read = _agree(bare[known])
        if read.typed is None and not read.ambiguous:
            read = _agree_but_for_words(bare[known], np.bincount(codes[codes >= 0], minlength=len(found))[known], read)
        if read.typed is None and known.all():
            return column, read  # takes no place beside the table's own
        values = values if read.typed is None else read.typed.reindex(values.index)
    return to_cells(values, codes, column), read


def to_cells(values: pd.Series, codes: NDArray[np.intp], column: pd.Series) -> pd.Series:
    """Give the cells of a column from its distinct values, read, and the place of each among them, −1 for none."""
    missing = values.iloc[:0].reindex([-1])
    taken = pd.concat([values, missing]).array.take(np.where(codes < 0, len(values), codes))
    return pd.Series(taken, index=column.index, name=column.name)


def plain_numbers(values: pd.Series) -> pd.Series:
    """Read those of distinct, stripped values that are plainly numbers, without leading zeros; the others are missing.

    Examples
    --------
    >>> plain_numbers(pd.Series(["12", "007", "1,5", "x"], dtype="str")).tolist()
    [12, <NA>, <NA>, <NA>]
    """
    fits = _matches(values, _NUMBER) & ~_matches(values, _PADDED)
    numbers = pd.Series(np.nan, index=values.index, dtype=np.float64)
    numbers[fits] = values[fits].to_numpy(dtype=object).astype(np.float64)
    whole = fits.any() and _matches(values[fits], _INTEGER).all() and (numbers[fits].abs() < EXACT).all()
    return numbers.astype("Int64") if whole else numbers


def _agree(values: pd.Series) -> ReadText:
    """Read distinct, stripped values as their common type."""
    if _all_match(values, _NUMBER):
        return ReadText(_plain_numbers(values))
    words = values.str.lower() if len(values) <= _SPELLINGS else values.iloc[:0]
    for true, false in (("true", "false"), ("yes", "no")):
        if len(words) and words.isin([true, false]).all():
            return ReadText((words == true).astype("boolean"))
    if _all_match(values, LIKE_A_DATE):
        dates, two = find_date_notation(values)
        if dates is None:
            return ReadText(None, ambiguous=two, kept="" if two else why_no_dates(values))
        return ReadText(dates.read(values), None if dates.formats == (ISO,) else dates)
    return _agree_on_notation(values)


def _agree_on_notation(values: pd.Series) -> ReadText:
    if not _matches(values.iloc[:_TRIED], r".*\d.*").all():
        return ReadText(None)
    notation, readings = find_notation(values.iloc[:_TRIED])
    if len(values) > _TRIED and (notation or readings):
        notation, readings = find_notation(values)
    if notation is None:
        if readings is None:
            return ReadText(None, kept=why_no_numbers(values))
        return ReadText(None, ambiguous=f"a cell reads as {readings[0]:g} and as {readings[1]:g}")
    numbers = pd.Series(notation.read(values), index=values.index)
    if (numbers.abs() >= EXACT).any():
        return ReadText(None)
    whole = bool((numbers == numbers.round()).all()) and notation.decimal not in "".join(values.iloc[:_TRIED])
    return ReadText(numbers.astype("Int64") if whole else numbers, notation)


def _plain_numbers(values: pd.Series) -> pd.Series | None:
    whole = _matches(values, _INTEGER)
    if _matches(values[whole], _PADDED).any():
        return None
    numbers = pd.Series(values.to_numpy(dtype=object).astype(np.float64), index=values.index)
    if (np.abs(numbers.to_numpy()[whole]) >= EXACT).any():
        return None
    return numbers.astype("Int64") if whole.all() else numbers


def _agree_but_for_words(values: pd.Series, cells: NDArray[np.int64], read: ReadText) -> ReadText:
    """Read values some of which are words for a missing one, or are otherwise than nearly all."""
    blank = names_of_nothing(values.tolist(), among_numbers=len(values) > _FEWEST)
    if blank.any() and not blank.all():
        values, cells = values[~blank], cells[~blank]
        read = _agree(values)
        if read.typed is not None and read.typed.dtype != "boolean":
            return replace(read, notation=read.notation or _plainly(read.typed))
        if read.ambiguous:
            return read
    mostly = _agree_mostly(values, cells)
    return ReadText(None, kept=read.kept) if mostly is None else mostly


def _plainly(typed: pd.Series) -> Notation:
    return DateNotation((ISO,)) if typed.dtype.kind == "M" else NumberNotation()


def _agree_mostly(values: pd.Series, cells: NDArray[np.int64]) -> ReadText | None:
    """Read values nearly all of whose cells are numbers, or dates; None where not even half are."""
    total = int(cells.sum())
    for kind, pattern in (("numbers", _NUMBER), ("dates", LIKE_A_DATE), ("numbers", LIKE_AN_AMOUNT)):
        if len(values) < _FEWEST or _matches(values.iloc[:_TRIED], pattern).mean() < 1 / 2:
            continue
        fits = _matches(values, pattern)
        if kind == "dates":
            fits[fits] = ~impossible_dates(values[fits])
        odd = int(cells[~fits].sum())
        if fits.sum() < _FEWEST or odd > (1 - _MIXED) * total:
            continue
        read = _agree(values[fits])
        if (read.ambiguous or read.kept) and odd <= (1 - _LOOKS_LIKE) * total:
            return ReadText(None, ambiguous=read.ambiguous, kept=read.kept)
        if read.typed is None or not odd:
            continue
        order = np.argsort(-cells[~fits], kind="stable")[:3]
        words = tuple(str(word) for word in values[~fits].iloc[order])
        codes = values[~fits].str.contains(r"\d").to_numpy(dtype=bool)
        taken = odd <= (1 - _MOSTLY) * total and int(cells[~fits][codes].sum()) <= _SLIPS * total
        mixed = MixedCells(kind, odd, words, taken, odd / total)
        notation = read.notation or _plainly(read.typed)
        return ReadText(read.typed, notation, mixed=mixed) if taken else ReadText(None, mixed=mixed)
    return None


def _all_match(values: pd.Series, pattern: str) -> bool:
    """Tell whether all values match, a few tried first."""
    return bool(_matches(values.iloc[:_TRIED], pattern).all() and _matches(values, pattern).all())


def _matches(values: pd.Series, pattern: str) -> NDArray[np.bool_]:
    """Tell which values match; few of them without Arrow, whose start takes longer than they do."""
    if len(values) > _FEW:
        return values.str.fullmatch(pattern).to_numpy(dtype=bool)
    match = re.compile(pattern).fullmatch
    return np.fromiter((match(value) is not None for value in values.tolist()), dtype=bool, count=len(values))


def holds_beyond_float(column: pd.Series) -> bool:
    """Tell whether a text column holds whole numbers only, some of them beyond what a float holds exactly."""
    values = pd.Series(column.dropna().unique(), dtype="str").str.strip()
    if not len(values) or not _all_match(values, _INTEGER) or _matches(values, _PADDED).any():
        return False
    return bool((values.to_numpy(dtype=object).astype(np.float64).__abs__() >= EXACT).any())
