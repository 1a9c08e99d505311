"""The running average of a series that is drawn: the values of many epochs jump, and the eye wants their course.

v_t = β·v_{t−1} + (1−β)·x_t, divided by 1 − β^t so that early values are not too small (Kingma & Ba 2015, "Adam",
section 3). Known failure: it lags behind a series that falls fast, by about 1/(1−β) values.
"""

from __future__ import annotations

from collections.abc import Sequence


def running_average(values: Sequence[float], beta: float = 0.9) -> list[float]:
    """Average a series from its start, the last values counting most.

    Examples
    --------
    >>> [round(value, 3) for value in running_average([1.0, 1.0, 4.0], beta=0.5)]
    [1.0, 1.0, 2.714]
    """
    total, averaged = 0.0, []
    for step, value in enumerate(values, start=1):
        total = beta * total + (1 - beta) * value
        averaged.append(total / (1 - beta**step))
    return averaged
