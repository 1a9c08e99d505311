"""Which rows are shared out together: all of them, or by source where some sources judge and others are learnt from.

Two wishes are known. `train_sources` are learnt from and never judge; the other sources judge and are never learnt
from. `target` sources are where the model will be used: dev and test are drawn from them alone, and what is left of
them is shared with train, where all other sources are.

Source: Ng, "Machine Learning Yearning" (2018), chapters 36 to 39: of 10,000 pictures from phones 5,000 judge, the
others join the 200,000 from the web in training. Hence dev and test take half of the target sources at most.

Known failure: a group with rows of both kinds of source stays whole, in train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from burnish.tasks.apportion import DEV, TEST, TRAIN, TRAIN_DEV, Bools, Floats, Ints
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.notation import things
from burnish.tasks.part_sizes import check_names

JUDGING = 0.5  # of the target sources, at most

Target = Mapping[str, str | Sequence[str]]
Pool = tuple[Ints | slice, Floats]


def pools_of(
    rows: Bools,
    sources: ArrayLike | pd.Series | None,
    group: Ints,
    shares: Floats,
    *,
    train_sources: Sequence[str] | None = None,
    target: Target | None = None,
) -> list[Pool]:
    """Give the rows that are shared out together, and the shares of the parts among them.

    Parameters
    ----------
    rows : bool (n,)
        Those to share out.
    sources : (n,), optional
    group : int64 (n,)
        −1 for a row on its own.
    shares : float (4,)
    train_sources, target
        As `split.split` takes them; not both.

    Returns
    -------
    list of (int64 rows or the slice of all rows, float (4,) shares)

    Raises
    ------
    InputError
        A source that is not there, or none left for train, or for dev and test.
    """
    if target is not None:
        judging = _of_sources(sources, target_sources(target), "split.target.source")
    elif train_sources is not None:
        judging = ~_of_sources(sources, train_sources, "split.train_sources")
    else:
        return [(slice(None) if rows.all() else np.flatnonzero(rows), shares)]
    spanning = np.intersect1d(group[judging & (group >= 0)], group[~judging & (group >= 0)])
    judging = judging & ~np.isin(group, spanning)  # a group of both kinds of source stays whole, in train
    inside, outside = np.flatnonzero(rows & judging), np.flatnonzero(rows & ~judging)
    if target is not None:
        return _target_pools(inside, outside, shares, target_sources(target))
    if not len(inside) or not len(outside):
        lacking = "train: name at least one source" if len(inside) else "dev and test: leave a source out"
        raise InputError(f"split.train_sources is {list(train_sources or ())}, which leaves no examples for {lacking}.")
    held = min(0.5, shares[TRAIN_DEV] * rows.sum() / len(outside))
    judged = np.array([0, 0, shares[DEV], shares[TEST]]) / (shares[DEV] + shares[TEST])
    return [(outside, np.array([1 - held, held, 0, 0])), (inside, judged)]


def target_sources(target: Target) -> list[str]:
    """Give the sources that a target names.

    Raises
    ------
    InputError
        Another key than `source`, or no source.

    Examples
    --------
    >>> target_sources({"source": "phone"})
    ['phone']
    """
    check_names(target, ("source",), "split.target")
    named = target.get("source", ())
    named = [named] if isinstance(named, str) else list(named)
    if not named:
        raise InputError("split.target names no source: write for example target: {source: phone}.")
    return named


def target_findings(table: pd.DataFrame, target: Target, shares: Floats) -> list[Finding]:
    """Say where dev and test hold other sources too, or the target has too few examples for the sizes wanted.

    Parameters
    ----------
    table : DataFrame
        Columns label, source and split.
    target : mapping
    shares : float (4,)
        As wanted of the whole.
    """
    labelled = table["label"].notna()
    names = target_sources(target)
    own = labelled & table["source"].isin(names)
    have = int(own.sum())
    wanted = float((shares[DEV] + shares[TEST]) * labelled.sum())
    judging = labelled & table["split"].isin(["dev", "test"])
    foreign = int((judging & ~own).sum())
    if foreign:
        return [
            Finding(
                code="split.target_overruled",
                title=f"{foreign:,} of {int(judging.sum()):,} examples of dev and test are not of {', '.join(names)}",
                severity="warning",
                explanation="They are where an earlier run or their group has put them: dev and test do not mirror it.",
                method="sources of the labelled examples of dev and test against split.target",
                advice="Leave out `split.earlier` to divide anew by the target.",
                count=foreign,
            )
        ]
    if wanted <= JUDGING * have + 1:
        return []
    taken, together = int(judging.sum()), 0
    if "group" in table:
        beside = table["group"][labelled & ~own].dropna().unique()
        together = int((own & table["group"].isin(beside)).sum())
    return [
        Finding(
            code="split.target_short",
            title=f"{', '.join(names)}: {things(have, 'example')}, of which dev and test take {taken:,}, "
            f"not {wanted:,.0f}",
            severity="warning",
            explanation="Half of the target's examples judge, the others are learnt from, so dev and test are smaller "
            "than asked for and their errors less sure.",
            method="labelled examples of the target sources against the shares of dev and test",
            advice=f"{things(together, 'example')} of them share a group with other sources, and go to train: "
            "name a finer column under `data.group`, or leave it out."
            if together
            else "Collect more of them, or ask for smaller shares with `split.ratios`.",
            count=have,
        )
    ]


def _target_pools(inside: Ints, outside: Ints, shares: Floats, names: Sequence[str]) -> list[Pool]:
    n = len(inside) + len(outside)
    if not len(inside):
        raise InputError(
            f"split.target.source is {list(names)}, which has no labelled example of its own for dev and test: "
            "name a source that has."
        )
    judged = np.array([0.0, 0.0, shares[DEV], shares[TEST]]) * n / len(inside)
    most = JUDGING if len(outside) else 1 - shares[TRAIN] - shares[TRAIN_DEV]
    judged *= min(1.0, most / judged.sum())
    held = shares[TRAIN_DEV] / (shares[TRAIN] + shares[TRAIN_DEV])
    learnt = np.array([1 - held, held, 0.0, 0.0])
    pools = [(outside, learnt), (inside, judged + learnt * (1 - judged.sum()))]
    return [(rows, part) for rows, part in pools if len(rows)]


def _of_sources(sources: Any, names: Sequence[str], where: str) -> Bools:
    """Tell the rows of the sources named, (n,)."""
    given = pd.Series(sources).reset_index(drop=True).astype("str")
    check_names(names, sorted(given.dropna().unique()), where)
    return given.isin(list(names)).to_numpy(dtype=bool)
