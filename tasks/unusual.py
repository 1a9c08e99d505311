"""Which columns make a row unusual: the fewest that, set to what the others predict, would make it ordinary.

Why: "row 17 is odd" sends a person through all its cells; "row 17: age, marital status" sends them to two.

How: a pair of values that hardly ever meet is named as such (`rare_pairs.py`). For all else, the squared robust
Mahalanobis distance falls by qᵀ P⁻¹ q when a column's features are set to their mean given all the others, with P
their block of the precision matrix and q the row of (x − μ)·precision that belongs to them. Where some columns would
do alone, these are named (two that contradict each other are both named, as either may be wrong); else one after the
other, the largest fall first, until the row is as near as 97.5% of the training rows.

Sources: conditional means of a normal, any textbook; explaining a distance column by column, Debruyne et al. (2019),
"Outlyingness: Which variables contribute most?".

Known failures: what only a curved relation forbids is named as if relations were straight; with more than 512 features,
each column is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.column_features import CategoryColumn, NumberColumn
from burnish.tasks.encoded_rows import EncodedRows
from burnish.tasks.features import TableEncoder
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.multivariate import (
    FEWEST_ROWS,
    MOST_ROWS,
    OUTLIER_ABOVE,
    Rows,
    central_covariance,
    fit_scaling,
    score_outliers,
)
from burnish.tasks.rare_pairs import find_rare_pairs
from burnish.tasks.streams import stream
from burnish.tasks.summary import plain

MOST_NAMED = 3
MOST_FEATURES = 512
ORDINARY = 0.975
NEARLY = 0.5  # of the largest fall: what another column that would do alone must reach to be named beside it
ROWS = 2_048

Floats = NDArray[np.float64]


def name_unusual_columns(
    features: Rows,
    columns: Sequence[str],
    unusual: NDArray[np.bool_],
    train_mask: NDArray[np.bool_] | None = None,
    *,
    seed: int = 0,
) -> NDArray[np.object_]:
    """Name the columns that make each unusual row unusual.

    Parameters
    ----------
    features : float32 (n, d)
        Finite.
    columns : sequence of str, length d
        The column that each feature was made of.
    unusual : bool (n,)
        The rows asked about.
    train_mask : bool (n,), optional
        The rows to learn from; all where not given.
    seed : int

    Returns
    -------
    n tuples of str
        One to three names, the most telling first; none for a row that is not unusual, or where fewer than 20 rows
        are there to learn from.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> height = rng.normal(size=(500, 1))
    >>> rows = np.hstack([height, height + 0.2 * rng.normal(size=(500, 1)), rng.normal(size=(500, 1))])
    >>> rows[7] = [-1.5, 1.5, 0.3]
    >>> unusual = np.arange(500) == 7
    >>> sorted(name_unusual_columns(rows, ["height", "weight", "income"], unusual)[7])
    ['height', 'weight']
    """
    named = _no_names(len(features))
    asked = np.flatnonzero(unusual)
    learnt_from = np.arange(len(features)) if train_mask is None else np.flatnonzero(train_mask)
    if len(learnt_from) > MOST_ROWS:
        learnt_from = np.sort(stream(seed, "unusual rows").choice(learnt_from, MOST_ROWS, replace=False))
    if len(learnt_from) < FEWEST_ROWS or not len(asked) or not len(columns):
        return named
    law = _Law(features, learnt_from, columns)
    for start in range(0, len(asked), ROWS):
        part = asked[start : start + ROWS]
        for row, places in zip(part.tolist(), law.explain(features[part]).tolist(), strict=True):
            named[row] = tuple(law.names[place] for place in places if place >= 0)
    return named


def _no_names(count: int) -> NDArray[np.object_]:
    names = np.empty(count, dtype=object)
    names.fill(())  # one empty tuple for all
    return names


@dataclass(frozen=True)
class Unusual:
    """How unusual rows are, and why.

    Attributes
    ----------
    score : float64 (n,)
        The probability that a row is an outlier, 0 to 1.
    columns : n tuples of str
        The columns that make it one; none for a row that is none, and where features are of no columns.
    """

    score: Floats
    columns: NDArray[np.object_]


def find_unusual(
    features: Rows,
    train_mask: NDArray[np.bool_],
    *,
    encoder: TableEncoder | None = None,
    attributes: pd.DataFrame | None = None,
    treat: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    seed: int = 0,
) -> Unusual:
    """Score rows by their features, and where they are rows of a table by their pairs of values; name the columns.

    Parameters
    ----------
    features : float32 (n, d), or what gives its rows when asked (`encoded_rows.py`)
    train_mask : bool (n,)
        The rows to learn from.
    encoder : TableEncoder, optional
        What made the features of a table.
    attributes : DataFrame of n rows, optional
        What it made them of.
    treat : callable, optional
        What replaces extremes in rows of `attributes` before they are encoded, where that is not done yet.
    seed : int

    Returns
    -------
    Unusual
    """
    if encoder is None or attributes is None:
        score = score_outliers(features, train_mask, seed=seed)
        return Unusual(score, _no_names(len(score)))
    features, made_of = _plain_numbers(features, encoder, attributes, treat)
    score = score_outliers(features, train_mask, seed=seed)
    names = [*(column.name for column in encoder.numbers), *(column.name for column in encoder.categories)]
    pairs = find_rare_pairs(attributes, names, train_mask)
    paired = (pairs.probability > OUTLIER_ABOVE) & (pairs.probability >= score)
    named = {row: pairs.names(row) for row in np.flatnonzero(paired).tolist()}
    alone = (score > OUTLIER_ABOVE) & ~paired
    np.maximum(score, pairs.probability, out=score)
    del pairs  # of ten million rows, 100 MB
    columns = name_unusual_columns(features, made_of, alone, train_mask, seed=seed)
    for row, names_of_row in named.items():
        columns[row] = names_of_row
    return Unusual(score, columns)


def _plain_numbers(
    features: Rows,
    encoder: TableEncoder,
    attributes: pd.DataFrame,
    treat: Callable[[pd.DataFrame], pd.DataFrame] | None,
) -> tuple[Rows, list[str]]:
    """Give one feature a column of numbers, and the column's name; all features where there are fewer than two.

    Bins bend straight relations and levels of categories are many: in both, distances drown what breaks a relation.
    """
    plain = [each for each in encoder.numbers if each.kind != "boolean"]
    if len(plain) < 2:
        return features, columns_of(encoder)

    def encode(rows: pd.DataFrame) -> NDArray[np.float32]:
        treated = rows if treat is None else treat(rows)
        return np.stack([each.standardized(treated[each.name]) for each in plain], axis=1)

    return EncodedRows(attributes, encode, len(plain)), [each.name for each in plain]


def columns_of(encoder: TableEncoder) -> list[str]:
    """Give the column that each feature of a table was made of."""
    plans: tuple[NumberColumn | CategoryColumn, ...] = (*encoder.numbers, *encoder.categories)
    made = [column.name for column in plans for _ in column.names]
    return made + ([encoder.text.column] * len(encoder.text.names) if encoder.text else [])


def unusual_facts(table: pd.DataFrame, attributes: pd.DataFrame) -> dict[str, Any]:
    """Give the unusual rows as their part of `summary.json`.

    Parameters
    ----------
    table : DataFrame of n rows
        With `id, split, outlier_score, outlier, outlier_columns`.
    attributes : DataFrame of n rows
        As given; the values of the columns that are named.

    Returns
    -------
    dict
        unusual_rows, unusual_share, and `unusual`: the 20 most unusual, each with id, split, score and its columns
        with their values.
    """
    flagged = table["outlier"].to_numpy(dtype=bool)
    worst = table[flagged].sort_values("outlier_score", ascending=False, kind="stable").head(SHOWN_IDS)
    rows = [
        {"id": row.id, "split": row.split, "score": float(row.outlier_score)}
        | {"columns": [{"column": name, "value": attributes[name].loc[row.Index]} for name in row.outlier_columns]}
        for row in worst.itertuples()
    ]
    return {"unusual_rows": int(flagged.sum()), "unusual_share": float(flagged.mean()), "unusual": plain(rows)}


def unusual_findings(table: pd.DataFrame) -> tuple[Finding, ...]:
    """Say that there are unusual rows, the most unusual first; nothing where there are none."""
    worst = table[table["outlier"].to_numpy(dtype=bool)].sort_values("outlier_score", ascending=False, kind="stable")
    if worst.empty:
        return ()
    many = len(worst) != 1
    return (
        Finding(
            code="outliers.unusual",
            title=f"{len(worst):,} examples are unusual as a whole" if many else "1 example is unusual as a whole",
            severity="info",
            explanation="Values that are ordinary one by one and seldom seen together: a slip, or a case the model "
            "has hardly met.",
            method="Isolation forest, distance to the nearest training rows and robust Mahalanobis distance together, "
            "and pairs of values that hardly ever meet; above one half.",
            advice="Look at the columns named in the section Outliers and in `outlier_columns` of examples.parquet.",
            count=len(worst),
            ids=tuple(worst["id"].head(SHOWN_IDS)),
        ),
    )


class _Law:
    """How the training rows' columns depend on one another.

    Attributes
    ----------
    names : list of str
        The distinct columns.
    """

    def __init__(self, features: Rows, rows: NDArray[np.int64], columns: Sequence[str]) -> None:
        codes, names = pd.factorize(np.asarray(columns, dtype=object))
        self.names = [str(name) for name in names]
        self._members = [np.flatnonzero(codes == code) for code in range(len(names))]
        given = features[rows]
        self._scaling = fit_scaling(given)
        sample = self._scaling.apply(given).astype(np.float64)
        if sample.shape[1] <= MOST_FEATURES:
            self._middle, self._precision = central_covariance(sample)
        else:
            self._middle, self._precision = np.median(sample, axis=0), np.ones(sample.shape[1])
        self._inverses = [np.linalg.inv(self._precision[np.ix_(own, own)]) for own in self._blocks()]
        centred = sample - self._middle
        self._ordinary = float(np.quantile((centred * self._pull(centred)).sum(axis=1), ORDINARY))

    def _blocks(self) -> list[NDArray[np.int64]]:
        return self._members if self._precision.ndim == 2 else []

    def _pull(self, centred: Floats) -> Floats:
        return centred @ self._precision if self._precision.ndim == 2 else centred * self._precision

    def explain(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Give the places of up to three names for each row, (m, 3), −1 for none."""
        centred = self._scaling.apply(rows).astype(np.float64) - self._middle
        distance, falls = self._falls(centred)
        enough = (distance[:, None] - falls <= self._ordinary) & (falls >= NEARLY * falls.max(axis=1, keepdims=True))
        alone = np.argsort(np.where(enough, -falls, np.inf), axis=1, kind="stable")[:, :MOST_NAMED]
        alone = np.where(np.take_along_axis(enough, alone, axis=1), alone, -1)
        alone = np.pad(alone, ((0, 0), (0, MOST_NAMED - alone.shape[1])), constant_values=-1)
        many = np.flatnonzero(~enough.any(axis=1))
        alone[many] = self._one_after_the_other(centred[many])
        return alone

    def _one_after_the_other(self, centred: Floats) -> NDArray[np.int64]:
        chosen = np.full((len(centred), MOST_NAMED), -1)
        used = np.zeros((len(centred), len(self.names)), dtype=bool)
        for step in range(min(MOST_NAMED, len(self.names))):
            distance, falls = self._falls(centred)
            best = np.where(used, -np.inf, falls).argmax(axis=1)
            going = distance > self._ordinary if step else np.ones(len(centred), dtype=bool)
            chosen[going, step] = best[going]
            used[np.arange(len(used)), best] = True
            centred = self._settle(centred, best)
        return chosen

    def _falls(self, centred: Floats) -> tuple[Floats, Floats]:
        """Give each row's squared distance, (m,), and how far it falls beyond chance with each column, (m, columns)."""
        pull = self._pull(centred)
        if self._precision.ndim == 1:
            falls = [(pull[:, own] ** 2).sum(axis=1) for own in self._members]
        else:
            pairs = zip(self._members, self._inverses, strict=True)
            falls = [np.einsum("ij,jk,ik->i", pull[:, own], inverse, pull[:, own]) for own, inverse in pairs]
        sizes = np.array([len(own) for own in self._members])
        return (centred * pull).sum(axis=1), np.column_stack(falls) - sizes + 1

    def _settle(self, centred: Floats, best: NDArray[np.int64]) -> Floats:
        """Set the best column of each row to its mean given the others."""
        settled, pull = centred.copy(), self._pull(centred)
        for place in np.unique(best):
            own, rows = self._members[place], np.flatnonzero(best == place)
            step = pull[np.ix_(rows, own)]
            settled[np.ix_(rows, own)] -= step @ self._inverses[place] if self._inverses else step
        return settled
