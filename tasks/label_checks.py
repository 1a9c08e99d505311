"""The label column, judged at the door: present, classes and not numbers to predict, more than one, spelt one way.

What can't be used is an `InputError`; what should be known is a `Finding`. Labels stay as they are written.

Known failure: synonyms and typing errors (`automobile`, `atuomobile`) are two classes here; only white space, case,
Unicode forms and number spellings are seen through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import SHOWN_IDS, Finding, InputError

_FEW_VALUES = 20  # so many different numbers may always be classes: grades, digits, ratings
_FEW_ROWS = 10  # under so many rows, as many classes as rows prove nothing
_AT_ONCE = 262_144  # rows
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def labels_as_text(column: pd.Series, missing_labels: Sequence[str] = ("",)) -> pd.Series:
    """Give labels as text, NaN where missing.

    Parameters
    ----------
    column : Series
        Labels of any type.
    missing_labels : sequence of str
        Spellings that mean "no label"; blank cells always do.

    Returns
    -------
    Series of str
        As written; whole numbers without ``.0``, so that a null in an integer column changes nothing.

    Examples
    --------
    >>> labels_as_text(pd.Series([1.0, None, 2.0])).tolist()
    ['1', nan, '2']
    >>> labels_as_text(pd.Series(["NA", "", "b"], dtype="str")).tolist()
    ['NA', nan, 'b']
    """
    if pd.api.types.is_float_dtype(column.dtype):
        known = column.dropna()
        if np.isfinite(known).all() and (known == np.floor(known)).all() and (known.abs() < 2**53).all():
            column = column.astype("Int64")
    text = column.astype("str")
    codes, values = pd.factorize(text)
    blank = values.str.strip() == ""
    missing = np.append(blank | values.isin(list(missing_labels)), False)[codes]  # the last: missing already
    return text.mask(missing) if missing.any() else text


def sort_classes(labels: pd.Series) -> tuple[str, ...]:
    """List the distinct labels: by value where all are numbers (2 before 10), else by code point.

    >>> sort_classes(pd.Series(["10", "2", "2"]))
    ('2', '10')
    """
    found = sorted(labels.dropna().unique())
    if all(_NUMBER.fullmatch(name.strip()) for name in found):
        found = sorted(found, key=lambda name: (float(name), name))
    return tuple(str(name) for name in found)


def label_codes(labels: pd.Series, classes: Sequence[str]) -> NDArray[np.int64]:
    """Give each label's index into `classes`, −1 where it is missing; shape (n,).

    >>> label_codes(pd.Series(["b", None, "a"]), ("a", "b"))
    array([ 1, -1,  0])
    """
    numbers, present = pd.factorize(labels)  # before anything becomes an object a row
    codes, place = numbers.astype(np.int64, copy=False), np.append(pd.Index(classes).get_indexer(present), -1)
    for start in range(0, len(codes), _AT_ONCE):  # in place: of ten million labels, 80 MB less
        codes[start : start + _AT_ONCE] = place[codes[start : start + _AT_ONCE]]
    return codes


def check_labels(labels: pd.Series, ids: pd.Series, where: str) -> tuple[Finding, ...]:
    """Refuse labels that can't be classes, and tell what is odd about the others.

    Parameters
    ----------
    labels : Series of str
        NaN where missing.
    ids : Series of str
        Row-aligned.
    where : str
        Names the column and the file in messages.

    Raises
    ------
    InputError
        All missing, one class only, or numbers to predict.
    """
    known = labels.dropna()
    if known.empty:
        raise InputError(f"{where}: all {len(labels):,} labels are missing: name the column that holds them")
    counts = known.value_counts(sort=False).sort_index()
    if len(counts) == 1:
        raise InputError(f"{where}: every example is {counts.index[0]!r}: Burnish needs two classes or more")
    _refuse_numbers(counts, where)
    return tuple(
        finding
        for finding in (
            _find_missing(labels, ids),
            _find_spellings(labels, ids, counts),
            _find_rare(labels, ids, counts),
        )
        if finding is not None
    )


def _refuse_numbers(counts: pd.Series, where: str) -> None:
    rows, distinct = int(counts.sum()), len(counts)
    if rows < _FEW_ROWS:
        return
    values = [name.strip() for name in counts.index]
    if all(_NUMBER.fullmatch(value) for value in values):
        fractions = any(not float(value).is_integer() for value in values)
        alone = int((counts == 1).sum())
        if (distinct > _FEW_VALUES and (fractions or 2 * alone > distinct)) or 2 * distinct > rows:
            raise InputError(
                f"{where} looks like a number to predict ({distinct:,} different values in {rows:,} rows): Burnish "
                "works on classes, so name a column of classes, or put the numbers into bins"
            )
    elif 2 * distinct > rows:
        raise InputError(
            f"{where} looks like an id or free text ({distinct:,} different values in {rows:,} rows): name the column "
            "that holds the classes"
        )


def _find_missing(labels: pd.Series, ids: pd.Series) -> Finding | None:
    missing = labels.isna()
    if not missing.any():
        return None
    count = int(missing.sum())
    return Finding(
        code="labels.missing",
        title=f"{count:,} of {len(labels):,} examples have no label",
        severity="warning",
        explanation="They are kept, but nothing is learnt from them and no error is counted on them.",
        method="Blank cells, and the spellings under data.missing_labels.",
        advice="Label them, or leave them out.",
        count=count,
        ids=tuple(ids[missing].head(SHOWN_IDS)),
    )


def _find_spellings(labels: pd.Series, ids: pd.Series, counts: pd.Series) -> Finding | None:
    alike = pd.Series([_plain(name) for name in counts.index], index=counts.index)
    shared = alike[alike.duplicated(keep=False)]
    if shared.empty:
        return None
    groups = [list(names) for names in shared.groupby(shared, sort=True).groups.values()]
    shown = "; ".join(", ".join(f"{name!r} ({counts[name]:,})" for name in names) for names in groups[:5])
    # the rarer spellings are the ones to mend
    rarer = [name for names in groups for name in names if name != counts[names].idxmax()]
    touched = labels.isin(rarer)
    return Finding(
        code="labels.spelling",
        title=f"{len(shared)} labels are likely {len(groups)} class{'es' if len(groups) > 1 else ''}: {shown}",
        severity="warning",
        explanation="One class under two names is learnt as two classes that can't be told apart.",
        method="Labels equal but for white space, case, Unicode form or the way a number is written.",
        advice="Write them one way in the data, if they are one class.",
        count=int(touched.sum()),
        ids=tuple(ids[touched].head(SHOWN_IDS)),
    )


def _plain(label: str) -> str:
    bare = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
    return str(float(bare)) if _NUMBER.fullmatch(bare) else bare


def _find_rare(labels: pd.Series, ids: pd.Series, counts: pd.Series) -> Finding | None:
    alone = counts.index[counts == 1]
    if not len(alone):
        return None
    shown = ", ".join(repr(name) for name in alone[:5]) + (", …" if len(alone) > 5 else "")
    return Finding(
        code="labels.rare",
        title=f"{len(alone)} class{'es have' if len(alone) > 1 else ' has'} one example only: {shown}",
        severity="warning",
        explanation="One example can't be both learnt from and measured on, nor compared with its like.",
        method="Labels counted over the whole dataset.",
        advice="Collect more of them, merge the class with another, or correct the label.",
        count=len(alone),
        ids=tuple(ids[labels.isin(alone)].head(SHOWN_IDS)),
    )
