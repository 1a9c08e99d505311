"""Census income with planted flips: 20% of the labels turned over, the rarer class more often.

P(flip) is 0.30 for the rarer class and as much for the other as makes 20% of all. Ours hears the better of network and
gradient boosting out of fold, and all other voices; cleanlab hears the same probabilities, and those of scikit-learn's
gradient boosting. The last line is what nobody can beat by these columns: gradient boosting out of fold on the TRUE
labels, and the true noise matrix.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from adult import COLUMNS
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from measured import cores, mean_and_interval, print_table
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from burnish.tasks.boosting import boost_out_of_fold
from burnish.tasks.features import fit_table_encoder
from burnish.tasks.folds import best_pass, out_of_fold
from burnish.tasks.mislabels import find_mislabels
from burnish.tasks.neighbours import neighbour_graph

WRONG, RARER = 0.20, 0.30
SENSITIVE = ["race", "sex"]


def flip_rates(truth: np.ndarray) -> np.ndarray:
    """P(flip) of either class, so that 20% of all labels are flipped."""
    rare = truth.mean()
    return np.array([(WRONG - rare * RARER) / (1 - rare), RARER])


def peer_probabilities(table: pd.DataFrame, given: np.ndarray, seed: int) -> np.ndarray:
    typed = table.assign(**{name: table[name].astype("category") for name in table.select_dtypes(["object", "str"])})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(model, typed, given, cv=folds, method="predict_proba")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds adult/adult-train.csv")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    table = pd.read_csv(options.data / "adult" / "adult-train.csv", header=None, names=COLUMNS, skipinitialspace=True)
    truth = table.pop("income").str.contains(">50K").to_numpy().astype(np.int64)
    table = table.drop(columns=SENSITIVE)
    features = fit_table_encoder(table, learn_from=list(table)).transform(table)
    graph = neighbour_graph(features, k=20)
    rates, classes = flip_rates(truth), (0, 1)
    ideal = boost_out_of_fold(table, truth, learn_from=list(table), classes=("0", "1")).probabilities
    scores: dict[str, list[tuple[float, ...]]] = {}
    for seed in range(options.seeds):
        flipped = np.random.default_rng(seed).random(len(truth)) < rates[truth]
        given = np.where(flipped, 1 - truth, truth)
        network = out_of_fold(features, given, classes=("0", "1"), seed=seed)
        boosted = boost_out_of_fold(table, given, learn_from=list(table), classes=("0", "1"), seed=seed)
        heard = best_pass([network, boosted], given)
        p = heard.probabilities.astype(np.float64)
        ours = find_mislabels(
            given, p, features, classes=classes, dynamics=heard.dynamics, graph=graph, errors="classes", seed=seed
        )
        keeps = ideal * np.where(given[:, None] == np.arange(2), 1 - rates, rates)
        found = {"ours": (ours["label_issue"].to_numpy(), ours["label_quality"].to_numpy())}
        for name, said in (("our probabilities", p), ("gradient boosting", peer_probabilities(table, given, seed))):
            said = said / said.sum(axis=1, keepdims=True)
            flagged = find_label_issues(given, said, n_jobs=1)
            found[f"cleanlab default, {name}"] = flagged, get_label_quality_scores(given, said)
        right = keeps[np.arange(len(given)), given] / keeps.sum(axis=1)
        found["ceiling: the truth learnt, the noise known"] = right < 0.5, right
        for name, (flagged, quality) in found.items():
            precision, recall, f1, _ = precision_recall_fscore_support(flipped, flagged, average="binary")
            scores.setdefault(name, []).append((f1, precision, recall, roc_auc_score(flipped, -quality)))
        told = ", ".join(f"{name} {values[-1][0]:.3f}" for name, values in scores.items())
        print(f"seed {seed}: {heard.model}, F1: {told}", flush=True)
    rows = []
    for name, values in scores.items():
        figures = [f"{mean:.3f} ± {half:.3f}" for mean, half in map(mean_and_interval, zip(*values, strict=True))]
        rows.append([name, *figures, "cleanlab + 0.05" if name == "ours" else "–"])
    print_table(
        f"Adult, {len(truth):,} rows, {WRONG:.0%} of the labels flipped by class ({rates[0]:.0%} and {rates[1]:.0%}), "
        f"{options.seeds} seeds: mean ± 95%, {cores()} cores",
        ["who", "F1", "precision", "recall", "AUROC", "F1 to reach"],
        rows,
    )


if __name__ == "__main__":
    main()
