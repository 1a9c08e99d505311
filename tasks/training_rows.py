"""What a training is given, held against itself: rows, their labels, and the rows that judge.

Shapes and labels are looked at before anything is trained. Features are not, a pass over a large array costs too much:
that they are numbers is read off their centre and spread, which are measured anyway, and off losses. Only where one of
these is no number are the rows gone through.
Known failure: where the spread is measured on a sample, a row that is no number comes to light with the first loss.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.device_rows import Rows
from burnish.tasks.findings import InputError
from burnish.tasks.models import Network

HUGE = 1e15  # its square is far from the end of float32 (3e38)
AT_ONCE = 16_384

Labels = NDArray[np.integer[Any]]
Features = NDArray[np.floating[Any]]


def check_features(
    features: Features, labels: Labels, classes: int, *, dev: Features | None = None, dev_labels: Labels | None = None
) -> None:
    """Refuse features and labels that do not belong together, and dev features of another width.

    Parameters
    ----------
    features : float (n, d)
    labels : int (n,)
        From 0 to `classes` − 1; −1 = missing.
    classes : int
    dev, dev_labels : optional
        The rows that judge, (m, d) and (m,).

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_features(np.zeros((3, 2)), np.array([0, 1]), 2)
    Traceback (most recent call last):
    burnish.tasks.findings.InputError: there are 2 labels for 3 rows of features: give one for each row
    """
    for name, given, own in (("features", features, labels), ("dev features", dev, dev_labels)):
        if given is None or own is None:
            continue
        if given.ndim != 2:
            raise InputError(f"{name} have shape {given.shape}: give an array (n, d), a row for each example")
        if given.shape[1] != features.shape[1]:
            raise InputError(f"{name} have width {given.shape[1]}: those learnt from have width {features.shape[1]}")
        _check_labels(name, given, own, classes)


def check_pixels(
    pixels: NDArray[np.uint8],
    labels: Labels,
    classes: int,
    *,
    dev: NDArray[np.uint8] | None = None,
    dev_labels: Labels | None = None,
) -> None:
    """Refuse pixels that are not square images of bytes or not of one size, and labels that do not belong to them.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
    labels, classes, dev, dev_labels
        See `check_features`.

    Raises
    ------
    InputError
    """
    for name, given, own in (("pixels", pixels, labels), ("dev pixels", dev, dev_labels)):
        if given is None or own is None:
            continue
        if given.dtype != np.uint8 or given.ndim != 4 or given.shape[1] != given.shape[2]:
            raise InputError(f"{name} are {given.dtype} {given.shape}: give square images, uint8 (n, s, s, c)")
        if given.shape[1:] != pixels.shape[1:]:
            raise InputError(f"{name} are {given.shape[1:]}, those learnt from {pixels.shape[1:]}: give one size")
        _check_labels(name, given, own, classes)


def check_scale(network: Network, features: Features, places: NDArray[np.int64]) -> None:
    """Refuse features whose centre or spread, as a network has learnt it, is no number.

    Parameters
    ----------
    network : Network
        After `set_scale`.
    features : float (n, d)
    places : int64 (m,)
        The rows that the scale is of.

    Raises
    ------
    InputError
        Names the row.
    """
    if not bool(network.shift.isfinite().all() & network.scale.isfinite()):
        raise _no_numbers("features", _largest(features, places)[0])


def check_numbers(name: str, features: Features, places: NDArray[np.int64]) -> None:
    """Refuse features of which some row holds NaN, infinity or what is huge; for where a loss is no number.

    Raises
    ------
    InputError
        Names the row.
    """
    row, size = _largest(features, places)
    if not size < HUGE:
        raise _no_numbers(name, row)


def are_numbers(rows: Rows) -> bool:
    """Tell whether rows on a device are finite throughout."""
    return all(bool(some.isfinite().all()) for _, some in rows.pieces())


def _check_labels(name: str, given: NDArray[Any], labels: Labels, classes: int) -> None:
    codes = np.asarray(labels)
    if codes.shape != (len(given),):
        raise InputError(f"there are {len(codes)} labels for {len(given)} rows of {name}: give one for each row")
    bad = ~((codes >= -1) & (codes < classes))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(
            f"label {codes[row]} of row {row} of the {name} is none of the {classes} classes: give a whole number "
            f"from 0 to {classes - 1}, or -1 where it is missing"
        )


def _largest(features: Features, places: NDArray[np.int64]) -> tuple[int, float]:
    """Give the row with the largest value, and that; NaN before infinity before any number."""
    parts = np.array_split(places, -(-len(places) // AT_ONCE))
    sizes = np.concatenate([np.abs(features[some]).max(axis=1) for some in parts])
    at = int(sizes.argmax())
    return int(places[at]), float(sizes[at])


def _no_numbers(name: str, row: int) -> InputError:
    return InputError(
        f"the {name} of row {row} (from 0) are no numbers to compute with: look for values that are missing, infinite "
        "or huge"
    )
