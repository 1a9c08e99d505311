"""The stage that divides the rows into train, train_dev, dev and test, and says how each part mirrors the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.config import Config
from burnish.tasks.assignments import Earlier, earlier_findings, read_earlier
from burnish.tasks.balance import codes_of
from burnish.tasks.examples import Examples
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.mirror import measure_mirrors
from burnish.tasks.multivariate import Rows
from burnish.tasks.notation import things
from burnish.tasks.part_sizes import check_names, part_shares
from burnish.tasks.pools import target_findings, target_sources
from burnish.tasks.split import check_options, least_rows, measure_split, split
from burnish.tasks.strata import Strata, merge_strata, strata_findings
from burnish.tasks.time_order import time_bounds, time_findings

FEW_ROWS = 100  # with more, train holds two of a class or has classes of one throughout

if TYPE_CHECKING:  # it imports Prefect, for which a check does not wait
    from burnish.flows.run import Run


def split_options(config: Config, examples: Examples, earlier: Earlier | None = None) -> dict[str, Any]:
    """Give the keywords of `split`: columns and earlier parts in place of their names.

    Parameters
    ----------
    config : Config
    examples : Examples
    earlier : Earlier, optional
        What `earlier_parts` gives, where it is known already.

    Raises
    ------
    InputError
        A column that is not there, or an earlier run that cannot be used.
    """
    options = config.split.model_dump()
    earlier = earlier_parts(config, examples) if earlier is None else earlier
    return options | {
        "stratify": _columns(config, examples) if options["stratify"] else None,
        "time": None if options["time"] is None else _column(config, examples, options["time"], "split.time"),
        "earlier": None if earlier is None else earlier.part,
    }


def check_division(config: Config, examples: Examples) -> None:
    """Refuse a division that cannot be made, before anything is written.

    Raises
    ------
    InputError
        As `split_options` and `split` say it.
    """
    options, table = split_options(config, examples), examples.table
    if config.data.source is None:
        for key in ("target", "train_sources"):
            if options[key] is not None:
                raise InputError(f"split.{key} needs to know each row's source: name the column under data.source")
    check_options(table["label"], table["source"], **options)


def check_groups(config: Config, examples: Examples) -> None:
    """Refuse groups that leave nothing to divide.

    Raises
    ------
    InputError
        All labelled examples are of one group.
    """
    table = examples.table
    if config.data.group is None or len(table) < 2:
        return
    groups = table["group"][table["label"].notna()]
    if len(groups) and groups.notna().all() and (groups == groups.iloc[0]).all():
        raise InputError(
            f"data.group: all {len(groups):,} labelled examples are of one group, {groups.iloc[0]!r} in "
            f"{config.data.group!r}, and one group is never divided into train, dev and test: name a finer column, or "
            "leave it out"
        )


def division_findings(config: Config, examples: Examples, parts: pd.Series) -> list[Finding]:
    """Give what is wrong with a division, as a run would say it; copies are not looked for.

    Parameters
    ----------
    config : Config
    examples : Examples
    parts : Series of n rows
        The part of each example, as `split` gives it.
    """
    earlier, table = earlier_parts(config, examples), examples.table.assign(split=parts)
    options = split_options(config, examples, earlier)
    strata = None if options["stratify"] is None else _strata(config, options["stratify"], table)
    bounds = None if options["time"] is None else time_bounds(table, options["time"])
    measured = measure_split(table, test_halfwidth=config.split.test_halfwidth)
    found = [*measured.findings, *_found(config, table, strata, options["time"], bounds, earlier)]
    return [each for each in found if each.severity in ("critical", "warning")]


def check_trainable(config: Config, examples: Examples) -> None:
    """Refuse a division that leaves too little to learn from, where few rows or the sources to train on make it likely.

    Raises
    ------
    InputError
        Train would hold one class, or no two examples of any.
    """
    table, sources = examples.table, config.split.train_sources
    if len(table) > FEW_ROWS and sources is None:
        return
    parts = split(table["label"], table["source"], table["group"], **split_options(config, examples), seed=config.seed)
    learnt = table["label"][parts == "train"].value_counts()
    if len(learnt) < 2 or learnt.max() < 2:
        given = things(int(table["label"].notna().sum()), "labelled example")
        of_sources = "" if sources is None else f" of the sources in split.train_sources ({', '.join(sources)})"
        raise InputError(
            f"of {given} train would get {learnt.sum():,}, in {things(len(learnt), 'class', 'classes')}: give more "
            f"examples{of_sources}, ten of each class at least"
        )


def divide(run: Run, examples: Examples, copies: pd.Series, groups: pd.Series) -> tuple[pd.Series, dict[str, Any]]:
    """Give the part of each row, and the section of the summary; what was found goes to the run.

    `groups` are the groups given and those of `copies`, as one.

    Raises
    ------
    InputError
        All labelled examples are copies of one another.
    """
    _check_copies(groups[examples.table["label"].notna()])
    earlier = earlier_parts(run.config, examples)
    options = split_options(run.config, examples, earlier)
    given = examples.table["label"], examples.table["source"]
    parts = run.stage("Split", split)(*given, groups, **options, seed=run.config.seed)
    table = examples.table.assign(split=parts)
    strata = None if options["stratify"] is None else _strata(run.config, options["stratify"], table)
    measured = run.stage("Measure the split", measure_split)(
        table,
        copies,
        strata=None if strata is None else strata.codes,
        test_halfwidth=run.config.split.test_halfwidth,
    )
    run.add(*measured.findings)
    return parts, measured.as_dict() | _more(run, table, options["time"], strata, earlier)


def _check_copies(groups: pd.Series) -> None:
    if len(groups) > 1 and groups.notna().all() and (groups == groups.iloc[0]).all():
        raise InputError(
            f"all {len(groups):,} labelled examples are copies of one another, the same or nearly so: nothing tells "
            "their classes apart; give examples that differ"
        )


def mirror_facts(
    run: Run,
    features: Rows,
    judged: NDArray[np.bool_],
    parts: pd.Series,
    names: tuple[str, ...],
    columns: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Say how well each part's rows can be told from the others by their features, those numbered in `columns`."""
    measure = run.stage("Compare each part with the whole", measure_mirrors)
    inside = parts if judged.all() else parts.where(judged)
    return [each.as_dict() for each in measure(features, inside, names=names, columns=columns, seed=run.config.seed)]


