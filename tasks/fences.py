"""Where a column's own values end: the fences beyond which a value is no longer one of them.

Why: a fence of so many standard deviations clips 2–4% of a clean skewed column and misses gross errors in a narrow one.
The rule `auto` learns each tail from its own outer tenth and puts the fence where a normal's tail at `strength` is as
thin; and it goes further out until no more than a quarter of what lies beyond can be expected to be the tail's own.

Sources: modified z-score, Iglewicz & Hoaglin (1993), "How to Detect and Handle Outliers" (median ± 3.5 · 1.4826 · MAD);
double MAD, the same for each side of the median; exceedances over a threshold follow the generalized Pareto
distribution, Pickands (1975), fitted by probability-weighted moments, Hosking & Wallis (1987); skew by Tukey's g,
Hoaglin (1985); what may be called a discovery, Benjamini & Hochberg (1995).

Known failures: gross errors in more than 2% of the rows are taken for a second mode and kept, and a second mode in
fewer is taken for errors; outliers between two modes are not seen; in heavy-tailed columns of under 300
rows the fence may be half or twice as far as it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Fence", "Rule", "double_mad_fence", "find_fence", "mad_fence", "own_values", "quantile_fence"]

Rule = Literal["auto", "mad", "double_mad", "quantile"]
Floats = NDArray[np.float64]

SIGMA_OF_MAD = 1.482602218505602  # 1 / Φ⁻¹(0.75)
Z90 = 1.2815515655446004
FLATTEST = 0.9 * 1.9  # (q97.5 − q2.5) / (q75 − q25) is 2.91 for a normal, 1.9 for the flattest shape with one mode
FEWEST_VALUES = 30  # with fewer, the MAD itself is too uncertain
LARGEST_TAIL = 0.02  # a tail this common is no slip
TAIL, FEWEST_IN_TAIL, LARGEST_START = 0.1, 15, 0.3  # share of the values that a tail is learnt from
SHORTEST, HEAVIEST = -0.3, 0.5  # shapes: nearly all bounded columns reach no further; a tail beyond has no variance
SLACK = 0.5  # standard errors that the shape is taken heavier than it was measured
OWN = 0.25  # share of what lies beyond the fence that may be the tail's own
MOST_SAMPLED = 100_000
ROUNDS, LEARNT_WITHIN = 3, 3.5  # standard deviations in a normal: nearer than that, own values would be left out


@dataclass(frozen=True)
class Fence:
    """Limits of a column, infinite where a side is left alone, and how they were found or why there are none."""

    low: float
    high: float
    rule: str


def find_fence(
    values: Floats, rule: Rule = "auto", strength: float = 3.5, *, whole: bool = False, counts: bool = False
) -> Fence:
    """Give the fences of a column.

    Parameters
    ----------
    values : float64 (n,)
        Finite, of the training rows.
    rule : str
        auto looks at the column: near-symmetric, or of two modes: MAD, or the tails where they reach further; skewed:
        the tails, the lower one of logarithms where these are symmetric; more than half of the values equal: the
        other values decide; counts, the heaviest tails, tails that hold over 2%, fewer than 30 values: left alone.
        mad, double_mad and quantile do as they say.
    strength : float
        Standard deviations in a normal; elsewhere the value that is as rare.
    whole : bool
        The values are whole numbers, and so are the fences.
    counts : bool
        Counts are not left alone.

    Returns
    -------
    Fence

    Examples
    --------
    >>> find_fence(np.arange(20.0, 60), "mad", whole=True)
    Fence(low=-13.0, high=92.0, rule='mad')
    >>> find_fence(np.array([1.0, 2.0])).rule
    'left alone: too few values'
    """
    if len(values) < FEWEST_VALUES:
        return _nothing("too few values")
    values = np.sort(values)
    auto = rule == "auto"
    fence = _auto(values, strength, whole, counts) if auto else Fence(*_FENCES[rule](values, strength), rule)
    if whole:
        fence = Fence(float(np.floor(fence.low)), float(np.ceil(fence.high)), fence.rule)
    return _hold_back(values, fence) if auto else fence


def own_values(values: Floats, *, whole: bool = False) -> NDArray[np.bool_]:
    """Tell which values are a column's own, and not so far beyond the others that they must be errors.

    Parameters
    ----------
    values : float64 (n,)
        Finite.
    whole : bool
        They are whole numbers.

    Examples
    --------
    >>> own_values(np.append(np.arange(0.0, 100), 9999), whole=True)[-2:].tolist()
    [True, False]
    """
    sample = values
    if len(values) > MOST_SAMPLED:
        sample = values[np.random.default_rng(0).integers(len(values), size=MOST_SAMPLED)]
    fence = find_fence(sample, whole=whole, counts=True)
    return (values >= fence.low) & (values <= fence.high)


def mad_fence(values: Floats, strength: float) -> tuple[float, float]:
    """Median ± `strength` robust standard deviations."""
    middle, mad = _median_mad(values)
    return middle - strength * SIGMA_OF_MAD * mad, middle + strength * SIGMA_OF_MAD * mad


def double_mad_fence(values: Floats, strength: float) -> tuple[float, float]:
    """The same with a MAD for each side of the median."""
    middle = float(np.median(values))
    left, right = middle - values[values <= middle], values[values >= middle] - middle
    reach = strength * SIGMA_OF_MAD
    return middle - reach * float(np.median(left)), middle + reach * float(np.median(right))


def quantile_fence(values: Floats, strength: float) -> tuple[float, float]:
    """The quantiles that a normal would have at ± `strength`."""
    low, high = np.quantile(values, [_rarity(strength), 1 - _rarity(strength)])
    return float(low), float(high)


_FENCES: dict[str, Callable[[Floats, float], tuple[float, float]]] = {
    "mad": mad_fence,
    "double_mad": double_mad_fence,
    "quantile": quantile_fence,
}


def _nothing(why: str) -> Fence:
    return Fence(-np.inf, np.inf, f"left alone: {why}")


def _rarity(strength: float) -> float:
    """Share of a normal that lies beyond `strength` on one side."""
    from scipy.special import ndtr

    return float(ndtr(-strength))


def _median_mad(values: Floats) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, float(np.median(np.abs(values - middle)))


def _auto(values: Floats, strength: float, whole: bool, counts: bool = False) -> Fence:
    """Look at the sorted column, choose a rule, and give its fences."""
    middle, mad = _median_mad(values)
    if mad == 0:
        return _auto_of_others(values, middle, strength, whole, counts)
    skewed = _is_skewed(values)
    if whole and skewed and values[0] in (0, 1) and not counts:
        return _nothing("counts")
    two_modes = _tail_ratio(values) < FLATTEST
    with_mad = two_modes or not skewed
    sigma = SIGMA_OF_MAD * mad
    smooth = values  # steps between whole numbers would be taken for gaps
    if whole:
        smooth = np.sort(values + np.random.default_rng(0).uniform(-0.5, 0.5, len(values)))
    sides = ((values, smooth, middle), (-values[::-1], -smooth[::-1], -middle))
    high, low = (
        centre + strength * sigma
        if _ends_in_a_spike(side)
        else _tail_fence(spread, strength, centre, sigma if with_mad else None)
        for side, spread, centre in sides
    )
    low = -low
    if np.isinf(low) and np.isinf(high):
        return _nothing("very heavy tails")
    if not with_mad:
        return Fence(max(low, _low_of_logarithms(values, strength)), high, "skewed")
    if two_modes:
        return Fence(low, high, "mad, two modes")
    heavy = max(high - middle, middle - low) > 1.1 * _reach_of_normal(len(values), strength) * sigma
    return Fence(low, high, "mad, heavy tails" if heavy else "mad")


def _auto_of_others(values: Floats, common: float, strength: float, whole: bool, counts: bool) -> Fence:
    """Where one value takes more than half of the column, the other values decide."""
    others = values[values != common]
    if len(others) < FEWEST_VALUES or _median_mad(others)[1] == 0:
        return _nothing("nearly constant")
    fence = _auto(others, strength, whole, counts)
    named = fence.rule if fence.rule.startswith("left") else f"{fence.rule}, of the values ≠ {common:g}"
    return Fence(min(fence.low, common), max(fence.high, common), named)


def _low_of_logarithms(values: Floats, strength: float) -> float:
    """Where a column multiplies rather than adds, a value a hundred times too small is an error, too.

    That is where logarithms are symmetric, and all is positive but for what may be errors. Nought may mean: none.
    """
    positive = values[values > 0]
    if len(positive) < (1 - LARGEST_TAIL / 2) * len(values) or (values == 0).any() or _is_skewed(np.log(positive)):
        return -np.inf
    return float(np.exp(_auto(np.log(positive), strength, whole=False).low))


def _hold_back(values: Floats, fence: Fence) -> Fence:
    """Leave a tail alone that holds too many rows to be a slip."""
    below, above = (values < fence.low).mean() > LARGEST_TAIL, (values > fence.high).mean() > LARGEST_TAIL
    if below and above:
        return _nothing("both tails are common")
    if below:
        return Fence(-np.inf, fence.high, f"{fence.rule}, lower tail left alone: common")
    if above:
        return Fence(fence.low, np.inf, f"{fence.rule}, upper tail left alone: common")
    return fence


def _tail_ratio(values: Floats) -> float:
    q = np.quantile(values, [0.025, 0.25, 0.75, 0.975])
    return float((q[3] - q[0]) / (q[2] - q[1])) if q[2] > q[1] else float("inf")


def _ends_in_a_spike(values: Floats) -> bool:
    """Tell whether one value holds the upper end of sorted values, but for what may be errors: a natural bound."""
    count = len(values)
    start = values[int((1 - TAIL) * count)]
    return bool(count - np.searchsorted(values, start, side="right") <= LARGEST_TAIL * count)


def _is_skewed(values: Floats) -> bool:
    return abs(_skew(values)) > max(0.1, 6 / np.sqrt(len(values)))


def _skew(values: Floats) -> float:
    """Tukey's g: log of the ratio of the two halves between the 10% and the 90% quantile, over z90; 0 if symmetric."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    if high == middle or middle == low:
        return 0.0  # too few different values to tell
    return float(np.log((high - middle) / (middle - low)) / Z90)


