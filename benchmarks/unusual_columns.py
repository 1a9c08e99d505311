"""Census rows with one cell taken from another row: how many are found, and how often the right column is named.

A cell from another row is an ordinary value; only the combination can give it away, and most combinations are possible.
Beside it: isolation forest on the same features, with as many rows flagged, and the column with the rarest value named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from measured import print_table
from sklearn.ensemble import IsolationForest

from burnish.tasks.features import fit_table_encoder
from burnish.tasks.unusual import find_unusual

NAMES = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
    "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip
SHARE = 0.005


def swap_cells(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, dict[int, str]]:
    """Give the table with cells from other rows, and the column of each such row; the value does change."""
    swapped, slips = table.copy(), {}
    for row in rng.choice(len(table), round(SHARE * len(table)), replace=False).tolist():
        column = str(rng.choice(table.columns))
        other = table[column].iloc[int(rng.integers(len(table)))]
        if other != table.loc[row, column]:
            swapped.loc[row, column] = other
            slips[row] = column
    return swapped, slips


def rarest_column(table: pd.DataFrame, rows: list[int]) -> list[str]:
    """Name the column whose value is the rarest of the row's, numbers by their octiles."""
    coded = table.apply(lambda column: pd.qcut(column, 8, duplicates="drop") if column.dtype.kind in "if" else column)
    shares = pd.DataFrame({name: coded[name].map(coded[name].value_counts()).astype(float) for name in coded})
    return shares.iloc[rows].idxmin(axis=1).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds adult/adult-train.csv")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    path = options.data / "adult" / "adult-train.csv"
    given = pd.read_csv(path, header=None, names=NAMES, skipinitialspace=True, nrows=options.rows)
    given = given.drop(columns="income")
    counts = {"burnish": np.zeros(3), "IForest, rarest value": np.zeros(3)}
    flagged_rows, planted = 0, 0
    for seed in range(options.seeds):
        table, slips = swap_cells(given, np.random.default_rng(seed))
        encoder = fit_table_encoder(table, learn_from=list(table.columns), text=None, seed=seed)
        features = encoder.transform(table)
        train = np.ones(len(table), dtype=bool)
        found = find_unusual(features, train, encoder=encoder, attributes=table, seed=seed)
        flagged = np.flatnonzero(found.score > 0.5).tolist()
        alone = np.argsort(IsolationForest(random_state=seed).fit(features).score_samples(features), kind="stable")
        rivals = alone[: len(flagged)].tolist()
        for name, rows, columns in (
            ("burnish", flagged, [found.columns[row] for row in flagged]),
            ("IForest, rarest value", rivals, [(each,) for each in rarest_column(table, rivals)]),
        ):
            hits = [(row, named) for row, named in zip(rows, columns, strict=True) if row in slips]
            right = sum(slips[row] in named for row, named in hits)
            counts[name] += [len(hits), right, sum(len(named) for _, named in hits)]
        flagged_rows, planted = flagged_rows + len(flagged), planted + len(slips)
    print_table(
        f"{planted:,} slips in {options.seeds} × {options.rows:,} rows; {flagged_rows:,} rows flagged by each",
        ("", "slips among the flagged", "of these, the column is named", "columns named a row"),
        [
            (name, f"{hits:.0f} ({hits / max(flagged_rows, 1):.0%})", f"{right:.0f}", f"{named / max(hits, 1):.1f}")
            for name, (hits, right, named) in counts.items()
        ],
    )


if __name__ == "__main__":
    main()
