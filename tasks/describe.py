"""A look at unknown data, for `burnish init`: what it is, which column may be what, and a commented config.

Guesses go by the name of a column first and by its cells second, and each is only a line in a file that its owner
reads before anything runs; what was guessed is said beside it.

Known failure: a table whose label has an unusual name and does not come last gets another column of few values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import yaml

from burnish.tasks.column_guesses import (
    can_be_label,
    guess_group,
    guess_id,
    guess_image,
    guess_label,
    guess_source,
    guess_text,
)
from burnish.tasks.column_types import MISSING
from burnish.tasks.delimited import detect_delimiter
from burnish.tasks.findings import InputError
from burnish.tasks.image_files import list_class_folders
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.tables import FORMATS, list_names, open_table
from burnish.tasks.text_encoding import detect_encoding

_PROTECTED = frozenset({"race", "sex", "gender", "ethnicity", "religion", "nationality", "disability", "age"})
_SAMPLE = 1 << 20


@dataclass(frozen=True)
class DataGuess:
    """What a dataset seems to be.

    Attributes
    ----------
    kind : str
        ``table`` or ``images``.
    path : Path
        What `data.path` should say.
    label, id, source, group, image, text : str or None
        The columns guessed.
    delimiter, encoding : str or None
        Where they are not comma (tab for .tsv) and UTF-8.
    columns, candidates, protected : tuple of str
        All columns; those that could be the label; those that may have to be excluded.
    notes : tuple of str
        One line each, for the person who reads the config.
    """

    kind: Literal["table", "images"]
    path: Path
    label: str | None = None
    id: str | None = None
    source: str | None = None
    group: str | None = None
    image: str | None = None
    text: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def describe_data(path: str | Path) -> DataGuess:
    """Look at a table or a folder of class folders and guess its columns.

    Parameters
    ----------
    path : str or Path
        As for `burnish.tasks.examples.read_examples`; of a folder that has only one table, that table.

    Returns
    -------
    DataGuess

    Raises
    ------
    InputError
        It can't be read, whatever the columns are.
    """
    path = Path(path)
    if not path.is_dir():
        return _describe_table(path)
    tables = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in FORMATS)
    try:
        frame, _ = list_class_folders(path)
    except InputError:
        if len(tables) != 1:
            raise
        return _describe_table(tables[0])
    counts = frame["label"].value_counts()
    notes = [f"{len(frame):,} images in {len(counts):,} class folders: {list_names(sorted(counts.index), 10)}"]
    notes += [f"{table.name} lies beside them; if it lists the images, point path at it" for table in tables]
    return DataGuess("images", path, notes=tuple(notes))


def config_text(guess: DataGuess, name: str, path: str | Path | None = None) -> str:
    """Write the commented YAML file that `burnish init` leaves.

    Parameters
    ----------
    guess : DataGuess
        From `describe_data`.
    name : str
        The name of the runs' folder under reports/.
    path : str or Path, optional
        What `data.path` says, where `guess.path` is not the right way to put it.

    Returns
    -------
    str
        A config that loads as it stands, but for a label that could not be guessed.
    """
    head = [f"# {_one_line(note)}" for note in guess.notes]
    data = ["data:", *(_line(key, value, comment) for key, value, comment in _data_keys(guess, path))]
    more = [
        "# Every stage has defaults that work. To turn a knob, take the comment sign away:",
        "# split:",
        "#   train_dev: 0.05            # share of the training examples kept aside to tell variance from mismatch",
        "# outliers:",
        "#   method: winsorize          # or median, mean, zero, drop, flag, keep",
        "# cells:",
        "#   search: true               # wrong cells of tables: typos, broken dependencies, mixed units",
        "",
        "rounds: 3                      # train, clean and train again, at most so often",
        "seed: 0",
    ]
    return "\n".join([*head, f"name: {_yaml(name)}", *data, "", *more]) + "\n"


def _describe_table(path: Path) -> DataGuess:
    delimiter, encoding = _detect_format(path)
    frame = open_table(path, delimiter=delimiter, encoding=encoding).frame
    names = [str(name) for name in frame.columns]
    image = guess_image(frame)
    id_ = guess_id(frame, (image,))
    source = guess_source(frame, (image, id_))
    candidates = [name for name in names if name not in (image, id_, source) and can_be_label(frame[name])]
    label, how = guess_label(frame, candidates)
    group = guess_group(frame, (id_, label))
    roles = (label, id_, source, group, image)
    text = guess_text(frame, [name for name in names if name not in roles])
    shown = f"{len(frame):,} rows, {len(names)} columns: {list_names(names)}"
    return DataGuess(
        kind="images" if image else "table",
        path=path,
        label=label,
        id=id_,
        source=source,
        group=group,
        image=image,
        text=text,
        delimiter=delimiter,
        encoding=encoding,
        columns=tuple(names),
        candidates=tuple(candidates),
        protected=tuple(name for name in names if name.strip().casefold() in _PROTECTED),
        notes=(
            shown,
            how,
            *_note_id(id_),
            *_note_roles(source, group),
            *_note_missing(frame, label),
            *_note_arrays(path),
        ),
    )


def _detect_format(path: Path) -> tuple[str | None, str | None]:
    """Tell delimiter and encoding from the first megabyte, `None` where they are the default ones."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".jsonl") or not path.is_file():
        return None, None
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    encoding = detect_encoding(sample)
    if suffix == ".jsonl":
        return None, encoding
    text = sample.decode(encoding or "utf-8-sig", errors="replace").lstrip("\r\n")
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    found = detect_delimiter(header)
    return (None if found == ("\t" if suffix == ".tsv" else ",") else found), encoding