def _reach_of_normal(count: int, strength: float) -> float:
    """Standard deviations to the fence of a clean normal of so many values."""
    from scipy.special import ndtri

    return max(strength, float(-ndtri(OWN / count)))


@dataclass(frozen=True)
class _Tail:
    """The upper tail of a column: beyond `start` lies a share of it, a generalized Pareto of this scale and shape.

    Where `sigma` is given, the tail is at least a normal's around `middle`.
    """

    start: float
    share: float
    scale: float
    shape: float
    middle: float
    sigma: float | None

    def beyond(self, x: Floats) -> Floats:
        """Give the share of the column that lies beyond x ≥ start."""
        from scipy.special import ndtr

        steps = (x - self.start) / self.scale
        pareto = np.exp(-steps) if self.shape == 0 else np.maximum(1 + self.shape * steps, 0) ** (-1 / self.shape)
        least = 0.0 if self.sigma is None else ndtr((self.middle - x) / self.sigma)
        return np.maximum(self.share * pareto, least)

    def where(self, rarity: float) -> float:
        """Give the x beyond which a share `rarity` lies."""
        from scipy.special import ndtri

        ratio = self.share / rarity
        steps = np.log(ratio) if self.shape == 0 else np.expm1(self.shape * np.log(ratio)) / self.shape
        least = -np.inf if self.sigma is None else self.middle - self.sigma * float(ndtri(rarity))
        return float(max(self.start + self.scale * steps, least))


