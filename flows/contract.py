"""The contract on the data, as a stage: learnt on the training rows or given, enforced on all, its verdicts written."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from burnish.flows.opening import (
    contract_options,
    enforce_contract,
    given_names,
    suite_names,
    validated_frame,
    zones_mixed,
)
from burnish.flows.run import BrokenContractError, Run, write_json
from burnish.tasks.check_results import shown_results
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.data_docs import write_data_docs
from burnish.tasks.examples import Examples
from burnish.tasks.images import ImageScan
from burnish.tasks.validate import Validation, date_suite, learn_suite, learning_findings, load_suite, save_suite

FAILING_ROWS = "failing_rows.csv"
RESULTS = "validation/results.json"
DATA_DOCS = "validation/data_docs"


def validate(
    run: Run, examples: Examples, table: pd.DataFrame, scan: ImageScan | None, known: dict[str, Any]
) -> dict[str, Any]:
    """Learn the contract on the training rows, or enforce the one that is given; stop where it is broken badly.

    `known` are the facts so far, which a stop leaves behind.
    """
    options = run.config.validate_
    if options.suite is None:
        learn = run.stage("Learn the data contract", learn_suite)
        frame = validated_frame(examples, scan, given_names(run.config, examples))
        rows = (table["split"] == "train").to_numpy()
        suite = learn(frame, rows=rows, classes=examples.classes, **contract_options(run.config, examples))
        run.add(*learning_findings(suite))
    else:
        suite = load_suite(options.suite)
    save_suite(suite, run.path("validation/suite.json"))
    where = "the suite" if options.suite is None else str(options.suite)
    checked, frame = run.stage("Validate", enforce_contract)(run.config, examples, scan, suite, where)
    facts = _facts(checked, table["id"])
    write_json(run.path(RESULTS), facts)
    facts = shown_results(facts, RESULTS)
    if checked.failures:
        failing = escape_formulas(checked.failing_rows(frame, table["id"]))
        failing.to_csv(run.path(f"validation/{FAILING_ROWS}"), index=False, lineterminator="\n")
    run.add(*zones_mixed(examples), *checked.findings)
    if options.data_docs:
        names = suite_names(suite, given_names(run.config, examples))
        docs = validated_frame(examples, scan, names)
        dated = date_suite(suite, datetime.now().astimezone().date())
        run.add(run.stage("Write Data Docs", write_data_docs)(docs, dated, run.folder / DATA_DOCS))
    if not checked.success:
        broken = "; ".join(finding.title for finding in checked.findings if finding.severity == "critical")
        raise BrokenContractError(
            f"the data breaks its contract ({broken}); see {run.folder / 'validation' / FAILING_ROWS}",
            table,
            known | {"validation": facts},
        )
    return facts


def _facts(checked: Validation, ids: pd.Series) -> dict[str, Any]:
    """Give a validation as its section of `summary.json`."""
    rows = {"failing_rows": f"validation/{FAILING_ROWS}"} if checked.failures else {}
    return checked.as_dict(ids) | {"suite": "validation/suite.json"} | rows
