"""Cells of new data that cannot be read as what their column held when the model learnt, over a whole file.

They are read as missing and said. Where most cells of a column are so, it was written in another notation or is another
column, and predictions from it would be made up: that is refused. One cell says nothing about a column, nor does one
row: a row is read alone as it is among others. Counted part by part, so the size of the parts makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from burnish.tasks.findings import InputError
from burnish.tasks.learnt_types import EXAMPLES, LearntType, ReadCells
from burnish.tasks.notation import cut

MOSTLY = 0.5  # of the cells that are there
SEVERAL = 2  # cells, or rows, that say something about a column


@dataclass
class _Seen:
    """What was counted of a column."""

    words: str
    rows: int = 0
    there: int = 0
    unreadable: int = 0
    examples: tuple[str, ...] = ()

    def shown(self) -> str:
        return ", ".join(repr(cut(each)) for each in self.examples)

    def counts(self) -> str:
        return f"{self.unreadable:,} of {self.there:,}"


@dataclass
class Misfits:
    """Cells of each column of numbers, booleans and dates, and how many of them cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> misfits, number = Misfits(), LearntType("number")
    >>> misfits.count("fee", number, number.read(pd.Series(["12", "free", "7"], dtype="str")))
    >>> misfits.count("age", number, number.read(pd.Series([None, None, None], dtype="str")))
    >>> misfits.sentence()
    "cells that cannot be read count as missing: 1 of 3 in 'fee' ('free'); 'age' is empty throughout"
    """

    columns: dict[str, _Seen] = field(default_factory=dict)

    def count(self, name: str, learnt: LearntType, read: ReadCells) -> None:
        """Count the cells of a column in one part of the file."""
        seen = self.columns.setdefault(name, _Seen(learnt.words()))
        seen.rows += len(read.typed)
        seen.there += read.there
        seen.unreadable += read.unreadable
        seen.examples = tuple(dict.fromkeys([*seen.examples, *read.examples]))[:EXAMPLES]

    def refuse(self) -> None:
        """Refuse what was counted, where most cells of a column cannot be read.

        Raises
        ------
        InputError
            Naming the columns, with counts and cells.
        """
        mostly = [
            f"column {name!r} held {seen.words} in the data of the run, and {seen.counts()} cells cannot be read so "
            f"({seen.shown()})"
            for name, seen in self.columns.items()
            if seen.unreadable >= SEVERAL and seen.unreadable > MOSTLY * seen.there
        ]
        if mostly:
            how = "write them as in that data, or say with --set data.delimiter=… how the file is split"
            raise InputError(f"{'; '.join(mostly)}: {how}")

    def sentence(self) -> str | None:
        """Say which columns hold cells that count as missing, and which hold nothing; None where there is none."""
        some = [
            f"{seen.counts()} in {name!r} ({seen.shown()})" for name, seen in self.columns.items() if seen.unreadable
        ]
        empty = [name for name, seen in self.columns.items() if seen.rows >= SEVERAL and not seen.there]
        said = [f"cells that cannot be read count as missing: {', '.join(some)}"] if some else []
        if empty:
            said.append(f"{', '.join(map(repr, empty))} {'is' if len(empty) == 1 else 'are'} empty throughout")
        return "; ".join(said) or None
