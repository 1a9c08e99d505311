"""Examples → feature vectors, by what the training rows teach: tables here and the user's own embeddings.

Each column's own treatment is in `column_features`, text is in `text_features`, images are in `encoders`. Every encoder
is frozen once fitted, applied unchanged to dev, test and the next batch, and can be written to JSON and safetensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.column_features import LEVELS, CategoryColumn, NumberColumn, fit_category, fit_number
from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean
from burnish.tasks.text_features import TextEncoder, fit_text_encoder


@dataclass(frozen=True)
class TableEncoder:
    """Frozen table preprocessing: frame → features.

    Attributes
    ----------
    numbers, categories : tuple
        The columns, each with what the training rows taught.
    text : TextEncoder or None
        Of the text column.
    strengths : dict of str to float
        What the features of a column are multiplied by; 1 where it is not named.
    """

    kind: ClassVar[str] = "table"
    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    text: TextEncoder | None = None
    strengths: dict[str, float] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        made = [name for column in self._plans for name in column.names]
        return (*made, *(self.text.names if self.text else ()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are read."""
        made = tuple(column.name for column in self._plans)
        return (*made, self.text.column) if self.text else made

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Where the features of each column of categories begin and end, of those that have two features or more."""
        ends = np.cumsum([len(column.names) for column in self._plans], dtype=int)[len(self.numbers) :].tolist()
        sizes = [len(column.names) for column in self.categories]
        return tuple((end - size, end) for end, size in zip(ends, sizes, strict=True) if size > 1)

    @property
    def _plans(self) -> tuple[NumberColumn | CategoryColumn, ...]:
        return (*self.numbers, *self.categories)

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Turn rows into features float32 (n, d), finite.

        Columns that were not learnt from are passed over.

        Raises
        ------
        InputError
            Where a column is absent, or one of numbers or dates now holds something else.
        """
        check_columns(frame, self.columns)
        parts = [self._weigh(column.name, column.transform(frame[column.name])) for column in self._plans]
        if self.text:
            parts.append(self._weigh(self.text.column, self.text.transform(frame[self.text.column])))
        return np.concatenate(parts, axis=1) if parts else np.empty((len(frame), 0), np.float32)

    def _weigh(self, name: str, made: NDArray[np.float32]) -> NDArray[np.float32]:
        strength = self.strengths.get(name, 1.0)
        return made if strength == 1 else made * np.float32(strength)

    def to_dict(self) -> dict[str, Any]:
        """Give what was learnt as plain values for JSON; `tensors` holds the rest."""
        return {
            "numbers": [asdict(column) for column in self.numbers],
            "categories": [asdict(column) for column in self.categories],
            "text": self.text.to_dict() if self.text else None,
            "strengths": self.strengths,
        }

    def tensors(self) -> dict[str, Tensor]:
        """Give the arrays of the text column, for safetensors."""
        return self.text.tensors() if self.text else {}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> TableEncoder:
        """Make the encoder from what `to_dict` and `tensors` gave."""
        numbers = tuple(NumberColumn(**each | {"knots": tuple(each["knots"])}) for each in plain["numbers"])
        categories = tuple(CategoryColumn(**each | {"levels": tuple(each["levels"])}) for each in plain["categories"])
        text = TextEncoder.from_dict(plain["text"], tensors) if plain["text"] else None
        return cls(numbers, categories, text, plain.get("strengths", {}))


