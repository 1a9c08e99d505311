"""What changed between two runs, from their `summary.json`."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from burnish.tasks.findings import InputError
from burnish.tasks.gaps import points
from burnish.tasks.metrics import Rate, difference

MEASURED = ("train", "train_dev", "dev", "test")
FIGURE = re.compile(r"[<>+−-]?(?<!\w)\d[\d.,]*")


def read_summary(folder: Path) -> dict[str, Any]:
    """Read a run's summary.

    Raises
    ------
    InputError
        The folder is no run folder, or its summary is not JSON.
    """
    path = folder / "summary.json"
    if not path.is_file():
        raise InputError(f"{folder} is not a finished run: it holds no summary.json; runs are under reports/<name>/")
    try:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not JSON ({error}); make the run again") from None
    return summary


def compare_runs(before: Path, after: Path) -> list[str]:
    """Say line by line what changed from one run to another."""
    old, new = read_summary(before), read_summary(after)
    lines = [f"{before} → {after}", _data_line(old, new), _label_line(_judging(before, old), _judging(after, new))]
    lines += [_error_line(part, old, new) for part in MEASURED]
    suspects = [(summary.get("labels") or {}).get("issues", "–") for summary in (old, new)]
    lines.append(f"suspect labels  {suspects[0]} → {suspects[1]}")
    verdicts = [(summary.get("diagnosis") or {}).get("verdict") or "–" for summary in (old, new)]
    lines.append(f"verdict         {verdicts[0]} → {verdicts[1]}")
    lines += _finding_lines(old, new)
    return [line for line in lines if line]


def _error_line(part: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    a, b = ((summary.get("errors") or {}).get(part) for summary in (old, new))
    if not a or not b or a["value"] is None or b["value"] is None:
        return ""
    found = difference(Rate(**b), Rate(**a))
    low, high = (points(end).split()[0] for end in (found.low, found.high))
    sure = "" if found.low > 0 or found.high < 0 else ": may be chance"
    return f"{part + ' error':<15} {a['value']:.2%} → {b['value']:.2%} ({points(found.value)}, {low} to {high}{sure})"


def _data_line(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Say where the runs are of different data, by rows and classes."""
    seen = [(summary.get("dataset") or {}) for summary in (old, new)]
    if all(seen[0].get(key) == seen[1].get(key) for key in ("rows", "classes")):
        return ""
    sizes = " → ".join(f"{each.get('rows') or 0:,} rows, {len(each.get('classes') or ())} classes" for each in seen)
    return f"the data differ: {sizes}; what follows compares two problems"


def _judging(folder: Path, summary: dict[str, Any]) -> pd.DataFrame:
    """Give `id`, `split` and the label that judged, of dev and test; no rows where the run measured nothing.

    A person's decisions judge only where the errors by the labels as given stand beside: what was applied after the run
    has not been measured yet.
    """
    path = folder / "examples.parquet"
    if not path.is_file() or not summary.get("errors"):
        return pd.DataFrame(columns=["id", "split", "judged_by"], dtype="str")
    decided = ["final_label", "decision"] if summary.get("errors_as_given") else []
    table = pd.read_parquet(path, columns=["id", "split", "label", *decided])
    judged_by = table["label"]
    if decided:
        judged_by = table["final_label"].fillna(judged_by).mask(table["decision"] == "drop")
    return table[["id", "split"]].assign(judged_by=judged_by)[table["split"].isin(["dev", "test"])]


def _label_line(old: pd.DataFrame, new: pd.DataFrame) -> str:
    """Say where the same examples are judged by other labels."""
    both = old.merge(new, on=["id", "split"], suffixes=("", "_now"))
    other = both[both["judged_by"].fillna("").ne(both["judged_by_now"].fillna(""))]
    counts = [(part, int((other["split"] == part).sum())) for part in ("dev", "test")]
    named = " and ".join(f"{n:,} {part}" for part, n in counts if n)
    noun = "example differs" if len(other) == 1 else "examples differ"
    return f"the labels of {named} {noun}: errors are not by the same labels" if named else ""


def _finding_lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Name each finding that only one of the runs has, as often as it has it."""
    seen = [Counter((found["code"], found["title"]) for found in summary["findings"]) for summary in (old, new)]
    gone, come = seen[0] - seen[1], seen[1] - seen[0]
    for code in {code for code, _ in gone} & {code for code, _ in come}:
        if _same_but_for_figures([title for counts in seen for other, title in counts.elements() if other == code]):
            gone, come = (Counter({key: n for key, n in each.items() if key[0] != code}) for each in (gone, come))
    return [f"gone: {title}" for _, title in gone.elements()] + [f"new:  {title}" for _, title in come.elements()]


def _same_but_for_figures(titles: list[str]) -> bool:
    """Tell whether these are two titles, one a run, that say the same of other figures."""
    return len(titles) == 2 and len({FIGURE.sub("#", title) for title in titles}) == 1
