"""Winsorizing and its siblings: values far from the rest of their column, judged by limits learnt on train.

Why: one slipped decimal point moves a mean, stretches a scale and pulls a gradient. The limits are learnt on the
training rows only, for the whole column or for each group of rows (a source, a machine), and applied unchanged to dev,
test and later batches. Where a column's own values end is told by `fences.py`.

Never by label: the label of a new row is not known when it is to be treated, and rows of dev and test would be treated
by the answer they are there to test.

Source: winsorizing, Tukey (1962), "The Future of Data Analysis".

Known failures: those of `fences.py`; a group seen in fewer than 30 training rows has the limits of the whole column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.codes import is_code
from burnish.tasks.fences import FEWEST_VALUES, Fence, Rule, find_fence
from burnish.tasks.findings import InputError
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.limits import ColumnLimits, Floats, Limits, Mask, Method, is_number

__all__ = [
    "ColumnLimits",
    "Limits",
    "extreme_columns",
    "fit_limits",
    "summarize_limits",
]

MOST_VALUES = 100_000  # more are sampled: the limits' own standard error is then about 1% of a deviation
FEWEST_FINITE = 10_000  # with fewer in the sample, all rows are looked at
MOST_GROUPS = 1_000
SHOWN_GROUPS = 100  # whose limits stand in `summary.json`; those of all are in the model's folder
STRENGTH = 3.5


def fit_limits(
    train: pd.DataFrame,
    *,
    method: Method = "winsorize",
    rule: Rule = "auto",
    strength: float = STRENGTH,
    columns: Sequence[str] | None = None,
    rows: Mask | None = None,
    groups: pd.Series | None = None,
) -> Limits:
    """Learn the limits of each numeric column from the training rows.

    Parameters
    ----------
    train : pd.DataFrame
        Training rows, or all with `rows` to say which they are. Booleans, dates and text have no limits.
    method : str
        What happens outside the limits: winsorize (set to the limit), median, mean, zero (set to that), drop (the row
        goes), flag (nothing but that it is said), keep (not even looked at).
    rule : str
        auto looks at the column; mad, double_mad and quantile do as they say: see `find_fence`.
    strength : float
        Robust standard deviations a value must be off. For quantile, the tail beyond that many in a normal.
    columns : sequence of str, optional
        Columns to look at; default: all.
    rows : bool (n,), optional
        The rows to learn from; all where not given.
    groups : Series of n, optional
        The group of each row: groups with 30 or more rows to learn from have limits of their own.

    Returns
    -------
    Limits

    Raises
    ------
    InputError
        An unknown method or rule, a strength that is not above 0, more than 1,000 groups of 30 rows.

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
    names = [name for name in (train.columns if columns is None else columns) if is_number(train[name])]
    known_rows = np.arange(len(train)) if rows is None else np.flatnonzero(rows)
    by = None if groups is None else str(groups.name)
    members = [(None, known_rows), *_members(groups, known_rows)]
    looked_at = [(group, places, _sample(places)) for group, places in members]
    learnt = (
        _fit_column(train[name], places, sample, method, rule, strength, group)
        for name in names
        for group, places, sample in looked_at
    )
    kept = tuple(each for each in learnt if each.group is None or not each.rule.endswith("too few values"))
    return Limits(method, float(strength), kept, by)


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
        Keys column, low, high, rule, replaced_train, replaced_train_dev, replaced_dev, replaced_test; the limits of
        groups are counted in `groups`, and those of the first 100 are given in `of_groups` (group, low, high, rule).
    """
    masks = {part: (parts == part).to_numpy() for part in ("train", "train_dev", "dev", "test")}
    said = []
    for name, (each, *groups) in limits.by_column():
        if name not in replaced:
            continue
        cells = replaced[name].to_numpy()
        counts = {f"replaced_{part}": int((cells & mask).sum()) for part, mask in masks.items()}
        facts = {"column": name, "low": each.low, "high": each.high, "rule": each.rule, **counts}
        said.append(facts | ({} if limits.by is None else _of_groups(groups)))
    return said


def _of_groups(groups: Sequence[ColumnLimits]) -> dict[str, Any]:
    shown = [
        {"group": each.group, "low": each.low, "high": each.high, "rule": each.rule} for each in groups[:SHOWN_GROUPS]
    ]
    return {"groups": len(groups), "of_groups": shown}


def extreme_columns(replaced: pd.DataFrame) -> pd.Series:
    """Name the columns outside their limits in each row, tuples of str.

    >>> extreme_columns(pd.DataFrame({"a": [True, False], "b": [True, False]})).tolist()
    [('a', 'b'), ()]
    """
    named = pd.Series([()] * len(replaced), index=replaced.index, dtype=object)  # one empty tuple for all
    cells = [(name, np.flatnonzero(replaced[name].to_numpy())) for name in replaced.columns]
    if any(len(rows) for _, rows in cells):
        names = np.repeat([str(name) for name, _ in cells], [len(rows) for _, rows in cells])
        of_row = pd.Series(names).groupby(np.concatenate([rows for _, rows in cells])).agg(tuple)
        named.iloc[of_row.index.to_numpy()] = of_row.to_numpy()
    return named


def _members(groups: pd.Series | None, rows: NDArray[np.int64]) -> list[tuple[str | None, NDArray[np.int64]]]:
    """Give the groups large enough for limits of their own, by name, and the rows of each that are learnt from."""
    if groups is None:
        return []
    codes, names = pd.factorize(labels_as_text(groups.iloc[rows]))
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    large = np.flatnonzero(sizes >= FEWEST_VALUES)
    if len(large) > MOST_GROUPS:
        raise InputError(
            f"outliers.by: {groups.name!r} has {len(large):,} values with {FEWEST_VALUES} rows and more: use a column "
            f"of up to {MOST_GROUPS:,}."
        )
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], large)
    members = {str(names[at]): rows[order[start : start + sizes[at]]] for at, start in zip(large, starts, strict=True)}
    return [(name, members[name]) for name in sorted(members)]


def _sample(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw some of many rows, the same ones each time."""
    if len(rows) <= MOST_VALUES:
        return rows
    return np.sort(rows[np.random.default_rng(0).choice(len(rows), MOST_VALUES, replace=False, shuffle=False)])


