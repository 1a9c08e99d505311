"""Rows as 64-bit numbers: a hash a column, added up, so that a row without one column is its sum less that hash.

Why: equal rows, and rows that are equal but for a column or two, are equal numbers; sorting finds them in memory linear
in the rows. Texts are read without case and repeated white space, each different one once; whole numbers are taken to
the last digit.

Source: the finalizer of SplitMix64, Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014.

Known failure: two different rows have the same number by chance once in 2⁶⁴ pairs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]
Pairs = NDArray[np.int64]

_ABSENT = np.uint64(0xD1B5_4A32_D192_ED03)  # stands for a missing whole number
_AT_ONCE = 500_000  # rows looked up at once


def hash_column(column: pd.Series, salt: int) -> Hashes:
    """Scatter the values of a column over 64 bits, text without case and repeated white space.

    Parameters
    ----------
    column : Series (n,)
    salt : int
        Which column it is: the same value in two columns is not the same.

    Returns
    -------
    uint64 (n,)

    Examples
    --------
    >>> hashes = hash_column(pd.Series(["New  York", " new york", "Rome"]), 0)
    >>> bool(hashes[0] == hashes[1]), bool(hashes[0] == hashes[2])
    (True, False)
    """
    if pd.api.types.is_integer_dtype(column.dtype):
        if isinstance(column.dtype, np.dtype):
            return hash_whole(column.to_numpy(np.int64, copy=True), salt)
        hashed = hash_whole(column.to_numpy(np.int64, na_value=0, copy=True), salt)
        hashed[column.isna().to_numpy()] = _mix(np.array([_ABSENT]), salt)
        return hashed
    if is_ordered(column) or pd.api.types.is_bool_dtype(column.dtype):
        values = as_values(column)
        values += 0.0  # no negative zero
        return _mix(values.view(np.uint64), salt)
    codes, values = _codes(column)
    plain = pd.Series(values, dtype="str").str.casefold().str.split().str.join(" ")
    same = np.append(pd.factorize(plain)[0], -1).astype(np.uint64)  # the last is for missing ones
    return _mix(same, salt)[codes]


def _codes(column: pd.Series) -> tuple[NDArray[np.integer], pd.Index]:
    """Number the values of a column, −1 where missing, and give them."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), column.cat.categories
    return pd.factorize(column)


def _mix(codes: Hashes, salt: int) -> Hashes:
    """Mix 64 bits, in place."""
    for start in range(0, len(codes), _AT_ONCE):
        part = codes[start : start + _AT_ONCE]
        part += np.uint64(((salt + 1) * 0x9E3779B97F4A7C15) % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            part ^= part >> np.uint64(shift)
            part *= np.uint64(factor)
        part ^= part >> np.uint64(31)
    return codes


def hash_whole(numbers: NDArray[np.int64], salt: int) -> Hashes:
    """Scatter whole numbers, (n,), over 64 bits, in place."""
    return _mix(numbers.view(np.uint64), salt)


def is_ordered(column: pd.Series) -> bool:
    """Tell numbers and dates."""
    ordered = pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype)
    return ordered and not pd.api.types.is_bool_dtype(column.dtype)


def as_values(column: pd.Series) -> Floats:
    """Give numbers, booleans or dates as float64 (n,), a new array, missing ones as −∞."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        values = column.astype("int64").to_numpy(dtype=np.float64, copy=True)
        values[column.isna().to_numpy()] = -np.inf
    elif isinstance(column.dtype, np.dtype):
        values = column.to_numpy(dtype=np.float64, copy=True)
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    values[np.isnan(values)] = -np.inf
    return values


def neighbours(key: Hashes, beside: Floats | None = None) -> Pairs:
    """Pair each row with the next one of the same key, in the order of `beside`; int64 (m, 2)."""
    rows = rows_that_share(key)
    order = rows[np.argsort(key[rows], kind="stable") if beside is None else np.lexsort((beside[rows], key[rows]))]
    same = key[order[1:]] == key[order[:-1]]
    return np.stack([order[:-1][same], order[1:][same]], axis=1).astype(np.int64)


def rows_that_share(key: Hashes) -> NDArray[np.int64]:
    """Give the rows whose key another row has too, ascending."""
    ordered = np.sort(key)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(shared):
        return np.empty(0, dtype=np.int64)
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(key), _AT_ONCE):
        part = key[start : start + _AT_ONCE]
        place = np.minimum(np.searchsorted(shared, part), len(shared) - 1)
        found.append(start + np.flatnonzero(shared[place] == part))
    return np.concatenate(found)


def repeated_rows(column: pd.Series) -> NDArray[np.int64]:
    """Give the rows whose value another row has too, ascending; a missing value is a value.

    Without a table of all values in memory: hashes are sorted, and those that meet are compared as they are.

    >>> repeated_rows(pd.Series(["a", "b", "a", "c"])).tolist()
    [0, 2]
    """
    if column.dtype == object:  # of which 1 and 1.0 have hashes of their own
        return np.flatnonzero(column.duplicated(keep=False))
    parts = (column.iloc[start : start + _AT_ONCE] for start in range(0, len(column), _AT_ONCE))
    keys = [pd.util.hash_array(part.to_numpy(), categorize=False) for part in parts]
    rows = rows_that_share(np.concatenate([np.empty(0, dtype=np.uint64), *keys]))
    return rows[column.iloc[rows].duplicated(keep=False).to_numpy()]


def pairs_in(key: Hashes) -> float:
    """Count the pairs of rows with the same key; the key, (n,), is sorted in place.

    >>> pairs_in(np.array([3, 1, 3, 3, 1], dtype=np.uint64))
    4.0
    """
    key.sort()
    same = np.concatenate([[False], key[1:] == key[:-1], [False]])
    edges = np.flatnonzero(same[1:] != same[:-1])
    lengths = (edges[1::2] - edges[::2]).astype(np.float64)
    return float((lengths * (lengths + 1) / 2).sum())


def others_in(key: Hashes) -> Floats:
    """Count the other rows with each row's key, float64 (n,)."""
    _, group, sizes = np.unique(key, return_inverse=True, return_counts=True)
    return (sizes - 1).astype(np.float64)[group]
