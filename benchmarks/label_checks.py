"""Every label check on 25,000 photographs × 1,280 features, beside cleanlab's Datalab: seconds, memory, recall.

Ours: the neighbour graph, the mislabels by all voices, outliers, duplicates by embedding. Datalab: its default checks
with the same features and the same out-of-fold probabilities (logistic regression on 128 principal components,
5 folds). Each runs once in a process of its own that reads the arrays, so its peak memory is its own. Imports are not
timed on either side. Recall of the
neighbours is counted on 1,000 rows against all distances.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
from measured import cores, print_table, resident_kib

QUERIES = 1000
BAR = 0.35


def embed(images: pd.Series) -> np.ndarray:
    """Give EfficientNet-lite0's features of encoded images."""
    from PIL import Image

    from burnish.tasks.pretrained import pretrained_encoder

    return pretrained_encoder().transform(np.stack([np.asarray(Image.open(io.BytesIO(image))) for image in images]))


def out_of_fold(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(PCA(128, random_state=0), StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
    return cross_val_predict(model, features, labels, cv=5, method="predict_proba").astype(np.float32)


def check_ours(features: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, folder: Path) -> dict[str, float]:
    import sklearn.cluster
    import sklearn.covariance
    import sklearn.ensemble  # noqa: F401 - cleanlab's are imported with it, before the clock starts

    from burnish.tasks.copies import find_row_duplicates
    from burnish.tasks.mislabels import NEIGHBOURS, find_mislabels
    from burnish.tasks.multivariate import score_outliers
    from burnish.tasks.neighbours import neighbour_graph

    ids, seconds, began = pd.Series(np.arange(len(labels)).astype(str)), {}, time.perf_counter()

    def lap(name: str) -> None:
        seconds[name] = time.perf_counter() - began - sum(seconds.values())

    graph = neighbour_graph(features, k=NEIGHBOURS)
    lap("neighbour graph")
    find_mislabels(labels, probabilities, features, graph=graph)
    lap("mislabels")
    score_outliers(features)
    lap("outliers")
    find_row_duplicates(ids, pd.DataFrame(index=ids.index), features, labels)
    lap("duplicates")
    np.save(folder / "neighbours.npy", graph.indices)
    return seconds


def check_datalab(features: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, _: Path) -> dict[str, float]:
    from cleanlab import Datalab

    began = time.perf_counter()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        lab = Datalab(data={"label": labels}, label_name="label", verbosity=0)
        lab.find_issues(features=features, pred_probs=probabilities)
    return {"all checks": time.perf_counter() - began}


CHECKS = {"ours": check_ours, "Datalab": check_datalab}


def run_child(who: str, folder: Path) -> None:
    """Read the arrays, run the checks, say how long they took and how much memory this process held at most."""
    features, probabilities, labels = (
        np.load(folder / f"{name}.npy") for name in ("features", "probabilities", "labels")
    )
    seconds = CHECKS[who](features, probabilities, labels, folder)
    peak = resident_kib(os.getpid()) / 2**20  # getrusage would count the parent's, before this program began
    print(json.dumps({"seconds": seconds, "peak_gib": peak}))


def measure(who: str, folder: Path) -> dict:
    command = [sys.executable, __file__, "--data", str(folder), "--child", who]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def recall(features: np.ndarray, found: np.ndarray) -> float:
    """Share of the true nearest neighbours among those found, on rows drawn at random."""
    from sklearn.neighbors import NearestNeighbors

    rows = np.random.default_rng(1).choice(len(features), min(QUERIES, len(features)), replace=False)
    k = found.shape[1]
    true = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(features).kneighbors(features[rows])[1]
    hits = [np.isin(near[near != row][:k], found[row]).mean() for near, row in zip(true, rows, strict=True)]
    return float(np.mean(hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10n/train.parquet")
    parser.add_argument("--features", type=Path, help=".npy of earlier features of these images; default: made here")
    parser.add_argument("--label", default="worse", choices=["worse", "aggre"])
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--child", choices=list(CHECKS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.child, options.data)
        return
    table = pd.read_parquet(options.data / "cifar10n" / "train.parquet")[: options.rows]
    features = np.load(options.features)[: options.rows] if options.features else embed(table["image"])
    labels = pd.factorize(table[options.label], sort=True)[0]
    with tempfile.TemporaryDirectory(prefix="burnish-labels-") as name:
        folder = Path(name)
        arrays = {"features": features, "probabilities": out_of_fold(features, labels), "labels": labels}
        for kind, array in arrays.items():
            np.save(folder / f"{kind}.npy", array)
        ours, theirs = measure("ours", folder), measure("Datalab", folder)
        found = recall(features, np.load(folder / "neighbours.npy"))
    wall, peer_wall = sum(ours["seconds"].values()), sum(theirs["seconds"].values())
    rows = [
        ["seconds", f"{wall:.1f}", f"{peer_wall:.1f}", f"{wall / peer_wall:.2f}", f"≤ {BAR}"],
        *([f"– {name}", f"{seconds:.1f}", "", "", ""] for name, seconds in ours["seconds"].items()),
        [
            "peak memory, GiB",
            *(f"{one['peak_gib']:.2f}" for one in (ours, theirs)),
            f"{ours['peak_gib'] / theirs['peak_gib']:.2f}",
            f"≤ {BAR}",
        ],
        [f"recall of neighbours, {QUERIES:,} rows", f"{found:.3f}", "1 (exact)", "", "≥ 0.97"],
    ]
    title = f"Every label check, {features.shape[0]:,} × {features.shape[1]:,} features, {cores()} cores"
    print_table(title, ["what", "ours", "Datalab", "ratio", "to reach"], rows)


if __name__ == "__main__":
    main()
