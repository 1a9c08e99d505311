"""Image quality and duplicates beside CleanVision: images per second, equal flags, and planted faults found.

Speed: CIFAR-10 pictures as PNG of 32 pixels, and photographs of 500 × 375 pixels as JPEG (warped crops of
scikit-learn's two sample images with CIFAR-10 pictures pasted on them). Both read the same files, one after the other,
each its best of `--repeats`; CleanVision with one job, which is its best. Flags are compared on the photographs, among
which faults and copies are planted. What CleanVision calls light is so white that there is hardly anything on it, which
is blank here: those two are compared together; and blank pictures, all of them alike to its hash, are no near copies
here. Blur it judges on 64 pixels, here on the edges: there the definitions differ, and the planted ones tell.
Planted faults: blurred, darkened and blank pictures, 2% each, of random strength.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from cleanvision import Imagelab
from measured import cores, print_table
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import f1_score

from burnish.tasks.duplicates import find_duplicates
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.images import measure_images

PLANTED = 0.02  # share of each fault
PEER = {
    "dark": "dark",
    "bright": "light",
    "blank": "low_information",
    "blurry": "blurry",
    "odd_aspect": "odd_aspect_ratio",
    "odd_size": "odd_size",
    "exact": "exact_duplicates",
    "near": "near_duplicates",
}
COMPARED = {name: [name] for name in PEER if name not in ("bright", "blank")} | {"bright or blank": ["bright", "blank"]}


@dataclass(frozen=True)
class Checked:
    """Flags of one tool, a row a file in the order of their names, and the seconds it took."""

    flags: pd.DataFrame
    seconds: float


def check_ours(folder: Path) -> Checked:
    names = sorted(path.name for path in folder.iterdir())
    began = time.perf_counter()
    scan = measure_images(folder, names)
    quality = scan.quality
    copies = find_duplicates(
        names,
        quality["content_hash"],
        perceptual_hash=quality["perceptual_hash"].to_numpy(),
        pixels=scan.pixels,
    )
    seconds = time.perf_counter() - began
    exact = quality["content_hash"].duplicated(keep=False)
    near = (copies["duplicate_kind"] == "near").groupby(copies["duplicate_group"]).transform("any")
    return Checked(quality[list(FLAGS)].assign(exact=exact, near=near & (copies["duplicate_group"] >= 0)), seconds)


def check_cleanvision(folder: Path) -> Checked:
    began = time.perf_counter()
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        lab = Imagelab(data_path=str(folder))
        lab.find_issues(n_jobs=1, verbose=False)
    seconds = time.perf_counter() - began
    issues = lab.issues.set_axis([Path(path).name for path in lab.issues.index]).sort_index().reset_index(drop=True)
    return Checked(pd.DataFrame({ours: issues[f"is_{theirs}_issue"] for ours, theirs in PEER.items()}), seconds)


def best(check: Callable[[Path], Checked], folder: Path, repeats: int) -> Checked:
    return min((check(folder) for _ in range(repeats)), key=lambda checked: checked.seconds)


def read_cifar(data: Path, count: int) -> list[np.ndarray]:
    table = pd.read_parquet(data / "cifar10n" / "train.parquet", columns=["image"]).sample(count, random_state=0)
    return [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for content in table["image"]]


def read_digits() -> list[np.ndarray]:
    """Dark ink on white paper, 32 pixels."""
    pages = [cv2.resize(page, (32, 32), interpolation=cv2.INTER_CUBIC) for page in load_digits().images]
    return [(255 - page.clip(0, 16) / 16 * 225).astype(np.uint8) for page in pages]


def write_pngs(pictures: list[np.ndarray], folder: Path) -> Path:
    folder.mkdir()
    for row, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{row:05d}.png")
    return folder


def blur(picture: np.ndarray, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), scale * rng.uniform(2, 4))


def darken(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (picture * rng.uniform(0.05, 0.3)).astype(np.uint8)


def brighten(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (255 - (255 - picture.astype(float)) * rng.uniform(0.01, 0.05)).astype(np.uint8)


def empty(picture: np.ndarray, rng: np.random.Generator, grain: float = 4.0) -> np.ndarray:
    level = rng.uniform(90, 220) + rng.normal(0, rng.uniform(0, grain), picture.shape)
    return level.clip(0, 255).astype(np.uint8)


def plant(
    pictures: list[np.ndarray], faults: dict[str, Callable], seed: int = 0
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Spoil 2% of the pictures by each fault; the rest stay as they are."""
    rng = np.random.default_rng(seed)
    order, share = rng.permutation(len(pictures)), round(PLANTED * len(pictures))
    spoilt, truth = list(pictures), {}
    for number, (name, fault) in enumerate(faults.items()):
        rows = order[number * share : (number + 1) * share]
        truth[name] = np.isin(np.arange(len(pictures)), rows)
        for row in rows:
            spoilt[row] = fault(pictures[row], rng)
    return spoilt, truth


