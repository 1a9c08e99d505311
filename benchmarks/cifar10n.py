"""Photographs labelled by people: `burnish run` on a folder of 5,000 CIFAR-10N images whose labels are 41% wrong.

Prints the seconds it took and the AUROC of `label_quality` against the published labels, which the run never sees.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from measured import cores, print_table, run_burnish
from sklearn.metrics import f1_score, roc_auc_score


def write_folder(table: pd.DataFrame, label: str, folder: Path) -> None:
    for row in table.itertuples():
        path = folder / str(getattr(row, label)) / f"{row.id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(row.image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds cifar10n/train.parquet")
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--label", default="worse", choices=["worse", "aggre"])
    options = parser.parse_args()
    table = pd.read_parquet(options.data / "cifar10n" / "train.parquet")
    table = table.sample(options.images, random_state=0).reset_index(drop=True)
    work = Path(tempfile.mkdtemp(prefix="burnish-cifar-"))
    write_folder(table, options.label, work / "images")
    config = work / "cifar.yaml"
    config.write_text("name: cifar10n\ndata: {path: images}\n")
    run = run_burnish(config)
    found = run.examples
    truth = dict(zip(table["id"].astype(str), table["true"].astype(str), strict=True))
    found["true"] = found["id"].map(lambda name: truth[Path(name).stem])
    right = found["true"] == found["label"]
    auroc = {
        part: roc_auc_score(right[rows], found["label_quality"][rows])
        for part, rows in {"all": right | True, "train": found["split"] == "train"}.items()
    }
    f1 = f1_score(~right, found["label_issue"])
    print_table(
        f"CIFAR-10N, {len(found):,} images, label `{options.label}` ({1 - right.mean():.0%} wrong), {cores()} cores",
        ["what", "ours", "to reach"],
        [
            ["seconds", f"{run.seconds:.0f}", "≤ 600"],
            ["AUROC of label_quality, all rows", f"{auroc['all']:.3f}", "≥ 0.75"],
            ["AUROC of label_quality, train rows", f"{auroc['train']:.3f}", "–"],
            ["F1 of label_issue", f"{f1:.3f}", "–"],
            ["peak memory, GiB", f"{run.peak_gib:.2f}", "–"],
        ],
    )


if __name__ == "__main__":
    main()
