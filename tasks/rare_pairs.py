"""Pairs of values that are each common and hardly ever meet: a husband who is female, a doctorate at seventeen.

Why: one rule of a mixed table drowns among hundreds of features, where distances and forests do not see it. Here each
two columns are counted against one another, numbers by their octiles.

How: were the pair a slip in one of its two cells, it would turn up as often as chance puts the two values together.
With a prior of 1% of rows with one slip in one of k columns, a pair of columns is hit in a share 2 · 1% / k of the
rows; of the O rows that share a pair of values, that share of the number E expected by chance are slips: Bayes' rule.

Source: Chow & Liu (1968) for pairs as the cheapest account of a joint distribution; Das & Schneider (2007), "Detecting
anomalous records in categorical datasets", for values that are rare together and common apart.

Known failures: what only three columns forbid together is not seen; beyond 40 columns, the first 40 are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.column_features import as_numbers
from burnish.tasks.features import column_kind
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.multivariate import FEWEST_ROWS, PRIOR

MOST_COLUMNS = 40
BINS = 8
MOST_LEVELS = 32  # the most frequent; the others are of no pair
ROWS = 262_144  # looked at together
CHANCE = 0.5  # rows of a pair that nobody saw in train count as this many


Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class RarePairs:
    """How likely each row's oddest pair of values is a slip, and which two columns it is of.

    Attributes
    ----------
    probability : float64 (n,)
    first, second : int8 (n,)
        Places in `columns`, −1 where no pair is odd at all.
    columns : tuple of str
    """

    probability: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    columns: tuple[str, ...]

    def names(self, row: int) -> tuple[str, ...]:
        """Name the two columns of a row."""
        return tuple(self.columns[place] for place in (self.first[row], self.second[row]) if place >= 0)


def find_rare_pairs(
    frame: pd.DataFrame, columns: Sequence[str], train_mask: NDArray[np.bool_] | None = None
) -> RarePairs:
    """Score each row by the pair of its values that meets least often for how common the two are.

    Parameters
    ----------
    frame : DataFrame of n rows
    columns : sequence of str
        The columns to pair; numbers, dates, categories; missing cells are of no pair.
    train_mask : bool (n,), optional
        The rows to count; all where not given.

    Returns
    -------
    RarePairs

    Examples
    --------
    >>> sex = ["male", "female"] * 2000
    >>> role = ["husband", "wife"] * 2000
    >>> people = pd.DataFrame({"sex": sex, "role": role})
    >>> people.loc[7, "role"] = "husband"
    >>> found = find_rare_pairs(people, ["sex", "role"])
    >>> np.flatnonzero(found.probability > 0.5), found.names(7)
    (array([7]), ('sex', 'role'))
    """
    train = np.ones(len(frame), dtype=bool) if train_mask is None else train_mask
    looked_at = tuple(columns)[:MOST_COLUMNS]
    best, where = np.zeros(len(frame)), np.full((2, len(frame)), -1, dtype=np.int8)
    if train.sum() >= FEWEST_ROWS:
        coded = [_codes(frame[name], train) for name in looked_at]
        share = 2 * PRIOR / max(len(looked_at), 2)
        for one, two in combinations(range(len(looked_at)), 2):
            chances = _slips(*coded[one], *coded[two], train, share)
            for start in range(0, len(frame), ROWS) if chances.any() else ():
                rows = slice(start, start + ROWS)
                found = chances[coded[one][0][rows], coded[two][0][rows]]
                more = np.flatnonzero(found > best[rows]) + start
                best[more] = found[more - start]
                where[:, more] = [[one], [two]]
    return RarePairs(best, where[0], where[1], looked_at)


def _codes(column: pd.Series, train: NDArray[np.bool_]) -> tuple[Codes, int]:
    """Give the value of each row as a small number, and how many there are, which itself stands for missing or rare."""
    kind = column_kind(column)
    if kind in ("number", "date"):
        numbers = as_numbers(column, kind)
        known = numbers[train & ~np.isnan(numbers)]
        if _more_than(BINS, known):
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], overwrite_input=True))
            del known
            return _bins(numbers, edges), len(edges) + 1
        del known
    number, values = pd.factorize(column)
    text = labels_as_text(pd.Series(values)).to_numpy(dtype=object)
    seen = np.bincount(number[train & (number >= 0)], minlength=len(values))
    counted = pd.Series(seen).groupby(text).sum()  # without what reads as missing
    counted = counted[counted > 0].sort_index().sort_values(ascending=False, kind="stable")[:MOST_LEVELS]
    place = counted.index.get_indexer(text)
    small = np.append(np.where(place < 0, len(counted), place), len(counted)).astype(np.uint8)  # the last: missing
    return small[number], len(counted)


def _bins(numbers: NDArray[np.float64], edges: NDArray[np.float64]) -> Codes:
    """Give the bin of each number, the last for what is missing; rows by the block, for places are 8 bytes wide."""
    bins = np.empty(len(numbers), dtype=np.uint8)
    for start in range(0, len(numbers), ROWS):
        some = numbers[start : start + ROWS]
        bins[start : start + ROWS] = np.where(
            np.isnan(some), len(edges) + 1, np.searchsorted(edges, some, side="right")
        )
    return bins


def _more_than(count: int, values: NDArray[np.float64]) -> bool:
    """Tell whether there are more distinct values than so many, by the first rows where these tell."""
    return len(np.unique(values[:ROWS])) > count or len(np.unique(values)) > count


def _slips(
    a: Codes, levels_a: int, b: Codes, levels_b: int, train: NDArray[np.bool_], share: float
) -> NDArray[np.float64]:
    """Give the probability that a pair of values is a slip, (levels of a + 1, levels of b + 1); 0 in the last ones."""
    met = np.zeros((levels_a + 1) * (levels_b + 1))
    for start in range(0, len(a), ROWS):
        kept = train[start : start + ROWS]
        cell = a[start : start + ROWS][kept] * np.int64(levels_b + 1) + b[start : start + ROWS][kept]
        met += np.bincount(cell, minlength=len(met))
    met = met.reshape(levels_a + 1, levels_b + 1)[:levels_a, :levels_b]
    expected = np.outer(met.sum(axis=1), met.sum(axis=0)) / max(met.sum(), 1)
    slips = share * expected
    seldom = met < expected
    probability = np.divide(slips, slips + np.maximum(met - slips, CHANCE), out=np.zeros_like(met), where=seldom)
    return np.pad(probability, ((0, 1), (0, 1)))
