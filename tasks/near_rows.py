"""Near copies of table rows: equal but for white space and case, in all columns but one, or but for a little noise.

Why: a row entered twice with a corrected figure, or exported twice with other rounding, is the same example; in train
and test it flatters the test error as an exact copy does.

How: numbers are compared as they are, text without case and repeated white space. Three looks, each linear in the rows:

* Rows that are equal then.
* Rows that agree in all columns but one, found by a sum of hashes less the hash of that column. That may be a
  coincidence: where the other columns seldom tell rows apart, rows that differ in one column are as common as rows that
  differ in that and another one. The latter are counted for the three most telling columns; by how often such a column
  agrees by chance they say how many of the former chance explains, and the middle one is believed. Where that is too
  many, small differences of a number count alone, as far as they are more frequent than larger ones.
* Rows whose categories agree and whose numbers (as normal scores of their ranks) nearly do, found by locality-sensitive
  hashing; again as far as small distances are more frequent than by the next larger ones they should be.

Chance explains one in a hundred of the pairs found at most, one in fifty of those that differ in one column.

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
from scipy.stats import rankdata

from burnish.tasks.duplicates import TELLING, Pairs, usual_second_distance

BY_CHANCE = 0.01  # of the pairs that differ by noise, at most
ONE_CELL_BY_CHANCE = 0.02  # of the pairs that differ in one column: a chance pair kept together does no harm
FEW_VALUES = 20  # distinct numbers, at most, that count as categories
FINE = 0.05  # distinct numbers, as a share of the rows, of a column that tells most rows apart
TELLING_COLUMNS = 3  # columns that are asked how many pairs chance explains
STEPS = tuple(float(step) for step in np.geomspace(1e-5, 0.5, 61))  # of the ranks
REACH = 0.3  # of the usual distance to the second nearest: no pair further apart is looked at
CELL = 8.0  # width of a hash cell, in reaches
MOST_PROJECTIONS, TABLES, OCCUPANCY, AHEAD = 16, 10, 4, 6
MOST_NOISY = 500_000  # rows among which noise in several columns is looked for

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]


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
        total += _hash_column(attributes.iloc[:, at], at)
    equal = _neighbours(total, np.zeros(n))
    if len(equal) > TELLING * n:
        return np.empty((0, 2), dtype=np.int64)
    kept = np.ones(n, dtype=bool)
    kept[equal[:, 1]] = False
    rows = np.flatnonzero(kept)
    distinct = attributes if len(rows) == n else attributes.iloc[rows]
    looks = [_one_cell_apart(distinct, total[rows])]
    if len(rows) <= MOST_NOISY:
        looks.append(_noise_apart(distinct))
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
    by_chance = (beyond - within) / (2.0**dimensions - 1)
    passed = np.flatnonzero((within > 0) & (by_chance <= BY_CHANCE * within))
    return float(at[passed[-1]]) if len(passed) else 0.0


def _hash_column(column: pd.Series, salt: int) -> Hashes:
    """Scatter the values of a column over 64 bits, text without case and repeated white space."""
    if _is_ordered(column) or pd.api.types.is_bool_dtype(column.dtype):
        values = _values(column)
        return _hash((values + 0.0).view(np.uint64), salt)  # + 0.0: no negative zero
    codes, values = pd.factorize(column)
    plain = pd.Series(values, dtype="str").str.casefold().str.split().str.join(" ")
    same = np.append(pd.factorize(plain)[0], -1)  # the last is for missing ones
    return _hash(same[codes].astype(np.uint64), salt)


def _hash(codes: Hashes, salt: int) -> Hashes:
    """Mix 64 bits (the finalizer of SplitMix64, Steele et al. 2014)."""
    mixed = codes + np.uint64(((salt + 1) * 0x9E3779B97F4A7C15) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _is_ordered(column: pd.Series) -> bool:
    """Tell numbers and dates."""
    ordered = pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype)
    return ordered and not pd.api.types.is_bool_dtype(column.dtype)


def _values(column: pd.Series) -> Floats:
    """Give numbers, booleans or dates as float64 (n,), missing ones as −∞."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        values = column.astype("int64").to_numpy(dtype=np.float64, copy=True)
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    values[column.isna().to_numpy()] = -np.inf
    return values


def _normal_scores(values: Floats) -> Floats:
    """Give the normal scores of the ranks, float64 (n,); missing values far off, all at one place."""
    known = np.isfinite(values)
    scores = np.full(len(values), -10.0)
    scores[known] = ndtri((rankdata(values[known]) - 0.5) / max(int(known.sum()), 1))
    return scores


