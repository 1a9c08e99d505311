"""Does noise help? Candidates tried on dev before one of them is kept.

What: for each candidate (fitted noise, mild noise, none) a linear model learns from a sample of the training rows and
their copies, and is judged on the dev rows that matter. The candidate with the smallest log loss is kept; test is
never looked at.
Why log loss and not error: of two hundred dev rows the error moves in steps of half a point, and labels as given put a
floor under both.
Known failure: a linear model on fixed features; a network trained on pixels may like more noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.streams import stream
from burnish.tasks.train import predict, train_network

FEWEST_JUDGES = 30
TRIED_ROWS = 1_000
CERTAIN = 1e-6

Made = tuple[NDArray[np.float32], NDArray[np.int64]]  # features of copies (m, d), and the training row of each


@dataclass(frozen=True)
class Trial:
    """What dev says of one candidate.

    Attributes
    ----------
    name : str
    error, log_loss : float
        On the dev rows that matter.
    kept : bool
    """

    name: str
    error: float
    log_loss: float
    kept: bool

    def as_dict(self) -> dict[str, Any]:
        """Give the trial as values that JSON knows."""
        return dict(vars(self))


def try_noise(
    candidates: Mapping[str, Callable[[NDArray[np.int64]], Made]],
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    dev_features: NDArray[np.float32],
    dev_labels: NDArray[np.int64],
    classes: tuple[str, ...],
    threads: int | None = None,
    seed: int = 0,
) -> tuple[Trial, ...]:
    """Learn with each candidate's copies, and judge on dev.

    Parameters
    ----------
    candidates : name → callable
        Given some training rows, it makes their copies: features, and for each the place of its row among those given.
    features, labels : float32 (n, d), int64 (n,)
        Of the training rows; at most 1,000 are drawn.
    dev_features, dev_labels : float32 (m, d), int64 (m,)
    classes : names of the classes

    Returns
    -------
    tuple of Trial
        In the order of the candidates; of equals the last is kept, so that the plainest should come last.
    """
    rows = np.arange(len(labels))
    if len(rows) > TRIED_ROWS:
        rows = np.sort(stream(seed, "trial of noise").choice(rows, TRIED_ROWS, replace=False))
    results: dict[str, tuple[float, float]] = {}
    for name, make in candidates.items():
        made, origin = make(rows)
        x = np.concatenate([features[rows], made])
        y = np.concatenate([labels[rows], labels[rows][origin]])
        trained = train_network(x, y, classes=classes, model="linear", device="cpu", threads=threads, seed=seed)
        results[name] = _judged(predict(trained, dev_features, threads=threads), dev_labels)
    best = min(reversed(results), key=lambda name: results[name][1])
    return tuple(Trial(name, *figures, kept=name == best) for name, figures in results.items())


def _judged(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[float, float]:
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    error = float((probabilities.argmax(axis=1) != labels).mean())
    return error, float(-np.log(np.maximum(of_label, CERTAIN)).mean())
