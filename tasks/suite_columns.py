"""What a column of the training rows makes a later batch promise, by its kind, with what was seen in words.

Why: a bound is worth having where it is seldom crossed by chance and often by a fault. Every tolerance here comes from
a share that was seen, its sampling error, and the little that any batch may stray.

Source: a text column is a closed set of categories where the chance that the next value is new is small; that chance is
the share of values seen once (Good 1953, "The population frequencies of species"). Values that never repeated in n rows
repeat with at most 6 / n² a pair (rule of three), so in a batch of n rows at most 6 / n of them do.

Known failures: a batch far smaller than a third of the training rows may stray from the shares, and one far larger from
uniqueness, by chance alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.batch_types import TYPES
from burnish.tasks.findings import InputError
from burnish.tasks.suite_entries import STRANGERS, expect, key_expectations, mostly, share_to_come, tolerance
from burnish.tasks.suite_files import Suite
from burnish.tasks.suite_ranges import date_expectations, number_expectations
from burnish.tasks.text_forms import learn_form
from burnish.tasks.typos import find_slips

CLOSED = 0.05  # a text column is a set of categories below this chance of a new value
MOST_CATEGORIES = 500  # a longer set is cut to the commonest
LEFT_OUT = 0.1  # where more than this share of the rows would be cut, texts are no categories
SURE, MOST_EDITS = 0.6, 2  # that a category is a slip, as for a cell; further apart, it may be a name of its own
SHOWN_SLIPS = 2
OTHER_TYPE = 0.05  # more cells of another type than this: the type has changed
BALANCE = 2.0  # the odds of a class may double or halve
MOST_BALANCED = 10  # classes whose share is watched, the commonest


def kind_of(column: pd.Series) -> str:
    """Name the kind of a column: number, boolean, date or text."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column) else "text"


def id_expectations(name: str) -> list[Suite]:
    """Ask that every row has an id of its own."""
    return [
        expect("expect_column_values_to_not_be_null", "critical", "every row has an id", column=name),
        expect("expect_column_values_to_be_unique", "critical", "an id names one row", column=name),
    ]


def missing_expectations(column: pd.Series, slack: float) -> list[Suite]:
    """Bound the missing share by what was seen, its sampling error and the slack; never all missing."""
    n, name = len(column), str(column.name)
    share = float(column.isna().mean())
    stray = tolerance(n, share_to_come(share, n) + slack * share) if share else tolerance(n)
    found = [
        expect(
            "expect_column_values_to_not_be_null",
            "warning",
            f"{share:.1%} missing",
            column=name,
            mostly=mostly(stray),
        )
    ]
    if share < 0.5:
        found.append(
            expect(
                "expect_column_proportion_of_non_null_values_to_be_between",
                "critical",
                "not all missing",
                column=name,
                min_value=0,
                strict_min=True,
            )
        )
    return found


def label_expectations(column: pd.Series, classes: Collection[str] = ()) -> list[Suite]:
    """Ask for the labels seen and the `classes` known besides: some others are a warning, many stop a run."""
    labels = _plain(sorted({*column.dropna().astype(str), *classes}))
    name, note = str(column.name), f"{len(labels)} classes"
    return [
        expect(
            "expect_column_values_to_be_in_set",
            "critical",
            note,
            column=name,
            value_set=labels,
            mostly=mostly(tolerance(len(column))),
        ),
        expect("expect_column_values_to_be_in_set", "warning", note, column=name, value_set=labels),
    ]


def balance_expectations(column: pd.Series) -> list[Suite]:
    """Bound the share of each class: its odds may halve or double, besides the sampling error."""
    shares = column.dropna().astype(str).value_counts(normalize=True).sort_index()
    shares = shares.sort_values(ascending=False, kind="stable")
    watched = shares.tail(1) if len(shares) == 2 else shares.head(MOST_BALANCED if len(shares) > 1 else 0)
    found = []
    for label, share in watched.items():
        odds, sampling = share / (1 - share), 4 * np.sqrt(share * (1 - share) / (len(column) / 3))
        low = mostly(1 - (odds / BALANCE / (1 + odds / BALANCE) - sampling))
        high = mostly(odds * BALANCE / (1 + odds * BALANCE) + sampling)
        asked: Suite = {"meta": {"about": "share"}, "column": str(column.name), "value_set": [str(label)]}
        note = f"{share:.1%} of the labels seen"
        if low > 0:
            found.append(expect("expect_column_values_to_be_in_set", "warning", note, **asked, mostly=low))
        if high > 0:
            found.append(expect("expect_column_values_to_not_be_in_set", "warning", note, **asked, mostly=high))
    return found