def _more(
    run: Run,
    table: pd.DataFrame,
    time: pd.Series | None,
    strata: Strata | None,
    earlier: Earlier | None,
) -> dict[str, Any]:
    """Add what was asked for beyond proportions, with its findings."""
    options = run.config.split
    bounds = None if time is None else time_bounds(table, time)
    found = list(_found(run.config, table, strata, time, bounds, earlier))
    mirrored = options.target is not None and not any(each.code == "split.target_overruled" for each in found)
    facts = {
        "stratified": None if strata is None else strata.as_dict(),
        "time": None if time is None else {"column": str(time.name), "bounds": bounds},
        "earlier": None if earlier is None else earlier.as_dict(),
        "target": target_sources(options.target.model_dump()) if options.target and mirrored else None,
    }
    run.add(*found)
    return facts


def _found(
    config: Config,
    table: pd.DataFrame,
    strata: Strata | None,
    time: pd.Series | None,
    bounds: dict[str, list[str]] | None,
    earlier: Earlier | None,
) -> Iterator[Finding]:
    if strata is not None:
        yield from strata_findings(strata)
    if time is not None and bounds is not None:
        yield from time_findings(table, time, bounds)
    if earlier is not None:
        yield from earlier_findings(earlier, ids_from_content=config.data.id is None)
    if config.split.target is not None:
        yield from target_findings(table, config.split.target.model_dump(), _shares(config, table))


def _shares(config: Config, table: pd.DataFrame) -> NDArray[np.float64]:
    options = config.split
    return part_shares(options.ratios, options.test_halfwidth, options.train_dev, int(table["label"].notna().sum()))


def _strata(config: Config, columns: pd.DataFrame, table: pd.DataFrame) -> Strata:
    return merge_strata(
        columns, codes_of(table["label"]), codes_of(table["source"]), least_rows(_shares(config, table))
    )


def earlier_parts(config: Config, examples: Examples) -> Earlier | None:
    """Give the parts of the run named under split.earlier, or None."""
    return None if config.split.earlier is None else read_earlier(config.split.earlier, examples.table)


def _columns(config: Config, examples: Examples) -> pd.DataFrame:
    names = config.split.stratify
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"split.stratify names {twice!r} twice: once is enough")
    return pd.concat([_column(config, examples, name, "split.stratify") for name in names], axis=1)


def _column(config: Config, examples: Examples, name: str, key: str) -> pd.Series:
    """Give a column that is divided by; the roles that cannot be are named."""
    if name in examples.attributes:
        return examples.attributes[name]
    data = config.data
    labels = [data.label] if isinstance(data.label, str) else data.label or []
    if name in ("label", "source", *labels) and key == "split.stratify":
        raise InputError(
            f"{key} names {name!r}: every part has its share of each label and source anyway; leave it out"
        )
    for role, columns in (("labels", labels), ("ids", [data.id]), ("groups", [data.group]), ("images", [data.image])):
        if name in columns:
            raise InputError(f"{key} names {name!r}, which is the column of {role}: name another one")
    check_names([name], [str(each) for each in examples.attributes.columns], key)
    raise AssertionError(name)
