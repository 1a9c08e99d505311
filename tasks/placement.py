"""Place whole groups in the parts of a split: greedily, the largest first, then by moves and swaps while they help.

Why: a group of ten rows cannot be dealt out to the row. Placing the largest first leaves the small ones to even out
what the large ones upset; exchanging groups afterwards removes most of what is left.

How: moves and swaps lower the squared distance of the cells to their targets, then the largest distance of any cell; a
few random moves and the same again, as often as the work allowed, and the best is kept. No exchange takes the last
examples of a class out of train, or out of another part while train has some.

Source: greedy placement after Graham (1969), the LPT rule; exchanges after Kernighan and Lin (1970); the random
restarts are the iterated local search of Lourenço, Martin and Stützle (2003).

Known failure: the best of a local search need not be the best there is. With more than a few thousand groups only the
greedy placement and moves are used: it is close to the targets already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TRAIN, TRAIN_DEV, DEV, TEST = range(4)
SERVED_FIRST = (TRAIN, TEST, DEV)  # which part a class with few rows reaches first
MOST_SWAPPED = 1_000  # groups whose every pair is tried
MOST_EVENED = 4_000_000  # numbers held while the largest deviation is lowered
WORK = 6_000_000  # numbers that a search may look at before it stops
STEP = 10_000  # what a step costs beside the numbers it looks at
SHAKEN = 4  # groups moved at random before a search starts again

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Parts = NDArray[np.int8]


@dataclass
class _Placement:
    """Where the groups are: `chosen` changes, and with it what the cells lack and which labels a part has.

    Attributes
    ----------
    rows : float (groups, cells)
        Rows of each group.
    by_label : float (groups, labels)
    chosen : int64 (groups,)
    lacking : float (parts, cells)
    have : float (parts, labels)
        Rows of each label in each part, rows outside the groups included.
    spent : int
        Numbers looked at.
    """

    rows: Floats
    by_label: Floats
    chosen: Ints
    lacking: Floats
    have: Floats
    spent: int = 0

    def move(self, g: int, q: int) -> None:
        """Move a group to part q."""
        p = self.chosen[g]
        self.lacking[p] += self.rows[g]
        self.lacking[q] -= self.rows[g]
        self.have[p] -= self.by_label[g]
        self.have[q] += self.by_label[g]
        self.chosen[g] = q

    def fixed(self) -> Bools:
        """Tell the groups that hold the last examples of a class in their part, or are the last of it, (groups,)."""
        last = (self.by_label > 0) & (self.by_label == self.have[self.chosen])
        last &= (self.chosen == TRAIN)[:, None] | (self.have[TRAIN] > 0)
        return last.any(axis=1) | (np.bincount(self.chosen, minlength=len(self.lacking))[self.chosen] == 1)

    def badness(self) -> tuple[float, float]:
        """Give the largest deviation of any cell, and the sum of squares."""
        return round(float(np.abs(self.lacking).max()), 9), float(np.square(self.lacking).sum())


def place_groups(
    group: Ints, cell: Ints, label: Ints, need: Floats, have: Ints, others: int, rng: np.random.Generator
) -> Parts:
    """Give each row the part of its group.

    Parameters
    ----------
    group, cell, label : int64 (n,)
        Codes from 0, of rows that all have a group.
    need : float (cells, parts)
        How many rows each cell of each part still lacks; negative where it has too many, −inf in parts that take none.
    have : int64 (labels, parts)
        Rows that have their part already.
    others : int
        Rows without a group, which will be dealt later and can fill an empty part.
    rng : np.random.Generator

    Returns
    -------
    int8 (n,)

    Examples
    --------
    >>> need, rows = np.array([[3.0, -np.inf, 1.0, 1.0]]), np.zeros(5, int)
    >>> have, rng = np.zeros((1, 4), int), np.random.default_rng(0)
    >>> place_groups(np.array([0, 0, 0, 1, 2]), rows, rows, need, have, 0, rng).tolist()[:3]
    [0, 0, 0]
    """
    codes, dense = np.unique(group, return_inverse=True)
    usable = np.flatnonzero(np.isfinite(need).all(axis=0))
    joint, counts = np.unique(dense * len(need) + cell, return_counts=True)
    held = joint % len(need)
    bounds = np.searchsorted(joint // len(need), np.arange(len(codes) + 1))
    order = rng.permutation(len(codes))
    order = order[np.argsort(-np.bincount(dense)[order], kind="stable")]
    lacking = need[:, usable].T.copy()
    empty = [int(np.searchsorted(usable, p)) for p in SERVED_FIRST if p in usable and not have[:, p].any()]
    chosen = _greedy(order, bounds, held, counts, lacking, empty, others)
    if len(codes) * (len(need) + len(have)) <= WORK:
        rows, by_label = np.zeros((len(codes), len(need))), np.zeros((len(codes), len(have)))
        rows[joint // len(need), held] = counts
        np.add.at(by_label, (dense, label), 1)
        now = have[:, usable].T.astype(np.float64)
        np.add.at(now, chosen, by_label)
        chosen = _search(_Placement(rows, by_label, chosen, lacking, now), rng)
    return usable[chosen].astype(np.int8)[dense]


def _greedy(
    order: Ints, bounds: Ints, held: Ints, counts: Ints, lacking: Floats, empty: list[int], others: int
) -> Ints:
    """Place the groups one by one where they take the most off the squared distance; changes `lacking`.

    Where no more units are left than parts are empty, an empty part goes first.
    """
    chosen = np.empty(len(order), dtype=np.int64)
    empty = list(empty)
    for done, g in enumerate(order.tolist()):
        cells, size = held[bounds[g] : bounds[g + 1]], counts[bounds[g] : bounds[g + 1]]
        gain = lacking[:, cells] @ size
        short = empty and len(order) - done + others <= len(empty)
        best = max(empty, key=gain.__getitem__) if short else int(np.argmax(gain))
        chosen[g] = best
        lacking[best, cells] -= size
        if best in empty:
            empty.remove(best)
    return chosen


def _search(placement: _Placement, rng: np.random.Generator) -> Ints:
    """Improve by exchanges, shake a little and improve again while work is left; gives the best parts found."""
    _settle(placement)
    best, kept = placement.badness(), placement.chosen.copy()
    while placement.spent < WORK and best[0] > 0.5 and len(kept) > 1:
        for g in rng.choice(len(kept), min(SHAKEN, len(kept)), replace=False).tolist():
            if not placement.fixed()[g]:
                placement.move(g, int(rng.integers(len(placement.lacking))))
        _settle(placement)
        if placement.badness() <= best:
            best, kept = placement.badness(), placement.chosen.copy()
            continue
        for g in np.flatnonzero(placement.chosen != kept).tolist():
            placement.move(g, int(kept[g]))
    return kept


def _settle(placement: _Placement) -> None:
    """Make the best move or swap until none helps, then lower the largest deviation."""
    product = placement.rows @ placement.rows.T if len(placement.rows) <= MOST_SWAPPED else None
    squares = np.einsum("gc,gc->g", placement.rows, placement.rows)
    while placement.spent < WORK and (
        _best_move(placement, squares) or (product is not None and _best_swap(placement, squares, product))
    ):
        pass
    while placement.spent < WORK and _even_out(placement):
        pass


def _best_move(placement: _Placement, squares: Floats) -> bool:
    """Make the move that helps most; tells whether there was one.

    With d the rows lacking, moving a group of rows u from p to q changes the sum of squares by
    2 u · (d_p − d_q) + 2 |u|².
    """
    chosen = placement.chosen
    score = placement.rows @ placement.lacking.T
    change = 2 * (score[np.arange(len(chosen)), chosen][:, None] - score) + 2 * squares[:, None]
    change[np.arange(len(chosen)), chosen] = 0
    change[placement.fixed()] = 0
    placement.spent += STEP + placement.rows.size
    g, q = divmod(int(np.argmin(change)), change.shape[1])
    if change[g, q] > -1e-9:
        return False
    placement.move(g, q)
    return True


def _best_swap(placement: _Placement, squares: Floats, product: Floats) -> bool:
    """Make the exchange of two groups that helps most, as `_best_move` with u − v; tells whether there was one."""
    lacking, free = placement.lacking, ~placement.fixed()
    score = placement.rows @ lacking.T
    members = [np.flatnonzero(free & (placement.chosen == p)) for p in range(len(lacking))]
    placement.spent += STEP
    best, found = -1e-9, None
    for p, q in _pairs(members):
        a, b = members[p], members[q]
        gap = score[:, p] - score[:, q]
        apart = squares[a][:, None] + squares[b] - 2 * product[np.ix_(a, b)]
        change = 2 * (gap[a][:, None] - gap[b] + apart)
        placement.spent += change.size
        i, j = divmod(int(np.argmin(change)), len(b))
        if change[i, j] < best:
            best, found = float(change[i, j]), (int(a[i]), q, int(b[j]), p)
    if found is None:
        return False
    placement.move(*found[:2])
    placement.move(*found[2:])
    return True


def _pairs(members: list[Ints]) -> list[tuple[int, int]]:
    filled = [p for p, inside in enumerate(members) if len(inside)]
    return [(p, q) for p in filled for q in filled if p < q]


def _even_out(placement: _Placement) -> bool:
    """Lower the largest deviation of any cell by a move or a swap with the part where it is; tells whether it fell."""
    lacking, nothing = placement.lacking, len(placement.rows)
    rows = np.vstack([placement.rows, np.zeros(lacking.shape[1])])  # the last: nothing, a move is a swap for nothing
    free = ~placement.fixed()
    placement.spent += STEP
    deviation = np.abs(lacking).max(axis=1)
    p = int(deviation.argmax())
    best, found = (float(deviation[p]) - 1e-9, np.inf), None
    for q in np.delete(np.arange(len(lacking)), p).tolist():
        a, b = (np.append(np.flatnonzero(free & (placement.chosen == part)), nothing) for part in (p, q))
        if len(a) * len(b) * rows.shape[1] > MOST_EVENED:
            continue
        change = rows[a][:, None] - rows[b]
        placement.spent += 2 * change.size
        after = np.stack([lacking[p] + change, lacking[q] - change])
        largest = np.abs(after).max(axis=(0, 3))
        tied = np.argwhere(largest <= largest.min() + 1e-9)
        squares = np.square(after[:, tied[:, 0], tied[:, 1]]).sum(axis=(0, 2)) - np.square(lacking[[p, q]]).sum()
        at = int(squares.argmin())
        if (largest.min(), squares[at]) < best:
            best, found = (float(largest.min()), float(squares[at])), (int(a[tied[at, 0]]), int(b[tied[at, 1]]), q)
    if found is None:
        return False
    g, h, q = found
    for each, to in ((g, q), (h, p)):
        if each != nothing:
            placement.move(each, to)
    return True
