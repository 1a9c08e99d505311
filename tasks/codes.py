"""Whole numbers that name things and measure nothing: postcodes, ids, order numbers.

Why: no distance between two codes means anything, so none of them is far from the others: they have no limits, no
median to keep to, and are not set to another one, which would be somebody else's.

How: by the name of the column; and by the values, where they hardly ever repeat though a draw as dense as theirs would
(n draws from a span of s whole numbers leave at least n − s (1 − exp(−n / s)) repeats: the birthday problem). The span
is that of the middle 80%, so that a few wild values do not hide it.

Known failures: names are English or German; a postcode under a name that says nothing of it passes as a quantity, as
its values repeat.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_called_code", "is_code", "never_repeats"]

FEWEST_REPEATS = 20  # expected of draws: fewer may be missing by chance
SELDOM = 0.1  # share of the expected repeats that copied rows may make
AT_THE_END = {
    "zip", "zipcode", "postcode", "postal", "plz", "postleitzahl", "fips", "isbn", "ean", "gtin", "iban", "ssn",
    "phone", "telephone", "fax", "uuid", "guid", "sku", "id", "ids", "code", "codes", "nr", "no", "key", "number",
    "num", "kennung", "nummer",
}  # fmt: skip
AT_THE_START = {"id", "plz", "postcode", "postleitzahl", "zipcode"}
COUNTED_TOO = {"no", "number", "num"}  # which alone may be how many
_JOINED = re.compile(r"(customer|client|user|person|patient|order|invoice|item|product|account|kunden)(id|no|nr|code)")


def is_code(name: str, values: NDArray[np.float64]) -> bool:
    """Tell whether a column holds codes.

    Parameters
    ----------
    name : str
        Of the column.
    values : float64 (n,)
        Finite.

    Examples
    --------
    >>> towns, incomes = np.array([10115.0, 20095.0] * 50), np.array([31500.0, 20095.0] * 50)
    >>> is_code("ZipCode", towns), is_code("income", incomes), is_code("number_of_children", incomes)
    (True, False, False)
    """
    if not len(values) or values.min() < 0 or (values != np.round(values)).any():
        return False
    return is_called_code(name) or never_repeats(values)


def never_repeats(values: NDArray[np.float64]) -> bool:
    """Tell whether whole numbers repeat far less than draws from their span would.

    Parameters
    ----------
    values : float64 (n,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> never_repeats(rng.permutation(5_000.0 + np.arange(1_000))), never_repeats(rng.integers(5_000, 6_000, 1_000))
    (True, False)
    """
    low, high = np.quantile(values, [0.1, 0.9])
    middle = values[(values >= low) & (values <= high)]
    span = high - low + 1
    expected = len(middle) + span * np.expm1(-len(middle) / span)
    return bool(expected >= FEWEST_REPEATS and len(middle) - len(np.unique(middle)) <= SELDOM * expected)


def is_called_code(name: str) -> bool:
    """Tell whether a column is called like one of codes.

    Examples
    --------
    >>> [is_called_code(name) for name in ("customerId", "Order-Nr.", "paid", "number_of_rooms")]
    [True, True, False, False]
    """
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    words = [word for word in re.split(r"[^a-zäöüß]+", apart) if word]
    if not words or (len(words) == 1 and words[0] in COUNTED_TOO):
        return False
    return words[-1] in AT_THE_END or words[0] in AT_THE_START or _JOINED.fullmatch(words[-1]) is not None
