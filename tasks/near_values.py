"""Which of some values is nearest in spelling to each of some others: candidates by shared letter pairs, then edits.

An edit destroys at most two letter pairs, a swap three, so near values share most of theirs (Ukkonen 1992, the q-gram
lemma): one sparse product gives the few candidates, and only for these are the edits counted (Levenshtein; a swap of
two neighbouring letters is one edit).

Known failure: two values of which every second letter differs share no pair and are not compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

CANDIDATES = 5
LONG, CANDIDATES_OF_LONG = 16, 2  # among long texts the letter pairs alone tell the nearest
CHUNK = 512
MOST_EDITS = 12  # however long the texts: more is another text


def nearest_values(
    values: Sequence[str],
    others: Sequence[str],
    counts: NDArray[Any],
    other_counts: NDArray[Any],
    *,
    most: float = 1 / 3,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find for each value the nearest in spelling of the others that are more frequent.

    Parameters
    ----------
    values, others : sequence of str
    counts, other_counts : (len(values),), (len(others),)
        How frequent each is; of equally near ones the most frequent is taken. No value is its own neighbour.
    most : float
        Edits allowed, as a share of the longer one's letters; one is always allowed, and never more than 12.

    Returns
    -------
    nearest : int64 (len(values),)
        Index into `others`, −1 where none is near.
    edits : int64 (len(values),)
        How many edits apart; 0 where none is near.

    Examples
    --------
    >>> nearest_values(["birminghxm", "gary"], ["boaz", "birmingham"], np.array([1, 1]), np.array([9, 9]))
    (array([ 1, -1]), array([1, 0]))
    """
    nearest, edits = np.full(len(values), -1), np.zeros(len(values), dtype=np.int64)
    if not len(values) or not len(others):
        return nearest, edits
    grams: dict[str, int] = {}
    left, right = _letter_pairs(values, grams), _letter_pairs(others, grams)
    left.resize(left.shape[0], len(grams))
    sizes = np.asarray(right.sum(axis=1)).ravel()
    lengths, other_lengths = (np.array([len(each) for each in texts]) for texts in (values, others))
    for start in range(0, len(values), CHUNK):
        part = left[start : start + CHUNK]
        shared = (part @ right.T).toarray()
        own = np.asarray(part.sum(axis=1)).ravel()[:, None]
        score = 2 * shared / (own + sizes)
        allowed = np.clip(most * np.maximum(lengths[start : start + CHUNK, None], other_lengths), 1, MOST_EDITS)
        score[np.maximum(own, sizes) - shared > 3 * allowed] = 0  # a swap of two letters destroys three pairs
        score[other_counts <= counts[start : start + CHUNK, None]] = 0
        best = np.argsort(-score, axis=1, kind="stable")[:, :CANDIDATES]
        for row, candidates in enumerate(best.tolist(), start):
            value = values[row]
            candidates = candidates[:CANDIDATES_OF_LONG] if len(value) > LONG else candidates
            for other in (each for each in candidates if score[row - start, each] > 0 and others[each] != value):
                limit = min(MOST_EDITS, max(1, int(most * max(len(value), len(others[other])))))
                apart = count_edits(value, others[other], limit)
                before = nearest[row]
                if apart >= 0 and (before < 0 or (apart, -other_counts[other]) < (edits[row], -other_counts[before])):
                    nearest[row], edits[row] = other, apart
    return nearest, edits


def count_edits(one: str, two: str, limit: int) -> int:
    """Count the edits between two texts, −1 where there are more than `limit`.

    >>> count_edits("kitten", "sitting", 3), count_edits("form", "from", 1), count_edits("a", "xyz", 1)
    (3, 1, -1)
    """
    if abs(len(one) - len(two)) > limit:
        return -1
    if len(one) == len(two):  # letters replaced one for one: the common case, and no table is needed
        apart = [place for place, pair in enumerate(zip(one, two, strict=True)) if pair[0] != pair[1]]
        if len(apart) <= min(limit, 1):
            return len(apart)
    start = 0
    while start < min(len(one), len(two)) and one[start] == two[start]:
        start += 1
    one, two = one[start:], two[start:]
    while one and two and one[-1] == two[-1]:
        one, two = one[:-1], two[:-1]
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(two, 1):
            step = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other:
                step = min(step, earlier[j - 2] + 1)
            row.append(step)
        if min(row) > limit:
            return -1
    return row[-1] if row[-1] <= limit else -1


def _letter_pairs(values: Sequence[str], grams: dict[str, int]) -> csr_array:
    """Count the letter pairs of each value, ends included, as rows of a sparse table; `grams` grows."""
    columns: list[int] = []
    ends = [0]
    for value in values:
        text = f"\x02{value.casefold()}\x03"
        columns += {grams.setdefault(a + b, len(grams)) for a, b in pairwise(text)}
        ends.append(len(columns))
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_array((ones, np.array(columns, dtype=np.int32), np.array(ends)), shape=(len(values), len(grams)))
