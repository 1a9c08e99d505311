"""Random grouped problems: groups leaked, empty parts that need not be, and how near each part comes to its shares.

The peer is scikit-learn's StratifiedGroupKFold with five folds on label × source: one fold for test, one for dev, the
others for train, 60/20/20. Both see the same rows. The deviation is that of the label × source cell furthest from its
share in any part, in rows. The problems are drawn with fixed seeds: 30 to 3,000 rows, 2 to 10 labels, 1 to 4 sources
of unequal frequency, groups of equal or very unequal sizes (up to a fifth of all rows), of one label, of one source or
mixed.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from measured import print_table
from sklearn.model_selection import StratifiedGroupKFold

from burnish.tasks.split import split

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}


def problem(seed: int) -> pd.DataFrame:
    """Draw labels, sources and groups."""
    rng = np.random.default_rng(seed)
    n = int(np.exp(rng.uniform(np.log(30), np.log(3000))))
    count = max(3, int(n / np.exp(rng.uniform(0.3, np.log(20)))))
    sizes = rng.dirichlet(np.full(count, rng.choice([0.3, 1.0, 50.0])))
    sizes = np.minimum(sizes, 0.2)
    group = rng.choice(count, n, p=sizes / sizes.sum())
    labels, sources = int(rng.integers(2, 11)), int(rng.integers(1, 5))
    p_label, p_source = rng.dirichlet(np.full(labels, 2.0)), rng.dirichlet(np.full(sources, 2.0))
    label, source = rng.choice(labels, n, p=p_label), rng.choice(sources, n, p=p_source)
    pure_label, pure_source = rng.choice([0.0, 0.8, 1.0], 2)
    kept = rng.random(n) < pure_label
    label = np.where(kept, rng.choice(labels, count, p=p_label)[group], label)
    kept = rng.random(n) < pure_source
    source = np.where(kept, rng.choice(sources, count, p=p_source)[group], source)
    return pd.DataFrame({"label": label, "source": source, "group": group})


def ours(rows: pd.DataFrame, seed: int) -> np.ndarray:
    ratios = list(SHARES.values())
    parts = split(rows["label"], rows["source"], rows["group"], ratios=ratios, train_dev=0, seed=seed)
    return parts.to_numpy()


def theirs(rows: pd.DataFrame, seed: int) -> np.ndarray:
    cell = rows["label"] * 10 + rows["source"]
    part = np.full(len(rows), "train", dtype=object)
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(rows, cell, rows["group"])
    for name, (_, held) in zip(("test", "dev"), folds, strict=False):
        part[held] = name
    return part


def worst_cell(rows: pd.DataFrame, part: np.ndarray) -> float:
    counts = pd.crosstab([rows["label"], rows["source"]], part).reindex(columns=list(SHARES), fill_value=0).to_numpy()
    return float(np.abs(counts - counts.sum(axis=1, keepdims=True) * np.array(list(SHARES.values()))).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="seed of the first problem")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    tools = {"Burnish": ours, "StratifiedGroupKFold": theirs}
    worst: dict[str, list[float]] = {name: [] for name in tools}
    seconds = dict.fromkeys(tools, 0.0)
    leaked, empty = dict.fromkeys(tools, 0), dict.fromkeys(tools, 0)
    refused = 0
    for seed in range(options.first, options.first + options.problems):
        rows = problem(seed)
        for name, tool in tools.items():
            began = time.perf_counter()
            try:
                part = tool(rows, seed)
            except ValueError:  # fewer groups than folds, or no cell with five rows
                refused += 1
                worst[name].append(np.nan)
                continue
            seconds[name] += time.perf_counter() - began
            worst[name].append(worst_cell(rows, part))
            leaked[name] += len(rows.assign(part=part)[["group", "part"]].drop_duplicates()) - rows["group"].nunique()
            empty[name] += int(rows["group"].nunique() >= 3 and len(set(part)) < 3)
    table = pd.DataFrame(worst)
    ratio = (table["Burnish"] / table["StratifiedGroupKFold"]).dropna()
    print_table(
        f"{options.problems:,} grouped problems, 60/20/20 ({refused} that the peer refuses)",
        ("", "groups leaked", "avoidable empty parts", "worst cell, median rows", "mean rows", "seconds"),
        [
            (name, leaked[name], empty[name], f"{table[name].median():.2f}", f"{table[name].mean():.2f}",
             f"{seconds[name]:.1f}")
            for name in tools
        ],
    )  # fmt: skip
    print_table(
        "Worst cell of Burnish against the peer's, on the same problem",
        ("ratio of medians", "median ratio", "quartiles", "problems where the peer is nearer", "bar", "aim"),
        [(
            f"{table['Burnish'].median() / table['StratifiedGroupKFold'].median():.2f}", f"{ratio.median():.2f}",
            f"{ratio.quantile(0.25):.2f}–{ratio.quantile(0.75):.2f}", int((ratio > 1).sum()),
            "0 leaked, 0 empty, ≤ 0.5", "0.3",
        )],
    )  # fmt: skip


if __name__ == "__main__":
    main()
