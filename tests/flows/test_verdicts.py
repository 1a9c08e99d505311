"""What a whole loop says where no knob of the network is the answer: classes unseen, nothing learnt, dev against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

import burnish.flows.retrain
from burnish.flows.compare import compare_runs
from burnish.flows.config import load_config
from burnish.flows.opening import open_examples
from burnish.flows.retrain import retrain
from burnish.flows.run import Run
from burnish.tasks.metrics import rate
from burnish.tasks.settling import Lead


class PlainRun(Run):
    """A run whose stages are plain functions, without Prefect."""

    def stage(self, title: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Walk the loop over a table, without Prefect, and give the summary."""
    monkeypatch.setattr(burnish.flows.retrain, "as_flow", lambda _, function: function)

    def walked(table: pd.DataFrame, *settings: str) -> dict[str, Any]:
        table.to_csv(tmp_path / "t.csv", index=False)
        (tmp_path / "c.yaml").write_text("data: {path: t.csv, label: label}\nrounds: 1\n")
        run = PlainRun(load_config(tmp_path / "c.yaml", list(settings)), tmp_path / "run")
        return retrain(run, open_examples(run.config))

    return walked


def tumours(wrong: float) -> pd.DataFrame:
    """Measurements of tumours, a share of their labels wrong."""
    x, truth = load_breast_cancer(return_X_y=True)
    flipped = np.random.default_rng(5).random(len(truth)) < wrong
    table = pd.DataFrame(x[:, :10].round(4), columns=[f"c{i}" for i in range(10)])
    return table.assign(label=np.where(truth ^ flipped, "benign", "malign"))


def codes(summary: dict[str, Any]) -> list[str]:
    return [step["code"] for step in summary["diagnosis"]["next_steps"]]


def test_a_class_that_came_up_after_training_is_the_verdict(walk: Callable[..., dict[str, Any]]) -> None:
    rng, n = np.random.default_rng(1), 400
    x, new = rng.normal(size=(n, 3)), np.arange(n) >= 340
    label = np.where(new, "left", np.where(x[:, 0] + 0.5 * rng.normal(size=n) > 0, "up", "down"))
    days = pd.date_range("2025-01-01", periods=n).strftime("%Y-%m-%d")
    summary = walk(pd.DataFrame(x, columns=["u", "v", "w"]).assign(day=days, label=label), "split.time=day")
    found = summary["diagnosis"]
    assert found["verdict"].startswith("untaught classes")
    assert "of test are of classes that train has no example of" in found["title"]
    assert codes(summary)[0] == "diagnosis.classes"
    assert not found["dev_overfit"]["material"] and summary["errors"]["test"]["value"] > 0.5


def test_a_class_whose_examples_weigh_nothing_is_untaught(walk: Callable[..., dict[str, Any]]) -> None:
    rng, label = np.random.default_rng(2), np.repeat(["a", "b", "c"], 120)
    x = rng.normal(size=(360, 3)) + 3 * np.repeat(np.eye(3), 120, axis=0)
    table = pd.DataFrame(x, columns=["u", "v", "w"]).assign(label=label, trust=np.where(label == "c", 0.0, 1.0))
    summary = walk(table, "weights.column=trust", "train.model=linear", "mislabels.methods=[]")
    assert summary["diagnosis"]["verdict"].startswith("untaught classes")
    assert codes(summary)[0] == "diagnosis.classes"


def test_a_rare_class_that_is_passed_over_gets_advice(walk: Callable[..., dict[str, Any]]) -> None:
    rng = np.random.default_rng(3)
    rare = rng.random(1200) < 0.1
    table = pd.DataFrame({"u": rng.normal(size=1200) + rare, "v": rng.normal(size=1200)})
    table["label"] = np.where(rare, "ill", "well")
    settings = ("train.model=linear", "mislabels.methods=[]", "augment.method=none")
    assert codes(walk(table, *settings))[-1] == "diagnosis.rare_classes"
    assert "diagnosis.rare_classes" not in codes(walk(table, *settings, "weights.class_balance=1"))


