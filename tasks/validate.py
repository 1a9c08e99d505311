"""Enforce the contract on the data with Great Expectations, and say what breaks it in words, values and rows.

Why: a batch that no longer looks like the training data is stopped, or at least shown, before anything is learnt from
it. Great Expectations evaluates; the columns of the type that the suite means are prepared here, and its results put
into words.

Known failure: the positions of at most 100 offending rows are kept for each expectation.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from burnish.tasks.expectations import evaluate
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.suites import TYPES, Suite, check_form, learn_suite, load_suite, save_suite

__all__ = ["CheckResult", "Validation", "enforce_suite", "learn_suite", "load_suite", "save_suite"]

SHOWN_EXAMPLES = 3
LONGEST_EXAMPLE = 60


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
        Positions of offending rows, at most 100.
    """

    expectation: str
    column: str
    severity: Literal["critical", "warning", "info"]
    success: bool
    observed: str
    expected: str
    examples: tuple[str, ...] = ()
    row_positions: tuple[int, ...] = ()

    def as_dict(self, ids: Sequence[str] | pd.Series | None = None) -> dict[str, Any]:
        """Give the result as plain values; with the ids of all rows, also the ids of the offending ones."""
        given = None if ids is None else np.asarray(ids)
        shown = [] if given is None else [str(given[row]) for row in self.row_positions[:SHOWN_IDS]]
        plain = {name: value for name, value in asdict(self).items() if name != "row_positions"}
        return plain | {"examples": list(self.examples), "ids": shown}


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


def enforce_suite(frame: pd.DataFrame, suite: Suite, ids: Sequence[str] | pd.Series | None = None) -> Validation:
    """Check a batch against a suite.

    Parameters
    ----------
    frame : pd.DataFrame
        The batch; text that the suite wants as numbers, dates or booleans is parsed.
    suite : dict
        As `learn_suite` or `load_suite` gives it.
    ids : sequence of str, optional
        The id of each row, for the findings.

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
    check_form(suite, "the suite")
    items = list(enumerate(suite["expectations"]))
    required = {_column(each) for _, each in items if each["type"] == "expect_column_to_exist"}
    _check_columns(items, set(map(str, frame.columns)), required)
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1).reset_index(drop=True)
    runnable, blocked = [], 0
    for number, each in items:
        if set(_columns(each)) <= set(frame.columns) or each["type"] == "expect_column_to_exist":
            runnable.append((number, each))
        else:
            blocked += 1
    clean, mixed = _typed(frame, suite)
    of_type = [item for item in runnable if "type" in item[1]["type"].split("_") and _column(item[1]) in mixed]
    rest = [item for item in runnable if item not in of_type]
    outcomes = evaluate(clean, rest) | evaluate(pd.DataFrame(mixed, index=frame.index), of_type)
    results = tuple(_result(each, outcomes[number], frame) for number, each in runnable)
    return Validation(
        success=all(r.success or r.severity != "critical" for r in results),
        results=results,
        findings=tuple(_findings(results, blocked, ids)),
    )


def _column(each: Suite) -> str:
    return str(each.get("kwargs", {}).get("column", ""))


def _columns(each: Suite) -> list[str]:
    kwargs = each.get("kwargs", {})
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    return [str(name) for name in [*named, *kwargs.get("column_list", [])]]


def _check_columns(items: Iterable[tuple[int, Suite]], present: set[str], required: set[str]) -> None:
    """A column that the suite requires may be gone (that is a failure); one it never required is a slip of the pen."""
    for number, each in items:
        for name in _columns(each):
            if name not in present | required:
                close = difflib.get_close_matches(name, sorted(present | required), n=1, cutoff=0.5)
                hint = f"did you mean {close[0]!r}?" if close else f"columns: {', '.join(sorted(present)[:10])}."
                raise InputError(
                    f"expectation {number + 1} of the suite names column {name!r}, which is not there: {hint}"
                )


def _kinds(suite: Suite) -> dict[str, str]:
    """Tell the kind of each column from the types, or else the bounds, that the suite gives it."""
    kinds: dict[str, str] = {}
    for each in suite["expectations"]:
        kwargs = each.get("kwargs", {})
        if each["type"] == "expect_column_values_to_be_in_type_list":
            named = set(kwargs.get("type_list") or ())
            kinds |= {_column(each): kind for kind, types in TYPES.items() if named & set(types)}
        elif each["type"] == "expect_column_values_to_be_between" and isinstance(kwargs.get("min_value"), int | float):
            kinds.setdefault(_column(each), "number")
        elif isinstance(kwargs.get("value_set"), list) and all(isinstance(v, str) for v in kwargs["value_set"]):
            kinds.setdefault(_column(each), "text")
    return kinds


def _typed(frame: pd.DataFrame, suite: Suite) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Give the frame with the types the suite means, and the columns where some cells do not have them.

    In the frame such cells are missing; in the second they stand as they were given.
    """
    kinds = _kinds(suite)
    clean, mixed = {}, {}
    for name in frame.columns:
        column, kind = frame[name], kinds.get(name, "")
        clean[name] = _parse(column, kind)
        odd = clean[name].isna() & column.notna()
        if odd.any():
            mixed[name] = clean[name].astype(object).where(~odd, column.astype(object))
    return pd.DataFrame(clean, index=frame.index), mixed


