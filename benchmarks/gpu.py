"""A GPU kept busy: 25,000 photographs with wrong labels, 5 folds out of fold, labels audited, one weighted network.

Data: CIFAR-10N's `worse` labels, 41% wrong, where `--data` has `cifar10n/`; else pictures simulated here, 32 px, ten
classes of coloured discs, 40% of the labels wrong, towards four classes beside the true one. Test accuracy is against
the truth. The share of an epoch in which the device computes is that of the profiler: the union of the times of its
kernels over the time of the epoch, once with the images on the device and once sent batch by batch. An epoch goes
before it under the profiler, whose first records can be lost; the kernels a step beside the share show whether any
were. It comes in a table of its own, so that seconds and accuracy do not hang on the profiler.

Without a GPU the same runs on the CPU, and says so: the figures then mean nothing, and the share is that of the epoch
spent in PyTorch's operators. Smoke test: `--rows 500 --epochs 1`.
"""

from __future__ import annotations

import argparse
import io
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measured import print_table
from PIL import Image

from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_plans import plan
from burnish.tasks.convnet_training import predict_images, train_cnn
from burnish.tasks.device_rows import Rows
from burnish.tasks.fitting import choose_device
from burnish.tasks.learners import Learner, hold_images, send_images
from burnish.tasks.mislabels import audit_labels
from burnish.tasks.moves import Moves
from burnish.tasks.training_recipe import Recipe

SIDE, CLASSES, WRONG = 32, 10, 0.4
TEST_ROWS = 5_000


@dataclass(frozen=True)
class Pictures:
    """Pixels uint8 (n, 32, 32, 3), labels as given and the truth (n,), a test set, and whether they may be mirrored."""

    name: str
    pixels: np.ndarray
    given: np.ndarray
    truth: np.ndarray
    test_pixels: np.ndarray
    test_truth: np.ndarray
    mirror: bool = False


def simulated(rows: int, seed: int = 0) -> Pictures:
    """Two discs a picture; the class is the pair of their colours' order and how they lie, under noise and light."""
    rng = np.random.default_rng(seed)
    count = rows + min(rows, TEST_ROWS)
    truth = rng.integers(0, CLASSES, count)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    angle = (truth % 5) * np.pi / 5 + rng.normal(0, 0.12, count)
    centre = SIDE / 2 + rng.uniform(-4, 4, (2, count))
    first, second = rng.uniform(60, 200, (2, count, 3))
    swapped = (first[:, 0] > first[:, 2]) != (truth >= 5)
    first[swapped] = first[swapped][:, ::-1]
    pixels = rng.normal(110, 30, (count, SIDE, SIDE, 3)).astype(np.float32)
    for colour, way in ((first, 1), (second, -1)):
        across = centre[0] + way * 8 * np.cos(angle)
        down = centre[1] + way * 8 * np.sin(angle)
        inside = (x - across[:, None, None]) ** 2 + (y - down[:, None, None]) ** 2 < 25
        pixels += inside[..., None] * (colour[:, None, None, :] - 110)
    made = pixels.clip(0, 255).astype(np.uint8)
    turned = (truth + rng.choice([-2, -1, 1, 2], count)) % CLASSES
    given = np.where(rng.random(count) < WRONG, turned, truth)
    train, test = slice(rows), slice(rows, None)
    return Pictures("simulated", made[train], given[train], truth[train], made[test], truth[test])


def photographs(folder: Path, rows: int, seed: int = 0) -> Pictures:
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    train = train.sample(min(rows, len(train)), random_state=seed)
    names = sorted(train["true"].astype(str).unique())

    def codes(labels: pd.Series) -> np.ndarray:
        return pd.Categorical(labels.astype(str), categories=names).codes.astype(np.int64)

    given, truth, judged = codes(train["worse"]), codes(train["true"]), codes(test["true"])
    return Pictures("CIFAR-10N", decoded(train["image"]), given, truth, decoded(test["image"]), judged, mirror=True)


def decoded(images: pd.Series) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in images])


