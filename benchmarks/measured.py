"""What every benchmark here needs: a run through the command line with its seconds and memory, and a printed table."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Measured:
    """One `burnish run`: its folder, wall-clock seconds, peak memory of its largest process in GiB."""

    folder: Path
    seconds: float
    peak_gib: float

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))

    @property
    def examples(self) -> pd.DataFrame:
        """What `examples.parquet` holds."""
        return pd.read_parquet(self.folder / "examples.parquet")


def run_burnish(config: Path, *options: str, command: str = "run") -> Measured:
    """Run the loop (or `clean`) in a new process and a new folder; fails loudly where the run fails."""
    folder = Path(tempfile.mkdtemp(prefix="burnish-bench-")) / "run"
    words = [sys.executable, "-m", "burnish.flows.cli", command, str(config), "--out", str(folder), *options]
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident_kib(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"burnish run {config} ended with {process.returncode}:\n{process.stderr.read()}")
    return Measured(folder, time.perf_counter() - began, peak / 2**20)


def resident_kib(pid: int) -> int:
    """Give the most memory the process has held so far, 0 where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Give the mean and the half-width of its 95% interval (Student's t over seeds)."""
    from scipy import stats

    x = np.asarray(values, dtype=float)
    return float(x.mean()), float(stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))


def print_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n")
    print("| " + " | ".join(header) + " |")
    print("|" + "|".join(" --- " for _ in header) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def cores() -> int:
    return len(os.sched_getaffinity(0))
