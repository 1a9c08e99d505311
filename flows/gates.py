"""Gates: rules that turn what a run found into exit status 1.

A rule is a finding's code (`labels.missing`) or the part before its dot (`labels`), which is crossed by a warning or
worse; or a figure of `summary.json` with a bound (`errors.test.value>0.05`). `leak` is crossed by a column that gives
the label away and by rows that train shares with dev or test; a column that is only suspiciously good crosses nothing.
Rules about leaks stop a run before it trains anything, all others are looked at when it is done.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any

from burnish.tasks.findings import InputError
from burnish.tasks.hints import closest

BOUND = re.compile(r"^([\w.]+?)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)$")
CODE = re.compile(r"^[a-z_]+(\.[\w-]+)*$")
COMPARE = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
FIGURES = (
    "errors", "errors_believed", "errors_as_given", "labels", "metrics", "dataset", "splits", "validation", "cells",
    "outliers", "duplicates", "leaks", "annotators", "review", "images", "diagnosis", "misclassified", "weights",
    "training", "seconds", "test_without_suspects",
)  # fmt: skip
SUBJECTS = (
    "labels", "mislabels", "annotators", "columns", "source", "images", "duplicates", "split", "validation", "mismatch",
    "rounds", "leak", "cells", "outliers",
)  # fmt: skip
SERIOUS = {"critical", "warning"}


def check_rules(rules: Sequence[str]) -> None:
    """Refuse a rule that is neither a code nor a bound.

    Raises
    ------
    InputError
        Names the rule and how to write one.
    """
    for rule in rules:
        if CODE.match(rule) and rule.split(".")[0] not in SUBJECTS:
            raise InputError(f"--fail-on {rule!r}: no finding has such a code; {_meant(rule, SUBJECTS)}")
        bound = BOUND.match(rule)
        section = bound[1].split(".")[0] if bound else FIGURES[0]
        if section not in FIGURES:
            raise InputError(f"--fail-on {rule!r}: summary.json has no section {section}; {_meant(section, FIGURES)}")
        if not (bound or CODE.match(rule)):
            raise InputError(f"--fail-on {rule!r}: write a finding's code (labels) or a bound (errors.test.value>0.05)")


def _meant(written: str, known: tuple[str, ...]) -> str:
    near = closest(written.split(".")[0], known)
    return f"did you mean {near[0]}?" if near else f"write one of {', '.join(known)}"


def leak_rules(rules: Sequence[str]) -> list[str]:
    """Give the rules about leaks, which are held against a run before anything is trained.

    >>> leak_rules(["leak", "labels", "leak.rows", "leaks.gives_away>1"])
    ['leak', 'leak.rows']
    """
    return [rule for rule in rules if CODE.match(rule) and rule.split(".")[0] == "leak"]


def crossed(summary: dict[str, Any], rules: Sequence[str]) -> list[str]:
    """Give the rules that a run's summary crosses, each with what crossed it.

    Raises
    ------
    InputError
        A bound names a figure that the summary does not hold.

    Examples
    --------
    >>> summary = {"errors": {"test": {"value": 0.08}}, "findings": []}
    >>> crossed(summary, ["errors.test.value>0.05", "labels"])
    ['errors.test.value>0.05 (it is 0.08)']
    """
    said = (_crossed_bound(summary, rule) or _crossed_code(summary, rule) for rule in rules)
    return [line for line in said if line]


def _crossed_bound(summary: dict[str, Any], rule: str) -> str | None:
    bound = BOUND.match(rule)
    if not bound:
        return None
    figure: Any = summary
    for key in bound[1].split("."):
        figure = figure.get(key) if isinstance(figure, dict) else None
    if not isinstance(figure, int | float):
        raise InputError(f"--fail-on {rule}: summary.json holds no figure {bound[1]}")
    return f"{rule} (it is {figure:.4g})" if COMPARE[bound[2]](figure, float(bound[3])) else None


def _crossed_code(summary: dict[str, Any], rule: str) -> str | None:
    for finding in summary["findings"]:
        if finding["severity"] in SERIOUS and (finding["code"] == rule or finding["code"].startswith(f"{rule}.")):
            return f"{rule}: {finding['title']}"
    return None
