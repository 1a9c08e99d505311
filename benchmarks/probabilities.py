"""Wrong labels from probabilities alone: four sets of out-of-fold probabilities on CIFAR-10N, whose truth is known.

Ours is called with labels and probabilities and nothing else; a label is called wrong where `label_quality` < 0.5.
cleanlab sees the same: its default filter, the best of its five filters by the truth, its two rankings. The best
threshold of our own ranking, chosen by the truth, is what no calibration could surpass.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from measured import print_table
from sklearn.metrics import f1_score, precision_recall_curve, roc_auc_score

from burnish.tasks.mislabels import find_mislabels

FILTERS = (
    "prune_by_noise_rate",
    "prune_by_class",
    "both",
    "confident_learning",
    "predicted_neq_given",
)
BINS = 15


def calibration_error(quality: np.ndarray, right: np.ndarray) -> float:
    """Mean gap between the quality said and the share of right labels, over 15 equal-width bins by their rows."""
    place = np.minimum((quality * BINS).astype(int), BINS - 1)
    said, true = (np.bincount(place, weights=column, minlength=BINS) for column in (quality, right))
    return float(np.abs(said - true).sum() / len(quality))


def best_f1(badness: np.ndarray, wrong: np.ndarray) -> float:
    precision, recall, _ = precision_recall_curve(wrong, badness)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-12)).max())


def judge(path: Path) -> dict[str, float]:
    data = np.load(path)
    probabilities, given = data["pred_probs"], data["given"]
    wrong = given != data["true"]
    quality = find_mislabels(given, probabilities, classes=range(probabilities.shape[1]))["label_quality"].to_numpy()
    filters = [f1_score(wrong, find_label_issues(given, probabilities, filter_by=name)) for name in FILTERS]
    rankings = [
        roc_auc_score(wrong, -get_label_quality_scores(given, probabilities, method=method))
        for method in ("self_confidence", "normalized_margin")
    ]
    return {
        "F1 at quality < 0.5": f1_score(wrong, quality < 0.5),
        "F1, best threshold": best_f1(-quality, wrong),
        "F1, cleanlab default": filters[0],
        "F1, its best filter": max(filters),
        "AUROC": roc_auc_score(wrong, -quality),
        "AUROC, cleanlab self-confidence": rankings[0],
        "AUROC, cleanlab margin": rankings[1],
        "calibration error": calibration_error(quality, ~wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds probs/*.npz")
    options = parser.parse_args()
    paths = sorted((options.data / "probs").glob("*.npz"))
    figures = {path.stem: judge(path) for path in paths}
    names = list(next(iter(figures.values())))
    figures["mean"] = {name: float(np.mean([one[name] for one in figures.values()])) for name in names}
    figures["to reach"] = {"F1 at quality < 0.5": "≥ 0.84", "AUROC": "≥ 0.974", "calibration error": "≤ 0.03"}
    rows = [
        [where, *(f"{one[name]:.3f}" if isinstance(one.get(name), float) else one.get(name, "–") for name in names)]
        for where, one in figures.items()
    ]
    print_table("Wrong labels from out-of-fold probabilities alone, 50,000 rows each", ["set", *names], rows)


if __name__ == "__main__":
    main()
