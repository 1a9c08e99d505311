"""Planted leaks of each kind found and clean tables falsely accused, beside a plain check: one feature with AUC > 0.99.

A leak is planted into tables whose other columns tell the label as well as columns usually do: simulated, breast
cancer, wine, and census income with `--data`. The plain check takes the largest one-against-all AUC of a column over
half of the rows: of numbers as they are, of other values by the share of the class among the other half's rows of that
value.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from measured import print_table
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.metrics import roc_auc_score

from burnish.tasks.column_types import infer_types
from burnish.tasks.leaks import find_leaks

Codes = NDArray[np.int64]
Plant = Callable[[pd.DataFrame, Codes, np.random.Generator], tuple[pd.DataFrame, tuple[str, ...]]]
DAY = pd.Timedelta(days=1)


def simulated(rng: np.random.Generator, n: int = 2000, classes: int = 2, strength: float = 1.0) -> pd.DataFrame:
    """Numbers, categories and a date, each of which tells a little."""
    codes = rng.integers(0, classes, n)
    frame = pd.DataFrame({f"x{i}": rng.normal(strength * (i % 3) * codes / classes, 1) for i in range(6)})
    town = (codes * (rng.random(n) < 0.3) + rng.integers(0, 3, n)) % 4
    frame["town"] = np.array(["york", "hull", "leeds", "ripon"])[town]
    frame["opened"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    frame["count"] = rng.poisson(2 + codes)
    frame["some"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    return frame.assign(label=codes)


def from_sklearn(name: str) -> pd.DataFrame:
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    return loaded.data.assign(label=loaded.target.to_numpy())


def adult(folder: Path, rng: np.random.Generator, rows: int = 8000) -> pd.DataFrame:
    frame = pd.read_csv(folder / "adult" / "adult-train.csv", header=None, skipinitialspace=True).sample(
        rows, random_state=int(rng.integers(2**31))
    )
    frame.columns = [*(f"c{i}" for i in range(14)), "income"]
    codes = (frame.pop("income") == ">50K").to_numpy(dtype=np.int64)
    return frame.reset_index(drop=True).assign(label=codes)


def some_wrong(codes: Codes, rng: np.random.Generator, share: float) -> Codes:
    return np.where(rng.random(len(codes)) < share, rng.integers(0, codes.max() + 1, len(codes)), codes)


def plant_code(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return frame.assign(leak=rng.permutation([f"S{c}" for c in range(y.max() + 1)])[y]), ("leak",)


def plant_noisy_code(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return plant_code(frame, some_wrong(y, rng, 0.02), rng)


def plant_many_codes(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    many = max(2, len(y) // 40)
    words = rng.permutation(many * (int(y.max()) + 1)).reshape(-1, many)
    return frame.assign(leak=pd.Series(words[y, rng.integers(0, many, len(y))]).map("K{:05d}".format)), ("leak",)


def plant_threshold(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return frame.assign(leak=y * 10 + rng.random(len(y)) * 9), ("leak",)


def plant_two_ranges(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    inside = (y == 0) * rng.random(len(y))
    outside = (y > 0) * rng.choice([-1, 1], len(y)) * (1.1 + rng.random(len(y)))
    return frame.assign(leak=inside + outside), ("leak",)


def plant_missing(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    return frame.assign(leak=np.where(y == 0, np.nan, rng.normal(size=len(y)))), ("leak",)


def plant_sorted_id(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    place = np.lexsort((rng.random(len(y)), y))
    ids = np.empty(len(y), np.int64)
    ids[place] = np.arange(len(y)) + 10_001
    return frame.assign(leak=ids), ("leak",)


def plant_prefixed_id(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    serial = rng.permutation(len(y))
    return frame.assign(leak=[f"{'QFMZ'[c % 4]}{n:06d}" for c, n in zip(y, serial, strict=True)]), ("leak",)


def plant_closing_date(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    start = pd.Timestamp("2024-01-01") + rng.integers(0, 300, len(y)) * DAY
    closed = pd.Series(start + rng.integers(1, 60, len(y)) * DAY).where(y != 0)
    return frame.assign(opened=start, leak=closed), ("leak",)


def plant_delay(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    start = pd.Timestamp("2024-01-01") + rng.integers(0, 300, len(y)) * DAY
    decided = start + (1 + 30 * y + rng.integers(0, 20, len(y))) * DAY
    return frame.assign(opened=start, leak=decided), ("opened", "leak")


def plant_word(frame: pd.DataFrame, y: Codes, rng: np.random.Generator) -> tuple[pd.DataFrame, tuple[str, ...]]:
    words = np.array(["the", "a", "we", "call", "later", "pay", "bill", "house", "order", "late", "nice", "good"])
    body = [" ".join(rng.choice(words, 8)) for _ in y]
    return frame.assign(leak=[f"{t} refunded" if c == 0 else t for t, c in zip(body, y, strict=True)]), ("leak",)


PLANTS: dict[str, Plant] = {
    "a code for each class": plant_code,
    "the same, 2% of it wrong": plant_noisy_code,
    "many codes a class": plant_many_codes,
    "a sum that says it by its size": plant_threshold,
    "a sum that says it by two ranges": plant_two_ranges,
    "filled in for some classes only": plant_missing,
    "numbers given out class by class": plant_sorted_id,
    "ids with the class as a letter": plant_prefixed_id,
    "a closing date": plant_closing_date,
    "days between two dates": plant_delay,
    "a word of the text": plant_word,
}


def clean_tables(rng: np.random.Generator, data: Path | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Tables without a leak, many of them with features that are strong and honest."""
    yield "simulated", simulated(rng)
    yield "simulated, 4 classes", simulated(rng, classes=4)
    yield (
        "simulated, ids at random",
        simulated(rng).assign(id=rng.permutation(2000) + 1, key=[f"k{n:05d}" for n in rng.permutation(2000)]),
    )
    strong = simulated(rng)
    yield "one strong measurement (AUC 0.995)", strong.assign(test=rng.normal(3.65 * strong["label"], 1))
    yield "one stronger measurement (AUC 0.9995)", strong.assign(test=rng.normal(4.65 * strong["label"], 1))
    far = rng.normal(size=(1500, 12))
    codes = rng.integers(0, 3, 1500)
    far[:, :6] += 4 * rng.normal(size=(3, 6))[codes]
    yield "clusters far apart", pd.DataFrame(far).rename(columns=str).assign(label=codes)
    two = rng.integers(0, 2, 1500)
    yield (
        "five strong measurements, twenty of noise",
        pd.DataFrame(rng.normal(size=(1500, 25)) + 4.65 * two[:, None] * (np.arange(25) < 5))
        .rename(columns=str)
        .assign(label=two),
    )
    for name in ("iris", "wine", "breast_cancer"):
        yield name, from_sklearn(name).sample(frac=0.8, random_state=int(rng.integers(2**31))).reset_index(drop=True)
    iris = from_sklearn("iris")
    yield "iris, setosa or not", iris.assign(label=(iris["label"] == 0).astype(int))
    digits = from_sklearn("digits")
    first, second = rng.choice(10, 2, replace=False)
    pair = digits[digits["label"].isin([first, second])].reset_index(drop=True)
    yield "two of the digits", pair.assign(label=(pair["label"] == second).astype(int))
    if data is not None:
        yield "census income", adult(data, rng)


