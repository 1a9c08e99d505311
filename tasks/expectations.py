"""Great Expectations, kept quiet: expectations as plain dicts in, its results as plain dicts out.

Why: the library is slow to import, draws progress bars, warns on import, evaluates a suite a thousand times faster when
it is built from a list than one by one, and copies the whole frame for many an expectation. All of that is dealt with
in this file: it sees a few columns at a time. It runs in a context that lives in memory: no folder, no file, no
telemetry.

Known failures: `great_expectations.get_context` replaces the current context of the process, so code that embeds
Burnish and uses Great Expectations itself should hold on to its own context. The divergence of Kullback and Leibler
draws its progress bar all the same.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import pandas as pd

from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean
from burnish.tasks.suite_files import Suite

MOST_POSITIONS = 10_000
CELLS_AT_ONCE = 1_000_000
RESULT_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": MOST_POSITIONS,
    "return_unexpected_index_query": False,  # a text that names every offending row
}

NOT_ARGUMENTS = {
    "id", "meta", "notes", "description", "result_format", "catch_exceptions", "rendered_content", "severity",
    "windows", "batch_id", "condition_parser", "success_on_last_run",
}  # fmt: skip
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Item = tuple[int, Suite]


def columns_of(each: Suite) -> list[str]:
    """Name the columns that an expectation is about."""
    kwargs = each.get("kwargs", {})
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    listed = kwargs.get("column_list")
    return [str(name) for name in [*named, *(listed if isinstance(listed, list) else [])]]


def evaluate(frame: pd.DataFrame, items: Sequence[Item], *, where: str = "the suite") -> dict[int, dict[str, Any]]:
    """Check a frame.

    Parameters
    ----------
    frame : pd.DataFrame
        With a RangeIndex.
    items : sequence of (int, dict)
        A number, and an expectation as `type`, `kwargs` and `severity`.
    where : str
        What their suite is called in errors.

    Returns
    -------
    dict
        Number → `success` and `result` (format SUMMARY) of that expectation.

    Raises
    ------
    InputError
        An expectation that Great Expectations does not know or cannot evaluate.
    """
    if not items:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import, and about pandas' newer types
        context = quiet_context()
        batches = context.data_sources.add_pandas("memory").add_dataframe_asset("batch")
        whole = batches.add_batch_definition_whole_dataframe("whole")
        outcomes: dict[int, dict[str, Any]] = {}
        for part, some in _parts(frame, items):
            batch = whole.get_batch({"dataframe": part})
            outcomes |= dict(_outcome(result, dict(some), where) for result in _validated(batch, some, where))
    return outcomes


def quiet_context() -> Any:
    """Give a context in memory that says nothing."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    for name in ("great_expectations", ProgressBarsConfig.__module__):  # the second sets its own level on import
        logging.getLogger(name).setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


def build_suite(items: Sequence[Item], *, where: str = "the suite") -> Any:
    """Make Great Expectations' own suite of expectations; `where` is what theirs is called in errors."""
    import great_expectations as gx

    return gx.ExpectationSuite(name="burnish", expectations=[_build(number, each, where) for number, each in items])


