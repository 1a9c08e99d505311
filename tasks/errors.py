"""The error-category table: what the misclassified examples have in common, and what solving each category can bring.

Looking at the misclassified dev examples and counting what they have in common is the quickest way to find out where
work pays: a category with 5% of the errors cannot bring more than those 5%, whatever is done about it. Categories
overlap (an image may be blurry and mislabelled), so their counts add up to more than the errors.

Source: Ng, Machine Learning Yearning, chapters 14-19 ("error analysis"); the ceiling is (errors − count) / total.
Known failure: a category is an association. Of a share q of blurry images, about q of the errors are blurry by chance.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.metrics import rate
from burnish.tasks.slices import holm, worse_than_rest

FLAGS = {
    "label_issue": "mislabelled",
    "blurry": "blurry",
    "dark": "dark",
    "bright": "bright",
    "blank": "blank",
    "odd_size": "odd size",
    "odd_aspect": "odd aspect",
    "outlier": "outlier",
}
UNEXPLAINED = "unexplained"
TYPES = {"category": "str", "count": "int64"} | dict.fromkeys(
    ("share_of_errors", "error_now", "error_if_solved", "low", "high"), "float64"
)
OF_THE_EXAMPLE = frozenset({*FLAGS.values(), "missing values"} - {"mislabelled"})
ENOUGH, MOST, LEVEL = 20, 0.5, 0.05
RARE = 0.25
CLOSE = 0.2


def categorise(table: pd.DataFrame, attributes: pd.DataFrame | None = None) -> list[list[str]]:
    """Name what may explain each misclassified example; [] where the prediction is right or there is none.

    Parameters
    ----------
    table : DataFrame
        The whole examples table with `correct`; every other column is used where it is there. Training rows tell
        which classes are rare, dev rows which sources are worse.
    attributes : DataFrame, optional
        Row-aligned with `table`, for the category "missing values".

    Returns
    -------
    list of list of str
        A list a row of `table`; "unexplained" where nothing applies.

    Notes
    -----
    *rare class*: the training rows hold less than a quarter of an even share of the class. *source: x*: dev rows of
    source x have significantly more errors than the other dev rows (Fisher, Holm, 5%). *low confidence*: the margin
    between the two likeliest classes is below 0.2. *duplicate with another label*: an exact or near duplicate of the
    example has another given label. A property of the example that most of 20 or more dev rows have (all are "outlier"
    where dev comes from elsewhere) tells no error from another and is left out; so is one that 20 or more of them have
    without more errors than the others (Fisher, 5%).

    >>> frame = pd.DataFrame({"correct": [False, False, True], "label_issue": [True, False, True]})
    >>> categorise(frame)
    [['mislabelled'], ['unexplained'], []]
    """
    wrong = misclassified(table)
    judged = table["split"].eq("dev").to_numpy(dtype=bool) if "split" in table else np.ones(len(table), dtype=bool)
    rows: list[list[str]] = [[] for _ in range(len(table))]
    for name, members in categories(table, attributes):
        if name in OF_THE_EXAMPLE and judged.sum() >= ENOUGH and tells_nothing(members[judged], wrong[judged]):
            continue
        for row in np.flatnonzero(members & wrong):
            rows[row].append(name)
    for row in np.flatnonzero(wrong):
        rows[row] = rows[row] or [UNEXPLAINED]
    return rows


def tells_nothing(members: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> bool:
    """Tell whether most of the rows judged are members, or enough are without more errors than the others.

    >>> members, wrong = np.arange(100) < 40, np.arange(100) % 4 == 0
    >>> tells_nothing(members, wrong), tells_nothing(members, members & wrong)
    (True, False)
    """
    common = members.sum() >= ENOUGH and not members.all()
    return bool(members.mean() > MOST or (common and worse_than_rest(members[None], wrong)[0] > LEVEL))


def misclassified(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the rows whose prediction is known to be wrong, bool (n,)."""
    return table["correct"].eq(False).fillna(False).to_numpy(dtype=bool)


