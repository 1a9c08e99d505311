"""What a person is asked to judge, in which order, and what they are shown about each: plain values, no HTML.

First come the examples that wait for a person (all suspects of dev and test, and those of train that were not sure
enough), then what was relabelled or dropped automatically, so that a person may check it; inside both, the label that
is most probably wrong first. What has been applied already is left out.

Known failure: an example that was wrongly kept is in no queue; put its id into `review.csv` to have it there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.notation import cell, cut, number

VOICE = "voice_"
FLAGS = ("unreadable", "blurry", "dark", "bright", "blank", "odd_size", "odd_aspect", "outlier")
WHATS = {"all": "all suspects", "waiting": "waiting for you", "changed": "changed automatically"}
MOST_PAIRS = 100
MOST_VALUES = 40
LONGEST = 200  # characters of a value


def order_queue(examples: pd.DataFrame, applied: Collection[str], asked: Collection[str]) -> NDArray[np.int64]:
    """Give the positions of the examples to judge, in order.

    Parameters
    ----------
    examples : DataFrame
        The run's examples table; `id`, `action`, `label_quality` are read.
    applied : collection of str
        Ids that have been decided and applied.
    asked : collection of str
        Ids on the review sheet, which are in the queue whatever else holds.

    Examples
    --------
    >>> table = pd.DataFrame({"id": list("abcd"), "action": ["relabel", "review", "keep", "review"],
    ...                       "label_quality": [0.0, 0.3, 0.9, 0.1]})
    >>> order_queue(table, applied=[], asked=[]).tolist()
    [3, 1, 0]
    """
    action, ids = examples["action"], examples["id"]
    wanted = ((action != "keep") & ~ids.isin(list(applied))) | ids.isin(list(asked))
    rows = np.flatnonzero(wanted.to_numpy(dtype=bool))
    automatic = (action.iloc[rows] != "review").to_numpy()
    quality = examples["label_quality"].iloc[rows].to_numpy(dtype=float)
    return rows[np.lexsort((quality, automatic))]


def mix_ups(examples: pd.DataFrame, rows: NDArray[np.int64]) -> list[tuple[str, str, int]]:
    """Count the pairs of given and suggested label among rows, most frequent first, at most 100."""
    pairs = examples.iloc[rows][["label", "suggested_label"]].dropna()
    pairs = pairs[pairs["label"] != pairs["suggested_label"]]
    counts = pairs.groupby(["label", "suggested_label"]).size().sort_values(ascending=False, kind="stable")
    return [(str(given), str(other), int(n)) for (given, other), n in counts.head(MOST_PAIRS).items()]


def choose_rows(
    examples: pd.DataFrame, rows: NDArray[np.int64], *, what: str = "all", split: str = "", pair: Sequence[str] = ()
) -> NDArray[np.int64]:
    """Give those of the rows that wait for a person or were changed, of one part, of one pair of labels."""
    part = examples.iloc[rows]
    fits = np.ones(len(rows), dtype=bool)
    if what != "all":
        fits &= (part["action"] == "review").to_numpy(dtype=bool) == (what == "waiting")
    if split:
        fits &= (part["split"] == split).to_numpy(dtype=bool)
    if pair:
        fits &= ((part["label"] == pair[0]) & (part["suggested_label"] == pair[1])).to_numpy(dtype=bool)
    return rows[fits]


def describe(examples: pd.DataFrame, row: int, near: NDArray[np.int32] | None) -> dict[str, Any]:
    """Say of an example what a person needs to judge its label.

    Parameters
    ----------
    examples : DataFrame
        The run's examples table.
    row : int
    near : int32 (k,) or None
        Rows of its nearest neighbours, −1 for none.

    Returns
    -------
    dict
        Plain values, texts on one line and cut.
    """
    it = examples.iloc[row]
    given, suggested = _label(it["label"]), _label(it["suggested_label"])
    return {
        "row": row,
        "id": cut(it["id"], LONGEST),
        "given": given,
        "suggested": suggested if suggested != given else None,
        "given_right": number(it["label_quality"]),
        "suggested_right": number(it.get("suggestion_quality")),
        "action": it["action"],
        "reason": cut(it["reason"], LONGEST) if it["reason"] else "",
        "split": it["split"],
        "source": cut(it["source"], 60),
        "facts": _facts(it),
        "voices": [[name.removeprefix(VOICE), number(it[name])] for name in it.index if name.startswith(VOICE)],
        "neighbours": [] if near is None else [_neighbour(examples, int(other)) for other in near if other >= 0],
    }


def values_of(attributes: pd.DataFrame, rows: Sequence[int]) -> list[list[str]]:
    """Give the first 40 attributes of rows side by side: each its name, then its value in every row."""
    shown = attributes.iloc[list(rows), :MOST_VALUES]
    return [[cut(name, 60), *(cell(value, LONGEST) for value in shown[name])] for name in shown.columns]


def _neighbour(examples: pd.DataFrame, row: int) -> dict[str, Any]:
    it = examples.iloc[row]
    return {"row": row, "label": _label(it["label"]), "suspect": bool(it["label_issue"])}


def _label(value: Any) -> str | None:
    return cut(value, LONGEST) if isinstance(value, str) else None


def _facts(it: pd.Series) -> list[str]:
    facts = [name.replace("_", " ") for name in FLAGS if name in it.index and bool(it[name])]
    if isinstance(it.get("duplicate_of"), str):
        facts.append(f"copy of {cut(it['duplicate_of'], 60)}")
    return facts
