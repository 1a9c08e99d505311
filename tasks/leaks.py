"""Columns that give the label away, before anything is trained on them.

A leak is a column that holds the label in another form: a code for it, a sum that is filled in once the case is
decided, a date after the fact, an id given out class by class. Alone it tells the label of held-out rows almost
without error (`single_column`). So does an honest feature of an easy problem, and what tells them apart is the rest:

- A leak *stands out*: no honest column comes near it alone, and all ordinary ones together (a random forest, Breiman
  2001) are wrong several times as often. Where others tell the label too, nothing can be told apart, and that is said.
- The errors of an honest measurement lie where the classes mix; those of a copy of the label lie anywhere.
- An id has no business knowing the label: there an order that halves the error is enough.
- A code with one value a class and no exception is the label, however easy the problem. A code, a date, a gap or a word
  that is never wrong needs no forest beside it, only that no other column comes near.

Kaufman, Rosset & Perlich (2012), "Leakage in Data Mining: Formulation, Detection, and Avoidance".
Known failures: a leak in two columns that tell nothing alone (other than the time between two dates); an honest column
that decides the label by definition is called a leak; a leak that is wrong on more than about one row in twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.features import column_kind
from burnish.tasks.hearing import (
    ALMOST_NONE,
    STRONG,
    Ordinary,
    Sample,
    Telling,
    draw_rows,
    hear,
    hear_differences,
    hear_ordinary,
    hear_words,
    is_id_like,
    is_measured,
    is_strong,
    later,
)
from burnish.tasks.single_column import EVERY_CLASS, Told, judge

Verdict = Literal["gives_away", "suspicious", "cannot_tell"]

STANDS_OUT = 3.0  # times as many errors
NEVER_MEASURED = ("recoding", "many_to_one", "missing", "date", "text")  # kinds of which no measurement is
ID_TELLS = 0.5


@dataclass(frozen=True)
class Leak:
    """A column that tells the label alone.

    Attributes
    ----------
    telling : Telling
        The column, what of it tells, and how well.
    verdict : str
        ``gives_away``, ``suspicious`` or ``cannot_tell``.
    target : str or None
        The class it tells from all others; None for all classes.
    ordinary : Told or None
        What the ordinary columns tell together; None where there are none.
    learnt : bool
        Whether it is learnt from at all; else it does no harm, but something about the file is odd.
    """

    telling: Telling
    verdict: Verdict
    target: str | None
    ordinary: Told | None
    learnt: bool

    @property
    def told(self) -> Told:
        """How well it tells the target."""
        return self.telling.told


@dataclass(frozen=True)
class LeakHunt:
    """What `find_leaks` found: the leaks, worst first, and over how many columns and rows it looked."""

    leaks: tuple[Leak, ...]
    columns: int
    rows: int


def find_leaks(
    frame: pd.DataFrame,
    codes: NDArray[np.int64],
    *,
    classes: Sequence[str],
    columns: Sequence[str],
    left_out: Sequence[str] = (),
    text: str | None = None,
    groups: NDArray[Any] | pd.Series | None = None,
    seed: int = 0,
) -> LeakHunt:
    """Look for columns that give the label away.

    Parameters
    ----------
    frame : DataFrame of n rows
        The attributes.
    codes : int64 (n,)
        Labels, −1 = missing or not to be looked at: give the training rows only.
    classes : sequence of str
    columns : sequence of str
        Columns that are learnt from.
    left_out : sequence of str
        Columns that are not, and that are looked at all the same: what they tell is never more than suspicious.
    text : str, optional
        The column of text, whose words are looked at.
    groups : (n,), optional
        Rows of one group are held out together.
    seed : int
        Draws 50,000 rows where there are more, deals the folds, grows the forest.

    Returns
    -------
    LeakHunt
        Nothing where fewer than two labelled rows or classes are left.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.integers(0, 2, 600)
    >>> frame = pd.DataFrame({"x": codes + rng.normal(0, 1, 600), "closed_by": np.array(["ann", "bo"])[codes]})
    >>> hunt = find_leaks(frame, codes, classes=("no", "yes"), columns=["x", "closed_by"])
    >>> [(leak.telling.columns, leak.telling.kind, leak.verdict, leak.told.errors) for leak in hunt.leaks]
    [(('closed_by',), 'recoding', 'gives_away', 0)]
    """
    looked_at = (*columns, *left_out)
    sample = draw_rows(codes, groups, seed)
    if sample is None:
        return LeakHunt((), len(looked_at) + (text is not None), 0)
    ids = {name for name in looked_at if is_id_like(frame[name])}
    heard = {name: hear(frame[name], sample, name in ids, seed) for name in looked_at}
    strong = [each.best for each in heard.values() if each.best is not None and is_strong(each.best)]
    loud = {telling.columns[0] for telling in strong}
    weak = {name: heard[name].relative for name in columns if name not in loud | ids}
    honest = [heard[telling.columns[0]].relative for telling in strong if is_measured(telling)]
    dates = [name for name in columns if column_kind(frame[name]) == "date"]
    strong = [replace(telling, note=telling.note or later(frame, telling, dates)) for telling in strong]
    strong += hear_differences(frame, [name for name in dates if name not in loud], sample, seed)
    if text is not None:
        strong += hear_words(frame[text].iloc[sample.rows], sample, text)
    ordinary = hear_ordinary(frame, weak, honest, sample, seed) if strong else Ordinary({}, sample.rows, None)
    judged = [_judge(telling, ordinary, sample, classes, set(left_out)) for telling in strong]
    order = {"gives_away": 0, "suspicious": 1, "cannot_tell": 2}
    leaks = sorted((leak for leak in judged if leak), key=lambda leak: (order[leak.verdict], leak.told.limits[1]))
    return LeakHunt(tuple(leaks), len(looked_at) + (text is not None), len(sample.rows))


def find_followers(
    frame: pd.DataFrame, split: pd.Series, *, columns: Sequence[str], seed: int = 0
) -> tuple[Telling, ...]:
    """Look for ids whose order tells the rows that judge (dev, test) from those that are learnt from.

    Parameters
    ----------
    frame : DataFrame of n rows
    split : Series (n,)
        `train`, `train_dev`, `dev`, `test`.
    columns : sequence of str
    seed : int
        As in `find_leaks`.

    Examples
    --------
    >>> split = pd.Series(["train"] * 200 + ["test"] * 100)
    >>> frame = pd.DataFrame({"no": range(300), "id": np.random.default_rng(0).permutation(300)})
    >>> [each.columns for each in find_followers(frame, split, columns=["no", "id"])]
    [('no',)]
    """
    sample = draw_rows(split.isin(["dev", "test"]).to_numpy(dtype=np.int64), None, seed)
    ids = [name for name in columns if is_id_like(frame[name])] if sample else []
    heard = (hear(frame[name], sample, True, seed).best for name in ids if sample)
    return tuple(each for each in heard if each is not None and each.told.limits[1] <= ID_TELLS)


def _judge(
    telling: Telling, ordinary: Ordinary, sample: Sample, classes: Sequence[str], left_out: set[str]
) -> Leak | None:
    told, rest = telling.told, None
    if ordinary.predicted is not None:
        rest = judge(ordinary.predicted, sample.codes[ordinary.rows], told.target)
    verdict = _verdict(telling, rest, ordinary.alone.get(told.target, 1.0))
    learnt = not left_out & set(telling.columns)
    if verdict is None or (verdict == "cannot_tell" and not learnt):
        return None
    target = None if told.target == EVERY_CLASS else str(classes[sample.present[told.target]])
    return Leak(telling, verdict if learnt else "suspicious", target, rest, learnt)


def _verdict(telling: Telling, rest: Told | None, alone: float) -> Verdict | None:
    """Weigh a column against honest ones together (`rest`) and the best of them alone; None where it is ordinary."""
    told, high = telling.told, telling.told.limits[1]
    surely = high <= ALMOST_NONE
    if telling.kind == "id":
        return "gives_away" if high <= ID_TELLS else "suspicious"
    if telling.kind == "recoding" and told.target == EVERY_CLASS and not told.errors:
        return "gives_away" if surely else "suspicious"
    if rest is None:
        return "suspicious"
    apart = rest.limits[0] >= STANDS_OUT * high
    if is_measured(telling):
        return "suspicious" if apart else None
    if alone < max(STRONG, STANDS_OUT * high):
        return "cannot_tell" if surely else None
    given = apart or (telling.kind in NEVER_MEASURED and not told.errors)
    return "gives_away" if surely and given else "suspicious"
