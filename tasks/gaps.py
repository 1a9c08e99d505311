"""The gaps between the errors of the chain human → train → train-dev → dev → test, and when a gap is material.

A gap is *material* when it is at least `material` (one point) and its 95% interval excludes zero; where an error or two
are all there is, the interval does so too early, and the exact test of the two counts must agree. It is *open* when it
is not material but its interval reaches `material`: it is not shown, and not ruled out. A gap between errors
stated without counts has no interval, and its size alone decides.

Source: Ng, Machine Learning Yearning, chapters 20-43; Newcombe (1998) for the interval; Lancaster (1961) for the mid-p
value of Fisher's exact test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from scipy.stats import hypergeom

from burnish.tasks.metrics import Rate, difference, none_if_nan

GapName = Literal["avoidable_bias", "variance", "data_mismatch", "dev_overfit"]
WORDS: dict[GapName, str] = {
    "avoidable_bias": "bias",
    "variance": "variance",
    "data_mismatch": "data mismatch",
    "dev_overfit": "dev overfit",
}
MEANINGS: dict[GapName, str] = {
    "avoidable_bias": "the model does not fit even the examples it learnt from",
    "variance": "the model fits what it has seen better than what it has not",
    "data_mismatch": "dev holds data of a kind that the model has not learnt from",
    "dev_overfit": "the choices made so far suit dev better than fresh data",
}
ROUNDING = 1e-9
BEYOND_CHANCE = 0.025  # one-sided, as the interval's lower end


@dataclass(frozen=True)
class Gap:
    """The gap between two errors of the chain.

    Attributes
    ----------
    value, low, high : float
        The difference with its 95% interval; NaN where it could not be measured.
    material : bool
        Large enough to work on, and shown by the counts.
    known : bool
        False where an error of the pair had to be assumed or is absent.
    origin : str
        Which errors, e.g. "train error − human error"; the key `from` in `summary.json`.
    open : bool
        Not material, but the interval does not rule out that it is.
    """

    value: float
    low: float
    high: float
    material: bool
    known: bool
    origin: str
    open: bool = False

    @property
    def measured(self) -> bool:
        """Whether there is a value at all, assumed or not."""
        return not math.isnan(self.value)

    def as_dict(self) -> dict[str, Any]:
        """Give the gap as plain values, NaN as None."""
        numbers = {name: none_if_nan(getattr(self, name)) for name in ("value", "low", "high")}
        return numbers | {"material": self.material, "known": self.known, "from": self.origin}


def measure_gap(worse: Rate, better: Rate, origin: str, material: float) -> Gap:
    """Give the gap between two errors, and whether it is material.

    >>> from burnish.tasks.metrics import stated
    >>> measure_gap(stated(0.05), stated(0.01), "dev error − train error", 0.01).material
    True
    """
    if not (worse.known and better.known):
        return unmeasured(origin)
    found = difference(worse, better)
    counted = found.high > found.low
    shown = found.value >= material - ROUNDING and (not counted or (found.low > 0 and beyond_chance(worse, better)))
    maybe = counted and not shown and found.high >= material
    return Gap(found.value, found.low, found.high, shown, known=True, origin=origin, open=maybe)


def beyond_chance(worse: Rate, better: Rate) -> bool:
    """Tell by Fisher's exact test, one-sided with mid-p, that one error is larger; one stated without counts has none.

    >>> from burnish.tasks.metrics import rate
    >>> beyond_chance(rate(1, 6), rate(0, 50)), beyond_chance(rate(2, 6), rate(0, 50))
    (False, True)
    """
    if not (worse.total and better.total):
        return True
    drawn = hypergeom(worse.total + better.total, worse.count + better.count, worse.total)
    return bool(drawn.sf(worse.count) + drawn.pmf(worse.count) / 2 < BEYOND_CHANCE)


def as_bound(gap: Gap, origin: str) -> Gap:
    """Mark a gap as an upper bound, because one of its errors had to be assumed."""
    return replace(gap, known=False, origin=origin)


def unmeasured(origin: str) -> Gap:
    """Give a gap that could not be measured."""
    return Gap(math.nan, math.nan, math.nan, material=False, known=False, origin=origin)


def points(value: float) -> str:
    """Write a difference of errors in percentage points.

    >>> points(0.028), points(0.01)
    ('2.8 points', '1.0 point')
    """
    number = f"{100 * value:.1f}".replace("-", "−").replace("−0.0", "0.0")
    return f"{number} point" + ("" if number == "1.0" else "s")
