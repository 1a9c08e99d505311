"""What to do about each label: keep it, relabel, drop the example, or have a person review it.

Deciding costs: a wrong label left in (`cost_missed`) and a right label overwritten (`cost_wrong_relabel`).
Overwriting pays where P(suggestion right) · cost_missed > P(suggestion wrong) · cost_wrong_relabel, which gives the
probability above which a suspect is relabelled. Where the given label is surely wrong and no class is sure, or
nothing can be seen, the example is dropped. What lies between waits for a person, and so does every suspect outside
the training rows: the labels that judge are changed by people only. Nothing given is overwritten; the action and its
reason are new columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from burnish.tasks.constant_text import constant_text
from burnish.tasks.decisions import DROPPED, UNDECIDED
from burnish.tasks.findings import InputError

USELESS = ("unreadable", "extreme value", "blank")  # flags of examples that are not to be learnt from
DROP_BELOW = 0.1
ACTIONS = ("keep", "relabel", "drop", "review")
_DONE = np.array([2, 3, 3, 3, 1, 2, 3, 0], dtype=np.int8)  # what is done in each case, the last: none applies


def decide_actions(
    audit: pd.DataFrame,
    labels: ArrayLike,
    split: ArrayLike,
    *,
    flags: pd.DataFrame | None = None,
    cost_wrong_relabel: float = 4.0,
    cost_missed: float = 1.0,
    relabel_above: float | None = None,
    drop_below: float = DROP_BELOW,
    useless: Sequence[str] = USELESS,
) -> pd.DataFrame:
    """Decide what becomes of every example.

    Parameters
    ----------
    audit : DataFrame, n rows
        ``label_quality``, ``suggested_label``, ``suggestion_quality``, ``label_issue`` of `find_mislabels`.
    labels : (n,)
        Given labels; missing ones are reviewed.
    split : (n,)
        Part of each example; only ``train`` is ever relabelled or dropped.
    flags : DataFrame of bool, n rows, optional
        Image flags, one a column; those named in `useless` drop the example, any other keeps a suspect from review.
    cost_wrong_relabel, cost_missed : float
        Cost of overwriting a right label, and of leaving a wrong one; only their ratio counts.
    relabel_above : float, optional
        Probability of the suggestion above which a suspect is relabelled; default: from the costs, 0.8.
    drop_below : float
        Quality under which a suspect with no sure suggestion is dropped.
    useless : sequence of str
        The flags that drop an example by themselves.

    Raises
    ------
    InputError
        Costs or thresholds that make no sense.

    Returns
    -------
    DataFrame, n rows
        ``action`` (keep | relabel | drop | review), ``final_label`` (missing where dropped or never given), ``reason``.

    Examples
    --------
    >>> audit = pd.DataFrame({"label_quality": [0.99, 0.01, 0.02, 0.3], "suggested_label": ["a", "b", "b", "b"],
    ...                       "suggestion_quality": [0.99, 0.99, 0.5, 0.7], "label_issue": [False, True, True, True]})
    >>> decide_actions(audit, ["a"] * 4, ["train"] * 4)["action"].tolist()
    ['keep', 'relabel', 'drop', 'review']
    """
    if cost_missed <= 0 or cost_wrong_relabel < 0 or not 0 <= (relabel_above or 0) <= 1:
        raise InputError(
            f"cost_missed {cost_missed} must be above 0, cost_wrong_relabel {cost_wrong_relabel} not below 0, "
            f"relabel_above {relabel_above} between 0 and 1"
        )
    sure_above = cost_wrong_relabel / (cost_wrong_relabel + cost_missed) if relabel_above is None else relabel_above
    given = pd.Series(labels).reset_index(drop=True)
    audit = audit.reset_index(drop=True)
    train = (pd.Series(split).reset_index(drop=True) == "train").to_numpy(dtype=bool)
    dropping, shaky = _flagged(flags, tuple(useless), len(given))
    missing = given.isna().to_numpy()
    other = (audit["suggested_label"] != given).to_numpy(dtype=bool)
    suspect = audit["label_issue"].to_numpy(dtype=bool)
    sure = other & (audit["suggestion_quality"] >= sure_above).to_numpy(dtype=bool)
    hopeless = (audit["label_quality"] < drop_below).to_numpy(dtype=bool) | shaky
    cases = [
        ~missing & train & dropping,
        ~missing & ~train & dropping,
        missing,
        suspect & ~train,
        suspect & sure,
        suspect & hopeless,
        suspect,
    ]
    case = np.full(len(given), len(cases), dtype=np.int8)
    for number in reversed(range(len(cases))):
        case[cases[number]] = number
    told = np.flatnonzero(case < len(cases))
    action, reason = constant_text("keep", given.index), constant_text("", given.index)
    action.iloc[told] = np.asarray(ACTIONS, dtype=object)[_DONE[case[told]]]
    reason.iloc[told] = _reasons(
        case[told],
        audit.iloc[told],
        _first_flag(None if flags is None else flags.iloc[told], tuple(useless), len(told)),
    )
    return pd.DataFrame(
        {"action": action, "final_label": _final_labels(action, given, audit["suggested_label"]), "reason": reason},
        copy=False,
    )


def _final_labels(action: pd.Series, given: pd.Series, suggested: pd.Series) -> pd.Series:
    dropped, relabelled = action == "drop", action == "relabel"
    final = given.mask(dropped) if dropped.any() else given
    return final.mask(relabelled, suggested) if relabelled.any() else final


def follow_decisions(
    actions: pd.DataFrame, labels: ArrayLike, decided: NDArray[np.int64], classes: Sequence[str]
) -> pd.DataFrame:
    """Put what a person has decided in the place of what `decide_actions` would do.

    Parameters
    ----------
    actions : DataFrame, n rows
        ``action``, ``final_label``, ``reason``.
    labels : (n,)
        Given labels.
    decided : int64 (n,)
        The label a person has decided on as an index into `classes`; −1 undecided, −2 dropped (`decisions.py`).
    classes : sequence of str

    Returns
    -------
    DataFrame, n rows
        The same columns.

    Examples
    --------
    >>> actions = pd.DataFrame({"action": ["review"] * 3, "final_label": ["a"] * 3, "reason": ["unsure"] * 3})
    >>> follow_decisions(actions, ["a"] * 3, np.array([1, -1, -2]), ("a", "b"))["action"].tolist()
    ['relabel', 'review', 'drop']
    """
    if (decided == UNDECIDED).all():
        return actions
    told = pd.Series(np.asarray(classes, dtype=object)[np.maximum(decided, 0)], index=actions.index, dtype="str")
    same = (told == pd.Series(labels, index=actions.index)).to_numpy(dtype=bool)
    cases = [decided == DROPPED, (decided >= 0) & same, decided >= 0]
    action = np.select(cases, ["drop", "keep", "relabel"], actions["action"].astype(object))
    followed = actions.assign(
        action=pd.Series(action, index=actions.index, dtype="str"),
        final_label=actions["final_label"].mask(cases[0]).mask(cases[2], told),
    )
    return followed.assign(reason=actions["reason"].mask(decided != UNDECIDED, "a person: " + followed["action"]))


def _flagged(
    flags: pd.DataFrame | None, useless: tuple[str, ...], n: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows with a flag that drops them, and rows with any other."""
    if flags is None:
        return np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    dropping = flags[[name for name in flags.columns if name in useless]].to_numpy(dtype=bool).any(axis=1)
    shaky = flags[[name for name in flags.columns if name not in useless]].to_numpy(dtype=bool).any(axis=1)
    return dropping, shaky


