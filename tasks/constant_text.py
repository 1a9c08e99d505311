"""A text column that says one thing in every row, or nothing, in the place of a few thousand rows.

Why: most tables have no groups, no copies and no decisions yet; a column that says so for ten million rows would take
80 MB each. Arrow's columns are made of chunks, and the same chunk may stand in one many times.

Known failure: what changes a single cell of it makes the whole column.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

CHUNK = 65_536


def constant_text(value: str | None, index: pd.Index) -> pd.Series:
    """Give a `str` Series of one value, None for missing, on an index of n rows.

    >>> constant_text("all", pd.RangeIndex(3)).tolist(), constant_text(None, pd.RangeIndex(2)).isna().tolist()
    (['all', 'all', 'all'], [True, True])
    """
    chunk = pa.array([value] * min(CHUNK, len(index)), type=pa.large_string())
    whole, rest = divmod(len(index), max(len(chunk), 1))
    chunks = pa.chunked_array([*[chunk] * whole, chunk.slice(0, rest)], type=pa.large_string())
    return pd.Series(pd.StringDtype("pyarrow", na_value=np.nan).__from_arrow__(chunks), index=index)
