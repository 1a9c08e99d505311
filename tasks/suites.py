"""The contract on the data: a suite of expectations learnt from the training rows, kept in a file people read and edit.

Why: what was true of the data that a model was trained on is what it relies on. A suite says it column by column, so
that a later batch which breaks it is stopped before it is learnt from.

A suite is a plain dict in Great Expectations' own form: `name`, `meta`, and `expectations`, each with `type`, `kwargs`,
`severity` and, for people, `meta.notes`. Critical ones are few and sure: a column gone, its type changed, all of it
missing, ids not unique, labels nobody knows. The rest are warnings, or info where a change is no fault in itself.

Source: a text column is a closed set of categories where the chance that the next value is new is small; that chance is
the share of values seen once (Good 1953, "The population frequencies of species").

Known failures: a range learnt from dirty rows is as wide as the dirt; text that turns into numbers is noticed by its
categories only, not by its type.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.findings import InputError

TYPES = {
    "number": ["int64", "float64", "int", "float"],
    "boolean": ["bool"],
    "date": ["datetime64[ns]", "Timestamp"],
}
Suite = dict[str, Any]

STRANGERS = 0.01  # share of values outside a range or a set that is tolerated
STRANGERS_A_BATCH = 6  # over n: a batch a third as large as train may hold two strangers
CLOSED = 0.05  # a text column is a set of categories below this chance of a new value
MOST_CATEGORIES = 500  # a longer set is cut to the commonest
OTHER_TYPE = 0.05  # more cells of another type than this: the type has changed


def learn_suite(
    train: pd.DataFrame, *, id_column: str | None = None, label_column: str | None = None, slack: float = 0.1
) -> Suite:
    """Learn what holds for the training rows.

    Parameters
    ----------
    train : pd.DataFrame
        Training rows, typed: numbers, booleans, dates, text.
    id_column : str, optional
        Must stay unique and never missing.
    label_column : str, optional
        The labels known here are all there are.
    slack : float
        Ranges are widened by this share of their width, and missing shares by this share of the rows.

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
    n = len(train)
    expectations = [
        _expect(
            "expect_table_row_count_to_be_between",
            "info",
            f"learnt from {n:,} rows",
            min_value=max(1, n // 100),
            max_value=100 * n,
        )
    ]
    for name in train.columns:
        column = train[name]
        expectations.append(_expect("expect_column_to_exist", "critical", f"{kind_of(column)}", column=str(name)))
        if name == id_column:
            expectations += _id_expectations(str(name))
        elif column.notna().any():
            expectations += _missing_expectations(column, slack)
            expectations += _label_expectations(column) if name == label_column else _value_expectations(column, slack)
    return {"name": "burnish", "meta": {"rows": n, "columns": train.shape[1]}, "expectations": expectations}


def save_suite(suite: Suite, path: str | Path) -> Path:
    """Write a suite as YAML or JSON, as the ending of the path says."""
    path = Path(path)
    if path.suffix.lower() in {".yaml", ".yml"}:
        import yaml

        text = yaml.safe_dump(suite, sort_keys=False, allow_unicode=True, width=110)
    else:
        text = json.dumps(suite, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def load_suite(path: str | Path) -> Suite:
    """Read a suite from YAML or JSON.

    Raises
    ------
    InputError
        The file is not there, cannot be parsed, or holds no suite.
    """
    import yaml

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        suite = yaml.safe_load(text) if path.suffix.lower() in {".yaml", ".yml"} else json.loads(text)
    except OSError as fault:
        raise InputError(f"suite {path} cannot be read ({fault.strerror}): check validate.suite.") from None
    except UnicodeDecodeError:
        raise InputError(f"suite {path} is not UTF-8 text: save it as UTF-8.") from None
    except json.JSONDecodeError as fault:
        raise InputError(f"suite {path} is broken JSON at line {fault.lineno}: {fault.msg}.") from None
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"suite {path} is broken YAML{where}: {getattr(fault, 'problem', None) or fault}.") from None
    check_form(suite, str(path))
    return suite


def check_form(suite: Any, where: str) -> None:
    """Raise InputError unless `suite` has the form of a suite."""
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
        raise InputError(f"{where} holds no suite: it needs a list under the key 'expectations'.")
    for number, each in enumerate(suite["expectations"], start=1):
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            raise InputError(f"expectation {number} of {where} has no 'type', e.g. type: expect_column_to_exist.")
        if not isinstance(each.get("kwargs", {}), dict):
            raise InputError(f"expectation {number} of {where} has 'kwargs' that are not keys and values.")
        if each.get("severity", "critical") not in {"critical", "warning", "info"}:
            raise InputError(
                f"expectation {number} of {where} has severity {each['severity']!r}: use critical, warning or info."
            )


def kind_of(column: pd.Series) -> str:
    """Name the kind of a column: number, boolean, date or text."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column) else "text"


def _expect(type_: str, severity: str, notes: str, **kwargs: Any) -> Suite:
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"notes": notes}}


def _tolerance(n: int, at_least: float = STRANGERS) -> float:
    return float(min(0.5, max(at_least, STRANGERS_A_BATCH / max(n, 1))))


def _mostly(tolerance: float) -> float:
    return round(1 - min(1.0, tolerance), 4)


def _id_expectations(name: str) -> list[Suite]:
    return [
        _expect("expect_column_values_to_not_be_null", "critical", "every row has an id", column=name),
        _expect("expect_column_values_to_be_unique", "critical", "an id names one row", column=name),
    ]


def _missing_expectations(column: pd.Series, slack: float) -> list[Suite]:
    """Bound the missing share by what was seen, its sampling error and the slack; never all missing."""
    n, name = len(column), str(column.name)
    share = float(column.isna().mean())
    sampling = 4 * np.sqrt(share * (1 - share) / (n / 3))
    tolerance = _tolerance(n, share + sampling + slack * share) if share else _tolerance(n)
    found = [
        _expect(
            "expect_column_values_to_not_be_null",
            "warning",
            f"{share:.1%} missing",
            column=name,
            mostly=_mostly(tolerance),
        )
    ]
    if share < 0.5:
        found.append(
            _expect(
                "expect_column_proportion_of_non_null_values_to_be_between",
                "critical",
                "not all missing",
                column=name,
                min_value=0,
                strict_min=True,
            )
        )
    return found


def _label_expectations(column: pd.Series) -> list[Suite]:
    labels = _plain(sorted(column.dropna().astype(str).unique()))
    name, note = str(column.name), f"{len(labels)} classes"
    return [
        _expect(
            "expect_column_values_to_be_in_set",
            "critical",
            note,
            column=name,
            value_set=labels,
            mostly=_mostly(_tolerance(len(column))),
        ),
        _expect("expect_column_values_to_be_in_set", "warning", note, column=name, value_set=labels),
    ]


def _value_expectations(column: pd.Series, slack: float) -> list[Suite]:
    kind = kind_of(column)
    found = []
    if kind != "text":
        of_type = {"column": str(column.name), "type_list": TYPES[kind]}
        note = f"every value is a {kind}"
        found = [
            _expect("expect_column_values_to_be_in_type_list", "critical", note, **of_type, mostly=1 - OTHER_TYPE),
            _expect("expect_column_values_to_be_in_type_list", "warning", note, **of_type),
        ]
    learn = {"number": _number_expectations, "date": _date_expectations, "text": _text_expectations}.get(kind)
    return found + (learn(column.dropna(), slack) if learn else [])


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
        _expect(
            "expect_column_values_to_be_between",
            "warning",
            f"{low:g} to {high:g} seen",
            column=name,
            min_value=_round_out(wide_low, whole, np.floor),
            max_value=_round_out(wide_high, whole, np.ceil),
            mostly=_mostly(_tolerance(len(values))),
        ),
        _expect(
            "expect_column_median_to_be_between",
            "warning",
            "the quartiles seen",
            column=name,
            min_value=float(quarters[0]),
            max_value=float(quarters[1]),
        ),
    ]


def _round_out(value: float, whole: bool, outwards: Any) -> float | int:
    """Round away from the range: to a whole number, or to six significant digits."""
    if whole:
        return int(outwards(value)) if abs(value) < 2**53 else float(value)
    if value == 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(abs(value))) - 5)
    return float(f"{outwards(value / unit) * unit:.6g}")


def _date_expectations(column: pd.Series, slack: float) -> list[Suite]:
    low, high = column.min().as_unit("us"), column.max().as_unit("us")
    width = (high - low) * slack
    first, last = pd.Timestamp.min.ceil("D"), pd.Timestamp.max.floor("D")  # what a batch's dates are cut to
    return [
        _expect(
            "expect_column_values_to_be_between",
            "info",
            f"{low} to {high} seen",
            column=str(column.name),
            min_value=min(max(low - width, first), last).isoformat(),
            max_value=max(min(high + width, last), first).isoformat(),
            mostly=_mostly(_tolerance(len(column))),
        )
    ]


def _text_expectations(column: pd.Series, slack: float) -> list[Suite]:
    texts = column.astype(str)
    counts = texts.value_counts()
    new = float((counts == 1).sum() / len(texts))
    name = str(column.name)
    if new > CLOSED:
        lengths = texts.str.len()
        reach = slack * (lengths.max() - lengths.min()) + 1
        return [
            _expect(
                "expect_column_value_lengths_to_be_between",
                "info",
                f"{len(counts):,} different texts",
                column=name,
                min_value=max(0, int(np.floor(lengths.min() - reach))),
                max_value=int(np.ceil(lengths.max() + reach)),
                mostly=_mostly(_tolerance(len(texts))),
            )
        ]
    left_out = float(counts.iloc[MOST_CATEGORIES:].sum() / len(texts))
    shown = sorted(counts.index[:MOST_CATEGORIES])
    return [
        _expect(
            "expect_column_values_to_be_in_set",
            "warning",
            f"{len(counts):,} categories" + (f", the {MOST_CATEGORIES} commonest here" if left_out else ""),
            column=name,
            value_set=_plain(shown),
            mostly=_mostly(_tolerance(len(texts), max(STRANGERS, 3 * new) + 1.5 * left_out)),
        )
    ]


def _plain(values: Any) -> list[str]:
    return [str(value) for value in values]
