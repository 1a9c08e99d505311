"""Enforce the contract on the data with Great Expectations, and say what breaks it in words, values and rows.

Why: a batch that no longer looks like the training data is stopped, or at least shown, before anything is learnt from
it. Column by column, what is shown to hold by counting (`screening.py`) is done with; the rest goes to Great
Expectations, whose verdict, figure and rows are put into words. A batch that keeps its contract is thus checked without
a copy of it, in well under the time that Great Expectations alone takes, and the same verdicts are reached.

Known failure: a batch that breaks most of what is asked of it takes about as long as Great Expectations alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.batch_types import TypedColumn, kinds_of, read_column
from burnish.tasks.check_results import CheckResult, Validation, ids_at
from burnish.tasks.check_words import is_share, say_expected, say_observed
from burnish.tasks.expectations import Item, columns_of, evaluate
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.hints import did_you_mean
from burnish.tasks.screening import Outcome, Screen, screen_rows
from burnish.tasks.suite_files import Suite, check_form, load_suite, save_suite
from burnish.tasks.suites import date_suite, learn_suite, learning_findings

__all__ = [
    "CheckResult",
    "Validation",
    "date_suite",
    "enforce_suite",
    "learn_suite",
    "learning_findings",
    "load_suite",
    "save_suite",
]

SHOWN_EXAMPLES = 3
NOTHING_ASKED = Finding(
    code="validation.nothing_asked",
    title="The suite holds no expectation: nothing is asked of the data",
    severity="cannot_tell",
    explanation="A batch of any kind keeps a contract that is empty.",
    method="the list under 'expectations' of the suite",
    advice="Write expectations into the suite, or learn one anew: burnish check CONFIG --learn contract.yaml.",
)
LONGEST_EXAMPLE = 60
_OF_NAMES = ("expect_column_to_exist", "expect_table_columns_", "expect_table_column_count_")
_OF_CELLS = ("_be_in_type_list", "_be_of_type", "_be_null", "_proportion_of_non_null_values_to_be_between")


def enforce_suite(
    frame: pd.DataFrame,
    suite: Suite,
    ids: Sequence[str] | pd.Series | None = None,
    *,
    called: Mapping[str, str] | None = None,
    where: str = "the suite",
) -> Validation:
    """Check a batch against a suite.

    Parameters
    ----------
    frame : pd.DataFrame
        The batch; text that the suite wants as numbers, dates or booleans is parsed.
    suite : dict
        As `learn_suite` or `load_suite` gives it; `date_suite` first makes dates of ages in days.
    ids : sequence of str, optional
        The id of each row, for the findings.
    called : mapping of str to str, optional
        What columns are called in results and findings, where other than in the batch.
    where : str
        What the suite is called in findings and errors: the path of its file, say.

    Returns
    -------
    Validation

    Raises
    ------
    InputError
        The suite names a column that neither it nor the batch has, an expectation that Great Expectations does not
        know, or arguments that make no sense.

    Examples
    --------
    >>> suite = learn_suite(pd.DataFrame({"colour": ["red", "blue"] * 50}))
    >>> checked = enforce_suite(pd.DataFrame({"colour": ["red", "green"] * 50}), suite)
    >>> [(r.column, r.observed, r.examples) for r in checked.failures]
    [('colour', '50 of 100 (50%) otherwise', ('green',))]
    """
    check_form(suite, where)
    items = list(enumerate(suite["expectations"]))
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    present = set(frame.columns)
    check_suite_columns(suite, present, where=where)
    runnable = [item for item in items if set(columns_of(item[1])) <= present or _asks_for_column(item[1])]
    kinds = kinds_of(suite)
    outcomes, odd = _outcomes(frame, runnable, kinds, where)
    results = tuple(_result(number, each, outcomes[number], frame) for number, each in runnable)
    results = tuple(replace(each, column=(called or {}).get(each.column, each.column)) for each in results)
    with_type = {name for _, each in items if "type" in each["type"].split("_") for name in columns_of(each)}
    untyped = {name: column for name, column in odd.items() if name not in with_type}
    return Validation(
        success=all(r.success or r.severity != "critical" for r in results),
        results=results,
        findings=(
            *_findings(results, ids, where),
            *_unread(untyped, frame, ids),
            *_not_run(len(items) - len(runnable)),
            *([] if items else [NOTHING_ASKED]),
        ),
    )


def _asks_for_column(each: Suite) -> bool:
    return bool(each["type"] == "expect_column_to_exist")


def check_suite_columns(suite: Suite, present: set[str], *, where: str = "the suite") -> None:
    """Refuse a suite about a column that is not there; one that it requires to exist may be gone: that is a failure.

    `where` is what the suite is called.

    Raises
    ------
    InputError
    """
    items = list(enumerate(suite["expectations"]))
    required = {str(each.get("kwargs", {}).get("column")) for _, each in items if _asks_for_column(each)}
    for number, each in items:
        for name in columns_of(each):
            if name not in present and name not in required:
                hint = did_you_mean(name, sorted(present | required), f"columns: {', '.join(sorted(present)[:10])}.")
                raise InputError(
                    f"expectation {number + 1} of {where} names column {name!r}, which is not there: {hint}"
                )


def _outcomes(
    frame: pd.DataFrame, items: Sequence[Item], kinds: dict[str, str], where: str
) -> tuple[dict[int, Outcome], dict[str, TypedColumn]]:
    """Give the outcome of each expectation, and the columns with cells of another kind; it reads column by column."""
    outcomes: dict[int, Outcome] = {}
    odd: dict[str, TypedColumn] = {}
    kept: dict[str, TypedColumn] = {}
    left: list[Item] = []
    for name, some in _by_column(items).items():
        column = read_column(frame[name], kinds.get(name, "")) if name in frame else None
        screen = None if column is None or frame.empty else Screen(column)
        found = [(item, _screened(item[1], screen, len(frame))) for item in some]
        outcomes |= {item[0]: outcome for item, outcome in found if outcome is not None}
        failed = [item for item, outcome in found if outcome is None]
        left += failed
        if column is not None and failed:
            kept[name] = column
        if column is not None and column.odd is not None:
            odd[name] = column
    return outcomes | _judge(frame, left, kept, kinds, where), odd


def _by_column(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Sort expectations by their column; under "" those about several, or the table."""
    found: dict[str, list[Item]] = {}
    for item in items:
        columns = columns_of(item[1])
        found.setdefault(columns[0] if len(columns) == 1 else "", []).append(item)
    return found


