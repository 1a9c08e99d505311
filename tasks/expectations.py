"""Great Expectations, kept quiet: expectations as plain dicts in, its results as plain dicts out.

Why: the library is slow to import, draws progress bars, warns on import, and evaluates a suite a thousand times faster
when it is built from a list than one by one. All of that is dealt with in this file, and nowhere else is it imported.
It runs in a context that lives in memory: no folder, no file, no telemetry.

Known failure: `great_expectations.get_context` replaces the current context of the process, so code that embeds Burnish
and uses Great Expectations itself should hold on to its own context.
"""

from __future__ import annotations

import difflib
import logging
import warnings
from typing import Any

import pandas as pd

from burnish.tasks.findings import InputError

MOST_POSITIONS = 100


def evaluate(frame: pd.DataFrame, items: list[tuple[int, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """Check a frame.

    Parameters
    ----------
    frame : pd.DataFrame
        With a RangeIndex.
    items : list of (int, dict)
        A number, and an expectation as `type`, `kwargs` and `severity`.

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
        results = _run(frame, items)
    by_number = dict(items)
    outcomes = {}
    for result in results:
        number = result["expectation_config"]["meta"]["number"]
        message = _fault(result["exception_info"])
        if message:
            kwargs = by_number[number].get("kwargs", {})
            where = f" of column {kwargs['column']!r}" if "column" in kwargs else ""
            raise InputError(f"{by_number[number]['type']}{where} in the suite cannot be checked: {message}.")
        outcomes[number] = {"success": bool(result["success"]), "result": result["result"]}
    return outcomes


def _run(frame: pd.DataFrame, items: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    for name in ("great_expectations", ProgressBarsConfig.__module__):  # the second sets its own level on import
        logging.getLogger(name).setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(name="burnish", expectations=[_build(number, each) for number, each in items])
    asset = context.data_sources.add_pandas("memory").add_dataframe_asset("batch")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    result_format = {"result_format": "SUMMARY", "partial_unexpected_count": MOST_POSITIONS}
    return [result.to_json_dict() for result in batch.validate(suite, result_format=result_format).results]


def _build(number: int, each: dict[str, Any]) -> Any:
    """Make the object of one expectation; its number travels in `meta`, because results come back in another order."""
    import great_expectations.expectations as known
    from pydantic import ValidationError
    from pydantic.v1 import ValidationError as OlderError

    names = {_snake(name): name for name in dir(known) if name.startswith("Expect")}
    where = f"expectation {number + 1} of the suite"
    if each["type"] not in names:
        close = difflib.get_close_matches(each["type"], sorted(names), n=1)
        hint = f"did you mean {close[0]!r}?" if close else "Great Expectations has no such expectation."
        raise InputError(f"{where} has type {each['type']!r}: {hint}")
    options = {"severity": each.get("severity", "critical"), "meta": {"number": number}}
    try:
        return getattr(known, names[each["type"]])(**each.get("kwargs", {}), **options)
    except (ValidationError, OlderError) as fault:
        first = fault.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part != "__root__")
        raise InputError(f"{where} ({each['type']}) is wrong{f' at {key!r}' if key else ''}: {first['msg']}.") from None


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


def _fault(info: dict[str, Any]) -> str:
    """Give the first line of what went wrong inside Great Expectations; empty where nothing did."""
    entries = [info] if "raised_exception" in info else list(info.values())
    raised = [str(entry["exception_message"]) for entry in entries if entry.get("raised_exception")]
    return raised[0].splitlines()[0].rstrip(".") if raised else ""
