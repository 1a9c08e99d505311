"""How figures and values from the data are written, in the terminal and in the report alike.

One place decides that an error is "4.3%", an interval "2.6–6.7%", a gap "+4.3 points", and that what is unknown is "–".
Text that comes from the data is cleaned of control characters (a label may hold a terminal escape or a lone surrogate)
and cut; escaping for HTML is the template's work, not done here.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from jinja2 import Undefined

UNKNOWN = "–"
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def unknown(value: Any) -> bool:
    """Say whether nothing is known: None, NaN, infinite, pandas' NA, or a key that is not there.

    >>> unknown(None), unknown(float("nan")), unknown(0), unknown("")
    (True, True, False, False)
    """
    if value is None or isinstance(value, Undefined):
        return True
    if isinstance(value, (str, bytes, bool, Mapping, Sequence)):
        return False
    try:
        return not math.isfinite(value)
    except (TypeError, ValueError):
        return type(value).__name__ in ("NAType", "NaTType")


def number(value: Any) -> float | None:
    """Give the figure in a number or in a rate (``{"value": …}``), None where it is unknown.

    >>> number({"value": 0.04, "low": 0.03}), number(2), number(None), number("x")
    (0.04, 2.0, None, None)
    """
    inner = value.get("value") if isinstance(value, Mapping) else value
    return float(inner) if isinstance(inner, Real) and not unknown(inner) else None


def count(value: Any) -> str:
    """Write a whole number with thousands apart.

    >>> count(1132), count(None)
    ('1,132', '–')
    """
    figure = number(value)
    return UNKNOWN if figure is None else f"{figure:,.0f}"


def things(value: Any, one: str, many: str = "") -> str:
    """Write how many of something there are.

    >>> things(1, "leak"), things(1850, "image"), things(0, "class", "classes")
    ('1 leak', '1,850 images', 'no classes')
    """
    figure = number(value)
    noun = one if figure == 1 else many or one + "s"
    return f"no {noun}" if figure == 0 else f"{count(value)} {noun}"


def percent(value: Any) -> str:
    """Write a share as a percentage; what is small but not nought is not rounded to nought.

    >>> percent(0.0434), percent(1.0), percent(0.0), percent(0.0002), percent(float("nan"))
    ('4.3%', '100%', '0%', '<0.1%', '–')
    """
    figure = number(value)
    if figure is None:
        return UNKNOWN
    if 0 < figure < 0.0005:
        return "<0.1%"
    if 0.9995 <= figure < 1:
        return ">99.9%"
    return "100%" if figure == 1 else "0%" if figure == 0 else f"{100 * figure:.1f}%"


def interval(rate: Any) -> str:
    """Write the 95% interval of anything with a low and a high share.

    >>> interval({"value": 0.04, "low": 0.026, "high": 0.067}), interval({"value": 0.04}), interval(None)
    ('2.6–6.7%', '–', '–')
    """
    low, high = ends(rate)
    return UNKNOWN if low is None or high is None else f"{100 * low:.1f}–{100 * high:.1f}%"


def ends(rate: Any) -> tuple[float | None, float | None]:
    """Give the low and the high end of an interval, None where they or the value in between are unknown.

    >>> ends({"value": 0.1, "low": 0.0, "high": 0.4}), ends({"value": None, "low": 0.0, "high": 1.0})
    ((0.0, 0.4), (None, None))
    """
    if not isinstance(rate, Mapping) or ("value" in rate and number(rate) is None):
        return None, None
    return number(rate.get("low")), number(rate.get("high"))


def with_interval(rate: Any) -> str:
    """Write a rate and its interval.

    >>> with_interval({"value": 0.043, "low": 0.026, "high": 0.067}), with_interval({"value": 0.5}), with_interval(None)
    ('4.3% (2.6–6.7%)', '50.0%', '–')
    """
    between = interval(rate)
    return percent(rate) if between == UNKNOWN else f"{percent(rate)} ({between})"


def points(value: Any) -> str:
    """Write a difference of two shares in percentage points, with its sign.

    >>> points(0.043), points(-0.002), points(0.0), points(None)
    ('+4.3 points', '−0.2 points', '0.0 points', '–')
    """
    figure = number(value)
    if figure is None:
        return UNKNOWN
    size = f"{abs(100 * figure):.1f}"
    sign = "" if size == "0.0" else "+" if figure > 0 else "−"
    return f"{sign}{size} points"


def points_interval(gap: Any) -> str:
    """Write the interval of a gap, in percentage points.

    >>> points_interval({"low": -0.01, "high": 0.059})
    '−1.0 to +5.9'
    """
    low, high = ends(gap)
    if low is None or high is None:
        return UNKNOWN
    return f"{points(low).removesuffix(' points')} to {points(high).removesuffix(' points')}"


def decimal(value: Any, digits: int = 3) -> str:
    """Write a number with so many significant digits.

    >>> decimal(0.91234), decimal(123456.0), decimal(3.0), decimal(0.00001234), decimal(None)
    ('0.912', '123,456', '3', '1.23e-05', '–')
    """
    figure = number(value)
    if figure is None:
        return UNKNOWN
    if figure == round(figure) and abs(figure) < 1e15:
        return f"{figure:,.0f}"
    return f"{figure:,.0f}" if abs(figure) >= 10**digits else f"{figure:.{digits}g}"


def fixed(value: Any, places: int = 2) -> str:
    """Write a number with so many decimals.

    >>> fixed(1), fixed(0.914), fixed(None)
    ('1.00', '0.91', '–')
    """
    figure = number(value)
    return UNKNOWN if figure is None else f"{figure:.{places}f}"


def chance(value: Any) -> str:
    """Write a p-value; one too small to matter how small is "<0.001".

    >>> chance(0.0421), chance(0.0), chance(None)
    ('0.042', '<0.001', '–')
    """
    figure = number(value)
    return UNKNOWN if figure is None else "<0.001" if figure < 0.001 else f"{figure:.2g}"


def clean(value: Any) -> str:
    r"""Give a value as text on one line, without control or direction characters and lone surrogates.

    >>> clean("a\x1b[31m\nb"), clean(None), clean(7)
    ('a [31m b', '–', '7')
    """
    if unknown(value):
        return UNKNOWN
    return " ".join(_legible(str(value)).split())


def _legible(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c in BIDI_CONTROLS or unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)


def cut(value: Any, length: int = 60) -> str:
    """Give a value as text on one line of at most so many characters.

    >>> cut("a very long label indeed", 12), cut("short", 12)
    ('a very long…', 'short')
    """
    text = clean(value if not isinstance(value, str) else value[: 8 * length + 80])
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def plain(value: Any, length: int = 160) -> str:
    """Write any JSON value in one readable line, numbers shortened.

    >>> plain({"noise": 0.123456, "on": True, "sizes": [1, 2.0]}), plain("x"), plain(None), plain([])
    ('noise: 0.123, on: yes, sizes: [1, 2]', 'x', '–', 'none')
    """
    return cut(_plain(value), length)


def cell(value: Any, length: int = 160) -> str:
    """Write a value of a row in one readable line, a date without its midnight.

    >>> cell(np.datetime64("2021-10-20")), cell("2021-10-20 00:00:00"), cell(0.123456)
    ('2021-10-20', '2021-10-20', '0.123')
    """
    return plain(value, length).removesuffix(" 00:00:00")


def _plain(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_nested(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_nested(inner) for inner in value) or "none"
    if isinstance(value, (str, bytes)) or number(value) is None:
        return clean(value)
    return decimal(value)


def _nested(value: Any) -> str:
    text = _plain(value)
    if isinstance(value, Mapping):
        return "{" + text + "}"
    return f"[{text}]" if isinstance(value, (list, tuple)) else text


def as_text(value: Any) -> str:
    """Write a configuration (a mapping, or text already) over several lines."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return "\n".join(_legible(line) for line in text.split("\n"))
