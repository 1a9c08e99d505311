"""The annotators in the label audit: their votes join the voices, and the facts about them go into the summary.

The voices never saw a row's own label, so what they say of its true class is P(true | x) before the votes; the votes
then move it by what each annotator is worth (`annotators.py`). `label_quality` is the probability of the consensus
label that comes out.

Three people who err on the same hard examples are not three witnesses. The labelling model of the voices (`noise.py`)
knows that hard examples are mislabelled more often, and judges the consensus as one label; of it, one figure is taken:
how many labels are wrong in all. Where votes and voices together expect fewer, beyond chance, the votes lose weight
until they expect as many. Row by row it is not asked, since the consensus is made of the same votes.

Known failures: as of `annotators.py`. Where the voices' count of wrong labels is too high, votes count too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.annotators import NEVER, Consensus, find_consensus, measure_accuracy, normalise
from burnish.tasks.evidence import label_codes
from burnish.tasks.human_error import HumanError, human_error
from burnish.tasks.intervals import wilson
from burnish.tasks.metrics import none_if_nan, rate

LIGHTEST = 0.4  # weight of a vote
HALVINGS = 10


@dataclass(frozen=True)
class AnnotatorAudit:
    """What is known of the annotators.

    Attributes
    ----------
    consensus : Consensus
        By votes and voices together.
    vote_weight : float
        What a vote counts, 1 where annotators err independently.
    human : HumanError
        By disagreement alone.
    """

    consensus: Consensus
    vote_weight: float
    human: HumanError


def audit_annotators(
    votes: NDArray[np.int64],
    k: int,
    *,
    prior: NDArray[np.floating] | None = None,
    learn: NDArray[np.bool_] | None = None,
    codes: NDArray[np.int64] | None = None,
    wrong: float = 0.0,
    seed: int = 0,
) -> AnnotatorAudit:
    """Judge the labels by votes and voices together, and estimate human error by the votes alone.

    Parameters
    ----------
    votes : int64 (n, m)
        A column an annotator: the class, −1 where he did not vote.
    k : int
        Number of classes.
    prior : float (n, k), optional
        P(true | x) by the voices; None where they know nothing.
    learn : bool (n,), optional
        The rows that annotators are judged by; the others are judged by what was learnt there.
    codes : int64 (n,), optional
        The consensus that was taken for the label, −1 where there is none; with a prior, the votes are weighed by it.
    wrong : float
        Share of wrong labels among them by the voices' own account.
    seed : int
        Of the bootstrap.
    """
    found, weight = find_consensus(votes, k, prior=prior, learn=learn), 1.0
    if prior is not None and codes is not None:
        weight = weigh_votes(prior, found.posterior, codes, wrong)
        posterior = _temper(prior, found.posterior, weight)
        if weight < 1:
            found = replace(found, posterior=posterior, accuracy=measure_accuracy(votes, posterior))
    return AnnotatorAudit(found, weight, human_error(votes, k, seed=seed))


def weigh_votes(
    prior: NDArray[np.floating], posterior: NDArray[np.float64], codes: NDArray[np.int64], wrong: float
) -> float:
    """Give the weight of the votes, at most 1, at which no fewer wrong labels are expected than the share given.

    That share is taken at the lower limit of its 95% interval, so that chance costs nobody weight.

    Parameters
    ----------
    prior : float (n, k)
        P(true | x) before the votes.
    posterior : float64 (n, k)
        P(true | x, votes) with votes of weight 1.
    codes : int64 (n,)
        The labels, −1 where there is none.
    wrong : float
        Share of wrong labels.
    """
    rows = np.flatnonzero(codes >= 0)
    before, after, given = prior[rows], posterior[rows], codes[rows]

    def expected(weight: float) -> float:
        right = _temper(before, after, weight)[np.arange(len(rows)), given]
        return float(1 - right.mean())

    least = float(wilson(np.array([round(wrong * len(rows))]), np.array([len(rows)]))[0][0])
    if not len(rows) or expected(1.0) >= least:
        return 1.0
    low, high = LIGHTEST, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) > least else (low, middle)
    return low


def _temper(prior: NDArray[np.floating], posterior: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Let what the votes added to the log of the prior count `weight` times."""
    before, after = (np.log(np.maximum(each, NEVER)) for each in (prior, posterior))
    return normalise(before + weight * (after - before))


