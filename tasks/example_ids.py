"""A name for every example: the one the user gave, kept as written, or one made from its content.

An id from the content stays the same when rows are added, dropped, sorted or relabelled, so runs can be compared.

Known failure: equal rows are told apart by their order (`…-2`), so which is which changes when the file is sorted anew.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from burnish.tasks.findings import InputError
from burnish.tasks.hexadecimal import as_hexadecimal
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.row_hashes import repeated_rows, rows_that_share

_HELD = 65_536  # rows joined at once
_BETWEEN = "\x1f"  # the ASCII unit separator, seldom in data; a clash costs a suffix, no row


def given_ids(column: pd.Series, where: str) -> pd.Series:
    """Take the ids of a column as they are written.

    Parameters
    ----------
    column : Series
        Of any type.
    where : str
        Names the column and the file in messages.

    Returns
    -------
    Series of str
        Unique.

    Raises
    ------
    InputError
        An id is missing or occurs twice.
    """
    ids = labels_as_text(column)
    missing = np.flatnonzero(ids.isna())
    if missing.size:
        raise InputError(
            f"data.id: {missing.size:,} cells of {where} are empty, the first in row {missing[0] + 1}: fill them in, "
            "or set data.id: null to have ids made from the content"
        )
    twice = ids.iloc[repeated_rows(ids)].unique()
    if len(twice):
        shown = ", ".join(repr(each) for each in twice[:3]) + (", …" if len(twice) > 3 else "")
        raise InputError(
            f"data.id: {len(twice):,} ids of {where} occur more than once ({shown}): make them unique, or set "
            "data.id: null to have ids made from the content"
        )
    return ids


def content_ids(frame: pd.DataFrame) -> pd.Series:
    """Make an id from each row's cells; without the label among them, a corrected label keeps it.

    Parameters
    ----------
    frame : DataFrame
        Any columns.

    Returns
    -------
    Series of str
        The first 16 digits of the row's SHA-256; rows that repeat get ``-2``, ``-3``, … in their order.

    Examples
    --------
    >>> content_ids(pd.DataFrame({"a": ["x", "y", "x"]}, dtype="str")).tolist()
    ['2d711642b726b044', 'a1fce4363854ff88', '2d711642b726b044-2']
    """
    numbers = np.empty(len(frame), dtype=np.uint64)
    for start in range(0, len(frame), _HELD):
        rows = _joined_rows(frame.iloc[start : start + _HELD])
        # one hash a row has no vectorised form; the joining before it has
        hashes = b"".join(hashlib.sha256(row).digest()[:8] for row in rows)
        numbers[start : start + _HELD] = np.frombuffer(hashes, dtype=">u8")
    ids = as_hexadecimal(numbers).set_axis(frame.index)
    repeated = rows_that_share(numbers)
    copies = pd.Series(numbers[repeated]).groupby(numbers[repeated], sort=False).cumcount().to_numpy()
    again = repeated[copies > 0]
    ids.iloc[again] = ids.iloc[again] + "-" + pd.Series(copies[copies > 0] + 1, index=ids.index[again]).astype("str")
    return ids


def _joined_rows(frame: pd.DataFrame) -> list[bytes]:
    if not len(frame.columns):
        return [b""] * len(frame)
    cells = [pa.array(frame[name].astype("str"), type=pa.large_string(), from_pandas=True) for name in frame.columns]
    between = pa.scalar(_BETWEEN, type=pa.large_string())
    rows = pc.binary_join_element_wise(*cells, between, null_handling="replace", null_replacement="")
    return rows.cast(pa.large_binary()).to_pylist()
