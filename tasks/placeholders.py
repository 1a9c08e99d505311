"""Words and numbers that stand for "nothing here": `N/A`, `?`, `-`, `NULL`, 999.

They are no typing errors, so they are a kind of their own: nothing is there to repair, but whoever averages the column
should know. The words are those that pandas takes for missing, with the signs people write by hand. A word that may be
a value (`None`, `unknown`) counts only where the other cells are numbers; a number of nines, or −1, only where it lies
far beyond all others.

Known failure: a code for missing that lies among the values (0, or 99 in a column of ages) is not seen.
"""

from __future__ import annotations

import re

import numpy as np

from burnish.tasks.cell_columns import CellColumn, ValueSuspect

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
    names = {code: value.strip().casefold() for code, value in enumerate(column.texts) if len(value) <= 20}
    signs = [code for code, name in names.items() if _SIGNS.fullmatch(name) and name not in SURE]
    found = {code: 0.95 for code, name in names.items() if name in SURE and column.counts[code]}
    if len(signs) == 1 and column.counts[signs[0]] * 2 < column.filled:  # several signs are a vocabulary: +, -
        found[signs[0]] = 0.9
    if column.is_numeric or _mostly_numbers(column, found):
        found |= {code: 0.9 for code, name in names.items() if name in AMONG_NUMBERS}
        found |= dict.fromkeys(_sentinels(column), 0.9)
    return [
        ValueSuspect(code, KIND, None, "stands for a missing value", confidence)
        for code, confidence in sorted(found.items())
    ]


def _mostly_numbers(column: CellColumn, found: dict[int, float]) -> bool:
    numbers = column.counts[np.isfinite(column.numbers)].sum()
    left = column.filled - int(column.counts[list(found)].sum())
    return bool(left and numbers >= 0.5 * left)


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
    if not named or rest.sum() < FEWEST_NUMBERS:
        return []
    low, high = numbers[rest].min(), numbers[rest].max()
    width = high - low
    far = [code for code in named if numbers[code] > high + width or numbers[code] < low - width]
    alone = [code for code in named if numbers[code] == -1 and low >= 0 and (numbers[rest] % 1 == 0).all()]
    most = int(column.counts[rest].max())
    return sorted({*far, *(code for code in alone if column.counts[code] > most)})
