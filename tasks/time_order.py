"""Split by time: the oldest examples train, the newest test, and nothing later than dev's first is learnt from.

Why: where data has an arrow, a random split lets the model learn from the future of what it is judged on, and its
errors come out too small.

How: rows with the same time, and rows of one group, are never divided; a group counts from its latest row on, so that
train holds nothing from after the boundary. train_dev is drawn at random from the time of train: it tells variance from
the drift that dev sees.

Source: rolling-origin evaluation with one origin, Tashman (2000), "Out-of-sample tests of forecasting accuracy".

Known failure: a group that spans the boundary takes its older rows along to the newer side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.apportion import DEV, TEST, TRAIN, Floats, Ints, Parts
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.strata import as_numbers


def order_in_time(time: pd.Series, label: Ints, group: Ints, shares: Floats) -> Parts:
    """Give each row train, dev or test by its time.

    Parameters
    ----------
    time : Series (n,)
        Numbers or dates; rows without any go to train.
    label : int64 (n,)
        −1 where missing: such rows follow their time, and count in no share.
    group : int64 (n,)
        −1 for a row on its own.
    shares : float (4,)

    Returns
    -------
    int8 (n,)
        Index into `apportion.PARTS`; train_dev not yet taken out.

    Raises
    ------
    InputError
        The column is text, or has fewer than three distinct times.

    Examples
    --------
    >>> alone = np.full(10, -1)
    >>> order_in_time(pd.Series(range(10)), np.zeros(10, int), alone, np.array([0.6, 0, 0.2, 0.2])).tolist()
    [0, 0, 0, 0, 0, 0, 2, 2, 3, 3]
    """
    moments = _moments(time)
    known = np.isfinite(moments)
    latest = np.full(int(group.max(initial=-1)) + 1, -np.inf)
    grouped = known & (group >= 0)
    np.maximum.at(latest, group[grouped], moments[grouped])
    moments = np.where(group >= 0, latest[group] if len(latest) else moments, moments)
    placed = np.isfinite(moments)
    times, at = np.unique(moments[placed], return_inverse=True)
    counted = (label[placed] >= 0).astype(np.float64)
    sizes = np.bincount(at, weights=counted, minlength=len(times)).astype(np.float64)
    if (sizes > 0).sum() < 3:
        raise InputError(
            f"split.time: {str(time.name)!r} has {int((sizes > 0).sum())} distinct times among the labelled examples "
            "(groups kept whole), train, dev and test need three: name a finer column."
        )
    first, second = _boundaries(sizes, shares)
    part = np.full(len(moments), TRAIN, dtype=np.int8)
    part[placed] = np.where(at < first, TRAIN, np.where(at < second, DEV, TEST))
    return part


def _moments(time: pd.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    dtype = time.dtype
    if pd.api.types.is_bool_dtype(dtype) or not (
        pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)
    ):
        raise InputError(
            f"split.time: the column {str(time.name)!r} is read as {dtype}, not as dates or numbers: write its dates "
            "in one format, e.g. 2026-01-31."
        )
    return as_numbers(time)


def _boundaries(sizes: Floats, shares: Floats) -> tuple[int, int]:
    """Give the first times of dev and of test, so that the parts come nearest to their shares and none is empty."""
    filled = np.flatnonzero(sizes > 0)
    upto = np.concatenate([[0.0], sizes[filled].cumsum()])
    wanted_dev, wanted_test = upto[-1] * (1 - shares[DEV] - shares[TEST]), upto[-1] * (1 - shares[TEST])
    second = int(np.clip(np.abs(upto - wanted_test).argmin(), 2, len(filled) - 1))
    first = int(np.clip(np.abs(upto - wanted_dev).argmin(), 1, second - 1))
    return int(filled[first]), int(filled[second])


def time_bounds(table: pd.DataFrame, time: pd.Series) -> dict[str, list[str]]:
    """Give the first and last time of each part that has any, as text.

    Examples
    --------
    >>> table = pd.DataFrame({"split": ["train", "train", "test"]})
    >>> time_bounds(table, pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"])))
    {'train': ['2020-01-01', '2021-01-01'], 'test': ['2022-01-01', '2022-01-01']}
    """
    parts = [part for part in ("train", "train_dev", "dev", "test") if part in set(table["split"])]
    bounds = {part: time[(table["split"] == part).to_numpy()].dropna() for part in parts}
    return {part: [_written(known.min()), _written(known.max())] for part, known in bounds.items() if len(known)}


def time_findings(table: pd.DataFrame, time: pd.Series, bounds: dict[str, list[str]]) -> list[Finding]:
    """Say where the boundaries in time are, and which rows have no time.

    Parameters
    ----------
    table : DataFrame
        Columns id and split.
    time : Series (n,)
    bounds : dict
        From `time_bounds`.
    """
    said = "; ".join(f"{part} {first} to {last}" for part, (first, last) in bounds.items())
    findings = [
        Finding(
            code="split.time",
            title=f"Split by {str(time.name)!r}: {said}",
            severity="info",
            explanation="The oldest examples are learnt from, the newest judge; equal times and groups stay whole; "
            "a group counts from its latest row on.",
            method="labelled examples counted along the column, boundaries where the shares come nearest",
        )
    ]
    findings += _crossings(table, time)
    missing = time.isna().to_numpy() & (table["split"] == "train").to_numpy()
    if missing.any():
        findings.append(
            Finding(
                code="split.no_time",
                title=f"{int(missing.sum()):,} examples have no {str(time.name)!r}; they are in train",
                severity="warning",
                explanation="They may be from after the boundary, and then tell the model what it is judged on.",
                method="missing values of the column",
                advice="Fill the column in, or take these rows out.",
                count=int(missing.sum()),
                ids=tuple(table["id"][missing].head(SHOWN_IDS).astype(str)),
            )
        )
    return findings


def _written(moment: Any) -> str:
    return str(moment.isoformat()).removesuffix("T00:00:00") if hasattr(moment, "isoformat") else f"{moment:g}"


def _crossings(table: pd.DataFrame, time: pd.Series) -> list[Finding]:
    """Say how many of the examples that judge are no newer than what is learnt from, as their group spans the times."""
    train, judging = ((table["split"].isin(parts)).to_numpy() for parts in (["train", "train_dev"], ["dev", "test"]))
    older = judging & (time <= time[train].max()).fillna(False).to_numpy(dtype=bool)
    if not older.any():
        return []
    return [
        Finding(
            code="split.time_crossed",
            title=f"{int(older.sum()):,} of {int(judging.sum()):,} examples of dev and test are no newer than train's "
            "newest: groups stay whole, and theirs span the times",
            severity="warning",
            explanation="Their errors are those of a past that the model knows, not of the future.",
            method=f"{str(time.name)!r} of dev and test against the newest of train",
            advice="Name a finer column under `data.group`, or leave the groups out where time matters more.",
            count=int(older.sum()),
            ids=tuple(table["id"][older].head(SHOWN_IDS).astype(str)),
        )
    ]