def _tail_fence(values: Floats, strength: float, middle: float, sigma: float | None) -> float:
    """Give the upper fence of sorted values, infinite where the tail is too heavy to justify one."""
    rarity = _rarity(strength)
    share = max(TAIL, min(FEWEST_IN_TAIL / len(values), LARGEST_START))
    if rarity >= share:
        fence = float(np.quantile(values, 1 - rarity))
        return fence if sigma is None else max(fence, middle + strength * sigma)
    tail = _learn_tail(values, min(rarity, _rarity(LEARNT_WITHIN)), share, middle, sigma)
    if tail is None:
        return np.inf if sigma is None else middle + strength * sigma
    return np.inf if tail.shape > HEAVIEST else tail.where(_justified(values, tail, rarity))


def _learn_tail(values: Floats, rarity: float, share: float, middle: float, sigma: float | None) -> _Tail | None:
    """Fit the tail; each round learns from what is inside the last one's fence, or errors would judge themselves."""
    inside = _first_fence(values, rarity)
    for _ in range(ROUNDS):
        tail = _fit_tail(values[: np.searchsorted(values, inside, side="right")], share, middle, sigma)
        if tail is None:
            return None
        inside = tail.where(rarity)
    return tail


def _first_fence(values: Floats, rarity: float) -> float:
    """Go on from the quantiles at 40%, 20%, 10% and 5% in steps of log p, each as much longer as the last ones."""
    quantiles = np.quantile(values, [0.6, 0.8, 0.9, 0.95])
    steps = np.diff(quantiles)
    if not (steps > 0).all():
        return np.inf
    growth = float(np.clip(np.sqrt(steps[2] / steps[0]), 1.0, 2**HEAVIEST))
    count = np.log2(0.05 / rarity)
    reach = count if growth == 1 else growth * (growth**count - 1) / (growth - 1)
    return float(quantiles[3] + steps[2] * reach)


def _fit_tail(values: Floats, share: float, middle: float, sigma: float | None) -> _Tail | None:
    """Fit the excess over the quantile 1 − share of sorted values; None where it cannot be told.

    ξ = 2 − a₀ / (a₀ − 2a₁), σ = a₀ (1 − ξ), with a₀ the mean excess, a₁ its mean weighted by the share that is larger.
    """
    start = float(np.quantile(values, 1 - share))
    excess = values[np.searchsorted(values, start, side="right") :] - start
    count = len(excess)
    if count < FEWEST_IN_TAIL // 3 or excess[-1] <= 0:
        return None
    mean = float(excess.mean())
    weighted = float(((1 - (np.arange(1, count + 1) - 0.35) / count) * excess).mean())
    shape = 2 - mean / (mean - 2 * weighted) if mean > 2 * weighted else SHORTEST
    shape = max(shape + SLACK * (1 + abs(shape)) / np.sqrt(count), SHORTEST)
    return _Tail(start, share, mean * (1 - min(shape, 0.9)), shape, middle, sigma)


def _justified(values: Floats, tail: _Tail, rarity: float) -> float:
    """Make the fence's rarity so small that a share `OWN` of what lies beyond is expected of a clean column."""
    largest = values[np.searchsorted(values, tail.start, side="right") :][::-1]
    allowed = OWN * np.arange(1, len(largest) + 1) / len(values)
    passing = np.flatnonzero(tail.beyond(largest) <= np.minimum(allowed, rarity))
    return float(min(rarity, allowed[passing[-1] if len(passing) else 0]))
