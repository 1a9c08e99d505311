"""Share rows out among the parts of a split: label × source cells to their targets, groups whole.

Why: rounding each cell on its own makes the parts drift (forty cells of three rows at 60/20/20 all round alike), and
rounding the parts alone loses rare classes. Here both hold: a cell is off by less than one row, and the parts keep
their sizes.

Rows whose part is settled (an earlier run's) stay where they are; the others are dealt so that the parts come as near
to their shares as the new rows allow.

Source: controlled rounding, Cox (1987), "A constructive procedure for unbiased controlled rounding"; the
projection onto what can be dealt by Held, Wolfe & Crowder (1974), "Validation of subgradient optimization". Groups are
placed by `placement.py`.

Known failure: where settled rows overfill a part, nothing can be taken away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from burnish.tasks.placement import DEV, SERVED_FIRST, TEST, TRAIN, TRAIN_DEV, Floats, Ints, Parts, place_groups

__all__ = ["DEV", "PARTS", "TEST", "TRAIN", "TRAIN_DEV", "Bools", "Floats", "Ints", "Parts", "assign", "round_table"]

PARTS = ("train", "train_dev", "dev", "test")
MOST_DRAWN = 0.2  # share of the rows that is drawn one by one; more are taken from a permutation of all
FEW_SINGLES = 100  # rows on their own, at most, that are placed as groups of one beside larger ones

Bools = NDArray[np.bool_]


def assign(
    label: Ints,
    source: Ints,
    group: Ints,
    shares: Floats,
    rng: np.random.Generator,
    *,
    stratum: Ints | None = None,
    settled: Parts | None = None,
) -> Parts:
    """Give each row its part.

    Parameters
    ----------
    label, source : int64 (n,)
        Codes from 0.
    group : int64 (n,)
        Codes from 0; −1 for a row on its own.
    shares : float (4,)
        Share of each of `PARTS`; may hold zeros, sums to 1.
    rng : np.random.Generator
    stratum : int64 (n,), optional
        Codes from 0 that divide the label × source cells further.
    settled : int8 (n,), optional
        Part of the rows that have one already, −1 elsewhere; a group is settled whole or not at all.

    Returns
    -------
    int8 (n,)
        Index into `PARTS`.
    """
    cell, sizes, pair_of_cell, label_of_pair = _cells(label, source, stratum)
    target = sizes[:, None] * shares
    part = np.full(len(label), -1, dtype=np.int8) if settled is None else settled.copy()
    given, have = _given(part, cell, label, target.shape)
    grouped = (part < 0) & _in_company(group)
    single = (part < 0) & ~grouped
    if grouped.any() and single.sum() <= FEW_SINGLES:  # placed with the groups, which they even out
        group = np.where(single, int(group.max()) + 1 + np.arange(len(group)), group)
        grouped, single = part < 0, np.zeros_like(single)
    if grouped.any():
        need = np.where(shares > 0, target - given, -np.inf)
        rows = group[grouped], cell[grouped], label[grouped]
        dealt = int(single.sum()) * shares[shares > 0].min() >= 1  # to every part at least one of them
        part[grouped] = place_groups(*rows, need, have, int(single.sum()) if dealt else 0, rng)
        given, have = _given(part, cell, label, target.shape)
    if single.any():
        dealt_to = slice(None) if single.all() else single  # all rows as they are: no copy
        count = sizes if single.all() else np.bincount(cell[dealt_to], minlength=len(target))
        quota = _cell_quotas(target, given, count, shares, pair_of_cell, label_of_pair, have)
        part[dealt_to] = _deal(cell[dealt_to], quota, rng)
    return part


def _given(part: Parts, cell: Ints, label: Ints, shape: tuple[int, int]) -> tuple[Ints, Ints]:
    """Count the rows that have a part: by cell, and by label."""
    known = part >= 0
    classes = int(label.max(initial=-1)) + 1
    if not known.any():
        return np.zeros(shape, dtype=np.int64), np.zeros((classes, shape[1]), dtype=np.int64)
    by_cell = np.bincount(cell[known] * shape[1] + part[known], minlength=shape[0] * shape[1])
    by_label = np.bincount(label[known] * shape[1] + part[known], minlength=classes * shape[1])
    return by_cell.reshape(shape), by_label.reshape(classes, shape[1])


def _in_company(group: Ints) -> Bools:
    """Tell which rows share their group with another row."""
    if group.max(initial=-1) < 0:
        return np.zeros(len(group), dtype=bool)
    sizes = np.bincount(group + 1, minlength=1)
    sizes[0] = 0
    return sizes[group + 1] > 1


def _need_left(target: Floats, given: Ints, singles: Ints, shares: Floats) -> Floats:
    """Share out the single rows of each cell so that the parts end as near their targets as can be.

    The nearest point to what the parts lack among those that sum to the number of single rows and take nothing away:
    max(lacking − λ, 0), one λ a cell.
    """
    lacking = np.where(shares > 0, target - given, -np.inf)
    if np.array_equal(lacking.sum(axis=1, where=shares > 0), singles) and (lacking[:, shares > 0] >= 0).all():
        return np.maximum(lacking, 0)
    falling = -np.sort(-lacking, axis=1)
    finite = np.isfinite(falling)
    excess = (np.where(finite, falling, 0).cumsum(axis=1) - singles[:, None]) / np.arange(1, target.shape[1] + 1)
    last = ((falling > excess) & finite).sum(axis=1)
    level = np.where(last > 0, excess[np.arange(len(excess)), np.maximum(last, 1) - 1], falling[:, 0])
    need = np.maximum(lacking - level[:, None], 0)
    total = need.sum(axis=1, keepdims=True)
    return need * np.divide(singles[:, None], total, out=np.zeros_like(total), where=total > 0)


def _cells(label: Ints, source: Ints, stratum: Ints | None) -> tuple[Ints, Ints, Ints, Ints]:
    """Number the cells that occur, by label, then source, then stratum.

    Gives the cell of each row, the rows of each cell, the label × source pair of each cell and the label of each pair.
    """
    width = int(source.max(initial=-1)) + 1
    cell, sizes, pairs = _dense(label, width, source)
    if stratum is None:
        return cell, sizes, np.arange(len(pairs)), pairs // max(width, 1)
    depth = int(stratum.max(initial=-1)) + 1
    cell, sizes, cells = _dense(cell, depth, stratum)
    return cell, sizes, cells // max(depth, 1), pairs // max(width, 1)


def _dense(outer: Ints, width: int, inner: Ints) -> tuple[Ints, Ints, Ints]:
    """Number the pairs of codes that occur from 0, in order; also count each, and give outer · width + inner of it."""
    codes = outer * width
    codes += inner
    if codes.max(initial=0) > 4 * len(codes) + 1_000_000:
        present, dense, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        return dense, sizes, present
    sizes = np.bincount(codes)
    present = np.flatnonzero(sizes)
    if len(present) == len(sizes):
        return codes, sizes, present
    number = np.cumsum(sizes > 0) - 1
    return number[codes], sizes[present], present


def _cell_quotas(
    target: Floats, given: Ints, singles: Ints, shares: Floats, pair: Ints, label: Ints, have: Ints
) -> Ints:
    """Say how many single rows of each cell go to each part: labels first, then their sources, then the strata of each.

    What each level lacks is reckoned at that level: a label can have its share where some of its cells have too much.
    """

    def need(block: Ints | None) -> Floats:
        if block is None:
            return _need_left(target, given, singles, shares)
        return _need_left(_sum_blocks(target, block), _sum_blocks(given, block), _sum_blocks(singles, block), shares)

    names = np.unique(label)
    per_label = need(label[pair])
    first = [_served_first(row, have[code]) for row, code in zip(per_label, names, strict=True)]
    quota = round_table(per_label, np.rint(need(np.zeros_like(pair))[0]), first)
    return _round_within(need(None), pair, _round_within(need(pair), label, quota))


def _sum_blocks(table: Any, block: Ints) -> Any:
    """Add up the rows of each block, int or float (m, ...); blocks stand together, in order."""
    return np.add.reduceat(table, np.flatnonzero(np.diff(block, prepend=-1)), axis=0)


def _round_within(table: Floats, block: Ints, quota: Ints) -> Ints:
    """Round the rows of each block so that they add up to the quota of the block."""
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    if len(starts) == len(table):
        return quota
    pieces = zip(np.split(table, starts[1:]), quota, strict=True)
    return np.concatenate([round_table(piece, wanted) if len(piece) > 1 else wanted[None] for piece, wanted in pieces])


def _served_first(target: Floats, have: Ints) -> tuple[int, ...]:
    """Name the parts that a class would be missing from if it were only rounded to the nearest row."""
    few = target.sum() + have.sum() <= 2
    missing = (target > 0) & (np.floor(target + 1e-9) + have == 0)
    return tuple(p for p in SERVED_FIRST if missing[p] and (p == TRAIN or few or target[p] >= 0.5))


def round_table(target: Floats, totals: ArrayLike, first: Sequence[tuple[int, ...]] | None = None) -> Ints:
    """Round a table so that each row keeps its whole sum, each cell moves by less than 1, and columns meet `totals`.

    Parameters
    ----------
    target : float (m, k)
        Each row sums to a whole number.
    totals : (k,)
        What the columns should sum to; met as nearly as the cells allow.
    first : m tuples of column numbers, optional
        The columns that a row rounds up before any other.

    Returns
    -------
    int64 (m, k)

    Examples
    --------
    >>> round_table(np.array([[0.6, 0.4], [0.6, 0.4], [0.6, 0.4]]), [2, 1]).tolist()
    [[1, 0], [0, 1], [1, 0]]
    """
    floor = np.floor(target + 1e-9)
    fraction = np.clip(target - floor, 0, None)
    spare = np.rint(fraction.sum(axis=1)).astype(int)
    open_cell = fraction > 1e-9
    up = np.zeros(target.shape, dtype=bool)
    locked = np.zeros(target.shape, dtype=bool)
    owed = np.zeros(target.shape[1])
    for i in np.flatnonzero(spare).tolist():
        owed += fraction[i]
        wishes = [p for p in (first[i] if first else ()) if open_cell[i, p]][: spare[i]]
        locked[i, wishes] = True
        key = np.where(open_cell[i], owed, -np.inf)
        key[wishes] = np.inf
        taken = np.argsort(-key, kind="stable")[: spare[i]]
        up[i, taken] = True
        owed[taken] -= 1
    _meet_totals(up, open_cell, locked, np.asarray(totals) - floor.sum(axis=0))
    return (floor + up).astype(np.int64)


def _meet_totals(up: Bools, open_cell: Bools, locked: Bools, wanted: Floats) -> None:
    """Move round-ups between columns until the columns meet `wanted`; changes `up`."""
    for _ in range(4 * len(up) + up.shape[1]):
        gap = np.rint(wanted - up.sum(axis=0))
        path = _augmenting_path(up & ~locked, open_cell & ~up, gap)
        if not path:
            return
        for row, column, other in path:
            up[row, column], up[row, other] = False, True


def _augmenting_path(movable: Bools, free: Bools, gap: Floats) -> list[tuple[int, int, int]]:
    """Find moves (row, from column, to column) that lead from a column with too many to one with too few."""
    queue = [int(p) for p in np.flatnonzero(gap < 0)]
    moves: dict[int, list[tuple[int, int, int]]] = {p: [] for p in queue}
    for p in queue:  # grows while it is read: breadth first
        for q in range(len(gap)):
            rows = movable[:, p] & free[:, q]
            for row, *_ in moves[p]:
                rows[row] = False
            if q in moves or not rows.any():
                continue
            moves[q] = [*moves[p], (int(np.argmax(rows)), p, q)]
            if gap[q] > 0:
                return moves[q]
            queue.append(q)
    return []


def _deal(cell: Ints, quota: Ints, rng: np.random.Generator) -> Parts:
    """Deal the rows of each cell to the parts at random, as many as the quota says.

    Every row starts in the part that takes most of its cell; only the rows of the other parts are drawn.
    """
    main = quota.argmax(axis=1)
    rest = quota.copy()
    rest[np.arange(len(quota)), main] = 0
    places = _draw(cell, rest.sum(axis=1), rng)
    part = main.astype(np.int8)[cell]
    part[places] = np.repeat(np.tile(np.arange(len(PARTS), dtype=np.int8), len(rest)), rest.ravel())
    return part


def _draw(cell: Ints, wanted: Ints, rng: np.random.Generator) -> Ints:
    """Draw so many rows of each cell, each set and order as likely as any other; gives their places, cell by cell.

    Numbers drawn one after the other begin a random permutation, once repetitions are left out. A cell that they hold
    too few rows of goes on with a permutation of its other rows.
    """
    total = int(wanted.sum())
    if total >= MOST_DRAWN * len(cell):
        return _first_of_each(cell, rng.permutation(len(cell)), wanted)
    drawn = rng.integers(len(cell), size=int(total + 4 * np.sqrt(total) + total**2 / len(cell)))
    drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    short = np.bincount(cell[drawn], minlength=len(wanted)) < wanted
    if short.any():
        others = short[cell]
        others[drawn] = False
        drawn = np.concatenate([drawn, rng.permutation(np.flatnonzero(others))])
    return _first_of_each(cell, drawn, wanted)


def _first_of_each(cell: Ints, rows: Ints, wanted: Ints) -> Ints:
    """Give the first rows of each cell, as many as are wanted of it, cell by cell."""
    codes = cell[rows]
    small = codes.astype(np.uint16) if len(wanted) <= 2**16 else codes  # 16 bits: numpy sorts them by radix
    order = np.argsort(small, kind="stable")
    sizes = np.bincount(codes, minlength=len(wanted))
    rank = np.arange(len(rows)) - np.repeat(sizes.cumsum() - sizes, sizes)
    return rows[order[rank < np.repeat(wanted, sizes)]]
