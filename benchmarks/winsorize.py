"""Winsorizing 5 million rows of 10 columns: limits and treatment by the default rule, beside pandas and SciPy.

The peers clip a fixed share of each tail; ours looks at each column first. Every contender has a process of its own, so
that the memory is its own: the most that it held beyond the table itself.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time

import numpy as np
import pandas as pd
from measured import print_table, resident_kib

BARS = {"pandas": (0.6, 0.3), "scipy": (0.2, 0.1)}


def make_table(rows: int, columns: int) -> pd.DataFrame:
    """Make columns of three shapes with a few gross errors each."""
    rng = np.random.default_rng(0)
    shapes = (rng.normal, rng.lognormal, lambda size: rng.standard_t(4, size))
    cells = np.empty((columns, rows)).T  # filled in place: what making the table takes is no one's memory
    for number in range(columns):
        cells[:, number] = shapes[number % 3](size=rows)
        cells[rng.integers(rows, size=max(rows // 1000, 1)), number] *= 100
    return pd.DataFrame(cells, columns=[f"x{number}" for number in range(columns)], copy=False)


def by_burnish(table: pd.DataFrame) -> pd.DataFrame:
    from burnish.tasks.outliers import fit_limits

    return fit_limits(table).apply(table)[0]


def by_pandas(table: pd.DataFrame) -> pd.DataFrame:
    limits = table.quantile([0.005, 0.995])
    return table.clip(limits.iloc[0], limits.iloc[1], axis=1)


def by_scipy(table: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats.mstats import winsorize

    return table.apply(lambda column: np.asarray(winsorize(column.to_numpy(), limits=0.005)))


CONTENDERS = {"burnish": by_burnish, "pandas": by_pandas, "scipy": by_scipy}


def measure(name: str, rows: int, columns: int, results: multiprocessing.Queue) -> None:
    """Put name, seconds of the better of two, and peak GiB beyond the table."""
    table = make_table(rows, columns)
    CONTENDERS[name](table.head(1000))  # imports are not the work
    before, seconds = resident_kib(multiprocessing.current_process().pid or 0), []
    for _ in range(2):
        began = time.perf_counter()
        CONTENDERS[name](table)
        seconds.append(time.perf_counter() - began)
    after = resident_kib(multiprocessing.current_process().pid or 0)
    results.put((name, min(seconds), (after - before) / 2**20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=10)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    found = {}
    for name in CONTENDERS:
        results = context.Queue()
        process = context.Process(target=measure, args=(name, options.rows, options.columns, results))
        process.start()
        found[name] = results.get()
        process.join()
    own = found["burnish"][1]
    rows = [
        (
            name,
            f"{seconds:.2f}",
            f"{memory:.2f}",
            *(("", "") if name == "burnish" else (f"{own / seconds:.2f}", "≤ {} (aim {})".format(*BARS[name]))),
        )
        for name, seconds, memory in found.values()
    ]
    size = options.rows * options.columns * 8 / 2**30
    print_table(
        f"{options.rows:,} × {options.columns}, {size:.2f} GiB",
        ("", "seconds", "GiB beyond the table", "burnish's share of its time", "bar"),
        rows,
    )


if __name__ == "__main__":
    main()
