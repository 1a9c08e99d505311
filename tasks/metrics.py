"""How good a model is: error rates with intervals, precision, recall and F-beta per class, log loss, latency.

Every share of examples is a `Rate`: the value, its 95% interval and the counts behind it, so that nobody reads
2 errors in 40 as "5%". With no example at all the value is NaN and the interval 0 to 1: cannot tell.

Over classes there are two means. The arithmetic mean is the usual macro average; the harmonic mean is pulled down by
the worst class and is 0 where one class is never found. Classes without an example are left out of both.

Sources: `intervals.py` for the intervals of rates and scores; Newcombe (1998), method 10, for that of a difference.
Known failure: the intervals take examples for independent, and are too narrow where groups of examples hang together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.intervals import harmonic_limits, mean_limits, score_limits, wilson

SCORES = ["precision", "recall", "f_beta"]


@dataclass(frozen=True)
class Rate:
    """A share of examples with its interval: `count` of `total`.

    A rate somebody states without counts (the error of a human team) has `total` 0 and an interval of no width.
    """

    value: float
    low: float
    high: float
    count: int
    total: int

    @property
    def known(self) -> bool:
        """Whether there was anything to count."""
        return not math.isnan(self.value)

    def as_dict(self) -> dict[str, float | int | None]:
        """Give the rate as plain values; an unknown value is None."""
        value = self.value if self.known else None
        return {"value": value, "low": self.low, "high": self.high, "count": self.count, "total": self.total}


@dataclass(frozen=True)
class Difference:
    """The difference of two rates with its interval, in the same unit as the rates."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Measurement:
    """What `measure` found on one part of the data.

    Attributes
    ----------
    accuracy, error : Rate
        Share of examples predicted right and wrong.
    log_loss : float
        Mean of −log p(given label) in nats; NaN without examples.
    per_class : DataFrame
        `class, support, precision, recall, f_beta`, a row a class, NaN where a score has no meaning; of each score
        the 95% limits, `precision_low` to `f_beta_high`.
    arithmetic, harmonic : dict
        Means of the three scores over the classes that have support.
    arithmetic_limits, harmonic_limits : dict
        The 95% limits (low, high) of each mean.
    left_out : tuple of str
        The classes without support, which are in neither mean.
    confusion : int64 (k, k)
        Rows are given labels, columns predictions.
    """

    accuracy: Rate
    error: Rate
    log_loss: float
    per_class: pd.DataFrame
    arithmetic: dict[str, float]
    harmonic: dict[str, float]
    arithmetic_limits: dict[str, tuple[float, float]]
    harmonic_limits: dict[str, tuple[float, float]]
    left_out: tuple[str, ...]
    beta: float
    confusion: NDArray[np.int64]
    milliseconds_per_example: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give the measurement as plain values for `summary.json`, NaN as None."""
        rows = self.per_class.to_dict("records")
        return {
            "accuracy": self.accuracy.as_dict(),
            "error": self.error.as_dict(),
            "log_loss": none_if_nan(self.log_loss),
            "per_class": [{key: none_if_nan(value) for key, value in row.items()} for row in rows],
            "arithmetic": {key: none_if_nan(value) for key, value in self.arithmetic.items()},
            "harmonic": {key: none_if_nan(value) for key, value in self.harmonic.items()},
            "arithmetic_limits": {key: list(limits) for key, limits in self.arithmetic_limits.items()},
            "harmonic_limits": {key: list(limits) for key, limits in self.harmonic_limits.items()},
            "beta": self.beta,
            "confusion": self.confusion.tolist(),
            "milliseconds_per_example": self.milliseconds_per_example,
        }


def none_if_nan(value: Any) -> Any:
    """Give None for NaN, which JSON has no word for, and everything else as it is."""
    return None if isinstance(value, float) and math.isnan(value) else value


def rate(count: int, total: int, confidence: float = 0.95) -> Rate:
    """Give `count` of `total` with its Wilson interval.

    >>> rate(3, 60)
    Rate(value=0.05, low=0.0171..., high=0.1370..., count=3, total=60)
    """
    if total == 0:
        return Rate(math.nan, 0.0, 1.0, 0, 0)
    low, high = wilson(np.array([count]), np.array([total]), confidence)
    return Rate(count / total, float(low[0]), float(high[0]), int(count), int(total))


def error_rate(wrong: NDArray[np.bool_] | pd.Series, confidence: float = 0.95) -> Rate:
    """Give the share of wrong predictions with its Wilson interval.

    Parameters
    ----------
    wrong : bool (n,)
        True where the prediction is wrong.
    confidence : float
        How often the interval holds the true rate, 0.95 by default.

    >>> error_rate(np.array([True, False, False, False])).value
    0.25
    """
    mask = np.asarray(wrong, dtype=bool)
    return rate(int(mask.sum()), mask.size, confidence)


def stated(value: float) -> Rate:
    """Give a rate that somebody states without counts: its interval has no width."""
    return Rate(float(value), float(value), float(value), 0, 0)


def pool(rates: list[Rate]) -> Rate:
    """Give the rate over the examples of several disjoint parts together.

    >>> pool([rate(1, 10), rate(3, 30)]).count
    4
    """
    return rate(sum(each.count for each in rates), sum(each.total for each in rates))


def difference(a: Rate, b: Rate) -> Difference:
    """Give a − b with the interval of Newcombe's method 10, built of the two Wilson intervals.

    >>> difference(rate(56, 70), rate(48, 80))
    Difference(value=0.2..., low=0.0524..., high=0.3338...)
    """
    if not (a.known and b.known):
        return Difference(math.nan, -1.0, 1.0)
    value = a.value - b.value
    low = value - math.hypot(a.value - a.low, b.high - b.value)
    high = value + math.hypot(a.high - a.value, b.value - b.low)
    return Difference(value, low, high)


def measure(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    classes: tuple[str, ...],
    *,
    beta: float = 1.0,
    milliseconds_per_example: float | None = None,
) -> Measurement:
    """Measure predictions against labels; missing labels are skipped.

    Parameters
    ----------
    labels : int64 (n,)
        Codes into `classes`, −1 where the label is missing.
    probabilities : float (n, k)
        Columns in the order of `classes`; the prediction is the largest.
    beta : float
        How many times as much recall counts as precision in F-beta.
    milliseconds_per_example : float, optional
        Passed through, see `latency`.

    >>> found = measure(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), ("cat", "dog"))
    >>> found.error.count, found.confusion.tolist()
    (1, [[1, 0], [1, 1]])
    """
    given = labels >= 0
    truth, chances = labels[given], np.asarray(probabilities, dtype=np.float64)[given]
    predicted = chances.argmax(axis=1)
    confusion = count_confusion(truth, predicted, len(classes))
    per_class = score_classes(confusion, classes, beta)
    supported = per_class[per_class["support"] > 0]
    parts = {score: [supported[f"{score}{end}"].to_numpy() for end in ("", "_low", "_high")] for score in SCORES}
    return Measurement(
        accuracy=rate(int((truth == predicted).sum()), truth.size),
        error=error_rate(truth != predicted),
        log_loss=log_loss(truth, chances),
        per_class=per_class,
        arithmetic={score: float(supported[score].mean()) for score in SCORES},
        harmonic={score: harmonic_mean(supported[score].to_numpy()) for score in SCORES},
        arithmetic_limits={score: mean_limits(*part) for score, part in parts.items()},
        harmonic_limits={score: harmonic_limits(*part) for score, part in parts.items()},
        left_out=tuple(per_class.loc[per_class["support"] == 0, "class"]),
        beta=beta,
        confusion=confusion,
        milliseconds_per_example=milliseconds_per_example,
    )


def count_confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Count the pairs (given label, prediction) into an int64 (k, k) matrix."""
    return np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k).astype(np.int64)