def value_expectations(column: pd.Series, slack: float, max_age_days: float | None, direction: int = 0) -> list[Suite]:
    """Ask of an attribute what its kind lets one ask; it has at least one value.

    Parameters
    ----------
    column : Series
        Training rows, missing values among them.
    slack : float
        Ranges are widened by this share of their width.
    max_age_days : float or None
        See `learn_suite`.
    direction : int
        1 where the column rises with time and −1 where it falls: it is not bounded on that side, and a set of
        categories that goes with time is none.
    """
    kind = kind_of(column)
    if pd.api.types.is_complex_dtype(column):
        raise InputError(f"column {column.name!r} holds complex numbers: give real and imaginary parts as two columns")
    if kind == "date" and isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    found = []
    if kind != "text":
        of_type: Suite = {"column": str(column.name), "type_list": TYPES[kind]}
        note = f"every value is a {kind}"
        found = [
            expect("expect_column_values_to_be_in_type_list", "critical", note, **of_type, mostly=1 - OTHER_TYPE),
            expect("expect_column_values_to_be_in_type_list", "warning", note, **of_type),
        ]
    values = column.dropna()
    if kind == "number":
        return found + [_opened(each, direction) for each in number_expectations(values, slack)]
    if kind == "date":
        return found + [_opened(each, direction) for each in date_expectations(values, slack, max_age_days)]
    return found + (_text_expectations(values, slack, closed=not direction) if kind == "text" else [])


def _opened(each: Suite, direction: int) -> Suite:
    """Take the bound away that later rows will cross by nature: the upper one of what rises with time."""
    bound = {1: "max_value", -1: "min_value"}.get(direction)
    left = {key: value for key, value in each["kwargs"].items() if key != bound}
    if not direction or bound not in each["kwargs"] or not left.keys() & {"min_value", "max_value"}:
        return each
    word = "rises" if direction > 0 else "falls"
    notes = f"{each['meta']['notes']}; it {word} with time, so there is no bound on that side"
    return each | {"kwargs": left, "meta": each["meta"] | {"notes": notes}}


def _text_expectations(column: pd.Series, slack: float, *, closed: bool) -> list[Suite]:
    texts = column.astype("str")
    counts = texts.value_counts()
    new = float((counts == 1).sum() / len(texts))
    left_out = float(counts.iloc[MOST_CATEGORIES:].sum() / len(texts))
    if not closed or new > CLOSED or left_out > LEFT_OUT:
        return _open_expectations(texts, len(counts), slack)
    shown = counts.iloc[:MOST_CATEGORIES]
    slips = _slips(shown)
    notes = f"{len(counts):,} categories" + (f", the {MOST_CATEGORIES} commonest here" if left_out else "")
    meta: Suite = {}
    stray = max(STRANGERS, 3 * new) + 1.5 * left_out
    if len(slips):
        stray += share_to_come(float(slips.sum() / len(texts)), len(texts))
        meta = {"left_out": int(slips.sum()), "such_as": _plain(slips.index[:SHOWN_SLIPS])}
        notes += f"; slips of others, and left out: {len(slips):,}, such as {', '.join(meta['such_as'])}"
    return [
        expect(
            "expect_column_values_to_be_in_set",
            "warning",
            notes,
            meta,
            column=str(column.name),
            value_set=_plain(sorted(shown.index.difference(slips.index))),
            mostly=mostly(tolerance(len(texts), stray)),
        )
    ]


def _slips(counts: pd.Series) -> pd.Series:
    """Give the categories that are probably slips of commoner ones, with their counts."""
    slips = find_slips([str(value) for value in counts.index], counts.to_numpy(dtype=np.int64))
    return counts.iloc[slips.code[(slips.confidence >= SURE) & (slips.edits <= MOST_EDITS)]]


def _open_expectations(texts: pd.Series, different: int, slack: float) -> list[Suite]:
    """Bound the lengths of texts that are no categories, and their form where they have one."""
    lengths, name = texts.str.len(), str(texts.name)
    reach = slack * (lengths.max() - lengths.min()) + 1
    found = [
        expect(
            "expect_column_value_lengths_to_be_between",
            "info",
            f"{different:,} different texts",
            column=name,
            min_value=max(0, int(np.floor(lengths.min() - reach))),
            max_value=int(np.ceil(lengths.max() + reach)),
            mostly=mostly(tolerance(len(texts))),
        )
    ]
    pattern = learn_form(texts)
    if pattern is None:
        return found
    others = float((~texts.str.contains(pattern)).mean())
    stray = tolerance(len(texts), max(STRANGERS, 1.5 * others))
    note = f"{100 * (1 - others):.4g}% of the texts have this form"
    form: Suite = {"column": name, "regex": pattern, "mostly": mostly(stray)}
    return [*found, expect("expect_column_values_to_match_regex", "warning", note, **form), *key_expectations(texts)]


def _plain(values: Any) -> list[str]:
    return [str(value) for value in values]