def busy_share(data: Pictures, recipe: Recipe, device: torch.device, images: Rows) -> tuple[str, str]:
    """Profile the third epoch of a network on 4/5 of the rows; give the share, and the kernels a step."""
    network = ConvNet(SIDE, 3, CLASSES, size="wide" if device.type == "cuda" else "lean", dropout=recipe.dropout)
    network = network.to(device, memory_format=torch.channels_last)
    rows = torch.arange(len(data.given) * 4 // 5, device=device)
    network.set_scale(images.take(rows[:1000]))
    labels, weights = torch.from_numpy(data.given).to(device), torch.ones(len(data.given), device=device)
    planned = plan(replace(recipe, epochs=max(recipe.epochs, 3)), len(rows), device, Moves(mirror=data.mirror))
    learner = Learner(network, images, labels, rows, weights, planned, 0)
    kind = device.type.upper()
    profiler = torch.profiler.profile(
        activities=[getattr(torch.profiler.ProfilerActivity, kind)],
        schedule=torch.profiler.schedule(wait=0, warmup=1, active=1, repeat=1),
        acc_events=True,
    )
    with torch.backends.cudnn.flags(enabled=True, deterministic=True):  # as networks are trained
        learner.epoch()  # ends with the loss on the CPU, so that nothing is left to wait for
        with profiler as profile:
            learner.epoch()
            profile.step()
            began = time.perf_counter()
            learner.epoch()
            seconds = time.perf_counter() - began
            profile.step()
    on_device = getattr(torch.autograd.DeviceType, kind)
    computing = [
        e
        for e in profile.events()
        if e.device_type == on_device and not e.is_user_annotation and not e.name.startswith(("Memcpy", "Memset"))
    ]
    if not computing:
        return "not told: the profiler saw no kernel", "0"
    busy = union([(e.time_range.start, e.time_range.end) for e in computing]) / 1e6 / seconds
    return f"{busy:.1%}", f"{len(computing) / len(learner.sizes()):.0f}"


def union(spans: list[tuple[float, float]]) -> float:
    """Length of what spans cover together."""
    covered, end = 0.0, -np.inf
    for start, stop in sorted(spans):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return covered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds cifar10n/; default: simulated pictures")
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--epochs", type=int, default=Recipe().epochs, help="at most")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--compiled", default="auto", choices=["auto", "always", "never"])
    options = parser.parse_args()
    found = options.data / "cifar10n" if options.data else None
    data = photographs(found, options.rows) if found and found.is_dir() else simulated(options.rows)
    device, recipe, moves = choose_device(options.device), Recipe(epochs=options.epochs), Moves(mirror=data.mirror)
    names = tuple(map(str, range(CLASSES)))
    shared = {"classes": names, "recipe": recipe, "moves": moves, "device": options.device}
    shared |= {"compiled": options.compiled}
    if device.type != "cuda":
        if options.device == "auto" and Path("/proc/driver/nvidia/version").exists():
            parser.error(f"an NVIDIA driver is here, but torch {torch.__version__} sees no GPU: install its CUDA build")
        print("There is no GPU here: this shows that the benchmark runs, its figures are those of a CPU.")
    began = time.perf_counter()
    heard = out_of_fold_cnn(data.pixels, data.given, folds=5, **shared)
    folded = time.perf_counter()
    audit = audit_labels(
        np.asarray(names)[data.given], heard.probabilities, classes=names, dynamics=heard.dynamics, errors="people"
    )
    audited = time.perf_counter()
    believed = audit.posterior.argmax(axis=1)
    trained = train_cnn(data.pixels, believed, audit.posterior.max(axis=1), **shared)
    ended = time.perf_counter()
    accuracy = float((predict_images(trained.network, data.test_pixels).argmax(axis=1) == data.test_truth).mean())
    wrong = float((data.given != data.truth).mean())
    print_table(
        f"{data.name}, {len(data.given):,} images of 32 px, {wrong:.0%} of the labels wrong, on {device_name(device)}",
        ["what", "ours", "to reach"],
        [
            ["5 folds out of fold, seconds", f"{folded - began:.1f}", "–"],
            ["audit of the labels, seconds", f"{audited - folded:.1f}", "–"],
            ["weighted training, seconds", f"{ended - audited:.1f}", "–"],
            ["whole, seconds", f"{ended - began:.1f}", "≤ 60, aim 20"],
            ["labels right as given", f"{1 - wrong:.3f}", "–"],
            ["labels right as learnt from", f"{(believed == data.truth).mean():.3f}", "–"],
            ["test accuracy", f"{accuracy:.3f}", "≥ 0.80, aim 0.86"],
            ["epochs out of fold, final", f"{heard.epochs}, {trained.best_epoch}", "–"],
        ],
    )
    shares = [busy_share(data, recipe, device, put(data.pixels, device)) for put in (hold_images, send_images)]
    print_table(
        "Share of the epoch in which the device computes",
        ["images", "share", "kernels a step", "to reach"],
        [["on the device", *shares[0], "≥ 85%, aim 95%"], ["sent batch by batch", *shares[1], "–"]],
    )


def device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


if __name__ == "__main__":
    main()
