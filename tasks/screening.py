"""What plainly holds: an expectation counted on one column, with the meaning Great Expectations gives it.

Why: Great Expectations takes milliseconds an expectation whatever the rows, copies the frame for many of them and
seconds to import, while most of what a suite asks of a good batch holds. What is shown to hold here needs no more;
whatever fails, or is of another kind, is left to Great Expectations, which alone says that something is wrong.

Source: the formulas are those of Great Expectations 1.24 (values that are missing are never offending; the share that
complies is taken of the values that are there, and must reach `mostly`); the tests hold the two against one another.

Known failure: arguments that Great Expectations would refuse are never refused here; they are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.batch_types import TYPES, TypedColumn
from burnish.tasks.row_hashes import repeated_rows
from burnish.tasks.suite_files import Suite

Outcome = dict[str, Any]

_BOUNDS = {"min_value", "max_value", "strict_min", "strict_max"}
_FEW = 2_000  # so many different texts are counted once for all the sets that are asked of them


def screen_rows(rows: int, each: Suite) -> Outcome | None:
    """Give the outcome of an expectation about the number of rows, None where that is not shown to hold."""
    kwargs = each.get("kwargs", {})
    if each["type"] != "expect_table_row_count_to_be_between" or not set(kwargs) <= _BOUNDS:
        return None
    return {"success": True, "result": {"observed_value": rows}} if _holds(rows, kwargs) else None


class Screen:
    """One column, on which one expectation after the other is counted.

    Parameters
    ----------
    column : TypedColumn
        At least one row.

    Examples
    --------
    >>> from burnish.tasks.batch_types import read_column
    >>> screen = Screen(read_column(pd.Series(["1", "2", None]), "number"))
    >>> screen.outcome({"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "max_value": 2}})
    {'success': True, 'result': {'element_count': 3, 'unexpected_count': 0}}
    >>> screen.outcome({"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "max_value": 1}})
    """

    def __init__(self, column: TypedColumn) -> None:
        self.column = column
        self.rows = len(column.series)

    def outcome(self, each: Suite) -> Outcome | None:
        """Give the outcome of an expectation that holds; None where that is not shown."""
        kwargs = each.get("kwargs", {})
        known, count = _COUNTED.get(each["type"], (None, None))
        if known is not None and count is not None and set(kwargs) <= {"column", "mostly", *known}:
            return self._mostly(count(self, kwargs), kwargs.get("mostly", 1), each["type"])
        known, measure = _MEASURED.get(each["type"], (None, None))
        if known is None or measure is None or not set(kwargs) <= {"column", *known}:
            return None
        value = measure(self)
        return {"success": True, "result": {"observed_value": value}} if _holds(value, kwargs) else None

    def _mostly(self, unexpected: int | None, mostly: Any, type_: str) -> Outcome | None:
        if unexpected is None or isinstance(mostly, bool) or not isinstance(mostly, int | float):
            return None
        given = self.rows if type_ == "expect_column_values_to_not_be_null" else len(self.given)
        given += self.odd if type_ == "expect_column_values_to_be_in_type_list" else 0  # they are there
        if given and not (0 <= mostly <= 1 and (given - unexpected) / given >= mostly):
            return None
        return {"success": True, "result": {"element_count": self.rows, "unexpected_count": int(unexpected)}}

    @cached_property
    def odd(self) -> int:
        """How many cells are not of the kind of the column."""
        return 0 if self.column.odd is None else int(self.column.odd.sum())

    @cached_property
    def given(self) -> pd.Series:
        """The values that are there."""
        column = self.column.series
        return column.dropna() if column.hasnans else column

    @cached_property
    def counts(self) -> pd.Series | None:
        """How often each text is there, where they are few; else None."""
        return self.given.value_counts() if self.given.iloc[: 10 * _FEW].nunique() <= _FEW else None

    @property
    def is_text(self) -> bool:
        """Whether the values are texts."""
        return isinstance(self.given.dtype, pd.StringDtype)


def _count_missing(screen: Screen, _: Suite) -> int:
    return screen.rows - len(screen.given) - screen.odd


def _count_repeated(screen: Screen, _: Suite) -> int:
    return len(repeated_rows(screen.given))


def _count_others(screen: Screen, kwargs: Suite) -> int | None:
    """Count the texts outside a set."""
    wanted = kwargs.get("value_set")
    if not isinstance(wanted, list) or not screen.is_text or not all(isinstance(value, str) for value in wanted):
        return None
    if screen.counts is None:
        return int((~screen.given.isin(wanted)).sum())
    return len(screen.given) - int(screen.counts[screen.counts.index.isin(wanted)].sum())


def _count_members(screen: Screen, kwargs: Suite) -> int | None:
    others = _count_others(screen, kwargs)
    return None if others is None else len(screen.given) - others


def _count_other_type(screen: Screen, kwargs: Suite) -> int | None:
    return screen.odd if kwargs.get("type_list") == TYPES.get(screen.column.kind) else None


def _count_outside(screen: Screen, kwargs: Suite) -> int | None:
    """Count the numbers or dates outside bounds."""
    return _outside(screen.given, kwargs)


def _count_other_lengths(screen: Screen, kwargs: Suite) -> int | None:
    return _outside(screen.given.str.len(), kwargs) if screen.is_text else None


def _count_other_forms(screen: Screen, kwargs: Suite) -> int | None:
    """Count the texts that a regular expression does not find."""
    try:
        form = re.compile(kwargs["regex"]).pattern
    except (KeyError, TypeError, re.error):
        return None
    return int((~screen.given.str.contains(form)).sum()) if screen.is_text else None


def _outside(values: pd.Series, kwargs: Suite) -> int | None:
    given = [kwargs.get("min_value"), kwargs.get("max_value")]
    bounds = [_bound(value, values.dtype.kind == "M") for value in given]
    if given == [None, None] or any(was is not None and now is None for was, now in zip(given, bounds, strict=True)):
        return None
    if values.dtype.kind not in "iufM" or not _are_flags(kwargs):
        return None
    array, (low, high) = values.to_numpy(), bounds
    if low is not None and high is not None and low > high:
        return None
    return int(np.count_nonzero(_is_outside(array, low, high, kwargs)))


def _is_outside(array: NDArray[Any], low: Any, high: Any, kwargs: Suite) -> NDArray[np.bool_]:
    outside = np.zeros(len(array), dtype=bool)
    if low is not None:
        outside |= array <= low if kwargs.get("strict_min") else array < low
    if high is not None:
        outside |= array >= high if kwargs.get("strict_max") else array > high
    return outside


def _bound(value: Any, of_dates: bool) -> Any:
    """Give a bound as what the values are compared with; None where they cannot be."""
    if of_dates:
        return _instant(value) if isinstance(value, str) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _instant(text: str) -> np.datetime64 | None:
    try:
        read = pd.Timestamp(text)
    except ValueError:
        return None
    return None if read is pd.NaT or read.tzinfo is not None else read.to_datetime64()


def _are_flags(kwargs: Suite) -> bool:
    return all(isinstance(kwargs.get(key, False), bool) for key in ("strict_min", "strict_max"))


def _median(screen: Screen) -> float | None:
    numbers = screen.given.dtype.kind in "iuf" and len(screen.given)
    return float(np.median(screen.given.to_numpy())) if numbers else None


def _extreme(which: str) -> Callable[[Screen], Any]:
    def measure(screen: Screen) -> Any:
        usable = screen.given.dtype.kind in "iufM" and len(screen.given)
        return getattr(screen.given, which)() if usable else None

    return measure


def _share_present(screen: Screen) -> float:
    return (len(screen.given) + screen.odd) / screen.rows


def _holds(value: Any, kwargs: Suite) -> bool:
    """Tell whether a figure is shown to lie between the bounds."""
    if value is None or not _are_flags(kwargs):
        return False
    return _outside(pd.Series([value]), {key: kwargs[key] for key in _BOUNDS & set(kwargs)}) == 0


_Count = Callable[[Screen, Suite], int | None]
_COUNTED: dict[str, tuple[set[str], _Count]] = {
    "expect_column_values_to_not_be_null": (set(), _count_missing),
    "expect_column_values_to_be_unique": (set(), _count_repeated),
    "expect_column_values_to_be_in_set": ({"value_set"}, _count_others),
    "expect_column_values_to_not_be_in_set": ({"value_set"}, _count_members),
    "expect_column_values_to_be_in_type_list": ({"type_list"}, _count_other_type),
    "expect_column_values_to_be_between": (_BOUNDS, _count_outside),
    "expect_column_value_lengths_to_be_between": (_BOUNDS, _count_other_lengths),
    "expect_column_values_to_match_regex": ({"regex"}, _count_other_forms),
}
_MEASURED: dict[str, tuple[set[str], Callable[[Screen], Any]]] = {
    "expect_column_median_to_be_between": (_BOUNDS, _median),
    "expect_column_min_to_be_between": (_BOUNDS, _extreme("min")),
    "expect_column_max_to_be_between": (_BOUNDS, _extreme("max")),
    "expect_column_proportion_of_non_null_values_to_be_between": (_BOUNDS, _share_present),
}
