"""Which columns can be learnt from: the given ones, less those that would teach nothing or only the row's name.

A constant column, a running number and a category with as many levels as rows carry no pattern; they stay among the
attributes (for slices and for writing back) and are left out of learning, each with a finding that says so.

Known failure: an id made of few digits (a postcode, a till number) passes as a category or number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from burnish.tasks.column_features import ROWS_A_LEVEL
from burnish.tasks.column_types import TypedColumns
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.notation import things
from burnish.tasks.notation_findings import notation_findings

MOST_LEVELS = 1000
_FEW_LEVELS = 20  # so many levels are never too many for the rows


def choose_columns(typed: TypedColumns, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Leave out the columns that can't be learnt from.

    Parameters
    ----------
    typed : TypedColumns
        The attributes.
    wanted : sequence of str
        Columns to learn from, the text column not among them.

    Returns
    -------
    (tuple of str, tuple of Finding)
        The columns that remain, in the same order, and why others don't.
    """
    frame = typed.frame
    constant = [name for name in wanted if frame[name].nunique() < 2 and not _missingness_tells(frame[name])]
    rest = [name for name in wanted if name not in constant]
    numbering = [name for name in rest if _is_row_number(frame[name])]
    rest = [name for name in rest if name not in numbering]
    levels = {name: frame[name].nunique() for name in rest if isinstance(frame[name].dtype, pd.StringDtype)}
    most = min(MOST_LEVELS, max(_FEW_LEVELS, len(frame) // 2))
    many = [name for name, count in levels.items() if count > most and not _levels_return(frame[name])]
    asked = set(wanted)
    beyond = [name for name in typed.beyond_float if name in asked]
    infinite = {name: count for name, count in typed.infinite.items() if name in asked}
    findings = [
        _constant_finding(constant, frame),
        _numbering_finding(numbering),
        _levels_finding(many, levels),
        _beyond_finding(beyond),
        _infinite_finding(infinite),
    ]
    kept = tuple(name for name in rest if name not in many)
    return kept, (*(finding for finding in findings if finding is not None), *notation_findings(typed, wanted))


def check_weights(attributes: pd.DataFrame, name: str, ids: pd.Series, path: Path) -> None:
    """Refuse a column of weights that are not all numbers of at least 0, some of them above.

    Raises
    ------
    InputError
        Names the column, the first bad row and what a weight is.
    """
    if name not in attributes:
        raise InputError(f"weights.column: {name!r} is the id or image column of {path}: name a column of numbers")
    column = attributes[name]
    if not pd.api.types.is_numeric_dtype(column.dtype) and column.notna().any():
        bad = np.flatnonzero(pd.to_numeric(column.astype("str"), errors="coerce").isna() & column.notna())
        first = f", as {str(column.iloc[bad[0]])!r} in row {bad[0] + 1:,}, id {ids.iloc[bad[0]]!r}" if bad.size else ""
        raise InputError(
            f"weights.column: {name!r} of {path} is not numeric{first}: give every row a number of at least 0"
        )
    weights = column.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = np.flatnonzero(~((weights >= 0) & np.isfinite(weights)))
    if bad.size:
        given = "none, or no finite number" if np.isnan(weights[bad[0]]) else f"{weights[bad[0]]:g}"
        raise InputError(
            f"weights.column: {things(int(bad.size), 'cell')} of {name!r} in {path} cannot be a weight, the first in "
            f"row {bad[0] + 1:,}, id {ids.iloc[bad[0]]!r} ({given}): give every row a number of at least 0"
        )
    if not weights.any():
        raise InputError(f"weights.column: {name!r} of {path} is 0 throughout: give some rows a weight above 0")


def _missingness_tells(column: pd.Series) -> bool:
    """One value or none: whether the value is there may still tell."""
    present = column.notna()
    return bool(present.any() and not present.all())


def _levels_return(column: pd.Series) -> bool:
    """Tell whether most cells hold a level that is seen often enough to learn from."""
    sizes = column.value_counts()
    return bool(sizes[sizes >= ROWS_A_LEVEL].sum() > sizes.sum() / 2)


def _is_row_number(column: pd.Series) -> bool:
    if not pd.api.types.is_integer_dtype(column.dtype) or column.isna().any() or len(column) <= _FEW_LEVELS:
        return False
    return bool((np.diff(column.to_numpy(dtype=np.int64)) == 1).all())


def _join(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _constant_finding(names: list[str], frame: pd.DataFrame) -> Finding | None:
    if not names:
        return None
    empty = sum(bool(frame[name].isna().all()) for name in names)
    what = (
        "missing throughout" if empty == len(names) else "constant" if not empty else "constant or missing throughout"
    )
    return Finding(
        code="columns.constant",
        title=f"{len(names)} column{'s are' if len(names) > 1 else ' is'} {what}: {_join(names)}",
        severity="info",
        explanation="A column with one value tells nothing apart, so it is not learnt from.",
        method="Distinct values counted over the whole dataset.",
        advice="Check that the export filled them; list them under data.exclude if they are meant so.",
        count=len(names),
    )


def _numbering_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.row_number",
        title=f"{len(names)} column{'s only number' if len(names) > 1 else ' only numbers'} the rows: {_join(names)}",
        severity="info",
        explanation="The order of the file would be learnt in place of the examples, so it is not learnt from.",
        method="Whole numbers that rise by one from row to row.",
        advice="Name it under data.id if it identifies the examples.",
        count=len(names),
    )


def _levels_finding(names: list[str], levels: dict[str, int]) -> Finding | None:
    if not names:
        return None
    shown = _join([f"{name} ({levels[name]:,} values)" for name in names])
    return Finding(
        code="columns.many_levels",
        title=f"{len(names)} column{'s have' if len(names) > 1 else ' has'} too many values for a category: {shown}",
        severity="info",
        explanation="Levels that hardly ever return can't be learnt as categories, so the column is not learnt from.",
        method=f"More than {MOST_LEVELS:,} distinct values, or more than half as many as rows, and most cells hold one "
        f"that is seen fewer than {ROWS_A_LEVEL} times.",
        advice="Name it under data.text if it is text, under data.id if it names the examples, or group its values.",
        count=len(names),
    )


def _beyond_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.beyond_float",
        title=f"{len(names)} column{'s hold' if len(names) > 1 else ' holds'} integers beyond 2^53: {_join(names)}",
        severity="info",
        explanation="As floating-point numbers they would lose digits, so they are kept as text.",
        method="Whole numbers larger in magnitude than 9,007,199,254,740,992.",
        advice="Name it under data.id if it identifies the examples; give it in larger units if it is a quantity.",
        count=len(names),
    )


def _infinite_finding(counts: dict[str, int]) -> Finding | None:
    if not counts:
        return None
    total = sum(counts.values())
    values = "values are" if total > 1 else "value is"
    return Finding(
        code="columns.infinite",
        title=f"{total:,} infinite or huge {values} taken as missing: {_join(list(counts))}",
        severity="warning",
        explanation="No mean, distance or network survives an infinity.",
        method="Cells that read inf or infinity, and numbers beyond ±1e150, whose square is no number any more.",
        advice="Look for a division by zero where the column is made.",
        count=total,
    )
