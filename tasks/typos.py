"""Rare values that are a slip of a frequent one: `birminghxm` beside forty cells of `birmingham`.

Nearness alone proves nothing: `scip-inf-1` and `scip-inf-2` are both right. The column itself says how much nearness
is worth, by the share p of its frequent values, right beyond doubt, that have a frequent neighbour just as near. Of N
rare values p·N have one by chance; where many more do, the excess are slips. A slip must also be rare enough: a cell
goes wrong in one way or another with a probability of a few percent, so that a given slip's count is at most what a
binomial law gives. Values that differ in their digits alone are different things, not slips; those that differ in
capitals and in what separates words alone are the nearest of all, and are judged as a level of their own.

Source: local false discovery rate, expected by chance over observed (Efron 2010, "Large-Scale Inference", chapter 5).
Known failures: a slip that makes another right value (`Paris`, `Pairs`) is not seen here; nor one in a column where
every value stands once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from burnish.tasks.cell_columns import NUMBER, CellColumn, ValueSuspect
from burnish.tasks.near_values import count_edits, nearest_values

KIND = "typo"
SLIP_RATE = 0.02  # a given slip of a value, at most, as a share of the value's cells
UNLIKELY = 0.01
SELDOM = 0.5  # most slips are one edit (Damerau 1964): more than one is doubted until a column shows several
PRIOR = 0.05  # the share of right values that lie near another, before the column is seen; worth two values
FEWEST = 5  # cells that make a value one that slips can be told from
MOST_FREQUENT, MOST_RARE = 3_000, 10_000
LONGEST = 300
_DIGITS = re.compile(r"\d")
_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"(?<=[^\W\d_])[\W_]+(?=[^\W\d_])|\s+")
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Slips:
    """The slips among the values of a vocabulary: `code` was probably meant to be `meant`, both int64 (s,)."""

    code: NDArray[np.int64]
    meant: NDArray[np.int64]
    edits: NDArray[np.int64]
    confidence: NDArray[np.float64]


_NONE = np.zeros(0, dtype=np.int64)
_NO_SLIPS = Slips(_NONE, _NONE, _NONE, np.zeros(0))


def find_typos(column: CellColumn) -> list[ValueSuspect]:
    """Find the values of a column that are probably slips of a more frequent value.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> cities = ["bend", "gary", "boaz", "florence", "sheffield"] * 20 + ["florxnce", "sheffeld", "york"]
    >>> city = read_columns(pd.DataFrame({"city": cities}))[0]
    >>> [(city.texts[s.code], s.repair) for s in find_typos(city)]
    [('florxnce', 'florence'), ('sheffeld', 'sheffield')]
    """
    slips = find_slips(column.texts, column.counts)
    return [
        ValueSuspect(code, KIND, column.texts[meant], _why(edits, int(column.counts[meant])), confidence)
        for code, meant, edits, confidence in zip(
            slips.code.tolist(),
            slips.meant.tolist(),
            slips.edits.tolist(),
            slips.confidence.tolist(),
            strict=True,
        )
    ]


def find_slips(values: Sequence[str], counts: NDArray[np.int64]) -> Slips:
    """Find which values of a vocabulary are slips of which others.

    Parameters
    ----------
    values : sequence of str, length k
    counts : int64 (k,)
        How often each occurs; those with 0 are left out.

    Returns
    -------
    Slips
    """
    short = (counts > 0) & np.array([0 < len(value) <= LONGEST for value in values], dtype=np.bool_)
    written = short & np.array([NUMBER.fullmatch(value) is None for value in values], dtype=np.bool_)
    frequent = _most(np.flatnonzero(short & (counts >= FEWEST)), counts, MOST_FREQUENT)
    if not frequent.size or not written.any():
        return _NO_SLIPS
    names = [values[i] for i in frequent]
    near, edits = _nearest(names, names, FEWEST * counts[frequent] - 1, counts[frequent])
    known = frequent[~_are_slips(values, counts, frequent, np.where(near >= 0, frequent[near], -1))]
    left = written & _is_rare(counts, counts[frequent].max())  # a number is no slip: it is another number
    left[known] = False
    rare = _most(np.flatnonzero(left), counts, MOST_RARE)
    if not rare.size:
        return _NO_SLIPS
    names, right = [values[i] for i in rare], [values[i] for i in known]
    near, edits = _nearest(names, right, FEWEST * counts[rare] - 1, counts[known])
    meant = np.where(near >= 0, known[near], -1)
    slip = _are_slips(values, counts, rare, meant)
    chance = _chance(values, known)
    expected, seen = np.zeros(len(rare)), np.ones(len(rare))
    for level, share in enumerate(chance):
        here = slip & (np.minimum(edits, len(chance) - 1) == level)
        expected[here], seen[here] = share * len(rare) + (SELDOM if level > 1 else 0), max(1, int(here.sum()))
    confidence = 1 - np.minimum(expected / seen, 1)
    keep = slip & (confidence > 0)
    return Slips(rare[keep], meant[keep], edits[keep], confidence[keep])


def _nearest(
    values: Sequence[str], others: Sequence[str], counts: NDArray[np.int64], other_counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the nearest of the others as `nearest_values` does; no edits apart are those that are the same folded."""
    near, edits = nearest_values(values, others, counts, other_counts)
    best: dict[str, int] = {}
    for place in np.argsort(other_counts, kind="stable").tolist():
        best[_fold(others[place])] = place
    same = np.array([best.get(_fold(value), -1) for value in values], dtype=np.int64)
    there = same >= 0
    there[there] = (other_counts[same[there]] > counts[there]) & (
        np.array(values, dtype=object)[there] != np.array(others, dtype=object)[same[there]]
    )
    return np.where(there, same, near), np.where(there, 0, edits)