def _neighbours(key: Hashes, beside: Floats) -> Pairs:
    """Pair each row with the next one of the same key, in the order of `beside`."""
    shared = _repeated(key)
    rows = np.flatnonzero(np.isin(key, shared)) if len(shared) else np.empty(0, dtype=np.int64)
    order = rows[np.lexsort((beside[rows], key[rows]))]
    same = key[order[1:]] == key[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1).astype(np.int64)


def _repeated(key: Hashes) -> Hashes:
    ordered = np.sort(key)
    return np.unique(ordered[1:][ordered[1:] == ordered[:-1]])


def _pairs_in(key: Hashes) -> float:
    """Count the pairs of rows with the same key."""
    ordered = np.sort(key)
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    sizes = np.diff(ends, prepend=-1).astype(np.float64)
    return float((sizes * (sizes - 1) / 2).sum())


def _one_cell_apart(frame: pd.DataFrame, total: Hashes) -> Pairs:
    """Pairs that agree in all columns but one, as far as chance does not explain them; `total` are the rows' hashes."""
    columns = range(frame.shape[1])
    found = [np.empty((0, 2), dtype=np.int64)]
    if len(columns) < 2 or len(frame) < 2:
        return found[0]
    agree, alone = np.zeros(len(columns)), np.zeros(len(columns))
    for at in columns:
        hashed = _hash_column(frame.iloc[:, at], at)
        agree[at], alone[at] = _pairs_in(hashed), _pairs_in(total - hashed)
    agree /= len(total) * (len(total) - 1) / 2
    for at in np.flatnonzero(alone).tolist():
        column = frame.iloc[:, at]
        without = total - _hash_column(column, at)
        others = [k for k in np.argsort(agree, kind="stable").tolist() if k != at][:TELLING_COLUMNS]
        two_apart = [_pairs_in(without - _hash_column(frame.iloc[:, k], k)) - alone[at] - alone[k] for k in others]
        by_chance = [
            max(two, 0) * agree[k] / max(1 - agree[k], 1e-12) for two, k in zip(two_apart, others, strict=True)
        ]
        found.append(_beyond_chance(column, without, float(np.median(by_chance)), alone[at]))
    return np.concatenate(found)


def _beyond_chance(column: pd.Series, without: Hashes, by_chance: float, count: float) -> Pairs:
    """Pairs that differ in this column alone: all where few are chance's, else those with a small difference."""
    ordered = _is_ordered(column)
    values = _values(column) if ordered else np.zeros(len(column))
    pairs = _neighbours(without, values)
    if by_chance <= ONE_CELL_BY_CHANCE * count:
        return pairs
    if not ordered:
        return pairs[:0]
    ranks = rankdata(values) / len(values)
    apart = np.abs(ranks[pairs[:, 0]] - ranks[pairs[:, 1]])
    return pairs[apart <= max(chance_limit(apart, STEPS, 1.0), _small_change(apart, by_chance))]


def _small_change(apart: Floats, by_chance: float) -> float:
    """Give the largest difference in ranks up to which few pairs are chance's, whose differences are a triangle's."""
    at = np.array(STEPS)
    within = np.searchsorted(np.sort(apart), at, side="right")
    passed = np.flatnonzero((within > 0) & (by_chance * (2 * at - at**2) <= ONE_CELL_BY_CHANCE * within))
    return float(at[passed[-1]]) if len(passed) else 0.0


def _noise_apart(frame: pd.DataFrame) -> Pairs:
    """Pairs that agree but for noise in several numbers: in all of many values, or in those that tell rows apart."""
    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    distinct = {at: each.nunique() for at, each in enumerate(columns) if _is_ordered(each)}
    measured = [at for at, count in distinct.items() if count > FEW_VALUES]
    fine = [at for at in measured if distinct[at] > FINE * len(frame)]
    looks = [look for look in ([measured] if fine == measured else [measured, fine]) if len(look) > 1]
    if not looks or len(frame) < 3:
        return np.empty((0, 2), dtype=np.int64)
    scores = {at: _normal_scores(_values(columns[at])).astype(np.float32) for at in measured}
    hashes = {at: _hash_column(columns[at], at) for at in range(len(columns))}
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
    same = max(_pairs_in(key), 1.0) / (n * (n - 1) / 2)
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
            cell += _hash(cells[:, at].astype(np.int64).view(np.uint64), at + 1000)
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
