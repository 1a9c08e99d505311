"""How well one column alone tells a label, judged on rows that it was not read from.

The values are put into bins (levels of a category; quantiles of a number, which look at no label; one bin for missing
cells), and each bin says of a held-out row what its other rows say. Rows whose bin holds next to nothing else are not
judged: an id that names each row tells nothing about the next one. All of it comes from one table of counts, fold × bin
× class, so a column costs one pass over its rows; where a number may cut more finely than its quantiles, a small tree
finds the cut (`sharpen`).

The error is given *relative* to a constant guess: 0 is never wrong, 1 as wrong as always naming the larger side. Its
interval is Wilson's (1927).
Known failure: a column that tells the label only together with another one is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.column_features import as_levels, as_numbers
from burnish.tasks.features import column_kind
from burnish.tasks.intervals import wilson

EVERY_CLASS = -1
ROWS_A_BIN = 30
FEWEST_BINS, MOST_BINS = 8, 128
SUPPORT = 3  # other rows of a bin, without which it says nothing
JUDGED = 0.5  # share of the rows that must be judged
FEWEST = 10  # rows of a class that is judged on its own
MOST_CELLS = 30_000_000
MIXED = 0.9  # a bin less pure than this is one where the classes mix


@dataclass(frozen=True)
class Told:
    """How well a column tells one target.

    Attributes
    ----------
    target : int
        A class against all others, or −1: which of all classes.
    rows, errors : int
        Held-out rows that were judged, and those told wrong.
    rarer : int
        Rows that a constant guess would have got wrong.
    auc : float
        Area under the ROC curve of a class against all others; NaN for all classes.
    mixed : float
        Share of the errors that lie in bins where the classes mix, as those of an honest measurement do; the errors of
        a copy of the label lie anywhere.
    """

    target: int
    rows: int
    errors: int
    rarer: int
    auc: float
    mixed: float

    @property
    def relative(self) -> float:
        """Errors as a share of those of a constant guess."""
        return self.errors / self.rarer

    @property
    def cautious(self) -> float:
        """The relative error with one error more: of few rows nothing is sure."""
        return (self.errors + 1) / self.rarer

    @property
    def limits(self) -> tuple[float, float]:
        """95% interval of `relative`."""
        low, high = wilson(np.array([self.errors]), np.array([self.rows]))
        return float(low[0]) * self.rows / self.rarer, float(high[0]) * self.rows / self.rarer

    @property
    def accuracy(self) -> tuple[float, float, float]:
        """Share told right, and its 95% interval."""
        low, high = wilson(np.array([self.rows - self.errors]), np.array([self.rows]))
        return 1 - self.errors / self.rows, float(low[0]), float(high[0])


def bin_column(column: pd.Series) -> NDArray[np.int64]:
    """Put the cells of a column into bins without looking at any label.

    Parameters
    ----------
    column : Series (n,)

    Returns
    -------
    int64 (n,)
        0, 1, …; missing cells share a bin of their own.

    Examples
    --------
    >>> bin_column(pd.Series(["a", None, "b", "a"])).tolist()
    [0, 2, 1, 0]
    >>> np.bincount(bin_column(pd.Series(np.arange(6000.0)))).tolist()[:2]
    [47, 47]
    """
    kind = column_kind(column)
    if kind == "category":
        return _with_missing(pd.factorize(as_levels(column))[0])
    return bin_numbers(as_numbers(column, kind))


def bin_numbers(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Put numbers (n,) into quantiles, or a bin a value where there are few; NaN into a bin of its own."""
    there = values[~np.isnan(values)]
    count = int(np.clip(len(there) // ROWS_A_BIN, FEWEST_BINS, MOST_BINS))
    distinct = np.unique(there)
    if len(distinct) > 2 * count:
        distinct = np.unique(np.quantile(there, np.arange(1, count) / count))
        bins = np.searchsorted(distinct, values, side="right")
    else:
        bins = np.searchsorted(distinct, values)
    return _with_missing(np.where(np.isnan(values), -1, bins))


def tell(
    bins: NDArray[np.int64], codes: NDArray[np.int64], fold: NDArray[np.int64], k: int, *, each_class: bool = True
) -> list[Told]:
    """Judge what the bins tell of the classes on held-out rows.

    Parameters
    ----------
    bins : int64 (n,)
    codes : int64 (n,)
        Classes, each 0 … k − 1.
    fold : int64 (n,)
        Rows of one fold are predicted by those of the others.
    k : int
    each_class : bool
        Judge each class against the others too, where there are more than two.

    Returns
    -------
    list of Told
        All classes first; empty where too few rows share their bin with others.

    Examples
    --------
    >>> codes = np.arange(200) % 2
    >>> tell(1 - codes, codes, np.arange(200) // 2 % 5, 2)[0].errors
    0
    >>> tell(np.arange(200), codes, np.arange(200) // 2 % 5, 2)
    []
    """
    counts = _count(bins, codes, fold, k)
    rest = counts.sum(axis=0, keepdims=True) - counts
    support = rest.sum(axis=2)
    judged = counts * (support >= SUPPORT)[:, :, None]
    size = judged.sum(axis=(0, 1))
    if size.sum() < JUDGED * len(codes) or np.count_nonzero(size) < 2:
        return []
    shares = np.bincount(codes, minlength=k) / len(codes)
    said = (rest + shares) / (support + 1)[:, :, None]
    told = [_tell_all(judged, said, size)]
    if k == 2 or not each_class:
        return [replace(told[0], auc=_auc(judged, said, 1))] if k == 2 else told
    enough = np.flatnonzero((size >= FEWEST) & (size.sum() - size >= FEWEST))
    return [*told, *_tell_each(judged, said, size, enough)]


def judge(predicted: NDArray[np.int64], codes: NDArray[np.int64], target: int, like: Told | None = None) -> Told:
    """Count what predictions (n,) get wrong of a target; AUC and mixture are taken from `like`."""
    if target == EVERY_CLASS:
        wrong, sizes = predicted != codes, np.bincount(codes)
        rarer = len(codes) - int(sizes.max())
    else:
        truth = codes == target
        wrong, rarer = (predicted == target) != truth, int(min(truth.sum(), (~truth).sum()))
    auc, mixed = (like.auc, like.mixed) if like else (np.nan, 0.0)
    return Told(target, len(codes), int(wrong.sum()), max(rarer, 1), auc, mixed)


def sharpen(
    values: NDArray[np.float64], codes: NDArray[np.int64], fold: NDArray[np.int64], told: Told, *, seed: int = 0
) -> Told:
    """Judge a number again with cuts where they fit best; the better of both is given."""
    from sklearn.tree import DecisionTreeClassifier

    predicted = np.zeros(len(codes), np.int64)
    leaves = max(16, 4 * len(np.unique(codes)))
    for own in np.unique(fold):
        tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=SUPPORT, random_state=seed)
        tree.fit(values[fold != own, None], codes[fold != own])
        predicted[fold == own] = tree.predict(values[fold == own, None])
    found = judge(predicted, codes, told.target, told)
    return found if found.relative < told.relative else told


def _with_missing(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    codes = codes.astype(np.int64)
    return np.where(codes < 0, codes.max(initial=-1) + 1, codes)


def _count(bins: NDArray[np.int64], codes: NDArray[np.int64], fold: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Count rows, (folds, bins, k); bins of too few rows to say anything are one, whose rows are not judged."""
    sizes = np.bincount(bins)
    folds = int(fold.max()) + 1
    order = np.argsort(-sizes, kind="stable")[: max(2, MOST_CELLS // (folds * k))]
    order = order[sizes[order] > SUPPORT]
    place = np.full(len(sizes), -1)
    place[order] = np.arange(len(order))
    mine = place[bins]
    kept = mine >= 0
    cell = (fold[kept] * len(order) + mine[kept]) * k + codes[kept]
    return np.bincount(cell, minlength=folds * len(order) * k).reshape(folds, len(order), k)


def _tell_all(judged: NDArray[np.int64], said: NDArray[np.float64], size: NDArray[np.int64]) -> Told:
    best = said.argmax(axis=2)[:, :, None]
    wrong = judged.sum(axis=2) - np.take_along_axis(judged, best, axis=2)[:, :, 0]
    mixed = np.take_along_axis(said, best, axis=2)[:, :, 0] < MIXED
    errors, rows = int(wrong.sum()), int(size.sum())
    rarer = max(rows - int(size.max()), 1)
    return Told(EVERY_CLASS, rows, errors, rarer, np.nan, float(wrong[mixed].sum() / max(errors, 1)))


def _tell_each(
    judged: NDArray[np.int64], said: NDArray[np.float64], size: NDArray[np.int64], classes: NDArray[np.int64]
) -> Iterator[Told]:
    rows = judged.sum(axis=2)
    total = int(rows.sum())
    for c in classes:
        chance, here = said[:, :, c], judged[:, :, c]
        wrong = np.where(chance > 0.5, rows - here, here)
        errors = int(wrong.sum())
        mixed = float(wrong[np.maximum(chance, 1 - chance) < MIXED].sum() / max(errors, 1))
        yield Told(int(c), total, errors, int(min(size[c], total - size[c])), _auc(judged, said, int(c)), mixed)


def _auc(judged: NDArray[np.int64], said: NDArray[np.float64], c: int) -> float:
    """Area under the ROC curve of a class against the others (Mann & Whitney 1947; ties count half)."""
    _, place = np.unique(said[:, :, c].ravel(), return_inverse=True)
    inside = np.bincount(place, weights=judged[:, :, c].ravel())
    outside = np.bincount(place, weights=judged.sum(axis=2).ravel()) - inside
    pairs = inside.sum() * outside.sum()
    below = np.cumsum(outside) - outside / 2
    return float((inside * below).sum() / pairs) if pairs else np.nan