def _fold(value: str) -> str:
    """Give a value without capitals, without spaces at its ends, and with one space for what stands between words."""
    return _BETWEEN.sub(" ", value.casefold()).strip()


def _are_slips(
    values: Sequence[str], counts: NDArray[np.int64], codes: NDArray[np.int64], meant: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Tell the values that may be a slip of those they are near (−1: of none), by their letters and their counts."""
    spelled = [m >= 0 and _may_be_slip(values[i], values[m]) for i, m in zip(codes, meant, strict=True)]
    return np.array(spelled, dtype=np.bool_) & _is_rare(counts[codes], np.where(meant >= 0, counts[meant], 0))


def _most(codes: NDArray[np.int64], counts: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    return np.sort(codes[np.argsort(-counts[codes], kind="stable")[:limit]])


def _is_rare(counts: NDArray[np.int64], beside: NDArray[np.int64] | np.int64) -> NDArray[np.bool_]:
    """Tell the counts that a slip of a value with so many cells may have."""
    rare: NDArray[np.bool_] = binom.sf(counts - 1, np.maximum(beside, 1), SLIP_RATE) >= UNLIKELY
    return (rare | (counts == 1)) & (counts * FEWEST <= beside)


def _may_be_slip(one: str, two: str) -> bool:
    """Say whether letters are part of the difference, or what is no letter and no digit; never digits alone."""
    if not _LETTERS.search(two) and not _DIGITS.search(two):
        return False
    if _fold(one) == _fold(two):
        return True
    if not _word_by_word(one, two) or (NUMBER.fullmatch(one) and NUMBER.fullmatch(two)):
        return False
    same_digits = _DIGITS.findall(one) == _DIGITS.findall(two)
    if same_digits:
        return True
    return bool(_DIGITS.sub("", one) != _DIGITS.sub("", two)) and _LETTERS.findall(one) != _LETTERS.findall(two)


def _word_by_word(one: str, two: str) -> bool:
    """Say whether no word was replaced by another: `AF` for `civ` is no slip."""
    words, others = _WORD.findall(one), _WORD.findall(two)
    if len(words) != len(others):
        return True
    pairs = [(a, b) for a, b in zip(words, others, strict=True) if a != b]
    return all(count_edits(a, b, max(1, max(len(a), len(b)) // 2)) >= 0 for a, b in pairs)


def _chance(values: Sequence[str], known: NDArray[np.int64]) -> list[float]:
    """Give the share of known values with a known neighbour the same but for its fold, at one edit, two, or more."""
    names = [values[i] for i in known if not NUMBER.fullmatch(values[i])]
    near, edits = nearest_values(names, names, np.zeros(len(names)), np.ones(len(names)))
    real = [n >= 0 and _may_be_slip(name, names[n]) for name, n in zip(names, near.tolist(), strict=True)]
    levels = np.where(real, np.clip(edits, 1, 3), -1)
    folded, times = np.unique([_fold(name) for name in names], return_counts=True)
    twins = int(times[times > 1].sum()) if len(folded) else 0
    often = [twins, *((levels == level).sum() for level in (1, 2, 3))]
    return [(float(each) + PRIOR * 2) / (len(known) + 2) for each in often]


def _why(edits: int, count: int) -> str:
    if not edits:
        return f"only capitals, spaces or hyphens from a value that {count:,} cells hold"
    letters = "one letter" if edits == 1 else f"{edits} letters"
    return f"{letters} from a value that {count:,} cells hold"
