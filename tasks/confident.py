"""Confident learning's own verdict, by cleanlab: a second opinion beside our probability, on the same probabilities.

Why: many people know and trust it. It counts the labels that are confidently something else (Northcutt, Jiang & Chuang
2021, "Confident Learning") and flags as many of the least probable ones; it gives no calibrated probability.
Known failure: it trusts the class probabilities as they are, so that an underconfident model makes it miss half.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray


def find_by_confident_learning(
    codes: NDArray[np.int64], probabilities: NDArray[np.floating] | None
) -> NDArray[np.bool_]:
    """Flag labels by cleanlab's default filter.

    Parameters
    ----------
    codes : int64 (n,)
        Given labels, −1 = missing: never flagged.
    probabilities : float (n, k) or None
        Out of fold; None flags nothing.

    Returns
    -------
    bool (n,)

    Examples
    --------
    >>> codes = np.repeat([0, 1], 30)
    >>> p = np.where(codes == 0, 0.95, 0.05)
    >>> p[4] = 0.02
    >>> np.flatnonzero(find_by_confident_learning(codes, np.stack([p, 1 - p], axis=1))).tolist()
    [4]
    """
    flagged = np.zeros(len(codes), dtype=bool)
    if probabilities is None:
        return flagged
    from cleanlab.filter import find_label_issues

    labelled = np.flatnonzero(codes >= 0)
    present, compact = np.unique(codes[labelled], return_inverse=True)
    if len(present) < 2:
        return flagged
    chances = probabilities[np.ix_(labelled, present)].astype(np.float64)
    chances = chances / np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="May not flag all label issues", category=UserWarning
        )  # of rare classes
        flagged[labelled] = find_label_issues(compact, chances, n_jobs=1)
    return flagged
