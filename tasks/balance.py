"""Measure a split: sizes, how far each part is from mirroring the whole, and what leaks between parts.

Why: an error measured on a part that lacks a class, or shares an example with train, is not the error one believes it
to be. Dev and test are judged against the proportions of all labelled examples, cell by cell (label × source).

Source: the 95% half-width is that of the normal approximation of a binomial share, z · √(e · (1 − e) / m).

Known failure: only leaks that are named (groups, duplicates found) are counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from burnish.tasks.apportion import PARTS, Ints
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.label_checks import label_codes
from burnish.tasks.notation import things

Z95 = 1.959963984540054
EXPECTED_ERROR = 0.1


@dataclass(frozen=True)
class SplitSummary:
    """How well each part mirrors the whole.

    Attributes
    ----------
    sizes : dict
        Part → examples, unlabelled ones included.
    by_source, by_label : dict
        Part → source or label → examples.
    largest_cell_deviation : float
        Rows by which a label × source cell of a part is off its share, at most. Sources that are in other parts by
        design (`train_sources`, `target`) are measured among themselves.
    cell_deviation : dict
        Part → the same, of this part.
    stratum_deviation : float or None
        The same of the finer cells, where further columns were stratified on.
    leaks : int
        Groups, the user's and those of duplicates, with examples in more than one part.
    leaks_by_kind : dict
        ``group`` and ``duplicate`` → groups in more than one part, and their examples.
    findings : tuple of Finding
    """

    sizes: dict[str, int]
    by_source: dict[str, dict[str, int]]
    by_label: dict[str, dict[str, int]]
    largest_cell_deviation: float
    cell_deviation: dict[str, float]
    stratum_deviation: float | None
    leaks: int
    leaks_by_kind: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the summary as plain values, findings left out."""
        return {name: value for name, value in asdict(self).items() if name != "findings"}


def measure_split(
    table: pd.DataFrame,
    duplicate_group: ArrayLike | pd.Series | None = None,
    *,
    strata: Ints | None = None,
    test_halfwidth: float | None = None,
) -> SplitSummary:
    """Measure a split: sizes, proportions, leaks.

    Parameters
    ----------
    table : pd.DataFrame
        Columns id, label, split; source and group where there are any.
    duplicate_group : array of n, optional
        Number of the group of duplicates each example is in; missing where it is in none.
    strata : int64 (n,), optional
        What was stratified on beside label and source, from `strata.merge_strata`.
    test_halfwidth : float, optional
        What was asked for; a finding says where the data cannot give it.

    Returns
    -------
    SplitSummary
    """
    part = label_codes(table["split"], PARTS)
    source = table["source"] if "source" in table else pd.Series("all", index=table.index)
    by_label, by_source = _counts(part, table["label"]), _counts(part, source)
    straddling = {
        "group": _straddling(part, table.get("group")),
        "duplicate": _straddling(part, duplicate_group),
    }
    findings = [
        *_leak_findings(table["id"], straddling),
        *_coverage_findings(table, by_label, by_source),
        *_size_findings(table, by_label),
        *_precision_findings(int(by_label["test"].sum()), int(by_label.to_numpy().sum()), test_halfwidth),
    ]
    deviation = _deviations(part, table["label"], source)
    return SplitSummary(
        sizes={name: int((part == code).sum()) for code, name in enumerate(PARTS)},
        by_source=by_source.to_dict(),
        by_label=by_label.to_dict(),
        largest_cell_deviation=max(deviation.values()),
        cell_deviation=deviation,
        stratum_deviation=None if strata is None else max(_deviations(part, table["label"], source, strata).values()),
        leaks=sum(names.nunique() for names in straddling.values()),
        leaks_by_kind={
            kind: {"groups": int(names.nunique()), "examples": len(names)} for kind, names in straddling.items()
        },
        findings=tuple(findings),
    )


