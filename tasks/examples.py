"""The examples table: one dataset, however it came, as one frame a row an example, with all checks done at the door.

A table, a folder of class folders of images, a table of image paths, with embeddings or probabilities beside it: all
become an `Examples`. The examples table holds our own columns only (`id, label, source, group`, and `image`); what
else the user gave is in `attributes`, a frame of its own, so that no name of theirs can clash with one of ours.

Known failure: a column that gives the label away (`approved_on` beside `approved`) is said (`leaks`), and learnt from
unless excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.arrays import read_embeddings, read_probabilities
from burnish.tasks.column_checks import check_weights, choose_columns
from burnish.tasks.column_types import Notation, type_columns
from burnish.tasks.constant_text import constant_text
from burnish.tasks.example_ids import content_ids, given_ids
from burnish.tasks.findings import SHOWN_IDS, Finding, InputError
from burnish.tasks.image_files import check_image_paths, list_class_folders
from burnish.tasks.label_checks import check_labels, label_codes, labels_as_text, sort_classes
from burnish.tasks.label_columns import label_columns, read_labels
from burnish.tasks.tables import SourceTable, list_names, open_table, refuse_column

ONE_SOURCE = "all"
UNKNOWN_SOURCE = "(missing)"


@dataclass(frozen=True)
class Original:
    """How the dataset came, for writing it back.

    Attributes
    ----------
    path : Path
        The table file, or the folder of class folders.
    table : SourceTable or None
        The table as it was read; `None` for a folder.
    label, image : str or None
        Its columns.
    annotators : tuple of str
        The label columns, where there are several; then `label` is None.
    """

    path: Path
    table: SourceTable | None = None
    label: str | None = None
    image: str | None = None
    annotators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examples:
    """A dataset, read and checked.

    Attributes
    ----------
    table : DataFrame
        RangeIndex; `id` (unique), `label` (NaN where missing), `source`, `group` (NaN where none), all `str`;
        for images also `image`, the path relative to `root`.
    attributes : DataFrame
        The user's other columns, row-aligned, typed by `infer_types`.
    classes : tuple of str
        The distinct labels; by value where all are numbers, else by code point.
    kind : str
        ``table`` or ``images``.
    root : Path
        The folder of the dataset.
    embeddings : ndarray of shape (n, d) or None
        Memory-mapped.
    probabilities : ndarray of float64, shape (n, classes), or None
        Out-of-fold, of the user's own model.
    findings : tuple of Finding
        What was noticed on reading.
    original : Original
        How to write it back.
    learn_from : tuple of str
        The attributes to learn from.
    text : str or None
        The attribute that holds text.
    votes : int64 (n, m) or None
        What each of several annotators said, as indices into `classes`, −1 where nothing; `label` is their consensus.
    annotators : tuple of str, length m
        The label columns of `votes`.
    notations : dict of str to NumberNotation or DateNotation
        Attributes that were given as formatted numbers or dates, and how they were read.
    """

    table: pd.DataFrame
    attributes: pd.DataFrame
    classes: tuple[str, ...]
    kind: Literal["table", "images"]
    root: Path
    embeddings: NDArray[Any] | None
    probabilities: NDArray[np.float64] | None
    findings: tuple[Finding, ...]
    original: Original
    learn_from: tuple[str, ...] = ()
    text: str | None = None
    votes: NDArray[np.int64] | None = None
    annotators: tuple[str, ...] = ()
    notations: dict[str, Notation] = field(default_factory=dict)

    @property
    def codes(self) -> NDArray[np.int64]:
        """Labels as indices into `classes`, −1 where missing; shape (n,)."""
        return label_codes(self.table["label"], self.classes)

    @property
    def columns(self) -> list[str]:
        """The attributes to learn from, but for the text."""
        return [name for name in self.learn_from if name != self.text]


def read_examples(
    path: str | Path,
    *,
    label: str | Sequence[str] | None = None,
    id: str | None = None,
    source: str | None = None,
    group: str | None = None,
    image: str | None = None,
    text: str | None = None,
    features: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    embeddings: str | Path | None = None,
    probabilities: str | Path | None = None,
    weight: str | None = None,
    missing_labels: Sequence[str] = ("",),
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Examples:
    """Read a dataset in any of its forms.

    Parameters
    ----------
    path : str or Path
        A table (.csv .tsv .parquet .feather .jsonl), or a folder of class folders of images.
    label, id, source, group, image, text : str, optional
        Columns of the table. The label must be given for a table; a folder's labels are its class folders. Several
        label columns, one an annotator, are told into one label by `find_consensus`.
        Without `id`, ids are made from the content (of a folder: the paths).
    features : sequence of str, optional
        Columns to learn from; all that have no other role where not given.
    exclude : sequence of str
        Columns never learnt from.
    embeddings, probabilities : str or Path, optional
        .npy files, row i for row i of the table; probability columns in the order of `Examples.classes`.
    weight : str, optional
        Column of the user's own weights; never learnt from.
    missing_labels : sequence of str
        Spellings that mean "no label"; blank cells always do.
    delimiter, encoding : str, optional
        Of text formats.

    Returns
    -------
    `Examples`
        Checked; later stages trust it.

    Raises
    ------
    InputError
        The data can't be used as it is; one sentence says what, where and what to do.
    """
    path = Path(path)
    if path.is_dir():
        columns = {"id": id, "source": source, "group": group, "image": image, "text": text, "weight": weight}
        columns |= {"label": ", ".join(label)} if label is not None and not isinstance(label, str) else {}
        return _read_folder(path, columns, features, embeddings, probabilities, missing_labels)
    opened = open_table(path, delimiter=delimiter, encoding=encoding)
    given = label_columns(label)
    roles = {"id": id, "source": source, "group": group, "image": image, "text": text, "weight": weight}
    _check_roles(opened, given, roles, features, exclude)
    return _read_rows(opened, given, roles, features, exclude, embeddings, probabilities, missing_labels)


def _read_folder(
    path: Path,
    columns: dict[str, str | None],
    features: Sequence[str] | None,
    embeddings: str | Path | None,
    probabilities: str | Path | None,
    missing_labels: Sequence[str],
) -> Examples:
    given = [key for key, name in {**columns, "features": features}.items() if name]
    if given:
        raise InputError(
            f"{_key(given[0])}: {path} is a folder of class folders, which has no columns: point data.path at a table "
            "with a column of image paths (data.image)"
        )
    frame, passed = list_class_folders(path)
    table = pd.DataFrame({"id": frame["image"], "label": labels_as_text(frame["label"], missing_labels)})
    table["source"] = constant_text(ONE_SOURCE, table.index)
    table["group"] = constant_text(None, table.index)
    table["image"] = frame["image"]
    found = check_labels(table["label"], table["id"], f"{path} (class folders)")
    classes = sort_classes(table["label"])
    return Examples(
        table=table,
        attributes=pd.DataFrame(index=table.index),
        classes=classes,
        kind="images",
        root=path,
        embeddings=None if embeddings is None else read_embeddings(embeddings, len(table)),
        probabilities=None if probabilities is None else read_probabilities(probabilities, len(table), classes),
        findings=passed + found,
        original=Original(path),
    )


def _check_roles(
    opened: SourceTable,
    labels: tuple[str, ...],
    roles: dict[str, str | None],
    features: Sequence[str] | None,
    exclude: Sequence[str],
) -> None:
    names = list(opened.frame.columns)
    if not labels:
        raise InputError(f"data.label: name the column of {opened.path} that holds the labels: {list_names(names)}")
    named = [("data.label", name) for name in labels]
    named += [(_key(key), name) for key, name in roles.items() if name is not None]
    for key, name in [
        *named,
        *(("data.features", name) for name in features or ()),
        *(("data.exclude", name) for name in exclude),
    ]:
        if name not in names:
            refuse_column(name, names, opened.path, key)
    for key, column in roles.items():
        if column in labels:
            what = "the label column" if len(labels) == 1 else "a label column"
            raise InputError(f"{_key(key)}: {column!r} is {what} already: name another column")
    taken = {name: key for key, name in named if key in ("data.label", "data.id", "data.image", "weights.column")}
    taken |= dict.fromkeys(exclude, "data.exclude")
    for name in exclude:
        if name in labels:
            raise InputError(f"data.exclude: {name!r} is the label, which is never learnt from: take it out")
    for name in features or ():
        if name in taken:
            raise InputError(f"data.features: {name!r} is named under {taken[name]} too: take it out of one of them")


def _key(role: str) -> str:
    return "weights.column" if role == "weight" else f"data.{role}"


def _read_rows(
    opened: SourceTable,
    given_labels: tuple[str, ...],
    roles: dict[str, str | None],
    features: Sequence[str] | None,
    exclude: Sequence[str],
    embeddings: str | Path | None,
    probabilities: str | Path | None,
    missing_labels: Sequence[str],
) -> Examples:
    frame, root = opened.frame, opened.path.parent
    ids = _make_ids(opened, given_labels, roles)
    read = read_labels(frame[list(given_labels)], ids, opened.path, missing_labels)
    table = pd.DataFrame({"id": ids, "label": read.labels})
    findings = list(read.findings)
    table["source"] = _read_source(frame, roles["source"])
    table["group"] = constant_text(None, frame.index)
    if roles["group"] is not None:
        table["group"] = labels_as_text(frame[roles["group"]])
    if roles["image"] is not None:
        where = f"the image column {roles['image']!r} of {opened.path}"
        table["image"], absent = check_image_paths(labels_as_text(frame[roles["image"]]), ids, root, where)
        findings += absent
    given = {*given_labels, roles["id"], roles["image"]}
    typed = type_columns(frame[[name for name in frame.columns if name not in given]])
    if roles["weight"] is not None:
        check_weights(typed.frame, roles["weight"], ids, opened.path)
    unlearnt = {roles["source"], roles["group"], roles["text"], roles["weight"], *exclude}
    wanted = [name for name in (features or typed.frame.columns) if name not in unlearnt]
    learn_from, odd = choose_columns(typed, wanted)
    attributes = typed.frame
    if roles["source"] in attributes and table["source"].equals(attributes[roles["source"]]):
        table["source"] = attributes[roles["source"]]  # of ten million rows, 100 MB less
    if roles["text"] is not None:
        attributes[roles["text"]] = frame[roles["text"]].astype("str")
    if not learn_from and all(each is None for each in (roles["image"], roles["text"], embeddings, probabilities)):
        why = "".join(f" ({finding.title})" for finding in odd[:1])
        raise InputError(
            f"{opened.path} has no column left to learn from beside the label{why}: give features, a text column, "
            "embeddings or probabilities"
        )
    return Examples(
        table=table,
        attributes=attributes,
        classes=read.classes,
        kind="table" if roles["image"] is None else "images",
        root=root,
        embeddings=None if embeddings is None else read_embeddings(embeddings, len(table)),
        probabilities=None if probabilities is None else read_probabilities(probabilities, len(table), read.classes),
        findings=(*findings, *odd, *_find_missing_source(frame, roles["source"], ids)),
        original=Original(opened.path, opened, read.column, roles["image"], read.annotators),
        learn_from=learn_from,
        text=roles["text"],
        votes=read.votes,
        annotators=read.annotators,
        notations=typed.notations,
    )


def _read_source(frame: pd.DataFrame, source: str | None) -> pd.Series:
    if source is None:
        return constant_text(ONE_SOURCE, frame.index)
    return labels_as_text(frame[source]).fillna(UNKNOWN_SOURCE)


def _find_missing_source(frame: pd.DataFrame, source: str | None, ids: pd.Series) -> tuple[Finding, ...]:
    if source is None:
        return ()
    missing = labels_as_text(frame[source]).isna()
    if not missing.any():
        return ()
    count = int(missing.sum())
    return (
        Finding(
            code="source.missing",
            title=f"{count:,} examples have no {source!r}; they count as a source of their own, {UNKNOWN_SOURCE}",
            severity="warning",
            explanation="Errors by source say little about a source that is not known.",
            method=f"Blank cells of the column {source!r}.",
            advice="Fill the column in.",
            count=count,
            ids=tuple(ids[missing].head(SHOWN_IDS)),
        ),
    )


def _make_ids(opened: SourceTable, labels: Sequence[str], roles: dict[str, str | None]) -> pd.Series:
    if roles["id"] is not None:
        return given_ids(opened.frame[roles["id"]], f"the id column {roles['id']!r} of {opened.path}")
    image = roles["image"]
    if image is not None:
        paths = opened.frame[image].astype("str")
        if paths.notna().all() and paths.is_unique:
            return paths
    return content_ids(opened.frame.drop(columns=list(labels)))