def _first_flag(flags: pd.DataFrame | None, useless: tuple[str, ...], n: int) -> pd.Series:
    """Name the first flag of each row that drops it, "" where there is none."""
    named = pd.Series("", index=range(n), dtype="str")
    for name in reversed([] if flags is None else [name for name in flags.columns if name in useless]):
        named = named.mask(flags[name].reset_index(drop=True), name) if flags is not None else named
    return named


def _reasons(case: NDArray[np.int8], audit: pd.DataFrame, flag: pd.Series) -> NDArray[np.object_]:
    """Say why for rows that are not simply kept; `case` tells which one it is."""
    audit = audit.reset_index(drop=True)

    def percent(column: str) -> pd.Series:
        share = (audit[column] * 100).fillna(0)
        return (share.round().astype(int).astype(str) + "%").mask(share < 1, "under 1%").mask(share > 99, "over 99%")

    looks = "looks like " + audit["suggested_label"].astype(str) + " (" + percent("suggestion_quality") + ")"
    looks = looks.mask(audit["suggestion_quality"].isna(), "nobody can tell which class it is")
    wrong = "label right with " + percent("label_quality") + ", " + looks
    texts = [
        flag,
        flag + "; outside the training rows a person decides",
        "no label; " + looks,
        wrong + "; outside the training rows a person decides",
        wrong,
        wrong + "; no class is sure",
        wrong + "; not sure enough to change",
    ]
    return np.choose(case, [text.to_numpy(dtype=object) for text in texts])
