"""Wrong cells with no labels given: F1 on two dirty tables, on planted errors, and what is flagged where all is right.

Real: hospital and beers of Raha's benchmark, dirty and clean aligned cell for cell. Planted: errors of several kinds
put into the census table and into simulated tables (orders with customers, postcodes and habits; flights as 24 sources
report them). Clean: the clean versions, the census and scikit-learn's tables, read as text. The peer is the check
that everybody has: a cell that spells a missing value, or is not of the type that nine in ten of its column are.
"""

from __future__ import annotations

import argparse
import string
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from measured import print_table

from burnish.tasks.cell_errors import find_cell_errors, search_cells
from burnish.tasks.column_types import MISSING

REAL = {"hospital": None, "beers": ["abv", "ibu", "city", "state"]}
BARS = {"hospital": "≥ 0.80 (0.95)", "beers": "≥ 0.60 (0.85)"}
ADULT = [
    "age", "workclass", "fnlwgt", "education", "education-num",
    "marital-status", "occupation", "relationship", "race", "sex",
    "capital-gain", "capital-loss", "hours-per-week", "native-country", "income",
]  # fmt: skip


def read(path: Path, **options: object) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, **options)


def check_nulls_and_types(frame: pd.DataFrame) -> pd.DataFrame:
    """The peer: flags as a bool frame."""
    flags = {}
    for name in frame.columns:
        cells = frame[name]
        missing = cells.isin(MISSING)
        numbers = pd.to_numeric(cells.where(~missing), errors="coerce")
        numeric = numbers.notna().sum() >= 0.9 * (~missing).sum()
        flags[name] = missing | (numbers.isna() if numeric else False)
    return pd.DataFrame(flags)


