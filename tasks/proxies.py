"""Features that say what was to be left out: a column that tells an excluded attribute (race, sex, ...) almost surely.

An attribute that is never a feature still reaches the model where another column stands in for it (Kamiran & Calders
2012; "redundant encodings" in Barocas & Selbst 2016). Each feature is asked alone for each excluded attribute, on
held-out rows (`single_column`): numbers with many values by their tenths. A feature may also give the attribute away
for a part of the rows only, as `relationship = Husband` does with `sex`; that is said with the share of the rows.

Known failure: columns that give an attribute away only together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.column_features import as_levels, as_numbers
from burnish.tasks.features import column_kind
from burnish.tasks.findings import Finding
from burnish.tasks.hearing import MOST_ROWS, WORTH_SHARPENING, Sample, draw_rows
from burnish.tasks.intervals import wilson
from burnish.tasks.notation import percent
from burnish.tasks.single_column import Told, bin_column, sharpen, tell
from burnish.tasks.streams import stream

ALMOST_NONE = 0.1  # of the errors of a constant guess
SURE = 0.95  # of the rows of a level, at the low end of the interval, for it to give the attribute away
PART = 0.1  # least share of the rows worth a finding
BANDS = 10
MOST_LEVELS = 50


@dataclass(frozen=True)
class Proxy:
    """A feature that tells an excluded attribute.

    Attributes
    ----------
    feature, excluded : str
    told : Told
        On held-out rows.
    both_ways : bool
        The excluded attribute tells the feature as surely: one is a code for the other.
    share : float
        Share of the rows whose level is sure of the attribute, where a guess would not be.
    sure : tuple of (str, str)
        Such levels and what each tells, most frequent first; at most three.
    almost_surely : bool
    """

    feature: str
    excluded: str
    told: Told
    both_ways: bool
    share: float
    sure: tuple[tuple[str, str], ...]
    almost_surely: bool

    def as_dict(self) -> dict[str, Any]:
        """Give the proxy as plain values for `summary.json`."""
        value, low, high = self.told.accuracy
        return {
            "feature": self.feature,
            "excluded": self.excluded,
            "accuracy": {"value": value, "low": low, "high": high},
            "guess": 1 - self.told.rarer / self.told.rows,
            "both_ways": self.both_ways,
            "share": self.share,
            "almost_surely": self.almost_surely,
            "levels": [list(pair) for pair in self.sure],
        }


def find_proxies(
    frame: pd.DataFrame,
    rows: NDArray[np.bool_],
    *,
    columns: Sequence[str],
    excluded: Sequence[str],
    groups: NDArray[Any] | pd.Series | None = None,
    seed: int = 0,
) -> tuple[Proxy, ...]:
    """Ask each feature for each excluded attribute.

    Parameters
    ----------
    frame : DataFrame of n rows
    rows : bool (n,)
        The rows to look at: train.
    columns, excluded : sequence of str
        Features, and attributes that are never to be learnt from.
    groups, seed
        As in `find_leaks`.

    Returns
    -------
    tuple of Proxy
        Those that tell it almost surely, or surely for a tenth of the rows; surest first.

    Examples
    --------
    >>> sex = np.array(["f", "m"])[np.random.default_rng(0).integers(0, 2, 400)]
    >>> frame = pd.DataFrame({"sex": sex, "title": np.where(sex == "f", "Ms", "Mr"), "age": range(400)})
    >>> found = find_proxies(frame, np.ones(400, bool), columns=["title", "age"], excluded=["sex"])
    >>> [(proxy.feature, proxy.excluded, proxy.both_ways, proxy.told.errors) for proxy in found]
    [('title', 'sex', True, 0)]
    """
    found: list[Proxy] = []
    chosen = np.flatnonzero(rows)
    if len(chosen) > MOST_ROWS:
        chosen = np.sort(stream(seed, "proxies").choice(chosen, MOST_ROWS, replace=False))
    frame = frame[[*columns, *excluded]].iloc[chosen] if excluded else frame
    groups = None if groups is None else np.asarray(pd.api.extensions.take(groups, chosen), dtype=object)
    for name in excluded:
        values = _bands(frame[name])
        codes = pd.factorize(values)[0]
        sample = draw_rows(codes, groups, seed)
        if sample is None or sample.k > MOST_LEVELS:
            continue
        names = np.array([values.iloc[np.flatnonzero(codes == code)[0]] for code in sample.present], dtype=object)
        for feature in columns:
            part = frame[feature].iloc[sample.rows]
            bins = bin_column(part)
            told = _tell(part, bins, sample, seed)
            if told is None:
                continue
            share, sure = _sure_levels(part, bins, sample.codes, names)
            almost = told.cautious <= ALMOST_NONE and told.limits[1] <= ALMOST_NONE
            if almost or share >= PART:
                back = almost and _tells_back(bins, sample.codes, sample.fold)
                found.append(Proxy(feature, name, told, back, share, sure, almost))
    return tuple(sorted(found, key=lambda proxy: (not proxy.almost_surely, proxy.told.relative)))


def proxy_findings(proxies: Sequence[Proxy]) -> list[Finding]:
    """Say of each feature which excluded attribute it gives away, how surely, and what to do."""
    return [_sure_finding(proxy) if proxy.almost_surely else _part_finding(proxy) for proxy in proxies]


def _tell(part: pd.Series, bins: NDArray[np.int64], sample: Sample, seed: int) -> Told | None:
    told = tell(bins, sample.codes, sample.fold, sample.k, each_class=False)
    kind = column_kind(part)
    if not told or kind == "category" or told[0].relative > WORTH_SHARPENING:
        return told[0] if told else None
    return sharpen(as_numbers(part, kind), sample.codes, sample.fold, told[0], seed=seed)


def _bands(column: pd.Series) -> pd.Series:
    """Give an attribute as levels; numbers of many values as tenths of the rows."""
    kind = column_kind(column)
    if kind in ("number", "date") and column.nunique() > 2 * BANDS:
        values = as_numbers(column, kind)
        bounds = np.unique(np.nanquantile(values, np.arange(1, BANDS) / BANDS))
        band = pd.Series(np.searchsorted(bounds, values, side="right"), index=column.index).map("band {}".format)
        return band.where(~np.isnan(values))
    return as_levels(column)


def _sure_levels(
    part: pd.Series, bins: NDArray[np.int64], codes: NDArray[np.int64], names: NDArray[np.object_]
) -> tuple[float, tuple[tuple[str, str], ...]]:
    """Find the bins that are sure beyond their interval of an attribute's value that a guess would often get wrong."""
    counts = np.zeros((int(bins.max()) + 1, len(names)), np.int64)
    np.add.at(counts, (bins, codes), 1)
    best, size = counts.argmax(axis=1), counts.sum(axis=1)
    low, _ = wilson(counts.max(axis=1), size)
    shares = counts.sum(axis=0) / len(codes)
    sure = np.flatnonzero((low >= SURE) & (shares[best] < 1 - 2 * (1 - SURE)) & (size > 0))
    sure = sure[np.argsort(-size[sure], kind="stable")]
    first = {int(code): place for place, code in reversed(list(enumerate(bins.tolist())))} if len(sure) else {}
    told = tuple((str(part.iloc[first[int(code)]]), str(names[best[code]])) for code in sure[:3])
    return float(size[sure].sum() / len(codes)), told