def score_classes(confusion: NDArray[np.int64], classes: tuple[str, ...], beta: float) -> pd.DataFrame:
    """Give `class, support, precision, recall, f_beta` a class, and the limits of the three scores.

    A class that has examples and is never predicted has precision 0; one without examples has no recall and no F (NaN).
    """
    hits = np.diag(confusion).astype(np.float64)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    recall = np.where(support > 0, hits / np.maximum(support, 1), np.nan)
    precision = np.where((support > 0) | (predicted > 0), hits / np.maximum(predicted, 1), np.nan)
    weighed = beta**2 * support + predicted
    f_beta = np.where(support > 0, (1 + beta**2) * hits / np.maximum(weighed, 1e-300), np.nan)
    columns = {"class": list(classes), "support": support, "precision": precision, "recall": recall, "f_beta": f_beta}
    return pd.DataFrame(columns).join(score_limits(confusion, beta))


def log_loss(truth: NDArray[np.int64], chances: NDArray[np.float64]) -> float:
    """Give the mean of −log p(label) in nats, probabilities kept off 0 by the machine epsilon."""
    if truth.size == 0:
        return math.nan
    given = chances[np.arange(truth.size), truth] / chances.sum(axis=1)
    return float(-np.log(np.clip(given, np.finfo(np.float64).eps, 1.0)).mean())


def harmonic_mean(values: NDArray[np.float64]) -> float:
    """Give k / Σ 1/v: 0 where a value is 0, NaN of nothing.

    >>> harmonic_mean(np.array([1.0, 0.5]))
    0.666...
    """
    if values.size == 0:
        return math.nan
    return float(values.size / (1 / values).sum()) if (values > 0).all() else 0.0


def latency(predict: Callable[[Any], object], batch: Any, repeats: int = 5) -> float:
    """Give the milliseconds one example takes on one thread: the least of the repeats, after one call that warms up.

    Whatever else runs on the machine can only add to it; threads that wait for each other add most.

    Parameters
    ----------
    predict : callable
        Takes the batch.
    batch : array or frame
        At least one example; `len(batch)` of them.
    """
    from burnish.tasks.fitting import limited_threads

    seconds = []
    with limited_threads(1):
        predict(batch)
        for _ in range(repeats):
            start = time.perf_counter()
            predict(batch)
            seconds.append(time.perf_counter() - start)
    return 1000 * min(seconds) / len(batch)
