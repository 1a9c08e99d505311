"""How columns were read that no program wrote, said: notations, two readings, words among numbers.

What a notation is stored as (`notations_as_dict`), so that `burnish predict` reads the next batch by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from burnish.tasks.column_types import MixedCells, Notation, TypedColumns
from burnish.tasks.findings import Finding
from burnish.tasks.notation import percent, things
from burnish.tasks.tables import list_names
from burnish.tasks.written_dates import ISO, DateNotation
from burnish.tasks.written_numbers import NumberNotation

NOTATIONS = "notations.json"  # in the model's folder
SHOWN = 5
YEAR_FIRST = {ISO, "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"}  # nothing to be told apart


def notation_findings(typed: TypedColumns, wanted: Sequence[str]) -> list[Finding]:
    """Say how columns were read; those that are not wanted are passed over."""
    asked = set(wanted)
    mixed = {name: each for name, each in typed.mixed.items() if name in asked}
    notations = {name: each for name, each in typed.notations.items() if name in asked and name not in mixed}
    plain = NumberNotation()
    numbers = [
        f"{name!r} ({each.words()})"
        for name, each in notations.items()
        if isinstance(each, NumberNotation) and each != plain
    ]
    dates = [
        f"{name!r} ({each.words()})"
        for name, each in notations.items()
        if isinstance(each, DateNotation) and not set(each.formats) <= YEAR_FIRST
    ]
    two = [f"{name!r} ({why})" for name, why in typed.ambiguous.items() if name in asked]
    taken = [f"{name!r} ({_shown(each)})" for name, each in mixed.items() if each.read]
    text = [f"{name!r} ({_shown(each)})" for name, each in mixed.items() if not each.read]
    kept = [f"{name!r} ({why})" for name, why in typed.kept.items() if name in asked]
    found = [
        _numbers_finding(numbers),
        _dates_finding(dates),
        _ambiguous_finding(two),
        _words_finding(taken),
        _mixed_finding(text),
        _kept_finding(kept),
    ]
    return [finding for finding in found if finding is not None]


def notations_as_dict(notations: Mapping[str, Notation]) -> dict[str, dict[str, Any]]:
    """Give notations as plain values for JSON.

    Examples
    --------
    >>> notations_from_dict(notations_as_dict({"fee": NumberNotation(",", ".", "€")}))
    {'fee': NumberNotation(decimal=',', thousands='.', currency='€', percent=False)}
    """
    return {
        name: {"kind": "date" if isinstance(each, DateNotation) else "number"} | asdict(each)
        for name, each in notations.items()
    }


def notations_from_dict(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Notation]:
    """Make notations from what `notations_as_dict` gave."""
    return {
        name: DateNotation(tuple(each["formats"]))
        if each["kind"] == "date"
        else NumberNotation(each["decimal"], each["thousands"], each["currency"], each["percent"])
        for name, each in plain.items()
    }


def _shown(mixed: MixedCells) -> str:
    return f"{things(mixed.cells, 'cell')}, {percent(mixed.share)}, such as {', '.join(map(repr, mixed.words))}"


def _list(names: Sequence[str]) -> str:
    return list_names(names, SHOWN)


def _numbers_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.number_notation",
        title=f"{things(len(names), 'column')} of formatted numbers read as numbers: {_list(names)}",
        severity="info",
        explanation="Text would have made a category of each number.",
        method="The one pair of decimal mark and thousands mark that fits every cell; kept, and used on later batches.",
        advice="Nothing needs doing where that is how they are meant.",
        count=len(names),
    )


def _dates_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.date_formats",
        title=f"{things(len(names), 'column')} of dates as people write them, read as dates: {_list(names)}",
        severity="info",
        explanation="Day, month and year were told apart by the cells that fit one order only.",
        method="Each way of writing by itself, over all its cells; kept, and used on later batches.",
        advice="Write dates as 2021-03-31, which has one reading.",
        count=len(names),
    )


def _ambiguous_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.two_readings",
        title=f"{things(len(names), 'column')} with two readings, left as text: {_list(names)}",
        severity="warning",
        explanation="A guess may be wrong by a factor of a thousand, by months or by a century.",
        method="Every notation that fits all cells was tried, and two of them say different things.",
        advice="Write numbers without thousands marks, and dates as 2021-03-31.",
        count=len(names),
    )


def _words_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.words",
        title=f"{things(len(names), 'column')} of numbers or dates with words in them, which count as missing: "
        f"{_list(names)}",
        severity="warning",
        explanation="That a cell holds a word is learnt from as that it is missing; the given cells stay as they are.",
        method="At least 95% of the cells agree on numbers or dates, and the words hold no digits or are very few.",
        advice="Leave such cells empty, or give the words a column of their own.",
        count=len(names),
    )


def _mixed_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.mixed",
        title=f"{things(len(names), 'column')} mixing numbers or dates with words or codes, left as text: "
        f"{_list(names)}",
        severity="warning",
        explanation="Read as text, each number is a category of its own, and their order is lost.",
        method="At least half of the cells agree on numbers or dates; the others hold digits too, or are more than 5%.",
        advice="Correct the cells, or put numbers and codes into two columns; empty cells count as missing.",
        count=len(names),
    )


def _kept_finding(names: list[str]) -> Finding | None:
    if not names:
        return None
    return Finding(
        code="columns.kept_text",
        title=f"{things(len(names), 'column')} like numbers or dates, kept as text: {_list(names)}",
        severity="warning",
        explanation="Read as text, each number or day is a category of its own, and their order is lost.",
        method="All cells look like numbers or dates, and no one way of reading fits them.",
        advice="Write all cells of a column one way: plain numbers in one unit or currency, dates as 2021-03-31.",
        count=len(names),
    )
