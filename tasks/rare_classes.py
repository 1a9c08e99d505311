"""Rare classes that the model passes over: a gap of their own, which errors over all examples hardly show.

A class counts as rare where it has fewer than half the training examples of an even share. All rare ones together are
compared with all others, so that a hundred of them do not make a hundred comparisons: their error on dev is material
above that of the others by the rule of `gaps`.

Source: King & Zeng (2001), "Logistic regression in rare events data", on weights against a bias to the frequent class.
Known failure: weights move errors from the rare classes to the frequent ones; whether that is worth it is the user's
to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.findings import Finding
from burnish.tasks.gaps import measure_gap
from burnish.tasks.metrics import Rate, error_rate

RARE = 0.5  # of an even share of the training examples
SHOWN = 3


def strengthen_rare(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    learnt: NDArray[np.int64],
    *,
    classes: Sequence[str],
    material: float = 0.01,
) -> tuple[Finding, ...]:
    """Advise weights for rare classes where the model passes them over more often than the others.

    Parameters
    ----------
    labels, predicted : int64 (m,)
        Of dev; rows whose label is not to be trusted left out.
    learnt : int64 (n,)
        Labels learnt from; −1 = not learnt from.
    classes : sequence of str
    material : float
        The smallest difference of errors worth a step.

    Examples
    --------
    >>> labels = np.repeat([0, 1], [90, 10])
    >>> step = strengthen_rare(labels, np.zeros(100, int), labels, classes=("no", "yes"))[0]
    >>> step.title
    "Strengthen 'yes' (weights.class_balance): the model finds 0 of 10 in dev, 90 of 90 of the frequent class"
    """
    counts = np.bincount(learnt[learnt >= 0], minlength=len(classes))
    rare = (counts > 0) & (counts < RARE * counts.sum() / max((counts > 0).sum(), 1))
    wrong, of_rare = labels != predicted, rare[labels]
    missed, others = error_rate(wrong[of_rare]), error_rate(wrong[~of_rare])
    if not measure_gap(missed, others, "", material).material:
        return ()
    share = [np.mean(wrong[labels == code]) if (labels == code).any() else -1 for code in range(len(classes))]
    worst = sorted(np.flatnonzero(rare).tolist(), key=lambda code: -share[code])
    named = ", ".join(repr(classes[code]) for code in worst[:SHOWN]) + (", …" if len(worst) > SHOWN else "")
    return (
        Finding(
            "diagnosis.rare_classes",
            f"Strengthen {named} (weights.class_balance): the model finds {_found(missed)} in dev, {_found(others)} "
            f"of the frequent {'class' if len(classes) - len(worst) == 1 else 'classes'}",
            "info",
            explanation="Where classes overlap, a model that makes few errors in all leaves the rare ones out.",
            method="dev errors of the classes with under half an even share of the training examples against those of "
            "all others, Newcombe's 95% interval",
            advice="Set it to 0.5, then 1. More of the rare will be found and more of the others taken for them: look "
            "at precision and recall, not at the error alone. `augment.balance` copies them instead.",
            count=missed.count,
        ),
    )


def _found(missed: Rate) -> str:
    return f"{missed.total - missed.count:,} of {missed.total:,}"
