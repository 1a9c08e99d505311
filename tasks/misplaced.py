"""A cell that has swallowed its neighbour: city `San Francisco CA` where state, `CA` elsewhere, is empty.

A column is held against each column that has gaps: where B is empty, do the cells of A begin or end in one of B's
values far more often than where B is filled? Then these are misplaced, and the repair of both cells is at hand.
Confidence: 1 − (share where B is filled) / (share where B is empty), the excess over what the values do by chance.

Known failure: a value of two words (`New York`) is only found where it stands behind a comma, semicolon or slash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from burnish.tasks.cell_columns import CellColumn

KIND = "misplaced"
MOST_VALUES = 5_000
MOST_PAIRS = 2_000
FEWEST = 3
OFTEN = 0.5
UNLIKELY = 0.001  # that so many hold one by chance (binomial law, at the share where B is filled)
_ENDS = (
    re.compile(r"(?P<rest>.*\S)\s*[,;/|]\s*(?P<part>[^,;/|]+)"),
    re.compile(r"(?P<rest>.*\S)\s+\(?(?P<part>[^\s()]+)\)?"),
    re.compile(r"(?P<part>[^,;/|]+?)\s*[,;/|]\s*(?P<rest>\S.*)"),
    re.compile(r"(?P<part>\S+)\s+(?P<rest>\S.*)"),
)


class Misplaced(NamedTuple):
    """Cells of column `holder` that hold the value of column `owner` as well; one entry a row in the arrays.

    `rests` is what is left of the holder's cell, `parts` what belongs to the owner's.
    """

    holder: int
    owner: int
    rows: NDArray[np.int64]
    rests: list[str]
    parts: list[str]
    confidence: float


def find_misplaced(columns: Sequence[CellColumn]) -> Iterator[Misplaced]:
    """Find cells that hold the value of another column, empty in that row.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> table = pd.DataFrame({"city": ["Bend", "Gary"] * 9 + ["Bend OR"] * 3, "state": ["OR", "IN"] * 9 + [""] * 3})
    >>> [(each.rows.tolist(), each.rests[0], each.parts[0]) for each in find_misplaced(read_columns(table))]
    [([18, 19, 20], 'Bend', 'OR')]
    """
    n = len(columns[0].codes) if columns else 0
    owners = [i for i, c in enumerate(columns) if _is_owner(c, n)]
    holders = [i for i, c in enumerate(columns) if not c.typed and not c.is_numeric and c.filled]
    pairs = sorted((abs(a - b), a, b) for b in owners for a in holders if a != b)[:MOST_PAIRS]
    for _, holder, owner in pairs:
        found = _hold_against(columns[holder], columns[owner])
        if found is not None:
            yield Misplaced(holder, owner, *found)


def _is_owner(column: CellColumn, n: int) -> bool:
    used = int((column.counts > 0).sum())
    return (
        not column.typed and FEWEST <= n - column.filled <= n / 2 and 2 <= used <= min(MOST_VALUES, column.filled / 3)
    )


def _hold_against(
    holder: CellColumn, owner: CellColumn
) -> tuple[NDArray[np.int64], list[str], list[str], float] | None:
    empty = owner.codes < 0
    domain = {value.casefold(): value for value, count in zip(owner.texts, owner.counts, strict=True) if count}
    gaps = np.unique(holder.codes[empty & (holder.codes >= 0)])
    if not gaps.size or not any(_take_apart(holder.texts[code], domain) for code in gaps[:200].tolist()):
        return None
    known = {code: taken for code, value in enumerate(holder.texts) if (taken := _take_apart(value, domain))}
    holds = np.zeros(len(holder.texts) + 1, dtype=np.bool_)
    holds[list(known)] = True
    here = holds[holder.codes]
    inside = (float(here[empty].sum()) + 0.5) / (float(empty.sum()) + 1)
    outside = (float(here[~empty].sum()) + 0.5) / (float((~empty).sum()) + 1)
    hits = int(here[empty].sum())
    if inside < OFTEN or hits < FEWEST or binom.sf(hits - 1, int(empty.sum()), outside) > UNLIKELY:
        return None
    rows = np.flatnonzero(here & empty)
    pieces = [known[code] for code in holder.codes[rows].tolist()]
    return rows, [rest for rest, _ in pieces], [part for _, part in pieces], max(0.0, 1 - outside / inside)


def _take_apart(value: str, domain: dict[str, str]) -> tuple[str, str] | None:
    for end in _ENDS:
        match = end.fullmatch(value.strip()) if len(value) <= 300 else None
        if match and match["part"].strip().casefold() in domain:
            return match["rest"].strip(), domain[match["part"].strip().casefold()]
    return None
