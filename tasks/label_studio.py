"""Suspects to Label Studio and back: tasks to import there, and its JSON exports read as decisions.

Out: a list of tasks in Label Studio's JSON (`data`, and the suggestion as a prediction of type `choices`) and the
labelling configuration in XML that fits. An image is in the task itself, as a small data URI; a row is its values as
text. Nothing has to be served, and nothing named in a file is ever fetched.

In: the full export (tasks with `annotations`) or JSON-MIN (flat records). The class chosen is compared with what was
given and suggested: the given one is `keep`, the suggested one `accept`, any other `other`; the box "no class fits" is
`drop`; tasks that were skipped, cancelled or left empty are not decided. Of several annotations the one marked as
ground truth counts, else they must agree.

Sources: labelstud.io/guide/task_format, /guide/predictions, /tags/choices, and its converter's JSON-MIN: data and
results on one level, so our key is `example_id` and not `id`, which would be overwritten by the task's own.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd

from burnish.tasks.decisions import check_decisions
from burnish.tasks.findings import InputError
from burnish.tasks.notation import number, plain
from burnish.tasks.tables import list_names

CHOICE, DROP, OBJECT = "label", "useless", "example"  # the names of the controls and of what they are about
DROP_CHOICE = "no class fits"
MODEL = "burnish"
MOST_BUTTONS = 20  # classes; beyond it they are chosen from a list
LONGEST_VALUE = 2_000


def labelling_config(classes: Sequence[str], kind: str) -> str:
    """Write the XML that a Label Studio project needs for our tasks.

    Parameters
    ----------
    classes : sequence of str
    kind : str
        ``images`` or ``table``.

    Examples
    --------
    >>> '<Choice value="a &amp; b" />' in labelling_config(["a & b", "c"], "table")
    True
    """
    view = ET.Element("View")
    if kind == "images":
        ET.SubElement(view, "Image", name=OBJECT, value="$image", zoom="true")
    else:
        ET.SubElement(view, "Text", name=OBJECT, value="$text")
    ET.SubElement(view, "Header", value="Given: $given")
    choices = ET.SubElement(view, "Choices", name=CHOICE, toName=OBJECT, choice="single", showInline="true")
    if len(classes) > MOST_BUTTONS:
        choices.set("layout", "select")
    for name in classes:
        ET.SubElement(choices, "Choice", value=name)
    useless = ET.SubElement(view, "Choices", name=DROP, toName=OBJECT, choice="single")
    ET.SubElement(useless, "Choice", value=DROP_CHOICE)
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def export_tasks(
    examples: pd.DataFrame,
    rows: Sequence[int],
    *,
    thumbnails: Callable[[int], bytes | None] | None = None,
    attributes: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Give rows of the examples table as Label Studio tasks.

    Parameters
    ----------
    examples : DataFrame
        The run's examples table.
    rows : sequence of int
        Positions in it.
    thumbnails : callable, optional
        Position → bytes of a small PNG, or None where there is no picture.
    attributes : DataFrame, optional
        The given columns, row-aligned with `examples`; the text of a row without a picture.
    """
    return [_task(examples.iloc[row], thumbnails(row) if thumbnails else None, _text(attributes, row)) for row in rows]