def make_photographs(count: int, inlays: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """Warp crops of two photographs to 500 × 375 pixels, in other light, with small pictures on them."""
    rng = np.random.default_rng(seed)
    sources = [np.asarray(image) for image in load_sample_images().images]
    made = []
    for row in range(count):
        source = sources[row % 2]
        height, width = source.shape[:2]
        centre = (rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height)
        warp = cv2.getRotationMatrix2D(centre, rng.uniform(-30, 30), rng.uniform(0.9, 2.0))
        warp[:, 2] += np.array([250, 187]) - np.array(centre)
        page = cv2.warpAffine(source, warp, (500, 375), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        for inlay in rng.choice(len(inlays), 3):
            side = int(rng.integers(60, 160))
            top, left = rng.integers(0, 375 - side), rng.integers(0, 500 - side)
            page[top : top + side, left : left + side] = cv2.resize(inlays[inlay], (side, side))
        light = page * rng.uniform(0.7, 1.1) + rng.uniform(-10, 20) + rng.normal(0, 2, page.shape)
        made.append(light.clip(0, 255).astype(np.uint8))
    return made


def write_photographs(photographs: list[np.ndarray], folder: Path, seed: int = 0) -> Path:
    """Save as JPEG, with 2% of each fault and 2% of exact and near copies at the end."""
    faults: dict[str, Callable] = {
        "blurry": lambda picture, rng: blur(picture, rng, scale=5),
        "dark": darken,
        "bright": brighten,
        "blank": lambda picture, rng: empty(picture, rng, grain=1),
        "odd_aspect": lambda picture, rng: picture[: int(rng.integers(40, 100))],
        "odd_size": lambda picture, _: cv2.resize(picture, None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA),
    }
    spoilt, _ = plant(photographs, faults, seed)
    folder.mkdir()
    share = round(PLANTED * len(photographs))
    files = [folder / f"{row:05d}.jpg" for row in range(len(spoilt))]
    for file, picture in zip(files[: -2 * share], spoilt, strict=False):
        Image.fromarray(np.ascontiguousarray(picture)).save(file, quality=90)
    for row in range(share):
        files[-2 * share + row].write_bytes(files[row].read_bytes())
        Image.open(files[share + row]).save(files[row - share], quality=75)
    return folder


def compare_speed(work: Path, cifar: list[np.ndarray], photographs: int, repeats: int) -> None:
    small = write_pngs(cifar, work / "small")
    large = write_photographs(make_photographs(photographs, cifar), work / "large")
    rows = []
    for name, folder, bar in (("32 × 32, PNG", small, "≥ 5"), ("500 × 375, JPEG", large, "≥ 6")):
        count = len(list(folder.iterdir()))
        theirs, ours = best(check_cleanvision, folder, repeats), best(check_ours, folder, repeats)
        rates = [count / checked.seconds for checked in (ours, theirs)]
        rows.append([name, f"{count:,}", *(f"{rate:,.0f}" for rate in rates), f"{rates[0] / rates[1]:.1f}", bar])
    header = ["images", "count", "ours, images/s", "CleanVision, images/s", "ratio", "to reach"]
    print_table(f"Image quality and duplicates, {cores()} cores", header, rows)
    blank = (ours.flags | theirs.flags)[COMPARED["bright or blank"]].any(axis=1)
    equal = []
    for name, columns in COMPARED.items():
        told = ~blank if name == "near" else blank | True
        first, second = (checked.flags.loc[told, columns].any(axis=1) for checked in (ours, theirs))
        bar = "–" if name == "blurry" else "≥ 99%"
        equal.append([name, int(first.sum()), int(second.sum()), f"{(first == second).mean():.1%}", bar])
    header = ["check", "flagged by ours", "by CleanVision", "equal flags", "to reach"]
    print_table(f"The same {count:,} photographs, 2% of each fault planted", header, equal)


def compare_planted(work: Path, name: str, pictures: list[np.ndarray]) -> list[list[str]]:
    spoilt, truth = plant(pictures, {"blurry": blur, "dark": darken, "blank": empty})
    folder = write_pngs(spoilt, work / name)
    ours, theirs = check_ours(folder), check_cleanvision(folder)
    return [
        [
            f"{name}: {fault}",
            *(f"{f1_score(planted, checked.flags[fault]):.3f}" for checked in (ours, theirs)),
            "higher, ≥ 0.95",
        ]
        for fault, planted in truth.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10n/train.parquet")
    parser.add_argument("--images", type=int, default=5000, help="of 32 pixels")
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    cifar = read_cifar(options.data, options.images)
    with tempfile.TemporaryDirectory(prefix="burnish-images-") as folder:
        work = Path(folder)
        compare_speed(work, cifar, options.photographs, options.repeats)
        planted = [
            row
            for name, pictures in (("digits", read_digits()), ("cifar", cifar))
            for row in compare_planted(work, name, pictures)
        ]
    print_table("Planted faults, 2% each: F1", ["images", "ours", "CleanVision", "to reach"], planted)


if __name__ == "__main__":
    main()
