"""A large stratified split beside scikit-learn's, and what happens to it when new rows come.

Speed and evenness: 5 million rows, 10 labels × 4 sources of unequal frequency, 98/1/1, against `train_test_split`
called twice with `stratify`. Both are given the same, once as strings and once as whole numbers; the label × source
column that scikit-learn needs is made before its clock starts. Each is the best of `--repeats`. The deviation is that
of the label × source cell furthest from its share in any part, in rows.

Sticky: 10% more rows of other proportions, by `earlier`: earlier rows moved, and the furthest cell afterwards.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from measured import cores, print_table
from sklearn.model_selection import train_test_split

from burnish.tasks.split import split

SHARES = {"train": 0.98, "dev": 0.01, "test": 0.01}


def made(n: int, seed: int, tilt: float = 2.0) -> pd.DataFrame:
    """Draw labels and sources as codes, the rarest cell about one in seven hundred."""
    rng = np.random.default_rng(seed)
    weight = np.linspace(1, tilt, 10)
    label = rng.choice(10, n, p=weight / weight.sum())
    return pd.DataFrame({"label": label, "source": rng.choice(4, n, p=[0.7, 0.2, 0.08, 0.02])})


def ours(rows: pd.DataFrame, earlier: Any = None, seed: int = 0) -> pd.Series:
    options = {"ratios": list(SHARES.values()), "train_dev": 0}
    return split(rows["label"], rows["source"], **options, earlier=earlier, seed=seed)


def theirs(cell: np.ndarray) -> pd.Series:
    part = np.full(len(cell), "train", dtype=object)
    _, held = train_test_split(np.arange(len(cell)), test_size=0.02, stratify=cell, random_state=0)
    dev, test = train_test_split(held, test_size=0.5, stratify=cell[held], random_state=0)
    part[dev], part[test] = "dev", "test"
    return pd.Series(part)


def timed(work: Callable[[], pd.Series], repeats: int) -> tuple[np.ndarray, float]:
    best = np.inf
    for _ in range(repeats):
        began = time.perf_counter()
        found = work()
        best = min(best, time.perf_counter() - began)
    return found.to_numpy(dtype=object), best


def furthest(rows: pd.DataFrame, part: np.ndarray) -> str:
    counts = pd.crosstab(rows["label"] * 10 + rows["source"], part)
    shares = counts.columns.map(SHARES).to_numpy(dtype=float)
    return f"{np.abs(counts.to_numpy() - counts.sum(axis=1).to_numpy()[:, None] * shares).max():.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    codes = made(options.rows, seed=0)
    lines = []
    for kind, rows in (("whole numbers", codes), ("strings", codes.astype("str"))):
        cell = (rows["label"] + ("," + rows["source"] if kind == "strings" else 10 * rows["source"])).to_numpy()
        part, seconds = timed(lambda rows=rows: ours(rows), options.repeats)
        peer, peer_seconds = timed(lambda cell=cell: theirs(cell), options.repeats)
        faster = f"{peer_seconds / seconds:.1f}"
        lines.append((f"Burnish, {kind}", f"{seconds:.2f}", faster, "6 (15)", furthest(codes, part), "1"))
        lines.append((f"train_test_split twice, {kind}", f"{peer_seconds:.2f}", "1", "", furthest(codes, peer), ""))
    print_table(
        f"{options.rows:,} rows, 10 labels × 4 sources, 98/1/1 ({cores()} cores)",
        ("", "seconds", "times as fast", "bar (aim)", "furthest cell, rows", "bar"),
        lines,
    )
    grown = pd.concat([codes, made(options.rows // 10, seed=1, tilt=4.0)], ignore_index=True)
    earlier = np.concatenate([part, np.full(len(grown) - len(codes), None, dtype=object)])
    kept, seconds = timed(lambda: ours(grown, earlier), options.repeats)
    anew, anew_seconds = timed(lambda: ours(grown, seed=1), options.repeats)
    print_table(
        "10% new rows of other proportions",
        ("", "earlier rows moved", "bar", "furthest cell, rows", "seconds"),
        [
            (name, int((found[: len(part)] != part).sum()), bar, furthest(grown, found), f"{spent:.2f}")
            for name, found, bar, spent in (
                ("earlier parts kept", kept, "0", seconds),
                ("split anew", anew, "", anew_seconds),
            )
        ],
    )


if __name__ == "__main__":
    main()
