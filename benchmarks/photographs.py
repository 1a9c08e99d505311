"""Photographs labelled by people, seen through a pretrained network: mislabels found, and what cleaning is worth.

CIFAR-10N's 25,000 images as EfficientNet-lite0 features. Ours is a round of `burnish run` by its tasks: out-of-fold
probabilities, label audit, actions, weights. cleanlab sees the same out-of-fold probabilities. Then one linear head is
trained on the labels as given and on the cleaned, weighted ones, and judged on the published labels of other images.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from measured import cores, print_table
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score

from burnish.tasks.actions import decide_actions
from burnish.tasks.folds import out_of_fold
from burnish.tasks.mislabels import audit_labels
from burnish.tasks.neighbours import NeighbourGraph, neighbour_graph
from burnish.tasks.pretrained import pretrained_encoder
from burnish.tasks.settling import hold_still
from burnish.tasks.train import predict, train_network
from burnish.tasks.weights import strengthening_factors

FILTERS = ("prune_by_class", "prune_by_noise_rate", "both", "confident_learning", "predicted_neq_given")
BARS = {"aggre": ("≥ 0.60", "≥ 0.92"), "worse": ("≥ 0.80", "≥ 0.925")}


@dataclass(frozen=True)
class Cleaned:
    """The labels after a round: what to learn from (−1 = not), how strongly, and the audit behind it."""

    codes: np.ndarray
    weights: np.ndarray
    quality: np.ndarray
    issue: np.ndarray


def encode(table: pd.DataFrame) -> np.ndarray:
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) for image in table["image"]])
    return pretrained_encoder().transform(pixels)


def clean(
    features: np.ndarray, given: np.ndarray, classes: tuple[str, ...], graph: NeighbourGraph, rounds: int
) -> tuple[list[Cleaned], np.ndarray]:
    """Walk the rounds; give each, and the first out-of-fold probabilities."""
    history, weights, first, walked = [given], None, None, []
    labels = np.asarray(classes, dtype=object)[given]
    for number in range(1, rounds + 1):
        heard = out_of_fold(features, history[-1], weights, classes=classes)
        first = heard.probabilities if first is None else first
        audit = audit_labels(
            labels, heard.probabilities, features,
            classes=classes, dynamics=heard.dynamics, votes=history[-1], graph=graph,
        )  # fmt: skip
        actions = decide_actions(audit.frame, labels, np.repeat("train", len(given)))
        proposed = pd.Categorical(actions["final_label"], categories=classes).codes.astype(np.int64)
        codes = hold_still(np.stack(history), proposed, given)
        right = audit.posterior[np.arange(len(codes)), np.maximum(codes, 0)].astype(np.float64)
        weights = strengthening_factors(codes, None, right)["weight"].to_numpy()
        found = audit.frame
        walked.append(Cleaned(codes, weights, found["label_quality"].to_numpy(), found["label_issue"].to_numpy()))
        print(f"round {number}: {(codes != given).sum():,} labels changed, noise {audit.noise_rate:.3f}", flush=True)
        history.append(codes)
    return walked, first.astype(np.float64) / first.sum(axis=1, keepdims=True, dtype=np.float64)


def accuracy(
    features: np.ndarray, codes: np.ndarray, weights: np.ndarray | None, classes: tuple[str, ...],
    test: np.ndarray, truth: np.ndarray,
) -> float:  # fmt: skip
    """Train the linear head and judge it; every tenth row says when to stop, as given or cleaned."""
    rows = np.flatnonzero(codes >= 0)
    held = rows[np.random.default_rng(0).random(len(rows)) < 0.1]
    learnt = np.setdiff1d(rows, held)
    strength = np.ones(len(codes)) if weights is None else weights
    trained = train_network(
        features[learnt], codes[learnt], strength[learnt],
        dev_features=features[held], dev_labels=codes[held], dev_weights=strength[held],
        classes=classes, model="linear",
    )  # fmt: skip
    return float((predict(trained, test).argmax(axis=1) == truth).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10n/")
    parser.add_argument("--features", type=Path, help="folder with train.npy and test.npy, made here where absent")
    parser.add_argument("--rounds", type=int, default=1, help="later ones hear voices that believe themselves")
    options = parser.parse_args()
    tables = {part: pd.read_parquet(options.data / "cifar10n" / f"{part}.parquet") for part in ("train", "test")}
    features = {}
    for part, table in tables.items():
        kept = None if options.features is None else options.features / f"{part}.npy"
        features[part] = np.load(kept) if kept is not None and kept.is_file() else encode(table)
        if kept is not None:
            np.save(kept, features[part])
    classes = tuple(sorted(tables["train"]["true"].astype(str).unique()))
    code = {
        (part, column): pd.Categorical(table[column].astype(str), categories=classes).codes.astype(np.int64)
        for part, table in tables.items() for column in ("true", "aggre", "worse") if column in table
    }  # fmt: skip
    true, test_true = code["train", "true"], code["test", "true"]
    graph = neighbour_graph(features["train"], k=20)
    found, tested = [], []
    for column in ("aggre", "worse"):
        given = code["train", column]
        walked, p = clean(features["train"], given, classes, graph, options.rounds)
        wrong = given != true
        best = max(f1_score(wrong, find_label_issues(given, p, filter_by=name, n_jobs=1)) for name in FILTERS)
        scores = [get_label_quality_scores(given, p, method=m) for m in ("self_confidence", "normalized_margin")]
        last = walked[-1]
        found.append([
            f"`{column}`, {wrong.mean():.0%} wrong",
            f"{f1_score(wrong, last.issue):.3f} / {roc_auc_score(~wrong, last.quality):.3f}",
            f"{f1_score(wrong, find_label_issues(given, p, n_jobs=1)):.3f} / {best:.3f}",
            f"{max(roc_auc_score(~wrong, score) for score in scores):.3f}",
            " / ".join(BARS[column]),
        ])  # fmt: skip
        as_given = accuracy(features["train"], given, None, classes, features["test"], test_true)
        cleaned = accuracy(features["train"], last.codes, last.weights, classes, features["test"], test_true)
        tested.append([f"`{column}`", f"{as_given:.3f}", f"{cleaned:.3f}", "≥ 0.75" if column == "worse" else "–"])
    ceiling = accuracy(features["train"], true, None, classes, features["test"], test_true)
    tested.append(["published labels (ceiling)", f"{ceiling:.3f}", "–", "–"])
    print_table(
        f"CIFAR-10N, {len(true):,} images, EfficientNet-lite0 features, all voices: F1 / AUROC ({cores()} cores)",
        ["labels", "ours", "cleanlab default / best filter, F1", "cleanlab's better score, AUROC", "to reach"],
        found,
    )  # fmt: skip
    print_table(
        "Test accuracy of one linear head against the published labels",
        ["trained on", "labels as given", "cleaned and weighted", "to reach"],
        tested,
    )


if __name__ == "__main__":
    main()
