"""When the labels have settled: what stops the loop, and what keeps it from going in circles.

A round may change its mind about a label, and take back what an earlier round did. It may do so once: a label that
comes back to what it was before stays as given from then on, and waits for a person if it wants to move again. So each
row changes at most as often as there are classes, and the loop ends.

The loop stops where so few labels move that nothing can come of it, or where a round has not made the dev error
better than the best so far: McNemar's exact test (1947) on the same dev rows, one-sided at 2.5%. Of the cleaned rounds
the best is kept, the first where none is: later rounds hear voices that learnt from the labels of earlier ones, and
believe themselves a little more each time.

Cleaning can do harm: where classes overlap, right labels are taken for wrong ones. So the labels as given stand for
choice too, and dev decides. Dev labels are as noisy as all others, and a model that learnt the noise agrees with them.
Where labels go wrong at one rate that costs every model the same share of its lead; where the rates differ by class it
turns leads round. So dev is read through the noise matrix T: a prediction p counts T⁻¹[given, p], whose mean is the
accuracy on the truth (Natarajan et al. 2013, the method of unbiased estimators). Row by row the two models are
compared, and the cleaned round stays unless it is behind by more than a standard error: the rule of Breiman et al.
(1984) among models that dev can hardly tell apart, with what is believed beforehand, that cleaning helps, in the place
of simplicity.

Known failures: with few dev rows a real but small gain cannot be told from none, and the loop stops early; a noise
matrix that is far off reads dev wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.findings import Finding

SETTLED = 0.001  # share of labels that moved
BETTER = 0.025  # one-sided level
BEHIND = 1.0  # standard errors
FEWEST_TELLING = 2  # rows on which two models differ


def hold_still(
    history: Sequence[NDArray[np.int64]], proposed: NDArray[np.int64], given: NDArray[np.int64]
) -> NDArray[np.int64]:
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


@dataclass(frozen=True)
class Lead:
    """How much more often one model is right than another on the same rows.

    Attributes
    ----------
    share : float
    error : float
        Its standard error; 0, as is the share, where fewer than two rows tell: one is behind by just a standard error.
    """

    share: float
    error: float

    @property
    def behind(self) -> bool:
        """Whether it is rather a lag, by more than a standard error."""
        return self.share < -BEHIND * self.error

    def finding(self) -> Finding:
        """Say that the labels stay as given."""
        return Finding(
            code="rounds.as_given",
            title="The labels stay as given: the model that learnt from cleaned ones is right less often on dev",
            severity="info",
            explanation=f"It is behind by {-self.share:.1%} of the dev rows (standard error {self.error:.1%}). Where "
            "classes overlap, right labels are easily taken for wrong ones.",
            method="accuracy on dev, its labels read through the noise matrix, row by row; cleaned labels are kept "
            "unless they are behind by more than a standard error",
            advice="No label was changed; decide on the suspects in review.csv: what a person has said is learnt from.",
        )


def lead_on_truth(
    before: NDArray[np.int64], after: NDArray[np.int64], labels: NDArray[np.int64], noise: NDArray[np.float64]
) -> Lead:
    """Estimate how much more often the second model is right about the truth, from noisy labels.

    Parameters
    ----------
    before, after : int64 (m,)
        What each model says.
    labels : int64 (m,)
        Given labels, none missing.
    noise : float (k, k)
        P(given = column | true = row); where it cannot be inverted, its pseudo-inverse serves.

    Returns
    -------
    Lead

    Examples
    --------
    >>> labels = np.repeat([0, 1], 50)
    >>> noise = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> lead = lead_on_truth(np.zeros(100, dtype=int), np.where(np.arange(100) < 90, labels, 0), labels, noise)
    >>> round(lead.share, 3), lead.behind
    (0.667, False)
    """
    counts = np.linalg.pinv(noise)
    gained = counts[labels, after] - counts[labels, before]
    if np.count_nonzero(gained) < FEWEST_TELLING:
        return Lead(0.0, 0.0)
    return Lead(float(gained.mean()), float(gained.std(ddof=1) / np.sqrt(len(gained))))
