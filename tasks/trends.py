"""Which columns go along with time: running numbers, meters, dates of the same event, names of months.

Why: where the newest rows are kept for dev and test, and newer ones come with every batch, what rises with time leaves
any range learnt from the older rows, and no fault is behind it.

How: Spearman's rank correlation with time; texts by their place in the alphabet, which for `2021-04` is that in time.

Known failure: a column that only drifts (a correlation below 0.9) is bounded on both sides, and its drift is reported.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.strata import as_numbers

WITH_TIME = 0.9  # a rank correlation from here on: newer rows lie beyond the older ones, but for noise
READ = 20_000  # rows that are compared
FEWEST = 10


def trend(column: pd.Series, time: pd.Series) -> int:
    """Say whether a column rises (1) or falls (−1) with time, or neither (0).

    Parameters
    ----------
    column : Series (n,)
        Numbers, dates or text, missing values among them.
    time : Series (n,)
        Numbers or dates, in the same order.

    Examples
    --------
    >>> days = pd.Series(pd.date_range("2021-01-01", periods=100))
    >>> trend(days, days), trend(pd.Series(range(100, 0, -1)), days), trend(pd.Series([1, 2] * 50), days)
    (1, -1, 0)
    >>> trend(days.dt.strftime("%Y-%m"), days)
    1
    """
    step = max(1, len(column) // READ)
    when, what = _ranked(time.iloc[::step]), _ranked(column.iloc[::step])
    known = np.isfinite(when) & np.isfinite(what)
    if known.sum() < FEWEST:
        return 0
    when, what = (pd.Series(each[known]).rank().to_numpy() for each in (when, what))
    if when.std() == 0 or what.std() == 0:
        return 0
    correlation = float(np.corrcoef(when, what)[0, 1])
    return int(np.sign(correlation)) if abs(correlation) >= WITH_TIME else 0


def _ranked(column: pd.Series) -> NDArray[np.float64]:
    """Give numbers that order the values of a column; NaN where missing."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return as_numbers(column)
    codes, _ = pd.factorize(column.astype("str"), sort=True)
    return np.where(codes < 0, np.nan, codes.astype(np.float64))
