"""What a search for wrong cells found: its section of `summary.json`, the file that lists the cells, the findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks import placeholders
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.notation import things
from burnish.tasks.suspicions import COLUMNS

METHOD = (
    "placeholders, mixed units, wrong encodings, odd patterns, rare values near frequent ones, columns that nearly "
    "decide others, swallowed neighbours and far numbers, each against what the table itself has by chance"
)
TORN = "; or that column is wrong"  # how the reason ends of two cells that are each suspected on the other's word
DECIMALS = 3  # of a confidence, for people
SHOWN_CELLS, LONGEST = 3, 40  # cells written out, and how long each of their values may be


@dataclass(frozen=True)
class CellErrors:
    """What a search for wrong cells found.

    Attributes
    ----------
    cells : DataFrame of m rows
        As `cell_errors.find_cell_errors` gives it.
    rows, columns : int
        Of the table.
    skipped_pairs : int
        Pairs of columns that were not looked at for dependencies.
    searched : int
        Rows that were searched.
    """

    cells: pd.DataFrame
    rows: int
    columns: int
    skipped_pairs: int = 0
    searched: int = 0

    def as_dict(self, ids: pd.Series, most: int = 200) -> dict[str, Any]:
        """Give the search as its section of `summary.json`, the surest cells first, those of each kind in turn."""
        worst = self.worst(most)
        sizes = self.cells.groupby(["column", "kind"], sort=False).size()
        by_column = sizes.sort_values(ascending=False, kind="stable")
        blank = self.cells["kind"] == placeholders.KIND
        torn = _torn(self.cells)
        return {
            "suspected": len(self.cells),
            "wrong": int((~blank & ~torn).sum()),
            "wrong_rows": int(self.cells["row"][~blank & ~torn].nunique()),
            "torn": int(torn.sum()),
            "placeholders": int(blank.sum()),
            "placeholder_columns": self.cells["column"][blank].value_counts().head(most).to_dict(),
            "share": len(self.cells) / max(1, self.searched * self.columns),
            "searched_rows": self.searched,
            "rows": int(self.cells["row"].nunique()),
            "with_repair": int(self.cells["repair"].notna().sum()),
            "wrong_with_repair": int(self.cells["repair"][~blank & ~torn].notna().sum()),
            "by_kind": self.cells["kind"].value_counts().to_dict(),
            "by_column": [
                {"column": column, "kind": kind, "count": int(count)}
                for (column, kind), count in by_column.head(most).items()
            ],
            "worst": worst.drop(columns="row").assign(id=ids.iloc[worst["row"]].to_numpy()).to_dict("records"),
            "skipped_pairs": self.skipped_pairs,
        }

    def listed(self, ids: pd.Series) -> pd.DataFrame:
        """Give all suspected cells by the id of their row and its number from 1, for a file."""
        named = self.cells.assign(
            id=ids.iloc[self.cells["row"]].to_numpy(),
            row=self.cells["row"] + 1,
            confidence=self.cells["confidence"].round(DECIMALS),
        )
        return named[["id", *COLUMNS]]

    def worst(self, most: int) -> pd.DataFrame:
        """Give the cells to look at first: the surest of each kind in a column, then the second of each, and so on."""
        turn = self.cells.groupby(["column", "kind"], sort=False).cumcount()
        order = np.lexsort((-self.cells["confidence"].to_numpy(), turn.to_numpy()))
        first = self.cells.iloc[order[:most]]
        return first.assign(confidence=first["confidence"].round(DECIMALS))


def cell_findings(errors: CellErrors, ids: pd.Series, *, file: str = "") -> Iterator[Finding]:
    """Say how many cells are suspected, and what was not looked at; `--fail-on cells` looks for it.

    `file` is where they are listed, if anywhere.
    """
    cells = errors.cells[errors.cells["kind"] != placeholders.KIND]
    blanks = errors.cells[errors.cells["kind"] == placeholders.KIND]
    if errors.skipped_pairs:
        yield Finding(
            "cells.pairs",
            f"{errors.skipped_pairs:,} pairs of columns were not searched for one that decides the other",
            "info",
            explanation="Their number grows with the square of the columns; neighbouring columns were compared first.",
            advice="Put columns that belong together side by side, or raise cells.pairs.",
        )
    if errors.searched < errors.rows:
        yield Finding(
            "cells.sampled",
            f"{errors.searched:,} of {errors.rows:,} rows were searched for wrong cells, drawn at random",
            "info",
            explanation="What goes wrong often is seen in a part of the rows; single wrong cells elsewhere are not.",
            advice="A run searches up to cells.rows of them, `burnish check` 50,000: raise cells.rows to search more.",
        )
    if blanks.size:
        counts, told = blanks["column"].value_counts(), int(blanks["repair"].notna().sum())
        yield Finding(
            "cells.placeholders",
            f"{things(len(blanks), 'cell')} with a word or number that stands for a missing value ({_named(counts)})",
            "info",
            explanation="In columns of numbers and dates, and where it is N/A, ? or the like, such a word is read as "
            "missing, and the checks count it so; elsewhere it is a category, and a number such as 999 a number. They "
            "are not among the cells that are probably wrong.",
            method="words that mean missing, and numbers such as 999 far beyond all others",
            advice=f"Write these cells empty{f'; {file} lists them as of the kind placeholder' if file else ''}"
            + (f", with the value that other columns tell for {told:,} of them." if told else "."),
            count=int(blanks["row"].nunique()),
            ids=tuple(ids.iloc[blanks["row"].drop_duplicates()[:SHOWN_IDS]].astype(str)),
        )
    if cells.empty:
        yield Finding("cells.suspect", "No cell looks wrong", "ok", method=METHOD)
        return
    repaired = int(cells["repair"].notna().sum())
    where = f"; all are listed in {file}" if file else "; `burnish check CONFIG --cells FILE.csv` lists them all"
    first = [cell for cell in errors.worst(len(errors.cells)).itertuples() if cell.kind != placeholders.KIND]
    shown = "; ".join(_written(cell) for cell in first[:SHOWN_CELLS])
    yield Finding(
        "cells.suspect",
        _title(cells),
        "warning",
        explanation="Typing errors, mixed units and contradictions make one value many, and numbers text.",
        method=METHOD,
        advice=f"Such as {shown}. A repair is suggested for {repaired:,} of them{where}. Nothing was changed.",
        count=int(cells["row"].nunique()),
        ids=tuple(ids.iloc[cells["row"].drop_duplicates()[:SHOWN_IDS]].astype(str)),
    )


def _torn(cells: pd.DataFrame) -> pd.Series:
    """Tell the cells each of which is suspected on the word of another one of its row: one of the two is wrong."""
    return cells["why"].str.endswith(TORN)


def _title(cells: pd.DataFrame) -> str:
    """Count the cells that are wrong by themselves, and those of which one of two is."""
    torn = _torn(cells)
    sure, pairs = cells[~torn], cells[torn]
    said = []
    if len(sure):
        be = "is" if len(sure) == 1 else "are"
        said.append(f"{_counted(sure)} {be} probably wrong ({_named(sure['column'].value_counts())})")
    if len(pairs):
        named = _named(pairs["column"].value_counts())
        said.append(f"{_counted(pairs)} contradict each other, and one of each two is wrong ({named})")
    return "; ".join(said)


def _counted(cells: pd.DataFrame) -> str:
    return f"{things(len(cells), 'cell')} in {things(cells['row'].nunique(), 'row')}"


def _written(cell: Any) -> str:
    """Write a suspected cell: where it is, what it says, what it should say."""
    repair = f", rather {cell.repair[:LONGEST]!r}" if isinstance(cell.repair, str) else ""
    return f"row {cell.row + 1}, {cell.column}: {str(cell.value)[:LONGEST]!r}{repair}"


def _named(counts: pd.Series, most: int = 3) -> str:
    shown = ", ".join(f"{name}: {count:,}" for name, count in counts.head(most).items())
    return shown if len(counts) <= most else f"{shown}, and {things(len(counts) - most, 'more column')}"
