"""Words and numbers that stand for "nothing here": `N/A`, `?`, `-`, `NULL`, 999.

They are no typing errors, so they are a kind of their own: nothing is there to repair, but whoever averages the column
should know. The words are those that pandas takes for missing, with the signs people write by hand. A word that may be
a value (`None`, `unknown`) counts only where the other cells are numbers or dates; a number of nines, or −1, only where
it lies far beyond all others.

Known failure: a code for missing that lies among the values (0, or 99 in a column of ages) is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.cell_columns import CellColumn, ValueSuspect
from burnish.tasks.written_dates import LIKE_A_DATE

KIND = "placeholder"
SURE = frozenset(
    {
        "n/a", "#n/a", "#n/a n/a", "#na", "n.a.", "n.a", "<na>", "<null>", "(null)", "null", "nan", "-nan", "?",
        "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#null!", "#value!", "#ref!", "#div/0!", "#num!", "#name?",
    }
)  # fmt: skip
AMONG_NUMBERS = frozenset({"na", "none", "nil", "unknown", "missing", "tbd", "not available", "not applicable"})
_SIGNS = re.compile(r"[^\w\s]+")
_NINES = re.compile(r"-?9{2,}(?:\.0*|\.9+)?")
FEWEST_NUMBERS = 20


def names_of_nothing(values: Sequence[str], *, among_numbers: bool) -> NDArray[np.bool_]:
    """Tell which distinct values (k,) are words or signs for a missing one.

    Parameters
    ----------
    values : sequence of str
    among_numbers : bool
        The others are numbers or dates, where words that may be values elsewhere (`unknown`) are none.

    Examples
    --------
    >>> names_of_nothing(["31", "N/A", "-", "unknown"], among_numbers=True).tolist()
    [False, True, True, True]
    >>> names_of_nothing(["red", "+", "-", "unknown"], among_numbers=False).tolist()
    [False, False, False, False]
    """
    words = SURE | AMONG_NUMBERS if among_numbers else SURE
    names = [value.strip().casefold() if len(value) <= 20 else "" for value in values]
    signs = [code for code, name in enumerate(names) if _SIGNS.fullmatch(name) and name not in SURE]
    found = np.array([name in words for name in names], dtype=bool)
    if len(signs) == 1:  # several signs are a vocabulary: +, -
        found[signs[0]] = True
    return found


def find_placeholders(column: CellColumn) -> list[ValueSuspect]:
    """Find the values of a column that stand for a missing one.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> age = read_columns(pd.DataFrame({"age": ["31", "N/A", "-", *map(str, range(20, 60)), "999", "999"]}))[0]
    >>> [age.texts[suspect.code] for suspect in find_placeholders(age)]
    ['N/A', '-', '999']
    """
    there = column.counts > 0
    blank = names_of_nothing(column.texts, among_numbers=True) & there
    if not blank.any() and not column.is_numeric:
        return []
    numbers = column.is_numeric or _mostly(column, np.isfinite(column.numbers), ~blank)
    if not numbers and not _mostly(column, _dates(column), ~blank):
        blank = names_of_nothing(column.texts, among_numbers=False) & there
        sure = [column.texts[code].strip().casefold() in SURE for code in range(len(column.texts))]
        blank &= np.array(sure, dtype=bool) | (2 * column.counts < column.filled)
    found = {
        code: 0.95 if column.texts[code].strip().casefold() in SURE else 0.9 for code in np.flatnonzero(blank).tolist()
    }
    if numbers:
        found |= dict.fromkeys(_sentinels(column), 0.9)
    return [
        ValueSuspect(code, KIND, None, "stands for a missing value", confidence)
        for code, confidence in sorted(found.items())
    ]


def _mostly(column: CellColumn, fits: NDArray[np.bool_], others: NDArray[np.bool_]) -> bool:
    """Tell whether half of the cells that hold another value, or more, fit."""
    left = int(column.counts[others].sum())
    return bool(left and column.counts[fits & others].sum() >= 0.5 * left)


def _dates(column: CellColumn) -> NDArray[np.bool_]:
    match = re.compile(LIKE_A_DATE).fullmatch
    return np.array([match(value.strip()) is not None for value in column.texts], dtype=bool)


def _sentinels(column: CellColumn) -> list[int]:
    """Find numbers of nines, or −1, that repeat and lie further from the rest than the rest is wide."""
    numbers = column.numbers
    finite = np.isfinite(numbers) & (column.counts > 0)
    named = [
        code
        for code in np.flatnonzero(finite & (column.counts >= 2)).tolist()
        if _NINES.fullmatch(column.texts[code].strip()) or numbers[code] == -1
    ]
    rest = finite.copy()
    rest[named] = False
    if not named or column.counts[rest].sum() < FEWEST_NUMBERS:
        return []
    low, high = numbers[rest].min(), numbers[rest].max()
    width = high - low
    far = [code for code in named if numbers[code] > high + width or numbers[code] < low - width]
    alone = [code for code in named if numbers[code] == -1 and low >= 0 and (numbers[rest] % 1 == 0).all()]
    most = int(column.counts[rest].max())
    return sorted({*far, *(code for code in alone if column.counts[code] > most)})