def read_export(path: Path, examples: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Read the decisions from a Label Studio export.

    Parameters
    ----------
    path : Path
        JSON or JSON-MIN, as Label Studio exports it.
    examples : DataFrame
        The run's examples table.
    classes : sequence of str
        All classes of the run.

    Returns
    -------
    DataFrame
        As `decisions.read_sheet` gives it.

    Raises
    ------
    InputError
        No such export; unknown ids or classes; annotators who disagree. Nothing of it is to be applied then.
    """
    said: dict[str, str | None] = {}
    for place, record in enumerate(_records(path), start=1):
        id, chosen = _read_record(record, place, path)
        if not chosen:
            continue
        choices = chosen | ({said[id]} if id in said else set())
        if len(choices) > 1:
            raise InputError(
                f"{path}: {id!r} was labelled in more than one way ({_ways(choices)}): settle it in Label Studio, or "
                "mark one annotation as ground truth; nothing was applied"
            )
        said[id] = next(iter(choices))
    decided = pd.DataFrame({"id": list(said), "new_label": list(said.values())}, dtype="str")
    return check_decisions(_in_words(decided, examples), examples, classes, path)


def _in_words(decided: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame:
    known = examples.drop_duplicates("id").set_index("id")[["label", "suggested_label"]].reindex(decided["id"])
    label = decided["new_label"].to_numpy(dtype=object, na_value="")
    word = pd.Series("other", index=decided.index).mask(label == known["suggested_label"].to_numpy(), "accept")
    word = word.mask(label == known["label"].to_numpy(), "keep").mask(decided["new_label"].isna(), "drop")
    return decided.assign(decision=word.astype("str"))


def _task(row: pd.Series, picture: bytes | None, text: str) -> dict[str, Any]:
    data = {"example_id": row["id"], "given": _or_none(row["label"]), "why": row["reason"], "split": row["split"]}
    if picture is not None:
        data["image"] = f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
    else:
        data["text"] = text or str(row["id"])
    suggested = row["suggested_label"]
    if not isinstance(suggested, str):
        return {"data": data}
    value = {"choices": [suggested]}
    result = {"id": "suggested", "from_name": CHOICE, "to_name": OBJECT, "type": "choices", "value": value}
    score = number(row.get("suggestion_quality"))
    return {"data": data, "predictions": [{"model_version": MODEL, "score": score, "result": [result]}]}


def _ways(choices: Collection[str | None]) -> str:
    return list_names(sorted(DROP_CHOICE if choice is None else choice for choice in choices), 3)


def _or_none(value: Any) -> str:
    return value if isinstance(value, str) else "(none)"


def _text(attributes: pd.DataFrame | None, row: int) -> str:
    if attributes is None:
        return ""
    return "\n".join(f"{name}: {plain(attributes[name].iloc[row], LONGEST_VALUE)}" for name in attributes.columns)


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.is_file():
        raise InputError(f"{path} does not exist: name the file that Label Studio exported")
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): export from Label Studio as JSON or JSON-MIN") from None
    if not isinstance(content, list):
        raise InputError(f"{path} is no list of tasks: export from Label Studio as JSON or JSON-MIN")
    for place, record in enumerate(content, start=1):
        if not isinstance(record, dict):
            raise InputError(f"{path}: task {place} is no object: export from Label Studio as JSON or JSON-MIN")
        yield record


def _read_record(record: Mapping[str, Any], place: int, path: Path) -> tuple[str, set[str | None]]:
    """Give the id of a task, and what was chosen: at most one class where all agree, None for "no class fits"."""
    full = "annotations" in record
    data = record.get("data") if full else record
    id = data.get("example_id") if isinstance(data, dict) else None
    if not isinstance(id, str):
        raise InputError(
            f"{path}: task {place} has no example_id: give an export of the tasks that burnish review "
            "--to-label-studio wrote"
        )
    if not full:
        return id, _choice(record.get(CHOICE), bool(record.get(DROP)), id, path)
    annotations = record["annotations"]
    if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
        raise InputError(f"{path}: the annotations of {id!r} are no list: export from Label Studio again")
    final = [each for each in annotations if not each.get("was_cancelled")]
    final = [each for each in final if each.get("ground_truth")] or final
    chosen: set[str | None] = set()
    for each in final:
        chosen |= _annotated(each.get("result"), id, path)
    return id, chosen


def _annotated(result: Any, id: str, path: Path) -> set[str | None]:
    if not isinstance(result, list) or not all(isinstance(part, dict) for part in result):
        raise InputError(f"{path}: an annotation of {id!r} has no list of results: export from Label Studio again")
    values = {part.get("from_name"): part.get("value") for part in result if part.get("type") == "choices"}
    return _choice(values.get(CHOICE), bool(values.get(DROP)), id, path)


def _choice(value: Any, useless: bool, id: str, path: Path) -> set[str | None]:
    """Read a choice: a string, or an object with the list `choices`."""
    if useless:
        return {None}
    names = value.get("choices") if isinstance(value, dict) else value
    names = [] if names is None else [names] if isinstance(names, str) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > 1:
        raise InputError(f"{path}: {id!r} has not one class but {plain(names, 60)}: choose one in Label Studio")
    return set(names)
