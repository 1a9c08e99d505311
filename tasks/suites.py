"""The contract on the data: a suite of expectations learnt from the training rows, kept in a file people read and edit.

Why: what was true of the data that a model was trained on is what it relies on. A suite says it column by column, so
that a later batch which breaks it is stopped before it is learnt from.

A suite is a plain dict in Great Expectations' own form: `name`, `meta`, and `expectations`, each with `type`, `kwargs`,
`severity` and, for people, `meta.notes`. Two keys of `meta` mean something: `about: share` says that no single row is
to blame for a failure, and `max_age_days` asks that dates be so fresh. `left_out` and `such_as` tell of cells whose
values a range or a set does without. The suite's own `meta` names the columns of ids and labels. Critical expectations
are few and sure: a column gone, its type changed, all of it missing, ids not unique, labels nobody knows. The rest are
warnings, or info where a change is no fault in itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import Finding, InputError
from burnish.tasks.notation import things
from burnish.tasks.suite_columns import (
    balance_expectations,
    id_expectations,
    kind_of,
    label_expectations,
    missing_expectations,
    value_expectations,
)
from burnish.tasks.suite_entries import expect
from burnish.tasks.suite_files import Suite
from burnish.tasks.tables import list_names
from burnish.tasks.trends import trend

SHOWN = 5
FORMS = ("expect_column_values_to_be_in_type_list", "expect_column_values_to_match_regex")


def learn_suite(
    train: pd.DataFrame,
    *,
    rows: NDArray[np.bool_] | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    classes: Collection[str] = (),
    slack: float = 0.1,
    max_age_days: float | None = None,
    time: pd.Series | None = None,
    open_columns: Collection[str] = (),
) -> Suite:
    """Learn what holds for the training rows.

    Parameters
    ----------
    train : pd.DataFrame
        Training rows, typed: numbers, booleans, dates, text.
    rows : bool (n,), optional
        Where only these are training rows; they are taken column by column.
    id_column : str, optional
        Must stay unique and never missing.
    label_column : str, optional
        The labels known here are all there are, and their shares stay within a band.
    classes : collection of str
        Labels that are known besides, though no training row has them.
    slack : float
        Ranges are widened by this share of their width, and missing shares by this share of the rows.
    max_age_days : float, optional
        The newest date of a column of dates may be so old; without it, it is held to the dates seen.
    time : Series (n,), optional
        When each row was made, where later rows are to come: what rises or falls with it is not bounded on that side,
        which newer rows would cross by nature.
    open_columns : collection of str
        Columns such as groups, of which every batch has others: nothing is asked of their values but kind and form.

    Returns
    -------
    dict
        The suite, of plain JSON values.

    Examples
    --------
    >>> suite = learn_suite(pd.DataFrame({"age": [20, 30, 60] * 300}))
    >>> [each["kwargs"] for each in suite["expectations"] if each["type"] == "expect_column_values_to_be_between"][0]
    {'column': 'age', 'min_value': 16, 'max_value': 64, 'mostly': 0.99}
    """
    if slack < 0:
        raise InputError(f"validate.slack is {slack}: it must be 0 or more, e.g. 0.1 to widen ranges by a tenth.")
    n = len(train) if rows is None else int(rows.sum())
    expectations = [
        expect(
            "expect_table_row_count_to_be_between",
            "info",
            f"learnt from {n:,} rows",
            min_value=max(1, n // 100),
            max_value=100 * n,
        )
    ]
    for name in train.columns:
        column = train[name] if rows is None else train[name][rows]
        expectations.append(expect("expect_column_to_exist", "critical", f"{kind_of(column)}", column=str(name)))
        if name == id_column:
            expectations += id_expectations(str(name))
        elif column.notna().any():
            expectations += missing_expectations(column, slack)
            if name == label_column:
                expectations += label_expectations(column, classes) + balance_expectations(column)
            else:
                direction = 0 if time is None else trend(column, time if rows is None else time[rows])
                asked = value_expectations(column, slack, max_age_days, direction)
                expectations += asked if name not in open_columns else [each for each in asked if each["type"] in FORMS]
    roles = {"id": id_column, "label": label_column}
    meta = {"rows": n, "columns": train.shape[1]} | {role: name for role, name in roles.items() if name is not None}
    return {"name": "burnish", "meta": meta, "expectations": expectations}


def learning_findings(suite: Suite) -> tuple[Finding, ...]:
    """Say which cells are so unusual that a suite which was just learnt does not allow what they hold.

    Examples
    --------
    >>> learning_findings(learn_suite(pd.DataFrame({"age": [*range(20, 60)] * 9 + [999]})))[0].title
    '1 unusual cell was left out of the contract: age (1, such as 999)'
    """
    left = [each for each in suite["expectations"] if each["meta"].get("left_out")]
    if not left:
        return ()
    count = sum(each["meta"]["left_out"] for each in left)
    named = [
        f"{each['kwargs']['column']} ({each['meta']['left_out']:,}, such as {' and '.join(each['meta']['such_as'])})"
        for each in left
    ]
    return (
        Finding(
            code="validation.left_out",
            title=f"{things(count, 'unusual cell')} {'was' if count == 1 else 'were'} left out of the contract: "
            f"{list_names(named, SHOWN)}",
            severity="info",
            explanation="A value far beyond all others, or a slip of a category, would widen what later batches may "
            "hold, for ever.",
            method="training rows: the fences of `outliers.rule: auto`, and rare categories near common ones",
            advice="Where such values are right, widen the range, or add them to the set, in the suite.",
            count=count,
        ),
    )


def date_suite(suite: Suite, today: date, *, where: str = "the suite") -> Suite:
    """Write out the bounds that are so many days before today (`meta.max_age_days`); `where` is the suite's name.

    Raises
    ------
    InputError
        A number of days that is none.

    Examples
    --------
    >>> fresh = {"type": "expect_column_max_to_be_between", "kwargs": {"column": "at"}, "meta": {"max_age_days": 7}}
    >>> date_suite({"expectations": [fresh]}, date(2026, 5, 8))["expectations"][0]["kwargs"]
    {'column': 'at', 'min_value': '2026-05-01'}
    """
    return suite | {"expectations": [_dated(*item, today, where) for item in enumerate(suite["expectations"], start=1)]}


def _dated(number: int, each: Suite, today: date, where: str) -> Suite:
    days = (each.get("meta") or {}).get("max_age_days")
    if days is None:
        return each
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 100_000:
        raise InputError(f"expectation {number} of {where} has max_age_days {days!r}: write a number of days.")
    return each | {"kwargs": each.get("kwargs", {}) | {"min_value": (today - timedelta(days=days)).isoformat()}}
