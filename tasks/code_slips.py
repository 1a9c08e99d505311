"""Slips in codes of digits, told by the column that the code decides: zip 35324 in a row of `sheffield`, for 35234.

A code next to another is mostly another code, so that nearness alone proves nothing (`typos.py` leaves numbers alone).
Where the code decides a second column, though, a rare code one slip away from a frequent one, in a row that holds what
the frequent one decides, is doubtful. How much the codes say themselves: p is the share of frequent codes that have a
frequent neighbour deciding the same (the zips of one city follow one another); of N rare codes p·N have one by nature,
the excess are slips.

Source: local false discovery rate, expected by chance over observed (Efron 2010, "Large-Scale Inference", chapter 5).
Known failures: a slip that makes another frequent code is left to `violations.py`; nothing is seen where codes lie so
dense that most have such a neighbour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.cell_columns import CellColumn
from burnish.tasks.dependencies import Dependency, group_cells
from burnish.tasks.typos import FEWEST, KIND, PRIOR

MOST_RARE = 10_000
MOST_CELLS = 2  # of a rare code: the same slip is seldom made three times
_CODE = re.compile(r"\d{3,12}")

Ints = NDArray[np.int64]
__all__ = ["KIND", "CodeSlips", "find_code_slips"]


class CodeSlips(NamedTuple):
    """The slips in one column: rows, the codes of the values meant, how sure, and the column that tells."""

    column: int
    rows: Ints
    meant: Ints
    confidence: float
    because: int


def find_code_slips(columns: Sequence[CellColumn], dependencies: Sequence[Dependency]) -> Iterator[CodeSlips]:
    """Find rare codes that are one slip away from a frequent one which decides what stands in their row.

    Parameters
    ----------
    columns : sequence of CellColumn
    dependencies : sequence of Dependency
        As `find_dependencies` gives them.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> from burnish.tasks.dependencies import find_dependencies
    >>> import pandas as pd
    >>> rows = [("35233", "birmingham"), ("36049", "luverne"), ("35957", "boaz"), ("39120", "athens")] * 10
    >>> columns = read_columns(pd.DataFrame([*rows, ("36094", "luverne")], columns=["zip", "city"]))
    >>> found = next(find_code_slips(columns, find_dependencies(columns)[0]))
    >>> found.rows.tolist(), [columns[0].texts[code] for code in found.meant]
    ([40], ['36049'])
    """
    for place in sorted({each.decides for each in dependencies}):
        column = columns[place]
        codes = np.array([_CODE.fullmatch(text) is not None for text in column.texts], dtype=bool)
        if column.typed or 2 * column.counts[codes].sum() < column.filled:
            continue
        decided = [each.decided for each in dependencies if each.decides == place]
        telling = max(decided, key=lambda each: int((columns[each].counts > 0).sum()))
        slips = _slips(column, columns[telling], codes)
        if slips is not None:
            yield CodeSlips(place, *slips, telling)


def _slips(column: CellColumn, other: CellColumn, codes: NDArray[np.bool_]) -> tuple[Ints, Ints, float] | None:
    there = (column.codes >= 0) & (other.codes >= 0)
    groups = group_cells(column.codes[there], other.codes[there])
    rare = np.flatnonzero(there & np.r_[codes & (column.counts <= MOST_CELLS), False][column.codes])[:MOST_RARE]
    if groups is None or not len(rare):
        return None
    sure = groups.first & groups.majority & (groups.size >= FEWEST) & codes[groups.a]
    known = {column.texts[a]: (int(a), int(b)) for a, b in zip(groups.a[sure], groups.b[sure], strict=True)}
    natural = sum(_neighbour(text, b, known, column.counts) >= 0 for text, (_, b) in known.items())
    meant = np.array(
        [
            _neighbour(column.texts[code], b, known, column.counts)
            for code, b in zip(column.codes[rare].tolist(), other.codes[rare].tolist(), strict=True)
        ]
    )
    found = meant >= 0
    expected = (natural + PRIOR * 2) / (len(known) + 2) * len(rare)
    confidence = 1 - expected / max(1, int(found.sum()))
    return (rare[found], meant[found], confidence) if found.any() and confidence > 0 else None


def _neighbour(text: str, decides: int, known: dict[str, tuple[int, int]], counts: Ints) -> int:
    """Give the most frequent known code that is one slip away and decides the same; −1 where there is none."""
    near = [known[each][0] for each in _one_slip_away(text) if each in known and known[each][1] == decides]
    return max(near, key=lambda code: int(counts[code]), default=-1)


def _one_slip_away(text: str) -> set[str]:
    """Give what a text is with a digit changed, dropped or added, or with two neighbours changed places."""
    cuts = [(text[:at], text[at:]) for at in range(len(text) + 1)]
    changed = {a + digit + b[1:] for a, b in cuts if b for digit in "0123456789"}
    dropped = {a + b[1:] for a, b in cuts if b}
    added = {a + digit + b for a, b in cuts for digit in "0123456789"}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (changed | dropped | added | swapped) - {text}
