"""Does each part of the split mirror the whole? A classifier tries to tell its rows from those of the other parts.

Why: a part can have the right number of every class and source and still hold other examples than the rest: the shares
of cells cannot show it, features can.

How: for each part, a classifier two-sample test (`two_samples.py`) on the features that the model learns from, at most
1,000 rows a side; an AUC of 0.5 means that nobody can tell. p-values are corrected by Holm over the parts.

Source: Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests".

Known failure: where sources are kept out of train, or the split follows time, parts differ because they were meant to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.apportion import PARTS
from burnish.tasks.metrics import none_if_nan
from burnish.tasks.slices import holm
from burnish.tasks.two_samples import TwoSamples, compare_samples

LEAST_ROWS = 30
LEVEL = 0.05


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
    features: NDArray[np.floating],
    part: NDArray[np.object_],
    *,
    names: Sequence[str],
    permutations: int = 199,
    seed: int = 0,
) -> tuple[Mirror, ...]:
    """Compare each part with the rows of all the others.

    Parameters
    ----------
    features : float (n, d)
        Finite.
    part : str (n,)
    names : sequence of str
        Of the d features; an empty name is never named as a driver.
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
    tested: dict[str, TwoSamples] = {}
    rows = {name: int((part == name).sum()) for name in PARTS}
    for number, name in enumerate(PARTS):
        if min(rows[name], len(part) - rows[name]) >= LEAST_ROWS:
            inside, rng = part == name, np.random.default_rng([seed, number])
            a, b = features[~inside], features[inside]
            tested[name] = compare_samples(a, b, names, permutations=permutations, level=LEVEL, rng=rng)
    corrected = dict(zip(tested, holm(np.array([found.p_value for found in tested.values()])), strict=True))
    return tuple(_conclude(name, rows[name], tested.get(name), corrected.get(name)) for name in PARTS if rows[name])


def _conclude(part: str, rows: int, found: TwoSamples | None, p_value: float | None) -> Mirror:
    if found is None or p_value is None:
        return Mirror(part, rows, np.nan, np.nan, np.nan, "cannot_tell")
    differs = p_value <= LEVEL
    drivers = found.drivers if differs else ()
    return Mirror(part, rows, found.auc, found.low, found.high, "differs" if differs else "same", drivers)
