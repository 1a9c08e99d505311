"""Features made when they are asked for: of ten million rows, a few thousand at a time, and never all together.

Why: the features of a table take many times the place of the table (a column a level, a column a bin). What looks at
rows once, a block after the other, or at a sample of them, does not need them all in memory.

Known failure: what is asked for twice is made twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class EncodedRows:
    """Reads like an array of features, float32 (n, d); each reading encodes the rows it is of.

    Parameters
    ----------
    given : DataFrame or ndarray of n rows
        What the features are made of.
    encode : callable
        From rows of `given` to float32 (m, d), each row by itself.
    width : int
        d.

    Examples
    --------
    >>> rows = EncodedRows(np.arange(6.0).reshape(3, 2), lambda given: given.astype(np.float32) * 2, 2)
    >>> rows.shape, rows[1:].tolist(), rows[np.array([True, False, False])].tolist()
    ((3, 2), [[4.0, 6.0], [8.0, 10.0]], [[0.0, 2.0]])
    """

    def __init__(self, given: Any, encode: Callable[[Any], NDArray[np.float32]], width: int) -> None:
        self._given = given
        self._encode = encode
        self.shape = (len(given), width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[np.float32]:
        return self._encode(self._given.iloc[rows] if isinstance(self._given, pd.DataFrame) else self._given[rows])
