"""Examples of dev and test that train holds too, cell for cell: their errors are those of a memory, not of a model.

Copies are kept in one part by the split. What is left are rows of a table whose columns tell so little apart that they
repeat by chance (`copies`): counted all the same, since a model that remembers them looks better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from burnish.tasks.copies import TELLING
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.row_hashes import rows_that_share

JUDGING = ("dev", "test")


@dataclass(frozen=True)
class SharedRows:
    """How many examples of dev and test are in train too, of how many; `by_chance` where rows repeat everywhere."""

    shared: dict[str, int]
    sizes: dict[str, int]
    by_chance: bool
    ids: tuple[str, ...]

    @property
    def total(self) -> int:
        """Examples of dev and test that train holds too."""
        return sum(self.shared.values())

    def as_dict(self) -> dict[str, int | bool]:
        """Give the counts as plain values for `summary.json`."""
        return {**self.shared, "by_chance": self.by_chance}


def find_shared_rows(content: pd.Series, split: pd.Series, ids: pd.Series) -> SharedRows:
    """Count the examples of dev and test that train holds too.

    Parameters
    ----------
    content : Series of numbers (n,)
        Equal where the content is; missing where there is none.
    split : Series (n,)
        `train`, `train_dev`, `dev`, `test`.
    ids : Series (n,)

    Examples
    --------
    >>> split = pd.Series(["train"] * 20 + ["dev", "test"])
    >>> found = find_shared_rows(pd.Series([*range(21), 3]), split, pd.Series(range(22)).astype(str))
    >>> found.shared, found.sizes, found.ids
    ({'dev': 0, 'test': 1}, {'dev': 1, 'test': 1}, ('21',))
    """
    sizes = {part: int((split == part).sum()) for part in JUDGING}
    present = content.notna().to_numpy()
    looked_at = int(present.sum())
    if looked_at == len(content):
        again = rows_that_share(content.to_numpy())
    else:
        there = np.flatnonzero(present)
        again = there[rows_that_share(content.to_numpy()[there])]
    repeated, part_of = content.iloc[again], split.iloc[again]
    judged = repeated.isin(repeated[part_of == "train"].unique()) & part_of.isin(JUDGING)
    return SharedRows(
        {part: int((judged & (part_of == part)).sum()) for part in JUDGING},
        sizes,
        len(again) - repeated.nunique() > TELLING * looked_at,
        tuple(ids.iloc[again][judged].astype(str)[:SHOWN_IDS]),
    )


def shared_finding(found: SharedRows) -> Finding | None:
    """Say how many rows train and the parts that judge share; None where there are none."""
    if not found.total:
        return None
    shares = ", ".join(f"{found.shared[part]:,} of {found.sizes[part]:,} in {part}" for part in JUDGING)
    why = " by chance, as more than a tenth of all rows repeat" if found.by_chance else ""
    return Finding(
        code="leak.rows",
        title=f"{found.total:,} examples that judge the model are in train too{why}: {shares}",
        severity="info" if found.by_chance else "warning",
        explanation="On those the model is asked what it was told, and its error there is too good.",
        method="Rows whose columns to learn from are equal, cell for cell; of images, copies found in two parts.",
        advice="Add columns that tell the examples apart, or count repeated rows once with a weight."
        if found.by_chance
        else "Take the copies out, or name what they share under data.group.",
        count=found.total,
        ids=found.ids,
    )


def content_of_groups(duplicate_group: pd.Series) -> pd.Series:
    """Give groups of copies as content: missing where an example has no copy."""
    return duplicate_group.where(duplicate_group >= 0).astype(np.float64)