def _validated(batch: Any, items: list[Item], where: str) -> list[dict[str, Any]]:
    """Have a batch checked; arguments that Great Expectations trips over are said."""
    from great_expectations.exceptions.exceptions import GreatExpectationsError

    suite = build_suite(items, where=where)
    try:
        return [each.to_json_dict() for each in batch.validate(suite, result_format=RESULT_FORMAT).results]
    except (GreatExpectationsError, RecursionError, LookupError, TypeError, ValueError, AttributeError) as fault:
        numbers = ", ".join(str(number + 1) for number, _ in items[:5])
        why = (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")
        raise InputError(f"expectation {numbers} of {where} cannot be checked: {why[:300]}.") from None


def _parts(frame: pd.DataFrame, items: Sequence[Item]) -> Iterator[tuple[pd.DataFrame, list[Item]]]:
    """Give expectations with no more columns than they need: each may copy all it is shown."""
    whole: list[Item] = []
    by_columns: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        columns = tuple(sorted(set(columns_of(item[1]))))
        if item[1]["type"].startswith("expect_table_row_count_to_") and len(frame.columns):
            by_columns.setdefault((frame.columns[0],), []).append(item)
        elif "row_condition" in item[1].get("kwargs", {}) or not columns or not set(columns) <= set(frame.columns):
            whole.append(item)
        else:
            by_columns.setdefault(columns, []).append(item)
    if whole:
        yield frame, whole
    most = max(1, CELLS_AT_ONCE // max(1, len(frame)))
    shown: dict[str, None] = {}
    asked: list[Item] = []
    for columns, some in by_columns.items():
        if asked and len(shown.keys() | set(columns)) > most:
            yield frame[list(shown)], asked
            shown, asked = {}, []
        shown |= dict.fromkeys(columns)
        asked += some
    if asked:
        yield frame[list(shown)], asked


def _outcome(result: dict[str, Any], by_number: dict[int, Suite], suite: str) -> tuple[int, dict[str, Any]]:
    number = result["expectation_config"]["meta"]["number"]
    message = _fault(result["exception_info"])
    if message:
        columns = columns_of(by_number[number])
        where = f" of column {columns[0]!r}" if columns else ""
        named = f"expectation {number + 1} of {suite} ({by_number[number]['type']}{where})"
        raise InputError(f"{named} cannot be checked: {message}.")
    return number, {"success": bool(result["success"]), "result": result["result"]}


def _build(number: int, each: Suite, suite: str) -> Any:
    """Make the object of one expectation; its number travels in `meta`, because results come back in another order."""
    import great_expectations.expectations as known
    from pydantic import ValidationError
    from pydantic.v1 import ValidationError as OlderError

    where, names = f"expectation {number + 1} of {suite}", _known_names()
    if each["type"] not in names:
        hint = did_you_mean(each["type"], sorted(names), "Great Expectations has no such expectation.")
        raise InputError(f"{where} has type {each['type']!r}: {hint}")
    notes = (each.get("meta") or {}).get("notes")
    options = {"severity": each.get("severity", "critical"), "meta": {"number": number}, "notes": notes and str(notes)}
    kwargs = {key: _with_time(key, value) for key, value in each.get("kwargs", {}).items()}
    try:
        return getattr(known, names[each["type"]])(**kwargs, **options)
    except (ValidationError, OlderError) as fault:
        raise InputError(f"{where} ({each['type']}) {_say_fault(fault.errors()[0], each)}") from None
    except TypeError as fault:  # a key that is no keyword, or one of ours given twice
        raise InputError(f"{where} ({each['type']}) is wrong: {str(fault).splitlines()[0]}.") from None


def _say_fault(first: Any, each: Suite) -> str:
    """Say what is wrong with the arguments of an expectation, and what may be meant."""
    import great_expectations.expectations as known

    given = each.get("kwargs", {})
    key = next((str(part) for part in first["loc"] if part != "__root__"), "")
    if key in given and "extra" in first["msg"]:
        arguments = sorted(set(getattr(known, _known_names()[each["type"]]).__fields__) - NOT_ARGUMENTS)
        return f"has no argument {key!r}: " + did_you_mean(key, arguments, f"it has {', '.join(arguments)}.")
    if key and key not in given:
        return f"needs {key!r} under kwargs."
    shown = f" at {key!r}, which is {str(given[key])[:60]!r}" if key else ""
    return f"is wrong{shown}: {first['msg']}."


def _with_time(key: str, value: Any) -> Any:
    """Make an instant of a bound that is a bare day: it would be read as one that instants cannot be compared with."""
    is_day = key in ("min_value", "max_value") and isinstance(value, str) and _DAY.fullmatch(value)
    return f"{value}T00:00:00" if is_day else value


@lru_cache
def _known_names() -> dict[str, str]:
    """Map the names that suites use to the classes of Great Expectations."""
    import great_expectations.expectations as known
    from great_expectations.util import camel_to_snake

    return {camel_to_snake(name): name for name in dir(known) if name.startswith("Expect")}


def _fault(info: dict[str, Any]) -> str:
    """Give the first line of what went wrong inside Great Expectations; empty where nothing did."""
    entries = [info] if "raised_exception" in info else list(info.values())
    raised = [str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")]
    return raised[0].splitlines()[0].rstrip(".") if raised else ""