def _tells_back(bins: NDArray[np.int64], codes: NDArray[np.int64], fold: NDArray[np.int64]) -> bool:
    told = tell(codes, bins, fold, int(bins.max()) + 1, each_class=False)
    return bool(told) and told[0].limits[1] <= ALMOST_NONE


def _sure_finding(proxy: Proxy) -> Finding:
    value, low, high = proxy.told.accuracy
    way = "is a code for" if proxy.both_ways else "stands in for"
    return Finding(
        code="columns.proxy",
        title=f"{proxy.feature!r} {way} the excluded {proxy.excluded!r}: it tells it right on {percent(value)} of "
        f"held-out rows (95% interval {percent(low)} to {percent(high)}; a guess {percent(_guess(proxy))})",
        severity="warning",
        explanation=f"The model does not see {proxy.excluded!r}, and learns it from {proxy.feature!r} all the same.",
        method="Each feature alone against each excluded column, on training rows held out in five folds.",
        advice=f"Add {proxy.feature!r} to data.exclude, or make it coarser until it no longer tells.",
        count=proxy.told.rows,
    )


def _part_finding(proxy: Proxy) -> Finding:
    pairs = ", ".join(f"{level!r} → {value!r}" for level, value in proxy.sure)
    return Finding(
        code="columns.proxy",
        title=f"{proxy.feature!r} gives the excluded {proxy.excluded!r} away for {percent(proxy.share)} of the rows "
        f"({pairs})",
        severity="info",
        explanation=f"For those rows the model knows {proxy.excluded!r} although it is excluded.",
        method=f"Values of one feature whose training rows agree on the excluded one in at least {percent(SURE)}, at "
        "the low end of a 95% interval.",
        advice=f"Join these values of {proxy.feature!r} with others, or add it to data.exclude.",
        count=round(proxy.share * proxy.told.rows),
    )


def _guess(proxy: Proxy) -> float:
    return 1 - proxy.told.rarer / proxy.told.rows
