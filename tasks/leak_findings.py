"""What was found about leaks, said: a finding for each column that tells the label, and the section of `summary.json`.

Found by `leaks`, `shared_rows` and `proxies`. A column that gives the label away is a warning, which `--fail-on leak`
fails on; one that is only suspiciously good is a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from burnish.tasks.findings import Finding
from burnish.tasks.hearing import Kind, Telling
from burnish.tasks.leaks import Leak, LeakHunt
from burnish.tasks.notation import percent, things
from burnish.tasks.proxies import Proxy
from burnish.tasks.shared_rows import SharedRows
from burnish.tasks.single_column import EVERY_CLASS, Told

SINGLY = 10  # leaks with a finding of their own; the others share one
METHOD = (
    "One column at a time on training rows held out in five folds (of a number its quantiles, and a small tree), "
    "beside a random forest of the ordinary columns"
)
HOW: dict[Kind, str] = {
    "recoding": "it is a code for the label, a value a class",
    "many_to_one": "each of its values belongs to one class",
    "number": "its size says it",
    "missing": "whether it is filled in says it",
    "id": "its order follows the label, as when ids were given out class by class",
    "date": "its date says it",
    "text": "a word says it",
}
ADVICE: dict[Kind, str] = {
    "id": "Add it to data.exclude, or name it under data.id: what names an example is no property of it.",
    "missing": "It is filled in after the label is known, or for one class only: add it to data.exclude.",
    "date": "If it is written down after the label is known, add it to data.exclude (of two dates, the later one).",
    "text": "Take the word out of the text, or learn from text that was written before the label was known.",
}
ADVICE_OTHERWISE = "If it is not known at the time when the model is asked, add it to data.exclude."
ADVICE_UNLEARNT = "Nothing needs doing: the model does not see it. Never name it under data.features."


def leak_findings(hunt: LeakHunt, shared: Finding | None) -> list[Finding]:
    """Say what gives the label away, worst first; that nothing does is said too."""
    away = [leak for leak in hunt.leaks if leak.verdict == "gives_away"]
    odd = [leak for leak in hunt.leaks if leak.verdict == "suspicious"]
    easy = [leak for leak in hunt.leaks if leak.verdict == "cannot_tell"]
    said = [_away(leak) for leak in away[:SINGLY]]
    if len(away) > SINGLY:
        said.append(_further(away[SINGLY:]))
    said += [_suspicious(leak) for leak in odd[:SINGLY]]
    if easy:
        said.append(_easy(easy))
    if not hunt.rows:
        said.append(Finding("leak.none", "Leaks were not looked for: too few labelled training rows", "cannot_tell"))
    elif not hunt.columns:
        title = "Leaks in columns do not apply: nothing is learnt from columns"
        said.append(Finding("leak.none", title, "not_applicable"))
    elif not (away or odd or easy):
        title = f"No column gives the label away, of {things(hunt.columns, 'column')}"
        said.append(Finding("leak.none", title, "ok", method=METHOD))
    return [*said, *([shared] if shared else [])]


def follower_finding(followers: Sequence[Telling]) -> Finding | None:
    """Say which ids tell by their order what is judged from what is learnt from; None where there are none."""
    if not followers:
        return None
    names = ", ".join(repr(each.columns[0]) for each in followers[:5])
    value, low, high = followers[0].told.accuracy
    return Finding(
        code="leak.split",
        title=f"The order of {names} tells the rows that judge from those that are learnt from, {percent(value)} right "
        f"({percent(low)} to {percent(high)})",
        severity="info",
        explanation="Dev and test come from another stretch of the ids than train: another time, or another file.",
        method="The order of unique ids alone, on rows held out in five folds.",
        advice="That is meant where the split goes by time or source; otherwise look how the file was put together.",
        count=len(followers),
    )


def leak_facts(hunt: LeakHunt, shared: SharedRows, proxies: Sequence[Proxy], to_paste: str = "") -> dict[str, Any]:
    """Give the section `leaks` of `summary.json`; `to_paste` is the line of the configuration that takes leaks out."""
    return {
        "examined": hunt.columns,
        "rows": hunt.rows,
        "gives_away": sum(leak.verdict == "gives_away" for leak in hunt.leaks),
        "not_learnt": sum(not leak.learnt for leak in hunt.leaks),
        "to_paste": to_paste,
        "columns": [_facts(leak) for leak in hunt.leaks],
        "shared_rows": shared.as_dict(),
        "proxies": [proxy.as_dict() for proxy in proxies],
    }


def _facts(leak: Leak) -> dict[str, Any]:
    return {
        "columns": list(leak.telling.columns),
        "kind": leak.telling.kind,
        "verdict": leak.verdict,
        "target": leak.target,
        "learnt": leak.learnt,
        "how": _how(leak.telling),
        "rows": leak.told.rows,
        "errors": leak.told.errors,
        "accuracy": _rate(leak.told),
        "auc": leak.told.auc,
        "guess": 1 - leak.told.rarer / leak.told.rows,
        "ordinary": None if leak.ordinary is None else _rate(leak.ordinary),
    }


def _rate(told: Told) -> dict[str, float]:
    value, low, high = told.accuracy
    return {"value": value, "low": low, "high": high}


def _name(telling: Telling) -> str:
    if len(telling.columns) == 2:
        return f"The time between {telling.columns[0]!r} and {telling.columns[1]!r}"
    return repr(telling.columns[0])


def _how(telling: Telling) -> str:
    if telling.kind == "date" and len(telling.columns) == 2:
        return "the days between two dates say it"
    if telling.kind == "text":
        return f"{telling.note} says it"
    if telling.kind == "many_to_one" and telling.told.target != EVERY_CLASS:
        return "each of its values stands for that class, or for others"
    if telling.kind in ("id", "number") and telling.note:
        return telling.note
    return f"{HOW[telling.kind]}; {telling.note}" if telling.note else HOW[telling.kind]


def _figures(leak: Leak) -> str:
    value, low, high = leak.told.accuracy
    what = "the label" if leak.target is None else f"whether it is {leak.target!r}"
    others = f"; the ordinary columns together {percent(leak.ordinary.accuracy[0])}" if leak.ordinary else ""
    return (
        f"alone it tells {what} right on {percent(value)} of {leak.told.rows:,} held-out rows "
        f"({percent(low)} to {percent(high)}{others})"
    )


def _away(leak: Leak) -> Finding:
    return Finding(
        code=f"leak.{leak.telling.kind}",
        title=f"{_name(leak.telling)} gives the label away: {_how(leak.telling)}; {_figures(leak)}",
        severity="warning",
        explanation="The model would learn this column in place of the examples: every figure of this run is then too "
        "good, and of no use where the column is not known yet.",
        method=METHOD + ".",
        advice=ADVICE.get(leak.telling.kind, ADVICE_OTHERWISE),
        count=leak.told.rows,
    )


def _unlearnt(leak: Leak) -> Finding:
    return Finding(
        code="leak.suspicious",
        title=f"{_name(leak.telling)} tells the label, but is not learnt from: {_how(leak.telling)}; {_figures(leak)}",
        severity="info",
        explanation="It does this model no harm; it would, were it learnt from.",
        method=METHOD + ".",
        advice=ADVICE_UNLEARNT,
        count=leak.told.rows,
    )


def _suspicious(leak: Leak) -> Finding:
    if not leak.learnt:
        return _unlearnt(leak)
    return Finding(
        code="leak.suspicious",
        title=f"{_name(leak.telling)} is suspiciously good: {_how(leak.telling)}; {_figures(leak)}",
        severity="info",
        explanation="It may be an honest and strong feature, or the label in another form.",
        method=METHOD + "; its errors lie where the classes mix, or there are too few rows to be sure.",
        advice=ADVICE.get(leak.telling.kind, ADVICE_OTHERWISE),
        count=leak.told.rows,
    )


def _further(leaks: Sequence[Leak]) -> Finding:
    return Finding(
        code="leak.further",
        title=f"{things(len(leaks), 'more column')} giving the label away: {_names(leaks)}",
        severity="warning",
        method=METHOD + ".",
        advice=ADVICE_OTHERWISE,
        count=len(leaks),
    )


def _easy(leaks: Sequence[Leak]) -> Finding:
    many = len(leaks) > 1
    return Finding(
        code="leak.easy",
        title=f"{things(len(leaks), 'column')} {'tell' if many else 'tells'} the label almost surely, and others "
        f"nearly as well: {_names(leaks)}",
        severity="cannot_tell",
        explanation="The label is easy here, and an honest feature looks like a leak.",
        method=METHOD + ".",
        advice="Make sure that these columns are known at the time when the model is asked.",
        count=len(leaks),
    )


def _names(leaks: Sequence[Leak]) -> str:
    shown = ", ".join(_name(leak.telling) for leak in leaks[:5])
    return shown + (f" and {len(leaks) - 5} more" if len(leaks) > 5 else "")
