"""95% intervals: of shares, of precision, recall and F-beta of each class, and of their means over the classes.

A share has Wilson's interval (1927). F-beta grows with precision and with recall, so it lies between its values at both
lower and at both upper limits; those are taken at 97.5% each, so that both hold together in 95% (Bonferroni). A
mean over classes moves from its value by the root of the summed squares of its parts' distances to their limits
(MOVER: Zou & Donner 2008); for the harmonic mean the parts are the reciprocals.

Known failure: precisions of different classes share examples and are taken for independent; the interval of F-beta is
wider than it need be.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]


def wilson(hits: NDArray[np.integer], totals: NDArray[np.integer], confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Give the limits of shares; 0 and 1 where there is nothing to share.

    Parameters
    ----------
    hits, totals : int (n,)
    confidence : float

    Examples
    --------
    >>> low, high = wilson(np.array([3, 0]), np.array([60, 0]))
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.0171, 0.0], [0.137, 1.0])
    """
    z = float(ndtri((1 + confidence) / 2))
    n = np.maximum(totals, 1)
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = np.where(hits == 0, 0.0, centre - half)
    high = np.where(hits == totals, 1.0, centre + half)
    return low, high


def score_limits(confusion: NDArray[np.int64], beta: float) -> pd.DataFrame:
    """Give the limits of each class's scores.

    Parameters
    ----------
    confusion : int64 (k, k)
        Rows are labels, columns predictions.
    beta : float

    Returns
    -------
    DataFrame of k rows
        `precision_low, precision_high, recall_low, recall_high, f_beta_low, f_beta_high`, 0 and 1 where unknown.
    """
    hits = np.diag(confusion)
    totals = {"precision": confusion.sum(axis=0), "recall": confusion.sum(axis=1)}
    limits: dict[str, Floats] = {}
    for score, total in totals.items():
        limits[f"{score}_low"], limits[f"{score}_high"] = wilson(hits, total)
    together = [wilson(hits, total, 0.975) for total in totals.values()]
    for side, name in enumerate(("f_beta_low", "f_beta_high")):
        precision, recall = (pair[side] for pair in together)
        weighed = beta**2 * precision + recall
        limits[name] = np.where(
            weighed > 0, (1 + beta**2) * precision * recall / np.where(weighed > 0, weighed, 1), 0.0
        )
    return pd.DataFrame(limits)


def mean_limits(values: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Give the limits of the mean of values (k,) from theirs; 0 and 1 of nothing."""
    if values.size == 0:
        return 0.0, 1.0
    mean = float(values.mean())
    below, above = (math.sqrt(float(((values - limit) ** 2).sum())) / values.size for limit in (low, high))
    return max(mean - below, 0.0), min(mean + above, 1.0)


def harmonic_limits(values: Floats, low: Floats, high: Floats) -> tuple[float, float]:
    """Give the limits of the harmonic mean of values (k,) from theirs; 0 and 1 of nothing.

    With a value of 0 the mean is 0, and its upper limit that of all values at their upper limits.

    Examples
    --------
    >>> harmonic_limits(np.array([0.5, 0.5]), np.array([0.4, 0.4]), np.array([0.6, 0.6]))
    (0.4248..., 0.5667...)
    """
    if values.size == 0:
        return 0.0, 1.0
    if (values <= 0).any():
        return 0.0, float(values.size / (1 / high).sum()) if (high > 0).all() else 0.0
    total = float((1 / values).sum())
    longer = math.sqrt(float(((1 / low - 1 / values) ** 2).sum())) if (low > 0).all() else math.inf
    shorter = math.sqrt(float(((1 / values - 1 / high) ** 2).sum()))
    return values.size / (total + longer), min(values.size / (total - shorter), 1.0)
