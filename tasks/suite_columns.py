"""What a column of the training rows makes a later batch promise, by its kind, with what was seen in words.

Why: a bound is worth having where it is seldom crossed by chance and often by a fault. Every tolerance here comes from
a share that was seen, its sampling error, and the little that any batch may stray.

Source: a text column is a closed set of categories where the chance that the next value is new is small; that chance is
the share of values seen once (Good 1953, "The population frequencies of species"). Values that never repeated in n rows
repeat with at most 6 / n² a pair (rule of three), so in a batch of n rows at most 6 / n of them do.

Known failures: a range learnt from dirty rows is as wide as the dirt; a batch far smaller than a third of the training
rows may stray from the shares, and one far larger from uniqueness, by chance alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.batch_types import TYPES
from burnish.tasks.findings import InputError
from burnish.tasks.suite_files import Suite
from burnish.tasks.text_forms import learn_form

STRANGERS = 0.01  # share of values outside a range or a set that is tolerated
STRANGERS_A_BATCH = 6  # over n: a batch a third as large as train may hold two strangers
CLOSED = 0.05  # a text column is a set of categories below this chance of a new value
MOST_CATEGORIES = 500  # a longer set is cut to the commonest
LEFT_OUT = 0.1  # where more than this share of the rows would be cut, texts are no categories
OTHER_TYPE = 0.05  # more cells of another type than this: the type has changed
BALANCE = 2.0  # the odds of a class may double or halve
MOST_BALANCED = 10  # classes whose share is watched, the commonest
SURE_OF_KEYS = 100  # rows that a column's being unique is learnt from


def kind_of(column: pd.Series) -> str:
    """Name the kind of a column: number, boolean, date or text."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column) else "text"


def expect(type_: str, severity: str, notes: str, meta: Suite | None = None, **kwargs: Any) -> Suite:
    """Write one expectation."""
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"notes": notes} | (meta or {})}


def _tolerance(n: int, at_least: float = STRANGERS) -> float:
    return float(max(at_least, min(0.5, STRANGERS_A_BATCH / max(n, 1))))


def _mostly(tolerance: float) -> float:
    return round(float(1 - min(1.0, tolerance)), 4)


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
    sampling = 4 * np.sqrt(share * (1 - share) / (n / 3))
    tolerance = _tolerance(n, share + sampling + slack * share) if share else _tolerance(n)
    found = [
        expect(
            "expect_column_values_to_not_be_null",
            "warning",
            f"{share:.1%} missing",
            column=name,
            mostly=_mostly(tolerance),
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


def label_expectations(column: pd.Series) -> list[Suite]:
    """Ask for the labels seen: some others are a warning, many stop a run."""
    labels = _plain(sorted(column.dropna().astype(str).unique()))
    name, note = str(column.name), f"{len(labels)} classes"
    return [
        expect(
            "expect_column_values_to_be_in_set",
            "critical",
            note,
            column=name,
            value_set=labels,
            mostly=_mostly(_tolerance(len(column))),
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
        low = _mostly(1 - (odds / BALANCE / (1 + odds / BALANCE) - sampling))
        high = _mostly(odds * BALANCE / (1 + odds * BALANCE) + sampling)
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
        return found + [_opened(each, direction) for each in _number_expectations(values, slack)]
    if kind == "date":
        return found + [_opened(each, direction) for each in _date_expectations(values, slack, max_age_days)]
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


def _number_expectations(column: pd.Series, slack: float) -> list[Suite]:
    values = column.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    low, high = float(values.min()), float(values.max())
    width = (high - low) * slack
    wide_low = max(low - width, 0.0) if low >= 0 else low - width
    wide_high = min(high + width, 0.0) if high <= 0 else high + width
    whole = bool((values == np.round(values)).all())
    quarters = np.quantile(values, [0.25, 0.75])
    name = str(column.name)
    return [
        expect(
            "expect_column_values_to_be_between",
            "warning",
            f"{low:g} to {high:g} seen",
            column=name,
            min_value=_round_out(wide_low, whole, np.floor),
            max_value=_round_out(wide_high, whole, np.ceil),
            mostly=_mostly(_tolerance(len(values))),
        ),
        expect(
            "expect_column_median_to_be_between",
            "warning",
            "the quartiles seen",
            column=name,
            min_value=float(quarters[0]),
            max_value=float(quarters[1]),
        ),
        *(_key_expectations(column) if whole else []),
    ]


def _key_expectations(column: pd.Series) -> list[Suite]:
    """Ask that values which never repeated go on so."""
    n = len(column)
    if n < SURE_OF_KEYS or not column.is_unique:
        return []
    mostly = _mostly(STRANGERS_A_BATCH / n)
    note = f"all {n:,} values differ"
    return [expect("expect_column_values_to_be_unique", "warning", note, column=str(column.name), mostly=mostly)]


def _round_out(value: float, whole: bool, outwards: Any) -> float | int:
    """Round away from the range: to a whole number, or to six significant digits."""
    if whole:
        return int(outwards(value)) if abs(value) < 2**53 else float(value)
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 5)
    return float(f"{outwards(value / unit) * unit:.6g}")


def _date_expectations(column: pd.Series, slack: float, max_age_days: float | None) -> list[Suite]:
    low, high = column.min().as_unit("us"), column.max().as_unit("us")
    width = (high - low) * slack
    first, last = pd.Timestamp.min.ceil("D"), pd.Timestamp.max.floor("D")  # what a batch's dates are cut to
    name = str(column.name)
    return [
        expect(
            "expect_column_values_to_be_between",
            "info",
            f"{low} to {high} seen",
            column=name,
            min_value=min(max(low - width, first), last).isoformat(),
            max_value=max(min(high + width, last), first).isoformat(),
            mostly=_mostly(_tolerance(len(column))),
        ),
        expect(
            "expect_column_max_to_be_between",
            "warning",
            f"fresh: the newest seen is {high}, a quarter are newer than this; max_age_days counts from today instead",
            {"max_age_days": max_age_days},
            column=name,
            min_value=max(column.quantile(0.75).as_unit("us").floor("s"), first).isoformat(),
        ),
    ]


def _text_expectations(column: pd.Series, slack: float, *, closed: bool) -> list[Suite]:
    texts = column.astype("str")
    counts = texts.value_counts()
    new = float((counts == 1).sum() / len(texts))
    left_out = float(counts.iloc[MOST_CATEGORIES:].sum() / len(texts))
    if not closed or new > CLOSED or left_out > LEFT_OUT:
        return _open_expectations(texts, len(counts), slack)
    name = str(column.name)
    shown = sorted(counts.index[:MOST_CATEGORIES])
    return [
        expect(
            "expect_column_values_to_be_in_set",
            "warning",
            f"{len(counts):,} categories" + (f", the {MOST_CATEGORIES} commonest here" if left_out else ""),
            column=name,
            value_set=_plain(shown),
            mostly=_mostly(_tolerance(len(texts), max(STRANGERS, 3 * new) + 1.5 * left_out)),
        )
    ]


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
            mostly=_mostly(_tolerance(len(texts))),
        )
    ]
    pattern = learn_form(texts)
    if pattern is None:
        return found
    others = float((~texts.str.contains(pattern)).mean())
    tolerance = _tolerance(len(texts), max(STRANGERS, 1.5 * others))
    note = f"{100 * (1 - others):.4g}% of the texts have this form"
    form: Suite = {"column": name, "regex": pattern, "mostly": _mostly(tolerance)}
    return [*found, expect("expect_column_values_to_match_regex", "warning", note, **form), *_key_expectations(texts)]


def _plain(values: Any) -> list[str]:
    return [str(value) for value in values]