@pytest.mark.parametrize(("hard", "trained"), [(0, [0]), (2, [0, 1])])
def test_labels_taken_as_given_are_learnt_once(
    walk: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, hard: int, trained: list[int]
) -> None:
    rounds: list[int] = []
    train = burnish.flows.retrain.train
    monkeypatch.setattr(
        burnish.flows.retrain, "train", lambda *given, **named: rounds.append(given[4]) or train(*given, **named)
    )
    walk(tumours(0), "mislabels.methods=[]", "train.model=linear", f"weights.hard={hard}")
    assert rounds == trained


def test_what_was_set_and_does_nothing_is_said(walk: Callable[..., dict[str, Any]]) -> None:
    settings = ("features.image_size=32", "weights.source_balance=1", "augment.preview=2", "train.mirror=true")
    summary = walk(tumours(0), "mislabels.methods=[]", "train.model=linear", *settings)
    line = next(line for line in summary["headline"] if "features.image_size" in line)
    assert line.startswith("features.image_size, weights.source_balance do nothing here; train.mirror does nothing")


def test_a_network_that_did_not_learn_is_not_told_to_grow(walk: Callable[..., dict[str, Any]]) -> None:
    summary = walk(tumours(0), "train.model=mlp", "train.batch_norm=true", "train.batch_size=1", "train.epochs=3")
    assert codes(summary)[0] == "diagnosis.training"
    assert "training.nothing" in {finding["code"] for finding in summary["findings"]}
    assert not {"diagnosis.avoidable_bias.network", "diagnosis.avoidable_bias.longer"} & set(codes(summary))
    learnt = walk(tumours(0), "train.model=linear", "train.epochs=20")
    assert "diagnosis.training" not in codes(learnt)


def test_noise_that_dev_refutes_is_for_a_person_to_tell(
    walk: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    table, plain = tumours(0.2), ["train.model=linear", "train.epochs=20"]
    believed = walk(table, *plain)
    assert believed["rounds"][1]["kept"] and believed["diagnosis"]["verdict"].startswith("label noise")
    assert codes(believed)[0] == "diagnosis.labels.review"
    monkeypatch.setattr(burnish.flows.retrain, "lead_over_given", lambda *_: Lead(-0.1, 0.01))
    refuted = walk(table, *plain)
    assert refuted["rounds"][0]["kept"] and refuted["diagnosis"]["verdict"] == "cannot tell"
    assert refuted["diagnosis"]["title"].endswith("on labels that look wrong, yet cleaning did no good there")
    assert codes(refuted)[0] == "diagnosis.labels.review"
    assert refuted["errors_believed"]["dev"] == refuted["errors"]["dev"]
    assert refuted["labels"]["actions"]["relabel"] == 0 < believed["labels"]["actions"]["relabel"]


def test_runs_are_compared_by_the_difference_of_their_errors(tmp_path: Path) -> None:
    def left(name: str, wrong: int, rows: int = 600) -> Path:
        summary = {
            "dataset": {"rows": rows, "classes": ["a", "b"]},
            "errors": {"dev": rate(wrong, 600).as_dict()},
            "findings": [],
        }
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
        return tmp_path / name

    many, fewer, few, others = left("many", 135), left("fewer", 115), left("few", 84), left("others", 84, rows=900)
    assert "dev error       22.50% → 14.00% (−8.5 points, −12.8 to −4.1)" in compare_runs(many, few)
    assert "dev error       22.50% → 19.17% (−3.3 points, −7.9 to 1.3: may be chance)" in compare_runs(many, fewer)
    assert not any("the data differ" in line for line in compare_runs(many, few))
    assert "the data differ: 600 rows, 2 classes → 900 rows, 2 classes; what follows compares two problems" in (
        compare_runs(many, others)
    )