def codes_of(values: Any) -> Ints:
    """Number the distinct values as they come; −1 where missing.

    Examples
    --------
    >>> codes_of(["b", "a", None, "b"]).tolist()
    [0, 1, -1, 0]
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    return pd.factorize(series)[0].astype(np.int64, copy=False)


def _counts(part: Ints, values: pd.Series) -> pd.DataFrame:
    """Count examples: a row a value, a column a part; missing values left out."""
    codes, names = pd.factorize(values)
    known = codes >= 0
    counts = np.bincount(codes[known] * len(PARTS) + part[known], minlength=len(names) * len(PARTS))
    return pd.DataFrame(counts.reshape(-1, len(PARTS)), index=names.astype("str"), columns=list(PARTS)).sort_index()


def _deviations(part: Ints, label: pd.Series, source: pd.Series, strata: Ints | None = None) -> dict[str, float]:
    """Compare each cell with its share, by part; sources that occur in the same parts are compared with each other."""
    known = label.notna().to_numpy()
    if not known.any():
        return dict.fromkeys(PARTS, 0.0)
    where = codes_of(source)[known] + 1
    cell = pd.factorize(where * (label.nunique() + 1) + codes_of(label)[known])[0]
    if strata is not None:
        cell = pd.factorize(cell * (int(strata.max()) + 1) + strata[known])[0]
    counts = np.bincount(cell * len(PARTS) + part[known]).astype(float)
    counts = np.pad(counts, (0, -len(counts) % len(PARTS))).reshape(-1, len(PARTS))
    first = np.unique(cell, return_index=True)[1]
    source_of_cell = where[first]
    present = np.zeros((source_of_cell.max() + 1, 2), dtype=bool)
    np.logical_or.at(present, source_of_cell, np.column_stack([counts[:, :2].any(axis=1), counts[:, 2:].any(axis=1)]))
    pattern = present[source_of_cell] @ np.array([2, 1])
    blocks = [counts[pattern == each] for each in np.unique(pattern)]
    off = [np.abs(b - b.sum(axis=1, keepdims=True) * b.sum(axis=0) / b.sum()).max(axis=0) for b in blocks]
    return {name: round(float(worst), 6) for name, worst in zip(PARTS, np.max(off, axis=0), strict=True)}


def _straddling(part: Ints, group: Any) -> pd.Series:
    """Give the group of each row whose group has rows in more than one part, by the row's place."""
    if group is None:
        return pd.Series([], dtype="int64")
    codes = codes_of(group)
    rows = np.flatnonzero(codes >= 0)
    frame = pd.DataFrame({"group": codes[rows], "part": part[rows]}, index=rows)
    return frame["group"][frame.groupby("group")["part"].transform("nunique") > 1]


def _leak_findings(ids: pd.Series, straddling: Mapping[str, pd.Series]) -> list[Finding]:
    return [
        Finding(
            code=f"split.leak_{kind}",
            title=f"{names.nunique():,} {kind} groups have examples in more than one part",
            severity="critical",
            explanation="The same thing is learnt from and judged on, so the errors measured are too low.",
            method=f"parts counted for each {kind} group",
            advice="Split again with these groups kept whole.",
            count=len(names),
            ids=tuple(ids.iloc[names.index[:SHOWN_IDS]].astype(str)),
        )
        for kind, names in straddling.items()
        if len(names)
    ]


