"""The label column, or several of them, one an annotator: read into one label an example, and the votes behind it.

The one label of several columns is the most probable of the classes that somebody gave the row (`find_consensus`); it
is what the voices learn from and what is judged. The columns themselves are never learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.annotators import find_consensus
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.label_checks import check_labels, label_codes, labels_as_text, sort_classes


@dataclass(frozen=True)
class ReadLabels:
    """What the label columns say.

    Attributes
    ----------
    labels : Series of str
        NaN where nobody labelled the row.
    classes : tuple of str
    findings : tuple of Finding
    column : str or None
        The label column, where it is one.
    votes : int64 (n, m) or None
        What each of several annotators said, −1 where nothing.
    annotators : tuple of str, length m
        Their columns.
    """

    labels: pd.Series
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    column: str | None = None
    votes: NDArray[np.int64] | None = None
    annotators: tuple[str, ...] = ()


def label_columns(label: str | Sequence[str] | None) -> tuple[str, ...]:
    """Give the label columns that are named: none, one or several.

    Raises
    ------
    InputError
        One is named twice.
    """
    names = (label,) if isinstance(label, str) else tuple(label or ())
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"data.label: {twice[0]!r} stands twice in the list: name each annotator's column once")
    return names


def read_labels(frame: pd.DataFrame, ids: pd.Series, path: Path, missing_labels: Sequence[str] = ("",)) -> ReadLabels:
    """Read one label column, or those of several annotators.

    Parameters
    ----------
    frame : DataFrame
        The label columns alone.
    ids : Series of str
        Row-aligned.
    path : Path
        Names the file in messages.
    missing_labels : sequence of str
        Spellings that mean "no label"; blank cells always do.

    Raises
    ------
    InputError
        As `check_labels`; or an annotator gave no label at all.
    """
    names = tuple(frame.columns)
    columns = [labels_as_text(frame[name], missing_labels) for name in names]
    if len(names) == 1:
        where = f"the label column {names[0]!r} of {path}"
        return ReadLabels(
            columns[0], sort_classes(columns[0]), check_labels(columns[0], ids, where), column=str(names[0])
        )
    where = f"the label columns {', '.join(map(repr, names))} of {path}"
    for name, column in zip(names, columns, strict=True):
        if column.isna().all():
            raise InputError(
                f"data.label: {name!r} of {path} holds no label at all: fill it in or take it off the list"
            )
    given = pd.concat(columns).dropna()
    classes = sort_classes(given)
    said = check_labels(given, ids.loc[given.index], where)
    votes = np.stack([label_codes(column, classes) for column in columns], axis=1)
    codes = find_consensus(votes, len(classes)).codes
    labels = pd.Series(np.asarray(classes, dtype=object)[np.maximum(codes, 0)], index=frame.index, dtype="str")
    labels = labels.mask(codes < 0)
    agreed = check_labels(labels, ids, f"the consensus of {where}")
    findings = [finding for finding in said if finding.code == "labels.spelling"]
    findings += [finding for finding in agreed if finding.code != "labels.spelling"]
    findings.append(_shared(votes, names))
    return ReadLabels(labels, classes, tuple(findings), votes=votes, annotators=names)


def _shared(votes: NDArray[np.int64], names: Sequence[str]) -> Finding:
    several = int(((votes >= 0).sum(axis=1) >= 2).sum())
    lowest = np.where(votes >= 0, votes, votes.max()).min(axis=1)
    at_odds = int((votes.max(axis=1) > lowest).sum())
    return Finding(
        code="annotators.votes",
        title=f"{len(names)} annotators; {several:,} of {len(votes):,} examples have two votes or more, on "
        f"{at_odds:,} of them the annotators disagree",
        severity="info",
        explanation="The label is the most probable of the classes that they gave; each counts by how good he is.",
        method="Dawid and Skene's model of the votes.",
        count=at_odds,
    )
