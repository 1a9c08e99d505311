"""Share rows out among the parts of a split: label × source cells to their targets, groups whole.

Why: rounding each cell on its own makes the parts drift (forty cells of three rows at 60/20/20 all round alike), and
rounding the parts alone loses rare classes. Here both hold: a cell is off by less than one row, and the parts keep
their sizes.

Source: controlled rounding, Cox (1987), "A constructive procedure for unbiased controlled rounding"; groups by greedy
placement, largest first (Graham 1969, the LPT rule), on the squared distance to the targets.

Known failure: the placement of groups is greedy, so with a handful of large groups a better one may exist.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

PARTS = ("train", "train_dev", "dev", "test")
TRAIN, TRAIN_DEV, DEV, TEST = range(4)
SERVED_FIRST = (TRAIN, TEST, DEV)  # which part a class with few rows reaches first

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def assign(label: Ints, source: Ints, group: Ints, shares: Floats, rng: np.random.Generator) -> NDArray[np.int8]:
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

    Returns
    -------
    int8 (n,)
        Index into `PARTS`.
    """
    cell, label_of_cell = _cells(label, source)
    target = np.bincount(cell, minlength=len(label_of_cell))[:, None] * shares
    part = np.full(len(label), -1, dtype=np.int8)
    grouped = _in_company(group)
    single = ~grouped
    need = target
    have = np.zeros((int(label.max(initial=-1)) + 1, len(PARTS)), dtype=np.int64)
    if grouped.any():
        part[grouped] = _place_groups(group[grouped], cell[grouped], target, int(single.sum()), rng)
        given = np.zeros_like(target)
        np.add.at(given, (cell[grouped], part[grouped]), 1)
        np.add.at(have, (label[grouped], part[grouped]), 1)
        need = _need_left(target, given, np.bincount(cell[single], minlength=len(target)))
    if single.any():
        part[single] = _deal(cell[single], _cell_quotas(need, label_of_cell, have), rng)
    return part


def _in_company(group: Ints) -> Bools:
    """Tell which rows share their group with another row."""
    sizes = np.bincount(group + 1, minlength=1)
    sizes[0] = 0
    return sizes[group + 1] > 1


def _need_left(target: Floats, given: Floats, singles: Ints) -> Floats:
    """Scale what each cell still needs, after its groups, to the number of its single rows."""
    need = np.maximum(target - given, 0)
    met = need.sum(axis=1) <= 0
    need[met] = target[met]
    return need * (singles / need.sum(axis=1))[:, None]


def _cells(label: Ints, source: Ints) -> tuple[Ints, Ints]:
    """Number the label × source cells that occur, by label first; also give the label of each cell."""
    width = int(source.max(initial=-1)) + 1
    joint = label * width + source
    if joint.max(initial=0) > 4 * len(joint) + 1_000_000:
        present, cell = np.unique(joint, return_inverse=True)
        return cell, present // width
    present = np.flatnonzero(np.bincount(joint))
    number = np.zeros(int(joint.max(initial=-1)) + 1, dtype=np.int64)
    number[present] = np.arange(len(present))
    return number[joint], present // width


def _cell_quotas(need: Floats, label: Ints, have: Ints) -> Ints:
    """Round the cells' needs to whole rows: labels first, then the cells of each label."""
    starts = np.flatnonzero(np.diff(label, prepend=-1))
    per_label = np.add.reduceat(need, starts, axis=0)
    first = [_served_first(row, have[code]) for row, code in zip(per_label, label[starts], strict=True)]
    label_quota = round_table(per_label, np.rint(per_label.sum(axis=0)), first)
    if len(starts) == len(label):
        return label_quota
    blocks = np.split(need, starts[1:])
    return np.concatenate([round_table(block, quota) for block, quota in zip(blocks, label_quota, strict=True)])


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


def _deal(cell: Ints, quota: Ints, rng: np.random.Generator) -> NDArray[np.int8]:
    """Deal the rows of each cell to the parts at random, as many as the quota says."""
    shuffled = rng.permutation(len(cell))
    small = cell.astype(np.uint16) if len(quota) <= 2**16 else cell  # 16 bits: numpy sorts them by radix
    order = shuffled[np.argsort(small[shuffled], kind="stable")]
    part = np.empty(len(cell), dtype=np.int8)
    part[order] = np.repeat(np.tile(np.arange(len(PARTS), dtype=np.int8), len(quota)), quota.ravel())
    return part


def _place_groups(group: Ints, cell: Ints, target: Floats, singles: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Place each group, the largest first, in the part whose cells need it most; gives the part of each row.

    That part takes the most off the squared distance to the targets. Where no more units are left than parts are empty,
    an empty part goes first.
    """
    codes, dense = np.unique(group, return_inverse=True)
    joint, counts = np.unique(dense * len(target) + cell, return_counts=True)
    bounds = np.searchsorted(joint // len(target), np.arange(len(codes) + 1))
    held = joint % len(target)
    order = rng.permutation(len(codes))
    order = order[np.argsort(-np.bincount(dense)[order], kind="stable")]
    need = target.T.copy()
    wanted = target.sum(axis=0)
    usable = np.flatnonzero(wanted > 0)
    empty = [p for p in SERVED_FIRST if wanted[p] > 0]
    chosen = np.empty(len(codes), dtype=np.int8)
    for done, g in enumerate(order):
        span = slice(bounds[g], bounds[g + 1])
        gain = need[:, held[span]] @ counts[span]
        short = empty and len(order) - done + singles <= len(empty)
        best = max(empty, key=gain.__getitem__) if short else usable[np.argmax(gain[usable])]
        chosen[g] = best
        need[best, held[span]] -= counts[span]
        if best in empty:
            empty.remove(best)
    return chosen[dense]
