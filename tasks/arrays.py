"""Arrays that come beside a table: embeddings and out-of-fold probabilities as `.npy`.

Row i belongs to row i of the table, and nothing in the file says so: a wrong row count is the only sign of a mix-up
that can be seen, so it is refused. Object arrays would run code on loading and are never loaded. Embeddings are
memory-mapped; they are read once, in blocks, to be sure that they are finite.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.findings import InputError

_LARGEST = np.float64(1e15)  # distances are taken in float32, where the square of 1e20 is infinite
_BLOCK = 1 << 22  # numbers looked at in one go: 32 MiB of float64
_SUM_TOLERANCE = 1e-3  # float16 rows of softmax are off by about this


def read_embeddings(path: str | Path, rows: int | None = None) -> NDArray[Any]:
    """Map an embeddings file.

    Parameters
    ----------
    path : str or Path
        A .npy file.
    rows : int, optional
        Rows of the table it must have as many of.

    Returns
    -------
    ndarray of shape (rows, dimensions)
        Finite numbers of the file's own dtype, memory-mapped read-only.

    Raises
    ------
    InputError
        Absent, not .npy, objects in it, wrong shape, NaN, infinite, beyond ±1e15; with `rows` given, all rows the same.
    """
    path = Path(path)
    array = _open_array(path, "data.embeddings")
    _check_shape(array, len(array) if rows is None else rows, path, "data.embeddings")
    _check_finite(array, path, "data.embeddings")
    if rows is not None and rows > 1 and not _varies(array):
        raise InputError(f"data.embeddings: all rows of {path} are the same: compute it again")
    return array


def read_probabilities(path: str | Path, rows: int, classes: tuple[str, ...]) -> NDArray[np.float64]:
    """Read the class probabilities of the user's own model.

    Parameters
    ----------
    path : str or Path
        A .npy file.
    rows : int
        Rows of the table.
    classes : tuple of str
        The classes, in the order of the columns.

    Returns
    -------
    ndarray of float64, shape (rows, classes)
        Not negative, each row summing to one.

    Raises
    ------
    InputError
        As for `read_embeddings`; also a wrong number of columns, negative values, sums that are not one.
    """
    path = Path(path)
    key = "data.probabilities"
    array = _open_array(path, key)
    _check_shape(array, rows, path, key)
    if array.shape[1] != len(classes):
        order = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
        raise InputError(
            f"{key}: {path} has {array.shape[1]} columns, the labels have {len(classes)} classes: give one column a "
            f"class, in the order {order}"
        )
    _check_finite(array, path, key)
    probabilities = np.array(array, dtype=np.float64)
    below = np.flatnonzero((probabilities < 0).any(axis=1))
    if below.size:
        raise InputError(
            f"{key}: {path} has a negative value in row {below[0]} (from 0): give probabilities, not scores or logits"
        )
    sums = probabilities.sum(axis=1)
    off = np.flatnonzero(np.abs(sums - 1) > _SUM_TOLERANCE)
    if off.size:
        raise InputError(
            f"{key}: row {off[0]} (from 0) of {path} sums to {sums[off[0]]:.4g}, not to 1 ({off.size:,} such rows): "
            "give probabilities over all classes"
        )
    return probabilities / sums[:, None]


def _open_array(path: Path, key: str) -> NDArray[Any]:
    if not path.is_file():
        raise InputError(f"{key}: {path} {'is no file' if path.exists() else 'does not exist'}: name a .npy file")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, TypeError, OverflowError) as error:
        if "Python objects" in str(error):
            reason = "holds Python objects, which are never loaded: save numbers, as array.astype('float32')"
        else:
            reason = "is damaged or no .npy file: write it with numpy.save"
        raise InputError(f"{key}: {path} {reason}") from None
    if not isinstance(array, np.ndarray):
        array.close()
        raise InputError(f"{key}: {path} is an archive of arrays: save the one array with numpy.save")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{key}: {path} holds {array.dtype}, not numbers: save it as float32")
    return array


def _check_shape(array: NDArray[Any], rows: int, path: Path, key: str) -> None:
    if array.ndim != 2 or not array.shape[1]:
        raise InputError(f"{key}: {path} has the shape {array.shape}: give one row an example, (rows, columns)")
    if array.shape[0] != rows:
        raise InputError(
            f"{key}: {path} has {array.shape[0]:,} rows, the table has {rows:,}: row i of one must belong to row i of "
            "the other"
        )


def _check_finite(array: NDArray[Any], path: Path, key: str) -> None:
    if array.dtype.kind != "f":
        return
    step = max(1, _BLOCK // array.shape[1])
    for start in range(0, len(array), step):
        bad = np.flatnonzero(~np.isfinite(array[start : start + step]).all(axis=1))
        if bad.size:
            raise InputError(
                f"{key}: row {start + bad[0]} (from 0) of {path} has NaN or infinity in it: compute it again, or take "
                "the row out of both files"
            )
        large = np.flatnonzero((np.abs(array[start : start + step]) > _LARGEST).any(axis=1))
        if large.size:
            raise InputError(
                f"{key}: row {start + large[0]} (from 0) of {path} has a value beyond ±{_LARGEST:g}: scale its columns"
            )


def _varies(array: NDArray[Any]) -> bool:
    step = max(1, _BLOCK // array.shape[1])
    return any((array[start : start + step] != array[0]).any() for start in range(0, len(array), step))
