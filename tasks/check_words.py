"""What an expectation asks and what was found, in a few words for people."""

from __future__ import annotations

from typing import Any

from burnish.tasks.batch_types import TYPES
from burnish.tasks.suite_files import Suite

SHOWN_VALUES = 8

_WORDS = {
    "expect_column_to_exist": "the column",
    "expect_column_values_to_not_be_null": "a value",
    "expect_column_values_to_be_unique": "unique values",
    "expect_column_values_to_be_between": "values between",
    "expect_column_median_to_be_between": "a median between",
    "expect_column_max_to_be_between": "a largest value between",
    "expect_column_min_to_be_between": "a smallest value between",
    "expect_column_value_lengths_to_be_between": "texts of a length between",
    "expect_column_proportion_of_non_null_values_to_be_between": "a share of values present",
    "expect_table_row_count_to_be_between": "rows between",
}


def is_share(each: Suite) -> bool:
    """Tell whether an expectation is about the share of some values, so that no single row is at fault."""
    return (each.get("meta") or {}).get("about") == "share"


def say_expected(each: Suite) -> str:
    """Say what is expected.

    Examples
    --------
    >>> kwargs = {"column": "zip", "regex": "^[0-9]{5}$"}
    >>> say_expected({"type": "expect_column_values_to_match_regex", "kwargs": kwargs})
    'texts of the form ^[0-9]{5}$'
    """
    kwargs = each.get("kwargs", {})
    mostly = kwargs.get("mostly", 1)
    share = f", for {100 * mostly:g}% of the values" if isinstance(mostly, int | float) and mostly < 1 else ""
    if is_share(each) and isinstance(kwargs.get("value_set"), list):
        listed = _listed(kwargs["value_set"])
        if each["type"].endswith("to_not_be_in_set"):
            return f"at most {100 * (1 - mostly):.3g}% {listed}"
        return f"at least {100 * mostly:.3g}% {listed}"
    if isinstance(kwargs.get("value_set"), list):
        return f"{'none' if '_not_' in each['type'] else 'one'} of {_listed(kwargs['value_set'])}{share}"
    if isinstance(kwargs.get("type_list"), list):
        kind = next((kind for kind, types in TYPES.items() if kwargs["type_list"] == types), None)
        return f"a {kind}{share}" if kind else f"of type {', '.join(map(str, kwargs['type_list']))}{share}"
    if each["type"] == "expect_column_values_to_match_regex":
        return f"texts of the form {kwargs.get('regex')}{share}"
    if each["type"] == "expect_column_max_to_be_between" and set(kwargs) == {"column", "min_value"}:
        return f"a newest value of {kwargs['min_value']} or later"
    if each["type"] in _WORDS:
        words = _WORDS[each["type"]]
        both = kwargs.get("min_value") is not None and kwargs.get("max_value") is not None
        return (words if both else words.removesuffix(" between")) + _bounds(kwargs) + share
    words = " ".join(each["type"].split("_")[1:]).removeprefix("column ").removeprefix("values ").removeprefix("to ")
    return f"{words.removeprefix('be ')}{_bounds(kwargs)}{share}"


def say_observed(each: Suite, outcome: dict[str, Any]) -> str:
    """Say what was found."""
    found = outcome["result"]
    if found.get("unexpected_count") is not None and found.get("element_count") is not None:
        count, total = found["unexpected_count"], found["element_count"]
        if is_share(each):
            given = total - (found.get("missing_count") or 0)
            count = count if each["type"].endswith("to_not_be_in_set") else given - count
            return f"{100 * count / max(given, 1):.3g}%"
        return f"{count:,} of {total:,} ({100 * count / max(total, 1):.3g}%) otherwise"
    if "observed_value" in found:
        value = found["observed_value"]
        if isinstance(value, float):
            return f"{value:,.6g}"
        return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _cut(str(value))
    return "there" if outcome["success"] else "missing"


def _listed(values: Any) -> str:
    shown = [_cut(str(value)) for value in list(values)[:SHOWN_VALUES]]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(shown) + more


def _cut(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _bounds(kwargs: dict[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return (
            f" up to {_short(high)}"
            if low is None
            else f" {'above' if kwargs.get('strict_min') else 'from'} {_short(low)}"
        )
    return f" {_short(low)} and {_short(high)}"


def _short(bound: Any) -> str:
    """Write a bound with at most six digits, whole numbers whole."""
    return f"{bound:.6g}" if isinstance(bound, float) and abs(bound) < 1e6 else str(bound)
