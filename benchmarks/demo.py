"""What `make run` promises: seconds, Prefect's share of them, the size of the report, and the same bytes twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from measured import cores, print_table, run_burnish

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits"


def main() -> None:
    subprocess.run([sys.executable, str(DIGITS / "recipe.py")], check=True)
    first, second = (run_burnish(DIGITS / "digits.yaml") for _ in range(2))
    report = (first.folder / "report.html").stat().st_size / 1e6
    same = (first.folder / "examples.parquet").read_bytes() == (second.folder / "examples.parquet").read_bytes()
    print_table(
        f"The digits demo, {cores()} cores",
        ["what", "ours", "to reach"],
        [
            ["seconds", f"{first.seconds:.0f}, then {second.seconds:.0f}", "≤ 180"],
            ["of which Prefect's start", f"{first.summary['seconds']['Start Prefect']:.1f}", "≤ 15"],
            ["report, MB", f"{report:.2f}", "≤ 3"],
            ["peak memory, GiB", f"{first.peak_gib:.2f}", "–"],
            ["examples.parquet the same twice", "yes" if same else "NO", "yes"],
        ],
    )


if __name__ == "__main__":
    main()
