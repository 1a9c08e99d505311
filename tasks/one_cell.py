"""Rows that agree in all columns but one, as far as they are likelier copies than coincidences.

Why: a row entered again with one figure or one word corrected is the same example. But where the other columns seldom
tell rows apart, rows that differ in one column are as common as rows that differ in that and another one.

How: let a row agree with m others in all columns but c and k, where k, one of the most telling columns, differs too. If
a share f of the rows has its value of k, chance gives it s = m f / (1 − f) others that differ in c alone; of them, a
share w lies as near in c as the one that was found (counted among the values of c, so that no scale matters; of
categories all do). E = s w is how many rows chance puts so near: the matches that chance gives to one row are a Poisson
process of rate one in E, up to s. So Σ min(t, s) / 2 over the rows are the pairs with E ≤ t that chance
explains, and no constant comes into it. Pairs count up to the t where those found exceed twice those explained by most,
that is, as long as a pair is likelier a copy than a coincidence; they must be more than chance gives in one table of a
hundred.

m is small and whole: it is shrunk by an exponential prior about its mean, (m + 1) m̄ / (1 + m̄). Of the three
most telling columns the one is taken by which chance explains the most: of columns that depend on one another none
changes alone, and would explain nothing. Each column c has its own limit, as columns are wrong more or less often.

Sources: expected counts under the null as in BLAST, Karlin and Altschul (1990); local false discovery rate at one half,
Efron (2004), for each class of cases apart, Efron (2008).

Known failure: where k depends on the columns that agree, chance pairs are more frequent than reckoned; in few columns
of few values a copy looks like any other row, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import pdtrc

from burnish.tasks.row_hashes import (
    Floats,
    Hashes,
    Pairs,
    as_values,
    hash_column,
    is_ordered,
    neighbours,
    others_in,
    pairs_in,
)

BY_CHANCE = 0.01  # so seldom chance alone may give as many pairs
TELLING_COLUMNS = 3  # columns that are asked how many pairs chance explains
LIMITS = np.append(0.0, np.geomspace(1e-15, 10, 161))  # of E, ten a decade


@dataclass(frozen=True)
class Look:
    """Pairs that differ in one column alone.

    Attributes
    ----------
    pairs : int64 (m, 2)
    by_chance : float64 (m,)
        E: how many rows chance puts so near.
    explained : float64 (len(LIMITS),)
        Pairs of each limit of E that chance explains.
    """

    pairs: Pairs
    by_chance: Floats
    explained: Floats


def one_cell_apart(frame: pd.DataFrame, kept: NDArray[np.bool_], total: Hashes) -> Pairs:
    """Find the pairs that agree in all columns but one, as far as chance does not explain them.

    Parameters
    ----------
    frame : DataFrame
    kept : bool (rows of the frame,)
        The n rows to look at, no two of them equal.
    total : uint64 (n,)
        Their hashes: sums of `hash_column` over the columns, each salted by its place.

    Returns
    -------
    int64 (m, 2)
        Places among the rows that are kept.

    Examples
    --------
    >>> from burnish.tasks.row_hashes import hash_column
    >>> frame = pd.DataFrame({"a": [*range(40), 3], "b": [i * i for i in range(40)] + [9], "c": [*"x" * 40, "y"]})
    >>> total = sum(hash_column(frame[name], at) for at, name in enumerate(frame))
    >>> one_cell_apart(frame, np.ones(41, dtype=bool), total).tolist()
    [[3, 40]]
    """
    found = [
        look.pairs[look.by_chance <= likelier_copies(look.by_chance, look.explained)]
        for look in _looks(frame, kept, total)
    ]
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *found])


def likelier_copies(by_chance: Floats, explained: Floats) -> float:
    """Give the limit of E up to which pairs are likelier copies than coincidences; negative where there is none.

    Parameters
    ----------
    by_chance : float (m,)
        E of each pair.
    explained : float (len(LIMITS),)
        Pairs of each limit that chance explains.

    Examples
    --------
    >>> limit = likelier_copies(np.array([1e-9, 2e-9, 0.1, 0.2]), 20 * LIMITS)
    >>> 2e-9 <= limit < 0.1
    True
    """
    found = np.searchsorted(np.sort(by_chance), LIMITS, side="right")
    sure = (found > 0) & (pdtrc(np.maximum(found - 1, 0), explained) <= BY_CHANCE)
    gain = np.where(sure, found - 2 * explained, -np.inf)
    best = int(gain.argmax())
    return float(LIMITS[best]) if gain[best] > 0 else -1.0


def _looks(frame: pd.DataFrame, kept: NDArray[np.bool_], total: Hashes) -> Iterator[Look]:
    columns = range(frame.shape[1])
    if len(columns) < 2 or len(total) < 2:
        return

    def hashed(at: int) -> Hashes:
        found = hash_column(frame.iloc[:, at], at)
        return found if len(found) == len(total) else found[kept]

    agree, alone = np.zeros(len(columns)), np.zeros(len(columns))
    for at in columns:
        own = hashed(at)
        alone[at] = pairs_in(total - own)
        agree[at] = pairs_in(own)
    agree /= len(total) * (len(total) - 1) / 2
    telling = np.argsort(agree, kind="stable").tolist()
    for at in np.flatnonzero(alone).tolist():
        without = total - hashed(at)
        others = [k for k in telling if k != at][:TELLING_COLUMNS]
        two_apart = [max(pairs_in(without - hashed(k)) - alone[at] - alone[k], 0) for k in others]
        chance = [two * agree[k] / max(1 - agree[k], 1e-12) for two, k in zip(two_apart, others, strict=True)]
        most = int(np.argmax(chance))
        expected = _expected(without, hashed(others[most])) if chance[most] > 0 else None
        yield _look(frame.iloc[:, at], kept, without, expected)


def _expected(without: Hashes, asked: Hashes) -> Floats:
    """Give s: how many others that differ in one column alone chance gives to each row."""
    differing = np.maximum(others_in(without - asked) - others_in(without), 0)
    mean = float(differing.mean())
    share = others_in(asked) / max(len(asked) - 1, 1)
    return (differing + 1) * (mean / (1 + mean)) * share / np.maximum(1 - share, 1e-12)


def _look(column: pd.Series, kept: NDArray[np.bool_], without: Hashes, expected: Floats | None) -> Look:
    """Pair the rows that agree elsewhere, with what chance explains of them: without `expected`, nothing."""
    ordered = is_ordered(column)
    values = as_values(column)[kept] if ordered else None
    pairs = neighbours(without, values)
    if expected is None:
        return Look(pairs, np.zeros(len(pairs)), np.zeros(len(LIMITS)))
    near = np.ones(len(pairs)) if values is None else _as_near(values, pairs)
    by_chance = expected[pairs].mean(axis=1) * near
    expected.sort()
    sums = np.append(0.0, np.cumsum(expected))
    below = np.searchsorted(expected, LIMITS, side="right")
    explained = sums[below] + (LIMITS * (len(without) - below) if ordered else 0)
    return Look(pairs, by_chance, explained / 2)


def _as_near(values: Floats, pairs: Pairs) -> Floats:
    """Give the share of other values that lie as near to those of a pair as they do to one another, (m,)."""
    ordered = np.sort(values)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = np.abs(values[pairs[:, 0]] - values[pairs[:, 1]])
    share = np.zeros(len(pairs))
    for here in values[pairs].T:
        with np.errstate(over="ignore"):
            within = _count(ordered, here - apart, here + apart)
        same = _count(ordered, here, here)
        share += (within - same) / np.maximum(len(values) - same, 1) / 2
    return np.where(np.isfinite(apart), share, 1.0)


def _count(ordered: Floats, low: Floats, high: Floats) -> NDArray[np.int64]:
    return np.searchsorted(ordered, high, side="right") - np.searchsorted(ordered, low, side="left")
