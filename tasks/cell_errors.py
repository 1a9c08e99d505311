"""Wrong cells of a table, found with no labels and no rules given, each with what it should probably be, and why.

Several searches look at the table, one concept a file, and each says how sure it is: placeholders, one number in mixed
units, wrong encodings, odd patterns, slips of the pen, columns that decide others, cells that swallowed their
neighbour, numbers far out. What each calls unlikely it measures on the table itself; nothing is fitted to known truths.
Nothing is changed: repairs are suggestions.

Known failures: see each search; an error that is as frequent as what is right is not seen by any of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binom

from burnish.tasks import (
    code_slips,
    dependencies,
    group_outliers,
    misplaced,
    mojibake,
    placeholders,
    quantities,
    typos,
    value_patterns,
    violations,
)
from burnish.tasks.cell_columns import CellColumn, ValueSuspect, read_columns
from burnish.tasks.cell_findings import TORN, CellErrors
from burnish.tasks.streams import stream
from burnish.tasks.suspicions import NO_CELLS, combine, expand_values, suspicions_of

MISSING, DEPENDENCY = "missing", "dependency"
SAYS_SO = "other rows of the same {} hold another value"
SCATTERED = (typos.KIND, DEPENDENCY, value_patterns.KIND)
FEWEST_ALIKE, MOST_COMPARED = 5, 100
UNLIKELY = 0.001
MOST_PAIRS, MOST_ROWS = 4_000, 1_000_000


def find_cell_errors(
    frame: pd.DataFrame,
    *,
    confidence: float = 0.6,
    most_pairs: int = MOST_PAIRS,
    most_rows: int = MOST_ROWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the cells of a table that are probably wrong.

    Parameters
    ----------
    frame : DataFrame of n rows
        Text as written where there is such, else typed columns; an empty cell is NaN or "".
    confidence : float
        Report cells that are wrong with at least this probability.
    most_pairs : int
        How many pairs of columns are looked at for dependencies, neighbouring ones first.
    most_rows : int
        Search so many rows, drawn at random, of a longer table.
    seed : int
        Of the rows drawn, and of those sampled to find dependencies.

    Returns
    -------
    DataFrame of m rows
        ``row`` (position), ``column``, ``value`` (as text; "" for an empty cell), ``repair`` (text, NaN where none is
        suggested), ``kind``, ``why`` and ``confidence``, the surest first. A cell stands there once.

    Examples
    --------
    >>> rows = [("35233", "birmingham"), ("35611", "athens"), ("36049", "luverne"), ("35957", "boaz")] * 10
    >>> table = pd.DataFrame([*rows, ("35957", "boxz")], columns=["zip", "city"])
    >>> find_cell_errors(table)[["row", "column", "value", "repair", "kind"]].values.tolist()
    [[40, 'city', 'boxz', 'boaz', 'typo']]
    """
    options = {"most_pairs": most_pairs, "most_rows": most_rows, "seed": seed}
    return search_cells(frame, confidence=confidence, **options).cells


def search_cells(
    frame: pd.DataFrame,
    *,
    confidence: float = 0.6,
    most_pairs: int = MOST_PAIRS,
    most_rows: int = MOST_ROWS,
    seed: int = 0,
) -> CellErrors:
    """Find wrong cells as `find_cell_errors` does, and say what was not looked at."""
    given, rows = len(frame), np.arange(len(frame))
    if len(frame) > most_rows:
        rows = np.sort(stream(seed, "cells").choice(len(frame), most_rows, replace=False))
        frame = frame.iloc[rows]
    columns = read_columns(frame)
    found: list[pd.DataFrame] = []
    filled: list[CellColumn] = []
    for column in columns:
        blanks = placeholders.find_placeholders(column)
        found += expand_values(column, blanks)
        filled.append(column.without(suspect.code for suspect in blanks))
    for column in filled:
        found += expand_values(column, _judge_values(column))
    apart = list(misplaced.find_misplaced(filled))
    found += _misplaced_cells(filled, apart)
    known = _without_misplaced(filled, apart)
    decided, skipped = dependencies.find_dependencies(known, most_pairs=most_pairs, seed=seed)
    found += _decided_cells(known, decided)
    found += [_slipped_codes(known, slips) for slips in code_slips.find_code_slips(known, decided)]
    found = [_unexplained(cells, filled) for cells in found]
    texts = (_without_suspects(column, found) for column in filled if not column.is_numeric)
    categories = list(group_outliers.fitting(texts, len(frame)))
    found += [cells for column in filled if (cells := _far_cells(column, categories)) is not None]
    cells = combine(pd.concat([each for each in found if len(each)] or [NO_CELLS]), filled)
    cells = _share_blame(cells[cells["confidence"] >= confidence])
    cells["row"] = rows[cells["row"].to_numpy()]
    return CellErrors(cells, given, len(columns), skipped, len(rows))


def _judge_values(column: CellColumn) -> list[ValueSuspect]:
    """Ask the searches that need nothing but the column's own values."""
    if column.typed:
        return []
    mixed = quantities.find_mixed_units(column)
    if mixed:
        return mixed
    return [*mojibake.find_mojibake(column), *typos.find_typos(column), *value_patterns.find_odd_patterns(column)]


