"""The labels as given stand for choice beside the cleaned ones: what is then written, and when that is no question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer

from burnish.flows.clean import WITHHELD, Labels, find_labels, labels_as_given, withhold_changes
from burnish.flows.config import load_config
from burnish.flows.prepare import Prepared, open_examples, prepare
from burnish.flows.rounds import Standing, lead_over_given, stand
from burnish.flows.run import Run
from burnish.flows.train import Fitted

SETTINGS = ["train.epochs=8", "mislabels.methods=[clusters,neighbours]", "outliers.method=drop"]


class PlainRun(Run):
    """A run whose stages are plain functions, without Prefect."""

    def stage(self, title: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Labels, Labels]:
    folder = tmp_path_factory.mktemp("kept")
    x, truth = load_breast_cancer(return_X_y=True)
    wrong = np.random.default_rng(0).random(len(truth)) < 0.1
    table = pd.DataFrame(x[:, :10].round(4), columns=[f"c{i}" for i in range(10)])
    table.assign(label=np.where(wrong, 1 - truth, truth)).to_csv(folder / "t.csv", index=False)
    (folder / "c.yaml").write_text("data: {path: t.csv, label: label}\n")
    run = PlainRun(load_config(folder / "c.yaml", SETTINGS), folder / "run")
    prepared = prepare(run, open_examples(run.config))
    given = labels_as_given(prepared)
    return prepared, given, find_labels(run, prepared, [given.codes], given.codes)


def test_what_would_be_changed_waits_for_a_person(found: tuple[Prepared, Labels, Labels]) -> None:
    prepared, given, cleaned = found
    held = withhold_changes(cleaned, given)
    assert cleaned.decisions is not None and held.decisions is not None
    before, after = cleaned.decisions, held.decisions
    relabelled = before["action"] == "relabel"
    assert relabelled.any() and (after.loc[relabelled, "action"] == "review").all()
    assert after.loc[relabelled, "reason"].str.endswith(WITHHELD).all()
    label = prepared.examples.table["label"]
    learnt = prepared.learnable
    assert (after["final_label"][learnt] == label[learnt]).all()
    assert (after["action"][prepared.extreme & prepared.rows("train")] == "drop").all()
    untouched = ~before["action"].isin(["relabel", "drop"])
    pd.testing.assert_frame_equal(before[untouched], after[untouched])
    np.testing.assert_array_equal(held.codes, given.codes)
    assert held.audit is cleaned.audit and (held.quality == 1).all()


def test_dev_decides_unless_a_person_has(found: tuple[Prepared, Labels, Labels]) -> None:
    prepared, given, cleaned = found
    right = np.where(prepared.judging >= 0, prepared.judging, 0)
    good, bad = (
        Standing(given.codes, given.quality, given.quality, said, "mlp", None)  # type: ignore[arg-type]
        for said in (right, 1 - right)
    )
    assert lead_over_given(prepared, good, bad, cleaned).behind
    assert not lead_over_given(prepared, bad, good, cleaned).behind
    decided = np.where(np.arange(len(right)) == 0, 1, prepared.decided)
    assert not lead_over_given(replace(prepared, decided=decided), good, bad, cleaned).behind


def test_a_balance_of_classes_leaves_the_voices_alone(found: tuple[Prepared, Labels, Labels]) -> None:
    prepared, given, _ = found
    weights = pd.DataFrame(
        {"weight": [2.0, 0.5, 0.0], "weight_class": [4.0, 1.0, 0.0], "weight_source": 1.0, "weight_density": 1.0}
    )
    rows = np.arange(len(given.codes)) % 3
    said = np.full((len(rows), 2), 0.5)
    fitted = Fitted(None, weights.iloc[rows].reset_index(drop=True), said, None)
    standing = stand(prepared, [], given, fitted)
    np.testing.assert_array_equal(standing.weight, np.array([0.5, 0.5, 0.0])[rows])
