"""When the labels have settled: what stops the loop, and what keeps it from going in circles.

A round may change its mind about a label, and take back what an earlier round did. It may do so once: a label that
comes back to what it was before stays as given from then on, and waits for a person if it wants to move again. So each
row changes at most as often as there are classes, and the loop ends.

The loop stops where so few labels move that nothing can come of it, or where a round has not made the dev error
better than the best so far: McNemar's exact test (1947) on the same dev rows, one-sided at 2.5%. What is kept is the
best round, the first of the cleaned ones where none is: later rounds hear voices that learnt from the labels of earlier
ones, and believe themselves a little more each time.
Known failure: with few dev rows a real but small gain cannot be told from none, and the loop stops early.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SETTLED = 0.001  # share of labels that moved
BETTER = 0.025  # one-sided level


def hold_still(history: NDArray[np.int64], proposed: NDArray[np.int64], given: NDArray[np.int64]) -> NDArray[np.int64]:
    """Let no label go in circles.

    Parameters
    ----------
    history : int64 (r, n)
        What each round so far learnt from, classes; −1 = not learnt from. The first is round 0.
    proposed : int64 (n,)
        What this round would learn from.
    given : int64 (n,)
        What round 0 learnt from.

    Returns
    -------
    int64 (n,)
        What this round learns from: as proposed, but as given where a label comes, or came, back to what it once was.

    Examples
    --------
    >>> history = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 0]])
    >>> hold_still(history, np.array([0, 1, 1]), np.array([0, 0, 0])).tolist()
    [0, 0, 1]
    """
    came_back = np.zeros(len(proposed), dtype=bool)
    rounds = [*history, proposed]
    for number in range(2, len(rounds)):
        moved = rounds[number] != rounds[number - 1]
        before = np.stack(rounds[: number - 1])
        came_back |= moved & (before == rounds[number]).any(axis=0)
    return np.where(came_back, given, proposed)


def is_better(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> bool:
    """Tell whether a round made fewer errors than another on the same rows, beyond chance.

    Parameters
    ----------
    before, after : bool (m,)
        Where each was wrong.

    Examples
    --------
    >>> is_better(np.repeat([True, False], 50), np.zeros(100, dtype=bool))
    True
    >>> is_better(np.ones(1, dtype=bool), np.zeros(1, dtype=bool))
    False
    """
    from scipy.stats import binom

    mended, broken = int((before & ~after).sum()), int((after & ~before).sum())
    return bool(binom.sf(mended - 1, mended + broken, 0.5) < BETTER)


def best_round(wrong: Sequence[NDArray[np.bool_]]) -> int:
    """Give the last round that was better than the best before it; the first where none was.

    Parameters
    ----------
    wrong : sequence of bool (m,)
        Dev errors of each round.

    Examples
    --------
    >>> best_round([np.repeat([True, False], 50), np.zeros(100, bool), np.zeros(100, bool)])
    1
    """
    best = 0
    for number in range(1, len(wrong)):
        if is_better(wrong[best], wrong[number]):
            best = number
    return best
