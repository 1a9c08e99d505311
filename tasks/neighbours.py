"""The one nearest-neighbour graph that mislabels, duplicates and outliers share.

Distances are Euclidean. Narrow or small data are searched exactly, in blocks of matrix products, so that memory stays
linear in the rows. Wide data are searched in their first principal components and the candidates ranked again by
their true distances; a sample of rows, searched both ways, says whether the candidates hold enough of the true
neighbours. Where they do not (data without structure, whose variance does not gather in few directions) all is
searched exactly. Neighbours of the same group (copies of one another, shots of one scene) can be left out: a copy
brings the same label.

Known failure: exact search is quadratic in time; a million narrow rows take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from burnish.tasks.findings import InputError

COMPONENTS = 96  # dimensions of the approximate search
NARROW = 2 * COMPONENTS  # up to here the exact search is as fast
FEW = 4_000  # rows up to which exact search takes a second
CANDIDATES = (1, 2, 4, 12)  # times k, ranked again by their true distances: the first that is enough
RECALL = 0.98  # share of true neighbours among the candidates, under which the search is exact
SKETCHED = 1_536  # columns from which principal components come from a random sketch
QUERIES = 500  # rows searched exactly to measure the recall
BLOCK_CELLS = 16_000_000  # distances held at once, 64 MB


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest others of every row, nearest first.

    Attributes
    ----------
    indices : int64 (n, k)
        Rows of the neighbours; −1 where fewer than k rows are allowed.
    distances : float32 (n, k)
        Euclidean distances; infinite where the index is −1.
    recall : float
        Share of the true neighbours found, measured on a sample of rows; 1 where the search was exact.
    """

    indices: NDArray[np.int64]
    distances: NDArray[np.float32]
    recall: float


def neighbour_graph(
    features: NDArray[np.floating], *, k: int = 10, groups: NDArray | None = None, seed: int = 0
) -> NeighbourGraph:
    """Find the k nearest other rows of every row.

    Parameters
    ----------
    features : float (n, d)
        Finite; scaled as distances should see them.
    k : int
        Neighbours a row; at most n − 1 are given.
    groups : (n,), optional
        Rows of an equal group are no neighbours of each other; missing or −1 belongs to no group.
    seed : int
        Draws the rows on which recall is measured.

    Returns
    -------
    NeighbourGraph

    Raises
    ------
    InputError
        Features are not finite, not two-dimensional, or fewer than two rows.

    Examples
    --------
    >>> graph = neighbour_graph(np.array([[0.0], [1.0], [1.5], [9.0]]), k=2)
    >>> graph.indices.tolist()
    [[1, 2], [2, 0], [1, 0], [2, 1]]
    """
    points = _points(features)
    kin = group_codes(groups, len(points))
    k = min(k, len(points) - 1)
    everyone = torch.arange(len(points))
    if points.shape[1] <= NARROW or len(points) <= FEW:
        return _graph(points, _search(points, everyone, k, kin), 1.0)
    projected = _project(points)
    sample = np.sort(np.random.default_rng(seed).choice(len(points), min(QUERIES, len(points)), replace=False))
    queries = torch.from_numpy(sample)
    true = _search(points, queries, k, kin)
    for width in sorted({min(times * k, len(points) - 1) for times in CANDIDATES}):
        recall = _recall(_search(projected, queries, width, kin).numpy(), true.numpy())
        if recall >= RECALL:
            return _graph(points, _search(projected, everyone, width, kin), recall, k)
    return _graph(points, _search(points, everyone, k, kin), 1.0)


def group_codes(groups: NDArray | None, n: int) -> NDArray[np.int64] | None:
    """Number the groups 0, 1, … with each row of no group (missing, or −1) a group of its own; None for None."""
    if groups is None:
        return None
    import pandas as pd

    codes, distinct = pd.factorize(np.asarray(groups), sort=False)
    if np.asarray(groups).dtype.kind in "iu":
        codes = np.where(np.asarray(groups) < 0, -1, codes)
    alone = codes < 0
    return np.where(alone, len(distinct) + np.arange(n), codes).astype(np.int64)


def _points(features: NDArray[np.floating]) -> torch.Tensor:
    array = np.asarray(features, dtype=np.float32)
    if array.ndim != 2 or len(array) < 2:
        raise InputError(f"features have shape {array.shape}; nearest neighbours need two or more rows of numbers")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"features hold NaN or infinity, first in row {row}; fill or drop these cells")
    return torch.from_numpy(array - array.mean(axis=0, dtype=np.float64).astype(np.float32))


def _project(points: torch.Tensor) -> torch.Tensor:
    """Give the first principal components; of very wide data, those of the columns' covariance by a random sketch."""
    if points.shape[1] <= SKETCHED:
        _, directions = torch.linalg.eigh(points.T @ points)
        return points @ directions[:, -COMPONENTS:]
    from sklearn.utils.extmath import randomized_svd

    _, _, rows = randomized_svd(points.numpy(), COMPONENTS, n_iter=2, random_state=0)
    return points @ torch.from_numpy(np.ascontiguousarray(rows.T, dtype=np.float32))


def _blocks(rows: torch.Tensor, width: int) -> Iterator[torch.Tensor]:
    step = max(1, BLOCK_CELLS // width)
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _search(points: torch.Tensor, rows: torch.Tensor, k: int, kin: NDArray[np.int64] | None) -> torch.Tensor:
    """Rows' k nearest by ‖a‖² + ‖b‖² − 2ab (the first term is the same for all b); −1 where there are no more."""
    norms = (points * points).sum(1)
    groups = torch.arange(len(points)) if kin is None else torch.from_numpy(kin)
    found = []
    for block in _blocks(rows, len(points)):
        far = torch.addmm(norms[None, :], points[block], points.T, alpha=-2.0)
        if kin is None:
            far[torch.arange(len(block)), block] = torch.inf
        else:
            far.masked_fill_(groups[block, None] == groups[None, :], torch.inf)
        nearest = far.topk(k, 1, largest=False)
        found.append(torch.where(torch.isinf(nearest.values), -1, nearest.indices))
    return torch.cat(found)


def _graph(points: torch.Tensor, found: torch.Tensor, recall: float, k: int | None = None) -> NeighbourGraph:
    """Rank what was found by true distances, taken from differences: exact also between near copies."""
    k = k or found.shape[1]
    indices, distances = [], []
    width = found.shape[1] * points.shape[1]
    for block in _blocks(torch.arange(len(points)), width):
        candidates = found[block].sort(dim=1)[0]  # of equally near rows, the first comes first
        far = torch.linalg.vector_norm(points[candidates.clamp(min=0)] - points[block, None, :], dim=2)
        far = torch.where(candidates < 0, torch.inf, far)
        ranked = far.argsort(dim=1, stable=True)
        indices.append(candidates.gather(1, ranked)[:, :k])
        distances.append(far.gather(1, ranked)[:, :k])
    return NeighbourGraph(torch.cat(indices).numpy(), torch.cat(distances).numpy(), recall)


def _recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    hits = [np.isin(true_row[true_row >= 0], row).sum() for true_row, row in zip(true, found, strict=True)]
    return float(np.sum(hits) / max(1, (true >= 0).sum()))
