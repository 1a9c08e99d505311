"""Annotators whose truth is known."""

import numpy as np


def simulate(n, accuracies, k=4, missing=0.0, seed=0):
    """Votes of annotators who err by class, each in his own way."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    votes = np.empty((n, len(accuracies)), dtype=np.int64)
    for j, accuracy in enumerate(accuracies):
        confusion = rng.dirichlet(np.ones(k), size=k) * (1 - np.eye(k))
        confusion *= (1 - accuracy) / confusion.sum(axis=1, keepdims=True)
        np.fill_diagonal(confusion, accuracy)
        votes[:, j] = (confusion[truth].cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    votes[rng.random(votes.shape) < missing] = -1
    return truth, votes