def flags_of(found: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    flags = np.zeros(frame.shape, dtype=bool)
    flags[found["row"], frame.columns.get_indexer(found["column"])] = True
    return pd.DataFrame(flags, columns=frame.columns)


def score(flags: pd.DataFrame, wrong: pd.DataFrame, columns: list[str] | None) -> tuple[float, float, float]:
    names = columns or list(wrong.columns)
    hits = int((flags[names] & wrong[names]).to_numpy().sum())
    flagged, there = int(flags[names].to_numpy().sum()), int(wrong[names].to_numpy().sum())
    return hits / max(flagged, 1), hits / max(there, 1), 2 * hits / max(flagged + there, 1)


def compare(name: str, dirty: pd.DataFrame, clean: pd.DataFrame, columns: list[str] | None, bar: str) -> list[object]:
    wrong = dirty != clean
    began = time.perf_counter()
    found = find_cell_errors(dirty)
    seconds = time.perf_counter() - began
    ours = score(flags_of(found, dirty), wrong, columns)
    peer = score(check_nulls_and_types(dirty), wrong, columns)
    repaired = found[found["repair"].notna() & (found["column"].isin(columns) if columns else True)]
    truth = clean.to_numpy()[repaired["row"], clean.columns.get_indexer(repaired["column"])]
    right = float((repaired["repair"].to_numpy() == truth).mean()) if len(repaired) else float("nan")
    figures = [f"{ours[2]:.3f}", f"{ours[0]:.3f}", f"{ours[1]:.3f}", f"{right:.3f}", f"{peer[2]:.3f}"]
    return [name, int(wrong[columns or list(wrong)].to_numpy().sum()), *figures, bar, f"{seconds:.1f}"]


def slip(text: str, rng: np.random.Generator) -> str:
    """Replace, drop, add or swap a letter."""
    at, letter = int(rng.integers(len(text))), string.ascii_lowercase[rng.integers(26)]
    before, here, after = text[:at], text[at], text[at + 1 :]
    return [
        before + letter + after,
        before + after,
        before + letter + here + after,
        before + after[:1] + here + after[1:],
    ][int(rng.integers(4))]


Change = Callable[[str, np.random.Generator], str]


def plant(frame: pd.DataFrame, column: str, share: float, change: Change, rng: np.random.Generator) -> None:
    rows = rng.choice(len(frame), int(share * len(frame)), replace=False)
    cells = frame[column].to_numpy(dtype=object).copy()
    cells[rows] = [change(cell, rng) for cell in cells[rows]]
    frame[column] = cells


def another(column: pd.Series) -> Change:
    values = column.unique()
    return lambda _, rng: str(values[rng.integers(len(values))])


def planted_census(census: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    clean = census.head(10_000).reset_index(drop=True)
    clean = clean.drop(
        columns=["workclass", "occupation", "native-country", "capital-gain"]
    )  # ?, 99999: a kind of their own
    dirty = clean.copy()
    for column in ("education", "marital-status", "relationship", "race", "sex", "income"):
        plant(dirty, column, 0.01, slip, rng)
    plant(dirty, "education-num", 0.01, another(clean["education-num"]), rng)
    plant(dirty, "age", 0.005, lambda cell, _: cell + "0", rng)
    plant(dirty, "hours-per-week", 0.005, lambda cell, _: cell + " h", rng)
    return dirty, clean


def planted_orders(rng: np.random.Generator, rows: int = 8_000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders: zip decides city; most customers have a usual store, and one in five orders goes to another one."""
    customer = rng.integers(0, 800, rows)
    usual, second, home = rng.integers(0, 40, 800), rng.integers(0, 40, 800), rng.integers(0, 200, 800)
    store = np.where(
        rng.random(rows) < 0.8,
        usual[customer],
        np.where(rng.random(rows) < 0.6, second[customer], rng.integers(0, 40, rows)),
    )
    names = np.array(["".join(rng.choice(list(string.ascii_lowercase), rng.integers(4, 10))) for _ in range(150)])
    zips, cities = rng.integers(10_000, 99_999, 200), names[rng.integers(0, 150, 200)]
    clean = pd.DataFrame(
        {
            "customer": [f"C{each:04d}" for each in customer],
            "store": [f"S{each}" for each in store],
            "zip": zips[home[customer]].astype(str),
            "city": cities[home[customer]],
            "amount": rng.lognormal(3, 1, rows).round(2).astype(str),
            "pieces": rng.poisson(3, rows).astype(str),
            "date": pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d"),
        }
    ).astype(object)
    dirty = clean.copy()
    plant(dirty, "city", 0.01, slip, rng)
    plant(dirty, "city", 0.01, another(clean["city"]), rng)
    plant(dirty, "zip", 0.01, another(clean["zip"]), rng)
    plant(dirty, "date", 0.005, lambda cell, _: pd.Timestamp(cell).strftime("%d/%m/%y"), rng)
    plant(dirty, "pieces", 0.01, lambda *_: "N/A", rng)
    return dirty, clean


def planted_flights(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flights as 24 sources report them, each with its own error rate; wrong times are copied from one another."""
    reliability, dirty, clean = rng.uniform(0.02, 0.6, 24), [], []
    for flight in range(100):
        times = rng.integers(0, 1440, 4)
        copied = times + rng.integers(-40, 40, (3, 4))
        for source in np.flatnonzero(rng.random(24) > 0.1):
            right = [clock(each) for each in times]
            told = [misreport(right[i], times[i], copied[:, i], reliability[source], rng) for i in range(4)]
            head = [f"site{source}", f"AA-{flight}-IAH"]
            dirty.append(head + told)
            clean.append(head + right)
    names = ["source", "flight", "sched_dep", "act_dep", "sched_arr", "act_arr"]
    return pd.DataFrame(dirty, columns=names), pd.DataFrame(clean, columns=names)


def clock(minutes: int) -> str:
    hours, rest = divmod(int(minutes) % 1440, 60)
    return f"{(hours - 1) % 12 + 1}:{rest:02d} {'a.m.' if hours < 12 else 'p.m.'}"


def misreport(right: str, time_: int, copied: np.ndarray, rate: float, rng: np.random.Generator) -> str:
    luck = rng.random() / rate
    if luck < 0.3:
        return ""
    if luck < 0.8:
        return clock(rng.choice(copied)) if rng.random() < 0.6 else clock(time_ + rng.integers(-60, 60))
    return f"Dec 1 {right}" if luck < 1 else right


def clean_rows(tables: dict[str, pd.DataFrame]) -> list[list[object]]:
    rows = []
    for name, table in tables.items():
        found = find_cell_errors(table)
        blanks = found["kind"] == "placeholder"
        kinds = ", ".join(f"{kind}: {n}" for kind, n in found.loc[~blanks, "kind"].value_counts().items())
        share, rest = (~blanks).sum() / table.size, blanks.sum() / table.size
        rows.append([name, f"{table.size:,}", f"{share:.4%}", kinds or "none", f"{rest:.3%}"])
    return rows


def size_rows(rng: np.random.Generator, rows: int) -> list[list[object]]:
    letters = np.array(list(string.ascii_lowercase))
    places = rng.integers(0, 5_000, rows)
    cities = np.array(["".join(rng.choice(letters, 8)) for _ in range(5_000)])
    long = {
        "zip": (places + 10_000).astype(str),
        "city": cities[places],
        "amount": rng.lognormal(3, 1, rows).round(2).astype(str),
        "score": rng.normal(size=rows).astype(str),
        "colour": rng.choice(["red", "green", "blue"], rows),
        "words": [" ".join(each) for each in rng.choice(cities[:30], (rows, 4))],
        **{f"code{i}": rng.integers(0, 50, rows).astype(str) for i in range(6)},
    }
    wide = {f"f{i}": rng.integers(0, 20, 2_000).astype(str) if i % 2 else rng.normal(size=2_000) for i in range(5_000)}
    measured = []
    for name, table in (("long", pd.DataFrame(long)), ("wide", pd.DataFrame(wide))):
        began = time.perf_counter()
        found = search_cells(table)
        seconds = time.perf_counter() - began
        shape = f"{table.shape[0]:,} × {table.shape[1]:,}"
        measured.append([name, shape, f"{seconds:.1f}", len(found.cells), f"{found.skipped_pairs:,}"])
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds quintet/ and adult/")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the long table that is timed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    census = read(min((options.data / "adult").glob("*.csv")), header=None, names=ADULT, skipinitialspace=True)
    pairs, clean = [], {}
    for name, columns in REAL.items():
        dirty, right = (read(options.data / "quintet" / f"{name}_{kind}.csv") for kind in ("dirty", "clean"))
        right.columns = dirty.columns
        clean[f"{name}, clean"] = right
        pairs.append(compare(name, dirty, right, columns, BARS[name]))
        if name == "beers":
            pairs.append(compare("beers, `ounces`", dirty, right, ["ounces"], "found and parsed"))
    planted = {
        "census, planted": planted_census(census, rng),
        "orders, planted": planted_orders(rng),
        "flights, simulated": planted_flights(rng),
    }
    pairs += [compare(name, *tables, None, "") for name, tables in planted.items()]
    header = [
        "table",
        "wrong cells",
        "F1",
        "precision",
        "recall",
        "repairs right",
        "null/type check, F1",
        "bar (aim)",
        "s",
    ]
    print_table("Wrong cells, no labels given", header, pairs)
    from sklearn import datasets

    clean["census"] = census
    clean["orders, nothing planted"] = planted_orders(np.random.default_rng(options.seed + 1))[1]
    for name in ("iris", "wine", "breast_cancer", "diabetes", "digits"):
        clean[name] = getattr(datasets, f"load_{name}")(as_frame=True).frame.astype(str)
    header = ["table", "cells", "flagged", "as", "and as placeholders"]
    print_table("What is flagged where nothing was planted", header, clean_rows(clean))
    header = ["table", "rows × columns", "s", "flagged", "column pairs not compared"]
    print_table("Large tables", header, size_rows(rng, options.rows))


if __name__ == "__main__":
    main()
