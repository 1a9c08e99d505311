"""How much more often an example like this one is met in the target than in train: the density ratio.

What: a classifier learns to tell target rows from training rows; by Bayes the odds it gives a row, times
n_train / n_target, are p(target) / p(train) there. Each row is asked of a classifier that has not seen it.
Why: where train and target differ in what they show, a loss weighted by this ratio is the target's loss.
How strong the classifier may be is chosen by its held-out log loss, so that where the two are alike the ratio is 1.
Sources: Shimodaira (2000); Bickel, Brückner & Scheffer (2009), Discriminative learning under covariate shift.
Known failure: where train and target hardly overlap (another camera) no weighing helps, and the few rows nearest to the
target weigh the cap: make the training data like the target instead (`augment`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.streams import stream
from burnish.tasks.two_samples import directions

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the classifier, as C of scikit-learn
FOLDS = 5
MOST_ROWS = 10_000  # of each side the classifiers learn from
FEWEST = 20

Bools = NDArray[np.bool_]


def density_ratio(
    features: NDArray[np.floating], train: Bools, target: Bools, *, cap: float = 10.0, seed: int = 0
) -> NDArray[np.float64]:
    """Estimate p(target) / p(train) at each training row.

    Parameters
    ----------
    features : float (n, d)
    train, target : bool (n,)
        Rows of either; no row of both.
    cap : float
        The ratio is kept within 1/cap and cap.
    seed : int
        Draws at most 10,000 rows of each side to learn from, and deals the folds.

    Returns
    -------
    float64 (n,)
        1 for rows that are not of train, and for all where either side has fewer than 20 rows.

    Examples
    --------
    >>> x = np.r_[np.zeros(300), np.ones(100), np.zeros(100), np.ones(100)][:, None]
    >>> train = np.arange(600) < 400
    >>> ratio = density_ratio(x, train, ~train)
    >>> bool(ratio[350] > 1.5), bool(ratio[50] < 0.8)
    (True, True)
    """
    ratio = np.ones(len(features))
    rng = stream(seed, "density")
    ours, theirs = _drawn(np.flatnonzero(train), rng), _drawn(np.flatnonzero(target), rng)
    if min(len(ours), len(theirs)) < FEWEST:
        return ratio
    rest = np.setdiff1d(np.flatnonzero(train), ours)
    rows = np.concatenate([ours, theirs, rest])
    x = directions(features[rows].astype(np.float64))
    learnt = len(ours) + len(theirs)
    is_target = np.arange(learnt) >= len(ours)
    odds = _held_out_odds(x, is_target, rng)
    scale = len(ours) / len(theirs)
    ratio[ours], ratio[rest] = odds[: len(ours)] * scale, odds[learnt:] * scale
    return np.clip(ratio, 1 / cap, cap)


def _drawn(rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    return rows if len(rows) <= MOST_ROWS else np.sort(rng.choice(rows, MOST_ROWS, replace=False))


def _held_out_odds(x: NDArray[np.floating], is_target: Bools, rng: np.random.Generator) -> NDArray[np.float64]:
    """Odds of being the target's, (len(x),): of the first rows out of fold, of the others by the mean of all folds."""
    from sklearn.linear_model import LogisticRegression

    learnt = len(is_target)
    fold = np.empty(learnt, np.int64)
    for side in (is_target, ~is_target):
        fold[side] = rng.permutation(np.arange(side.sum()) % FOLDS)
    logits = np.zeros((len(STRENGTHS), len(x)))
    for number in range(FOLDS):
        seen, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        for at, strength in enumerate(STRENGTHS):
            model = LogisticRegression(C=strength).fit(x[seen], is_target[seen])
            logits[at, out] = model.decision_function(x[out])
            logits[at, learnt:] += model.decision_function(x[learnt:]) / FOLDS if len(x) > learnt else 0.0
    losses = np.logaddexp(0, np.where(is_target, -1, 1) * logits[:, :learnt]).mean(axis=1)
    return np.exp(np.clip(logits[int(np.argmin(losses))], -30, 30))
