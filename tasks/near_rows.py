"""Near copies of table rows: equal but for white space and case, in all columns but one, or but for a little noise.

Why: a row entered twice with a corrected figure, or exported twice with other rounding, is the same example; in train
and test it flatters the test error as an exact copy does.

How: numbers are compared as they are, text without case and repeated white space. Three looks, each linear in the rows:

* Rows that are equal then (`row_hashes.py`).
* Rows that agree in all columns but one, as long as they are likelier copies than coincidences (`one_cell.py`).
* Rows whose categories agree and whose numbers (as normal scores of their ranks: no scale and no tail matters) nearly
  do, found by locality-sensitive hashing, as far as small distances are more frequent than by the next larger ones they
  should be: chance explains one in a hundred of the pairs found at most.

Sources: locality-sensitive hashing on random projections, Datar et al. (2004); the share that chance explains is a
false discovery rate, Benjamini and Hochberg (1995), with the null taken from the neighbouring distances (Efron 2004).

Known failure: in few columns of few values a copy looks like any other row, and nothing is said; one word changed in a
text is found only where the other columns tell rows apart. Noise in several columns at once is looked for among half a
million rows at most.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from burnish.tasks.duplicates import TELLING, Pairs, usual_second_distance
from burnish.tasks.one_cell import one_cell_apart
from burnish.tasks.row_hashes import (
    Floats,
    Hashes,
    as_values,
    hash_column,
    hash_whole,
    is_ordered,
    neighbours,
    pairs_in,
)

BY_CHANCE = 0.01  # of the pairs that differ by noise, at most
MOST_DIMENSIONS = 1000.0  # beyond, chance puts nothing near, and 2 to their power is infinite
FEW_VALUES = 20  # distinct numbers, at most, that count as categories
FINE = 0.05  # distinct numbers, as a share of the rows, of a column that tells most rows apart
REACH = 0.3  # of the usual distance to the second nearest: no pair further apart is looked at
CELL = 8.0  # width of a hash cell, in reaches
MOST_PROJECTIONS, TABLES, OCCUPANCY, AHEAD = 16, 10, 4, 6
MOST_NOISY = 500_000  # rows among which noise in several columns is looked for


def find_near_rows(attributes: pd.DataFrame) -> Pairs:
    """Find the pairs of rows that are copies but for one cell, a little noise, or white space and case.

    Parameters
    ----------
    attributes : DataFrame of n rows

    Returns
    -------
    int64 (m, 2)
        Row numbers; enough of them to link the copies of one row, directly or through others. None where more than a
        tenth of the rows would be copies: there the columns do not identify an example.

    Examples
    --------
    >>> rows = pd.DataFrame({"name": [f"n{i}" for i in range(30)] + ["N3 "], "x": [*range(30), 3]})
    >>> find_near_rows(rows).tolist()
    [[3, 30]]
    """
    n, columns = len(attributes), range(attributes.shape[1])
    if n < 2 or not columns:
        return np.empty((0, 2), dtype=np.int64)
    total = np.zeros(n, dtype=np.uint64)
    for at in columns:
        total += hash_column(attributes.iloc[:, at], at)
    equal = neighbours(total)
    if len(equal) > TELLING * n:
        return np.empty((0, 2), dtype=np.int64)
    kept = np.ones(n, dtype=bool)
    kept[equal[:, 1]] = False
    total = total if not len(equal) else total[kept]
    looks = [one_cell_apart(attributes, kept, total)]
    rows = np.flatnonzero(kept)
    if len(rows) <= MOST_NOISY:
        looks.append(_noise_apart(attributes if len(rows) == n else attributes.iloc[rows]))
    found = [rows[pairs] for pairs in looks if len(np.unique(pairs)) <= 2 * TELLING * len(rows)]
    return _distinct(np.sort(np.concatenate([equal, *found]), axis=1), n)


def chance_limit(distances: Floats, steps: tuple[float, ...], dimensions: float) -> float:
    """Give the largest step up to which chance explains at most one pair in a hundred; 0 where there is none.

    Chance puts pairs at distance t in proportion to t^d: the pairs between t and 2t say how many belong below t.

    Parameters
    ----------
    distances : float (m,)
    steps : tuple of float
        Ascending.
    dimensions : float
        d, of the space that the distances are taken in.

    Examples
    --------
    >>> close, apart = np.full(50, 0.001), np.linspace(0.05, 1, 500)
    >>> 0.001 <= chance_limit(np.concatenate([close, apart]), (0.0005, 0.002, 0.05, 0.1), 1) < 0.05
    True
    """
    ordered = np.sort(distances)
    at = np.array(steps)
    within, beyond = np.searchsorted(ordered, at, side="right"), np.searchsorted(ordered, 2 * at, side="right")
    by_chance = (beyond - within) / np.expm1(np.log(2) * min(dimensions, MOST_DIMENSIONS))
    passed = np.flatnonzero((within > 0) & (by_chance <= BY_CHANCE * within))
    return float(at[passed[-1]]) if len(passed) else 0.0


def _normal_scores(values: Floats) -> Floats:
    """Give the normal scores of the ranks, float64 (n,); missing values far off, all at one place."""
    known = np.isfinite(values)
    scores = np.full(len(values), -10.0)
    ranks = pd.Series(values[known]).rank().to_numpy()
    scores[known] = ndtri((ranks - 0.5) / max(len(ranks), 1))
    return scores


def _noise_apart(frame: pd.DataFrame) -> Pairs:
    """Pairs that agree but for noise in several numbers: in all of many values, or in those that tell rows apart."""
    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    distinct = {at: each.nunique() for at, each in enumerate(columns) if is_ordered(each)}
    measured = [at for at, count in distinct.items() if count > FEW_VALUES]
    fine = [at for at in measured if distinct[at] > FINE * len(frame)]
    looks = [look for look in ([measured] if fine == measured else [measured, fine]) if len(look) > 1]
    if not looks or len(frame) < 3:
        return np.empty((0, 2), dtype=np.int64)
    scores = {at: _normal_scores(as_values(columns[at])).astype(np.float32) for at in measured}
    hashes = {at: hash_column(columns[at], at) for at in range(len(columns))}
    found = []
    for look in looks:
        key = np.zeros(len(frame), dtype=np.uint64)
        for at in hashes.keys() - set(look):
            key += hashes[at]
        points = np.stack([scores[at] for at in look], axis=1)
        found.append(_noisy_pairs(points, key, _dimensions(points[:, np.isin(look, fine)])))
    return np.concatenate(found)


def _dimensions(points: NDArray[np.float32]) -> float:
    """Give the dimensions that points of correlated columns fill: the participation ratio of their variances λ.

    It is (Σλ)² / Σλ²: a trace and a squared norm, of products of columns or, where these are many, of rows.
    """
    if points.shape[1] < 2:
        return 1.0
    centred = points - points.mean(axis=0)
    products = centred.T @ centred if len(points) > points.shape[1] else centred @ centred.T
    squares = float(np.square(products, dtype=np.float64).sum())
    return max(1.0, float(np.trace(products)) ** 2 / squares) if squares > 0 else 1.0


def _noisy_pairs(points: NDArray[np.float32], key: Hashes, dimensions: float) -> Pairs:
    """Pairs of one key whose points are far nearer than those of two rows usually are.

    The usual distance is taken among all rows; where a share p of the pairs has the same key, it is p^(−1/d) as far.
    Columns of few values are the same or far apart: they add no dimension at small distances.
    """
    n = len(points)
    same = max(pairs_in(key.copy()), 1.0) / (n * (n - 1) / 2)
    usual = usual_second_distance(points, points.mean(axis=0)) * same ** (-1 / dimensions)
    reach = REACH * min(usual, float(np.sqrt(points.var(axis=0).sum())))
    if reach <= 0:
        return np.empty((0, 2), dtype=np.int64)
    pairs = _near_points(points, key, reach, n * same)
    apart = _distance(points, pairs)
    steps = tuple(float(step) for step in reach * np.geomspace(1e-4, 0.5, 41))
    return pairs[apart <= chance_limit(apart, steps, dimensions)]


def _near_points(points: NDArray[np.float32], key: Hashes, reach: float, crowd: float) -> Pairs:
    """Pairs within reach: rows of one key (`crowd` of them) whose projections share cells, and lie near in one more."""
    rng = np.random.default_rng(0)
    spread = float(points.std(axis=0).mean())
    cells_each = max(2.0, 4 * spread / (CELL * reach))
    wanted = np.log(max(crowd / OCCUPANCY, 1)) / np.log(cells_each)
    projections = int(np.clip(np.ceil(wanted), 1, MOST_PROJECTIONS))
    found = [np.empty((0, 2), dtype=np.int64)]
    for _ in range(TABLES):
        directions = rng.standard_normal((points.shape[1], projections + 1)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0)
        along = points @ directions
        cells = np.floor(along[:, 1:] / np.float32(CELL * reach) + rng.random(projections, dtype=np.float32))
        cell = key.copy()
        for at in range(projections):
            cell += hash_whole(cells[:, at].astype(np.int64), at + 1000)
        order = np.lexsort((along[:, 0], cell))
        ordered, place = cell[order], along[order, 0]
        for ahead in range(1, min(AHEAD, len(order) - 1) + 1):
            near = (ordered[ahead:] == ordered[:-ahead]) & (place[ahead:] - place[:-ahead] <= reach)
            pairs = np.stack([order[:-ahead][near], order[ahead:][near]], axis=1)
            found.append(np.sort(pairs[_distance(points, pairs) <= reach], axis=1))
    return _distinct(np.concatenate(found), len(points))


def _distance(points: NDArray[np.float32], pairs: Pairs) -> Floats:
    """Euclidean distance of each pair, (m,)."""
    squares = np.zeros(len(pairs))
    for column in points.T:
        squares += np.square(column[pairs[:, 0]] - column[pairs[:, 1]], dtype=np.float64)
    return np.sqrt(squares)


def _distinct(pairs: Pairs, rows: int) -> Pairs:
    codes = np.unique(pairs[:, 0] * rows + pairs[:, 1])
    return np.stack([codes // rows, codes % rows], axis=1)
