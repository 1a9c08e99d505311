"""Numbers far from the rest of their column, or of their group where a category tells the number: a slipped point.

Each number is measured in robust deviations (MAD) from the median of its group, on a logarithmic scale where all are
positive and skewed. How far is too far the column says itself: the tail of the deviations is fitted (Pickands'
estimator from the top 4%, 2% and 1%, which slips rarer than 1% leave alone; drawn towards an exponential tail where
cells are few, plus two standard errors) and extended. A number is suspected where a tail like this would have put less
than a twentieth of a cell as far out, and a normal law no more. A heavy tail thus excuses what a light one would not.

Groups are those of the category that lowers the deviations most, at least by half (it explains three quarters of the
variance); without one the column is one.

Source: Pickands (1975), "Statistical inference using extreme order statistics".
Known failures: a slip that stays within the range of its group is not seen; nor more than one in a hundred of a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from burnish.tasks.cell_columns import CellColumn
from burnish.tasks.codes import is_code
from burnish.tasks.fences import SIGMA_OF_MAD

KIND = "outlier"
FEWEST_CELLS, FEWEST_VALUES = 200, 20
EXPECTED = 0.05  # cells that the tail would put as far out, at most
SLIPS = 0.01  # share of the cells that may be slips: the fit of the tail looks at those below
NARROWER = 1 / 2
USUAL_SHAPE = 0.25  # twice it: from a uniform's tail to that of a Student t with two degrees of freedom
MOST_GROUPS, FEWEST_IN_GROUP = 1_000, 10
MOST_CATEGORIES = 20

Floats = NDArray[np.float64]


def find_far_numbers(
    column: CellColumn, categories: Sequence[CellColumn]
) -> tuple[NDArray[np.int64], Floats, list[str]] | None:
    """Find the cells of a column whose number is too far from the others to be one of them.

    Parameters
    ----------
    column : CellColumn
    categories : sequence of CellColumn
        Columns that may tell the number; the first 20 of a fitting size are tried.

    Returns
    -------
    tuple of (rows, confidence, why), or None
        int64 (m,), float64 (m,) and a list of m; None where the column holds too few numbers.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> height = read_columns(pd.DataFrame({"height": [*rng.normal(170, 8, 400).round(1).astype(str), "1705"]}))[0]
    >>> find_far_numbers(height, [])[0].tolist()
    [400]
    """
    finite = np.isfinite(column.numbers) & (column.counts > 0)
    if not column.is_numeric or finite.sum() < FEWEST_VALUES:
        return None
    numbers = np.r_[column.numbers, np.nan][column.codes]
    rows = np.flatnonzero(np.isfinite(numbers))
    if len(rows) < FEWEST_CELLS or is_code(column.name, numbers[rows]):
        return None
    x = _on_its_scale(numbers[rows], _off_the_grid(numbers[rows]))
    far, group, centre = _deviations(x, np.zeros(len(x), dtype=np.int64)), None, float(np.median(numbers[rows]))
    if far is None:
        return None
    for category in islice(fitting(categories, len(column.codes)), MOST_CATEGORIES):
        codes = category.codes[rows].astype(np.int64)
        within = _deviations(x, codes)  # a row without a category is not judged by it
        if within is not None:
            within = np.where(codes >= 0, within[0], 0.0), within[1]
        if within is not None and within[1] <= NARROWER * (far[1] if group is None else group[1][1]):
            group = (category, within)
    deviation = far[0] if group is None else group[1][0]
    expected = _expected_beyond(deviation)
    odd = np.flatnonzero(expected < EXPECTED)
    where = f"the column's median, {centre:.4g}" if group is None else f"other cells of the same {group[0].name}"
    why = [f"{deviation[i]:.0f} robust deviations from {where}" for i in odd.tolist()]
    return rows[odd], 1 - expected[odd], why


def _off_the_grid(x: Floats) -> Floats:
    """Spread numbers over half a step to each side: a tail of ties cannot be fitted."""
    distinct = np.unique(x)
    step = float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0
    spread: Floats = x + step * np.random.default_rng(0).uniform(-0.5, 0.5, len(x))
    return spread


def _on_its_scale(x: Floats, spread: Floats) -> Floats:
    """Take logarithms of the spread numbers where all are positive and that makes them more symmetric."""
    if x.min() <= 0:
        return spread
    low, middle, high = np.quantile(x, [0.1, 0.5, 0.9])
    skewed = high - middle > 1.5 * (middle - low)
    return np.log(spread) if skewed else spread


def _deviations(x: Floats, groups: NDArray[np.int64]) -> tuple[Floats, float] | None:
    """Give each number's distance from its group's median in robust deviations, and these; None where they are 0."""
    order = np.lexsort((x, groups))
    start = np.flatnonzero(np.r_[True, np.diff(groups[order]) > 0])
    size = np.diff(np.r_[start, len(x)])
    middle = (x[order][start + (size - 1) // 2] + x[order][start + size // 2]) / 2
    off = np.empty(len(x))
    off[order] = x[order] - np.repeat(middle, size)
    spread = float(np.median(np.abs(off))) * SIGMA_OF_MAD
    return (np.abs(off) / spread, spread) if spread > 0 else None


def fitting(categories: Iterable[CellColumn], n: int) -> Iterator[CellColumn]:
    """Give those columns, of n cells, that have groups large enough to tell numbers by."""
    for each in categories:
        counts = each.counts[each.counts > 0]
        if (
            2 <= len(counts) <= min(MOST_GROUPS, n / FEWEST_IN_GROUP)
            and each.filled >= 0.9 * n
            and np.median(counts) >= FEWEST_IN_GROUP
        ):
            yield each


def _expected_beyond(deviation: Floats) -> Floats:
    """Say how many cells a tail like this one would put as far out as each; float64 (n,).

    What the tail would put there less than once is no part of it, and the tail is fitted again without.
    """
    expected = _beyond_tail(deviation, deviation)
    within = expected >= 1
    return expected if within.all() else _beyond_tail(deviation[within], deviation)


def _beyond_tail(sample: Floats, deviation: Floats) -> Floats:
    """Fit the tail of a sample, and say how many cells it would put as far out as each deviation."""
    n = len(sample)
    step = int(np.ceil(SLIPS * n))
    near, middle, far = np.sort(sample)[[-4 * step, -2 * step, -step]].tolist()
    if step < 2 or not near < middle < far:
        return np.full(len(deviation), np.inf)
    shape = float(np.log2((far - middle) / (middle - near)))
    error, prior = 3.25 / (4 * step), USUAL_SHAPE**2  # the variance of the estimate, at shape 0
    shape = shape * prior / (prior + error) + 2 * float(np.sqrt(prior * error / (prior + error)))
    shape = shape if abs(shape) > 1e-6 else 1e-6
    scale = (middle - near) * shape / (2**shape - 1)
    beyond = np.maximum(1 + shape * np.maximum(deviation - near, 0) / scale, 1e-12)
    expected: Floats = np.where(deviation > far, 4 * step * beyond ** (-1 / shape), np.inf)
    return np.maximum(expected, 2 * n * norm.sf(deviation))