def categories(table: pd.DataFrame, attributes: pd.DataFrame | None) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give each category that the columns of the table allow: its name and its members, bool (n,)."""
    for column, name in FLAGS.items():
        if column in table:
            yield name, table[column].eq(True).fillna(False).to_numpy(dtype=bool)
    if {"id", "label", "duplicate_of"} <= set(table):
        yield "duplicate with another label", has_conflicting_duplicate(table)
    if {"label", "split"} <= set(table):
        yield "rare class", in_rare_class(table)
    if {"source", "split"} <= set(table):
        yield from worse_sources(table)
    if "margin" in table:
        yield "low confidence", table["margin"].lt(CLOSE).fillna(False).to_numpy(dtype=bool)
    if attributes is not None and attributes.shape[1]:
        yield "missing values", attributes.isna().any(axis=1).to_numpy(dtype=bool)


def has_conflicting_duplicate(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the rows with an exact or near duplicate of another given label, bool (n,)."""
    first = table["duplicate_of"].astype(object).where(table["duplicate_of"].notna(), table["id"].astype(object))
    labels = table["label"].groupby(first.to_numpy()).transform("nunique")
    return labels.gt(1).to_numpy(dtype=bool)


def in_rare_class(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the rows of classes with less than a quarter of an even share of the training rows, bool (n,)."""
    shares = table.loc[table["split"].eq("train"), "label"].value_counts(normalize=True)
    even = 1 / max(table["label"].nunique(), 1)
    share = table["label"].map(shares).astype(np.float64).fillna(0.0)
    return (share.lt(RARE * even) & table["label"].notna()).to_numpy(dtype=bool)


def worse_sources(table: pd.DataFrame, level: float = LEVEL) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Give the sources whose dev rows have significantly more errors than the other dev rows."""
    judged = (table["split"].eq("dev") & table["correct"].notna()).to_numpy(dtype=bool)
    names = sorted(table.loc[judged, "source"].dropna().unique())
    if len(names) < 2:
        return
    parts = np.stack([table["source"].eq(name).fillna(False).to_numpy(dtype=bool) for name in names])
    p_values = holm(worse_than_rest(parts[:, judged], misclassified(table)[judged]))
    for name, part, p_value in zip(names, parts, p_values, strict=True):
        if p_value <= level:
            yield f"source: {name}", part


def error_table(categories: list[list[str]], wrong: NDArray[np.bool_], total: int | None = None) -> pd.DataFrame:
    """Count the errors a category and give the error left if that category were solved.

    Parameters
    ----------
    categories : list of list of str
        A list a row, as `categorise` gives them (for the dev rows alone, to judge on dev).
    wrong : bool (n,)
        True where the prediction is wrong; categories of other rows are not counted.
    total : int, optional
        How many examples were judged; default n.

    Returns
    -------
    DataFrame
        `category, count, share_of_errors, error_now, error_if_solved, low, high`, largest count first; `low` and
        `high` are the 95% Wilson interval of `error_if_solved`.

    >>> error_table([["blurry"], ["blurry", "dark"], []], np.array([True, True, False]), 10).iloc[:, :5]
      category  count  share_of_errors  error_now  error_if_solved
    0   blurry      2              1.0        0.2              0.0
    1     dark      1              0.5        0.2              0.1
    """
    mask = np.asarray(wrong, dtype=bool)
    total = mask.size if total is None else total
    errors = int(mask.sum())
    names = [name for row in np.flatnonzero(mask) for name in dict.fromkeys(categories[row])]
    counts = sorted(pd.Series(names, dtype=object).value_counts().items(), key=lambda pair: (-pair[1], pair[0]))
    rows = []
    for name, count in counts:
        left = rate(errors - count, total)
        rows.append((name, int(count), count / errors, errors / total, left.value, left.low, left.high))
    return pd.DataFrame(rows, columns=list(TYPES)).astype(TYPES)
