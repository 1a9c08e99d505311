"""The digits demo against its truth: planted mislabels found, and what cleaning is worth on the test set.

For each seed the loop runs once. Peers see the same out-of-fold probabilities (round 1) of the same training rows:
cleanlab's default filter, and "the prediction differs from the label". Test errors are against the true labels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from measured import Measured, mean_and_interval, print_table, run_burnish

DIGITS = Path(__file__).resolve().parent.parent / "data" / "digits"


def precision_recall(flagged: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    hits = int((flagged & wrong).sum())
    return hits / max(int(flagged.sum()), 1), hits / max(int(wrong.sum()), 1)


def judge(run: Measured, truth: pd.DataFrame) -> dict[str, float]:
    """Give the figures of one run."""
    found = run.examples.merge(truth[["id", "true_label", "planted"]], on="id", validate="one_to_one")
    train = (found["split"] == "train").to_numpy() & (found["planted"] != "blank").to_numpy()
    wrong = (found["true_label"] != found["label"]).to_numpy()[train]
    probabilities = np.load(run.folder / "probabilities.npy")[train]
    classes = run.summary["dataset"]["classes"]
    codes = found["label"].map({c: i for i, c in enumerate(classes)}).to_numpy()[train]
    flags = {
        "ours": found["label_issue"].to_numpy()[train],
        "cleanlab": find_label_issues(codes, probabilities),
        "differs": probabilities.argmax(1) != codes,
    }
    figures = {}
    for name, flagged in flags.items():
        figures[f"precision {name}"], figures[f"recall {name}"] = precision_recall(flagged, wrong)
    kept = next(turn["round"] for turn in run.summary["rounds"] if turn["kept"])
    for name, number in (("as given", 0), ("cleaned", kept)):
        test = pd.read_parquet(run.folder / "rounds" / f"{number}.parquet")
        test = test.merge(found[["id", "split", "true_label", "planted"]], on="id")
        test = test[(test["split"] == "test") & (test["planted"] != "blank")]
        figures[f"test error {name}"] = float((test["predicted"] != test["true_label"]).mean())
    return figures | {"seconds": run.seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    subprocess.run([sys.executable, str(DIGITS / "recipe.py")], check=True)
    truth = pd.read_csv(DIGITS / "made" / "truth.csv", dtype=str, keep_default_na=False)
    runs = [judge(run_burnish(DIGITS / "digits.yaml", "--set", f"seed={s}"), truth) for s in range(options.seeds)]
    figures = pd.DataFrame(runs)

    def shown(name: str) -> str:
        mean, half = mean_and_interval(figures[name].to_list())
        return f"{mean:.3f} ± {half:.3f}"

    print_table(
        f"Digits, planted mislabels in train, {options.seeds} seeds (mean ± 95%)",
        ["what", "ours", "cleanlab default", "prediction ≠ label", "to reach"],
        [
            [what, *(shown(f"{what} {name}") for name in ("ours", "cleanlab", "differs")), "≥ 0.85"]
            for what in ("recall", "precision")
        ],
    )
    figures["gain"] = figures["test error as given"] - figures["test error cleaned"]
    print_table(
        "Digits, test error against the truth",
        ["labels as given", "cleaned and weighted", "difference", "to reach"],
        [[shown("test error as given"), shown("test error cleaned"), shown("gain"), "> 0"]],
    )


if __name__ == "__main__":
    main()
