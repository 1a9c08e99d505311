"""Unusual rows of 22 tables (ADBench), no label used: AUROC of one default, beside isolation forest and PyOD's ECOD."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measured import print_table
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Score = Callable[[NDArray[np.float32]], NDArray[Any]]
BAR, AIM = 0.785, 0.80


def by_burnish(rows: NDArray[np.float32]) -> NDArray[Any]:
    from burnish.tasks.multivariate import score_outliers

    return score_outliers(rows)


def by_forest(rows: NDArray[np.float32]) -> NDArray[Any]:
    from sklearn.ensemble import IsolationForest

    return -IsolationForest(random_state=0).fit(rows).score_samples(rows)


def by_ecod(rows: NDArray[np.float32]) -> NDArray[Any]:
    from pyod.models.ecod import ECOD

    return ECOD().fit(rows.astype(np.float64)).decision_scores_


CONTENDERS: dict[str, Score] = {"burnish": by_burnish, "IForest": by_forest, "ECOD": by_ecod}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds adbench/*.npz")
    parser.add_argument("--largest", type=int, help="leave out tables of more rows")
    options = parser.parse_args()
    lines, scores, seconds = [], [], dict.fromkeys(CONTENDERS, 0.0)
    for file in sorted((options.data / "adbench").glob("*.npz")):
        with np.load(file) as stored:
            rows, truth = stored["X"].astype(np.float32), stored["y"].ravel()
        if options.largest is not None and len(rows) > options.largest:
            continue
        line = []
        for name, way in CONTENDERS.items():
            began = time.perf_counter()
            line.append(roc_auc_score(truth, way(rows)))
            seconds[name] += time.perf_counter() - began
        scores.append(line)
        size = f"{rows.shape[0]:,} × {rows.shape[1]}"
        lines.append([file.stem.split("_", 1)[1], size, f"{truth.mean():.1%}", *(f"{each:.3f}" for each in line)])
    means = np.mean(scores, axis=0)
    lines.append(["**mean**", "", "", *(f"**{each:.3f}**" for each in means)])
    lines.append(["seconds", "", "", *(f"{each:.1f}" for each in seconds.values())])
    print_table(f"AUROC, no labels used (bar: {BAR}, aim: {AIM:.2f})", ("table", "size", "unusual", *CONTENDERS), lines)


if __name__ == "__main__":
    main()