def _finite_values(column: pd.Series, rows: NDArray[np.int64]) -> Floats:
    values = column.array[rows] if len(rows) < len(column) else column.array
    floats = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return floats[np.isfinite(floats)]


def _fit_column(
    column: pd.Series,
    rows: NDArray[np.int64],
    sample: NDArray[np.int64],
    method: Method,
    rule: Rule,
    strength: float,
    group: str | None,
) -> ColumnLimits:
    values = _finite_values(column, sample)
    if len(values) < FEWEST_FINITE and len(sample) < len(rows):
        values = _finite_values(column, rows)
    whole = pd.api.types.is_integer_dtype(column) or bool((values == np.round(values)).all())
    fence = _fence_of(str(column.name), values, rule, strength, whole=whole)
    kept = values[(values >= fence.low) & (values <= fence.high)]
    replacement = _replacement(kept, method)
    if replacement is not None and whole:
        replacement = float(round(replacement))
    return ColumnLimits(str(column.name), _finite(fence.low), _finite(fence.high), replacement, fence.rule, group)


def _fence_of(name: str, values: Floats, rule: Rule, strength: float, *, whole: bool) -> Fence:
    """Give the fences of a column; by the rule `auto`, codes have none, and no fence lies on the far side of nought."""
    if rule != "auto":
        return find_fence(values, rule, strength, whole=whole)
    if is_code(name, values):
        return Fence(-np.inf, np.inf, "left alone: codes")
    fence = find_fence(values, rule, strength, whole=whole)
    own = values[(values >= fence.low) & (values <= fence.high)]
    if np.isfinite(fence.low) and (own >= 0).all():
        return replace(fence, low=max(fence.low, 0.0))
    return replace(fence, high=min(fence.high, 0.0)) if np.isfinite(fence.high) and (own <= 0).all() else fence


def _replacement(kept: Floats, method: Method) -> float | None:
    if method == "zero":
        return 0.0
    if method in ("median", "mean") and len(kept):
        return float(np.median(kept) if method == "median" else np.mean(kept))
    return None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
