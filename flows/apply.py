"""`apply`: what a person has decided becomes part of the run.

Everything is checked before anything is changed. The cleaned dataset is written in full beside the old one before it
takes its place; `decisions.csv` is replaced first of all, and whatever follows from it can be made again by applying
the same sheet once more, which is harmless.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from burnish.flows.analyse import render_again
from burnish.flows.compare import read_summary
from burnish.flows.config import load_config
from burnish.flows.prepare import DECISIONS, open_examples
from burnish.flows.run import write_json
from burnish.tasks.actions import follow_decisions
from burnish.tasks.cleaned import write_cleaned
from burnish.tasks.decisions import as_csv, decided_codes, merge_decisions, read_decisions, read_sheet, review_facts
from burnish.tasks.examples import Examples
from burnish.tasks.findings import InputError
from burnish.tasks.headline import headline, judged_line
from burnish.tasks.label_studio import read_export
from burnish.tasks.notation import things
from burnish.tasks.sheet import open_sheet, write_atomically
from burnish.tasks.summary import action_facts, plain

SHEET = "review.csv"


def apply_sheet(folder: Path, sheet: Path) -> list[str]:
    """Apply a review sheet, or a Label Studio export, to a run; give what to say.

    Parameters
    ----------
    folder : Path
        The run folder.
    sheet : Path
        A review sheet; an export of Label Studio where it ends in ``.json``.

    Raises
    ------
    InputError
        No finished run, anything wrong in the sheet, or the data is no longer what the run saw; nothing was changed.
    """
    summary = read_summary(folder)
    table = read_table(folder)
    read = read_export if sheet.suffix.lower() == ".json" else read_sheet
    new = read(sheet, table, summary["dataset"]["classes"])
    if new.empty:
        return [f"Nothing is decided in {sheet}; nothing was changed", f"Decide first: burnish review {folder}"]
    decisions = merge_decisions(read_decisions(folder / DECISIONS, table), new)
    examples = _same_examples(folder, table)
    decided = decide_table(table, decisions, examples.classes)
    fresh = _write_beside(folder, examples, decided)
    write_atomically(folder / DECISIONS, as_csv(decisions))
    _replace_parquet(folder / "examples.parquet", decided)
    _take_place(fresh, folder / "cleaned")
    _strike_off(folder / SHEET, decisions, table)
    summary = _write_summary(folder, summary, decided, decisions)
    render_again(folder)
    return [*_said(summary, new), _next(folder)]


def decide_table(table: pd.DataFrame, decisions: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Give the examples table with `action`, `final_label`, `reason` and `decision` as a person has decided."""
    codes = decided_codes(decisions, table["id"], classes)
    followed = follow_decisions(table[["action", "final_label", "reason"]], table["label"], codes, classes)
    word = table["id"].map(decisions.set_index("id")["decision"]).astype("str")
    return table.assign(**{name: followed[name] for name in followed}, decision=word)


def read_table(folder: Path) -> pd.DataFrame:
    """Read the examples table of a run whose labels were examined.

    Raises
    ------
    InputError
        There is none.
    """
    file = folder / "examples.parquet"
    if not file.is_file():
        raise InputError(f"{folder} holds no examples.parquet; make the run again")
    table = pd.read_parquet(file)
    if "action" not in table:
        raise InputError(f"{folder}: its labels were not examined, so there is nothing to judge; make the run again")
    return table


def _same_examples(folder: Path, table: pd.DataFrame) -> Examples:
    """Read the data again.

    Raises
    ------
    InputError
        It is gone, or not what the run saw.
    """
    config = load_config(folder / "config.yaml")
    examples = open_examples(config)
    if not all(examples.table[name].equals(table[name].astype("str")) for name in ("id", "label")):
        raise InputError(
            f"{config.data.path} is no longer what {folder} saw (other examples or labels): put it back as it was, or "
            "make a new run and decide there; nothing was applied"
        )
    return examples


def _write_beside(folder: Path, examples: Examples, table: pd.DataFrame) -> Path:
    """Write the cleaned dataset into a folder of its own; a half-written one does not stay."""
    fresh = folder / ".cleaned-new"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        write_cleaned(examples, table, fresh)
    except (InputError, OSError):
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return fresh


def _take_place(fresh: Path, cleaned: Path) -> None:
    old = cleaned.with_name(".cleaned-old")
    shutil.rmtree(old, ignore_errors=True)
    if cleaned.exists():
        cleaned.rename(old)
    fresh.rename(cleaned)
    shutil.rmtree(old, ignore_errors=True)


def _replace_parquet(file: Path, table: pd.DataFrame) -> None:
    beside = file.with_name(f".{file.name}")
    table.to_parquet(beside, index=False)
    beside.replace(file)


def _strike_off(file: Path, decisions: pd.DataFrame, table: pd.DataFrame) -> None:
    """Take what is decided off the run's sheet."""
    if file.is_file():
        sheet = open_sheet(file, table["id"])
        sheet.remove(decisions["id"].tolist())
        sheet.save()


def _write_summary(
    folder: Path, summary: dict[str, Any], table: pd.DataFrame, decisions: pd.DataFrame
) -> dict[str, Any]:
    labels = summary["labels"] | action_facts(table)
    summary = plain(summary | {"labels": labels, "review": review_facts(decisions, table)})
    summary["headline"] = headline(summary)
    write_json(folder / "summary.json", summary)
    return summary


def _said(summary: dict[str, Any], new: pd.DataFrame) -> list[str]:
    words = new["decision"].value_counts()
    counts = ", ".join(f"{count:,} {word}" for word, count in words.items())
    total = summary["review"]["decided"]
    actions = summary["labels"]["actions"]
    return [
        f"{things(len(new), 'decision')} applied ({counts}); {total:,} in all",
        judged_line(summary),
        f"{actions['relabel']:,} labels corrected, {actions['drop']:,} examples dropped, "
        f"{things(actions['review'], 'label')} still to judge; cleaned/ is written again",
    ]


def _next(folder: Path) -> str:
    return f"Next, a round that takes this as truth: burnish run --resume {folder}"