def _decided_cells(columns: Sequence[CellColumn], found: Sequence[dependencies.Dependency]) -> list[pd.DataFrame]:
    frames = []
    for decided in sorted({each.decided for each in found}):
        exceptions = violations.find_exceptions(columns, found, decided)
        column = columns[decided]
        texts = np.array([*column.texts, ""], dtype=object)
        names = np.array([each.name for each in columns], dtype=object)
        before, after = SAYS_SO.split("{}")
        says = names[exceptions.because]
        why = np.where(
            exceptions.empty, "empty, where other rows of the same " + says + " agree", before + says + after
        )
        kinds = np.where(exceptions.empty, MISSING, DEPENDENCY)
        rows, repairs = exceptions.rows, texts[exceptions.repairs]
        frames.append(suspicions_of(column, rows, repairs, exceptions.confidence, kinds, why, column.codes[rows]))
    return frames


def _slipped_codes(columns: Sequence[CellColumn], slips: code_slips.CodeSlips) -> pd.DataFrame:
    column, rows = columns[slips.column], slips.rows
    repairs = np.array(column.texts, dtype=object)[slips.meant]
    why = [f"one slip from a code whose rows hold the same {columns[slips.because].name}"] * len(rows)
    sure = np.full(len(rows), slips.confidence)
    return suspicions_of(column, rows, repairs, sure, code_slips.KIND, why, column.codes[rows])


def _without_misplaced(columns: Sequence[CellColumn], apart: Sequence[misplaced.Misplaced]) -> list[CellColumn]:
    """Give the columns with the cells that have swallowed another taken for empty."""
    known = list(columns)
    for each in apart:
        known[each.holder] = known[each.holder].without_rows(each.rows)
    return known


def _unexplained(cells: pd.DataFrame, columns: Sequence[CellColumn]) -> pd.DataFrame:
    """Leave out the cells of one column in rows that differ as a whole.

    Where most rows of one value are suspected, they are another kind of rows and no errors, which fall anywhere
    (binomial test, corrected for the values looked at). The hundred nearest columns are asked.
    """
    suspected = cells[cells["kind"].isin(SCATTERED)]
    rows = suspected["row"].to_numpy()
    if len(rows) < FEWEST_ALIKE:
        return cells
    alike = np.zeros(len(rows), dtype=np.bool_)
    own = next(place for place, column in enumerate(columns) if column.name == suspected["column"].iloc[0])
    nearest = sorted(range(len(columns)), key=lambda place: abs(place - own))[1 : MOST_COMPARED + 1]
    for column in (columns[place] for place in nearest):
        codes = column.codes[rows]
        here = np.bincount(codes[codes >= 0], minlength=len(column.texts))
        most = (here >= FEWEST_ALIKE) & (2 * here > column.counts)
        if most.any():
            chance = binom.sf(here - 1, column.counts, len(rows) / len(column.codes)) * len(here)
            alike |= np.r_[most & (chance < UNLIKELY), False][codes]
    return cells[~cells["row"].isin(rows[alike])]


def _misplaced_cells(columns: Sequence[CellColumn], apart: Sequence[misplaced.Misplaced]) -> list[pd.DataFrame]:
    frames = []
    for each in apart:
        holder, owner = columns[each.holder], columns[each.owner]
        why = [f"ends or begins with a value of {owner.name}, which is empty here"] * len(each.rows)
        sure = np.full(len(each.rows), each.confidence)
        frames.append(suspicions_of(holder, each.rows, each.rests, sure, misplaced.KIND, why, holder.codes[each.rows]))
        why = [f"empty; its value stands in {holder.name}"] * len(each.rows)
        frames.append(suspicions_of(owner, each.rows, each.parts, sure, MISSING, why, owner.codes[each.rows]))
    return frames


def _share_blame(cells: pd.DataFrame) -> pd.DataFrame:
    """Halve the confidence where two cells of a row are each suspected on the word of the other, and order anew."""
    before, after = SAYS_SO.split("{}")
    decided = cells[cells["kind"] == DEPENDENCY]
    because = decided["why"].str.slice(len(before), -len(after))
    pairs = pd.MultiIndex.from_arrays([decided["row"], decided["column"], because])
    back = pd.MultiIndex.from_arrays([decided["row"], because, decided["column"]])
    torn = decided.index[pairs.isin(back)]
    cells = cells.copy()
    cells.loc[torn, "confidence"] /= 2
    cells.loc[torn, "why"] += TORN
    return cells.sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)


def _without_suspects(column: CellColumn, found: Sequence[pd.DataFrame]) -> CellColumn:
    """Give a column with its suspected cells taken for empty: a wrong category is no reason to doubt a number."""
    rows = [cells["row"].to_numpy()[(cells["column"] == column.name).to_numpy()] for cells in found if len(cells)]
    suspected = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    return column.without_rows(suspected) if len(suspected) else column


def _far_cells(column: CellColumn, categories: Sequence[CellColumn]) -> pd.DataFrame | None:
    far = group_outliers.find_far_numbers(column, [each for each in categories if each.name != column.name])
    if far is None or not len(far[0]):
        return None
    rows, sure, why = far
    nothing = np.full(len(rows), None, dtype=object)
    return suspicions_of(column, rows, nothing, sure, group_outliers.KIND, why, column.codes[rows])
