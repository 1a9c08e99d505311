"""Suspicions about cells as one frame, a row a suspicion; and as one line a cell, where several point at it.

Where several searches doubt a cell, the probabilities that it is right are multiplied, as if they judged apart, and the
repair is that of the surest which has one. A word for missing stays one, whatever else is known about its cell.

Known failure: searches that see the same slip (a slip breaks a dependency too) do not judge apart, so that two of them
sound surer than they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks import placeholders
from burnish.tasks.cell_columns import CellColumn, ValueSuspect

COLUMNS = ["row", "column", "value", "repair", "kind", "why", "confidence"]


def suspicions_of(
    column: CellColumn, rows: Any, repairs: Any, confidence: Any, kind: Any, why: Any, codes: Any
) -> pd.DataFrame:
    """Give suspicions about cells of one column: their rows, the codes of their values, and one of each other a row.

    `kind` may be one for all.
    """
    return pd.DataFrame(
        {
            "row": np.asarray(rows, dtype=np.int64),
            "column": pd.Series([column.name] * len(rows), dtype="str"),
            "code": np.asarray(codes, dtype=np.int64),
            "repair": pd.Series(list(repairs), dtype="str"),
            "kind": pd.Series([kind] * len(rows) if isinstance(kind, str) else list(kind), dtype="str"),
            "why": pd.Series(list(why), dtype="str"),
            "confidence": np.asarray(confidence, dtype=np.float64),
        }
    )


NO_CELLS = suspicions_of(CellColumn("", np.zeros(0, np.int32), (), np.zeros(0, np.int64)), [], [], [], "", [], [])


def expand_values(column: CellColumn, suspects: Sequence[ValueSuspect]) -> list[pd.DataFrame]:
    """Give the cells that hold suspected values, each suspicion of a value in turn."""
    frames = []
    for start in _layers(suspects):
        place = np.full(len(column.texts) + 1, -1)
        place[[suspect.code for suspect in start]] = np.arange(len(start))
        which = place[column.codes]
        rows = np.flatnonzero(which >= 0)
        each = which[rows]
        frames.append(
            suspicions_of(
                column,
                rows,
                np.array([s.repair for s in start], dtype=object)[each],
                np.array([s.confidence for s in start])[each],
                np.array([s.kind for s in start], dtype=object)[each],
                np.array([s.why for s in start], dtype=object)[each],
                column.codes[rows],
            )
        )
    return frames


def _layers(suspects: Sequence[ValueSuspect]) -> list[list[ValueSuspect]]:
    """Split suspicions so that in each part a value stands once."""
    layers: dict[int, list[ValueSuspect]] = defaultdict(list)
    seen: dict[int, int] = defaultdict(int)
    for suspect in suspects:
        layers[seen[suspect.code]].append(suspect)
        seen[suspect.code] += 1
    return list(layers.values())


def combine(suspicions: pd.DataFrame, columns: Sequence[CellColumn]) -> pd.DataFrame:
    """Make one line of each cell, the surest first.

    Parameters
    ----------
    suspicions : DataFrame
        As `suspicions_of` gives them, of any columns.
    columns : sequence of CellColumn

    Returns
    -------
    DataFrame
        ``row, column, value, repair, kind, why, confidence``.
    """
    places = {column.name: place for place, column in enumerate(columns)}
    suspicions = suspicions.assign(
        place=suspicions["column"].map(places).astype(np.int64), other=suspicions["kind"] != placeholders.KIND
    )
    by, rising = ["row", "place", "other", "confidence"], [True, True, True, False]
    ordered = suspicions.sort_values(by, ascending=rising, kind="stable")
    cell = ordered["row"].to_numpy() * (len(columns) + 1) + ordered["place"].to_numpy()
    first = np.r_[True, cell[1:] != cell[:-1]] if len(cell) else np.zeros(0, dtype=np.bool_)
    group = np.cumsum(first) - 1
    doubt = np.bincount(group, weights=np.log1p(-np.minimum(ordered["confidence"].to_numpy(), 1 - 1e-9)))
    cells = ordered[first].reset_index(drop=True)
    cells["repair"] = ordered.groupby(group, sort=True)["repair"].first().reset_index(drop=True).astype("str")
    cells["confidence"] = -np.expm1(doubt)
    cells["value"] = _values_of(cells, columns)
    order = np.lexsort((cells["place"], cells["row"], -cells["confidence"].round(6)))
    return cells.iloc[order][COLUMNS].reset_index(drop=True)


def _values_of(cells: pd.DataFrame, columns: Sequence[CellColumn]) -> NDArray[np.object_]:
    values = np.full(len(cells), "", dtype=object)
    for place in cells["place"].unique().tolist():
        here = (cells["place"] == place).to_numpy()
        texts = columns[place].texts
        values[here] = ["" if code < 0 else texts[code] for code in cells.loc[here, "code"].tolist()]
    return values
