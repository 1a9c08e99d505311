"""What a person decided about examples: read from the sheet they filled in, checked as a whole, kept as truth.

A decision is one word: `accept` (the suggested label is right), `keep` (the given one is), `other` (a third, named in
`new_label`), `drop` (no class fits). `skip` or nothing is no decision. A sheet is applied whole or not at all: an
unknown id, label or word, or one that makes no sense for its row, refuses the sheet and names the first offenders.

`decisions.csv` in the run folder holds all that was ever applied; a later decision about the same example takes the
place of the earlier one. It keeps what was suggested when the person looked, because the next round, which has heard
the person, suggests something else.

How precise the suggestions were is counted over the decided examples that carried one, with Wilson's interval. Known
failure: people look at the worst suspects first, so this is the precision at the top of the list, not over all of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.constant_text import constant_text
from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean
from burnish.tasks.label_checks import label_codes, sort_classes
from burnish.tasks.metrics import Rate, rate
from burnish.tasks.notation import things
from burnish.tasks.sheet import open_sheet, unescaped
from burnish.tasks.tables import list_names

WORDS = ("accept", "keep", "other", "drop")
UNDECIDED_WORDS = ("", "skip")
COLUMNS = ("id", "decision", "label", "suggested_label")
UNDECIDED, DROPPED = -1, -2
PARTS = ("train", "train_dev", "dev", "test")


def read_sheet(path: Path, examples: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Read the decisions from a review sheet.

    Parameters
    ----------
    path : Path
        A `review.csv`, as the page of `burnish review` or a spreadsheet left it.
    examples : DataFrame
        The run's examples table; `id`, `label`, `suggested_label` are read.
    classes : sequence of str
        All classes of the run.

    Returns
    -------
    DataFrame
        `id, decision, label, suggested_label`, all str, a row a decision: `label` is the truth, NaN where dropped.

    Raises
    ------
    InputError
        The sheet is not one of this run, or anything in it is not understood; nothing of it is to be applied then.
    """
    sheet = open_sheet(path, examples["id"])
    cells = pd.DataFrame(list(sheet.rows.values()), columns=list(sheet.columns), dtype="str")
    cells["id"] = pd.Series(list(sheet.rows), dtype="str")
    spelt = _spellings(classes)
    for name in {"label", "suggested_label", "new_label"} & set(cells):
        cells[name] = cells[name].str.strip().map(lambda cell: spelt.get(cell, cell))
    words = cells["decision"].str.strip().str.casefold()
    decided = cells.assign(decision=words)[~words.isin(UNDECIDED_WORDS)]
    _refuse(path, decided[~decided["decision"].isin(WORDS)], "decision", f"write one of {', '.join(WORDS)}, skip")
    checked = check_decisions(decided[["id", "decision", "new_label"]], examples, classes, path)
    _refuse_other_run(path, decided, examples)
    return checked


def check_decisions(decided: pd.DataFrame, examples: pd.DataFrame, classes: Sequence[str], where: Path) -> pd.DataFrame:
    """Find the label that each decision makes the truth.

    Parameters
    ----------
    decided : DataFrame
        `id`, `decision` (one of the four words), `new_label` (read for `other`), all str.
    examples : DataFrame
        The run's examples table.
    classes : sequence of str
    where : Path
        The file that the decisions come from, for messages.

    Returns
    -------
    DataFrame
        As `read_sheet` gives it.

    Raises
    ------
    InputError
        Unknown ids or labels, or a decision that needs a label where there is none.
    """
    rows = _places(decided["id"], examples["id"])
    if (rows < 0).any():
        unknown = decided["id"][rows < 0].tolist()
        hint = "is it the sheet of another run, or did a spreadsheet rewrite the ids"
        _stop(where, f"knows {len(unknown):,} ids that this run does not ({_shown(unknown)}): {hint}?")
    given, suggested = (examples[name].iloc[rows].reset_index(drop=True) for name in ("label", "suggested_label"))
    decided = decided.reset_index(drop=True)
    word = decided["decision"]
    named = decided["new_label"].replace("", np.nan)
    label = suggested.where(word == "accept", given.where(word == "keep", named.where(word == "other")))
    _refuse_unknown_label(where, decided, label, classes)
    contrary = named.notna() & (word != "other") & (named != label)
    if contrary.any():
        ids = decided["id"][contrary].tolist()
        _stop(
            where,
            f"has {things(len(ids), 'row')} with a new_label that the decision does not mean ({_shown(ids)}): write "
            "other to give the new label, or empty that cell",
        )
    lacking = label.isna() & (word != "drop")
    for kind, why in (
        ("accept", "with no suggested label to accept"),
        ("keep", "with no given label to keep"),
        ("other", "of other without a new_label"),
    ):
        ids = decided["id"][lacking & (word == kind)].tolist()
        if ids:
            advice = "name the right label as other, or drop them"
            _stop(where, f"has {things(len(ids), 'row')} {why} ({_shown(ids)}): {advice}")
    frame = pd.DataFrame({"id": decided["id"], "decision": word, "label": label, "suggested_label": suggested})
    return frame.astype("str")


