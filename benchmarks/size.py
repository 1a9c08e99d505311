"""A large table through `burnish clean` with no voice listening to the labels: seconds and peak memory.

Twelve columns (five numbers, two whole numbers, three categories, a flag and the label), written as Parquet and read
back by the program. The memory is that of its process at its peak, beside the table as pandas holds it once read from
text: categories as strings. As a frame with its categories as such it takes 0.57 GiB.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measured import cores, print_table, run_burnish


def make_table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, rows)
    numbers = {f"x{i}": rng.normal(size=rows) + kind * (i == 0) for i in range(3)}
    numbers |= {f"pay{i}": rng.lognormal(size=rows) for i in range(2)}
    return pd.DataFrame(
        numbers
        | {
            "age": rng.integers(18, 90, rows),
            "visits": rng.poisson(3, rows),
            "city": pd.Categorical.from_codes(rng.integers(0, 50, rows), [f"city {i}" for i in range(50)]),
            "plan": pd.Categorical.from_codes((rng.integers(0, 4, rows) + kind) % 5, list("abcde")),
            "active": rng.random(rows) < 0.5,
            "source": pd.Categorical.from_codes(rng.integers(0, 3, rows), ["web", "shop", "phone"]),
            "label": pd.Categorical.from_codes(kind, ["low", "mid", "high"]),
        }
    )


def _bytes(column: pd.Series) -> int:
    text = column.astype("str") if isinstance(column.dtype, pd.CategoricalDtype) else column
    return int(text.memory_usage(deep=True, index=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="burnish-size-") as name:
        folder = Path(name)
        table = make_table(options.rows, seed=0)
        table.to_parquet(folder / "table.parquet", index=False)
        columns, held = table.shape[1], sum(_bytes(table[name]) for name in table) / 2**30
        del table
        config = folder / "size.yaml"
        config.write_text("data: {path: table.parquet, label: label, source: source}\nmislabels: {methods: []}\n")
        measured = run_burnish(config, command="clean")
    rows = [
        ["seconds", f"{measured.seconds:.0f}", "≤ 600"],
        ["peak memory, GiB", f"{measured.peak_gib:.2f}", ""],
        ["the table in memory, GiB", f"{held:.2f}", ""],
        ["times the table", f"{measured.peak_gib / held:.1f}", "≤ 3"],
    ]
    print_table(f"burnish clean, {options.rows:,} × {columns}, {cores()} cores", ["what", "ours", "to reach"], rows)


if __name__ == "__main__":
    main()
