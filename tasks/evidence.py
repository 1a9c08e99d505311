"""What the voices may look at when labels are audited, checked at the door.

Labels of any type become codes; probabilities, features and groups must have a row for each of them. What cannot be
used is refused in one sentence (`InputError`) rather than left to give wrong flags: a single NaN among probabilities
can change every answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from burnish.tasks.copies import copies_by_features
from burnish.tasks.findings import InputError
from burnish.tasks.neighbours import NeighbourGraph, group_codes

LARGEST = np.float64(1e15)  # distances are taken in float32, where the square of 1e20 is infinite
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Evidence:
    """What the voices may look at.

    Attributes
    ----------
    codes : int64 (n,)
        Given labels as indices into the classes, −1 = missing.
    k : int
        Number of classes.
    probabilities : float (n, k), optional
        Out-of-fold probabilities of the user's own model.
    features : float32 (n, d), optional
    graph : NeighbourGraph, optional
    groups : int64 (n,), optional
        Group of each row; members never speak about one another.
    seed : int
    dynamics : float (n, k), optional
        Mean held-out log-probabilities over the epochs of a network's training, as probabilities.
    """

    codes: NDArray[np.int64]
    k: int
    probabilities: NDArray[np.floating] | None = None
    features: NDArray[np.float32] | None = None
    graph: NeighbourGraph | None = None
    groups: NDArray[np.int64] | None = None
    seed: int = 0
    dynamics: NDArray[np.floating] | None = None


def label_codes(labels: ArrayLike, classes: Sequence[Any] | None) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """Give the classes (sorted, unless given) and the labels as int64 (n,) indices into them, −1 = missing.

    >>> label_codes(["dog", None, "cat"], None)
    (('cat', 'dog'), array([ 1, -1,  0]))
    """
    shape = labels.shape if isinstance(labels, pd.Series) else as_array(labels, "labels", object).shape
    if len(shape) != 1:
        raise InputError(f"labels have shape {shape}; give one label an example, or a column an annotator")
    try:
        numbers, present = pd.factorize(pd.Series(labels))
    except TypeError:
        raise InputError("labels hold lists; give one label an example, or as many annotators for each") from None
    names = tuple(sorted(present, key=_sort_key(present))) if classes is None else _check_classes(classes, present)
    if len(present) < 2:
        noun = "class" if len(present) == 1 else "classes"
        raise InputError(f"the labels hold {len(present)} distinct {noun}; finding wrong labels needs two or more")
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([*(place[name] for name in present), -1], dtype=np.int64)[numbers]


def as_array(given: ArrayLike, name: str, dtype: Any = None) -> NDArray:
    """Give an array of what may be ragged.

    Raises
    ------
    InputError
        Rows of different lengths.
    """
    try:
        return np.asarray(given, dtype=dtype)
    except ValueError:
        raise InputError(f"{name} have rows of different lengths; give as many values in each") from None


def _check_classes(classes: Sequence[Any], present: Iterable[Any]) -> tuple[Any, ...]:
    names, order = tuple(classes), "in the order of the probabilities' columns"
    if isinstance(classes, str) or not names:
        raise InputError(f"classes are {classes!r}; give a list of every class once, {order}")
    twice = [name for name in names if names.count(name) > 1] if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"classes name {twice[0]!r} twice; give every class once, {order}")
    strange = sorted({str(label) for label in present} - {str(name) for name in names})
    if strange:
        raise InputError(f"the labels hold {strange[0]!r}, which is not among the classes; give every class, {order}")
    return names


def _sort_key(values: Iterable[Any]) -> Any:
    """Sort numbers by size and everything else as text; mixed types as text."""
    numeric = all(isinstance(value, int | float | np.number) for value in values)
    return None if numeric else str


def gather_evidence(
    codes: NDArray[np.int64],
    k: int,
    probabilities: ArrayLike | None,
    features: ArrayLike | None,
    groups: ArrayLike | None,
    graph: NeighbourGraph | None,
    seed: int,
    dynamics: ArrayLike | None = None,
) -> Evidence:
    """Check that each piece is usable and has a row for every label.

    Without groups and graph, copies by the features are the groups: a copy with the same wrong label would vouch for
    it.

    Raises
    ------
    InputError
        Wrong shape or type; probabilities or features that are not finite; probabilities that are negative or do not
        sum to one.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**31:
        raise InputError(f"seed is {seed!r}; give a whole number from 0 to {2**31 - 1:,}")
    given = np.bincount(codes[codes >= 0], minlength=1)
    if given.max() == 1:
        raise InputError(f"all {given.sum()} labels are different; give classes, with two examples of one at least")
    shape = len(codes), k
    checked = None if probabilities is None else _check_probabilities(probabilities, shape, "probabilities")
    averaged = None if dynamics is None else _check_probabilities(dynamics, shape, "dynamics")
    points = None if features is None else _check_features(as_array(features, "features"), len(codes))
    members = None if groups is None else np.asarray(groups)
    if members is not None and members.shape != (len(codes),):
        raise InputError(f"groups have shape {members.shape}; {len(codes)} labels need one group each")
    if members is None and graph is None and points is not None and len(points) > 1:
        members = copies_by_features(points)
    return Evidence(
        codes=codes,
        k=k,
        probabilities=checked,
        features=points,
        graph=graph,
        groups=group_codes(members, len(codes)),
        seed=seed,
        dynamics=averaged,
    )


def _check_probabilities(probabilities: ArrayLike, shape: tuple[int, int], name: str) -> NDArray[np.float64]:
    (n, k), given = shape, as_array(probabilities, name)
    if given.shape != shape:
        raise InputError(f"{name} have shape {given.shape}; {n} labels of {k} classes need ({n}, {k})")
    if given.dtype.kind not in "fiub":
        raise InputError(f"{name} are of type {given.dtype}; give numbers")
    values = given.astype(np.float64)
    sums = values.sum(axis=1)
    for problem, wrong in (
        ("hold NaN or infinity", ~np.isfinite(values).all(axis=1)),
        ("are negative", (values < 0).any(axis=1)),
        ("do not sum to one", np.abs(sums - 1) > SUM_TOLERANCE),
    ):
        if wrong.any():
            first = int(np.flatnonzero(wrong)[0])
            raise InputError(
                f"{name} {problem} in {int(wrong.sum())} row(s), first in row {first}; "
                "give out-of-fold class probabilities, one column a class"
            )
    return values / sums[:, None]


def _check_features(given: NDArray, n: int) -> NDArray[np.float32]:
    if given.ndim != 2 or len(given) != n or given.shape[1] == 0:
        raise InputError(f"features have shape {given.shape}; {n} labels need {n} rows of one column or more")
    if given.dtype.kind not in "fiub":
        raise InputError(f"features are of type {given.dtype}; give numbers")
    low, high = given.min(axis=1), given.max(axis=1)
    for problem, bad, advice in (
        ("NaN or infinity", ~(np.isfinite(low) & np.isfinite(high)), "fill them"),
        (f"values beyond ±{LARGEST:g}", (low < -LARGEST) | (high > LARGEST), "scale the columns"),
    ):
        if bad.any():
            first = int(np.flatnonzero(bad)[0])
            raise InputError(f"features hold {problem} in {int(bad.sum())} row(s), first in row {first}; {advice}")
    return given.astype(np.float32, copy=False)
