"""Sticky splits: what an earlier run put in train, dev or test stays there, and only new rows are placed.

Why: an example that was learnt from must not judge a later model, and a test set that is drawn anew with every batch
cannot tell whether the model or the test has changed.

Known failure: examples are known by their id. Without an id column ids are made from the content, so a row that was
edited counts as a new one, and its earlier self as gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.apportion import PARTS
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.tables import open_table

KEY = "split.earlier"


@dataclass(frozen=True)
class Earlier:
    """The parts of an earlier run, matched to these rows.

    Attributes
    ----------
    part : Series (n,)
        Part of each row, missing where it is new.
    path : str
        Where the assignments came from.
    gone : tuple of str
        Earlier ids that are no longer there.
    relabelled : tuple of str
        Ids whose label is another one now.
    """

    part: pd.Series
    path: str
    gone: tuple[str, ...]
    relabelled: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the counts as plain values."""
        kept = int(self.part.notna().sum())
        counts = {"kept": kept, "new": len(self.part) - kept, "gone": len(self.gone)}
        return {"path": self.path, **counts, "relabelled": len(self.relabelled)}


def assignments_file(path: Path) -> Path:
    """Give the file that holds the assignments: of a run folder, its `examples.parquet`."""
    return path / "examples.parquet" if path.is_dir() else path


def read_earlier(path: Path, table: pd.DataFrame) -> Earlier:
    """Read the parts of an earlier run and match them to these rows by id.

    Parameters
    ----------
    path : Path
        A run folder, its `examples.parquet`, or any table with the columns id and split (and label).
    table : DataFrame
        Columns id and label of the rows now.

    Returns
    -------
    Earlier

    Raises
    ------
    InputError
        No such file or columns, an id twice, another word than the four parts, or none of its ids among these rows.
    """
    file = assignments_file(path)
    if not file.is_file():
        raise InputError(f"{KEY}: there is no {file}: name a finished run's folder, or a table with id and split")
    known = _read(file)
    ids = known["id"]
    if ids.duplicated().any():
        raise InputError(f"{KEY}: {file} has the id {ids[ids.duplicated()].iloc[0]!r} twice; keep one row for each id")
    odd = known["split"][~known["split"].isin(PARTS)]
    if len(odd):
        raise InputError(f"{KEY}: {file} says {odd.iloc[0]!r} in the column split; the parts are {', '.join(PARTS)}")
    now = table["id"].astype("str")
    place = pd.Index(ids).get_indexer(pd.Index(now))
    found = place >= 0
    if len(known) and not found.any():
        raise InputError(
            f"{KEY}: none of the {len(known):,} ids of {file} is among these examples (theirs are like "
            f"{ids.iloc[0]!r}, these like {now.iloc[0] if len(now) else None!r}): name the same data.id column as then"
        )
    part = pd.Series(known["split"].to_numpy()[place], index=table.index).where(found)
    relabelled = np.zeros(len(table), dtype=bool)
    if "label" in known:
        was = pd.Series(known["label"].to_numpy()[place], index=table.index)
        both = found & was.notna().to_numpy() & table["label"].notna().to_numpy()
        relabelled = both & (was.astype("str") != table["label"].astype("str")).to_numpy()
    gone = ids[~ids.isin(now)]
    return Earlier(part, str(file), tuple(gone), tuple(now[relabelled]))


def earlier_findings(earlier: Earlier, ids_from_content: bool) -> list[Finding]:
    """Say how many assignments were kept, and which ids did not match.

    Parameters
    ----------
    earlier : Earlier
    ids_from_content : bool
        Whether the ids were made from the rows' content.
    """
    counts = earlier.as_dict()
    findings = [
        Finding(
            code="split.earlier",
            title=f"{counts['kept']:,} examples keep the part they had; {counts['new']:,} new ones were placed",
            severity="info",
            explanation="What was learnt from never judges, and the test set stays the same; new examples go where the "
            "proportions need them.",
            method=f"ids of {earlier.path}",
            count=counts["kept"],
        )
    ]
    if earlier.gone:
        edited = ids_from_content and counts["new"] > 0
        findings.append(
            Finding(
                code="split.earlier_gone",
                title=f"{counts['gone']:,} examples of the earlier run are not in the data any more",
                severity="warning" if edited else "info",
                explanation="Ids were made from the content: an example that was edited counts as new, and may judge a "
                "model that has learnt from its earlier self."
                if edited
                else "Their parts are as much smaller.",
                method=f"ids of {earlier.path} that no row has now",
                advice="Name a column of ids with `data.id`." if edited else "",
                count=len(earlier.gone),
                ids=earlier.gone[:SHOWN_IDS],
            )
        )
    if earlier.relabelled:
        findings.append(
            Finding(
                code="split.earlier_relabelled",
                title=f"{counts['relabelled']:,} examples have another label than in the earlier run",
                severity="info",
                explanation="They keep their part all the same.",
                method=f"labels of {earlier.path} against those given now",
                count=len(earlier.relabelled),
                ids=earlier.relabelled[:SHOWN_IDS],
            )
        )
    return findings


def _read(file: Path) -> pd.DataFrame:
    if file.suffix == ".parquet":
        import pyarrow.parquet as pq

        try:
            names = pq.read_schema(file).names
            wanted = [name for name in ("id", "split", "label") if name in names]
            known = pd.read_parquet(file, columns=wanted)
        except (OSError, ValueError) as error:
            raise InputError(f"{KEY}: {file} cannot be read as Parquet ({error}); name a finished run") from None
    else:
        known = open_table(file).frame
    for name in ("id", "split"):
        if name not in known:
            raise InputError(f"{KEY}: {file} has no column {name!r}; it needs id and split, as examples.parquet has")
    return known.assign(id=known["id"].astype("str"))
