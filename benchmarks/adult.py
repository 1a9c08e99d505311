"""Census income, 32,561 rows × 14 columns, through `burnish run`: seconds, peak memory, test error.

Once as it comes, where dev chooses among linear, mlp and gradient boosting, and once with the mlp alone. Beside it
scikit-learn's histogram gradient boosting, fitted on the same training rows and judged on the same test rows.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from measured import cores, print_table, run_burnish
from sklearn.ensemble import HistGradientBoostingClassifier

COLUMNS = """
    age workclass fnlwgt education education-num marital-status occupation relationship race sex
    capital-gain capital-loss hours-per-week native-country income
""".split()  # noqa: SIM905  (names read better than a wall of quotes)
WITHIN = 0.01  # of gradient boosting's error


def boosting_error(table: pd.DataFrame, split: pd.Series) -> float:
    """Test error of gradient boosting with native categories."""
    x = table.drop(columns=["income", "id"])
    for column in x.select_dtypes(["object", "str"]):
        x[column] = x[column].astype("category")
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(x[split == "train"], table["income"][split == "train"])
    return float((model.predict(x[split == "test"]) != table["income"][split == "test"]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds adult/adult-train.csv")
    parser.add_argument("--models", nargs="*", default=["auto", "mlp"])
    options = parser.parse_args()
    table = pd.read_csv(options.data / "adult" / "adult-train.csv", header=None, names=COLUMNS, skipinitialspace=True)
    table.insert(0, "id", [f"r{i}" for i in range(len(table))])
    work = Path(tempfile.mkdtemp(prefix="burnish-adult-"))
    table.to_csv(work / "adult.csv", index=False)
    config = work / "adult.yaml"
    config.write_text("name: adult\ndata: {path: adult.csv, label: income, id: id, exclude: [race, sex]}\n")
    rows = []
    for model in options.models:
        run = run_burnish(config, "--set", f"train.model={model}")
        split = run.examples.set_index("id")["split"].reindex(table["id"]).reset_index(drop=True)
        test, name = run.summary["errors"]["test"], f"train.model: {model} ({run.summary['training']['model']})"
        error = f"{test['value']:.4f} ({test['low']:.4f} to {test['high']:.4f})"
        peer = boosting_error(table, split)
        rows += [
            [f"{name}: seconds of burnish run", f"{run.seconds:.0f}", "–", "≤ 240"],
            [f"{name}: peak memory, GiB", f"{run.peak_gib:.2f}", "–", "≤ 3"],
            [f"{name}: test error", error, f"{peer:.4f} (gradient boosting)", f"≤ {peer + WITHIN:.4f}"],
        ]
    print_table(f"Adult, {len(table):,} rows, {cores()} cores", ["what", "ours", "peer", "to reach"], rows)


if __name__ == "__main__":
    main()
