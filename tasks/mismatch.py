"""Data mismatch: do train, train-dev, the dev subsets and test come from one distribution?

Each pair of parts is compared by the tests of `two_samples`; Holm's correction over the pairs keeps the chance of any
false alarm at 5%. With fewer than 30 rows on either side the verdict is "cannot tell".

Sources: Ng, Machine Learning Yearning, chapters 36-43 (train-dev, dev1, dev2); Holm (1979).
Known failure: "same" means that no difference shows at this number of rows, and a difference that shows need not matter
to the model: the AUC says how large it is, `diagnose` what it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import Finding
from burnish.tasks.kernel_model import principal_components
from burnish.tasks.metrics import none_if_nan
from burnish.tasks.slices import holm
from burnish.tasks.two_samples import TwoSamples, compare_samples

MOST_SUBSETS = 4
COIN = 0.5  # AUC of a guess
WIDE, CONDENSED = 512, 64  # features that take minutes to compare, and what is left of them
LEADING = 16  # components that a few hundred rows determine well
METHOD = "classifier two-sample test and Kolmogorov-Smirnov; p-values corrected by Holm over the pairs"

Verdict = Literal["same", "differs", "cannot_tell"]


@dataclass(frozen=True)
class Comparison:
    """Two parts of the data compared.

    Attributes
    ----------
    a, b : str
        Names of the parts.
    auc, low, high : float
        How well a classifier tells them apart (0.5: not at all), with its 95% interval; NaN where too few rows.
    p_value : float
        Of both tests together, corrected for the number of pairs.
    verdict : str
        same, differs or cannot_tell.
    drivers : tuple of str
        The features that differ most; squares or products of features where none differs on its own.
    a_count, b_count : int
        Rows on each side, before any sampling.
    by_feature : bool
        They differ by Kolmogorov-Smirnov alone: the AUC may be that of a guess.
    """

    a: str
    b: str
    auc: float
    low: float
    high: float
    p_value: float
    verdict: Verdict
    drivers: tuple[str, ...] = ()
    a_count: int = 0
    b_count: int = 0
    by_feature: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Give the comparison as plain values for `summary.json`, NaN as None."""
        numbers = {name: none_if_nan(getattr(self, name)) for name in ("auc", "low", "high", "p_value")}
        return {"a": self.a, "b": self.b, **numbers, "verdict": self.verdict, "drivers": list(self.drivers)}


def name_parts(table: pd.DataFrame) -> NDArray[np.object_]:
    """Name the part of each row of the examples table: its split, and `dev:<source>` where there are several sources.

    >>> name_parts(pd.DataFrame({"split": ["train", "dev", "dev"], "source": ["lab", "lab", "phone"]})).tolist()
    ['train', 'dev:lab', 'dev:phone']
    """
    parts = table["split"].astype(object).to_numpy(dtype=object, copy=True)
    if "source" in table and len(table["source"].dropna().unique()) > 1:
        dev = (table["split"].eq("dev") & table["source"].notna()).to_numpy(dtype=bool)
        parts[dev] = ("dev:" + table.loc[dev, "source"].astype(str)).to_numpy(dtype=object)
    return parts


