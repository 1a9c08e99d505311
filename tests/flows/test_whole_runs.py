"""Whole runs through the command line, as a user types them; the README's own commands among them."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import burnish
from PIL import Image
from sklearn.datasets import load_digits

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
SECTIONS = {
    "dataset", "splits", "validation", "outliers", "duplicates", "labels", "rounds", "metrics", "errors", "diagnosis",
    "mismatch", "error_categories", "slices", "seconds", "findings", "headline", "weights", "training",
}  # fmt: skip
COLUMNS = {
    "id", "label", "source", "group", "split", "label_quality", "suggested_label", "label_issue", "action",
    "final_label", "outlier_score", "outlier", "duplicate_of", "weight", "weight_class", "weight_source",
    "weight_quality", "weight_hard", "predicted", "confidence", "margin", "correct", "error_categories",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo data beside it, in which the README's commands were run one after the other."""
    folder = tmp_path_factory.mktemp("readme")
    subprocess.run([sys.executable, str(ROOT / "data" / "cancer" / "recipe.py")], check=True)
    (folder / "data").symlink_to(ROOT / "data")
    fenced = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    commands = [line for block in fenced for line in block.splitlines() if line.startswith("burnish ")]
    assert len(commands) >= 6
    for line in commands:
        burnish(*shlex.split(line)[1:], cwd=folder)
    return folder


