"""Categories that a model hardly knows, in new data: it reads all of a column's as one and the same.

One such cell is nothing; a column that is mostly so is a renamed code, another language or another year's catalogue,
and the predictions rest on the other columns without a word. Counted part by part.

Known failure: of a network's categories it is not kept which of the seldom ones were seen, so a column of nearly as
many categories as rows is named too.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from burnish.tasks.column_features import as_levels
from burnish.tasks.features import TableEncoder
from burnish.tasks.tree_columns import TreeEncoder

MOSTLY = 0.5  # of the cells that are there


@dataclass
class Strangers:
    """Cells of each column of categories, and how many of them hold a level without a place of its own.

    Examples
    --------
    >>> import pandas as pd
    >>> from burnish.tasks.tree_columns import fit_tree_encoder
    >>> train = pd.DataFrame({"town": ["York", "Hull", "York"]})
    >>> encoder, strange = fit_tree_encoder(train, ["town"], np.ones(3, bool)), Strangers()
    >>> strange.count(encoder, pd.DataFrame({"town": ["Oslo", None, "Bergen", "York"]}))
    >>> strange.sentence()
    "most cells of 'town' hold categories that training met seldom or never (2 of 3): they tell the model nothing"
    """

    cells: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def count(self, encoder: Any, rows: Any) -> None:
        """Count those of some rows, as the encoder reads them; only tables have any."""
        if isinstance(encoder, TreeEncoder):
            known = {plan.name: plan.levels for plan in encoder.plans if plan.kind == "category"}
        elif isinstance(encoder, TableEncoder):
            known = {column.name: (*column.levels, *column.counts) for column in encoder.categories}
        else:
            return
        for name, levels in known.items():
            said = as_levels(rows[name]).dropna()
            self.cells[name] += len(said)
            self.unknown[name] += int(np.count_nonzero(~said.isin(levels)))

    def sentence(self) -> str | None:
        """Name the columns that are mostly so, None where there is none."""
        mostly = [name for name, cells in self.cells.items() if self.unknown[name] > MOSTLY * cells]
        if not mostly:
            return None
        told = ", ".join(f"{name!r}" for name in mostly)
        counts = ", ".join(f"{self.unknown[name]:,} of {self.cells[name]:,}" for name in mostly)
        it = "they tell the model nothing"
        return f"most cells of {told} hold categories that training met seldom or never ({counts}): {it}"
