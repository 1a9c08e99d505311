"""Unusual combinations: rows whose values are ordinary one by one but seldom seen together.

Why: a 14-year-old is ordinary and a widow is ordinary. Three detectors look at each row from different sides: an
isolation forest (few cuts isolate it), the distance to its nearest training rows (nobody is near), and a robust
Mahalanobis distance (it breaks the correlations). Their mean becomes the probability that the row is an outlier.

Sources: isolation forest, Liu, Ting & Zhou (2008); kNN distance, Ramaswamy et al. (2000); covariance of the most
central rows with shrinkage, Boudt et al. (2020), "The minimum regularized covariance determinant estimator"; putting
scores on one scale, Kriegel et al. (2011), "Interpreting and Unifying Outlier Scores".

Known failures: a dense clump of outliers more common than 5% of the rows is taken for a second kind of normal; in many
dimensions of pure noise, distances tell little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.freed import give_back_memory
from burnish.tasks.streams import stream

OUTLIER_ABOVE = 0.5
PRIOR = 0.01  # share of outliers expected before looking
SPREAD = 10.0  # an outlier's score lies anywhere in this many standard deviations
MOST_ROWS = 5_000  # rows the detectors learn from
COMPARISONS, FEWEST_NEAR = 10_000_000_000, 1_000  # distances looked at; of millions of rows, to fewer training rows
MOST_COLUMNS = 64  # more are projected
FEWEST_ROWS = 20
ROWS, COLUMNS = 2_048, 128  # rows and columns worked on at once
FEWEST_AT_ONCE, MOST_AT_ONCE, CELLS_AT_ONCE = 256, 65_536, 1_048_576  # rows scored at once, and their numbers
NEIGHBOURS, NEIGHBOURS_SHARE = 10, 0.01  # the more of the two: a clump of outliers of 1% of the rows cannot hide itself
TREES = 100
CENTRAL = 0.75  # share of the rows that the robust covariance is learnt from
STEPS = 10
Z90, Z95 = 1.2815515655446004, 1.6448536269514722

Floats = NDArray[np.float64]
Array = NDArray[Any]


class Rows(Protocol):
    """Features of n rows: an array, or what makes those rows that are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, d)."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Array: ...


def score_outliers(features: Rows, train_mask: NDArray[np.bool_] | None = None, *, seed: int = 0) -> Floats:
    """Give each row the probability that it is an outlier among the training rows.

    Parameters
    ----------
    features : float32 (n, d), or what gives its rows when asked (`encoded_rows.py`)
        Finite.
    train_mask : bool (n,), optional
        The rows to learn from; all where not given.
    seed : int

    Returns
    -------
    float64 (n,)
        0 to 1, finite; above `OUTLIER_ABOVE` (0.5) a row counts as an outlier. All 0 with fewer than 20 training rows.

    Notes
    -----
    Each detector's score is turned to a z by the quantiles of the training rows (Tukey's g, so that skewed scores
    become normal), the three z are averaged and turned once more. With z of inliers normal, and of outliers spread
    evenly over 10 standard deviations, the probability is Bayes' rule with 1% of outliers expected: 0.5 at z = 3.46.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    >>> rows[7] = 9.0
    >>> np.flatnonzero(score_outliers(rows) > OUTLIER_ABOVE)
    array([7])
    """
    known = np.ones(len(features), dtype=bool) if train_mask is None else np.asarray(train_mask, dtype=bool)
    rng = stream(seed, "outliers")
    learnt_from = np.flatnonzero(known)
    if len(learnt_from) > MOST_ROWS:
        learnt_from = np.sort(rng.choice(learnt_from, MOST_ROWS, replace=False))
    if len(learnt_from) < FEWEST_ROWS or features.shape[1] == 0:
        return np.zeros(len(features))
    voices = _hear_voices(features, learnt_from, int(rng.integers(2**31)))
    scales = [_fit_scale(voice[known]) for voice in voices]
    mean = np.zeros(len(features))
    for start in range(0, len(mean), ROWS):
        rows = slice(start, start + ROWS)
        for scale, voice in zip(scales, voices, strict=True):
            mean[rows] += scale(voice[rows]) / len(voices)
    del voices
    last = _fit_scale(mean[known])
    for start in range(0, len(mean), ROWS):
        mean[start : start + ROWS] = _probability(last(mean[start : start + ROWS]))
    return mean