def merge_decisions(before: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Add decisions to earlier ones; the later about the same example counts, in the place of the earlier.

    Examples
    --------
    >>> one = pd.DataFrame({"id": ["a", "b"], "decision": "keep", "label": "x", "suggested_label": "y"})
    >>> two = one.iloc[:1].assign(decision="accept", label="y")
    >>> merge_decisions(one, two)["decision"].tolist()
    ['accept', 'keep']
    """
    if before.empty or new.empty:
        return new if before.empty else before
    both = pd.concat([before, new], ignore_index=True)
    last = both.drop_duplicates("id", keep="last").set_index("id")
    return last.loc[both["id"].drop_duplicates()].reset_index()


def decided_codes(decisions: pd.DataFrame, ids: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Give the class that was decided for each example.

    Parameters
    ----------
    decisions : DataFrame
        `id` and `label`, as `read_sheet` and `read_decisions` give them.
    ids : Series of str (n,)
    classes : sequence of str

    Returns
    -------
    int64 (n,)
        Index into `classes`; −1 (`UNDECIDED`) without a decision, −2 (`DROPPED`) where no class fits.

    Raises
    ------
    InputError
        A decided label is none of the classes, or a decided id none of the ids: the data has changed.

    Examples
    --------
    >>> said = pd.DataFrame({"id": ["b", "c"], "label": ["dog", None]})
    >>> decided_codes(said, pd.Series(["a", "b", "c"]), ("cat", "dog")).tolist()
    [-1, 1, -2]
    """
    if decisions.empty:
        return np.broadcast_to(np.int64(UNDECIDED), len(ids))
    codes = label_codes(decisions["label"], classes)
    missing = decisions["label"].isna().to_numpy()
    if ((codes < 0) & ~missing).any():
        strange = decisions["label"][(codes < 0) & ~missing].unique().tolist()
        raise InputError(f"decisions.csv names labels that the data no longer has ({_shown(strange)}): take them out")
    rows = _places(decisions["id"], ids)
    if (rows < 0).any():
        gone = decisions["id"][rows < 0].tolist()
        raise InputError(f"decisions.csv names {len(gone):,} ids that the data no longer has ({_shown(gone)})")
    decided = np.full(len(ids), UNDECIDED, dtype=np.int64)
    decided[rows] = np.where(missing, DROPPED, codes)
    return decided


def decision_column(decisions: pd.DataFrame, ids: pd.Series) -> pd.Series:
    """Give the word that was said of each example, str (n,), NaN where none was.

    >>> said = pd.DataFrame({"id": ["b"], "decision": ["drop"]}, dtype="str")
    >>> decision_column(said, pd.Series(["a", "b"])).tolist()
    [nan, 'drop']
    """
    words = constant_text(None, ids.index)
    if len(decisions):
        words.iloc[_places(decisions["id"], ids)] = decisions["decision"].to_numpy()
    return words


def read_decisions(path: Path, examples: pd.DataFrame) -> pd.DataFrame:
    """Read what has been applied to a run; no rows where the file is not there.

    Parameters
    ----------
    path : Path
        The run's `decisions.csv`.
    examples : DataFrame
        `id` and `label` of the data: they say what a cell with an apostrophe stands for.

    Returns
    -------
    DataFrame
        As `read_sheet` gives it.

    Raises
    ------
    InputError
        The file is no such file any more.
    """
    if not path.is_file():
        return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, index_col=False, encoding="utf-8")
    except (ValueError, pd.errors.ParserError) as error:
        raise InputError(f"{path} can't be read ({str(error).splitlines()[0]}): apply the sheets again") from None
    if not set(COLUMNS) <= set(frame) or not frame["decision"].isin(WORDS).all() or frame["id"].duplicated().any():
        raise InputError(f"{path} is not as burnish apply wrote it: take it away and apply the sheets again")
    ids, spelt = unescaped(examples["id"]), _spellings(sort_classes(examples["label"]))
    frame["id"] = frame["id"].map(lambda cell: ids.get(cell, cell))
    for name in ("label", "suggested_label"):
        frame[name] = frame[name].map(lambda cell: spelt.get(cell, cell)).astype("str").replace("", np.nan)
    return frame[list(COLUMNS)]