def test_a_run_leaves_what_it_promises(place: Path) -> None:
    run = place / "reports" / "cancer" / "first"
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert set(summary) >= SECTIONS
    assert 1 <= len(summary["headline"]) <= 10
    examples = pd.read_parquet(run / "examples.parquet")
    assert set(examples) >= COLUMNS
    assert len(examples) == summary["dataset"]["rows"] == 569
    assert (run / "report.html").stat().st_size < 3_000_000
    for name in (
        "config.yaml",
        "manifest.json",
        "review.csv",
        "neighbours.npy",
        "validation/suite.json",
        "model/model.json",
    ):
        assert (run / name).is_file(), name
    assert not [path for path in run.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib", ".pt"}]


def test_only_training_labels_are_changed(place: Path) -> None:
    examples = pd.read_parquet(place / "reports" / "cancer" / "first" / "examples.parquet")
    judging = examples[examples["split"] != "train"]
    assert (judging["final_label"] == judging["label"]).all()
    assert set(judging["action"]) <= {"keep", "review"}
    given = pd.read_csv(ROOT / "data" / "cancer" / "made" / "cancer.csv", dtype=str).set_index("id")["diagnosis"]
    assert (examples.set_index("id")["label"] == given).all()


def test_the_planted_mislabels_are_found(place: Path) -> None:
    examples = pd.read_parquet(place / "reports" / "cancer" / "first" / "examples.parquet")
    truth = pd.read_csv(ROOT / "data" / "cancer" / "made" / "truth.csv", dtype=str, keep_default_na=False)
    found = examples.merge(truth[["id", "true_label"]], on="id", validate="one_to_one")
    wrong = found["true_label"] != found["label"]
    assert (found["label_issue"] & wrong).sum() >= 0.6 * wrong.sum()
    assert (found["label_issue"] & wrong).sum() >= 0.5 * found["label_issue"].sum()


def test_predictions_are_those_of_the_run(place: Path) -> None:
    examples = pd.read_parquet(place / "reports" / "cancer" / "first" / "examples.parquet").set_index("id")
    predictions = pd.read_csv(place / "predictions.csv", dtype={"id": str}).set_index("id")
    assert (predictions["predicted"] == examples["predicted"]).all()
    np.testing.assert_allclose(predictions["confidence"], examples["confidence"], atol=1e-6)


def test_the_same_seed_gives_the_same_bytes(place: Path) -> None:
    first = place / "reports" / "cancer" / "first"
    burnish("run", "cancer.yaml", "--out", "again", "--set", "data.source=lab", cwd=place)
    assert (place / "again" / "examples.parquet").read_bytes() == (first / "examples.parquet").read_bytes()


def test_the_next_batch_is_held_to_the_contract(place: Path) -> None:
    table = pd.read_csv(ROOT / "data" / "cancer" / "made" / "cancer.csv", dtype=str, keep_default_na=False)
    numeric = table.columns[table.columns.str.contains("radius")][0]
    table.assign(**{numeric: "a lot"}).to_csv(place / "next.csv", index=False)
    suite = "reports/cancer/first/validation/suite.json"
    asked = ["--set", "data.path=next.csv", "--set", f"validate.suite={suite}"]
    done = burnish("check", "cancer.yaml", *asked, cwd=place, status=1)
    assert numeric in done.stdout
    assert "critical" in done.stdout


def test_a_gate_ends_with_status_1_and_the_folder(place: Path) -> None:
    done = burnish("clean", "cancer.yaml", "--out", "gated", "--fail-on", "labels.issues>1", cwd=place, status=1)
    assert done.stdout.splitlines()[-1] == "gated"
    assert "labels.issues>1" in done.stderr


def test_what_is_wrong_inside_a_run_is_one_sentence_too(place: Path) -> None:
    done = burnish("run", "cancer.yaml", "--set", "split.train_sources=[nroth]", cwd=place, status=2)
    assert "Traceback" not in done.stderr
    assert "north" in done.stderr.splitlines()[-1]


def test_a_served_configuration_gets_its_runs_scheduled(place: Path) -> None:
    environment = os.environ | {"PREFECT_HOME": str(place / ".prefect"), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "burnish.flows.cli", "serve", "cancer.yaml", "--cron", "0 6 * * *"]
    with subprocess.Popen(command, cwd=place, env=environment, stderr=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stderr is not None
            lines = iter(serving.stderr.readline, "")
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in lines)
            address = next(match[0] for match in found if match)
            body = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
            assert _eventually(f"{address}/api/flow_runs/filter", body)
        finally:
            serving.send_signal(signal.SIGINT)
        assert serving.wait(timeout=60) == 0


def _eventually(address: str, body: dict[str, object], within: float = 90) -> list[object]:
    """Ask until the answer is not empty."""
    asked = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    gives_up = time.monotonic() + within
    answer: list[object] = []
    while not answer and time.monotonic() < gives_up:
        time.sleep(1)
        with urllib.request.urlopen(asked, timeout=10) as reply:
            answer = json.load(reply)
    return answer


def test_a_folder_of_images_with_one_that_is_broken(tmp_path: Path) -> None:
    digits = load_digits()
    chosen = np.flatnonzero(digits.target < 3)[:240]
    for row in chosen:
        path = tmp_path / "shapes" / f"class {digits.target[row]}" / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (digits.images[row] * 15).astype(np.uint8).repeat(3, axis=0).repeat(3, axis=1)
        Image.fromarray(pixels).save(path)
    (tmp_path / "shapes" / "class 0" / "broken.png").write_bytes(b"\x89PNG nothing")
    burnish("init", "shapes", cwd=tmp_path)
    noise = ("--set", "augment.method=noise")  # whose pictures are shown, whatever dev makes of them
    done = burnish("run", "burnish.yaml", "--rounds", "1", "--out", "run", *noise, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "run"
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["dataset"]["unreadable"] == 1
    assert summary["errors"]["test"]["value"] < 0.1
    found = pd.read_parquet(tmp_path / "run" / "examples.parquet").set_index("id")
    broken = found.loc["class 0/broken.png"]
    assert broken["unreadable"]
    assert pd.isna(broken["correct"])
    judged = sum(summary["metrics"][part]["error"]["total"] for part in ("train", "train_dev", "dev", "test"))
    assert judged <= len(found) - 1
    assert "data:image/png" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    (tmp_path / "new").mkdir()
    path = next((tmp_path / "shapes" / "class 1").glob("*.png"))
    (tmp_path / "new" / "one.png").write_bytes(path.read_bytes())
    (tmp_path / "new" / "torn.png").write_bytes(b"no image")
    said = burnish("predict", "run", "new", cwd=tmp_path).stderr
    assert "1 image cannot be read, so nothing is predicted: torn.png" in said
    predictions = pd.read_csv(tmp_path / "predictions.csv").set_index("id")["predicted"]
    assert pd.isna(predictions["torn.png"]) and predictions.drop("torn.png").tolist() == ["class 1"]


def test_probabilities_alone_are_audited(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 600)
    given = np.where(rng.random(600) < 0.1, (true + 1) % 3, true)
    scores = rng.normal(0, 1, (600, 3))
    scores[np.arange(600), true] += 5
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.save(tmp_path / "p.npy", chances)
    pd.DataFrame({"name": [f"row {i}" for i in range(600)], "label": given}).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text("data: {path: t.csv, id: name, label: label, probabilities: p.npy}\n")
    burnish("run", "c.yaml", "--out", "run", cwd=tmp_path)
    found = pd.read_parquet(tmp_path / "run" / "examples.parquet")
    wrong = found["label"].astype(int).to_numpy() != true
    assert (found["label_issue"].to_numpy() & wrong).sum() > 0.8 * wrong.sum()


def test_embeddings_stand_for_the_examples(tmp_path: Path) -> None:
    digits = load_digits()
    rng = np.random.default_rng(1)
    given = np.where(rng.random(600) < 0.08, (digits.target[:600] + 1) % 10, digits.target[:600])
    np.save(tmp_path / "e.npy", digits.data[:600].astype(np.float32))
    pd.DataFrame({"name": [f"d{i}" for i in range(600)], "digit": given}).to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text("data: {path: t.csv, id: name, label: digit, embeddings: e.npy}\n")
    burnish("run", "c.yaml", "--out", "run", "--rounds", "1", cwd=tmp_path)
    found = pd.read_parquet(tmp_path / "run" / "examples.parquet")
    wrong = found["label"].astype(int).to_numpy() != digits.target[:600]
    assert (found["label_issue"].to_numpy() & wrong).sum() > 0.8 * max(wrong.sum(), found["label_issue"].sum())
    burnish("predict", "run", "e.npy", "--out", "p.csv", cwd=tmp_path)
    assert pd.read_csv(tmp_path / "p.csv", dtype=str)["predicted"].tolist() == found["predicted"].tolist()
