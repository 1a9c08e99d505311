"""10% wrong labels: the same network learnt with every example alike, and weighted by `label_quality`.

Labels of the rows to learn from are flipped to a class at random; their quality is found by `find_mislabels` from
out-of-fold predictions on the labels as given, and nothing is relabelled or dropped. Both networks see the same rows in
the same order. Errors are of held-out rows against the true labels. The tables come with scikit-learn.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from measured import mean_and_interval, print_table
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split

from burnish.tasks.folds import out_of_fold
from burnish.tasks.mislabels import find_mislabels
from burnish.tasks.train import predict, train_network
from burnish.tasks.weights import strengthening_factors

WRONG, HELD_OUT = 0.10, 0.4


TABLES = {
    "digits, 1,797 × 64": lambda: load_digits(return_X_y=True),
    "breast cancer, 569 × 30": lambda: load_breast_cancer(return_X_y=True),
}


def flip(labels: np.ndarray, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Give a tenth of the labels another class."""
    given = labels.copy()
    rows = rng.choice(len(labels), round(WRONG * len(labels)), replace=False)
    given[rows] = (given[rows] + rng.integers(1, classes, len(rows))) % classes
    return given


def errors(x: np.ndarray, truth: np.ndarray, models: list[str], seed: int) -> dict[tuple[str, str], float]:
    """Give each model's held-out error against the truth: unweighted, weighted, and with the wrong rows taken out."""
    classes = tuple(map(str, np.unique(truth)))
    x = ((x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 0.1 * x.std())).astype(np.float32)
    learn, held = train_test_split(np.arange(len(x)), test_size=HELD_OUT, stratify=truth, random_state=seed)
    given = flip(truth[learn], len(classes), np.random.default_rng(seed))
    heard = out_of_fold(x[learn], given, classes=classes, seed=seed)
    found = find_mislabels(given, heard.probabilities, x[learn], dynamics=heard.dynamics, seed=seed)
    weighted = strengthening_factors(given, label_quality=found["label_quality"].to_numpy())["weight"].to_numpy()
    perfect = (given == truth[learn]).astype(float)
    made = {}
    for model in models:
        for name, weights in (("unweighted", None), ("weighted", weighted), ("perfect", perfect)):
            network = train_network(x[learn], given, weights, classes=classes, model=model, seed=seed)
            made[model, name] = float((predict(network, x[held]).argmax(1) != truth[held]).mean())
    print(f"seed {seed}:", made, file=sys.stderr, flush=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="+", default=["mlp", "linear"])
    options = parser.parse_args()
    rows = []
    for name, load in TABLES.items():
        x, truth = load()
        x, truth = np.asarray(x, float), np.asarray(truth, np.int64)
        each = [errors(x, truth, options.models, seed) for seed in range(options.seeds)]
        for model in options.models:
            columns = [[run[model, key] for run in each] for key in ("unweighted", "weighted", "perfect")]
            shown = [f"{mean:.4f} ± {half:.4f}" for mean, half in map(mean_and_interval, columns)]
            rows.append([name, model, *shown, f"{np.mean(columns[1]) / np.mean(columns[0]):.2f}", "≤ 0.85", "0.7"])
    print_table(
        f"Held-out error against the truth, {WRONG:.0%} wrong labels, {options.seeds} seeds (mean ± 95%)",
        ["table", "model", "unweighted", "weighted by label_quality", "wrong rows known", "ratio", "bar", "aim"],
        rows,
    )


if __name__ == "__main__":
    main()
