"""Does each part of the split mirror the whole? A classifier tries to tell its rows from those of the other parts.

Why: a part can have the right number of every class and source and still hold other examples than the rest: the shares
of cells cannot show it, features can.

How: for each part, a classifier two-sample test (`two_samples.py`) on the features that the model learns from, at most
1,000 rows a side; an AUC of 0.5 means that nobody can tell. p-values are corrected by Holm over the parts.

Source: Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests".

Known failure: where sources are kept out of train, or the split follows time, parts differ because they were meant to;
of a split by time the column of time itself is left out by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.apportion import PARTS
from burnish.tasks.label_checks import label_codes
from burnish.tasks.metrics import none_if_nan
from burnish.tasks.mismatch import condensed
from burnish.tasks.multivariate import Rows
from burnish.tasks.slices import holm
from burnish.tasks.two_samples import TwoSamples, compare_samples, draw_rows

LEAST_ROWS = 30
LEVEL = 0.05

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Mirror:
    """How a part compares with all other rows.

    Attributes
    ----------
    part : str
    rows : int
        Labelled rows of the part.
    auc, low, high : float
        How well its rows can be told from the others (0.5: not at all), with the 95% interval; NaN where too few.
    verdict : str
        same, differs or cannot_tell.
    drivers : tuple of str
        What differs most.
    """

    part: str
    rows: int
    auc: float
    low: float
    high: float
    verdict: Literal["same", "differs", "cannot_tell"]
    drivers: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, NaN as None."""
        numbers = {name: none_if_nan(getattr(self, name)) for name in ("auc", "low", "high")}
        return asdict(self) | numbers | {"drivers": list(self.drivers)}


def measure_mirrors(
    features: Rows,
    part: pd.Series | NDArray[np.object_],
    *,
    names: Sequence[str],
    columns: NDArray[np.int64] | None = None,
    permutations: int = 199,
    seed: int = 0,
) -> tuple[Mirror, ...]:
    """Compare each part with the rows of all the others.

    Parameters
    ----------
    features : float (n, d), or what gives its rows when asked (`encoded_rows.py`)
        Finite; only the rows that are drawn are asked for.
    part : str (n,)
        None or NaN for rows that are left out.
    names : sequence of str
        Of the d features; an empty name is never named as a driver.
    columns : int64 (c,), optional
        The features to compare by; all where not given. Of more than 512, their leading principal components.
    permutations : int
        The p-value of the classifier cannot be below 1 / (permutations + 1).
    seed : int

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(400, 2))
    >>> x[300:, 1] += 2
    >>> found = measure_mirrors(x, np.repeat(["train", "dev", "test"], [200, 100, 100]), names=["a", "b"])
    >>> [(each.part, each.verdict, each.drivers) for each in found if each.part == "test"]
    [('test', 'differs', ('b',))]
    """
    codes = label_codes(pd.Series(part), PARTS)
    rows = {name: int((codes == number).sum()) for number, name in enumerate(PARTS)}
    everyone = sum(rows.values())
    drawn: dict[str, tuple[Places, Places, np.random.Generator]] = {}
    for number, name in enumerate(PARTS):
        if min(rows[name], everyone - rows[name]) >= LEAST_ROWS:
            rng = np.random.default_rng([seed, number])
            others = draw_rows(np.flatnonzero((codes >= 0) & (codes != number)), rng)
            drawn[name] = others, draw_rows(np.flatnonzero(codes == number), rng), rng
    if not drawn:
        return tuple(_conclude(name, rows[name], None, None) for name in PARTS if rows[name])
    asked = np.unique(np.concatenate([side for each in drawn.values() for side in each[:2]]))
    kept = np.arange(len(names)) if columns is None else columns
    made, called = condensed(features[asked][:, kept], [names[place] for place in kept], seed=seed)
    tested: dict[str, TwoSamples] = {}
    for name, (others, own, rng) in drawn.items():
        sides = made[np.searchsorted(asked, others)], made[np.searchsorted(asked, own)]
        tested[name] = compare_samples(*sides, called, permutations=permutations, level=LEVEL, rng=rng)
    corrected = dict(zip(tested, holm(np.array([found.p_value for found in tested.values()])), strict=True))
    return tuple(_conclude(name, rows[name], tested.get(name), corrected.get(name)) for name in PARTS if rows[name])


def _conclude(part: str, rows: int, found: TwoSamples | None, p_value: float | None) -> Mirror:
    if found is None or p_value is None:
        return Mirror(part, rows, np.nan, np.nan, np.nan, "cannot_tell")
    differs = p_value <= LEVEL
    drivers = found.drivers if differs else ()
    return Mirror(part, rows, found.auc, found.low, found.high, "differs" if differs else "same", drivers)
