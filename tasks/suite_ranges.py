"""The range that the numbers or dates of a column promise to keep to: that of the column's own values.

Why: a wild value among the training rows would widen what is let through for ever. What lies so far beyond the others
that it must be an error (`fences.py`) is left out and said; as many of its kind may go on coming as were seen, so that
no table breaks its own contract. Codes have no median, and ids no range, which new ones would cross by nature.

Known failures: wild values in more than 2% of the rows widen a range, as do those of a column with very heavy tails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.codes import is_code, never_repeats
from burnish.tasks.fences import Floats, own_values
from burnish.tasks.suite_entries import STRANGERS, expect, key_expectations, mostly, share_to_come, tolerance
from burnish.tasks.suite_files import Suite


def number_expectations(column: pd.Series, slack: float) -> list[Suite]:
    """Ask of numbers, none missing, a range, a median, and that they differ where they did."""
    values = column.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    name, whole = str(column.name), bool((values == np.round(values)).all())
    keys, code = key_expectations(column) if whole else [], is_code(str(column.name), values)
    if code and never_repeats(values):
        return keys
    own = np.ones(len(values), dtype=bool) if code else own_values(values, whole=whole)
    bounds = _number_bounds(values[own], slack, whole)
    seen = f"{values[own].min():g} to {values[own].max():g} seen"
    notes, meta, share = _left_out(seen, values, own, _figure)
    between = expect("expect_column_values_to_be_between", "warning", notes, meta, column=name, **bounds, mostly=share)
    return [between, *([] if code else [_median_expectation(name, values)]), *keys]


def date_expectations(column: pd.Series, slack: float, max_age_days: float | None) -> list[Suite]:
    """Ask of dates, none missing, a range and a newest one."""
    days = column.to_numpy().astype("datetime64[us]").astype(np.int64) / 86_400e6
    own = own_values(days, whole=bool((days == np.round(days)).all()))
    low, high = column[own].min().as_unit("us"), column[own].max().as_unit("us")
    width = (high - low) * slack
    first, last = pd.Timestamp.min.ceil("D"), pd.Timestamp.max.floor("D")  # what a batch's dates are cut to
    notes, meta, share = _left_out(f"{low} to {high} seen", days, own, _day)
    name = str(column.name)
    return [
        expect(
            "expect_column_values_to_be_between",
            "info",
            notes,
            meta,
            column=name,
            min_value=min(max(low - width, first), last).isoformat(),
            max_value=max(min(high + width, last), first).isoformat(),
            mostly=share,
        ),
        expect(
            "expect_column_max_to_be_between",
            "warning",
            f"fresh: the newest seen is {high}, a quarter are newer than this; max_age_days counts from today instead",
            {"max_age_days": max_age_days},
            column=name,
            min_value=max(column.quantile(0.75).as_unit("us").floor("s"), first).isoformat(),
        ),
    ]


def _figure(value: float) -> str:
    return f"{value:.12g}" if value == round(value) else f"{value:.6g}"


def _day(days: float) -> str:
    return str(np.datetime64(int(np.floor(days)), "D"))


def _number_bounds(own: Floats, slack: float, whole: bool) -> dict[str, float | int]:
    """Widen the range of the values by the slack, but not beyond nought."""
    low, high = float(own.min()), float(own.max())
    width = (high - low) * slack
    wide_low = max(low - width, 0.0) if low >= 0 else low - width
    wide_high = min(high + width, 0.0) if high <= 0 else high + width
    return {
        "min_value": _round_out(wide_low, whole, np.floor),
        "max_value": _round_out(wide_high, whole, np.ceil),
    }


def _left_out(
    seen: str, values: Floats, own: NDArray[np.bool_], write: Callable[[float], str]
) -> tuple[str, Suite | None, float]:
    """Say which values a range was learnt without, and give the share that must comply."""
    n, out = len(values), values[~own]
    if not len(out):
        return seen, None, mostly(tolerance(n))
    stray = max(STRANGERS, share_to_come(len(out) / n, n))
    such_as = list(dict.fromkeys([write(float(out.min())), write(float(out.max()))]))
    notes = f"{seen}; far beyond the others, and left out: {len(out):,}, such as {' and '.join(such_as)}"
    return notes, {"left_out": len(out), "such_as": such_as}, mostly(tolerance(n, stray))


def _median_expectation(name: str, values: Floats) -> Suite:
    low, high = np.quantile(values, [0.25, 0.75])
    bounds: Suite = {"min_value": float(low), "max_value": float(high)}
    return expect("expect_column_median_to_be_between", "warning", "the quartiles seen", column=name, **bounds)


def _round_out(value: float, whole: bool, outwards: Any) -> float | int:
    """Round away from the range: to a whole number, or to six significant digits."""
    if whole:
        return int(outwards(value)) if abs(value) < 2**53 else float(value)
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 5)
    return float(f"{outwards(value / unit) * unit:.6g}")
