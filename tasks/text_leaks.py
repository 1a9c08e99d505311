"""Words of a text that stand in for the label: a tag such as "[SPAM]", a closing note, the label's own name.

A word is judged by its presence alone, for one class against all others; that many words are tried does not matter, as
no chance among a few ten thousand words comes near the few errors that are asked for.
Known failure: a phrase whose words are each common elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.single_column import FEWEST, Told

MOST_TEXTS = 20_000
MOST_WORDS = 20_000
WORD = r"(?u)\b\w+\b"


def telltale_words(text: pd.Series, codes: NDArray[np.int64], targets: Sequence[int]) -> list[tuple[str, Told]]:
    """Give for each class the word whose presence (or absence) tells it best.

    Parameters
    ----------
    text : Series (n,)
    codes : int64 (n,)
        Classes.
    targets : sequence of int
        The classes to tell.

    Returns
    -------
    list of (str, Told)
        One a class that has ten rows or more, both it and the others.

    Examples
    --------
    >>> text = pd.Series(["buy now", "[spam] buy now"] * 20)
    >>> word, told = telltale_words(text, np.arange(40) % 2, [1])[0]
    >>> word, told.errors, told.rarer
    ('spam', 0, 20)
    """
    from sklearn.feature_extraction.text import CountVectorizer

    rows = slice(None, None, -(-len(text) // MOST_TEXTS))
    codes = codes[rows]
    counter = CountVectorizer(binary=True, token_pattern=WORD, max_features=MOST_WORDS)
    try:
        seen = counter.fit_transform(text.iloc[rows].fillna("").astype(object))
    except ValueError:  # no text holds a word
        return []
    words, often = counter.get_feature_names_out(), np.asarray(seen.sum(axis=0)).ravel()
    found = []
    for target in targets:
        inside = codes == target
        size = int(inside.sum())
        if min(size, len(codes) - size) < FEWEST:
            continue
        hits = np.asarray(seen[inside].sum(axis=0)).ravel()
        wrong = (size - hits) + (often - hits)
        wrong = np.minimum(wrong, len(codes) - wrong)
        best = int(wrong.argmin())
        within, outside = hits[best] / size, (often[best] - hits[best]) / (len(codes) - size)
        auc = float(max(within + 1 - outside, outside + 1 - within) / 2)
        told = Told(target, len(codes), int(wrong[best]), min(size, len(codes) - size), auc, 0.0)
        found.append((str(words[best]), told))
    return found
