"""Several people label the same examples: what is true, and how good is each of them?

Every annotator has an error matrix, P(his vote | true class). It is estimated together with the true classes by
expectation-maximization; a vote counts by what its annotator's votes are worth in that class. Where voices know
something of each example (`mislabels.py`), P(true | x) takes the place of the class shares.

A matrix has k² entries and few votes to learn them from, so it is drawn to what is common: to the matrix of all
annotators together, and that to a single error rate, each as strongly as ten votes of the class. With two votes a row
the matrices cannot be known at all (k² − 1 frequencies, 2k² − k − 1 unknowns); then all annotators share one error
rate. Three votes a row, or voices, tell annotators apart.

Sources: Dawid & Skene 1979 (EM), Raykar et al. 2010 (with a classifier as prior), Krippendorff 2011 (alpha), Louis 1982
(information that is lost with the truth).
Known failures: annotators are taken to err independently of one another given the true class. Errors that they share,
because the example is hard or the guideline wrong, look like agreement: the posterior is then too sure of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from burnish.tasks.intervals import wilson
from burnish.tasks.metrics import Rate

BORROWED = 10.0  # votes of a class that what is common counts as
USUAL_ERRORS, USUAL_VOTES = 1.0, 10.0  # an error in ten votes, before the data speak
ENOUGH = 30  # rows with three votes from which annotators can be told apart
STEPS = 200
SETTLED = 1e-5  # largest change of a probability at which the estimate stands
NEVER = 1e-12  # no class is ever ruled out
TIE = 1e-9


@dataclass(frozen=True)
class Consensus:
    """What the votes say together; n rows, m annotators, k classes.

    Attributes
    ----------
    posterior : float64 (n, k)
        P(true | votes), each row by what the others taught; without a vote, what was known before.
    confusions : float64 (m, k, k)
        P(vote = column | true = row) of each annotator.
    accuracy : tuple of Rate, length m
        Expected share of right votes; unknown for one who never voted. The interval allows for the truth being unknown.
    codes : int64 (n,)
        The most probable of the classes that somebody voted for, by all that is known; −1 where nobody voted.
    agreement : float
        Share of the pairs of votes on one row that agree; NaN without a pair.
    alpha : float
        Krippendorff's α for names: 1 is full agreement, 0 what chance gives; NaN where it has no meaning.
    told_apart : bool
        False where all annotators had to be taken for equally good.
    """

    posterior: NDArray[np.float64]
    confusions: NDArray[np.float64]
    accuracy: tuple[Rate, ...]
    codes: NDArray[np.int64]
    agreement: float
    alpha: float
    told_apart: bool


@dataclass(frozen=True)
class Fit:
    """What EM ends with.

    Attributes
    ----------
    posterior : float64 (n, k)
        P(true | votes).
    before : float64 (k,) or (n, k)
        P(true) before the votes.
    counts, likelihood : float64 (m, k, k)
        Expected votes, and P(vote | true); axes are annotator, vote, true.
    """

    posterior: NDArray[np.float64]
    before: NDArray[np.floating]
    counts: NDArray[np.float64]
    likelihood: NDArray[np.float64]


def find_consensus(
    votes: NDArray[np.int64],
    k: int,
    *,
    prior: NDArray[np.floating] | None = None,
    learn: NDArray[np.bool_] | None = None,
) -> Consensus:
    """Find the true classes and what each annotator is worth.

    Parameters
    ----------
    votes : int64 (n, m)
        A column an annotator: the class, −1 where he did not vote.
    k : int
        Number of classes.
    prior : float (n, k), optional
        P(true | x) of each row, from something that did not see its votes; default: the class shares, estimated.
    learn : bool (n,), optional
        The rows that annotators are judged by; default: all. The others are judged by what was learnt there.

    Returns
    -------
    Consensus

    Examples
    --------
    >>> votes = np.array([[0, 0, 1], [1, 1, 1], [0, 0, -1], [1, 1, 0], [0, 0, 0]] * 20)
    >>> found = find_consensus(votes, 2)
    >>> found.codes[:5].tolist(), [round(each.value, 1) for each in found.accuracy]
    ([0, 1, 0, 1, 0], [1.0, 1.0, 0.5])
    """
    apart = can_tell_apart(votes, prior is not None)
    rows, places, weights = votes, np.arange(len(votes)), np.ones(len(votes))
    if learn is not None:
        weights = learn.astype(np.float64)
    elif prior is None:
        rows, places, counts = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
        places, weights = places.reshape(-1), counts.astype(np.float64)
    fit = climb(rows, weights, k, prior=prior, told_apart=apart)
    by_all = fit.posterior[places]
    return Consensus(
        posterior=(leave_out(rows, weights, fit) if apart else fit.posterior)[places],
        confusions=fit.likelihood.transpose(0, 2, 1),
        accuracy=measure_accuracy(votes, by_all),
        codes=choose_classes(votes, by_all),
        agreement=pair_agreement(votes, k),
        alpha=krippendorff_alpha(votes, k),
        told_apart=apart,
    )


def can_tell_apart(votes: NDArray[np.int64], prior_known: bool = False) -> bool:
    """Tell whether annotators of votes (n, m) can be judged one by one: by three votes a row, or by voices."""
    return prior_known or int(((votes >= 0).sum(axis=1) >= 3).sum()) >= ENOUGH


def climb(
    votes: NDArray[np.int64],
    weights: NDArray[np.float64],
    k: int,
    *,
    prior: NDArray[np.floating] | None = None,
    told_apart: bool = True,
    start: Fit | None = None,
    steps: int = STEPS,
) -> Fit:
    """Run EM on rows that count `weights` times each, from the shares of the votes or from an earlier fit."""
    cast = _indicator(votes, k)
    voted = weights * (votes >= 0).any(axis=1)
    posterior = _vote_shares(cast, voted, k) if start is None else start.posterior
    for _ in range(steps):
        before = (voted @ posterior + 1) / (voted.sum() + k) if prior is None else np.maximum(prior, NEVER)
        counts = (cast.T @ (voted[:, None] * posterior)).reshape(votes.shape[1], k, k)
        likelihood = _smooth(counts, told_apart)
        joint = normalise(np.log(before) + cast @ np.log(likelihood).reshape(-1, k))
        moved = np.abs(joint - posterior).max(initial=0.0)
        posterior = joint
        if moved < SETTLED:
            break
    return Fit(posterior, before, counts, likelihood)


def leave_out(votes: NDArray[np.int64], weights: NDArray[np.float64], fit: Fit) -> NDArray[np.float64]:
    """Give P(true | votes) of each row, (n, k), through the matrices that the other rows taught."""
    n, k = fit.posterior.shape
    own = np.where(weights[:, None] > 0, fit.posterior, 0.0)
    together, cast = fit.counts.sum(axis=0), _count_votes(votes, k)
    common = _one_rate(together)
    joint = np.broadcast_to(np.log(fit.before), (n, k)).copy()
    for j, counts in enumerate(fit.counts):
        rows = np.flatnonzero(votes[:, j] >= 0)
        vote, self = votes[rows, j], own[rows]
        same, every = cast[rows, vote][:, None], cast[rows].sum(axis=1)[:, None]
        shared = (together[vote] - same * self + BORROWED * common[vote]).clip(NEVER)
        shared /= together.sum(axis=0) - every * self + BORROWED
        his = (counts[vote] - self + BORROWED * shared).clip(NEVER) / (counts.sum(axis=0) - self + BORROWED)
        joint[rows] += np.log(his)
    return normalise(joint)


def choose_classes(votes: NDArray[np.int64], posterior: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the most probable class among those voted for, int64 (n,); ties go to the class with most votes of all.

    Then to the first in order. A class that nobody named on the row is never its given label.
    """
    cast = _count_votes(votes, posterior.shape[1])
    held = np.where(cast > 0, posterior, -1.0)
    near = held >= held.max(axis=1, keepdims=True) - TIE
    best = np.where(near, cast.sum(axis=0)[None, :], -1).argmax(axis=1)
    return np.where((votes >= 0).any(axis=1), best, -1).astype(np.int64)