def _coverage_findings(table: pd.DataFrame, by_label: pd.DataFrame, by_source: pd.DataFrame) -> list[Finding]:
    """Say which classes a part lacks, and which sources have one example."""
    found = []
    for part in ("train", "dev", "test"):
        lacking = by_label.index[(by_label[part] == 0) & (by_label.sum(axis=1) > 0)]
        if 0 < len(lacking) < len(by_label):  # without any, the part is empty, which is said of it
            effect = "cannot be learnt" if part == "train" else "are not measured there"
            rows = table["label"].astype("str").isin(lacking)
            found.append(
                Finding(
                    code=f"split.class_not_in_{part}",
                    title=f"{len(lacking):,} of {len(by_label):,} classes have no example in {part}: {_some(lacking)}",
                    severity="warning",
                    explanation=f"These classes {effect}.",
                    method="examples counted for each class and part",
                    advice="Collect more examples of them, or merge or exclude these classes.",
                    count=int(rows.sum()),
                    ids=tuple(table["id"][rows].head(SHOWN_IDS).astype(str)),
                )
            )
    lonely = by_source.index[by_source.sum(axis=1) == 1]
    if len(lonely):
        found.append(
            Finding(
                code="split.source_of_one",
                title=f"{things(len(lonely), 'source')} with a single example: {_some(lonely)}",
                severity="info",
                explanation="A source of one can be in one part only; no error can be given for it.",
                method="examples counted for each source",
                advice="Check the spelling of the source, or merge it with another.",
                count=len(lonely),
            )
        )
    return found


def _size_findings(table: pd.DataFrame, by_label: pd.DataFrame) -> list[Finding]:
    """Say what the sizes allow: how sharp the test error will be, parts that are empty, groups larger than a part."""
    sizes = by_label.sum()
    found = []
    empty = [name for name in ("train", "dev", "test") if sizes[name] == 0]
    if empty:
        found.append(
            Finding(
                code="split.empty_part",
                title=f"{' and '.join(empty)} got no labelled example",
                severity="critical",
                explanation="Without it nothing can be learnt or judged.",
                method="examples counted in each part",
                advice="Give more labelled examples, of the sources that judge where some are set, or smaller groups.",
            )
        )
    strata = table[[name for name in ("label", "source") if name in table]].drop_duplicates().dropna(subset=["label"])
    if len(strata) * 3 > sizes.sum():
        found.append(
            Finding(
                code="split.thin_strata",
                title=f"{len(strata):,} label × source cells share {sizes.sum():,} examples, fewer than three a cell",
                severity="warning",
                explanation="Such cells cannot be in train, dev and test all three.",
                method="distinct pairs of label and source",
                advice="Merge rare classes or sources.",
            )
        )
    largest = table["group"].value_counts() if "group" in table else pd.Series(dtype="int64")
    smaller = min(sizes["dev"], sizes["test"])
    if len(largest) and largest.iloc[0] > max(smaller, 1):
        found.append(
            Finding(
                code="split.large_group",
                title=f"group {largest.index[0]!r} has {largest.iloc[0]:,} examples, dev or test only {smaller:,}",
                severity="warning",
                explanation="A group stays whole, so one as large as this decides which part it is in, not chance.",
                method="largest group against the smaller of dev and test",
                advice="Name a finer column under `data.group`, or ask for larger dev and test.",
                count=int(largest.iloc[0]),
            )
        )
    return found


def _precision_findings(test: int, labelled: int, wanted: float | None) -> list[Finding]:
    """Say how sharply the test error can be told, and where that is less than was asked for."""
    if not test:
        return []
    half = Z95 * math.sqrt(EXPECTED_ERROR * (1 - EXPECTED_ERROR) / test)
    said = f"{test:,} test examples tell an error of 10% to within ± {100 * half:.1f} points"
    method = "95% half-width of a share, normal approximation"
    if wanted is not None and half > 1.05 * wanted:
        return [
            Finding(
                code="split.precision_missed",
                title=f"{said}; ± {100 * wanted:g} were asked for",
                severity="warning",
                explanation="The half-width wanted takes more test examples than a fifth of the data, or than there "
                "are where the model will be used.",
                method=method,
                advice=f"Collect about {labelled * ((half / wanted) ** 2 - 1):,.0f} more, or raise "
                "`split.test_halfwidth`.",
                count=test,
            )
        ]
    return [
        Finding(
            code="split.precision",
            title=said,
            severity="info",
            explanation="Two models whose errors differ by less cannot be ranked on this test set.",
            method=method,
            advice="Set split.test_halfwidth for the precision you need." if half > 0.02 and wanted is None else "",
        )
    ]


def _some(names: Iterable[Any]) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5:,} more" if len(shown) > 5 else "")
