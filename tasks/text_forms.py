"""The form of texts as a regular expression: postcodes, dates, codes; nothing where texts have no shape.

Why: a code of another form (`1010` where all had five digits, `AT-1010`) is the plainest sign that a column has gone
wrong, and a set of categories cannot see it where every value is new.

How: each text is read as runs of digits, capitals and small letters with what stands between them. If at most three
such shapes cover the column, each becomes an alternative: a run that never varies in length keeps its length, a word
that never varies stays as it is. Where the fine reading makes too many shapes, letters count as one class, then
letters and digits (identifiers in hexadecimal). Learning a pattern from run-length shapes follows Potter's Wheel
(Raman, Hellerstein 2001) with a fixed hierarchy of classes.

Known failure: letters beyond ASCII stand for themselves, so names with accents get no pattern; a code that has always
begun with the same letter must begin with it from then on.
"""

from __future__ import annotations

import re

import pandas as pd

MOST_SHAPES = 3
COVERED = 0.95  # share of the rows that the shapes must cover
COMMON = 0.05  # a rarer shape is part of the tail
FEWEST = 20  # different texts that a shape is learnt from
READ = 20_000  # rows that are read for their shapes; what is learnt is measured on all

_DIGIT, _UPPER, _LOWER = "\ue000", "\ue001", "\ue002"  # private characters: no text of people's has them
_CAPITALS, _SMALL, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
_CLASSES = ("[0-9]", "[A-Z]", "[a-z]", "[0-9a-f]", "[0-9A-F]", "[A-Za-z]", "[0-9a-z]", "[0-9A-Z]", "[0-9A-Za-z]")
_SPECIAL = re.compile(r"[.^$*+?{}\[\]\\|()]")
_LEVELS = (
    {_DIGIT: _DIGITS, _UPPER: _CAPITALS, _LOWER: _SMALL},
    {_DIGIT: _DIGITS, _LOWER: _CAPITALS + _SMALL},
    {_LOWER: _DIGITS + _CAPITALS + _SMALL},
)


def learn_form(texts: pd.Series) -> str | None:
    """Learn the regular expression that nearly all texts match, where it says something.

    Parameters
    ----------
    texts : Series of str
        None missing.

    Returns
    -------
    str or None
        Anchored at both ends, and of what Python's `re` and RE2 read alike. None where at most three shapes do not
        cover 95% of the texts, or where they say no more than "a word".

    Examples
    --------
    >>> learn_form(pd.Series([f"{number:05d}" for number in range(900, 1100)]))
    '^[0-9]{5}$'
    >>> learn_form(pd.Series([f"AT-{number}" for number in range(5, 300)]))
    '^AT-[0-9]+$'
    >>> learn_form(pd.Series(["Anna", "Bob", "Christine", "Dan"] * 25)) is None
    True
    """
    read = texts.iloc[:: max(1, len(texts) // READ)].astype("str")
    counts = read.value_counts()
    if len(counts) < FEWEST:
        return None
    values = pd.Series(counts.index.to_numpy(dtype=object), dtype=object)
    weights = pd.Series(counts.to_numpy())
    for level in _LEVELS:
        shapes = _shapes(values, level)
        shares = weights.groupby(shapes).sum().sort_values(ascending=False, kind="stable") / weights.sum()
        common = shares[shares >= COMMON].head(MOST_SHAPES)
        if common.sum() >= COVERED:
            alternatives = [_express(values[shapes == shape], shape, level) for shape in common.index]
            if not all(alternatives):
                return None
            joined = "|".join(dict.fromkeys(str(each) for each in alternatives))
            return f"^(?:{joined})$" if "|" in joined else f"^{joined}$"
    return None


def _shapes(values: pd.Series, level: dict[str, str]) -> pd.Series:
    """Write each run of a class as one character that stands for the class."""
    table = {ord(letter): mark for mark, letters in level.items() for letter in letters}
    return values.str.translate(table).str.replace(f"([{_DIGIT}-{_LOWER}])\\1+", r"\1", regex=True)


def _express(values: pd.Series, shape: str, level: dict[str, str]) -> str | None:
    """Write the texts of one shape as a regular expression; None where it says no more than "a word"."""
    groups = "".join(f"([{level[mark]}]+)" if mark in level else _escape(mark) for mark in shape)
    runs = values.str.extract(f"^{groups}$", flags=re.DOTALL) if any(mark in level for mark in shape) else None
    pieces, says_something, at = [], False, 0
    for mark in shape:
        if runs is None or mark not in level:
            pieces.append(_escape(mark))
            says_something |= not mark.isspace()
            continue
        piece, telling = _express_run(runs[at])
        pieces.append(piece)
        says_something |= telling
        at += 1
    return "".join(pieces) if says_something else None


def _express_run(run: pd.Series) -> tuple[str, bool]:
    """Write one run as a word or a class with its length, and tell whether that says something."""
    different = run.unique()
    if len(different) == 1 and not set(different[0]) & set(_DIGITS):
        return str(different[0]), len(different[0]) > 1
    seen = set("".join(different))
    name = next(each for each in _CLASSES if re.fullmatch(f"{each}+", "".join(seen)))
    lengths = run.str.len()
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest != longest:
        return f"{name}+", name == "[0-9]"
    return (f"{name}{{{shortest}}}" if shortest > 1 else name), shortest > 1 or name == "[0-9]"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
