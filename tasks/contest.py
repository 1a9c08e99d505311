"""Which of several trained models is the best on dev, and by how much.

The log loss on dev decides, weighted as in early stopping, as its probabilities feed the search for mislabels. How far
another model is behind is the mean of the differences row by row, with its 95% interval (normal, for paired rows with
weights): two models that are measured on the same rows can be told apart by far less than their own intervals.

Known failure: the smallest of several losses on the same rows is a little optimistic; the test part is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.folds import LEAST_PROBABILITY
from burnish.tasks.train import check_weights

WIDTH = 1.959964  # standard errors on each side


@dataclass(frozen=True)
class ModelScore:
    """What one model reached on dev.

    Attributes
    ----------
    model : str
    log_loss, error : float
        Σ s·L / Σ s, and the share misclassified, over the labelled dev rows.
    behind, low, high : float
        How much larger its log loss is than that of the best, with its 95% interval; 0 of the best itself.
    """

    model: str
    log_loss: float
    error: float
    behind: float
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """Give the score as plain values for `summary.json`."""
        return asdict(self)


def rank_models(
    probabilities: Mapping[str, NDArray[np.floating]],
    labels: NDArray[np.int64],
    weights: NDArray[np.floating] | None = None,
) -> tuple[ModelScore, ...]:
    """Rank models by their log loss on the same rows, the best first.

    Parameters
    ----------
    probabilities : mapping of str to float (m, k)
        Of the dev rows, by model.
    labels : int64 (m,)
        −1 = missing.
    weights : float (m,), optional
        How much each row counts.

    Returns
    -------
    tuple of ModelScore
        Of equal ones the first given is the better.

    Examples
    --------
    >>> sure, unsure = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0.6, 0.4], [0.5, 0.5]])
    >>> [(score.model, round(score.behind, 2)) for score in rank_models({"a": unsure, "b": sure}, np.array([0, 1]))]
    [('b', 0.0), ('a', 0.44)]
    """
    counted = np.flatnonzero((labels >= 0) & (check_weights(weights, len(labels)) > 0))
    shares = check_weights(weights, len(labels))[counted].astype(np.float64)
    shares /= shares.sum()
    losses = {name: row_losses(made[counted], labels[counted]) for name, made in probabilities.items()}
    best = min(losses, key=lambda name: float(losses[name] @ shares))
    scores = []
    for name, loss in losses.items():
        apart = loss - losses[best]
        behind = float(apart @ shares)
        half = WIDTH * float(np.sqrt(np.square(shares * (apart - behind)).sum()))
        wrong = probabilities[name][counted].argmax(axis=1) != labels[counted]
        scores.append(ModelScore(name, float(loss @ shares), float(wrong.mean()), behind, behind - half, behind + half))
    return tuple(sorted(scores, key=lambda score: score.behind))


def row_losses(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give −log p of the given class, float64 (m,), row by row."""
    said: NDArray[np.float64] = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(said + LEAST_PROBABILITY)
