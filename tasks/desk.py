"""A review in progress: the queue, the sheet with its answers, and the way back.

Every answer is on disk (`Sheet.save`) when the call that gives it returns. The sheet belongs to the person: where the
file has been changed meanwhile, in a spreadsheet or by another page, it is read again first, and an answer to a row
that no longer stands as it was shown is refused, so that nothing of theirs is overwritten unseen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.decisions import WORDS
from burnish.tasks.findings import InputError
from burnish.tasks.review_queue import choose_rows, describe, mix_ups, order_queue, values_of
from burnish.tasks.sheet import Sheet, open_sheet, unescaped

SKIP, APPLIED = "skip", "applied"
OPEN, JUDGED, SKIPPED = 0, 1, 2


class ChangedError(Exception):
    """The row no longer stands as it was shown; the message says so to the person."""


@dataclass(frozen=True)
class Step:
    """An answer given, for undoing it."""

    row: int
    before: tuple[str, str] | None
    after: tuple[str, str]


@dataclass(frozen=True)
class View:
    """What of the queue is looked at: waiting or changed, one part, one pair of labels."""

    what: str = "all"
    split: str = ""
    pair: int | None = None


@dataclass(eq=False)
class Desk:
    """A review in progress.

    Attributes
    ----------
    examples : DataFrame of n rows
        The run's examples table.
    classes : tuple of str
    sheet : Sheet
    read_applied : callable
        Gives the ids that have been decided and applied so far; those applied before are in no queue.
    neighbours : int32 (n, k) or None
        Rows of the nearest neighbours, −1 for none.
    attributes : DataFrame of n rows or None
        The given columns; None for images, or where the data is gone.
    given : int
        How many decisions were made here.
    """

    examples: pd.DataFrame
    classes: tuple[str, ...]
    sheet: Sheet
    read_applied: Callable[[], frozenset[str]] = frozenset
    neighbours: NDArray[np.int32] | None = None
    attributes: pd.DataFrame | None = None
    given: int = 0
    _steps: list[Step] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._ids = pd.Index(self.examples["id"])
        self._applied = self.read_applied()
        self.queue = order_queue(self.examples, self._applied, self.sheet.rows)
        self.pairs = mix_ups(self.examples, self.queue)
        self._queued = frozenset(self.queue.tolist())
        self._spelt = unescaped(self.classes)
        self._views: dict[View, NDArray[np.int64]] = {}
        self._take_stock()

    def rows(self, view: View) -> NDArray[np.int64]:
        """Give the rows of a view, in order."""
        if view not in self._views:
            pair = () if view.pair is None else self.pairs[view.pair][:2]
            self._views[view] = choose_rows(self.examples, self.queue, what=view.what, split=view.split, pair=pair)
        return self._views[view]

    def progress(self, view: View) -> dict[str, int]:
        """Count what is judged, skipped and there at all in a view, and the whole queue too."""
        with self._lock:
            here = self.state[self.rows(view)]
            return {
                "judged": int((here == JUDGED).sum()),
                "skipped": int((here == SKIPPED).sum()),
                "total": len(here),
                "queue_judged": int((self.state[self.queue] == JUDGED).sum()),
                "queue": len(self.queue),
                "given": self.given,
            }

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer of this review to take back."""
        return bool(self._steps)

    def undecided(self) -> NDArray[np.int64]:
        """Give the rows of the queue without a decision, in order."""
        return self.queue[self.state[self.queue] != JUDGED]

    def index_of(self, view: View, row: int) -> int | None:
        """Give the index of a row in a view, None where it is not there."""
        found = np.flatnonzero(self.rows(view) == row)
        return int(found[0]) if len(found) else None

    def next_open(self, view: View, after: int) -> int | None:
        """Give the index in a view of the next example without an answer, from the start again at the end."""
        open_ = np.flatnonzero(self.state[self.rows(view)] == OPEN)
        if not len(open_):
            return None
        later = open_[open_ > after]
        return int(later[0] if len(later) else open_[0])

    def cards(self, view: View, start: int, count: int, *, brief: bool = False) -> list[dict[str, Any]]:
        """Describe a stretch of a view; `brief` leaves the neighbours and their values out."""
        with self._lock:
            self._read_again()
            rows = self.rows(view)[start : start + count]
            return [self.card(int(row), brief=brief) | {"index": start + i} for i, row in enumerate(rows)]

    def card(self, row: int, *, brief: bool = False) -> dict[str, Any]:
        """Describe one example, with the answer it has."""
        near = None if brief or self.neighbours is None else self.neighbours[row]
        card = describe(self.examples, row, near)
        decision, label = self._answer(row)
        shown = [row, *(other["row"] for other in card["neighbours"])]
        values = [] if self.attributes is None else values_of(self.attributes, shown)
        return card | {"decision": decision, "new_label": label, "mark": _mark(decision, label), "values": values}

    def decide(self, row: int, decision: str, label: int | None, mark: str) -> None:
        """Write an answer down; on return it is on disk.

        Parameters
        ----------
        row : int
            Position of an example of the queue.
        decision : str
            ``accept``, ``keep``, ``other``, ``drop`` or ``skip``.
        label : int or None
            Index of the class, for ``other``.
        mark : str
            The card's `mark`: how the row stood when it was shown.

        Raises
        ------
        InputError
            Not in the queue, or a decision that the row does not allow; the sheet is not readable any more.
        ChangedError
            Somebody else has answered meanwhile.
        """
        with self._lock:
            answer = self._checked(row, decision, label)
            self._read_again()
            if _mark(*self._answer(row)) != mark:
                raise ChangedError("Somebody has answered this meanwhile, in another tab or in the sheet; look again")
            before = self._answer(row) if self._key(row) in self.sheet.rows else None
            self._write(row, answer, before)
            self._steps.append(Step(row, before, answer))
            self.given += decision != SKIP

    def undo(self) -> int | None:
        """Take the last answer back on disk; give its row, None where there is nothing left to undo.

        Raises
        ------
        ChangedError
            The row has been answered otherwise since; it is left as it is.
        """
        with self._lock:
            if not self._steps:
                return None
            self._read_again()
            step = self._steps.pop()
            if self._answer(step.row) != step.after:
                raise ChangedError("The last answer has been changed meanwhile and was left as it is")
            self._write(step.row, step.before, step.after)
            self.given -= step.after[0] != SKIP
            return step.row

    def _checked(self, row: int, decision: str, label: int | None) -> tuple[str, str]:
        if row not in self._queued:
            raise InputError("this example is not in the queue")
        it = self.examples.iloc[row]
        if decision not in (*WORDS, SKIP):
            raise InputError(f"{decision!r} is no decision")
        if decision == "accept" and not isinstance(it["suggested_label"], str):
            raise InputError("there is no suggestion to accept")
        if decision == "keep" and not isinstance(it["label"], str):
            raise InputError("there is no label to keep")
        if decision != "other":
            return decision, ""
        if label is None or not 0 <= label < len(self.classes):
            raise InputError("name one of the classes")
        return decision, self.classes[label]

    def _write(self, row: int, answer: tuple[str, str] | None, before: tuple[str, str] | None) -> None:
        """Set an answer (None takes the row out) and save; where that fails the sheet in memory is as it was."""
        self._set(row, answer)
        try:
            self.sheet.save()
        except OSError:
            self._set(row, before)
            raise
        self._note(row)

    def _set(self, row: int, answer: tuple[str, str] | None) -> None:
        if answer is None:
            self.sheet.remove([self._key(row)])
        else:
            else_from: Mapping[str, Any] = self.examples.iloc[row].to_dict()
            self.sheet.set_answer(self._key(row), *answer, else_from=else_from)

    def _answer(self, row: int) -> tuple[str, str]:
        if self._key(row) in self._applied and self._key(row) not in self.sheet.rows:
            return APPLIED, ""
        decision, label = self.sheet.answer(self._key(row))
        return decision, self._spelt.get(label, label)

    def _key(self, row: int) -> str:
        return str(self._ids[row])

    def _read_again(self) -> None:
        if self.sheet.is_stale():
            self.sheet = open_sheet(self.sheet.path, self.examples["id"])
            self._applied = self.read_applied()
            self._take_stock()

    def _take_stock(self) -> None:
        self.state = np.zeros(len(self.examples), dtype=np.int8)
        for row in self._ids.get_indexer([*self.sheet.rows, *self._applied]).tolist():
            if row >= 0:
                self._note(row)

    def _note(self, row: int) -> None:
        decision = self._answer(row)[0]
        self.state[row] = JUDGED if decision in (*WORDS, APPLIED) else SKIPPED if decision == SKIP else OPEN


def _mark(decision: str, label: str) -> str:
    return f"{decision}|{label}"
