"""64-bit numbers as hexadecimal digits, for ids and hashes of millions of rows: no Python object a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

_DIGITS = 16
_AT_ONCE = 500_000  # numbers written at once
_SIGNS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def as_hexadecimal(numbers: NDArray[np.uint64]) -> pd.Series:
    """Write each number, (n,), with 16 digits; a `str` Series.

    >>> as_hexadecimal(np.array([255, 2**63], dtype=np.uint64)).tolist()
    ['00000000000000ff', '8000000000000000']
    """
    digits = np.empty((len(numbers), _DIGITS), dtype=np.uint8)
    for start in range(0, len(numbers), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        pairs = numbers[rows].astype(">u8").view(np.uint8).reshape(-1, _DIGITS // 2)
        digits[rows, 0::2] = _SIGNS[pairs >> 4]
        digits[rows, 1::2] = _SIGNS[pairs & 15]
    ends = np.arange(0, _DIGITS * (len(numbers) + 1), _DIGITS, dtype=np.int64)
    text = pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(digits))
    return text.to_pandas().astype("str")
