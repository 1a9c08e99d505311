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
CHANCE = 0.5  # rows of a pair that nobody saw in train count as this many


@dataclass(frozen=True)
class RarePairs:
    """How likely each row's oddest pair of values is a slip, and which two columns it is of.

    Attributes
    ----------
    probability : float64 (n,)
    first, second : int64 (n,)
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
    best, where = np.zeros(len(frame)), np.full((2, len(frame)), -1)
    if train.sum() >= FEWEST_ROWS:
        coded = [_codes(frame[name], train) for name in looked_at]
        share = 2 * PRIOR / max(len(looked_at), 2)
        for one, two in combinations(range(len(looked_at)), 2):
            found = _slips(*coded[one], *coded[two], train, share)
            more = found > best
            best[more] = found[more]
            where[0, more], where[1, more] = one, two
    return RarePairs(best, where[0], where[1], looked_at)


def _codes(column: pd.Series, train: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Give the value of each row as a small number, −1 where missing or rare, and how many there are."""
    kind = column_kind(column)
    if kind in ("number", "date"):
        numbers = as_numbers(column, kind)
        known = numbers[train & ~np.isnan(numbers)]
        if len(np.unique(known)) > BINS:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
            return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right")), len(edges) + 1
    text = labels_as_text(column)
    levels = text[train].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:MOST_LEVELS]
    return np.asarray(pd.Index(levels).get_indexer(text), dtype=np.int64), len(levels)


def _slips(
    a: NDArray[np.int64],
    levels_a: int,
    b: NDArray[np.int64],
    levels_b: int,
    train: NDArray[np.bool_],
    share: float,
) -> NDArray[np.float64]:
    """Give the probability that each row's pair of values is a slip, 0 where one of them is missing."""
    if not levels_a or not levels_b:
        return np.zeros(len(a))
    there = (a >= 0) & (b >= 0)
    cell = np.where(there, a * levels_b + b, 0)
    met = np.bincount(cell[there & train], minlength=levels_a * levels_b).reshape(levels_a, levels_b).astype(float)
    expected = np.outer(met.sum(axis=1), met.sum(axis=0)) / max(met.sum(), 1)
    slips = share * expected
    probability = slips / (slips + np.maximum(met - slips, CHANCE))
    return np.asarray(np.where(there, np.where(met < expected, probability, 0.0).ravel()[cell], 0.0))
