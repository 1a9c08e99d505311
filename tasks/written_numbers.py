"""Numbers as people write them: `1,234.50`, `1.234,50`, `1 234`, `€ 12`, `12 %`, `(300)`; read where that is clear.

A column is read by one notation: a decimal mark and a thousands mark that fit all of its values. Where two notations
fit and say different numbers (`1,234` and `2,345`: thousands, or thousandths?) nothing is decided. One currency and
plain numbers beside it are one unit; two currencies, or per cent beside plain numbers, are not. Per cent stay the
number in front of the sign.

Known failures: `1.234` throughout is taken for a little more than one, whoever wrote it; groups of two (`1,23,456`) are
no groups; a telephone number written in groups of three reads as a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.quantities import read_quantity

CURRENCIES = "€$£¥₹₽₩₺"
WORDS = ("EUR", "USD", "GBP", "JPY", "CHF", "CNY", "INR", "SEK", "NOK", "DKK", "PLN", "CAD", "AUD")
SPACES = " \u00a0\u2009\u202f"
DECIMAL_MARKS = (".", ",")
THOUSANDS_MARKS = ("", ",", ".", " ", "'", "’")
_PERCENT = re.compile(rf"[{SPACES}]*%$")
_CURRENCY = re.compile(
    rf"^([+-]?)[{SPACES}]*([{CURRENCIES}]|(?:{'|'.join(WORDS)}))[{SPACES}]*|[{SPACES}]*([{CURRENCIES}]|(?:{'|'.join(WORDS)}))$"
)
_LIKE_A_NUMBER = re.compile(rf"[+-]?[.,]?\d[\d.,'’{SPACES}]*(?:[eE][+-]?\d+)?")
_PADDED = r"[+-]?0\d+"
_SIGN_OF_MONEY = rf"(?:[{CURRENCIES}]|{'|'.join(WORDS)})"
LIKE_AN_AMOUNT = (
    rf"\(?[+−-]?[{SPACES}]*{_SIGN_OF_MONEY}?[{SPACES}]*[+−-]?[.,]?\d[\d.,'’{SPACES}]*"
    rf"(?:%|{_SIGN_OF_MONEY})?\)?"
)
_TRIED = 200  # values that are tried for units


@dataclass(frozen=True)
class NumberNotation:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal, thousands : str
        Marks; thousands empty for none.
    currency : str
        Empty for none.
    percent : bool
    """

    decimal: str = "."
    thousands: str = ""
    currency: str = ""
    percent: bool = False

    def read(self, values: pd.Series) -> NDArray[np.float64]:
        """Read texts (n,) as numbers; NaN where a cell is missing or written otherwise.

        Examples
        --------
        >>> NumberNotation(",", ".", "€").read(pd.Series(["1.234,50 €", "-3", "x", None])).tolist()
        [1234.5, -3.0, nan, nan]
        """
        bare = _bare(values.astype("str").str.strip())
        fits = bare.fits(self)
        return _as_float(bare.digits.where(fits), self)

    def words(self) -> str:
        """Say how the numbers are written."""
        names = {" ": "a space", ".": "a point", ",": "a comma", "'": "'", "’": "’"}
        said = [f"{names[self.thousands]} between thousands"] if self.thousands else []
        said += ["a decimal comma"] if self.decimal == "," else []
        said += [f"in {self.currency}"] if self.currency else []
        said += ["per cent"] if self.percent else []
        return ", ".join(said) or "brackets for minus"


@dataclass(frozen=True)
class _Bare:
    """Values without currency, per cent and brackets, and what stood around them."""

    digits: pd.Series
    currency: pd.Series
    percent: pd.Series

    def fits(self, notation: NumberNotation) -> pd.Series:
        one_unit = self.currency.isin(["", notation.currency]) & (self.percent == notation.percent)
        return self.digits.str.fullmatch(_pattern(notation)).fillna(False).astype(bool) & one_unit


def find_notation(values: pd.Series) -> tuple[NumberNotation | None, tuple[float, float] | None]:
    """Find the notation that fits all values, which are distinct, stripped and none of them missing.

    Returns
    -------
    (NumberNotation or None, (float, float) or None)
        None where they are no numbers, or have two readings; then the two readings of the first such value.

    Examples
    --------
    >>> find_notation(pd.Series(["1,234.5", "12", "$3"]))[0]
    NumberNotation(decimal='.', thousands=',', currency='$', percent=False)
    >>> find_notation(pd.Series(["1,234", "2,345"]))
    (None, (1.234, 1234.0))
    """
    bare = _bare(values)
    named = [name for name in bare.currency.unique() if name]
    if (
        len(named) > 1
        or (bare.percent != bare.percent.iloc[0]).any()
        or not bare.digits.str.fullmatch(_LIKE_A_NUMBER).all()
    ):
        return None, None
    unit = _unit_of(bare)
    read: list[tuple[NumberNotation, NDArray[np.float64]]] = []
    for notation in _notations(unit):
        if not bare.fits(notation).all():
            continue
        numbers = _as_float(bare.digits, notation)
        if all(not np.array_equal(numbers, others) for _, others in read):
            read.append((notation, numbers))
    if len(read) > 1 and unit.currency:
        read = [each for each in read if each[0].thousands][:1]  # no price has three decimals in each of its cells
    if len(read) == 1:
        return read[0][0], None
    if not read:
        return None, None
    first, second = read[0][1], read[1][1]
    place = int(np.flatnonzero(first != second)[0])
    low, high = sorted((float(first[place]), float(second[place])))
    return None, (low, high)


