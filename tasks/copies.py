"""What copies mean for the rest of the loop: rows of a table that repeat, groups for the split, findings and counts.

Why: a repeated picture is a copy; a repeated row of a table with few columns may be a coincidence. Where more than one
row in ten repeats, the columns do not identify an example, and calling repeats copies would chain the table together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from burnish.tasks.duplicates import TELLING, find_duplicates, row_codes
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.near_rows import find_near_rows
from burnish.tasks.notation import things
from burnish.tasks.row_hashes import neighbours
from burnish.tasks.split import no_groups

__all__ = [
    "TELLING", "copies_as_groups", "copies_by_features", "count_duplicates", "duplicate_findings",
    "find_row_duplicates",
]  # fmt: skip


def find_row_duplicates(
    ids: pd.Series,
    attributes: pd.DataFrame,
    embeddings: NDArray[np.floating] | None = None,
    labels: ArrayLike | None = None,
) -> pd.DataFrame:
    """Find repeated rows of a table, near copies among them, and near copies by embedding where there are embeddings.

    Parameters
    ----------
    ids : Series (n,)
    attributes : DataFrame of n rows
        The columns to learn from; without any, only the embeddings can tell.
    embeddings : float (n, d), optional
    labels : (n,), optional

    Returns
    -------
    DataFrame
        As `find_duplicates`. Without any copies where more than a tenth of the rows repeat and there are no embeddings.

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [*range(30), 3]})
    >>> found = find_row_duplicates(pd.Series(range(31)), rows)
    >>> found["duplicate_of"].dropna().to_dict()
    {30: '3'}
    """
    near = find_near_rows(attributes)
    content: ArrayLike = row_codes(attributes) if attributes.shape[1] else pd.Series("", index=ids.index)
    if attributes.shape[1] and len(neighbours(np.asarray(content))) > TELLING * len(ids):
        content = pd.Series("", index=ids.index)
    return find_duplicates(ids, content, features=embeddings, near=near, labels=labels)


def copies_by_features(features: NDArray[np.floating]) -> NDArray[np.int64]:
    """Group the rows that are copies of one another by their features alone.

    Parameters
    ----------
    features : float (n, d)

    Returns
    -------
    int64 (n,)
        Group of each row, −1 where it has no copy; nowhere any where more than a tenth of the rows are copies: there
        the features do not identify an example.

    Examples
    --------
    >>> copies_by_features(np.append(np.eye(20), np.eye(20)[:1], axis=0)).tolist().count(0)
    2
    """
    rows = np.ascontiguousarray(features)
    _, content = np.unique(rows.view(np.dtype((np.void, rows.strides[0])))[:, 0], return_inverse=True)
    found = find_duplicates(np.arange(len(rows)), content, features=rows)
    group = found["duplicate_group"].to_numpy()
    return group if found["duplicate_of"].notna().mean() <= TELLING else np.full(len(group), -1)


def copies_as_groups(duplicate_group: pd.Series) -> pd.Series:
    """Give the groups of copies as `join_groups` takes them: missing where an example has no copy."""
    alone = (duplicate_group < 0).to_numpy()
    if alone.all():
        return no_groups(len(alone))
    return pd.Series(pd.arrays.IntegerArray(duplicate_group.to_numpy(copy=True), alone), duplicate_group.index)


def count_duplicates(duplicates: pd.DataFrame) -> dict[str, int]:
    """Count copies by kind, groups, and groups that were labelled in more than one way."""
    groups = duplicates["duplicate_group"]
    return {
        "exact": int((duplicates["duplicate_kind"] == "exact").sum()),
        "near": int((duplicates["duplicate_kind"] == "near").sum()),
        "conflicting": int(groups[duplicates["conflicting"]].nunique()),
        "groups": int(groups[groups >= 0].nunique()),
    }


def duplicate_findings(duplicates: pd.DataFrame, ids: pd.Series) -> Iterator[Finding]:
    """Say how many copies there are, and which of them contradict each other."""
    counts = count_duplicates(duplicates)
    copies = duplicates["duplicate_of"].notna()
    if copies.any():
        kinds = f"{counts['exact']} exact, {counts['near']} near"
        yield Finding(
            code="duplicates.copies",
            title=f"{things(int(copies.sum()), 'copy', 'copies')} of other examples ({kinds})",
            severity="info",
            explanation="A copy in train and in test would flatter the test error.",
            method="equal content; near copies by perceptual hash or embedding, verified on the values; rows equal but "
            "for case and white space, for one cell or a little noise, more than chance explains",
            advice="Nothing needs doing for the split: copies were kept in one part.",
            count=int(copies.sum()),
            ids=tuple(ids[copies].astype(str)[:SHOWN_IDS]),
        )
    conflicting = duplicates["conflicting"]
    if conflicting.any():
        groups = counts["conflicting"]
        yield Finding(
            code="duplicates.conflicting",
            title=f"{things(groups, 'group')} of copies {'carries' if groups == 1 else 'carry'} more than one label",
            severity="warning",
            explanation="The same example under two labels: at least one of them is wrong.",
            method="labels compared within each group of copies",
            advice="Look at them in review.csv and keep the right one.",
            count=int(conflicting.sum()),
            ids=tuple(ids[conflicting].astype(str)[:SHOWN_IDS]),
        )
