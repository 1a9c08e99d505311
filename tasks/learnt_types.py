"""The cells of new data → what their column held when the model learnt, each cell by itself.

`text_types` looks for the type that the cells of a column agree on; here it is known. So a cell is read the same way
alone, in a part of a file and in the whole: by the notation that was learnt, plainly where none was. What cannot be
read is missing, and counted; words for a missing cell (`placeholders`) are not.

Known failure: the words that stood among the numbers or dates of the run are not kept, so they are counted again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from burnish.tasks.column_types import MISSING, Notation, drop_infinities, infer_types, is_text
from burnish.tasks.features import column_kind
from burnish.tasks.placeholders import names_of_nothing
from burnish.tasks.text_types import plain_numbers, to_cells
from burnish.tasks.written_dates import ISO, LIKE_A_DATE, DateNotation
from burnish.tasks.written_numbers import NumberNotation

EXAMPLES = 2
PLAIN_DATES = DateNotation((ISO, "%Y-%m-%d"))
TRUTHS = {"true": True, "yes": True, "1": True, "1.0": True, "false": False, "no": False, "0": False, "0.0": False}


@dataclass(frozen=True)
class ReadCells:
    """The cells of a column, read.

    Attributes
    ----------
    typed : Series
        Missing where a cell is, or cannot be read.
    there, unreadable : int
        Cells that hold something, and those of them that cannot be read.
    examples : tuple of str
        The first of these.
    """

    typed: pd.Series
    there: int
    unreadable: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class LearntType:
    """What a column held in the data of the run.

    Attributes
    ----------
    kind : str
        ``"number"``, ``"boolean"`` or ``"date"``.
    notation : NumberNotation or DateNotation or None
        How it was written, where not plainly.
    """

    kind: str
    notation: Notation | None = None

    def read(self, column: pd.Series) -> ReadCells:
        """Read the cells of a column of any type.

        Examples
        --------
        >>> read = LearntType("number").read(pd.Series(["12", "n/a", "1,5", None], dtype="str"))
        >>> read.typed.tolist(), read.there, read.unreadable, read.examples
        ([12, <NA>, <NA>, <NA>], 2, 1, ('1,5',))
        """
        if not is_text(column):
            typed = infer_types(column.to_frame()).iloc[:, 0]
            if column_kind(typed) == self.kind:
                return ReadCells(typed, int(typed.notna().sum()))
        return self._read_text(column.astype("str"))

    def words(self) -> str:
        """Say what cells are to be.

        Examples
        --------
        >>> LearntType("date").words(), LearntType("number", NumberNotation(",", ".")).words()
        ('dates (year-month-day)', 'numbers (a point between thousands, a decimal comma)')
        """
        if self.kind == "boolean":
            return "true and false, or yes and no"
        if self.kind == "date":
            return f"dates ({(self.notation or DateNotation((ISO,))).words()})"
        notation = self.notation or NumberNotation()
        return "numbers" if notation == NumberNotation() else f"numbers ({notation.words()})"

    def _read_text(self, column: pd.Series) -> ReadCells:
        codes, found = pd.factorize(column)
        values = pd.Series(found, dtype="str").str.strip()
        there = ~values.isin(MISSING)
        read = self._read_values(values[there]).reindex(values.index)
        lost = there & read.isna()
        nothing = [value for value in values[lost] if names_of_nothing([value], among_numbers=True)[0]]
        there &= ~values.isin(nothing)
        lost &= there
        cells = np.bincount(codes[codes >= 0], minlength=len(found))
        typed = to_cells(read, codes, column)
        if self.kind == "number":
            typed, _ = drop_infinities(typed)
        shown = tuple(values[lost].iloc[:EXAMPLES])
        return ReadCells(typed, int(cells[there].sum()), int(cells[lost].sum()), shown)

    def _read_values(self, values: pd.Series) -> pd.Series:
        """Read distinct, stripped values, none of them missing; those that cannot be read become so."""
        if self.kind == "boolean":
            return pd.Series([TRUTHS.get(value) for value in values.str.lower()], values.index, dtype="boolean")
        if isinstance(self.notation, NumberNotation):
            return pd.Series(self.notation.read(values), values.index, dtype=np.float64)
        if self.kind == "number":
            return plain_numbers(values)
        dates = self.notation or PLAIN_DATES
        return pd.Series(dates.read(values.where(values.str.fullmatch(LIKE_A_DATE))), values.index)
