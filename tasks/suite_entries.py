"""One entry of a suite, and how much of a batch it lets stray: what is learnt of every kind of column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.suite_files import Suite

STRANGERS = 0.01  # share of values outside a range or a set that is tolerated
STRANGERS_A_BATCH = 6  # over n: a batch a third as large as train may hold two strangers
SURE_OF_KEYS = 100  # rows that a column's being unique is learnt from


def expect(type_: str, severity: str, notes: str, meta: Suite | None = None, **kwargs: Any) -> Suite:
    """Write one expectation."""
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"notes": notes} | (meta or {})}


def tolerance(n: int, at_least: float = STRANGERS) -> float:
    """Give the share of n values that may stray."""
    return float(max(at_least, min(0.5, STRANGERS_A_BATCH / max(n, 1))))


def share_to_come(share: float, n: int) -> float:
    """Give the share that a batch a third as large may have of what n rows held this share of: four standard errors."""
    return share + 4 * float(np.sqrt(share * (1 - share) / (n / 3)))


def mostly(stray: float) -> float:
    """Give the share that must comply where so many may stray."""
    return round(float(1 - min(1.0, stray)), 4)


def key_expectations(column: pd.Series) -> list[Suite]:
    """Ask that values which never repeated go on so."""
    n = len(column)
    if n < SURE_OF_KEYS or not column.is_unique:
        return []
    asked: Suite = {"column": str(column.name), "mostly": mostly(STRANGERS_A_BATCH / n)}
    return [expect("expect_column_values_to_be_unique", "warning", f"all {n:,} values differ", **asked)]