def measure_accuracy(votes: NDArray[np.int64], posterior: NDArray[np.float64]) -> tuple[Rate, ...]:
    """Give each annotator's expected share of right votes.

    Where the truth of a row is known with probability q only, the row tells less: of the information of n votes the
    share Σ q(1 − q) / (n p(1 − p)) is missing (Louis 1982), and Wilson's interval is made of what is left.
    """
    right = np.take_along_axis(posterior, np.maximum(votes, 0), axis=1)
    return tuple(_expected_rate(right[votes[:, j] >= 0, j]) for j in range(votes.shape[1]))


def pair_agreement(votes: NDArray[np.int64], k: int) -> float:
    """Give the share of pairs of votes on one row that agree; NaN without a pair.

    >>> pair_agreement(np.array([[0, 0, 1], [1, 1, -1]]), 2)
    0.5
    """
    cast = _count_votes(votes, k)
    each = cast.sum(axis=1)
    pairs = float((each * (each - 1)).sum())
    return float((cast * (cast - 1)).sum()) / pairs if pairs else float("nan")


def krippendorff_alpha(votes: NDArray[np.int64], k: int) -> float:
    """Give Krippendorff's α for names, which allows for missing votes (Krippendorff 2011, section C).

    1 − observed / expected disagreement; NaN where there is no pair, or one class only.

    >>> round(krippendorff_alpha(np.array([[0, 0], [1, 1], [0, 1], [0, 0]]), 2), 3)
    0.533
    """
    cast = _count_votes(votes, k)
    cast = cast[cast.sum(axis=1) >= 2]
    each, classes = cast.sum(axis=1), cast.sum(axis=0)
    total = float(each.sum())
    if total == 0 or (classes > 0).sum() < 2:
        return float("nan")
    agreed = float(((cast * (cast - 1)).sum(axis=1) / (each - 1)).sum()) / total
    by_chance = float((classes * (classes - 1)).sum()) / (total * (total - 1))
    return 1 - (1 - agreed) / (1 - by_chance)