def _parse(column: pd.Series, kind: str) -> pd.Series:
    """Give the column as numbers, dates, booleans or text; what cannot be read so is missing."""
    is_text = pd.api.types.is_string_dtype(column) or column.dtype == object
    if kind == "number":
        numbers = pd.to_numeric(column, errors="coerce") if is_text else column
        usable = numbers.dtype.kind in "iuf"
        whole = usable and numbers.dtype.kind != "f" and not numbers.isna().any()
        return numbers.astype("int64" if whole else "float64") if usable else _nothing(column, "float64")
    if kind == "date":
        if not (is_text or pd.api.types.is_datetime64_any_dtype(column)):
            return _nothing(column, "datetime64[ns]")
        dates = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
        return dates.clip(pd.Timestamp.min.ceil("D"), pd.Timestamp.max.floor("D")).dt.as_unit("ns")
    if kind == "boolean":
        parsed = column.astype(object).map(_as_bool)
        return parsed.astype(bool) if not parsed.isna().any() else parsed
    if kind == "text" or is_text:
        return column.astype("str")
    if pd.api.types.is_extension_array_dtype(column.dtype) and pd.api.types.is_numeric_dtype(column):
        return column.astype("float64")
    return column


def _nothing(column: pd.Series, dtype: str) -> pd.Series:
    return pd.Series(np.full(len(column), np.nan), index=column.index).astype(dtype)


def _as_bool(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    return {"true": True, "false": False}.get(str(value).lower(), np.nan) if value is not None else np.nan


def _result(each: Suite, outcome: dict[str, Any], frame: pd.DataFrame) -> CheckResult:
    found = outcome["result"]
    positions = tuple(int(row) for row in found.get("partial_unexpected_index_list") or ())
    column = _column(each)
    examples: tuple[str, ...] = ()
    if positions and column:
        values = dict.fromkeys(str(value) for value in frame[column].iloc[list(positions)])
        examples = tuple(value[:LONGEST_EXAMPLE] for value in list(values)[:SHOWN_EXAMPLES])
    return CheckResult(
        expectation=each["type"],
        column=column,
        severity=each.get("severity", "critical"),
        success=bool(outcome["success"]),
        observed=_observed(outcome),
        expected=_expected(each),
        examples=examples,
        row_positions=positions,
    )


def _observed(outcome: dict[str, Any]) -> str:
    found = outcome["result"]
    if "unexpected_count" in found:
        count, total = found["unexpected_count"], found["element_count"]
        return f"{count:,} of {total:,} ({100 * count / max(total, 1):.3g}%) otherwise"
    if "observed_value" in found:
        value = found["observed_value"]
        return f"{value:,.6g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    return "there" if outcome["success"] else "missing"


_WORDS = {
    "expect_column_to_exist": "the column",
    "expect_column_values_to_not_be_null": "a value",
    "expect_column_values_to_be_unique": "unique values",
    "expect_column_values_to_be_between": "values between",
    "expect_column_median_to_be_between": "a median between",
    "expect_column_value_lengths_to_be_between": "texts of a length between",
    "expect_column_proportion_of_non_null_values_to_be_between": "a share of values present",
    "expect_table_row_count_to_be_between": "rows between",
}


def _expected(each: Suite) -> str:
    """Say what is expected, in a few words."""
    kwargs = each.get("kwargs", {})
    mostly = kwargs.get("mostly", 1)
    share = f", for {100 * mostly:g}% of the values" if mostly < 1 else ""
    if "value_set" in kwargs:
        values = [str(value) for value in kwargs["value_set"] or ()]
        more = f" and {len(values) - 8} more" if len(values) > 8 else ""
        return f"one of {', '.join(values[:8])}{more}{share}"
    if "type_list" in kwargs:
        kind = next((kind for kind, types in TYPES.items() if kwargs["type_list"] == types), None)
        return f"a {kind}{share}" if kind else f"of type {', '.join(kwargs['type_list'])}{share}"
    if each["type"] in _WORDS:
        return _WORDS[each["type"]] + _bounds(kwargs) + share
    words = " ".join(each["type"].split("_")[1:]).removeprefix("column ").removeprefix("values ").removeprefix("to ")
    return f"{words.removeprefix('be ')}{_bounds(kwargs)}{share}"


def _bounds(kwargs: dict[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f" up to {high}" if low is None else f" {'above' if kwargs.get('strict_min') else 'from'} {low}"
    return f" {low} and {high}"


def _findings(results: Sequence[CheckResult], blocked: int, ids: Any) -> list[Finding]:
    names = None if ids is None else np.asarray(ids)
    found = []
    for result in sorted((r for r in results if not r.success), key=lambda r: r.severity != "critical"):
        what = f"column {result.column!r}" if result.column else "the table"
        sample = f", e.g. {', '.join(result.examples)}" if result.examples else ""
        shown = () if names is None else tuple(str(names[row]) for row in result.row_positions[:SHOWN_IDS])
        found.append(
            Finding(
                code=f"validation.{result.severity}",
                title=f"{what}: expected {result.expected}, found {result.observed}{sample}",
                severity=result.severity,
                explanation="The data no longer keep the contract learnt from the training rows.",
                method=f"Great Expectations, {result.expectation}",
                advice="Mend the data, or edit the suite where the change is meant.",
                count=len(result.row_positions),
                ids=shown,
            )
        )
    if blocked:
        found.append(
            Finding(
                code="validation.not_run",
                title=f"{blocked} checks could not run, because their column is missing",
                severity="cannot_tell",
                method="expectations on columns that are gone",
            )
        )
    return found
