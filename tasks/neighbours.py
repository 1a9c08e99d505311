"""The one nearest-neighbour graph that mislabels, duplicates and outliers share.

Distances are Euclidean. Narrow or small data are searched exactly, in blocks of matrix products, so that memory stays
linear in the rows. Wide data are searched in their first principal components, what the others hold of a row's length
added, with products of sixteen bits where the processor multiplies these faster, and the candidates ranked again by
their true distances; a sample of rows, searched both ways, says in how many components the candidates hold enough of
the true neighbours. Where none are enough (data without structure, whose
variance does not gather in few directions) all is searched exactly. Neighbours of the same group (copies of one
another, shots of one scene) can be left out: a copy brings the same label.

Known failure: exact search is quadratic in time; a million narrow rows take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.fitting import limited_threads
from burnish.tasks.freed import give_back_memory
from burnish.tasks.streams import stream

COMPONENTS = (64, 128, 256, 512)  # dimensions of the approximate search: the first that are enough
NARROW = 192  # up to here the exact search is as fast
FEW = 4_000  # rows up to which exact search takes a second
CANDIDATES = 2  # times k, ranked again by their true distances
RECALL = 0.98  # share of true neighbours among the candidates, under which the search is exact
SAMPLED = 8_192  # rows that principal components are learnt from
SKETCHED = 1_536  # columns from which principal components come from a random sketch
ROWS = 256  # rows centred at once
QUERIES = 500  # rows searched exactly to measure the recall
BLOCK_CELLS = 2_000_000  # distances held at once, 8 MB
CACHED_CELLS = 400_000  # values of candidates held at once, so that they stay in the processor's cache
BUNDLE = 32  # distances whose smallest is looked at before them


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
    space = _exact_space(points)
    if points.shape[1] <= NARROW or len(points) <= FEW:
        return _graph(points, _search(space, everyone, k, kin), 1.0)
    sample = np.sort(stream(seed, "recall of neighbours").choice(len(points), min(QUERIES, len(points)), replace=False))
    queries = torch.from_numpy(sample)
    true = _search(space, queries, k, kin).numpy()
    width = min(CANDIDATES * k, len(points) - 1)
    for reduced in _reduced_spaces(space, _directions(points)):
        recall = _recall(_search(reduced, queries, width, kin).numpy(), true)
        if recall >= RECALL:
            return _graph(points, _search(reduced, everyone, width, kin), recall, k)
    return _graph(points, _search(space, everyone, k, kin), 1.0)


def distances_to_nearest(queries: NDArray[np.floating], others: NDArray[np.floating], k: int) -> NDArray[np.float32]:
    """Give the distances from each query, (m, d), to its k nearest others, (n, d): float32 (m, k), ascending.

    >>> distances_to_nearest(np.array([[0.0], [5.0]]), np.array([[1.0], [2.0], [9.0]]), 2).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    among, asking = _points(others), _points(queries)
    centre = among.median(0).values  # of no outlier's making
    space, asking = _Space(among - centre, _lengths(among, centre), torch.zeros_like(centre)), asking - centre
    found = torch.empty(len(asking), min(k, len(among)))
    blocks = list(_blocks(torch.arange(len(asking)), len(among), BLOCK_CELLS))
    room = _room(max(map(len, blocks), default=0), len(among))
    for block in blocks:
        columns = _smallest(_far(space, asking[block], room), found.shape[1])
        for row, near in zip(torch.split(block, 64), torch.split(columns, 64), strict=True):
            apart = space.points[near] - asking[row, None, :]
            found[row] = torch.linalg.vector_norm(apart, dim=2).sort(1).values
    return found.numpy()


def nearest(graph: NeighbourGraph, k: int) -> NDArray[np.int32]:
    """Give the rows of the `k` nearest neighbours, int32 (n, k), −1 where there are fewer.

    >>> nearest(neighbour_graph(np.array([[0.0], [1.0], [9.0]])), 3).tolist()
    [[1, 2, -1], [0, 2, -1], [1, 0, -1]]
    """
    found = graph.indices[:, :k].astype(np.int32)
    return np.pad(found, ((0, 0), (0, k - found.shape[1])), constant_values=-1)


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
    if not np.isfinite([array.min(initial=0), array.max(initial=0)]).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"features hold NaN or infinity, first in row {row}; fill or drop these cells")
    return torch.from_numpy(array)


@dataclass(frozen=True)
class _Space:
    """Where neighbours are looked for.

    Attributes
    ----------
    points : float32 or bfloat16 (n, p)
    lengths : float32 (n,)
        Squared, from the centre; they may know of more coordinates.
    centre : float32 (p,)
    """

    points: torch.Tensor
    lengths: torch.Tensor
    centre: torch.Tensor


def _exact_space(points: torch.Tensor) -> _Space:
    """All coordinates; wide data are left where they are, as a centred copy would double the memory."""
    centre = points.mean(0)
    lengths = _lengths(points, centre)
    if points.shape[1] > NARROW:
        return _Space(points, lengths, centre)
    return _Space(points - centre, lengths, torch.zeros_like(centre))


def _reduced_spaces(space: _Space, directions: torch.Tensor) -> Iterator[_Space]:
    """Project on more and more directions; the lengths are the whole ones, as what is left out is seldom alike."""
    kind = torch.bfloat16 if _multiplies_bfloat16() else torch.float32
    projected = torch.empty(len(space.points), 0, dtype=kind)
    for components in COMPONENTS:
        further = directions[:, projected.shape[1] : components]
        parts = [((part - space.centre) @ further).to(kind) for part in torch.split(space.points, ROWS)]
        projected = torch.cat([projected, torch.cat(parts)], dim=1)
        yield _Space(projected, space.lengths, torch.zeros(projected.shape[1], dtype=kind))


