"""Which column of an unknown table may be the label, the id, the source, the group, the images or the text.

The name of a column speaks first and its cells second.

Known failure: names are English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from burnish.tasks.codes import is_called_code, never_repeats
from burnish.tasks.column_types import type_columns
from burnish.tasks.findings import InputError
from burnish.tasks.image_files import IMAGE_SUFFIXES
from burnish.tasks.label_checks import check_labels, labels_as_text
from burnish.tasks.text_forms import learn_form
from burnish.tasks.written_dates import LIKE_A_DATE

_LABEL_NAMES = (
    "label", "labels", "class", "target", "y", "category", "outcome", "income", "diagnosis", "species",
    "classification", "annotation", "sentiment", "intent", "survived", "churn", "default", "quality", "result",
)  # fmt: skip
_ID_NAMES = ("id", "uuid", "key", "index", "identifier")
_SOURCE_NAMES = (
    "source",
    "domain",
    "origin",
    "device",
    "camera",
    "site",
    "scanner",
    "dataset",
    "batch",
    "channel",
    "lab",
    "hospital",
    "src",
)
_GROUP_NAMES = ("group", "patient", "subject", "user", "customer", "person", "session", "household", "family")
_IMAGE_NAMES = ("image", "img", "picture", "photo", "path", "file", "filename", "filepath")
_FEW_CLASSES = 20
_MOST_SOURCES = 50
_LONG_TEXT = 40.0  # characters, on average
_ROWS_READ = 5000


def guess_image(frame: pd.DataFrame) -> str | None:
    """Give the column whose cells end like image files, one with a fitting name first."""
    return _first_named(frame, _IMAGE_NAMES, _holds_image_paths) or next(
        (str(name) for name in frame.columns if _holds_image_paths(frame[name])), None
    )


def guess_id(frame: pd.DataFrame, skip: Sequence[str | None] = ()) -> str | None:
    """Give the column whose cells are all there and all different: one called like an id, else one that looks like one.

    Numbers look like ids where they differ though drawn ones would not, texts where they are short and of one form with
    letters and digits in it.
    """
    named = _first_named(frame, _ID_NAMES, _names_rows, skip)
    if named is not None:
        return named
    names = [str(name) for name in frame.columns if name not in skip and _names_rows(frame[name])]
    looks = (name for name in names if is_called_code(name) or _looks_like_an_id(frame[name]))
    return next(looks, None)


def _names_rows(column: pd.Series) -> bool:
    return bool(column.notna().all() and column.is_unique)


def _looks_like_an_id(column: pd.Series) -> bool:
    """Tell whether cells that all differ look like ids; the first 5,000 are asked."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_bool_dtype(column):
        return False
    texts = column.head(_ROWS_READ).astype("str")
    if texts.str.fullmatch(r"\d{1,15}").all():
        return never_repeats(texts.to_numpy(dtype=object).astype(np.float64))
    mixed = texts.str.fullmatch(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{3,40}").all()
    return bool(mixed) and not texts.str.fullmatch(LIKE_A_DATE).any() and learn_form(texts) is not None


def guess_source(frame: pd.DataFrame, skip: Sequence[str | None] = ()) -> str | None:
    """Give the column called like a source that has 2 to 50 values."""
    return _first_named(frame, _SOURCE_NAMES, lambda column: 2 <= column.nunique() <= _MOST_SOURCES, skip)


def guess_group(frame: pd.DataFrame, skip: Sequence[str | None] = ()) -> str | None:
    """Give the column called like a person or session that has many values, some of them more than once."""
    return _first_named(
        frame, _GROUP_NAMES, lambda column: column.nunique() > _FEW_CLASSES and not column.is_unique, skip
    )


def can_be_label(column: pd.Series) -> bool:
    """Tell whether a column could be read as labels.

    >>> can_be_label(pd.Series(["cat", "dog", "cat"])), can_be_label(pd.Series(["cat", "cat"]))
    (True, False)
    """
    labels = labels_as_text(column)
    try:
        check_labels(labels, labels, "")
    except InputError:
        return False
    return True


def guess_label(frame: pd.DataFrame, candidates: Sequence[str]) -> tuple[str | None, str]:
    """Give the label column among those that could be it, and a line that says how it was guessed."""
    named = _first_named(frame[list(candidates)], _LABEL_NAMES, lambda _: True)
    if named:
        return named, f"label {named!r}: by its name"
    few = [name for name in candidates if frame[name].nunique() <= _FEW_CLASSES]
    if few:
        return few[-1], f"label {few[-1]!r}: a guess, the last column with few different values"
    return None, "label: no column looks like one; name it before running"


def guess_text(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """Give the first of the columns that holds long and mostly different texts."""
    typed = type_columns(frame[list(names)].head(_ROWS_READ)).frame
    for name in names:
        column = typed[name].dropna()
        if not isinstance(column.dtype, pd.StringDtype) or column.nunique() * 2 < len(typed):
            continue
        if column.str.len().mean() >= _LONG_TEXT:
            return name
    return None


def _first_named(
    frame: pd.DataFrame,
    wanted: Sequence[str],
    fits: Callable[[pd.Series], bool],
    skip: Sequence[str | None] = (),
) -> str | None:
    """Give the first column, by order of the names wanted, that is called so and fits; whole names before parts."""
    names = [str(name) for name in frame.columns if name not in skip]
    for word in wanted:
        whole = [name for name in names if name.strip().casefold() == word]
        parts = [name for name in names if name not in whole and len(word) > 1 and word in _words(name)]
        for name in whole + parts:
            if fits(frame[name]):
                return name
    return None


def _words(name: str) -> list[str]:
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word]


def _holds_image_paths(column: pd.Series) -> bool:
    if not isinstance(column.dtype, pd.StringDtype):
        return False
    sample = column.dropna().head(_ROWS_READ)
    return bool(len(sample)) and bool(sample.str.lower().str.endswith(tuple(IMAGE_SUFFIXES)).mean() > 0.9)