def why_no_numbers(values: pd.Series) -> str:
    """Say what keeps values that look like numbers from being read, empty where nothing is known.

    Parameters
    ----------
    values : Series of str (k,)
        Distinct, stripped, none of them missing.

    Examples
    --------
    >>> why_no_numbers(pd.Series(["$1,234.50", "1.234,50 €"]))
    "two currencies: '$1,234.50', '1.234,50 €'"
    >>> why_no_numbers(pd.Series(["1,234.50", "1.234,50"]))
    "decimal points and decimal commas: '1,234.50', '1.234,50'"
    """
    bare = _bare(values)
    if not bare.digits.str.fullmatch(_LIKE_A_NUMBER).all():
        tried = values.iloc[:_TRIED].tolist()
        read = [quantity for value in tried if (quantity := read_quantity(value)) is not None]
        if len(read) < len(tried) or all(each.unit is None for each in read):
            return ""
        spelled = {quantity.spelling: value for quantity, value in zip(read, tried, strict=True)}
        return f"with {'units' if len(spelled) > 1 else 'a unit'}: {_shown(list(spelled.values()))}"
    named = bare.currency[bare.currency != ""].drop_duplicates()
    if len(named) > 1:
        return f"{'two' if len(named) == 2 else len(named)} currencies: {_shown(values[named.index].tolist())}"
    if (bare.percent != bare.percent.iloc[0]).any():
        return (
            f"per cent beside plain numbers: {_shown([values[bare.percent == each].iloc[0] for each in (True, False)])}"
        )
    points, commas = (
        np.logical_or.reduce([bare.fits(each) for each in _notations(_unit_of(bare)) if each.decimal == mark])
        for mark in DECIMAL_MARKS
    )
    if (points | commas).all() and (points & ~commas).any() and (commas & ~points).any():
        shown = [values[points & ~commas].iloc[0], values[commas & ~points].iloc[0]]
        return f"decimal points and decimal commas: {_shown(shown)}"
    return ""


def _shown(values: list[str]) -> str:
    return ", ".join(repr(value) for value in values[:3])


def _unit_of(bare: _Bare) -> NumberNotation:
    named = [name for name in bare.currency.unique() if name]
    return NumberNotation(currency=named[0] if named else "", percent=bool(bare.percent.iloc[0]))


def _notations(unit: NumberNotation) -> Iterator[NumberNotation]:
    """Give the notations that there are, the plainest first."""
    for thousands in THOUSANDS_MARKS:
        for decimal in DECIMAL_MARKS:
            if decimal != thousands:
                yield NumberNotation(decimal, thousands, unit.currency, unit.percent)


def _pattern(notation: NumberNotation) -> str:
    mark = f"[{SPACES}]" if notation.thousands == " " else re.escape(notation.thousands)
    grouped = rf"|[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" if notation.thousands else ""
    decimal = re.escape(notation.decimal)
    return rf"[+-]?(?:(?:\d+{grouped})(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"


def _bare(values: pd.Series) -> _Bare:
    """Take currency, per cent and brackets off; a number with leading zeros, as of a postcode, is none."""
    text = values.str.replace("−", "-", regex=False)
    bracketed = text.str.fullmatch(r"\(.*\)").fillna(False).astype(bool)
    text = text.where(~bracketed, "-" + text.str.slice(1, -1))
    percent = text.str.contains(_PERCENT).fillna(False).astype(bool)
    text = text.str.replace(_PERCENT, "", regex=True)
    found = text.str.extract(_CURRENCY)
    currency = found[1].fillna(found[2]).fillna("")
    digits = text.str.replace(_CURRENCY, r"\1", regex=True)
    return _Bare(digits.mask(digits.str.fullmatch(_PADDED).fillna(False).astype(bool), "padded"), currency, percent)


def _as_float(digits: pd.Series, notation: NumberNotation) -> NDArray[np.float64]:
    plain = digits
    if notation.thousands == " ":
        plain = plain.str.replace(rf"[{SPACES}]", "", regex=True)
    elif notation.thousands:
        plain = plain.str.replace(notation.thousands, "", regex=False)
    if notation.decimal == ",":
        plain = plain.str.replace(",", ".", regex=False)
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
