"""Weak slices: the parts of the data on which the model is worse than on the rest.

Every level of a category and every quarter of a number is compared with all other examples by Fisher's exact test,
one-sided; Holm's correction over all slices tried keeps the chance of any false alarm at 5%. Columns that the model
never learns from (race, sex, ...) are sliced like any other: this is where they matter most.

Sources: Holm (1979); error analysis by hand as in Ng, Machine Learning Yearning, chapters 14-19.
Known failure: slices of one column at a time; a weak crossing of two columns shows only as far as it shows in either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import hypergeom

from burnish.tasks.metrics import Rate, error_rate

TABLE_COLUMNS = ("source", "label", "predicted")


@dataclass(frozen=True)
class Slice:
    """A part of the data that does worse than the rest; `p_value` is corrected for the number of slices tried."""

    slice: str
    count: int
    errors: int
    error: Rate
    rest: Rate
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        """Give the slice as plain values for `summary.json`."""
        return {
            "slice": self.slice,
            "count": self.count,
            "errors": self.errors,
            "error": self.error.as_dict(),
            "p_value": self.p_value,
        }


def find_slices(
    attributes: pd.DataFrame,
    wrong: NDArray[np.bool_],
    *,
    table: pd.DataFrame | None = None,
    min_count: int = 20,
    bins: int = 4,
    level: float = 0.05,
) -> list[Slice]:
    """Find the slices with an error significantly above that of the rest, the surest first.

    Parameters
    ----------
    attributes : DataFrame (n rows)
        The columns to slice by, those never learnt from included.
    wrong : bool (n,)
        True where the prediction is wrong.
    table : DataFrame (n rows), optional
        The examples table: its `source`, `label` and `predicted` are sliced too.
    min_count : int
        Slices of fewer examples are not tried.
    bins : int
        Numbers and dates are cut into so many parts of equal count.
    level : float
        Chance of any false alarm.

    >>> frame = pd.DataFrame({"device": ["phone"] * 40 + ["scanner"] * 160})
    >>> weak = find_slices(frame, np.arange(200) < 20)
    >>> weak[0].slice, weak[0].error.value
    ('device = phone', 0.5)
    """
    mask = np.asarray(wrong, dtype=bool)
    frame = attributes.reset_index(drop=True)
    if table is not None:
        extra = [name for name in TABLE_COLUMNS if name in table and name not in frame]
        frame = pd.concat([frame, table[extra].reset_index(drop=True)], axis=1)
    named = [(name, part) for name, part in cut(frame, bins) if min_count <= part.sum() < len(mask)]
    if not named:
        return []
    p_values = holm(worse_than_rest(np.stack([part for _, part in named]), mask))
    found = [
        Slice(name, int(part.sum()), int(mask[part].sum()), error_rate(mask[part]), error_rate(mask[~part]), float(p))
        for (name, part), p in zip(named, p_values, strict=True)
        if p <= level
    ]
    return sorted(found, key=lambda each: (each.p_value, -each.errors, each.slice))


def cut(frame: pd.DataFrame, bins: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give every slice of every column as its name and a bool (n,) mask, in the order of the columns."""
    for name in frame.columns:
        column = frame[name]
        missing = column.isna().to_numpy()
        if missing.any():
            yield f"{name} is missing", missing
        orderable = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
        if orderable and not pd.api.types.is_bool_dtype(column) and column.nunique() > bins:
            yield from cut_quantiles(str(name), column, bins)
        else:
            codes, levels = pd.factorize(column, sort=False)
            order = sorted(range(len(levels)), key=lambda code: str(levels[code]))
            yield from ((f"{name} = {levels[code]}", codes == code) for code in order)


def cut_quantiles(name: str, column: pd.Series, bins: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Cut an ordered column at its quantiles; each slice is named by the smallest and largest value in it."""
    dates = pd.api.types.is_datetime64_any_dtype(column)
    ranks = column.rank(method="min", pct=True).to_numpy(dtype=np.float64, na_value=np.nan)
    parts = np.ceil(ranks * bins)
    for part in range(1, bins + 1):
        inside = parts == part
        if inside.any():
            low, high = column[inside].min(), column[inside].max()
            shown = (low.date(), high.date()) if dates else (f"{low:.6g}", f"{high:.6g}")
            yield f"{name} from {shown[0]} to {shown[1]}", inside


def worse_than_rest(parts: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Give Fisher's one-sided p-value that a part has more errors than the rest.

    Parameters
    ----------
    parts : bool (m, n)
        A row a part.
    wrong : bool (n,)

    Returns
    -------
    float64 (m,)
    """
    counts = parts.sum(axis=1)
    errors = (parts & wrong).sum(axis=1)
    return np.asarray(hypergeom.sf(errors - 1, wrong.size, wrong.sum(), counts), dtype=np.float64)


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correct p-values for their number by Holm's step-down method.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(p_values.size, 0, -1))
    corrected = np.empty_like(stepped)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
