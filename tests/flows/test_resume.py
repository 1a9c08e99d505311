"""A run that was stopped goes on to the same end, and one whose suspects were decided on takes them as truth."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import burnish
from sklearn.datasets import load_breast_cancer

pytestmark = pytest.mark.slow
FAST = ("--set", "train.epochs=15", "--set", "train.model=linear", "--set", "mislabels.model=network")
IDLE = ("--set", "train.dropout=0.1")  # does nothing for linear, and is said so in round 0


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small table whose labels are 8% wrong, and one whole run on it."""
    folder = tmp_path_factory.mktemp("resume")
    data = load_breast_cancer(as_frame=True)
    table = data.data.iloc[:, :8].assign(label=np.where(data.target == 1, "benign", "malignant"))
    turned = np.random.default_rng(0).random(len(table)) < 0.08
    table["label"] = np.where(turned, np.where(table["label"] == "benign", "malignant", "benign"), table["label"])
    table.to_csv(folder / "table.csv", index=False)
    (folder / "table.yaml").write_text("data: {path: table.csv, label: label}\nrounds: 2\n", encoding="utf-8")
    burnish("run", "table.yaml", "--out", "whole", *FAST, *IDLE, cwd=folder)
    return folder


def stopped_after(place: Path, number: int, name: str) -> Path:
    """Copy the run as it was when round `number` had just ended."""
    copy = place / name
    shutil.copytree(place / "whole", copy)
    for made in ("summary.json", "examples.parquet", "report.html", "review.csv"):
        (copy / made).unlink()
    for path in (copy / "rounds").iterdir():
        if int(path.stem) > number:
            path.unlink()
    return copy


@pytest.mark.parametrize("number", [1])
def test_a_stopped_run_ends_as_if_it_had_not_been(place: Path, number: int) -> None:
    copy = stopped_after(place, number, f"stopped-{number}")
    burnish("run", "--resume", copy.name, cwd=place)
    assert (copy / "examples.parquet").read_bytes() == (place / "whole" / "examples.parquet").read_bytes()
    whole, resumed = (json.loads((run / "summary.json").read_text()) for run in (place / "whole", copy))
    assert whole["rounds"] == resumed["rounds"]
    assert whole["findings"] == resumed["findings"]
    assert "training.knobs" in {finding["code"] for finding in resumed["findings"]}


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_run_stopped_by_hand_says_how_to_go_on(place: Path, asked: signal.Signals) -> None:
    """The whole group is asked, as a terminal does: Prefect's server stops at the same time."""
    command = [sys.executable, "-m", "burnish.flows.cli", "run", "table.yaml", "--out", "by-hand", *FAST]
    environment = os.environ | {"PREFECT_HOME": str(place / ".prefect"), "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    gives_up = time.monotonic() + 300
    while not (place / "by-hand" / "rounds" / "0.json").is_file() and time.monotonic() < gives_up:
        time.sleep(0.05)
    os.killpg(process.pid, asked)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + asked, err
    assert "burnish run --resume by-hand" in " ".join(err.split())
    assert out.strip().splitlines()[-1] == "by-hand"
    shutil.rmtree(place / "by-hand")


def test_a_finished_run_wants_a_reason_to_go_on(place: Path) -> None:
    refused = burnish("run", "--resume", "whole", cwd=place, status=2).stderr
    assert "finished" in refused
    assert "burnish review whole" in " ".join(refused.split())


def test_decisions_that_are_not_applied_are_not_lost(place: Path) -> None:
    run = place / "unapplied"
    shutil.copytree(place / "whole", run)
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False)
    sheet.loc[sheet.index[0], "decision"] = "keep"
    sheet.to_csv(run / "review.csv", index=False)
    refused = burnish("run", "--resume", "unapplied", "--rounds", "1", cwd=place, status=2).stderr
    assert "1 decision(s) that are not applied" in " ".join(refused.split())


def test_data_that_has_changed_is_not_gone_on_with(place: Path) -> None:
    copy = stopped_after(place, 1, "other-data")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["inputs"] = dict.fromkeys(manifest["inputs"], "sha256:0")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert "has changed" in burnish("run", "--resume", "other-data", cwd=place, status=2).stderr


def test_what_a_person_decided_is_the_truth_of_the_next_round(place: Path) -> None:
    run = place / "decided"
    shutil.copytree(place / "whole", run)
    before = pd.read_parquet(run / "examples.parquet").set_index("id")
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False)
    sheet.loc[sheet.index[0], "decision"] = "accept"
    sheet.loc[sheet.index[1], "decision"] = "keep"
    sheet.loc[sheet.index[2], "decision"] = "drop"
    sheet.to_csv(place / "sheet.csv", index=False)
    said = burnish("apply", "decided", "sheet.csv", cwd=place).stdout
    assert "3 suggestions" in said
    burnish("run", "--resume", "decided", "--rounds", "1", cwd=place)
    after = pd.read_parquet(run / "examples.parquet").set_index("id")
    accepted, kept, dropped = sheet["id"][:3]
    assert after.loc[accepted, "final_label"] == before.loc[accepted, "suggested_label"]
    assert after.loc[kept, "final_label"] == before.loc[kept, "label"]
    assert after.loc[kept, "label_quality"] == 1.0
    assert pd.isna(after.loc[dropped, "final_label"])
    summary = json.loads((run / "summary.json").read_text())
    assert len(summary["rounds"]) == 1 + len(json.loads((place / "whole" / "summary.json").read_text())["rounds"])
    assert summary["review"]["decided"] == 3
    judged = after[after["split"].isin(["dev", "test"]) & after["decision"].notna()]
    assert (summary["errors_as_given"] is not None) == bool(len(judged))
    shown = "by the labels as given" in (run / "report.html").read_text(encoding="utf-8")
    assert shown == bool(len(judged))
