"""Cells that disagree with the columns that decide theirs, and gaps that those fill: `boaz` in a row of zip 35233.

Are the exceptions to a dependency errors, or is B in truth only linked to A (most customers of a street use one shop)?
A rule is broken by few cells, a habit by any number (`Dependency.holds`). And where a group splits by nature, the urn
model of Ewens (1972) and Hoppe (1984) says how often its second value has j of n cells: as n / (j (n − j)). Splits near
balance show how often groups split by nature, hence how many lone exceptions nature explains; the rest are errors (a
local false discovery rate, Efron 2010). Several columns that decide one vote.

Known failures: a wrong value repeated in a quarter of its group is taken for a natural split; where two columns decide
only one another, both cells of a row are named though one is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.cell_columns import CellColumn
from burnish.tasks.dependencies import Dependency, Groups, group_cells

BALANCED = 0.25  # a second value with this share of its group is a natural split
MISSING_MOST = 0.5
UNSEEN = 0.1  # natural splits expected where none is seen: less than Jeffreys' half, since many rules are strict
REPEATED = 0.2  # how often an error is made once more in its group

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Exceptions:
    """The cells of a column that disagree with those that decide it.

    `rows`, `repairs` (codes of the column's values) and `confidence` have one entry a cell; `because` the position of
    the column that says so most surely; `empty` tells the cells with nothing in them.
    """

    rows: Ints
    repairs: Ints
    confidence: NDArray[np.float64]
    because: Ints
    empty: NDArray[np.bool_]


def find_exceptions(columns: Sequence[CellColumn], dependencies: Sequence[Dependency], decided: int) -> Exceptions:
    """Find the cells of one column that disagree with the columns that decide it.

    Parameters
    ----------
    columns : sequence of CellColumn
    dependencies : sequence of Dependency
        As `find_dependencies` gives them; those of other columns are left out.
    decided : int
        Position of the column.

    Returns
    -------
    Exceptions
        Rows in order.
    """
    codes = columns[decided].codes
    n = len(codes)
    both = {(each.decides, each.decided) for each in dependencies}
    against, for_ = np.zeros(n), np.zeros(n)
    best, repair, because = np.zeros(n), np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    for each in dependencies:
        if each.decided != decided:
            continue
        holds = each.holds(mutual=(each.decided, each.decides) in both)
        doubt, support, meant = _judge(columns[each.decides].codes, codes, each.strength * holds, holds)
        against += doubt
        for_ += support
        better = doubt > best
        best, repair = np.where(better, doubt, best), np.where(better, meant, repair)
        because[better] = each.decides
    confidence = best * np.divide(against, against + for_, out=np.zeros(n), where=against > 0)
    rows = np.flatnonzero(confidence > 0)
    return Exceptions(rows, repair[rows], confidence[rows], because[rows], codes[rows] < 0)


def _judge(
    a: NDArray[np.int32], b: NDArray[np.int32], strength: float, holds: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], Ints]:
    """Give for each row the probability that b is wrong, the support it has, and what it should be; all (n,)."""
    n = len(a)
    doubt, support, meant = np.zeros(n), np.zeros(n), np.full(n, -1, dtype=np.int64)
    there = (a >= 0) & (b >= 0)
    groups = group_cells(a[there], b[there])
    if groups is None:
        return doubt, support, meant
    top = np.full(int(a.max()) + 1, -1, dtype=np.int64)
    sure = groups.first & groups.majority & (groups.size >= 3)
    top[groups.a[sure]] = groups.b[sure]
    known = np.where(a >= 0, top[a], -1)
    agreed = np.full(len(top), -2, dtype=np.int64)
    agreed[groups.a[groups.first & groups.majority]] = groups.b[groups.first & groups.majority]
    support[there & (np.where(a >= 0, agreed[a], -2) == b)] = strength
    by_pair = _doubts(groups) * strength
    width = int(b.max()) + 1
    keys = groups.a * width + groups.b
    order = np.argsort(keys)
    odd = np.flatnonzero(there & (known >= 0) & (known != b))
    place = order[np.searchsorted(keys, a[odd].astype(np.int64) * width + b[odd], sorter=order)]
    doubt[odd], meant[odd] = by_pair[place], known[odd]
    gaps = np.flatnonzero((a >= 0) & (b < 0) & (known >= 0))
    if len(gaps) <= MISSING_MOST * n:
        doubt[gaps], meant[gaps] = holds * _gap_doubts(a, b)[a[gaps]], known[gaps]
    return doubt, support, meant


def _gap_doubts(a: NDArray[np.int32], b: NDArray[np.int32]) -> NDArray[np.float64]:
    """Give for each value of a the probability that an empty cell of its group is an error.

    That is the share of cells that are filled in the group (where most are; else empty is their way), times that in the
    column.
    """
    rows = np.maximum(np.bincount(a[a >= 0]), 1)
    filled = np.bincount(a[(a >= 0) & (b >= 0)], minlength=len(rows)) / rows
    return np.where(filled >= MISSING_MOST, filled * float((b >= 0).mean()), 0.0)


def _doubts(groups: Groups) -> NDArray[np.float64]:
    """Give for each pair of values the probability that its cells are errors and no natural split of their group."""
    sizes, times = np.unique(groups.size[groups.first], return_counts=True)
    kinds = [(size, count) for size, count in zip(sizes.tolist(), times.tolist(), strict=True) if size >= 3]
    minor = ~groups.first & groups.majority & (groups.size >= 3)
    lone = minor & ((groups.count == 1) | (groups.count < BALANCED * groups.size))
    balanced = ~groups.first & (groups.count >= 2) & (groups.count >= BALANCED * groups.size)
    room = sum(times * _splits(size, max(2, _edge(size)), size // 2) for size, times in kinds)
    rate = (float(balanced.sum()) + UNSEEN) / max(room, 1e-9)
    level = np.ceil(np.log2(np.maximum(groups.count, 1))).astype(np.int64)
    doubts, errors = np.zeros(len(groups.a)), 0.0
    for each in range(int(level[lone].max(initial=-1)) + 1):
        here = lone & (level == each)
        low, high = (1, 1) if each == 0 else (2 ** (each - 1) + 1, 2**each)
        natural = rate * sum(times * _splits(size, low, min(high, max(1, _edge(size) - 1))) for size, times in kinds)
        errors = max(0.0, float(here.sum()) - natural) if each == 0 else errors * REPEATED ** (2 ** (each - 1))
        doubts[here] = errors / (errors + natural) if errors else 0.0
    return doubts


def _edge(size: int) -> int:
    """Give the count at which a second value of so large a group is a natural split."""
    return int(np.ceil(BALANCED * size))


def _splits(size: int, low: int, high: int) -> float:
    """Sum n / (j (n − j)) = 1/j + 1/(n − j) over j from low to high."""
    if high < low:
        return 0.0
    j = np.arange(low, high + 1) if high - low < 1000 else np.unique(np.linspace(low, high, 1000).astype(np.int64))
    weight = (high - low + 1) / len(j)
    return float((1 / j + 1 / (size - j)).sum() * weight)