def bases(rng: np.random.Generator, data: Path | None) -> Iterator[pd.DataFrame]:
    yield simulated(rng)
    yield simulated(rng, n=400)
    yield simulated(rng, classes=4)
    yield from_sklearn("breast_cancer")
    yield from_sklearn("wine")
    if data is not None:
        yield adult(data, rng)


def ours(frame: pd.DataFrame, text: bool, seed: int) -> Iterator[set[str]]:
    """Columns said to give the label away, and those called suspicious."""
    codes = frame["label"].to_numpy(dtype=np.int64)
    table = infer_types(frame.drop(columns="label"))
    columns = [name for name in table if not (text and name == "leak")]
    classes = [str(c) for c in np.unique(codes)]
    leaks = find_leaks(table, codes, classes=classes, columns=columns, text="leak" if text else None, seed=seed).leaks
    said = [(leak.telling.columns[-1], leak.verdict) for leak in leaks]
    return ({name for name, verdict in said if verdict == wanted} for wanted in ("gives_away", "suspicious"))


def plain(frame: pd.DataFrame) -> set[str]:
    """Columns with an AUC above 0.99 for a class."""
    codes = frame["label"].to_numpy()
    half = np.random.default_rng(0).random(len(codes)) < 0.5
    found = set()
    for name in frame.columns.drop("label"):
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            column = (column - pd.Timestamp("2000-01-01")).dt.days
        for c in np.unique(codes):
            truth = codes == c
            score = column
            if not pd.api.types.is_numeric_dtype(column.dtype):
                words = column.astype(str)
                score = words.map(pd.Series(truth[half]).groupby(words[half].to_numpy()).mean())
            score = score.astype(float).fillna(score.median())
            auc = roc_auc_score(truth[~half], score[~half])
            if max(auc, 1 - auc) > 0.99:
                found.add(str(name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds adult/adult-train.csv")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    began = time.perf_counter()
    rows, total = [], np.zeros(4, int)
    for kind, plant in PLANTS.items():
        count = np.zeros(4, int)
        for seed in range(options.seeds):
            rng = np.random.default_rng(seed)
            for base in bases(rng, options.data):
                made, leaks = plant(base, base["label"].to_numpy(dtype=np.int64), rng)
                away, odd = ours(made, plant is plant_word, seed)
                hit = leaks[-1] in away
                count += [1, hit, not hit and leaks[-1] in odd, leaks[-1] in plain(made)]
        rows.append([kind, *count])
        total += count
    print_table(
        f"Planted leaks, {options.seeds} seeds, one a table",
        ["leak", "planted", "gives the label away", "suspicious", "plain AUC > 0.99"],
        [*rows, ["all", *total]],
    )
    clean: dict[str, list[int]] = {}
    for seed in range(options.seeds):
        for name, frame in clean_tables(np.random.default_rng(1000 + seed), options.data):
            away, odd = ours(frame, text=False, seed=seed)
            kept = clean.setdefault(name, [0, 0, 0, 0])
            for place, said in enumerate((True, bool(away), bool(odd), bool(plain(frame)))):
                kept[place] += said
    print_table(
        f"Clean tables accused, {options.seeds} seeds",
        ["table", "tables", "gives the label away", "suspicious (a note)", "plain AUC > 0.99"],
        [*([name, *kept] for name, kept in clean.items()), ["all", *np.sum(list(clean.values()), axis=0)]],
    )
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