def _multiplies_bfloat16() -> bool:
    """Tell whether the processor has instructions for it; without, it would be slower, not faster."""
    abilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # torch before 2.11 cannot say
    return any(abilities.get(name) for name in ("amx_bf16", "avx512_bf16"))


def _lengths(points: torch.Tensor, centre: torch.Tensor) -> torch.Tensor:
    return torch.cat([((part - centre) ** 2).sum(1) for part in torch.split(points, ROWS)])


def _directions(points: torch.Tensor) -> torch.Tensor:
    """Give the first principal directions (d, p), the foremost first; of very wide data by a random sketch."""
    points = points[:: -(-len(points) // SAMPLED)]
    most = min(COMPONENTS[-1], *points.shape)
    centre = points.mean(0)
    if points.shape[1] <= SKETCHED:
        covariance = torch.zeros(points.shape[1], points.shape[1])
        for part in torch.split(points, ROWS):
            covariance.addmm_((part - centre).T, part - centre)
        with limited_threads(1):  # more would wait for each other
            return torch.linalg.eigh(covariance)[1].flip(1)[:, :most].contiguous()
    from sklearn.utils.extmath import randomized_svd

    _, _, rows = randomized_svd((points - centre).numpy(), most, n_iter=2, random_state=0)
    return torch.from_numpy(np.ascontiguousarray(rows.T, dtype=np.float32))


def _blocks(rows: torch.Tensor, width: int, cells: int) -> Iterator[torch.Tensor]:
    step = max(1, cells // width)
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _search(space: _Space, rows: torch.Tensor, k: int, kin: NDArray[np.int64] | None) -> torch.Tensor:
    """Rows' k nearest by ‖a‖² + ‖b‖² − 2ab (what is the same for all b is left out); −1 where there are no more."""
    n = len(space.points)
    groups = None if kin is None else torch.from_numpy(kin)
    has_kin = None if groups is None else torch.bincount(groups)[groups] > 1
    found = torch.empty(len(rows), k, dtype=torch.int64)  # what is kept has its place beforehand: no torn memory
    blocks = list(_blocks(torch.arange(len(rows)), n, BLOCK_CELLS))
    room = _room(max(map(len, blocks), default=0), n)
    for place in blocks:
        block = rows[place]
        far = _far(space, space.points[block] - space.centre, room)
        far[torch.arange(len(block)), block] = torch.inf
        if groups is not None and has_kin is not None:
            for row in torch.nonzero(has_kin[block])[:, 0].tolist():
                far[row, :n].masked_fill_(groups == groups[block[row]], torch.inf)
        found[place] = _smallest(far, k)
    return found


def _room(rows: int, n: int) -> torch.Tensor:
    """Make room for distances (rows, n), filled up to whole bundles with infinity."""
    return torch.full((rows, -(-n // BUNDLE) * BUNDLE), torch.inf)


def _far(space: _Space, queries: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
    """Write squared distances (m, n), less the queries' own lengths, into the room and give the rows used."""
    n, far = len(space.points), room[: len(queries)]
    if space.points.dtype == torch.bfloat16:
        torch.sub(space.lengths[None, :], queries @ space.points.T, alpha=2.0, out=far[:, :n])
    else:
        torch.addmm(space.lengths[None, :], queries, space.points.T, alpha=-2.0, out=far[:, :n])
    return far


def _smallest(far: torch.Tensor, k: int) -> torch.Tensor:
    """Columns of the k smallest values of each row, −1 for infinite ones; looked for only in the k best bundles."""
    bundles = far.view(len(far), -1, BUNDLE)
    chosen = bundles.amin(2).topk(min(k, bundles.shape[1]), 1, largest=False).indices
    values = bundles.gather(1, chosen[:, :, None].expand(-1, -1, BUNDLE)).flatten(1)
    nearest = values.topk(k, 1, largest=False)
    columns = chosen.gather(1, nearest.indices // BUNDLE) * BUNDLE + nearest.indices % BUNDLE
    return torch.where(torch.isinf(nearest.values), -1, columns)


def _graph(points: torch.Tensor, found: torch.Tensor, recall: float, k: int | None = None) -> NeighbourGraph:
    """Rank what was found by true distances, taken from differences: exact also between near copies."""
    k = k or found.shape[1]
    indices, distances = torch.empty(len(points), k, dtype=torch.int64), torch.empty(len(points), k)
    width, columns = found.shape[1], points.shape[1]
    blocks = list(_blocks(torch.arange(len(points)), width * columns, CACHED_CELLS))
    room = torch.empty(len(blocks[0]) * width, columns)
    for block in blocks:
        candidates = found[block].sort(dim=1)[0]  # of equally near rows, the first comes first
        apart = room[: candidates.numel()]
        torch.index_select(points, 0, candidates.clamp(min=0).flatten(), out=apart)
        apart = apart.view(len(block), width, columns).sub_(points[block, None, :])
        far = torch.linalg.vector_norm(apart, dim=2).masked_fill_(candidates < 0, torch.inf)
        ranked = far.argsort(dim=1, stable=True)
        indices[block] = candidates.gather(1, ranked)[:, :k]
        distances[block] = far.gather(1, ranked)[:, :k]
    give_back_memory()
    return NeighbourGraph(indices.numpy(), distances.numpy(), recall)


def _recall(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    hits = [np.isin(true_row[true_row >= 0], row).sum() for true_row, row in zip(true, found, strict=True)]
    return float(np.sum(hits) / max(1, (true >= 0).sum()))