def _screened(each: Suite, screen: Screen | None, rows: int) -> Outcome | None:
    """Give the outcome of an expectation that is shown to hold."""
    if screen is None:
        return screen_rows(rows, each)
    if _asks_for_column(each) and set(each.get("kwargs", {})) == {"column"}:
        return {"success": True, "result": {}}
    return screen.outcome(each)


def _judge(
    frame: pd.DataFrame, items: Sequence[Item], kept: dict[str, TypedColumn], kinds: dict[str, str], where: str
) -> dict[int, Outcome]:
    """Have Great Expectations judge what is not shown to hold.

    Expectations about the cells see odd ones as they came, those about the values see them as missing.
    """
    of_names = [item for item in items if item[1]["type"].startswith(_OF_NAMES)]
    rest = [item for item in items if not item[1]["type"].startswith(_OF_NAMES)]
    outcomes = evaluate(frame.iloc[:0], of_names, where=where)
    for of_cells in (True, False):
        some = [item for item in rest if item[1]["type"].endswith(_OF_CELLS) is of_cells]
        shown = {name for _, each in some for name in _shown(each, frame)}
        batch = {}
        for name in [name for name in frame.columns if name in shown]:
            column = kept.get(name) or read_column(frame[name], kinds.get(name, ""))
            batch[name] = column.as_given(frame[name]) if of_cells else column.for_evaluation()
        outcomes |= evaluate(pd.DataFrame(batch, index=frame.index), some, where=where)
    return outcomes


def _shown(each: Suite, frame: pd.DataFrame) -> list[str]:
    """Name the columns that Great Expectations must see for an expectation: of a condition or the table, all."""
    columns = columns_of(each)
    if "row_condition" in each.get("kwargs", {}) or (not columns and "row_count" not in each["type"]):
        return list(frame.columns)
    return columns or list(frame.columns[:1])


def _result(number: int, each: Suite, outcome: Outcome, frame: pd.DataFrame) -> CheckResult:
    found = outcome["result"]
    at_fault = not outcome["success"] and not is_share(each)
    positions = tuple(int(row) for row in found.get("partial_unexpected_index_list") or ()) if at_fault else ()
    columns = columns_of(each)
    column = columns[0] if columns else ""
    examples: tuple[str, ...] = ()
    if positions and column in frame:
        values = dict.fromkeys(str(value) for value in frame[column].iloc[list(positions)])
        examples = tuple(value[:LONGEST_EXAMPLE] for value in list(values)[:SHOWN_EXAMPLES])
    return CheckResult(
        expectation=each["type"],
        column=column,
        severity=each.get("severity", "critical"),
        success=bool(outcome["success"]),
        observed=say_observed(each, outcome),
        expected=say_expected(each),
        examples=examples,
        row_positions=positions,
        number=number + 1,
        offending=int(found.get("unexpected_count") or 0) if at_fault else 0,
    )


def _findings(results: Sequence[CheckResult], ids: Any, where: str) -> Iterator[Finding]:
    for result in sorted((r for r in results if not r.success), key=lambda r: r.severity != "critical"):
        what = f"column {result.column!r}" if result.column else "the table"
        sample = f", e.g. {', '.join(result.examples)}" if result.examples else ""
        yield Finding(
            code=f"validation.{result.severity}",
            title=f"{what}: expected {result.expected}, found {result.observed}{sample}",
            severity=result.severity,
            explanation="The data no longer keep their contract.",
            method=f"Great Expectations, {result.expectation}",
            advice=f"Mend the data, or edit expectation {result.number} of {where} ({result.expectation}) where the "
            "change is meant.",
            count=result.offending,
            ids=_ids(ids, result.row_positions),
        )


def _ids(ids: Any, rows: Sequence[int]) -> tuple[str, ...]:
    return () if ids is None else tuple(ids_at(ids, rows[:SHOWN_IDS]))


def _unread(columns: dict[str, TypedColumn], frame: pd.DataFrame, ids: Any) -> Iterator[Finding]:
    """Say which columns hold cells that the checks on their values could not read, where no check of types says so."""
    for name, column in columns.items():
        rows = [] if column.odd is None else np.flatnonzero(column.odd).tolist()
        examples = ", ".join(dict.fromkeys(str(v)[:LONGEST_EXAMPLE] for v in frame[name].iloc[rows[:SHOWN_EXAMPLES]]))
        yield Finding(
            code="validation.unread",
            title=f"column {name!r}: {len(rows):,} cells are no {column.kind}, and were left out of its checks, e.g. "
            f"{examples}",
            severity="warning",
            method="the kind of values that the expectations on the column compare with",
            advice="Mend the cells, or add expect_column_values_to_be_in_type_list to the suite.",
            count=len(rows),
            ids=_ids(ids, rows),
        )


def _not_run(blocked: int) -> Iterator[Finding]:
    if blocked:
        yield Finding(
            code="validation.not_run",
            title=f"{blocked} checks could not run, because their column is missing",
            severity="cannot_tell",
            method="expectations on columns that are gone",
        )