def condensed(
    features: NDArray[np.float32], names: Sequence[str], *, seed: int = 0
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Give features that can be compared in seconds: of more than 512 their 64 leading principal components, unnamed.

    >>> condensed(np.zeros((3, 2), np.float32), ["a", "b"])[1]
    ('a', 'b')
    """
    if features.shape[1] <= WIDE:
        return features, tuple(names)
    components = principal_components(features, CONDENSED, seed)
    return components, ("",) * components.shape[1]


def with_measures(
    features: NDArray[np.float32], measures: pd.DataFrame, most: int
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Put measures that people understand beside features that they do not, for drivers that say something.

    Parameters
    ----------
    features : float32 (n, d)
        Of a network: they have no names. Where they are principal components, keep the leading ones: of several
        hundred learnt on a thousand training rows the last know these very rows, and tell them from any others.
    measures : DataFrame (n rows)
        Numbers; missing ones become the column's median.
    most : int
        How many of the features to keep.

    Returns
    -------
    features : float32 (n, m + d'), d' at most `most`
    names : tuple of str
        Of the measures, then d' empty ones.

    >>> joined, names = with_measures(np.zeros((2, 1), np.float32), pd.DataFrame({"contrast": [1.0, np.nan]}), 1)
    >>> joined.tolist(), names
    ([[1.0, 0.0], [1.0, 0.0]], ('contrast', ''))
    """
    leading = features[:, :most]
    filled = measures.fillna(measures.median()).fillna(0.0).to_numpy(np.float32)
    return np.hstack([filled, leading]), (*measures.columns.astype(str), *("" for _ in range(leading.shape[1])))


def default_pairs(parts: NDArray[np.object_]) -> list[tuple[str, str]]:
    """Give train against everything else, the dev subsets against each other, and dev as a whole against test.

    Of more than four dev subsets the four largest are compared.
    """
    names, counts = np.unique(parts.astype(str), return_counts=True)
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    largest = sorted((name for name in sizes if name.startswith("dev:")), key=lambda name: (-sizes[name], name))
    subsets = sorted(largest[:MOST_SUBSETS]) if len(largest) > 1 or "dev" in sizes else []
    sizes |= {"dev": 1} if largest else {}
    pairs = [("train", other) for other in ("train_dev", "dev", *subsets, "test")]
    pairs += [*combinations(subsets, 2), ("dev", "test")]
    return [(a, b) for a, b in pairs if a in sizes and b in sizes]


def measure_mismatch(
    features: NDArray[np.floating],
    parts: NDArray[np.object_],
    *,
    names: Sequence[str] | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    permutations: int = 999,
    min_rows: int = 30,
    level: float = 0.05,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """Compare the parts of the data pair by pair.

    Parameters
    ----------
    features : float (n, d)
        Finite; the features that the model sees, or any others.
    parts : str (n,)
        The part of each row, see `name_parts`; "dev" in a pair takes all "dev:…" together.
    names : sequence of str, optional
        Of the d features, for `drivers`; an empty name is never named as one.
    pairs : sequence of (str, str), optional
        Default: see `default_pairs`.
    permutations : int
        The p-value of the classifier cannot be below 1 / (permutations + 1).
    min_rows : int
        With fewer rows on either side the verdict is cannot_tell.
    level : float
        Chance of any false alarm over all pairs.
    seed : int
        Of the sampling, the folds and the permutations.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(300, 3))
    >>> x[200:, 1] += 1
    >>> found = measure_mismatch(x, np.repeat(["train", "dev", "test"], 100), names=["a", "b", "c"])
    >>> [(each.a, each.b, each.verdict, each.drivers) for each in found]
    [('train', 'dev', 'same', ()), ('train', 'test', 'differs', ('b',)), ('dev', 'test', 'differs', ('b',))]
    """
    parts = np.asarray(parts).astype(str)
    names = [f"feature {i}" for i in range(features.shape[1])] if names is None else list(names)
    asked = default_pairs(parts) if pairs is None else list(pairs)
    sides = [(rows_of(parts, a), rows_of(parts, b)) for a, b in asked]
    tested: dict[int, TwoSamples] = {}
    for number, (first, second) in enumerate(sides):
        if min(len(first), len(second)) >= min_rows:
            rng = np.random.default_rng([seed, number])
            two = features[first], features[second]
            tested[number] = compare_samples(*two, names, permutations=permutations, level=level, rng=rng)
    corrected = dict(zip(tested, holm(np.array([found.p_value for found in tested.values()])), strict=True))
    return tuple(
        conclude(pair, (len(first), len(second)), tested.get(number), float(corrected.get(number, np.nan)), level)
        for number, (pair, (first, second)) in enumerate(zip(asked, sides, strict=True))
    )


def rows_of(parts: NDArray[np.object_], name: str) -> NDArray[np.int64]:
    """Give the rows of a part; "dev" takes all its subsets."""
    inside = parts == name
    if name == "dev":
        inside |= np.char.startswith(parts.astype(str), "dev:")
    return np.flatnonzero(inside)


def conclude(
    pair: tuple[str, str], counts: tuple[int, int], found: TwoSamples | None, p_value: float, level: float
) -> Comparison:
    """Give the verdict on a pair by its corrected p-value.

    A classifier that is surely worse than a coin on rows it has not seen tells no difference: it has met the traces
    that an encoder leaves in the rows it was fitted to.
    """
    if found is None:
        return Comparison(*pair, np.nan, np.nan, np.nan, np.nan, "cannot_tell", (), *counts)
    differs = p_value <= level and found.high >= COIN
    drivers = found.drivers if differs else ()
    verdict: Verdict = "differs" if differs else "same"
    by_feature = differs and found.by_feature and found.low <= COIN
    return Comparison(*pair, found.auc, found.low, found.high, p_value, verdict, drivers, *counts, by_feature)


def mismatch_findings(
    comparisons: Sequence[Comparison], train_sources: Sequence[str] | None = None
) -> tuple[Finding, ...]:
    """Make a finding of every pair that differs and of every pair that cannot be told.

    A warning is a difference that the split should not have made, or a dev subset of a source that is not trained on
    (`train_sources`; None: all are). That one source is unlike another, or unlike the whole, is only worth knowing.
    """
    findings = []
    for each in comparisons:
        if each.verdict == "cannot_tell":
            findings.append(too_few(each))
        elif each.verdict == "differs":
            findings.append(differing(each, train_sources))
    return tuple(findings)


def too_few(found: Comparison) -> Finding:
    """Say that a pair has too few rows."""
    return Finding(
        code="mismatch.cannot_tell",
        title=f"{found.a} and {found.b}: {found.a_count} and {found.b_count} rows cannot tell whether they differ",
        severity="cannot_tell",
        explanation="With so few rows on one side no test sees a difference.",
        method=METHOD,
        advice="Get more examples of the smaller part, or read the comparisons of the others.",
        count=min(found.a_count, found.b_count),
    )


def differing(found: Comparison, train_sources: Sequence[str] | None) -> Finding:
    """Say that a pair differs, by how much and in what."""
    subset = found.b.removeprefix("dev:") if found.b.startswith("dev:") else None
    trained_on = subset is not None and (train_sources is None or subset in train_sources)
    expected = found.a.startswith("dev:") or trained_on
    most = f", most in {', '.join(found.drivers[:3])}" if found.drivers else ""
    title = f"{found.a} and {found.b} differ: AUC {found.auc:.2f} ({found.low:.2f} to {found.high:.2f}){most}"
    if found.by_feature:
        title = f"{found.a} and {found.b} differ{most}: by the Kolmogorov-Smirnov test of each feature alone"
    return Finding(
        code="mismatch.sources" if expected else "mismatch.differs",
        title=title,
        severity="info" if expected else "warning",
        explanation="A source is unlike the others or the whole; the errors by source say whether it matters."
        if expected
        else "What is fitted to one does not hold for the other: part of the error is data mismatch.",
        method=METHOD,
        advice=""
        if expected
        else "Train on data like dev and test: `split.train_sources`, `augment.copies`, or collect more of their kind.",
        count=found.b_count,
    )
