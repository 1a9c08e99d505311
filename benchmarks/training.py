"""Training: what weights cost a step, and the linear head out of fold against scikit-learn's logistic regression.

The step: the same network, mini-batches and optimizer with s(i) and with the plain mean of the losses, in pairs that
take turns, in processor time on one thread: several that wait for each other would count as work. The head:
`cross_val_predict` of `LogisticRegression` gets the strength it would have to look for (the best of a grid by its own
out-of-fold log loss), ours looks for it within its time. Features: `--features FOLDER` with `train.npy` and `--data`
with `cifar10n/train.parquet`; else simulated ones, correlated, with a fifth of the labels wrong.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measured import cores, print_table
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from burnish.tasks.dealing import assign_folds
from burnish.tasks.folds import out_of_fold
from burnish.tasks.losses import example_losses
from burnish.tasks.models import build_network
from burnish.tasks.optimizers import make_optimizer

CLASSES = tuple("0123456789")
STEPS = 3  # of each turn
STRENGTHS = (0.01, 0.002, 0.0004)


def step_seconds(weighted: bool, width: int, batch: int, steps: int) -> Callable[[], float]:
    """Make a function that takes steps on a network of its own and gives the seconds of one."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(8192, width, generator=generator), torch.randint(0, 10, (8192,), generator=generator)
    shares = torch.rand(8192, 1, generator=generator) * 2
    network = build_network("mlp", width, 10).train()
    optimizer, noise = make_optimizer(network, "adamw"), torch.Generator().manual_seed(0)
    order = torch.Generator().manual_seed(0)

    def measure() -> float:
        rows = torch.randint(0, len(x), (steps, batch), generator=order)
        began = time.process_time()
        for each in rows:
            scores = network(x[each], noise, standardized=True)
            optimizer.zero_grad()
            if weighted:
                torch.autograd.backward(example_losses(scores, y[each]), shares[each].T / batch)
            else:
                torch.nn.functional.cross_entropy(scores[0], y[each]).backward()
            optimizer.step()
        return (time.process_time() - began) / steps

    return measure


def compare_steps(pairs: int) -> list[list[str]]:
    """Give a row of the table for each size of step."""
    table = []
    for width, batch in ((64, 64), (1280, 256), (1280, 1024)):
        with_weights, without = (step_seconds(weighted, width, batch, STEPS) for weighted in (True, False))
        taken = []
        for number in range(pairs + 2):
            turns = (with_weights, without) if number % 2 else (without, with_weights)
            seconds = {turn: turn() for turn in turns}
            taken.append((seconds[with_weights], seconds[without]))
        ours, plain = np.array(taken[2:]).T
        table.append([
            f"{width:,} features, batch {batch:,}", f"{np.median(plain) * 1e3:.3f}", f"{np.median(ours) * 1e3:.3f}",
            f"{np.median(ours / plain):.3f}", "≤ 1.03 (aim 1.01)",
        ])  # fmt: skip
    return table


def simulated(rows: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Make features with a falling spectrum, ten classes that part them linearly, and a fifth of the labels wrong."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) * np.arange(1, width + 1) ** -0.7
    features = (rng.normal(size=(rows, width)) @ mixing.T).astype(np.float32)
    scores = (features - features.mean(0)) / features.std() @ rng.normal(size=(width, 10)) / np.sqrt(width) * 3
    labels = (scores + rng.gumbel(size=scores.shape)).argmax(1)
    return features, np.where(rng.random(rows) < 0.2, rng.integers(0, 10, rows), labels).astype(np.int64)


def compare_heads(features: np.ndarray, labels: np.ndarray, threads: int) -> list[list[str]]:
    """Give a row for our head and one for each strength of the peer's, fitted one after the other."""
    scaled, (fold, _) = (features - features.mean(0)) / features.std(), assign_folds(labels)

    def ours() -> np.ndarray:
        return out_of_fold(
            features, labels, classes=CLASSES, model="linear", device="cpu", threads=threads
        ).probabilities

    def theirs(strength: float) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = LogisticRegression(C=strength, max_iter=1000)
            return cross_val_predict(peer, scaled, labels, cv=PredefinedSplit(fold), method="predict_proba")

    heads: dict[str, Callable[[], np.ndarray]] = {"Burnish, finds its strength": ours}
    heads |= {f"scikit-learn, C = {strength:g}": partial(theirs, strength) for strength in STRENGTHS}
    measured = {name: _timed(head) for name, head in heads.items()}
    first, *peers = measured.values()
    table = [
        [name, f"{wall:.1f}", f"{processor:.1f}", f"{log_loss(labels, said):.4f}", f"{processor / first[1]:.1f}"]
        for name, (wall, processor, said) in measured.items()
    ]
    wall, processor = (sum(peer[place] for peer in peers) for place in (0, 1))
    least = min(log_loss(labels, peer[2]) for peer in peers)
    searched = ["scikit-learn, all three to choose from", f"{wall:.1f}", f"{processor:.1f}", f"{least:.4f}"]
    return [*table, [*searched, f"{processor / first[1]:.1f}"]]


def _timed(head: Callable[[], np.ndarray]) -> tuple[float, float, np.ndarray]:
    wall, processor = time.perf_counter(), time.process_time()
    said = head()
    return time.perf_counter() - wall, time.process_time() - processor, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds cifar10n/train.parquet")
    parser.add_argument("--features", type=Path, help="folder with train.npy, the features of those images")
    parser.add_argument("--label", default="aggre", choices=["worse", "aggre"])
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--pairs", type=int, default=600)
    parser.add_argument("--threads", type=int, default=cores())
    options = parser.parse_args()
    torch.set_num_threads(1)
    print_table(
        f"A training step with weights and without, {options.pairs} pairs that take turns, 1 thread",
        ["step", "without, CPU ms", "with, CPU ms", "median ratio", "to reach"],
        compare_steps(options.pairs),
    )
    torch.set_num_threads(options.threads)
    if options.features and options.data:
        features = np.load(options.features / "train.npy")[: options.rows]
        table = pd.read_parquet(options.data / "cifar10n" / "train.parquet", columns=[options.label])
        labels, what = pd.factorize(table[options.label], sort=True)[0][: options.rows], f"CIFAR-10N `{options.label}`"
    else:
        (features, labels), what = simulated(options.rows, 1280), "simulated"
    title = f"Linear head, 5 folds, {len(features):,} × {features.shape[1]:,}, {what}, {options.threads} threads"
    print_table(
        f"{title}; to reach: 5 times faster at equal log loss (aim 15)",
        ["head", "seconds", "CPU seconds", "out-of-fold log loss", "times our CPU seconds"],
        compare_heads(features, labels.astype(np.int64), options.threads),
    )


if __name__ == "__main__":
    main()
