"""What to do about a leak: the first of the next steps, the line of the configuration to paste, and why a run stopped.

A figure that a leak made says nothing, so leaks come before every knob. A column is taken out by `data.exclude`, or,
where `data.features` names the columns to learn from, by leaving it out there; of two dates the later one goes. A word
within a text can't be taken out by a setting; nor can rows that train shares with dev or test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from burnish.tasks.findings import Finding
from burnish.tasks.leaks import Leak, LeakHunt
from burnish.tasks.notation import cut, things

NAMED = 3  # columns in a title
SHOWN = 400  # letters of a line of the configuration in a sentence
ROWS, ROWS_STEP = "leak.rows", "leak.next.rows"
FITS_NO_LINE = "the line is in `summary.json` under `leaks.to_paste`"


def columns_to_drop(hunt: LeakHunt) -> list[str]:
    """Name the columns that give the label away and that a setting takes out, worst first.

    A column of text is kept: a word gives the label away, not the text.
    """
    leaks = [leak for leak in _away(hunt) if leak.telling.kind != "text"]
    return list(dict.fromkeys(leak.telling.columns[-1] for leak in leaks))


def line_to_paste(columns: Sequence[str], *, exclude: Sequence[str] = (), features: Sequence[str] | None = None) -> str:
    """Write the line of the configuration, under `data:`, that leaves columns out; empty where there are none.

    Parameters
    ----------
    columns : sequence of str
        To leave out.
    exclude, features : sequence of str
        `data.exclude` and `data.features` as they are.

    Examples
    --------
    >>> line_to_paste(["closed", "no"], exclude=["sex"])
    "exclude: [sex, closed, 'no']"
    >>> line_to_paste(["closed"], features=["age", "closed"])
    'features: [age]'
    """
    if not columns:
        return ""
    key, names = "exclude", [*exclude, *(name for name in columns if name not in exclude)]
    if features:
        key, names = "features", [name for name in features if name not in columns]
    style = None if all(name.isprintable() for name in names) else '"'
    options: dict[str, Any] = {"default_flow_style": True, "allow_unicode": True, "width": float("inf")}
    written = yaml.safe_dump(names, default_style=style, **options)
    return f"{key}: {written.strip()}"


def leak_steps(hunt: LeakHunt, shared: Finding | None, line: str) -> list[Finding]:
    """Say what to do about what gives the label away; nothing where nothing does.

    Parameters
    ----------
    hunt : LeakHunt
    shared : Finding or None
        Rows that train shares with dev or test.
    line : str
        As `line_to_paste` gives it.
    """
    steps = []
    if names := columns_to_drop(hunt):
        steps.append(_columns_step(names, line, sum(leak.told.rows for leak in _away(hunt)[:1])))
    steps += [_text_step(leak) for leak in _away(hunt) if leak.telling.kind == "text"]
    if shared is not None and shared.severity == "warning":
        steps.append(
            Finding(
                ROWS_STEP,
                f"Take {things(shared.count, 'row')} out of dev and test that train holds too",
                "warning",
                explanation=shared.explanation,
                method=shared.method,
                advice=shared.advice,
                count=shared.count,
                ids=shared.ids,
            )
        )
    return steps


def why_stopped(facts: Mapping[str, Any], rules: Sequence[str], crossed: Sequence[str]) -> str:
    """Say in a sentence which rule stopped the run before training, by what, and what to do.

    Parameters
    ----------
    facts : mapping
        The section `leaks` of `summary.json`.
    rules : sequence of str
        Those that were crossed.
    crossed : sequence of str
        Each with what crossed it; said where no column gives the label away.
    """
    lead = " ".join(f"--fail-on {rule}" for rule in rules)
    away = [each for each in facts["columns"] if each["verdict"] == "gives_away" and set(rules) != {ROWS}]
    if not away:
        advice = [step["advice"] for step in facts.get("next_steps", ()) if step["code"] == ROWS_STEP]
        return f"{lead}, before training: {'; '.join([line.partition(': ')[2] for line in crossed] + advice)}"
    names = [" with ".join(map(repr, each["columns"])) for each in away]
    verb = "gives" if len(away) == 1 else "give"
    line, todo = facts["to_paste"], []
    if line:
        todo.append(f"put `{line}` under data: in the configuration" if len(line) <= SHOWN else FITS_NO_LINE)
    todo += [f"rid {each['columns'][0]!r} of what tells it" for each in away if each["kind"] == "text"][:1]
    what = f"{_some(names, 8)} {verb} the label away"
    return f"{lead}, before training: {what}; unless known when the model is asked, {' and '.join(todo)}"


def _away(hunt: LeakHunt) -> list[Leak]:
    return [leak for leak in hunt.leaks if leak.verdict == "gives_away"]


def _columns_step(names: Sequence[str], line: str, rows: int) -> Finding:
    paste = f"`{line}`" if len(line) <= SHOWN else FITS_NO_LINE
    return Finding(
        "leak.next.columns",
        f"Leave out what gives the label away: {_some([cut(name, 24) for name in names], NAMED)} "
        f"(data.{line.partition(':')[0]})",
        "warning",
        explanation="As long as it is learnt from, every figure of a run is too good, and no other step can be judged.",
        method="Each column alone against the label, on held-out training rows; see Leaks.",
        advice=f"Unless it is known at the time when the model is asked, put this under `data:` in the configuration, "
        f"in place of such a line that is there, and run again: {paste}",
        count=rows,
    )


def _text_step(leak: Leak) -> Finding:
    return Finding(
        "leak.next.text",
        f"Take {leak.telling.note} out of {leak.telling.columns[0]!r}: it gives the label away",
        "warning",
        explanation="As long as it is learnt from, every figure of a run is too good, and no other step can be judged.",
        method="Each word alone against the label, on training rows; see Leaks.",
        advice="Learn from text that was written before the label was known, or remove the word from all texts.",
        count=leak.told.rows,
    )


def _some(names: Sequence[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
