"""Tables with a fifth of ALL labels flipped, train, dev and test alike, through `burnish run`: accuracy on the truth.

Each label is turned into one of the other classes, all alike. The run sees nothing but those labels, its defaults, and
no word of how many are wrong. Beside it scikit-learn's histogram gradient boosting with native categories, fitted on
the same training rows: with the labels as given, and, as what is to be aimed at, with the true ones. All are judged on
the same test rows, by the true labels; one line a table, mean over the seeds with its 95% interval.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from adult import COLUMNS
from measured import cores, mean_and_interval, print_table, run_burnish
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier

WRONG = 0.2
MOST_ROWS = 10_000
ADBENCH = {"magic.gamma": "22_magic.gamma", "satellite": "30_satellite", "yeast": "47_yeast"}
PACKAGED = {"digits' pixels": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}


def load(name: str, data: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Give columns and true labels of a table, 10,000 rows at most."""
    if name in PACKAGED:
        both = PACKAGED[name](as_frame=True)
        return both.data, both.target.to_numpy()
    if name in ADBENCH:
        with np.load(data / "adbench" / f"{ADBENCH[name]}.npz") as file:
            table, truth = pd.DataFrame(file["X"]).add_prefix("x"), file["y"].astype(int)
    else:
        table = pd.read_csv(data / "adult" / "adult-train.csv", header=None, names=COLUMNS, skipinitialspace=True)
        truth = table.pop("income").str.contains(">50K").to_numpy().astype(int)
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:MOST_ROWS])
    return table.iloc[rows].reset_index(drop=True), truth[rows]


def flip(truth: np.ndarray, seed: int) -> np.ndarray:
    """Turn a fifth of the labels, exactly, into another class."""
    rng, k = np.random.default_rng([seed, 20]), int(truth.max()) + 1  # no stream that the split draws from
    given = truth.copy()
    wrong = rng.permutation(len(truth))[: round(WRONG * len(truth))]
    given[wrong] = (truth[wrong] + rng.integers(1, k, len(wrong))) % k
    return given


def peer_accuracy(table: pd.DataFrame, learnt: np.ndarray, truth: np.ndarray, split: np.ndarray, seed: int) -> float:
    """Accuracy on the truth of gradient boosting that learnt other labels."""
    typed = table.assign(**{name: table[name].astype("category") for name in table.select_dtypes(["object", "str"])})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    model.fit(typed[split == "train"], learnt[split == "train"])
    return float((model.predict(typed[split == "test"]) == truth[split == "test"]).mean())


def one_run(table: pd.DataFrame, truth: np.ndarray, seed: int) -> dict[str, float | str]:
    """Flip, run, and measure all three."""
    given = flip(truth, seed)
    work = Path(tempfile.mkdtemp(prefix="burnish-noisy-"))
    ids = [f"r{i}" for i in range(len(table))]
    table.assign(id=ids, label=[f"class {code}" for code in given]).to_csv(work / "t.csv", index=False)
    config = work / "t.yaml"
    config.write_text(f"name: noisy\ndata: {{path: t.csv, label: label, id: id}}\nseed: {seed}\n")
    run = run_burnish(config)
    examples = run.examples.set_index("id").loc[ids]
    split = examples["split"].to_numpy()
    test = split == "test"
    said = examples["predicted"].str.removeprefix("class ").astype(int).to_numpy()
    return {
        "ours": float((said[test] == truth[test]).mean()),
        "given": peer_accuracy(table, given, truth, split, seed),
        "true": peer_accuracy(table, truth, truth, split, seed),
        "model": run.summary["training"]["model"],
        "seconds": run.seconds,
    }


def stated(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.4f}"
    mean, half = mean_and_interval(values)
    return f"{mean:.4f} ± {half:.4f}"


def main() -> None:
    names = ["adult", *ADBENCH, *PACKAGED]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds adult/ and adbench/")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tables", nargs="*", default=names, choices=names)
    options = parser.parse_args()
    rows = []
    for name in options.tables:
        table, truth = load(name, options.data)
        runs = [one_run(table, truth, seed) for seed in range(options.seeds)]
        ours, given, true = ([float(run[what]) for run in runs] for what in ("ours", "given", "true"))
        chosen = ", ".join(sorted({str(run["model"]) for run in runs}))
        seconds = np.mean([float(run["seconds"]) for run in runs])
        ahead = sum(a > b for a, b in zip(ours, given, strict=True))
        size = f"{len(table):,} × {table.shape[1]}"
        rows.append(
            [name, size, stated(ours), stated(given), stated(true), f"{ahead} of {len(runs)}", chosen, f"{seconds:.0f}"]
        )
        each = [[seed, *figures] for seed, figures in enumerate(zip(ours, given, true, strict=True))]
        print_table(f"{name}, so far", ["seed", "ours", "peer", "true labels"], each)
    print_table(
        f"Accuracy on the true test labels where 20% of all labels are flipped, {options.seeds} seeds, {cores()} cores",
        ["table", "size", "burnish run", "boosting, as given", "boosting, true labels", "ahead", "chosen", "seconds"],
        rows,
    )


if __name__ == "__main__":
    main()
