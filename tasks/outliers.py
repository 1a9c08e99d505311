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
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.fences import FEWEST_VALUES, Rule, find_fence
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.limits import ColumnLimits, Floats, Limits, Mask, Method, is_number

__all__ = [
    "ColumnLimits",
    "Limits",
    "extreme_columns",
    "fit_limits",
    "group_findings",
    "outlier_findings",
    "summarize_limits",
]

MOST_VALUES = 100_000  # more are sampled: the limits' own standard error is then about 1% of a deviation
FEWEST_FINITE = 10_000  # with fewer in the sample, all rows are looked at
MOST_GROUPS = 1_000
MOST = 0.5  # share of the rows above which none is named
COMMON = 0.05  # share of a column outside its limits that is worth a word


def fit_limits(
    train: pd.DataFrame,
    *,
    method: Method = "winsorize",
    rule: Rule = "auto",
    strength: float = 3.5,
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
        groups are counted in `groups`.
    """
    masks = {part: (parts == part).to_numpy() for part in ("train", "train_dev", "dev", "test")}
    said = []
    for name, (each, *groups) in limits.by_column():
        if name not in replaced:
            continue
        cells = replaced[name].to_numpy()
        counts = {f"replaced_{part}": int((cells & mask).sum()) for part, mask in masks.items()}
        facts = {"column": name, "low": each.low, "high": each.high, "rule": each.rule, **counts}
        said.append(facts | ({"groups": len(groups)} if limits.by is not None else {}))
    return said


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


def outlier_findings(limits: Limits, replaced: pd.DataFrame, rows: Mask, ids: pd.Series) -> tuple[Finding, ...]:
    """Say where so many training rows or cells lie outside their limits that these are no outliers.

    Where it is most of the rows, none is named.

    Parameters
    ----------
    limits : Limits
    replaced : DataFrame of n rows
        As `Limits.apply` gives it.
    rows : bool (n,)
        The training rows.
    ids : Series of str, n rows
    """
    touched = np.zeros(len(replaced), dtype=bool)
    for name in replaced.columns:
        touched |= replaced[name].to_numpy()
    share = float((touched & rows).sum() / max(rows.sum(), 1))
    found = [_most_rows(limits, share, int(touched.sum()))] if share > MOST else []
    for name in dict.fromkeys(each.column for each in limits.columns):
        cells = replaced[name].to_numpy() & rows
        if cells.sum() > COMMON * rows.sum():
            found.append(
                Finding(
                    code="outliers.common",
                    title=f"{cells.sum() / rows.sum():.0%} of the training rows lie outside the limits of {name!r}",
                    severity="warning",
                    explanation="What is so common is no outlier but a part of the data; treating it bends the column.",
                    method=f"`outliers.rule` at strength {limits.strength:g}, more than {COMMON:.0%} of the rows.",
                    advice="Set `outliers.rule: auto`, which leaves a tail alone that holds over 2%, or raise "
                    "`outliers.strength`.",
                    count=int(cells.sum()),
                    ids=() if share > MOST else tuple(ids[cells].head(SHOWN_IDS)),
                )
            )
    return tuple(found)


def _most_rows(limits: Limits, share: float, touched: int) -> Finding:
    return Finding(
        code="outliers.most_rows",
        title=f"{share:.0%} of the training rows have a value outside its limits: too many to be outliers",
        severity="warning",
        explanation="Outliers are far from the rest; what most rows have is the rest. Treating it bends every column.",
        method=f"`outliers.rule` at strength {limits.strength:g}, more than half of the rows.",
        advice="Set `outliers.rule: auto`, or raise `outliers.strength`.",
        count=touched,
    )


def group_findings(groups: pd.Series, rows: Mask) -> tuple[Finding, ...]:
    """Say how many training rows are in groups too small for limits of their own.

    Parameters
    ----------
    groups : Series of n rows
        As given to `fit_limits`.
    rows : bool (n,)
        The training rows.

    Examples
    --------
    >>> group_findings(pd.Series(np.arange(40), name="name"), np.ones(40, dtype=bool))[0].title
    "none of the 40 values of 'name' has 30 training rows: all are held to the limits of the whole column"
    """
    codes, _ = pd.factorize(labels_as_text(groups[rows]))
    sizes = np.bincount(codes[codes >= 0])
    small = sizes < FEWEST_VALUES
    if not small.any():
        return ()
    few, held = int(small.sum()), int(sizes[small].sum())
    none_large = few == len(sizes)
    title = (
        f"none of the {few:,} values of {groups.name!r} has {FEWEST_VALUES} training rows: all are held to the limits "
        "of the whole column"
        if none_large
        else f"{few:,} of {len(sizes):,} values of {groups.name!r} have under {FEWEST_VALUES} training rows: their "
        f"{held:,} rows are held to the limits of the whole column"
    )
    return (
        Finding(
            code="outliers.small_groups",
            title=title,
            severity="warning" if held > MOST * sizes.sum() else "info",
            explanation="Limits learnt from so few rows would be those of chance.",
            method="training rows counted for each value of `outliers.by`",
            advice="Name a column of fewer values in `outliers.by`.",
            count=held,
        ),
    )


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
    return np.sort(rows[np.random.default_rng(0).integers(len(rows), size=MOST_VALUES)])


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
    fence = find_fence(values, rule, strength, whole=whole)
    kept = values[(values >= fence.low) & (values <= fence.high)]
    replacement = _replacement(kept, method)
    if replacement is not None and whole:
        replacement = float(round(replacement))
    return ColumnLimits(str(column.name), _finite(fence.low), _finite(fence.high), replacement, fence.rule, group)


def _replacement(kept: Floats, method: Method) -> float | None:
    if method == "zero":
        return 0.0
    if method in ("median", "mean") and len(kept):
        return float(np.median(kept) if method == "median" else np.mean(kept))
    return None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
