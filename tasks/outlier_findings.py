"""What is worth a word about outlier limits: too much outside, a treatment that does nothing, groups too small."""

from __future__ import annotations

import numpy as np
import pandas as pd

from burnish.tasks.fences import FEWEST_VALUES, Rule
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.label_checks import labels_as_text
from burnish.tasks.limits import Limits, Mask
from burnish.tasks.notation import things
from burnish.tasks.outliers import STRENGTH
from burnish.tasks.tables import list_names

MOST = 0.5  # share of the rows above which none is named
COMMON = 0.05  # share of a column outside its limits that is worth a word
SHOWN_IDLE = 5


def outlier_findings(limits: Limits, replaced: pd.DataFrame, rows: Mask, ids: pd.Series) -> tuple[Finding, ...]:
    """Say where so many training rows or cells lie outside their limits that these are no outliers.

    Where it is most of the rows, none is named.

    Parameters
    ----------
    limits : Limits
    replaced : DataFrame of n rows
        As `Limits.apply` gives it.
    rows : bool (n,)
        The training rows.
    ids : Series of str, n rows
    """
    touched = np.zeros(len(replaced), dtype=bool)
    for name in replaced.columns:
        touched |= replaced[name].to_numpy()
    share = float((touched & rows).sum() / max(rows.sum(), 1))
    found = [_most_rows(limits, share, int(touched.sum()))] if share > MOST else []
    for name in dict.fromkeys(each.column for each in limits.columns):
        cells = replaced[name].to_numpy() & rows
        if cells.sum() > COMMON * rows.sum():
            found.append(
                Finding(
                    code="outliers.common",
                    title=f"{cells.sum() / rows.sum():.0%} of the training rows lie outside the limits of {name!r}",
                    severity="warning",
                    explanation="What is so common is no outlier but a part of the data; treating it bends the column.",
                    method=f"`outliers.rule` at strength {limits.strength:g}, more than {COMMON:.0%} of the rows.",
                    advice="Set `outliers.rule: auto`, which leaves a tail alone that holds over 2%, or raise "
                    "`outliers.strength`.",
                    count=int(cells.sum()),
                    ids=() if share > MOST else tuple(ids[cells].head(SHOWN_IDS)),
                )
            )
    return tuple(found)


def _most_rows(limits: Limits, share: float, touched: int) -> Finding:
    return Finding(
        code="outliers.most_rows",
        title=f"{share:.0%} of the training rows have a value outside its limits: too many to be outliers",
        severity="warning",
        explanation="Outliers are far from the rest; what most rows have is the rest. Treating it bends every column.",
        method=f"`outliers.rule` at strength {limits.strength:g}, more than half of the rows.",
        advice="Set `outliers.rule: auto`, or raise `outliers.strength`.",
        count=touched,
    )


def idle_findings(limits: Limits, replaced: pd.DataFrame, rows: Mask, rule: Rule) -> tuple[Finding, ...]:
    """Say where a treatment or strength that was asked for does nothing, since the rule `auto` sees no reason for it.

    Nothing is said of what nobody asked for: winsorizing at the usual strength.

    Parameters
    ----------
    limits, replaced, rows
        As for `outlier_findings`.
    rule : str
        As given to `fit_limits`.
    """
    asked = [f"`outliers.method: {limits.method}`"] * (limits.method != "winsorize")
    asked += [f"`outliers.strength: {limits.strength:g}`"] * (limits.strength != STRENGTH)
    if rule != "auto" or limits.method == "keep" or not asked:
        return ()
    columns = dict(limits.by_column())
    idle = {
        name: each[0].rule
        for name, each in columns.items()
        if all(one.rule.startswith("left alone") for one in each) and not (replaced[name].to_numpy() & rows).any()
    }
    if not idle:
        return ()
    which = list_names([f"{name} ({why})" for name, why in idle.items()], SHOWN_IDLE)
    return (
        Finding(
            code="outliers.no_effect",
            title=f"{' and '.join(asked)} {'does' if len(asked) == 1 else 'do'} nothing in {len(idle):,} of "
            f"{things(len(columns), 'column')}: {which}",
            severity="warning",
            explanation="The rule `auto` looks at the column first: codes and counts, and tails that are too heavy or "
            "too common to be errors, have no limits, whatever the strength.",
            method="columns without limits, none of whose values was touched",
            advice="Nothing needs doing where that is right; `outliers.rule: mad` holds every column to the strength.",
            count=len(idle),
        ),
    )


def group_findings(groups: pd.Series, rows: Mask) -> tuple[Finding, ...]:
    """Say how many training rows are in groups too small for limits of their own.

    Parameters
    ----------
    groups : Series of n rows
        As given to `fit_limits`.
    rows : bool (n,)
        The training rows.

    Examples
    --------
    >>> group_findings(pd.Series(np.arange(40), name="name"), np.ones(40, dtype=bool))[0].title
    "none of the 40 values of 'name' has 30 training rows: all are held to the limits of the whole column"
    """
    codes, _ = pd.factorize(labels_as_text(groups[rows]))
    sizes = np.bincount(codes[codes >= 0])
    small = sizes < FEWEST_VALUES
    if not small.any():
        return ()
    few, held = int(small.sum()), int(sizes[small].sum())
    none_large = few == len(sizes)
    title = (
        f"none of the {few:,} values of {groups.name!r} has {FEWEST_VALUES} training rows: all are held to the limits "
        "of the whole column"
        if none_large
        else f"{few:,} of {len(sizes):,} values of {groups.name!r} have under {FEWEST_VALUES} training rows: their "
        f"{held:,} rows are held to the limits of the whole column"
    )
    return (
        Finding(
            code="outliers.small_groups",
            title=title,
            severity="warning" if held > MOST * sizes.sum() else "info",
            explanation="Limits learnt from so few rows would be those of chance.",
            method="training rows counted for each value of `outliers.by`",
            advice="Name a column of fewer values in `outliers.by`.",
            count=held,
        ),
    )
