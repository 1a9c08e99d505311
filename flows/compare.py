"""What changed between two runs, from their `summary.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from burnish.tasks.findings import InputError
from burnish.tasks.gaps import points
from burnish.tasks.metrics import Rate, difference

MEASURED = ("train", "train_dev", "dev", "test")


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
    lines = [f"{before} → {after}", _data_line(old, new)]
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


def _finding_lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    titles = [{f["code"]: f["title"] for f in summary["findings"]} for summary in (old, new)]
    gone = [f"gone: {title}" for code, title in titles[0].items() if code not in titles[1]]
    come = [f"new:  {title}" for code, title in titles[1].items() if code not in titles[0]]
    return gone + come