def blocks_of(features: Rows) -> Iterator[slice]:
    """Cut rows into blocks that a processor's cache and a small machine's memory hold."""
    step = max(FEWEST_AT_ONCE, min(MOST_AT_ONCE, CELLS_AT_ONCE // max(features.shape[1], 1)))
    return (slice(start, start + step) for start in range(0, len(features), step))


def _hear_voices(features: Rows, learnt_from: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """Score all rows by the three detectors, float32 (3, n), a block at a time: scaled rows are never held together."""
    import torch

    from burnish.tasks.fitting import limited_threads

    sample = np.asarray(features[learnt_from], dtype=np.float32)  # rows by number: a copy already
    scaling = fit_scaling(sample)
    for start in range(0, len(sample), ROWS):
        sample[start : start + ROWS] = scaling.apply(sample[start : start + ROWS])
    isolation, reduction = _fit_forest(sample, seed), _fit_reduction(sample)
    reduced = sample if reduction is None else reduction.apply(sample)
    del sample
    give_back_memory()
    far = _robust_mahalanobis(reduced)
    count = int(np.clip(COMPARISONS // len(features), FEWEST_NEAR, len(reduced)))
    near = np.sort(stream(seed, "outliers: neighbours").choice(len(reduced), count, replace=False))
    itself = np.zeros(len(features), dtype=bool)
    itself[learnt_from[near]] = True
    voices = np.empty((3, len(features)), dtype=np.float32)

    def hear(rows: slice) -> None:
        scaled = scaling.apply(features[rows])
        voices[0, rows] = isolation(scaled)
        scaled = scaled if reduction is None else reduction.apply(scaled)
        voices[1, rows] = _distance(scaled, reduced[near], itself[rows])
        voices[2, rows] = far(scaled)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool, limited_threads(1):
        list(pool.map(hear, blocks_of(features)))  # raises what a thread raised
    give_back_memory()
    return voices


@dataclass(frozen=True)
class Scaling:
    """Centre and spread of each column."""

    middle: NDArray[np.float32]
    spread: NDArray[np.float32]

    def apply(self, features: Array) -> NDArray[np.float32]:
        """Scale rows, (n, d)."""
        with np.errstate(over="ignore"):  # what overflows is clipped all the same
            scaled = features - self.middle
            scaled = scaled.astype(np.float32, copy=False)
            scaled /= self.spread
        return np.clip(scaled, -1e6, 1e6, out=scaled)


def fit_scaling(rows: Array) -> Scaling:
    """Centre on the median and divide by the quartile range, or by the standard deviation where that is 0."""
    fitted = []
    for start in range(0, rows.shape[1], COLUMNS):
        sample = rows[:, start : start + COLUMNS].astype(np.float64)
        low, middle, high = np.quantile(sample, [0.25, 0.5, 0.75], axis=0)
        spread = (high - low) / 1.3489795
        spread = np.where(spread > 0, spread, sample.std(axis=0))
        spread = np.where(spread > 1e-12 * np.abs(middle), spread, 1.0)
        fitted.append((middle.astype(np.float32), spread.astype(np.float32)))
    middles, spreads = zip(*fitted, strict=True)
    return Scaling(np.concatenate(middles), np.concatenate(spreads))


@dataclass(frozen=True)
class _Reduction:
    """The main directions of many columns."""

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]

    def apply(self, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project, and keep what is left over as one more column."""
        centred = scaled - self.centre
        projected = centred @ self.axes
        left_over = np.einsum("ij,ij->i", centred, centred) - np.einsum("ij,ij->i", projected, projected)
        return np.column_stack([projected, np.sqrt(np.maximum(left_over, 0))])


def _fit_reduction(sample: NDArray[np.float32]) -> _Reduction | None:
    """Find the main directions; None where there are few columns."""
    from scipy.linalg import eigh

    columns = sample.shape[1]
    if columns <= MOST_COLUMNS:
        return None
    centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    products, sums = np.zeros((columns, columns)), np.zeros(columns)
    for start in range(0, len(sample), ROWS):
        part = sample[start : start + ROWS] - centre
        np.clip(part, -10, 10, out=part)
        products += part.T @ part
        sums += part.sum(axis=0, dtype=np.float64)
    products -= np.outer(sums, sums / len(sample))  # a covariance but for a factor
    _, axes = eigh(products, subset_by_index=[columns - MOST_COLUMNS + 1, columns - 1], overwrite_a=True)
    return _Reduction(centre, np.ascontiguousarray(axes[:, ::-1], dtype=np.float32))


def _fit_forest(sample: NDArray[np.float32], seed: int) -> Callable[[NDArray[np.float32]], Floats]:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=TREES, random_state=seed, n_jobs=1).fit(sample)
    return lambda scaled: -np.asarray(forest.score_samples(scaled), dtype=np.float64)


def _distance(queries: Array, points: Array, itself: NDArray[np.bool_]) -> Floats:
    """Mean distance to the nearest training rows, itself left out."""
    from burnish.tasks.neighbours import distances_to_nearest

    count = max(NEIGHBOURS, int(NEIGHBOURS_SHARE * len(points)))
    distances = distances_to_nearest(queries, points, count + 1)
    return np.where(itself, distances[:, 1:].mean(axis=1), distances[:, :-1].mean(axis=1)).astype(np.float64)


def _robust_mahalanobis(sample: Array) -> Callable[[Array], Floats]:
    """Learn the distance from the centre in units of the covariance of the most central rows."""
    middle, precision = central_covariance(sample.astype(np.float64))

    def far(rows: Array) -> Floats:
        centred = rows.astype(np.float64) - middle
        return np.asarray(np.sqrt(np.einsum("ij,ij->i", centred @ precision, centred)))

    return far


def central_covariance(sample: Floats) -> tuple[Floats, Floats]:
    """Give mean (d,) and inverse covariance (d, d) of the most central rows, found by concentration steps."""
    from sklearn.covariance import LedoitWolf

    distance = ((sample - np.median(sample, axis=0)) ** 2).sum(axis=1)
    count = int(np.ceil(CENTRAL * len(sample)))
    chosen = np.argsort(distance, kind="stable")[:count]
    for _ in range(STEPS):
        model = LedoitWolf().fit(sample[chosen])
        again = np.argsort(model.mahalanobis(sample), kind="stable")[:count]
        if np.array_equal(np.sort(again), np.sort(chosen)):
            break
        chosen = again
    return model.location_, model.get_precision()


def _fit_scale(known: Array) -> Callable[[Array], Floats]:
    """Learn how scores turn to z: normal between the 10% and the 95% quantile of those of the training rows."""
    low, middle, high, tail = np.quantile(known, [0.1, 0.5, 0.9, 0.95])
    if not low < middle < high:
        spread = known.std()
        return lambda score: (score - middle) / spread if spread > 0 else np.zeros(len(score))
    g = max(float(np.log((high - middle) / (middle - low)) / Z90), 0.0)
    shrink = min(1.0, Z95 / _g_scores(np.array([tail]), middle, high, g)[0])
    return lambda score: _g_scores(score, middle, high, g) * shrink


def _g_scores(score: Floats, middle: float, high: float, g: float) -> Floats:
    """Invert x(z) = A + B (exp(g z) − 1) / g, g ≥ 0."""
    if g < 1e-6:
        return (score - middle) / (high - middle) * Z90
    scale = g * (high - middle) / np.expm1(g * Z90)
    return np.asarray(np.log(np.maximum(1 + g * (score - middle) / scale, 1e-12)) / g)


def _probability(z: Floats) -> Floats:
    """Bayes' rule: normal inliers against outliers spread evenly over `SPREAD` standard deviations.

    Where an outlier is likelier than not, the log odds go on with log z: a normal's would end in a crowd of ones.
    """
    at_even = np.sqrt(2 * np.log((1 - PRIOR) * SPREAD / PRIOR / np.sqrt(2 * np.pi)))
    inside = np.clip(z, 0, at_even)
    beyond = np.maximum(z - at_even, 0)
    log_odds = (inside**2 - at_even**2) / 2 + at_even * np.log1p(beyond)
    return np.asarray(1 / (1 + np.exp(-log_odds)))
