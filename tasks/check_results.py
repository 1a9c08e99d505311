"""What became of each expectation of a suite: the verdict, the figure, the values and rows that offend, in plain words.

Why: the terminal, the report and `summary.json` say the same, and people mend rows, so they are listed by id.

Known failure: at most 10,000 offending rows of an expectation are listed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import SHOWN_IDS, Finding

MOST_FAILED, MOST_PASSED = 200, 40  # results that `summary.json` holds
LISTED = ("id", "row", "column", "value", "severity", "number", "expectation", "expected")  # columns of `failing_rows`


@dataclass(frozen=True)
class CheckResult:
    """One expectation, checked.

    Attributes
    ----------
    expectation : str
        Its type, e.g. ``expect_column_values_to_be_in_set``.
    column : str
        Empty where it is about the whole table.
    severity : str
        ``critical``, ``warning`` or ``info``.
    success : bool
    observed, expected : str
        What was found and what should be, for people.
    examples : tuple of str
        Up to three offending values.
    row_positions : tuple of int
        Positions of offending rows, at most 10,000; of a failure that no single row is to blame for, none.
    number : int
        Its place in the suite, from 1.
    offending : int
        How many rows offend.
    """

    expectation: str
    column: str
    severity: Literal["critical", "warning", "info"]
    success: bool
    observed: str
    expected: str
    examples: tuple[str, ...] = ()
    row_positions: tuple[int, ...] = ()
    number: int = 0
    offending: int = 0

    def as_dict(self, ids: Sequence[str] | pd.Series | None = None) -> dict[str, Any]:
        """Give the result as plain values; with the ids of all rows, also the ids of the offending ones."""
        shown = [] if ids is None else ids_at(ids, self.row_positions[:SHOWN_IDS]).tolist()
        plain = {name: value for name, value in asdict(self).items() if name != "row_positions"}
        return plain | {"examples": list(self.examples), "ids": shown}


def shown_results(facts: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Give a validation's section of `summary.json`: what the report shows of it; thousands of checks are in `file`.

    Examples
    --------
    >>> facts = {"checks": 900, "failed": 0, "results": [{"success": True}] * 900}
    >>> shown = shown_results(facts, "validation/results.json")
    >>> shown["checks"], len(shown["results"]), shown["results_file"]
    (900, 40, 'validation/results.json')
    """
    failed = [each for each in facts["results"] if not each["success"]]
    passed = [each for each in facts["results"] if each["success"]]
    return {**facts, "results": [*failed[:MOST_FAILED], *passed[:MOST_PASSED]], "results_file": file}


def ids_at(ids: Sequence[str] | pd.Series, rows: Sequence[int]) -> NDArray[np.object_]:
    """Give the ids of some rows as text; the others, millions perhaps, stay as they are."""
    return pd.Series(ids).iloc[list(rows)].astype("str").to_numpy(dtype=object)


@dataclass(frozen=True)
class Validation:
    """What became of a suite: `success` means that no critical expectation failed."""

    success: bool
    results: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The failed results, the most severe first."""
        order = ("critical", "warning", "info")
        return tuple(sorted((r for r in self.results if not r.success), key=lambda r: order.index(r.severity)))

    @property
    def critical_failures(self) -> tuple[CheckResult, ...]:
        """The failed results that stop a run."""
        return tuple(r for r in self.failures if r.severity == "critical")

    def as_dict(self, ids: Sequence[str] | pd.Series | None = None) -> dict[str, Any]:
        """Give everything but the findings as plain values, failures first."""
        passed = [r for r in self.results if r.success]
        return {
            "success": self.success,
            "checks": len(self.results),
            "failed": len(self.failures),
            "critical": len(self.critical_failures),
            "results": [r.as_dict(ids) for r in (*self.failures, *passed)],
        }

    def failing_rows(self, frame: pd.DataFrame, ids: Sequence[str] | pd.Series) -> pd.DataFrame:
        """List the offending cells, each once with the worst that it breaks; columns as in `LISTED`, worst first.

        `row` counts the rows of the data from 1, without a line of names.

        Parameters
        ----------
        frame : DataFrame of n rows
            The batch.
        ids : sequence of str (n,)
        """
        parts = []
        for result in self.failures:
            rows = list(result.row_positions)
            value = frame[result.column].iloc[rows].astype("str").to_numpy() if result.column in frame else ""
            part = pd.DataFrame(
                {"id": ids_at(ids, rows), "row": np.add(rows, 1), "column": result.column, "value": value}
            )
            parts.append(part.assign(severity=result.severity, number=result.number, expectation=result.expectation))
            parts[-1]["expected"] = result.expected
        if not parts:
            return pd.DataFrame(columns=list(LISTED))
        return pd.concat(parts, ignore_index=True)[list(LISTED)].drop_duplicates(["id", "column"], ignore_index=True)
