"""`burnish check`: read and validate the data, in seconds and without Prefect; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from burnish.flows.config import Config
from burnish.flows.prepare import open_examples, validated_frame
from burnish.tasks.examples import Examples
from burnish.tasks.findings import SEVERITIES, Finding
from burnish.tasks.images import measure_images
from burnish.tasks.notation import things
from burnish.tasks.split import split
from burnish.tasks.validate import Validation, enforce_suite, learn_suite, load_suite

SHOWN_IDS = 5


@dataclass(frozen=True)
class Checked:
    """What a check found: lines for people, the number of critical findings, seconds it took."""

    lines: list[str]
    critical: int
    seconds: float


def check_data(config: Config) -> Checked:
    """Read the data and hold it against its contract: the suite given, or one learnt from its own training rows.

    Raises
    ------
    InputError
        As `read_examples` and `enforce_suite`.
    """
    began = time.perf_counter()
    examples = open_examples(config)
    findings = list(examples.findings)
    scan = None
    if examples.kind == "images":
        scan = measure_images(examples.root, examples.table["image"], ids=examples.table["id"])
        findings += scan.findings
    frame = validated_frame(examples, scan)
    if config.validate_.suite is None:
        parts = split(examples.table["label"], examples.table["source"], seed=config.seed)
        train = frame[(parts == "train").to_numpy()]
        suite = learn_suite(train, id_column="id", label_column="label", slack=config.validate_.slack)
        against = "a contract learnt from its own training rows"
    else:
        suite, against = load_suite(config.validate_.suite), str(config.validate_.suite)
    checked = enforce_suite(frame, suite, examples.table["id"])
    findings += checked.findings
    critical = sum(finding.severity == "critical" for finding in findings)
    lines = [*_about(examples), _against(checked, against), *_said(findings)]
    return Checked(lines, critical, time.perf_counter() - began)


def _about(examples: Examples) -> Iterator[str]:
    noun = "images" if examples.kind == "images" else "rows"
    sources = examples.table["source"].nunique()
    yield f"{len(examples.table):,} {noun}, {len(examples.classes)} classes, {things(sources, 'source')}"


def _against(checked: Validation, against: str) -> str:
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
        advice = f"; {finding.advice}" if finding.advice else ""
        yield f"{finding.severity}: {finding.title}{ids}{advice}"