def as_csv(decisions: pd.DataFrame) -> bytes:
    """Write decisions as `decisions.csv` has them."""
    out = io.StringIO()
    escape_formulas(decisions[list(COLUMNS)]).to_csv(out, index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
    return out.getvalue().encode("utf-8")


def suggestion_precision(decisions: pd.DataFrame, examples: pd.DataFrame) -> Rate | None:
    """Say how many of the suggestions that a person has judged were right.

    Parameters
    ----------
    decisions : DataFrame
        As `read_sheet` gives it.
    examples : DataFrame
        `id` and the given `label`.

    Returns
    -------
    Rate or None
        Over the decisions about examples whose suggested label was not the given one; None where there are none.

    Examples
    --------
    >>> said = pd.DataFrame({"id": ["a", "b"], "decision": ["accept", "keep"], "label": ["y", "x"],
    ...                      "suggested_label": ["y", "y"]})
    >>> suggestion_precision(said, pd.DataFrame({"id": ["a", "b"], "label": ["x", "x"]})).value
    0.5
    """
    given = examples.set_index("id")["label"].reindex(decisions["id"]).to_numpy(dtype=object, na_value=None)
    suggested = decisions["suggested_label"].to_numpy(dtype=object, na_value=None)
    label = decisions["label"].to_numpy(dtype=object, na_value=None)
    carried = (suggested != given) & (suggested != np.array(None))
    return rate(int((carried & (label == suggested)).sum()), int(carried.sum())) if carried.any() else None


def review_facts(decisions: pd.DataFrame, examples: pd.DataFrame) -> dict[str, Any] | None:
    """Give the `review` section of `summary.json`: what was decided and how right the suggestions were, by split too.

    Parameters
    ----------
    decisions : DataFrame
        As `read_sheet` gives it.
    examples : DataFrame
        `id`, `label` and `split`.

    Returns
    -------
    dict or None
        None where nothing has been decided.
    """
    if decisions.empty:
        return None
    split = examples.set_index("id")["split"].reindex(decisions["id"]).to_numpy()
    parts = {part: decisions[split == part] for part in PARTS if (split == part).any()}
    return _facts(decisions, examples) | {"by_split": {part: _facts(rows, examples) for part, rows in parts.items()}}


def _spellings(classes: Sequence[str]) -> dict[str, str]:
    """Say which class each cell of a sheet means: blanks around it and the apostrophe of a formula don't count."""
    bare = {name.strip(): name for name in classes}
    return {cell.strip(): name for cell, name in unescaped(classes).items()} | bare


def _facts(decisions: pd.DataFrame, examples: pd.DataFrame) -> dict[str, Any]:
    precision = suggestion_precision(decisions, examples)
    counts = {word: int((decisions["decision"] == word).sum()) for word in WORDS}
    return {"decided": len(decisions), **counts, "suggestions": None if precision is None else precision.as_dict()}


def _refuse_other_run(path: Path, decided: pd.DataFrame, examples: pd.DataFrame) -> None:
    """Refuse a sheet whose labels or suggestions, where it has any, are others: `accept` would mean something else."""
    rows = _places(decided["id"], examples["id"])
    for name in [name for name in ("label", "suggested_label") if name in decided]:
        here = examples[name].iloc[rows].fillna("").to_numpy()
        there = decided[name].fillna("").to_numpy()
        other = decided["id"][(there != "") & (there != here)].tolist()
        if other:
            _stop(path, f"has another {name} than the run for {_shown(other)}: it is the sheet of another run")


def _refuse_unknown_label(where: Path, decided: pd.DataFrame, label: pd.Series, classes: Sequence[str]) -> None:
    strange = (decided["decision"] == "other") & label.notna() & ~label.isin(classes)
    if strange.any():
        hint = did_you_mean(label[strange].iloc[0], classes, f"the classes are {list_names(classes, 8)}")
        ids = _shown(decided["id"][strange].tolist())
        _stop(where, f"names labels that are no class ({_shown(label[strange].unique().tolist())} for {ids}): {hint}")


def _refuse(where: Path, wrong: pd.DataFrame, column: str, advice: str) -> None:
    if len(wrong):
        values, ids = _shown(wrong[column].unique().tolist()), _shown(wrong["id"].tolist())
        _stop(where, f"has {things(len(wrong), 'row')} whose {column} is not understood ({values} for {ids}): {advice}")


def _places(wanted: pd.Series, ids: pd.Series) -> NDArray[np.int64]:
    """Give the rows of some ids, (m,), −1 where there is none; only the few become Python's text."""
    among = np.flatnonzero(ids.isin(wanted))
    found = pd.Index(ids.iloc[among]).get_indexer(wanted)
    return np.append(among, -1)[found]


def _shown(values: Sequence[Any]) -> str:
    return list_names([repr(str(value)) for value in values], 3)


def _stop(where: Path, what: str) -> NoReturn:
    raise InputError(
        f"{where} {what} Nothing was applied" if what.endswith("?") else f"{where} {what}; nothing was applied"
    )
