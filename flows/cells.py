"""Wrong cells, as `burnish run` and `burnish check` look for them: which columns are searched, and how.

The columns are searched as they are written in the file. Labels, ids, free text and paths of images are left out: they
are looked at elsewhere, or differ by nature.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from burnish.flows.config import Config
from burnish.tasks.cell_errors import search_cells
from burnish.tasks.cell_findings import CellErrors, cell_findings
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.examples import Examples
from burnish.tasks.findings import Finding

if TYPE_CHECKING:  # it imports Prefect, for which a check does not wait
    from burnish.flows.run import Run

CELLS = "validation/cells.csv"
ROWS_OF_A_CHECK = 50_000


def searched_frame(config: Config, examples: Examples) -> pd.DataFrame | None:
    """Give the columns to search, as written where the file is text; None where there are none."""
    table = examples.original.table
    if table is None or not config.cells.search:
        return None
    data = config.data
    labels = [data.label] if isinstance(data.label, str) else list(data.label or [])
    aside = {*labels, data.id, data.text, data.image}
    names = [name for name in table.frame.columns if name not in aside]
    return table.frame[names] if names else None


def find_cells(config: Config, frame: pd.DataFrame, *, most_rows: int | None = None) -> CellErrors:
    """Search a frame with the options of the configuration."""
    options = config.cells
    rows = options.rows if most_rows is None else min(most_rows, options.rows)
    return search_cells(
        frame, confidence=options.confidence, most_pairs=options.pairs, most_rows=rows, seed=config.seed
    )


def search_cells_of(run: Run, examples: Examples) -> dict[str, Any] | None:
    """List the cells of a run's table that are probably wrong, with what they should be; nothing is changed."""
    frame = searched_frame(run.config, examples)
    if frame is None:
        return None
    ids = examples.table["id"]
    found = run.stage("Look for wrong cells", find_cells)(run.config, frame)
    escape_formulas(found.listed(ids)).to_csv(run.path(CELLS), index=False, lineterminator="\n")
    run.add(*cell_findings(found, ids, file=CELLS))
    return found.as_dict(ids) | {"file": CELLS}


def check_cells(config: Config, examples: Examples, list_to: Path | None = None) -> Sequence[Finding]:
    """Search what a quick check has time for, and say what was found; list it all where a file is named for it."""
    frame = searched_frame(config, examples)
    if frame is None:
        return ()
    ids, found = examples.table["id"], find_cells(config, frame, most_rows=ROWS_OF_A_CHECK)
    if list_to is not None:
        escape_formulas(found.listed(ids)).to_csv(list_to, index=False, lineterminator="\n")
    return tuple(cell_findings(found, ids, file="" if list_to is None else str(list_to)))
