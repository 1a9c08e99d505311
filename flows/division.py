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
from burnish.tasks.copies import copies_as_groups
from burnish.tasks.examples import Examples
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.mirror import measure_mirrors
from burnish.tasks.part_sizes import check_names, part_shares
from burnish.tasks.pools import target_findings, target_sources
from burnish.tasks.split import join_groups, least_rows, measure_split, split
from burnish.tasks.strata import Strata, merge_strata, strata_findings
from burnish.tasks.time_order import time_bounds, time_findings

if TYPE_CHECKING:  # it imports Prefect, for which a check does not wait
    from burnish.flows.run import Run


def split_options(config: Config, examples: Examples) -> dict[str, Any]:
    """Give the keywords of `split`: columns and earlier parts in place of their names.

    Raises
    ------
    InputError
        A column that is not there, or an earlier run that cannot be used.
    """
    options = config.split.model_dump()
    earlier = _earlier(config, examples)
    return options | {
        "stratify": _columns(config, examples) if options["stratify"] else None,
        "time": None if options["time"] is None else _column(examples, options["time"], "split.time"),
        "earlier": None if earlier is None else earlier.part,
    }


def divide(run: Run, examples: Examples, duplicates: pd.DataFrame) -> tuple[pd.Series, dict[str, Any]]:
    """Give the part of each row, and the section of the summary; what was found goes to the run."""
    copies = copies_as_groups(duplicates["duplicate_group"])
    groups = join_groups(examples.table["group"], copies)
    options = split_options(run.config, examples)
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
    return parts, measured.as_dict() | _more(run, examples, table, options["time"], strata)


def mirror_facts(
    run: Run, features: NDArray[np.floating], judged: NDArray[np.bool_], parts: pd.Series, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Say how well each part's rows can be told from the others by their features."""
    measure = run.stage("Compare each part with the whole", measure_mirrors)
    inside = parts[judged].to_numpy(dtype=object)
    return [each.as_dict() for each in measure(features[judged], inside, names=names, seed=run.config.seed)]


def _more(
    run: Run,
    examples: Examples,
    table: pd.DataFrame,
    time: pd.Series | None,
    strata: Strata | None,
) -> dict[str, Any]:
    """Add what was asked for beyond proportions, with its findings."""
    options = run.config.split
    earlier = _earlier(run.config, examples)
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


def _earlier(config: Config, examples: Examples) -> Earlier | None:
    return None if config.split.earlier is None else read_earlier(config.split.earlier, examples.table)


def _columns(config: Config, examples: Examples) -> pd.DataFrame:
    names = config.split.stratify
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"split.stratify names {twice!r} twice: once is enough")
    return pd.concat([_column(examples, name, "split.stratify") for name in names], axis=1)


def _column(examples: Examples, name: str, key: str) -> pd.Series:
    check_names([name], [str(each) for each in examples.attributes.columns], key)
    return examples.attributes[name]
