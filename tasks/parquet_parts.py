"""A frame → a Parquet file, some rows at a time: a table as large as the memory's rest is written without a second one.

Columns of tuples of names (`outlier_columns`) are written as lists of text, also where all of them are empty.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

ROWS = 131_072  # converted at once


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame without its index.

    Parameters
    ----------
    frame : DataFrame
        Columns of numbers, booleans, dates and text; objects are tuples or lists of str.
    path : Path
        Overwritten.
    """
    schema = pa.Schema.from_pandas(frame.iloc[:0], preserve_index=False)
    for name in [name for name in frame.columns if frame[name].dtype == object]:
        schema = schema.set(schema.get_field_index(name), pa.field(name, pa.list_(pa.string())))
    with parquet.ParquetWriter(path, schema) as file:
        for start in range(0, max(len(frame), 1), ROWS):
            part = frame.iloc[start : start + ROWS]
            file.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))
