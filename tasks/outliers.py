"""Winsorizing and its siblings: values far from the rest of their column, judged by limits learnt on train.

Why: one slipped decimal point moves a mean, stretches a scale and pulls a gradient. The limits are learnt on the
training rows only and applied unchanged to dev, test and later batches, and they are held back where they cannot be
justified: what is common in a column is no outlier.

Sources: modified z-score, Iglewicz & Hoaglin (1993), "How to Detect and Handle Outliers" (median ± 3.5 · 1.4826 · MAD);
double MAD, the same for each side of the median; skewed and heavy-tailed columns by Tukey's g-and-h family, Hoaglin
(1985), whose g comes from the 10%, 50% and 90% quantiles and h from the 2.5% points: double MAD and the adjusted
boxplot both clip 2–4% of clean lognormal data.

Known failures: a tail that holds more than 2% of the rows is taken for a second mode or a heavy tail and left alone, so
gross errors as common as that are kept; outliers between two modes are not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.multivariate import OUTLIER_ABOVE, score_outliers

__all__ = ["OUTLIER_ABOVE", "ColumnLimits", "Limits", "fit_limits", "score_outliers", "summarize_limits"]

Method = Literal["winsorize", "median", "mean", "zero", "drop", "keep"]
Rule = Literal["auto", "mad", "double_mad", "quantile"]
Floats = NDArray[np.float64]

SIGMA_OF_MAD = 1.482602218505602  # 1 / Φ⁻¹(0.75)
Z90 = 1.2815515655446004
NORMAL_TAIL, FLATTEST = 2.905847, 0.9 * 1.9  # see `_tail_ratio`
FEWEST_VALUES = 30  # with fewer, the MAD itself is too uncertain
LARGEST_TAIL = 0.02  # a tail this common is no slip
HEAVY = 1.15  # tails 15% longer than a normal's at the 2.5% point: Student's t with fewer than 7 degrees of freedom
HEAVIEST = 3.0  # longer than this (Student's t with 1 degree of freedom: 4.4), nothing can be justified
MOST_VALUES = 200_000  # more are sampled: the limits' own standard error is then far below 1% of a deviation


@dataclass(frozen=True)
class ColumnLimits:
    """The limits of one column; `low` and `high` are None where a side is left alone.

    `rule` says how they were found, or why there are none; `replacement` is the value for both sides with the methods
    median, mean and zero.
    """

    column: str
    low: float | None
    high: float | None
    replacement: float | None
    rule: str


@dataclass(frozen=True)
class Limits:
    """Limits learnt on train, a set for each numeric column."""

    method: Method
    strength: float
    columns: tuple[ColumnLimits, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give the limits as plain values that JSON can hold."""
        return asdict(self) | {"columns": [asdict(each) for each in self.columns]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Limits:
        """Rebuild what `to_dict` gave."""
        columns = tuple(ColumnLimits(**each) for each in stored["columns"])
        return cls(method=stored["method"], strength=stored["strength"], columns=columns)

    def apply(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Treat the values outside the limits; the frame given is left as it is.

        Parameters
        ----------
        frame : pd.DataFrame
            Must have the columns that have limits, as numbers.

        Returns
        -------
        treated : pd.DataFrame
            A new frame; dtypes as they were. With drop and keep the values are the same.
        replaced : pd.DataFrame
            bool, shape of `frame`: the cells replaced; with drop, the cells whose rows are to go; with keep, none.

        Raises
        ------
        InputError
            A column is gone or holds no numbers any more.
        """
        treated = frame.copy()
        replaced = pd.DataFrame(False, index=frame.index, columns=frame.columns)
        for limits in self.columns:
            if self.method == "keep" or (limits.low is None and limits.high is None):
                continue
            if limits.column not in frame:
                raise InputError(f"column {limits.column!r} has outlier limits but is not in the data: give it again.")
            column = frame[limits.column]
            if not _is_number(column):
                raise InputError(
                    f"column {limits.column!r} held numbers when its limits were learnt, and holds {column.dtype} now."
                )
            below, above = _outside(column, limits)
            replaced[limits.column] = below | above
            if self.method != "drop":
                treated[limits.column] = _replace(column, limits, below, above)
        return treated, replaced


def fit_limits(
    train: pd.DataFrame,
    *,
    method: Method = "winsorize",
    rule: Rule = "auto",
    strength: float = 3.5,
    columns: Sequence[str] | None = None,
) -> Limits:
    """Learn the limits of each numeric column from the training rows.

    Parameters
    ----------
    train : pd.DataFrame
        Training rows only. Booleans, dates and text have no limits.
    method : str
        What happens outside the limits: winsorize (set to the limit), median, mean, zero (set to that), drop, keep.
    rule : str
        auto looks at the column: near-symmetric: MAD; skewed: the fence follows the skew; heavy tails: it follows them
        too, so that only gross errors are outside; more than half of the values equal: the other values decide;
        counts, small second modes, columns with fewer than 30 values, and tails that hold over 2%: left alone. mad,
        double_mad and quantile do as they say, whatever the column looks like.
    strength : float
        Robust standard deviations a value must be off. For quantile, the tail beyond that many in a normal.
    columns : sequence of str, optional
        Columns to look at; default: all.

    Returns
    -------
    Limits

    Examples
    --------
    >>> ages = pd.DataFrame({"age": [*range(20, 60), 999]})
    >>> limits = fit_limits(ages, rule="mad")
    >>> limits.columns[0].high
    92.0
    >>> limits.apply(ages)[0]["age"].max()
    np.int64(92)
    """
    for name, value, known in (("method", method, get_args(Method)), ("rule", rule, get_args(Rule))):
        if value not in known:
            raise InputError(f"outliers.{name} is {value!r}: use one of {', '.join(known)}.")
    if not strength > 0:
        raise InputError(f"outliers.strength is {strength}: it must be above 0, e.g. 3.5 robust standard deviations.")
    names = [name for name in (train.columns if columns is None else columns) if _is_number(train[name])]
    return Limits(method, float(strength), tuple(_fit_column(train[name], method, rule, strength) for name in names))


def summarize_limits(limits: Limits, replaced: pd.DataFrame, parts: pd.Series) -> list[dict[str, Any]]:
    """Say for each column its limits, the rule, and how many cells were replaced in each part.

    Parameters
    ----------
    limits : Limits
    replaced : pd.DataFrame
        As `Limits.apply` gives it.
    parts : pd.Series
        The part (train, dev, ...) of each row of `replaced`.

    Returns
    -------
    list of dict
        Keys column, low, high, rule, replaced_train, replaced_train_dev, replaced_dev, replaced_test.
    """
    names = [each.column for each in limits.columns if each.column in replaced]
    counts = replaced[names].groupby(parts.to_numpy()).sum()
    counts = counts.reindex(["train", "train_dev", "dev", "test"], fill_value=0)
    return [
        {"column": each.column, "low": each.low, "high": each.high, "rule": each.rule}
        | {f"replaced_{part}": int(counts.loc[part, each.column]) for part in counts.index}
        for each in limits.columns
        if each.column in replaced
    ]


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _as_float(column: pd.Series) -> Floats:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _fit_column(column: pd.Series, method: Method, rule: Rule, strength: float) -> ColumnLimits:
    everything = _as_float(column)
    everything = everything[np.isfinite(everything)]
    values = everything
    if len(values) > MOST_VALUES:
        values = values[np.random.default_rng(0).integers(len(values), size=MOST_VALUES)]
    name = str(column.name)
    if len(values) < FEWEST_VALUES:
        return ColumnLimits(name, None, None, None, "left alone: too few values")
    if rule == "auto":
        low, high, how = _auto(values, strength)
    else:
        low, high, how = *_FENCES[rule](values, strength), rule
    whole = pd.api.types.is_integer_dtype(column) or bool((values == np.round(values)).all())
    if whole:
        low, high = np.floor(low), np.ceil(high)
    if rule == "auto":
        low, high, how = _hold_back(everything, low, high, how)
    kept = values[(values >= low) & (values <= high)]
    replacement = _replacement(kept, method)
    if replacement is not None and whole:
        replacement = float(round(replacement))
    return ColumnLimits(name, _finite(low), _finite(high), replacement, how)


def _replacement(kept: Floats, method: Method) -> float | None:
    if method == "zero":
        return 0.0
    if method in ("median", "mean") and len(kept):
        return float(np.median(kept) if method == "median" else np.mean(kept))
    return None


def _auto(values: Floats, strength: float) -> tuple[float, float, str]:
    """Look at the column, choose a rule, and give its limits; infinite where it is left alone."""
    middle, mad = _median_mad(values)
    if mad == 0:
        return _auto_of_others(values, middle, strength)
    if _tail_ratio(values) < FLATTEST:
        return *mad_fence(values, strength), "mad, two modes"
    g = _skew(values)
    skewed = abs(g) > max(0.1, 6 / np.sqrt(len(values)))
    if skewed and values.min() in (0, 1) and (values == np.round(values)).all():
        return -np.inf, np.inf, "left alone: counts"
    longer = _tail_ratio(_g_scores(values, g) if skewed else values) / NORMAL_TAIL
    heavy = longer > HEAVY
    if longer > HEAVIEST:
        return -np.inf, np.inf, "left alone: a small second mode, or very heavy tails"
    if heavy:  # h of the g-and-h family, from the 2.5% points; 3.84 and 0.45 are the squares of z97.5 and z75
        h = 2 * np.log(longer) / (3.8415 - 0.4549)
        strength *= float(np.exp(h * (strength**2 - 0.4549) / 2))
    how = ", heavy tails" if heavy else ""
    if skewed:
        return *_g_fence(values, g, strength), f"skewed{how}"
    return *mad_fence(values, strength), f"mad{how}"


def _auto_of_others(values: Floats, common: float, strength: float) -> tuple[float, float, str]:
    """Where one value takes more than half of the column, the other values decide."""
    others = values[values != common]
    if len(others) < FEWEST_VALUES or _median_mad(others)[1] == 0:
        return -np.inf, np.inf, "left alone: nearly constant"
    low, high, how = _auto(others, strength)
    named = how if how.startswith("left") else f"{how}, of the values ≠ {common:g}"
    return min(low, common), max(high, common), named


def _tail_ratio(values: Floats) -> float:
    """(q97.5 − q2.5) / (q75 − q25): 2.91 for a normal, 1.9 for the flattest shape with one mode, the uniform."""
    q = np.quantile(values, [0.025, 0.25, 0.75, 0.975])
    return float((q[3] - q[0]) / (q[2] - q[1])) if q[2] > q[1] else float("inf")


def _hold_back(values: Floats, low: float, high: float, how: str) -> tuple[float, float, str]:
    """Leave a tail alone that holds too many rows to be a slip."""
    crowded = [float((values < low).mean()) > LARGEST_TAIL, float((values > high).mean()) > LARGEST_TAIL]
    if all(crowded):
        return -np.inf, np.inf, "left alone: both tails are common"
    if crowded[0]:
        return -np.inf, high, f"{how}, lower tail left alone: common"
    if crowded[1]:
        return low, np.inf, f"{how}, upper tail left alone: common"
    return low, high, how


def _median_mad(values: Floats) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, float(np.median(np.abs(values - middle)))


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
    from scipy.special import ndtr

    low, high = np.quantile(values, [ndtr(-strength), ndtr(strength)])
    return float(low), float(high)


_FENCES = {"mad": mad_fence, "double_mad": double_mad_fence, "quantile": quantile_fence}


def _skew(values: Floats) -> float:
    """Tukey's g: log of the ratio of the two halves between the 10% and the 90% quantile, over z90; 0 if symmetric."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    if high == middle or middle == low:
        return 0.0  # too few different values to tell
    return float(np.log((high - middle) / (middle - low)) / Z90)


def _g_parameters(values: Floats, g: float) -> tuple[float, float]:
    middle, high = np.quantile(values, [0.5, 0.9])
    return float(middle), float(g * (high - middle) / np.expm1(g * Z90))


def _g_fence(values: Floats, g: float, strength: float) -> tuple[float, float]:
    """Give x(± strength) of x(z) = A + B (exp(g z) − 1) / g."""
    middle, scale = _g_parameters(values, g)
    reach = min(abs(g) * strength, 300.0) * np.sign(g)  # beyond that the limit is out of reach anyway
    return middle + scale * float(np.expm1(-reach)) / g, middle + scale * float(np.expm1(reach)) / g


def _g_scores(values: Floats, g: float) -> Floats:
    """Turn x into the z of `_g_fence`; values beyond the end of the family get a z far out."""
    middle, scale = _g_parameters(values, g)
    return np.asarray(np.log(np.maximum(1 + g * (values - middle) / scale, 1e-12)) / g)


def _outside(column: pd.Series, limits: ColumnLimits) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    values = _as_float(column)
    low = -np.inf if limits.low is None else limits.low
    high = np.inf if limits.high is None else limits.high
    return values < low, values > high


def _replace(column: pd.Series, limits: ColumnLimits, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> pd.Series:
    result = column.copy()
    whole = pd.api.types.is_integer_dtype(column)
    for side, limit in ((below, limits.low), (above, limits.high)):
        value = limit if limits.replacement is None else limits.replacement
        if side.any() and value is not None:
            result[side] = int(value) if whole else column.dtype.type(value)
    return result


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
