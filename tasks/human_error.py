"""How often are people wrong here? An estimate from the disagreement of several annotators alone.

Their consensus is wrong about a row with the probability that the true class is another one (`annotators.py`); the mean
over the rows is the error that nobody who is judged by these labels can go below. How far such an estimate strays is
tried out (parametric bootstrap, Efron & Tibshirani 1993): annotators with the estimated error matrices vote on rows
whose truth is known, are judged anew, and the errors seen are compared with those made. The estimate is multiplied by
how much too small it was there, and its interval is the spread there. On large data fewer rows are drawn; the bias
shrinks with the rows, the spread with their root. The interval is never narrower than if the errors had been counted.

With two votes a row, the truth is only known by assumption: both err equally often and their errors go anywhere. With
fewer than 30 rows of two votes, nobody can tell.

Known failures: errors that all annotators share (a hard example, a misleading guideline, one copying from the other)
are invisible, so the estimate is a lower bound where they do. One of two annotators who is much the worse is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.annotators import ENOUGH, Consensus, choose_classes, climb, find_consensus, leave_out
from burnish.tasks.findings import Finding
from burnish.tasks.intervals import wilson
from burnish.tasks.metrics import Rate
from burnish.tasks.streams import stream

DRAWS = 100
DRAWN_CELLS = 60_000  # rows × annotators × classes of one draw at most
STEPS = 30  # of EM on each draw
MOST_BIASED = 2.0  # times; more is not believed of a small draw
METHOD = "Dawid and Skene's model of the votes; parametric bootstrap"


@dataclass(frozen=True)
class HumanError:
    """How often people are wrong, by their disagreement.

    Attributes
    ----------
    rate : Rate or None
        Error of the consensus; an estimate, without counts. None where it cannot be told.
    single : Rate or None
        Error of the typical vote.
    annotators, rows : int
        How many took part, and on how many rows two or more voted.
    assumed_equal : bool
        Whether all annotators had to be taken for equally good.
    finding : Finding
    """

    rate: Rate | None
    single: Rate | None
    annotators: int
    rows: int
    assumed_equal: bool
    finding: Finding

    def among(self, quality: NDArray[np.floating], kept: NDArray[np.bool_]) -> Rate | None:
        """Give the error of the consensus on some of the rows.

        Parameters
        ----------
        quality : float (n,)
            Probability that each label is right, NaN where nobody can tell.
        kept : bool (n,)
            The rows; without those whose label is suspect, most of the errors are gone.
        """
        wrong = 1 - quality
        known = ~np.isnan(wrong)
        every = float(wrong[known].sum())
        if self.rate is None or not every or not (known & kept).any():
            return self.rate
        left = float(wrong[known & kept].mean()) / (every / int(known.sum()))
        value, low, high = (min(left * each, 1.0) for each in (self.rate.value, self.rate.low, self.rate.high))
        return Rate(value, low, high, 0, 0)


def human_error(votes: NDArray[np.int64], k: int, *, seed: int = 0) -> HumanError:
    """Estimate the error of the annotators' consensus, and of a single vote, with 95% intervals.

    Parameters
    ----------
    votes : int64 (n, m)
        A column an annotator: the class, −1 where he did not vote.
    k : int
        Number of classes.
    seed : int
        Of the bootstrap.

    Examples
    --------
    >>> votes = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 1], [1, 1, 1]] * 30)
    >>> found = human_error(votes, 2)
    >>> found.rate.value < found.single.value < 0.15
    True
    """
    several = int(((votes >= 0).sum(axis=1) >= 2).sum())
    voting = int((votes >= 0).any(axis=0).sum())
    if several < ENOUGH:
        return HumanError(None, None, voting, several, False, _cannot_tell(several, voting))
    found = find_consensus(votes, k)
    told = _errors(votes, np.ones(len(votes)), found.posterior, found.codes)
    bias, strayed = _try_out(votes, k, found, seed)
    counted = int((votes >= 0).any(axis=1).sum()), int((votes >= 0).sum())
    rate, typical = (_with_interval(min(told[i] * float(bias[i]), 1.0), strayed[i], counted[i]) for i in range(2))
    finding = _estimated(rate, typical, voting, several, found.told_apart)
    return HumanError(rate, typical, voting, several, not found.told_apart, finding)


def _errors(
    votes: NDArray[np.int64], weights: NDArray[np.float64], posterior: NDArray[np.float64], codes: NDArray[np.int64]
) -> tuple[float, float]:
    """Give the expected error of the consensus and of a single vote, rows counting `weights` times."""
    cast = votes >= 0
    wrong = 1 - np.take_along_axis(posterior, np.maximum(codes, 0)[:, None], axis=1)[:, 0]
    by_vote = np.where(cast, 1 - np.take_along_axis(posterior, np.maximum(votes, 0), axis=1), 0.0).sum(axis=1)
    of_rows, of_votes = weights * cast.any(axis=1), weights * cast.sum(axis=1)
    return float(of_rows @ wrong / of_rows.sum()), float(weights @ by_vote / of_votes.sum())


def _try_out(
    votes: NDArray[np.int64], k: int, found: Consensus, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give how many times too small the two errors are told (2,), and how far they stray from that (2, draws)."""
    rng = stream(seed, "human error")
    voted = (votes >= 0).any(axis=1)
    n = int(voted.sum())
    size = min(n, max(DRAWN_CELLS // (votes.shape[1] * k), 10 * ENOUGH))
    shares = found.posterior[voted].mean(axis=0)
    cast = votes[voted] >= 0
    told, made = np.empty((2, DRAWS)), np.empty((2, DRAWS))
    for draw in range(DRAWS):
        truth = rng.choice(k, size, p=shares / shares.sum())
        drawn = np.where(cast[rng.integers(0, n, size)], _vote(truth, found.confusions, rng), -1)
        told[:, draw], made[:, draw] = _tell(drawn, truth, k, found.told_apart)
    bias = np.clip(made.mean(axis=1) / np.maximum(told.mean(axis=1), 1e-12), 1.0, MOST_BIASED)
    strayed = (made - bias[:, None] * told) * np.sqrt(size / n)
    return bias ** (size / n), strayed


def _vote(truth: NDArray[np.int64], confusions: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Let every annotator vote on rows whose truth is known, (n, m)."""
    below = [confusion.cumsum(axis=1)[:, :-1] for confusion in confusions]
    return np.stack([(each[truth] < rng.random((len(truth), 1))).sum(axis=1) for each in below], axis=1)


def _tell(
    votes: NDArray[np.int64], truth: NDArray[np.int64], k: int, told_apart: bool
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give the errors of the consensus and of a single vote as they are told, and as they were made."""
    rows, places, counts = np.unique(votes, axis=0, return_inverse=True, return_counts=True)
    weights = counts.astype(np.float64)
    fit = climb(rows, weights, k, told_apart=told_apart, steps=STEPS)
    posterior = leave_out(rows, weights, fit) if told_apart else fit.posterior
    codes = choose_classes(rows, fit.posterior)
    wrong = codes[places.reshape(-1)] != truth
    made = float(wrong.mean()), float((votes != truth[:, None])[votes >= 0].mean())
    return _errors(rows, weights, posterior, codes), made


def _with_interval(value: float, strayed: NDArray[np.float64], n: int) -> Rate:
    """Put the interval of the draws about an estimate, no narrower than that of n counted examples."""
    below, above = np.quantile(strayed, [0.025, 0.975]).tolist()
    low, high = wilson(np.array([round(value * n)]), np.array([n]))
    return Rate(
        value,
        max(0.0, min(value + below, float(low[0]), value)),
        min(1.0, max(value + above, float(high[0]), value)),
        0,
        0,
    )


def _estimated(rate: Rate, single: Rate, annotators: int, rows: int, told_apart: bool) -> Finding:
    equal = " All are taken to err equally often: it takes three votes on a row to tell annotators apart."
    return Finding(
        code="annotators.human_error",
        title=f"Human error is about {rate.value:.1%} ({rate.low:.1%}–{rate.high:.1%}), estimated from "
        f"{annotators} annotators' disagreement; a single vote is wrong in {single.value:.1%}",
        severity="info",
        explanation="This is the error of the consensus, and what a model judged by it cannot go below. Errors that "
        "all annotators share are invisible in it." + ("" if told_apart else equal),
        method=f"{METHOD}; {rows:,} rows with two votes or more",
        advice="Set data.human_error where experts have measured it.",
    )


def _cannot_tell(rows: int, annotators: int) -> Finding:
    return Finding(
        code="annotators.human_error",
        title=f"Cannot tell human error from {annotators} annotators: {rows:,} rows have two votes or more, it takes "
        f"{ENOUGH}",
        severity="cannot_tell",
        explanation="Only where several people label the same example does disagreement show how often they err.",
        method="Counted.",
        advice="Have some examples labelled by three people, or set data.human_error.",
        count=rows,
    )
