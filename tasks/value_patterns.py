"""Cells that are not written like the rest of their column: a letter in a number, a date among page numbers.

The pattern of a value is what is left when each number becomes `9` and each word `a`: `95%` is `9%`, `x5%` is `a9%`. In
a column of figures, that is one where a few patterns with figures in them cover nine cells in ten and hold many
different values, a pattern that stands in few cells is suspected. Where texts without spaces nearly all hold a sign
just once (addresses of mail have one `@`), those with none or more of it are suspected. Other columns of words and
short lists of codes are left to `typos.py`: there an unusual pattern is an unusual value.

The confidence is the share of cells that follow the common patterns, less for a pattern that stands in more cells: one
at the limit of being common is as likely the column's own as not.

Known failure: a column with many patterns of its own (street addresses) is not judged.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.cell_columns import NUMBER, CellColumn, ValueSuspect

KIND = "pattern"
COVERED = 0.9
COMMON = 0.02  # a pattern with this share of the cells is the column's own
FEWEST_CELLS, FEWEST_VALUES = 50, 20
_WORD, _FIGURES = re.compile(r"[^\W\d_]+"), re.compile(r"\d+(?:[.,]\d+)*")
FEW_WORDS, FEW_WORDS_SHARE = 12, 0.05  # what stands around the figures: more are text, in which anything may stand
LONGEST = 100
SAMPLE = 1_000
MOST_CELLS_A_VALUE = 5  # a column with more cells a value is a list of codes
_MARKS = re.compile(r"[^\w\s]")


def pattern_of(value: str) -> str:
    """Give the pattern of a value.

    >>> [pattern_of(value) for value in ("-12.5", "95%", "x5%", "12 Main  St", "2021-03-04")]
    ['9', '9%', 'a9%', '9 a a', '9-9-9']
    """
    if NUMBER.fullmatch(value):
        return "9"
    return " ".join(_FIGURES.sub("9", _WORD.sub("a", value[:LONGEST])).split())


def find_odd_patterns(column: CellColumn) -> list[ValueSuspect]:
    """Find the values of a column of figures that are written otherwise than the rest.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> score = read_columns(pd.DataFrame({"score": [*(f"{i}%" for i in range(100)), "x5%"]}))[0]
    >>> [(score.texts[suspect.code], suspect.why) for suspect in find_odd_patterns(score)]
    [('x5%', "written like 'a9%', where 99% of the cells are written like '9%'")]
    """
    if column.typed or column.filled < FEWEST_CELLS:
        return []
    here = np.flatnonzero(column.counts > 0)
    names: dict[str, int] = {}
    which = np.array([names.setdefault(pattern_of(column.texts[code]), len(names)) for code in here.tolist()])
    cells = np.bincount(which, weights=column.counts[here]).astype(np.int64)
    patterns = list(names)
    common = cells >= COMMON * column.filled
    figures = common & np.array(["9" in pattern for pattern in patterns])
    if not _holds_figures(cells, common, figures, which, column.filled):
        return _find_odd_marks(column)
    words = {
        _FIGURES.sub("", column.texts[code]) for code, p in zip(here.tolist(), which.tolist(), strict=True) if common[p]
    }
    if len(words) > max(FEW_WORDS, FEW_WORDS_SHARE * int(common[which].sum())):
        return []
    usual = patterns[int(np.argmax(np.where(figures, cells, 0)))]
    share = float(cells[names[usual]]) / column.filled
    covered = float(cells[common].sum()) / column.filled
    confidence = covered * (1 - cells / (2 * COMMON * column.filled))
    why = f"where {share:.0%} of the cells are written like {usual!r}"
    return [
        ValueSuspect(int(code), KIND, None, f"written like {patterns[p]!r}, {why}", float(confidence[p]))
        for code, p in zip(here.tolist(), which.tolist(), strict=True)
        if not common[p]
    ]


def _find_odd_marks(column: CellColumn) -> list[ValueSuspect]:
    """Find the values without the sign that nearly all hold once, or with more of it: `a@@b.c` among addresses."""
    here = np.flatnonzero(column.counts > 0)
    counts, values = column.counts[here], [column.texts[code] for code in here.tolist()]
    most = 1 - COMMON
    if sum(" " in value.strip() for value in values[:SAMPLE]) > SAMPLE * COMMON:
        return []
    solid = np.array([not re.search(r"\s", value.strip()) for value in values], dtype=bool)
    if (
        len(values) < max(FEWEST_VALUES, column.filled / MOST_CELLS_A_VALUE)
        or counts[solid].sum() < most * column.filled
    ):
        return []  # a list of codes, or texts, in which any sign may stand
    found: dict[int, ValueSuspect] = {}
    for mark in sorted(set(_MARKS.findall(" ".join(values[:SAMPLE])))):
        once = np.array([value.count(mark) == 1 for value in values], dtype=bool)
        share = float(counts[once].sum()) / column.filled
        if most < share < 1:
            why = f"where {share:.1%} of the cells hold one {mark!r}"
            confidence = share * (1 - (1 - share) / (2 * COMMON))
            for place in np.flatnonzero(~once).tolist():
                said = f"has {values[place].count(mark) or 'no'} {mark!r}, {why}"
                found.setdefault(place, ValueSuspect(int(here[place]), KIND, None, said, confidence))
    return list(found.values())


def _holds_figures(
    cells: NDArray[np.int64],
    common: NDArray[np.bool_],
    figures: NDArray[np.bool_],
    which: NDArray[np.int64],
    filled: int,
) -> bool:
    """Say whether few patterns cover the column, most with figures in them, and hold many values."""
    values = int(figures[which].sum())
    return bool(
        cells[common].sum() >= COVERED * filled
        and 2 * cells[figures].sum() >= filled
        and values >= FEWEST_VALUES
        and common.sum() <= 6
    )