def _indicator(votes: NDArray[np.int64], k: int) -> csr_array:
    """Say who voted what as zeros and ones, (n, m · k)."""
    n, m = votes.shape
    rows, who = np.nonzero(votes >= 0)
    places = who * k + votes[rows, who]
    return csr_array((np.ones(len(rows)), (rows, places)), shape=(n, m * k))


def _count_votes(votes: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Count the votes of each row for each class, (n, k)."""
    rows, who = np.nonzero(votes >= 0)
    return np.bincount(rows * k + votes[rows, who], minlength=len(votes) * k).reshape(len(votes), k)


def _vote_shares(cast: csr_array, voted: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Start from each row's shares of votes, and where nobody voted from those of all."""
    counts = cast @ np.tile(np.eye(k), (cast.shape[1] // k, 1))
    every = (voted @ counts + 1) / (voted @ counts + 1).sum()
    each = counts.sum(axis=1, keepdims=True)
    return np.where(each > 0, counts / np.maximum(each, 1), every)


def _smooth(counts: NDArray[np.float64], told_apart: bool) -> NDArray[np.float64]:
    """Turn expected counts (m, vote, true) into P(vote | true), drawn to everybody's and to one error rate."""
    together = counts.sum(axis=0)
    common = _one_rate(together)
    if not told_apart:
        return np.broadcast_to(common, counts.shape)
    shared = (together + BORROWED * common) / (together.sum(axis=0) + BORROWED)
    smoothed: NDArray[np.float64] = (counts + BORROWED * shared) / (counts.sum(axis=1, keepdims=True) + BORROWED)
    return smoothed


def _one_rate(together: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the matrix of one error rate for all, errors going anywhere, from expected counts (vote, true)."""
    k = len(together)
    wrong = together.sum() - np.trace(together)
    rate = (wrong + USUAL_ERRORS) / (together.sum() + USUAL_VOTES)
    common = np.full((k, k), rate / max(k - 1, 1))
    np.fill_diagonal(common, 1 - rate)
    return common


def normalise(joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log-densities (n, k) into probabilities."""
    density = np.exp(joint - joint.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = density / density.sum(axis=1, keepdims=True)
    return shares


def _expected_rate(right: NDArray[np.float64]) -> Rate:
    n = len(right)
    if n == 0:
        return Rate(float("nan"), 0.0, 1.0, 0, 0)
    p = float(right.mean())
    missing = float((right * (1 - right)).mean()) / max(p * (1 - p), 1e-12)
    known = max(round(n * (1 - min(missing, 1.0))), 1)
    low, high = wilson(np.array([round(p * known)]), np.array([known]))
    return Rate(p, min(float(low[0]), p), max(float(high[0]), p), round(p * n), n)
