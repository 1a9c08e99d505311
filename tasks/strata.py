"""Further columns to stratify on: numbers in quantile bins, categories as they are, combinations that are rare merged.

Why: dev and test can have the right classes and sources and still lack the old, or the women. A column that is
stratified on is held in the same proportion in every part; nothing is learnt from it, so it may well be excluded.

How: within each label × source cell, a combination of all columns that has enough rows for every part is a stratum of
its own; rows of rarer ones are put together by all columns but the last, then by all but the last two, and so on. The
first column named is the last to give way.

Known failure: with many columns most combinations are rare, and only the first columns hold; a finding says how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.apportion import Ints
from burnish.tasks.balance import codes_of
from burnish.tasks.findings import Finding

BINS = 5
FEW_VALUES = 10  # distinct numbers, at most, that are each a value of its own


@dataclass(frozen=True)
class Strata:
    """What is stratified on beside label and source.

    Attributes
    ----------
    codes : int64 (n,)
        Stratum of each row, from 0.
    columns : tuple of str
    wanted, made : int
        Cells of label, source and all columns that occur; cells there are after rare ones were merged.
    merged_rows : int
        Rows of the combinations that were merged.
    """

    codes: Ints
    columns: tuple[str, ...]
    wanted: int
    made: int
    merged_rows: int

    def as_dict(self) -> dict[str, Any]:
        """Give the counts as plain values."""
        counts = {"wanted": self.wanted, "made": self.made, "merged_rows": self.merged_rows}
        return {"columns": list(self.columns), **counts}


def bin_values(values: pd.Series) -> Ints:
    """Number the values of a column: numbers and dates by quantile bins, the rest as they are; missing ones last.

    Parameters
    ----------
    values : Series (n,)

    Returns
    -------
    int64 (n,)

    Examples
    --------
    >>> bin_values(pd.Series(range(100))).tolist()[::20]
    [0, 1, 2, 3, 4]
    >>> bin_values(pd.Series(["b", "a", None, "b"])).tolist()
    [0, 1, 2, 0]
    """
    if pd.api.types.is_bool_dtype(values.dtype) or not _is_ordered(values):
        codes = codes_of(values)
    else:
        numbers = as_numbers(values)
        known = np.isfinite(numbers)
        codes = np.full(len(numbers), -1, dtype=np.int64)
        distinct = np.unique(numbers[known])
        if len(distinct) > FEW_VALUES:
            distinct = np.unique(np.quantile(numbers[known], np.arange(1, BINS) / BINS))
            codes[known] = np.searchsorted(distinct, numbers[known], side="right")
        else:
            codes[known] = np.searchsorted(distinct, numbers[known])
    codes[codes < 0] = codes.max(initial=-1) + 1
    return codes


def as_numbers(values: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Give numbers or dates as float64, NaN where missing (n,)."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        stamps = values.astype("int64").to_numpy(dtype=np.float64, copy=True)
        stamps[values.isna().to_numpy()] = np.nan
        return stamps
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def merge_strata(columns: pd.DataFrame, label: Ints, source: Ints, least: int) -> Strata:
    """Number the strata, rare ones merged.

    Parameters
    ----------
    columns : DataFrame of n rows
        The most important first.
    label, source : int64 (n,)
        −1 where missing; such rows count in no cell.
    least : int
        Rows that a stratum of a label × source cell must have.

    Returns
    -------
    Strata

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "m"] * 10, "town": ["a"] * 19 + ["b"]})
    >>> strata = merge_strata(people, np.zeros(20, int), np.zeros(20, int), least=5)
    >>> strata.made, strata.merged_rows  # f; m in a; m in b, one row, with no stratum of its own
    (3, 1)
    """
    n, known = len(columns), label >= 0
    base = _dense((label + 1) * (int(source.max(initial=-1)) + 2) + source + 1)
    levels = [base]
    for name in columns:
        values = bin_values(columns[name])
        levels.append(_dense(levels[-1] * (int(values.max(initial=-1)) + 1) + values))
    codes, offset = np.zeros(n, dtype=np.int64), 0
    left = known.copy()
    finest = levels[-1]
    for level in reversed(levels):
        sizes = np.bincount(level[left], minlength=int(level.max(initial=-1)) + 1)
        fits = left & ((sizes >= least)[level] | (level is base))
        codes[fits] = level[fits] + offset
        left &= ~fits
        offset += int(level.max(initial=-1)) + 1
    used = np.unique(codes, return_inverse=True)[1] if n else codes
    own = np.bincount(finest[known], minlength=int(finest.max(initial=-1)) + 1)
    return Strata(
        codes=used,
        columns=tuple(str(name) for name in columns),
        wanted=len(np.unique(finest[known])),
        made=len(np.unique(codes[known])),
        merged_rows=int((known & (own < least)[finest]).sum()) if n else 0,
    )


def strata_findings(strata: Strata) -> list[Finding]:
    """Say how many combinations were too rare to be held in every part."""
    if not strata.merged_rows:
        return []
    return [
        Finding(
            code="split.strata_merged",
            title=f"{strata.wanted:,} cells of label, source, {', '.join(strata.columns)} became {strata.made:,}: "
            f"{strata.merged_rows:,} examples are in combinations too rare for every part",
            severity="info",
            explanation="Rare combinations are held in proportion by the first columns alone, or by label and source.",
            method="examples counted for each combination against what one example in the smallest part takes",
            advice="Name fewer columns in `split.stratify`, the most important first.",
            count=strata.merged_rows,
        )
    ]


def _is_ordered(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype)


def _dense(codes: Ints) -> Ints:
    return pd.factorize(codes)[0].astype(np.int64)
