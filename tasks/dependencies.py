"""Columns that decide others, nearly: zip → city.

A column A decides B where rows of one A hold one B, but for errors. Its errors (cells other than their group's most
frequent) are held against those that are left when B is shuffled: the strength is 1 − errors / errors by chance.

Sampled by whole groups, so that a million rows are affordable; column pairs are bounded, neighbouring columns first.

Known failure: rules of two columns together are not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.cell_columns import CellColumn
from burnish.tasks.streams import stream

SAMPLE = 10_000
WEAKEST = 0.5  # a dependency that explains less than half of what chance leaves decides nothing
SIGMAS = 4.0
FEWEST_GROUPS = 3
FEWEST_OF_NUMBER = 4  # cells a value of a whole number that names things, on average: fewer meet by chance

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Dependency:
    """A column that decides another: their positions, the strength (0–1), and the share of cells that disagree."""

    decides: int
    decided: int
    strength: float
    error: float

    def holds(self, *, mutual: bool) -> float:
        """Give the probability that this is a rule with errors, and no habit with exceptions.

        Errors of a rule are few (a priori 5% of its cells: Beta(1, 19)), exceptions of a habit as may be (uniform).
        Where the decided column decides back (`mutual`), both name one thing, which habits do not.
        """
        odds = 19 * (1 - self.error) ** 18
        return 1.0 if mutual else odds / (1 + odds)


@dataclass(frozen=True)
class Groups:
    """The cells of B by groups of A: one entry a pair of values that occurs, by a, the most frequent b first."""

    a: Ints
    b: Ints
    count: Ints
    size: Ints  # of the pair's group
    first: NDArray[np.bool_]  # the group's most frequent value
    majority: NDArray[np.bool_]  # of the pair's group: more than half its cells hold the first value

    @property
    def errors(self) -> float:
        """Cells other than the majority's, as a share of those that could be."""
        free = int((self.size[self.first] - 1).sum())
        return float(self.count[~self.first].sum() / free) if free else 1.0


def find_dependencies(
    columns: Sequence[CellColumn], *, most_pairs: int = 4_000, seed: int = 0
) -> tuple[list[Dependency], int]:
    """Find which columns nearly decide which others.

    Parameters
    ----------
    columns : sequence of CellColumn
    most_pairs : int
        How many ordered pairs of columns to look at; nearer columns first.
    seed : int
        Of the shuffles, and of the groups sampled.

    Returns
    -------
    dependencies : list of Dependency
    skipped : int
        How many pairs were not looked at.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> cities = ["a", "b", "c", "d"] * 9 + ["a", "b", "c", "a"]
    >>> table = pd.DataFrame({"zip": ["1", "2", "3", "4"] * 10, "city": cities})
    >>> found, skipped = find_dependencies(read_columns(table))
    >>> [(each.decides, each.decided, round(each.error, 2)) for each in found], skipped
    ([(0, 1, 0.03), (1, 0, 0.03)], 0)
    """
    left = [i for i, column in enumerate(columns) if _may_decide(column)]
    right = [i for i, column in enumerate(columns) if 2 <= _used(column) <= 0.9 * column.filled]
    total = len(left) * len(right) - len(set(left) & set(right))
    pairs = sorted(_near_pairs(left, right, most_pairs))
    rng = stream(seed, "dependencies")
    found: list[Dependency] = []
    sampled, rows = -1, np.zeros(0, dtype=np.int64)
    for a, b in pairs:
        if a != sampled:
            sampled, rows = a, _sample_groups(columns[a], rng)
        dependency = _measure(columns[a].codes[rows], columns[b].codes[rows], rng)
        if dependency is not None:
            found.append(Dependency(a, b, *dependency))
    return found, total - len(pairs)


def _used(column: CellColumn) -> int:
    return int((column.counts > 0).sum())


def _may_decide(column: CellColumn) -> bool:
    """Say whether a column may name things: it repeats, and is no measurement."""
    if _used(column) < FEWEST_GROUPS or int((column.counts >= 3).sum()) < FEWEST_GROUPS:
        return False
    if not column.is_numeric:
        return True
    finite = column.numbers[np.isfinite(column.numbers) & (column.counts > 0)]
    return bool((finite % 1 == 0).all()) and column.filled >= FEWEST_OF_NUMBER * _used(column)


def _near_pairs(left: Sequence[int], right: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Give ordered pairs of positions, those close to one another first, at most so many."""
    if len(left) * len(right) <= most + len(left):
        return [(a, b) for a in left for b in right if a != b][:most]
    reach = max(1, most // (2 * len(left)) + 1)
    places = np.array(right)
    close = []
    for a in left:
        at = int(np.searchsorted(places, a))
        close += [(abs(a - int(b)), a, int(b)) for b in places[max(0, at - reach) : at + reach + 1] if b != a]
    return [(a, b) for _, a, b in sorted(close)[:most]]


def _sample_groups(column: CellColumn, rng: np.random.Generator) -> Ints:
    """Draw rows by whole groups of two cells and more."""
    groups = np.flatnonzero(column.counts >= 2)
    drawn = rng.permutation(groups)
    kept = np.zeros(len(column.counts) + 1, dtype=np.bool_)
    kept[drawn[: max(FEWEST_GROUPS, int(np.searchsorted(np.cumsum(column.counts[drawn]), SAMPLE)) + 1)]] = True
    rows = np.flatnonzero(kept[column.codes])
    return rows if len(rows) <= 4 * SAMPLE else np.sort(rng.choice(rows, 4 * SAMPLE, replace=False))


def _measure(a: NDArray[np.int32], b: NDArray[np.int32], rng: np.random.Generator) -> tuple[float, float] | None:
    """Give the strength and the error of a → b, None where chance explains it."""
    there = (a >= 0) & (b >= 0)
    a, b = a[there], b[there]
    groups = group_cells(a, b)
    if groups is None or int(groups.first.sum()) < FEWEST_GROUPS or groups.errors > WEAKEST:
        return None
    shuffled = group_cells(a, rng.permutation(b))
    if shuffled is None:
        return None
    free = int((groups.size[groups.first] - 1).sum())
    chance = shuffled.errors
    strength = 1 - groups.errors / chance if chance > 0 else 0.0
    if strength < WEAKEST or free * (chance - groups.errors) < SIGMAS * np.sqrt(free * chance * (1 - chance) + 1):
        return None
    return strength, groups.errors


def group_cells(a: NDArray[np.int32], b: NDArray[np.int32]) -> Groups | None:
    """Count the pairs of values within groups of two cells and more; None where there are no such groups."""
    if not len(a):
        return None
    width = int(b.max()) + 1
    pairs, count = np.unique(a.astype(np.int64) * width + b, return_counts=True)
    left, right = pairs // width, pairs % width
    size = np.bincount(left, weights=count).astype(np.int64)[left]
    kept = size >= 2
    left, right, count, size = left[kept], right[kept], count[kept].astype(np.int64), size[kept]
    if not len(left):
        return None
    order = np.lexsort((right, -count, left))
    left, right, count, size = left[order], right[order], count[order], size[order]
    first = np.r_[True, left[1:] != left[:-1]]
    top = count[first][np.cumsum(first) - 1]
    return Groups(left, right, count, size, first, 2 * top > size)
