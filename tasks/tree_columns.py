"""Columns of a table → cells as trees read them: numbers as they are, categories as codes, missing cells as missing.

What the training rows teach (quantiles of long columns, which levels there are) is frozen, so that dev, test and the
next batch are read in the same way. Of a category with more than 255 levels the most common keep a code of their own,
and a second column tells how common the level is. Of a number with more than 255 values the histograms keep the
quantile, which is reckoned here once for all folds.

Known failure: a level first met after training is missing, whatever it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.column_features import as_levels, as_numbers
from burnish.tasks.features import check_columns, column_kind
from burnish.tasks.findings import InputError

LEVELS = 255  # codes the histograms can tell apart


@dataclass(frozen=True)
class TreeColumn:
    """How one column is read.

    Attributes
    ----------
    name : str
    kind : str
        ``"number"``, ``"boolean"``, ``"date"`` or ``"category"``.
    bounds : tuple of float
        Of a number with more than 255 values, what divides its quantiles; else empty.
    levels : tuple of str
        Of a category, its levels, the most common first.
    counts : tuple of int
        Training rows of each level, where there are too many for a code each; else empty.
    """

    name: str
    kind: str
    bounds: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of cells that are made of it."""
        return (self.name, f"{self.name} how common") if self.counts else (self.name,)

    def transform(self, column: pd.Series) -> NDArray[np.float64]:
        """Turn the column (n) into cells (n, 1 or 2)."""
        if self.kind != "category":
            values = as_numbers(column, self.kind)
            if self.bounds:
                values = np.where(np.isnan(values), np.nan, np.searchsorted(self.bounds, values, side="right"))
            return values[:, None]
        text = as_levels(column)
        codes = pd.Index(self.levels, dtype=text.dtype).get_indexer(text).astype(float)
        codes[codes < 0] = np.nan
        if not self.counts:
            return codes[:, None]
        common = np.log1p(text.map(dict(zip(self.levels, self.counts, strict=True))).fillna(0).to_numpy(dtype=float))
        return np.stack([np.minimum(codes, LEVELS - 1), np.where(text.isna(), np.nan, common)], axis=1)


@dataclass(frozen=True)
class TreeEncoder:
    """Frozen reading of a table for trees: frame → cells.

    Attributes
    ----------
    plans : tuple of TreeColumn
    """

    kind: ClassVar[str] = "trees"
    plans: tuple[TreeColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of cells."""
        return tuple(name for plan in self.plans for name in plan.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
        return tuple(plan.name for plan in self.plans)

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Tell the columns of cells that hold codes, bool (d,)."""
        flags = [[plan.kind == "category", False][: len(plan.names)] for plan in self.plans]
        return np.array([flag for each in flags for flag in each], dtype=bool)

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Turn rows into cells float64 (n, d), NaN where missing or of a level that was not learnt.

        Raises
        ------
        InputError
            Where a column is absent, or one of numbers or dates now holds something else.
        """
        check_columns(frame, self.columns)
        return np.concatenate([plan.transform(frame[plan.name]) for plan in self.plans], axis=1)

    def to_dict(self) -> dict[str, Any]:
        """Give what was learnt as plain values for JSON."""
        return {"plans": [asdict(plan) for plan in self.plans]}

    def tensors(self) -> dict[str, Tensor]:
        """Give nothing: all of it is plain."""
        return {}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> TreeEncoder:  # noqa: ARG003
        """Make the encoder from what `to_dict` gave."""
        several = ("bounds", "levels", "counts")
        return cls(tuple(TreeColumn(**each | {key: tuple(each[key]) for key in several}) for each in plain["plans"]))


def fit_tree_encoder(frame: pd.DataFrame, columns: Sequence[str], learnt: NDArray[np.bool_]) -> TreeEncoder:
    """Learn quantiles and levels.

    Parameters
    ----------
    frame : DataFrame of n rows
    columns : sequence of str
        Those to learn from.
    learnt : bool (n,)
        Rows that teach.

    Returns
    -------
    TreeEncoder

    Raises
    ------
    InputError
        Where a column is absent or there is none.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [20.0, None, 40.0], "town": ["York", "Hull", "York"]})
    >>> encoder = fit_tree_encoder(frame, ["age", "town"], np.ones(3, bool))
    >>> encoder.names, encoder.transform(frame).tolist(), encoder.categorical.tolist()
    (('age', 'town'), [[20.0, 0.0], [nan, 1.0], [40.0, 0.0]], [False, True])
    """
    check_columns(frame, columns)
    if not len(columns):
        raise InputError("there is no column to learn from: give data.features, or choose a network as the model")
    return TreeEncoder(tuple(_fit_column(frame[name], learnt) for name in columns))


def _fit_column(column: pd.Series, learnt: NDArray[np.bool_]) -> TreeColumn:
    name, kind = str(column.name), column_kind(column)
    if kind != "category":
        values = as_numbers(column, kind)
        return TreeColumn(name, kind, bounds=_bounds(values[learnt & ~np.isnan(values)]))
    counts = as_levels(column)[learnt].value_counts()
    counts = counts.iloc[np.lexsort((counts.index.to_numpy(dtype=object), -counts.to_numpy()))]
    many = len(counts) > LEVELS
    levels = tuple(str(level) for level in counts.index)
    return TreeColumn(name, kind, levels=levels, counts=tuple(int(count) for count in counts) if many else ())


def _bounds(values: NDArray[np.float64]) -> tuple[float, ...]:
    if len(np.unique(values)) <= LEVELS:
        return ()
    return tuple(np.unique(np.quantile(values, np.linspace(0, 1, LEVELS + 1)[1:-1])).tolist())
