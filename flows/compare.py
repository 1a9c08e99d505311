"""What changed between two runs, from their `summary.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from burnish.tasks.findings import InputError

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
    lines = [f"{before} → {after}"]
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
    apart = a["high"] < b["low"] or b["high"] < a["low"]
    sure = "" if apart else " (within the intervals)"
    return f"{part + ' error':<15} {a['value']:.2%} → {b['value']:.2%}{sure}"


def _finding_lines(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    titles = [{f["code"]: f["title"] for f in summary["findings"]} for summary in (old, new)]
    gone = [f"gone: {title}" for code, title in titles[0].items() if code not in titles[1]]
    come = [f"new:  {title}" for code, title in titles[1].items() if code not in titles[0]]
    return gone + come
