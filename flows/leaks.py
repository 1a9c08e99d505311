"""Leaks and proxies, looked for as soon as the data is divided, and said before anything is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from burnish.flows.gates import crossed, leak_rules
from burnish.flows.run import LeakGateError, Run
from burnish.tasks.duplicates import row_codes
from burnish.tasks.examples import Examples
from burnish.tasks.leak_findings import follower_finding, leak_facts, leak_findings
from burnish.tasks.leak_steps import columns_to_drop, leak_steps, line_to_paste, why_stopped
from burnish.tasks.leaks import find_followers, find_leaks
from burnish.tasks.proxies import find_proxies, proxy_findings
from burnish.tasks.shared_rows import content_of_groups, find_shared_rows, shared_finding


def hunt_leaks(
    run: Run, examples: Examples, table: pd.DataFrame, duplicates: pd.DataFrame, joined: pd.Series
) -> dict[str, Any]:
    """Look for what gives the label away, or an excluded attribute; give the section `leaks` of the summary.

    `joined` are the groups given and those of copies, as one.
    """
    options, frame, seed = run.config.data, examples.attributes, run.config.seed
    train = (table["split"] == "train").to_numpy()
    roles = {options.source, options.group, options.text, run.config.weights.column, *options.exclude}
    unlearnt = [name for name in frame.columns if name not in {*examples.columns, *roles}]
    hunt = run.stage("Look for leaks", find_leaks)(
        frame,
        np.where(train, examples.codes, -1),
        classes=examples.classes,
        columns=examples.columns,
        left_out=[] if options.features else unlearnt,
        text=examples.text,
        groups=joined,
        seed=seed,
    )
    proxies = run.stage("Look for proxies", find_proxies)(
        frame,
        train,
        columns=examples.columns,
        excluded=[name for name in options.exclude if name in frame],
        groups=joined,
        seed=seed,
    )
    if examples.learn_from and examples.embeddings is None and examples.kind == "table":
        content = pd.Series(row_codes(frame[list(examples.learn_from)]), copy=False)
    else:
        content = content_of_groups(duplicates["duplicate_group"])
    shared = find_shared_rows(content, table["split"], table["id"])
    followers = follower_finding(find_followers(frame, table["split"], columns=examples.columns, seed=seed))
    shared_rows = shared_finding(shared)
    findings = [*leak_findings(hunt, shared_rows), *([followers] if followers else [])]
    findings += proxy_findings(proxies)
    run.add(*findings)
    for finding in findings:
        if finding.severity == "warning":
            run.say(finding.title)
    line = line_to_paste(columns_to_drop(hunt), exclude=options.exclude, features=options.features)
    steps = [step.as_dict() for step in leak_steps(hunt, shared_rows, line)]
    return leak_facts(hunt, shared, proxies, line) | {"next_steps": steps}


def stop_at_leaks(run: Run, table: pd.DataFrame, facts: dict[str, Any]) -> None:
    """Stop before anything is trained where a leak was found and a gate asks for it.

    Parameters
    ----------
    table : DataFrame of n rows
        The examples table as far as it goes.
    facts : dict
        The sections of `summary.json` that are known, `leaks` among them.

    Raises
    ------
    LeakGateError
    """
    findings = {"findings": [finding.as_dict() for finding in run.findings]}
    said = {rule: line for rule in leak_rules(run.fail_on) for line in crossed(findings, [rule])}
    if said:
        raise LeakGateError(why_stopped(facts["leaks"], list(said), list(said.values())), table, facts)
