"""Which known name somebody meant who wrote another: the one helper behind every "did you mean".

A hint that is wrong is worse than none, so a name must look like a slip of the pen: two edits at most (one in a word of
up to four letters; letters changed places count as one: Damerau 1964, in the form of the optimal string alignment), or
three quarters of both in common (Ratcliff & Metzener 1988, as `difflib` has it), for what was left out of a long name.

Known failure: another word for the same thing ("salary" for "income") gets no hint.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

ALIKE = 0.75
MOST_EDITS = 2
SHORT = 4  # letters; up to here one edit makes another word


def closest(name: object, known: Iterable[object], most: int = 1) -> list[str]:
    """Give the known names that `name` may stand for, likeliest first; none where nothing is near.

    Parameters
    ----------
    name : object
        What was written; its text counts.
    known : iterable of object
        What may be written.
    most : int
        How many to give.

    Examples
    --------
    >>> closest("incme", ["income", "age"]), closest("nope", ["income", "age"])
    (['income'], [])
    >>> closest("halfwidth", ["test_halfwidth", "ratios"]), closest("LABEL", ["table", "label"])
    (['test_halfwidth'], ['label'])
    """
    written = _bare(str(name))
    scored = []
    for place, each in enumerate(dict.fromkeys(str(each) for each in known)):
        other = _bare(each)
        ratio = difflib.SequenceMatcher(None, written, other, autojunk=False).ratio()
        edits = _edits(written, other) if abs(len(written) - len(other)) <= MOST_EDITS else MOST_EDITS + 1
        if ratio >= ALIKE or 0 <= edits <= _allowed(written, other):
            scored.append((edits, -ratio, place, each))
    return [each for *_, each in sorted(scored)[:most]]


def did_you_mean(name: object, known: Iterable[object], otherwise: str = "") -> str:
    """Ask whether the nearest known name was meant; `otherwise` where none is near.

    >>> did_you_mean("fone", ["phone", "scanner"]), did_you_mean("nope", ["phone"], "known: phone")
    ("did you mean 'phone'?", 'known: phone')
    """
    near = closest(name, known)
    return f"did you mean {near[0]!r}?" if near else otherwise


def _bare(name: str) -> str:
    return name.strip().casefold()


def _allowed(one: str, other: str) -> int:
    longer = max(len(one), len(other))
    return MOST_EDITS if longer > SHORT else min(1, longer - 1)


def _edits(one: str, other: str) -> int:
    """Count letters to insert, delete, change, or swap with their neighbour, to make one text of the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, mine in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != mine))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == mine:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
