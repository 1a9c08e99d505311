"""Rows dealt into folds: stratified by class, a group whole in one fold.

Class by class rows go round the folds, each class going on where the one before stopped: folds differ by one row at
most, in all and in every class. Of groups the largest go first; then the number of groups is so even, not that of rows.
Known failure: a group of several classes counts as the class of its first row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.streams import stream


def assign_folds(
    labels: NDArray[np.int64], *, folds: int = 5, groups: NDArray[Any] | None = None, seed: int = 0
) -> tuple[NDArray[np.int64], str]:
    """Deal rows into folds, stratified by class, groups whole.

    Parameters
    ----------
    labels : int64 (n,)
        −1 = missing: such a row gets fold −1.
    folds : int
        At least 2. Fewer are used where there are fewer rows or groups.
    groups : (n,), optional
        Rows that share a value stay together; null = a group of its own.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    fold : int64 (n,)
    note : str
        A sentence where fewer folds were used, or a class is too small to be in the training part of each fold.

    Examples
    --------
    >>> fold, note = assign_folds(np.array([0, 0, 1, 1, -1]), folds=2)
    >>> sorted(fold[:2].tolist()), sorted(fold[2:4].tolist()), int(fold[4]), note
    ([0, 1], [0, 1], -1, '')
    """
    if folds < 2:
        raise InputError(f"mislabels.folds is {folds}: give at least 2")
    labelled = np.flatnonzero(labels >= 0)
    unit = units_of(len(labels), groups)[labelled]
    first, inverse, size = _group(unit)
    if len(first) < 2:
        raise InputError(
            f"the {len(labelled):,} labelled examples are all in one group, out-of-fold predictions need two: name "
            "a finer column under data.group, or leave it out"
            if len(labelled) > 1
            else "fewer than two examples have a label: out-of-fold predictions need at least two"
        )
    smallest = int(np.bincount(labels[labelled])[np.unique(labels[labelled])].min())
    used = min(folds, len(first), max(smallest, 2))
    rng = stream(seed, "folds")
    unit_fold = _deal(labels[labelled][first], size, used, rng)
    fold = np.full(len(labels), -1, np.int64)
    fold[labelled] = unit_fold[inverse]
    note = "" if used == folds else f"{used} folds instead of {folds}: the smallest class has {smallest} examples"
    return fold, note


def units_of(rows: int, groups: NDArray[Any] | None) -> NDArray[np.int64]:
    """Number the groups from 0; a null group is a group of its own."""
    if groups is None:
        return np.arange(rows)
    if len(groups) != rows:
        raise InputError(f"there are {len(groups)} groups for {rows} labels: give one for each")
    codes, names = pd.factorize(np.asarray(groups, dtype=object))
    return np.where(codes < 0, len(names) + np.arange(rows), codes)


def _group(unit: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    _, first, inverse, size = np.unique(unit, return_index=True, return_inverse=True, return_counts=True)
    return first, inverse, size


def _deal(
    labels: NDArray[np.int64], size: NDArray[np.int64], folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Deal units to folds class by class, going on where the class before stopped; large groups first."""
    order = np.lexsort((rng.permutation(len(labels)), -size, labels))
    fold = np.empty(len(labels), np.int64)
    fold[order] = np.arange(len(labels)) % folds
    return fold
