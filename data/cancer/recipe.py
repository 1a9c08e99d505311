"""Make the cancer demo: a mixed table of 569 breast tumours with planted faults whose truth is known.

Writes into `made/` beside this file: `cancer.csv` (id, lab, taken, size_grade, 30 measurements, diagnosis) and
`truth.csv` (id, true_label, planted, outlier_columns), which no stage of the pipeline reads.
Planted: 5% flipped diagnoses, 14 rows with one or two measurements off by a factor of ten (a slipped decimal point),
3% of some cells missing. `taken` (a date) and `size_grade` (a category with "?" for missing) are our additions;
the lab "south" reads texture 4% higher than the lab "north".
Source of the measurements: scikit-learn's copy of UCI's Breast Cancer Wisconsin (Diagnostic).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

HERE = Path(__file__).resolve().parent
MADE = HERE / "made"
SEED = 30

SOUTH_SHARE = 0.35
SOUTH_READS_TEXTURE_HIGHER = 1.04
FLIPPED_SHARE, MISSING_SHARE, OUTLIER_ROWS = 0.05, 0.03, 14
HAVE_GAPS = ["mean_texture", "mean_smoothness", "worst_concavity", "area_error", "size_grade", "taken"]


def read_tumours() -> tuple[pd.DataFrame, pd.Series]:
    """Read the measurements, column names without spaces, and the true diagnosis."""
    bunch = load_breast_cancer(as_frame=True)
    measured = bunch.data.rename(columns=lambda name: name.replace(" ", "_"))
    return measured, bunch.target.map({0: "malignant", 1: "benign"})


def add_context(measured: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add the lab, the day the sample was taken and a coarse grade of the tumour's size."""
    rows = len(measured)
    lab = np.where(rng.random(rows) < SOUTH_SHARE, "south", "north")
    taken = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 730, rows), unit="D")
    bounds = measured["mean_area"].quantile([0.4, 0.75]).to_numpy()
    grade = np.array(["small", "medium", "large"])[np.searchsorted(bounds, measured["mean_area"])]
    table = measured.assign(lab=lab, taken=taken.strftime("%Y-%m-%d"), size_grade=grade)
    table.loc[lab == "south", ["mean_texture", "worst_texture"]] *= SOUTH_READS_TEXTURE_HIGHER
    return table.round(6)


def plant_outliers(table: pd.DataFrame, measurements: list[str], rng: np.random.Generator) -> pd.Series:
    """Slip the decimal point of one or two measurements in some rows, in place; say which columns."""
    slipped = pd.Series("", index=table.index, dtype="str")
    for row in rng.choice(len(table), OUTLIER_ROWS, replace=False):
        columns = sorted(rng.choice(measurements, rng.integers(1, 3), replace=False))
        table.loc[row, columns] = (table.loc[row, columns].astype(float) * 10).round(6)
        slipped[row] = " ".join(columns)
    return slipped


def plant_gaps(table: pd.DataFrame, slipped: pd.Series, rng: np.random.Generator) -> None:
    """Empty 3% of the cells of some columns, in place, sparing the planted outliers; a missing grade reads "?"."""
    for column in HAVE_GAPS:
        gaps = (rng.random(len(table)) < MISSING_SHARE) & (slipped == "")
        table.loc[gaps, column] = "?" if column == "size_grade" else np.nan


def make() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the table and what is true of it, in an order that says nothing."""
    rng = np.random.default_rng(SEED)
    measured, true = read_tumours()
    table = add_context(measured, rng)
    slipped = plant_outliers(table, list(measured.columns), rng)
    plant_gaps(table, slipped, rng)
    flipped = np.zeros(len(true), dtype=bool)
    flipped[rng.choice(len(true), round(FLIPPED_SHARE * len(true)), replace=False)] = True
    table["diagnosis"] = true.where(~flipped, true.map({"malignant": "benign", "benign": "malignant"}))
    planted = np.select([flipped & (slipped != ""), flipped, slipped != ""], ["both", "mislabel", "outlier"], "none")
    truth = pd.DataFrame({"true_label": true, "planted": planted, "outlier_columns": slipped})
    order = rng.permutation(len(table))
    table, truth = table.iloc[order].reset_index(drop=True), truth.iloc[order].reset_index(drop=True)
    ids = [f"T{row:04d}" for row in range(len(table))]
    columns = ["lab", "taken", "size_grade", *measured.columns, "diagnosis"]
    table, truth = table[columns], truth.copy()
    table.insert(0, "id", ids)
    truth.insert(0, "id", ids)
    return table, truth


def write(made: Path = MADE) -> Path:
    """Write the demo data into `made`, unless it is there; give the table's path."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    stamp = made / "complete.txt"
    if stamp.is_file() and stamp.read_text() == recipe and (made / "cancer.csv").is_file():
        return made / "cancer.csv"
    made.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    table, truth = make()
    table.to_csv(made / "cancer.csv", index=False, lineterminator="\n")
    truth.to_csv(made / "truth.csv", index=False, lineterminator="\n")
    stamp.write_text(recipe)
    return made / "cancer.csv"


if __name__ == "__main__":
    print(write())