def _note_id(name: str | None) -> list[str]:
    return [] if name is None else [f"id {name!r}: every row has its own; it names the rows and is not learnt from"]


def _note_roles(source: str | None, group: str | None) -> list[str]:
    """Say which columns are taken out of what is learnt from, and why."""
    roles = {
        f"source {source!r}: says where a row comes from; parts are compared by it": source,
        f"group {group!r}: rows that share it stay in one part": group,
    }
    return [f"{said}, and it is not learnt from; write null if it is a feature" for said, name in roles.items() if name]


def _note_missing(frame: pd.DataFrame, label: str | None) -> list[str]:
    if label is None:
        return []
    labels = labels_as_text(frame[label]).dropna()
    spelled = labels[labels.str.strip().isin(MISSING)].value_counts().sort_index()
    return [
        f"{count:,} labels read {text!r}: add it to missing_labels if it means that there is no label"
        for text, count in spelled.items()
    ]


def _note_arrays(path: Path) -> list[str]:
    return [
        f"{key}.npy lies beside the table: set {key} to use it, if row i belongs to row i"
        for key in ("embeddings", "probabilities")
        if (path.parent / f"{key}.npy").is_file()
    ]


def _data_keys(guess: DataGuess, path: str | Path | None) -> list[tuple[str, Any, str]]:
    folder = guess.kind == "images" and guess.image is None
    label = "the column of the classes"
    if folder:
        label = "not needed: the class folders are the labels"
    elif guess.label is None:
        label = f"choose one of: {list_names(guess.candidates or guess.columns)}"
    elif len(guess.candidates) > 1:
        label += f"; could also be: {list_names([name for name in guess.candidates if name != guess.label], 8)}"
    exclude = "never learnt from, still used to slice the errors"
    if guess.protected:
        exclude += f"; consider {_yaml(list(guess.protected))}"
    return [
        ("path", Path(path or guess.path).as_posix(), "a table, or a folder of class folders of images"),
        ("label", guess.label, label),
        ("id", guess.id, "the column that names each example; null: made from its content"),
        ("source", guess.source, "the column that says where each example comes from (device, site, …)"),
        ("group", guess.group, "the column whose equal values must stay in one part (patient, …)"),
        ("image", guess.image, "the column of image paths, relative to the table"),
        ("text", guess.text, "the column of text"),
        ("features", None, "the columns to learn from; null: all others"),
        ("exclude", [], exclude),
        ("embeddings", None, "a .npy file, row i belongs to row i of the table"),
        ("probabilities", None, "a .npy file, out-of-fold class probabilities of your own model"),
        ("human_error", None, "the error of the best people at it, 0 to 1, where known"),
        ("missing_labels", [""], "spellings that mean that there is no label"),
        ("delimiter", guess.delimiter, "null: comma, tab for .tsv"),
        ("encoding", guess.encoding, "null: UTF-8"),
    ]


def _line(key: str, value: Any, comment: str) -> str:
    return f"{f'  {key}: {_yaml(value)}':<30} # {_one_line(comment)}"


def _one_line(comment: str) -> str:
    """Keep a column name with a line break in it from ending the comment."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in comment).split())


def _yaml(value: Any) -> str:
    """Write a value on one line, quoted where YAML would take it for something else."""
    return yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**9).strip()[1:-1]