@dataclass(frozen=True)
class ArrayEncoder:
    """Embeddings of the user's own: centred and divided by one number, so that their angles and ratios stay.

    Attributes
    ----------
    mean : float32 (d,)
    spread : float
    """

    kind: ClassVar[str] = "array"
    mean: NDArray[np.float32]
    spread: float

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(f"embedding {i}" for i in range(len(self.mean)))

    def transform(self, rows: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Turn embeddings (n, d) into features float32 (n, d).

        Raises
        ------
        InputError
            On another width, or numbers that are not finite.
        """
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise InputError(f"embeddings have shape {rows.shape}: this model reads rows of width {len(self.mean)}")
        _check_finite(rows)
        return ((rows - self.mean) / self.spread).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Give the divisor for JSON."""
        return {"spread": self.spread}

    def tensors(self) -> dict[str, Tensor]:
        """Give the mean for safetensors."""
        return {"mean": torch.from_numpy(self.mean)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> ArrayEncoder:
        """Make the encoder from what `to_dict` and `tensors` gave."""
        return cls(tensors["mean"].numpy(), plain["spread"])


def fit_array_encoder(train: NDArray[np.floating[Any]]) -> ArrayEncoder:
    """Learn centre and spread of the training rows (n, d).

    Raises
    ------
    InputError
        Where numbers are not finite.

    Examples
    --------
    >>> fit_array_encoder(np.array([[0.0, 2.0], [2.0, 2.0]])).transform(np.array([[3.0, 2.0]])).tolist()
    [[2.828427..., 0.0]]
    """
    _check_finite(train)
    mean = train.mean(axis=0).astype(np.float32)
    spread = float(np.sqrt(np.square(train - mean).mean()))
    return ArrayEncoder(mean, spread if spread > 0 else 1.0)


def fit_table_encoder(
    train: pd.DataFrame,
    *,
    learn_from: Sequence[str],
    text: str | None = None,
    strengths: Mapping[str, float] | None = None,
    levels: int = LEVELS,
    seed: int = 0,
) -> TableEncoder:
    """Learn medians, μ, σ, quantiles, levels and words from training rows.

    Parameters
    ----------
    train : DataFrame
        Training rows only. Numbers, booleans and dates by their dtype; everything else is a category.
    learn_from : sequence of str
        Columns to learn from. Constant and empty ones make no feature.
    text : str, optional
        A column of text.
    strengths : mapping of str to float, optional
        What the features of a column are multiplied by; a column of strength 0 is left out.
    levels : int
        Most levels of a category that get a feature each.
    seed : int
        Seed of the reduction of the text features.

    Returns
    -------
    TableEncoder

    Raises
    ------
    InputError
        Where a column is absent or nothing is left to learn from.

    Examples
    --------
    >>> train = pd.DataFrame({"age": [20.0, 40.0, None], "town": ["York", "York", "York"]})
    >>> encoder = fit_table_encoder(train, learn_from=["age", "town"])
    >>> encoder.names
    ('age', 'age missing')
    >>> encoder.transform(train).round(2).tolist()
    [[-1.22..., 0.0], [1.22..., 0.0], [0.0, 1.0]]
    """
    check_columns(train, (*learn_from, *([text] if text else [])))
    numbers: list[NumberColumn] = []
    categories: list[CategoryColumn] = []
    strengths = {name: float(value) for name, value in (strengths or {}).items()}
    text = text if text is None or strengths.get(text, 1.0) > 0 else None
    for name in learn_from:
        if strengths.get(name, 1.0) == 0:
            continue
        column = train[name]
        if column.nunique(dropna=False) < 2:
            continue
        kind = column_kind(column)
        if kind == "category":
            categories.append(fit_category(column, most=levels))
        else:
            numbers.append(fit_number(column, kind))
    encoder = TableEncoder(
        tuple(numbers), tuple(categories), fit_text_encoder(train[text], seed=seed) if text else None, strengths
    )
    if not encoder.names:
        raise InputError(
            "every column to learn from is empty or constant in the training rows: give data.features others"
        )
    return encoder


def check_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    InputError
        Naming the absent columns and the nearest that are there.
    """
    absent = [name for name in wanted if name not in frame.columns]
    if not absent:
        return
    hint = did_you_mean(absent[0], frame.columns)
    shown = ", ".join(map(repr, absent[:5])) + (", ..." if len(absent) > 5 else "")
    raise InputError(f"the table has no column {shown}, which the model learns from{hint and ', ' + hint}")


def column_kind(column: pd.Series) -> str:
    """Tell by its dtype how a column is read: ``"number"``, ``"boolean"``, ``"date"`` or ``"category"``."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "number"
    return "date" if pd.api.types.is_datetime64_any_dtype(column.dtype) else "category"


def _check_finite(rows: NDArray[np.floating[Any]]) -> None:
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise InputError(
            f"embeddings hold NaN or infinity in {int(bad.sum())} rows, the first is row {int(bad.argmax())}"
        )
