"""`burnish check`: read the data and hold it against its contract, in seconds and without Prefect.

Nothing is written unless it is asked for: the contract learnt (`--learn`), the rows that break it (`--failing`), the
cells that are probably wrong (`--cells`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from burnish.flows.cells import check_cells
from burnish.flows.config import Config
from burnish.flows.division import check_division, check_groups, division_findings, split_options
from burnish.flows.opening import (
    contract_options,
    enforce_contract,
    given_names,
    open_examples,
    validated_frame,
    zones_mixed,
)
from burnish.flows.sections import Split
from burnish.tasks.check_results import LISTED
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.examples import Examples
from burnish.tasks.findings import SEVERITIES, Finding, InputError
from burnish.tasks.images import ImageScan, measure_images
from burnish.tasks.notation import things
from burnish.tasks.split import split
from burnish.tasks.suite_files import ENDINGS, Suite
from burnish.tasks.suspicions import COLUMNS
from burnish.tasks.validate import Validation, learn_suite, learning_findings, load_suite, save_suite

SHOWN_IDS = 5


@dataclass(frozen=True)
class Checked:
    """What a check found: lines for people, the number of critical findings, seconds it took."""

    lines: list[str]
    critical: int
    seconds: float


def check_data(
    config: Config,
    *,
    learn_to: Path | None = None,
    failing_to: Path | None = None,
    cells_to: Path | None = None,
    file: Path | None = None,
) -> Checked:
    """Read the data and hold it against its contract: the suite given, or one learnt from its own training rows.

    Parameters
    ----------
    config : Config
    learn_to : Path, optional
        Where to write the contract that is learnt; the one that is configured is then left aside.
    failing_to : Path, optional
        Where to write the offending rows, as CSV.
    cells_to : Path, optional
        Where to write the cells that are probably wrong, as CSV.
    file : Path, optional
        The configuration file, for saying how to go on.

    Raises
    ------
    InputError
        As `read_examples` and `enforce_suite`, or a file to be written is there already or cannot be.
    """
    began = time.perf_counter()
    _check_writable(learn_to, failing_to, cells_to)
    examples = open_examples(config)
    check_division(config, examples)
    findings = list(examples.findings)
    scan = None
    if examples.kind == "images":
        scan = measure_images(examples.root, examples.table["image"], ids=examples.table["id"])
        findings += scan.findings
    given = config.validate_.suite if learn_to is None else None
    divided: list[Finding] = []
    if given is None or config.split != Split():
        parts = _divide(config, examples)
        divided = division_findings(config, examples, parts)
    if given is not None:
        suite, against = load_suite(given), str(given)
    else:
        suite, against = _learn(config, examples, scan, parts), "a contract learnt from its own training rows"
        findings += learning_findings(suite)
    checked, frame = enforce_contract(config, examples, scan, suite, where="the suite" if given is None else against)
    findings += [*zones_mixed(examples), *checked.findings, *check_cells(config, examples, cells_to)]
    critical = sum(finding.severity == "critical" for finding in findings)
    lines = [*_about(examples), _against(checked, against), *_said([*findings, *divided])]
    if failing_to is not None:
        rows = checked.failing_rows(frame, examples.table["id"])
        escape_formulas(rows).to_csv(failing_to, index=False, lineterminator="\n")
        lines.append(f"{len(rows):,} offending cells are listed in {failing_to}")
    if learn_to is not None:
        save_suite(suite, learn_to)
        lines += _how_to_go_on(learn_to, file, len(suite["expectations"]))
    elif config.validate_.suite is None:
        lines.append(f"To keep a contract of your own: burnish check {file or 'CONFIG'} --learn contract.yaml")
    return Checked(lines, critical, time.perf_counter() - began)


def _check_writable(learn_to: Path | None, failing_to: Path | None, cells_to: Path | None) -> None:
    if learn_to is not None and learn_to.suffix.lower() not in ENDINGS:
        raise InputError(f"--learn {learn_to}: let its name end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if learn_to is not None and learn_to.exists():
        raise InputError(f"--learn {learn_to} is there already, perhaps edited; name another file, or remove it first")
    lists = (("--failing", failing_to, LISTED, "failing rows"), ("--cells", cells_to, ("id", *COLUMNS), "wrong cells"))
    for option, path, columns, what in lists:
        if path is not None and path.exists() and not _is_list_of(path, columns):
            raise InputError(f"{option} {path} is there already and no list of {what}; name another file")
    for option, path in (("--learn", learn_to), ("--failing", failing_to), ("--cells", cells_to)):
        if path is not None and not path.parent.is_dir():
            raise InputError(f"{option} {path}: there is no folder {path.parent}; make it, or name another file")


def _is_list_of(path: Path, columns: Sequence[str]) -> bool:
    with path.open("rb") as file:
        return file.readline().strip() == ",".join(columns).encode()


def _learn(config: Config, examples: Examples, scan: ImageScan | None, parts: pd.Series) -> Suite:
    """Learn a contract from the training rows."""
    frame = validated_frame(examples, scan, given_names(config, examples))
    rows = (parts == "train").to_numpy(dtype=bool)
    return learn_suite(frame, rows=rows, **contract_options(config, examples))


def _divide(config: Config, examples: Examples) -> pd.Series:
    check_groups(config, examples)
    table, options = examples.table, split_options(config, examples)
    return split(table["label"], table["source"], table["group"], **options, seed=config.seed)


def _about(examples: Examples) -> Iterator[str]:
    noun = "images" if examples.kind == "images" else "rows"
    sources = examples.table["source"].nunique()
    yield f"{len(examples.table):,} {noun}, {len(examples.classes)} classes, {things(sources, 'source')}"


def _against(checked: Validation, against: str) -> str:
    if not checked.results:
        return f"Nothing is asked of the data: {against} holds no expectation"
    failed = len(checked.failures)
    verdict = "all hold" if not failed else f"{failed} fail, {len(checked.critical_failures)} of them critical"
    return f"{len(checked.results)} expectations of {against}: {verdict}"


def _said(findings: list[Finding]) -> Iterator[str]:
    for finding in sorted(findings, key=lambda each: SEVERITIES.index(each.severity)):
        ids = (
            f" [{', '.join(finding.ids[:SHOWN_IDS])}{', …' if finding.count > SHOWN_IDS else ''}]"
            if finding.ids
            else ""
        )
        stop = "" if ids or not finding.title.endswith((".", "?", "!")) else finding.title[-1]
        advice = f"{'' if stop else '.'} {finding.advice}" if finding.advice else ""
        yield f"{finding.severity}: {finding.title}{ids}{advice}".replace("`", "")


def _how_to_go_on(suite: Path, file: Path | None, asked: int) -> list[str]:
    config = file or Path("CONFIG")
    named = os.path.relpath(suite.resolve(), config.resolve().parent)
    return [
        f"{asked} expectations were written to {suite}. Read and edit them, then name the file in {config}:",
        f"  validate: {{suite: {named}}}",
        f"From then on burnish check and burnish run enforce it; on the next batch: burnish check {config} "
        "--set data.path=NEXT",
    ]
