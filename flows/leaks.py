"""Leaks and proxies, looked for as soon as the data is divided, and said before anything is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from burnish.flows.run import Run
from burnish.tasks.copies import copies_as_groups
from burnish.tasks.duplicates import hash_rows
from burnish.tasks.examples import Examples
from burnish.tasks.leak_findings import follower_finding, leak_facts, leak_findings
from burnish.tasks.leaks import find_followers, find_leaks
from burnish.tasks.proxies import find_proxies, proxy_findings
from burnish.tasks.shared_rows import content_of_groups, find_shared_rows, shared_finding
from burnish.tasks.split import join_groups


def hunt_leaks(run: Run, examples: Examples, table: pd.DataFrame, duplicates: pd.DataFrame) -> dict[str, Any]:
    """Look for what gives the label away, or an excluded attribute; give the section `leaks` of the summary."""
    options, frame, seed = run.config.data, examples.attributes, run.config.seed
    train = (table["split"] == "train").to_numpy()
    groups = join_groups(table["group"], copies_as_groups(duplicates["duplicate_group"])).to_numpy(dtype=object)
    roles = {options.source, options.group, options.text, run.config.weights.column, *options.exclude}
    unlearnt = [name for name in frame.columns if name not in {*examples.columns, *roles}]
    hunt = run.stage("Look for leaks", find_leaks)(
        frame,
        np.where(train, examples.codes, -1),
        classes=examples.classes,
        columns=examples.columns,
        left_out=[] if options.features else unlearnt,
        text=examples.text,
        groups=groups,
        seed=seed,
    )
    proxies = run.stage("Look for proxies", find_proxies)(
        frame,
        train,
        columns=examples.columns,
        excluded=[name for name in options.exclude if name in frame],
        groups=groups,
        seed=seed,
    )
    content = content_of_groups(duplicates["duplicate_group"])
    if examples.learn_from and examples.embeddings is None and examples.kind == "table":
        content = hash_rows(frame[list(examples.learn_from)])
    shared = find_shared_rows(content, table["split"], table["id"])
    followers = follower_finding(find_followers(frame, table["split"], columns=examples.columns, seed=seed))
    findings = [*leak_findings(hunt, shared_finding(shared)), *([followers] if followers else [])]
    findings += proxy_findings(proxies)
    run.add(*findings)
    for finding in findings:
        if finding.severity == "warning":
            run.say(finding.title)
    return leak_facts(hunt, shared, proxies)