def consensus_labels(
    labels: pd.DataFrame, classes: Sequence[Any] | None = None
) -> tuple[pd.Series, NDArray[np.int64], tuple[Any, ...]]:
    """Turn the labels of several annotators, one a column, into their consensus, votes int64 (n, m) and the classes.

    Raises
    ------
    InputError
        Fewer than two classes, or labels outside the classes.

    Examples
    --------
    >>> labels, votes, classes = consensus_labels(pd.DataFrame({"ann": ["a", "b"], "bob": ["a", None]}))
    >>> labels.tolist(), votes.tolist(), classes
    (['a', 'b'], [[0, 0], [1, -1]], ('a', 'b'))
    """
    names, stacked = label_codes(pd.concat([labels[column] for column in labels], ignore_index=True), classes)
    votes = stacked.reshape(labels.shape[1], len(labels)).T
    codes = find_consensus(votes, len(names)).codes
    agreed = pd.Series([names[code] if code >= 0 else None for code in codes.tolist()])
    return agreed, votes, names


def annotator_facts(
    names: Sequence[str],
    votes: NDArray[np.int64],
    codes: NDArray[np.int64],
    classes: Sequence[str],
    audit: AnnotatorAudit,
) -> dict[str, Any]:
    """Give the section `annotators` of `summary.json`.

    Parameters
    ----------
    names : sequence of str, length m
    votes : int64 (n, m)
    codes : int64 (n,)
        The consensus that was taken for the label.
    classes : sequence of str
    audit : AnnotatorAudit
    """
    found, human = audit.consensus, audit.human
    return {
        "annotators": [
            {
                "name": name,
                "votes": int((votes[:, j] >= 0).sum()),
                "accuracy": found.accuracy[j].as_dict(),
                "disagrees": _disagrees(votes[:, j], codes),
                "worst_confusion": _worst_confusion(votes[:, j], found.posterior, classes),
            }
            for j, name in enumerate(names)
        ],
        "told_apart": found.told_apart,
        "vote_weight": audit.vote_weight,
        "agreement": none_if_nan(found.agreement),
        "alpha": none_if_nan(found.alpha),
        "human_error": None if human.rate is None else human.rate.as_dict(),
        "single_error": None if human.single is None else human.single.as_dict(),
        "shared_rows": human.rows,
        "assumed_equal": human.assumed_equal,
        "said": human.finding.title,
    }


def _disagrees(vote: NDArray[np.int64], codes: NDArray[np.int64]) -> dict[str, Any]:
    """Count how often an annotator is at odds with the consensus."""
    cast = vote >= 0
    return rate(int((vote[cast] != codes[cast]).sum()), int(cast.sum())).as_dict()


def _worst_confusion(
    vote: NDArray[np.int64], posterior: NDArray[np.float64], classes: Sequence[str]
) -> dict[str, Any] | None:
    """Name the pair that an annotator takes for one another most often; None where no vote is likelier wrong."""
    cast = np.flatnonzero(vote >= 0)
    truth = posterior[cast].argmax(axis=1)
    k = len(classes)
    counts = np.bincount(truth * k + vote[cast], minlength=k * k).reshape(k, k)
    seen = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    true, given = divmod(int(counts.argmax()), k)
    if not counts[true, given]:
        return None
    share = rate(int(counts[true, given]), int(seen[true]))
    return {"true": classes[true], "given": classes[given], "share": share.as_dict()}
