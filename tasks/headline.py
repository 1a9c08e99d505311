"""The ten lines a run ends with in the terminal, built from `summary.json` alone.

Each line is one fact with its figure and what was done about it; a stage that did not apply gives no line, because the
report says so at length. First what the data is, then what was wrong, what cleaning brought, and what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.tasks.notation import clean, count, cut, fixed, interval, number, percent, things, unknown, with_interval

MOST_LINES = 10
WIDEST = 150
GUESS = 0.5  # AUC
DIVISION = (  # codes of what is worth a line, worst first
    "split.empty_part",
    "split.target_overruled",
    "split.target_short",
    "split.time_crossed",
    "split.precision_missed",
    "split.large_group",
    "split.thin_strata",
)
SETTINGS = ("training.batch", "weights.zero", "settings.idle", "training.knobs", "augmentation.knobs")  # act otherwise
FEW_IDLE = ("weights.zero", "info")  # a detail, not worth a line


def headline(summary: Mapping[str, Any]) -> list[str]:
    """Give the terminal summary of a run.

    Parameters
    ----------
    summary : mapping
        The content of `summary.json`; keys may be missing or None.

    Returns
    -------
    list of str
        At most ten lines, none longer than 150 characters, without control characters.

    >>> headline({"name": "tea", "dataset": {"rows": 3, "classes": ["a", "b"]}})
    ['tea: 3 rows, 2 classes']
    """
    writers = (
        _data,
        _leaks,
        _division,
        _settings,
        _labels,
        _waiting,
        judged_line,
        _test_error,
        _verdict,
        _next_step,
        _worst_category,
        _duplicates,
        _mismatch,
        _checks,
    )
    lines = [line for writer in writers if (line := writer(summary))]
    return [cut(line, WIDEST) for line in lines[:MOST_LINES]]


def _part(summary: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = summary.get(key)
    return value if isinstance(value, Mapping) else {}


def _data(summary: Mapping[str, Any]) -> str:
    data = _part(summary, "dataset")
    noun = "image" if summary.get("kind") == "images" else "row"
    facts = [things(data.get("rows"), noun), things(len(data.get("classes") or ()), "class", "classes")]
    sources = _part(data, "sources")
    if len(sources) > 1:
        biggest = sorted(sources.items(), key=lambda item: (-(number(item[1]) or 0), str(item[0])))[:3]
        names = ", ".join(f"{cut(name, 20)} {count(size)}" for name, size in biggest)
        facts.append(f"{things(len(sources), 'source')} ({names}{', …' if len(sources) > 3 else ''})")
    for key, what in (("missing_labels", "without a label"), ("unreadable", "unreadable")):
        if number(data.get(key)):
            facts.append(f"{count(data.get(key))} {what}")
    return f"{cut(summary.get('name'), 40)}: " + ", ".join(facts)


def _leaks(summary: Mapping[str, Any]) -> str:
    """Warn of columns that were learnt from and give the label away: what follows is then too good to be true."""
    found = [each for each in _part(summary, "leaks").get("columns") or () if each.get("verdict") == "gives_away"]
    names = [" and ".join(str(name) for name in each.get("columns") or ()) for each in found if each.get("learnt")]
    if not names:
        return ""
    shown = ", ".join(cut(name, 24) for name in names[:2]) + (", …" if len(names) > 2 else "")
    verb = "gives" if len(names) == 1 else "give"
    if summary.get("stopped"):
        return f"{things(len(names), 'column')} {verb} the label away ({shown}); nothing was trained"
    return f"{things(len(names), 'column')} {verb} the label away ({shown}): the figures are too good; see data.exclude"


def _division(summary: Mapping[str, Any]) -> str:
    """Warn of a split that cannot be judged by as was asked for, with what to do about it."""
    found = [each for each in summary.get("findings") or () if each.get("code") in DIVISION]
    if not found:
        return ""
    worst = min(found, key=lambda each: DIVISION.index(each["code"]))
    return clean(f"{worst.get('title')}: {worst.get('advice')}").replace("`", "").removesuffix(".")


def _settings(summary: Mapping[str, Any]) -> str:
    """Name what was set and does nothing, or too much."""
    told = [each for each in summary.get("findings") or () if each.get("code") in SETTINGS]
    found = {each["code"]: str(each.get("title")) for each in told if (each["code"], each.get("severity")) != FEW_IDLE}
    return clean("; ".join(found[code] for code in SETTINGS if code in found))


def _labels(summary: Mapping[str, Any]) -> str:
    labels = _part(summary, "labels")
    by_split = _part(labels, "issues_by_split")
    found = number(by_split.get("train", 0 if by_split else None))
    sizes = _part(labels, "labelled_by_split") or _part(_part(summary, "splits"), "sizes")
    size = number(sizes.get("train"))
    found, what = (number(labels.get("issues")), "labels") if found is None or not size else (found, "training labels")
    if found is None:
        return ""
    if labels.get("voices") == {}:
        return "labels are taken as given: wrong ones were not looked for"
    unsure = [each for each in summary.get("findings") or () if each.get("code") == "mislabels.no_signal"]
    if unsure:
        return clean(str(unsure[0].get("title", "")))
    if not found:
        return f"no {what} look wrong"
    actions = _part(labels, "train_actions")
    done = f"{count(actions.get('relabel') or 0)} corrected, {count(actions.get('drop') or 0)} dropped"
    which = things(found, "label")
    if what == "training labels" and size:
        which = f"{count(found)} of {count(size)} {what} ({percent(found / size)})"
    return f"{which} {'is' if found == 1 else 'are'} probably wrong: {done} for training"


def _waiting(summary: Mapping[str, Any]) -> str:
    labels = _part(summary, "labels")
    review = number(_part(labels, "actions").get("review"))
    if not review:
        return ""
    judging = sum(number(n) or 0 for part, n in _part(labels, "waiting_by_split").items() if part in ("dev", "test"))
    where = f", {count(judging)} of them in dev and test, which only a person may change" if judging else ""
    return f"{things(review, 'label')} {'waits' if review == 1 else 'wait'} for your eyes in review.csv{where}"


def judged_line(summary: Mapping[str, Any]) -> str:
    """Say how right the suggestions were that a person has judged; empty where none was.

    >>> right = {"value": 0.825, "low": 0.68, "high": 0.913, "count": 33, "total": 40}
    >>> judged_line({"review": {"decided": 45, "suggestions": right}})
    'You judged 40 suggestions: 33 were right (82.5%, 68.0–91.3%)'
    """
    suggestions = _part(_part(summary, "review"), "suggestions")
    right, total = number(suggestions.get("count")), number(suggestions.get("total"))
    if right is None or not total:
        return ""
    verb = "was" if right == 1 else "were"
    share = f"{percent(suggestions)}, {interval(suggestions)}"
    return f"You judged {things(total, 'suggestion')}: {count(right)} {verb} right ({share})"


def _test_error(summary: Mapping[str, Any]) -> str:
    errors, rounds = _part(summary, "errors"), [r for r in summary.get("rounds") or () if isinstance(r, Mapping)]
    before, after = errors.get("test_as_given"), errors.get("test")
    second = _part(_part(summary, "test_without_suspects"), "error")
    if number(after) is None:
        return ""
    if _part(summary, "labels").get("voices") == {}:
        return f"test error {with_interval(after)}, trained on the labels as given"
    if any(turn.get("kept") and turn.get("round") == 0 for turn in rounds):
        return f"test error {with_interval(after)}, trained on the labels as given: cleaned ones did worse on dev"
    if "training" in summary and summary["training"] is None:
        return f"test error {with_interval(after)} by your own probabilities; no model was trained"
    aside = number(second) is not None and number(second) != number(after)
    left_out = f", {percent(second)} with suspect test labels left out" if aside else ""
    if any(turn.get("kept") and turn.get("relabelled") == turn.get("dropped") == 0 for turn in rounds):
        return f"test error {with_interval(after)}{left_out}; cleaning changed no training label"
    given = "" if number(before) is None else f"{with_interval(before)} trained on the labels as given, "
    line = f"test error {given}{with_interval(after)}{' after cleaning' if given else ''}{left_out}"
    if not given and len(rounds) > 1 and number(rounds[0].get("dev_error")) is not None:
        kept = next((turn for turn in reversed(rounds) if turn.get("kept")), rounds[-1])
        first, last = percent(rounds[0]["dev_error"]), percent(kept.get("dev_error"))
        line += f"; dev error {first} as given, {last} after cleaning"
    return line


def _verdict(summary: Mapping[str, Any]) -> str:
    diagnosis = _part(summary, "diagnosis")
    title = diagnosis.get("title") or diagnosis.get("verdict")
    return "" if unknown(title) else f"verdict: {clean(title)}"


def _next_step(summary: Mapping[str, Any]) -> str:
    steps = [s for s in _part(summary, "diagnosis").get("next_steps") or () if isinstance(s, Mapping)]
    if not steps:
        return ""
    return f"turn next: {clean(steps[0].get('title'))}"


def _worst_category(summary: Mapping[str, Any]) -> str:
    rows = [r for r in summary.get("error_categories") or () if isinstance(r, Mapping) and number(r.get("count"))]
    if not rows:
        return ""
    worst = min(rows, key=lambda r: (-(number(r.get("count")) or 0), str(r.get("category"))))
    wrong = summary.get("misclassified")
    part = (
        f"{count(worst['count'])} of {things(wrong, 'dev error')}"
        if number(wrong)
        else things(worst["count"], "dev error")
    )
    line = f"most frequent among the errors: {cut(worst.get('category'), 40)}, {part}"
    if number(worst.get("error_if_solved")) is None:
        return line
    now, then = percent(worst.get("error_now")), percent(worst["error_if_solved"])
    return f"{line}; solved, dev error would go from {now} to {then}"


def _duplicates(summary: Mapping[str, Any]) -> str:
    found = _part(summary, "duplicates")
    exact, near = number(found.get("exact")), number(found.get("near"))
    leaks = number(_part(summary, "splits").get("leaks"))
    if exact is None and near is None:
        return ""
    if not exact and not near:
        return "no duplicates"
    facts = [f"{count(exact or 0)} exact and {count(near or 0)} near duplicates"]
    if number(found.get("conflicting")):
        facts.append(f"{count(found.get('conflicting'))} with conflicting labels")
    if leaks is not None:
        facts.append("none straddles two parts" if not leaks else f"{things(leaks, 'leak')} between parts")
    return ", ".join(facts)


def _mismatch(summary: Mapping[str, Any]) -> str:
    rows = [r for r in summary.get("mismatch") or () if isinstance(r, Mapping)]
    differ = [r for r in rows if r.get("verdict") == "differs"]
    if differ:
        worst = min(differ, key=lambda r: (-(number(r.get("auc")) or 0), str(r.get("a")), str(r.get("b"))))
        other = f" (and {things(len(differ) - 1, 'other pair')})" if len(differ) > 1 else ""
        auc = f"{fixed(worst.get('auc'))}, {fixed(worst.get('low'))}–{fixed(worst.get('high'))}"
        pair = f"{cut(worst.get('a'), 30)} and {cut(worst.get('b'), 30)}"
        if (low := number(worst.get("low"))) is not None and low <= GUESS:
            drivers = ", ".join(cut(name, 30) for name in (worst.get("drivers") or ())[:3])
            return f"{pair} do not look alike{f', most in {drivers}' if drivers else ''}{other}"
        return f"{pair} do not look alike: told apart with AUC {auc}{other}"
    if rows and all(r.get("verdict") == "same" for r in rows):
        return "train, dev and test look alike"
    return ""


def _checks(summary: Mapping[str, Any]) -> str:
    facts = []
    checks = _part(summary, "validation")
    if number(checks.get("checks")):
        failed = number(checks.get("failed"))
        facts.append(
            f"{count(checks.get('checks'))} checks on the data, "
            + (f"{count(failed)} failed" if failed else "all passed")
        )
    images = _part(summary, "images")
    found = {flag: n for flag, n in images.items() if number(n) and flag != "left_out"}
    flags = [f"{count(n)} {clean(flag).replace('_', ' ')}" for flag, n in found.items()]
    if flags:
        out = f" ({count(images['left_out'])} left out of training)" if number(images.get("left_out")) else ""
        facts.append("images: " + ", ".join(flags[:4]) + out)
    outliers = _part(summary, "outliers")
    if (number(outliers.get("rows_share")) or 0) > 0.5:
        facts.append(
            f"{percent(outliers['rows_share'])} of the rows outside their limits, no outliers: see outliers.rule"
        )
    elif number(outliers.get("rows")):
        facts.append(f"{things(outliers['rows'], 'row')} with an extreme value")
    return "; ".join(facts)
