import json

import numpy as np
import pandas as pd

from burnish.tasks.metrics import error_rate
from burnish.tasks.mislabels import LabelAudit
from burnish.tasks.summary import (
    dataset_facts,
    error_facts,
    label_facts,
    loop_findings,
    plain,
    prediction_columns,
    weight_facts,
)


def test_whatever_goes_in_json_comes_out() -> None:
    value = {1: np.int64(2), "a": (np.nan, np.inf, np.bool_(True)), "t": pd.Timestamp("2024-01-02"), "n": pd.NA}
    written = json.dumps(plain(value), allow_nan=False)
    assert json.loads(written) == {"1": 2, "a": [None, None, True], "t": "2024-01-02 00:00:00", "n": None}


def test_predictions_are_judged_by_the_label_and_not_without_one() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4], [0.3, 0.3, 0.4]])
    found = prediction_columns(chances, ("a", "b", "c"), pd.Series(["a", "c", None], dtype="str"))
    assert found["predicted"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found["margin"], [0.5, 0.1, 0.1])
    np.testing.assert_allclose(found["loss"], [-np.log(chances[0, 0]), -np.log(chances[1, 2]), np.nan])
    assert found["correct"].tolist()[:2] == [True, False]
    assert pd.isna(found["correct"][2])


def test_classes_without_a_row_are_counted_too() -> None:
    table = pd.DataFrame({"label": ["a", None, "a"], "source": ["x", "y", "x"]}).astype("str")
    facts = dataset_facts(table, ("a", "b"), 3, "t.csv")
    assert facts["class_counts"] == {"a": 2, "b": 0}
    assert (facts["sources"], facts["missing_labels"]) == ({"x": 2, "y": 1}, 1)


def test_a_suggestion_that_is_the_given_label_is_no_mix_up() -> None:
    table = pd.DataFrame({"label": list("aaab"), "suggested_label": list("abba"), "label_issue": [True] * 3 + [False]})
    table = table.assign(split="train", cleanlab_issue=False, action="review")
    audit = LabelAudit(table, ("a", "b"), None, np.eye(2), 0.1, {}, None, ())
    facts = label_facts(table, audit, None)
    assert facts["top_confusions"] == [{"given": "a", "suggested": "b", "count": 2}] and facts["issues"] == 3


def test_weights_of_rows_not_learnt_from_do_not_count() -> None:
    parts = {"weight_class": 1.0, "weight_source": 1.0, "weight_hard": 1.0}
    table = pd.DataFrame({"id": ["p", "q", "r"], "weight": [0.0, 1.5, 0.5], "weight_quality": [0.0, 0.9, 0.3]} | parts)
    facts = weight_facts(table)
    assert (facts["components"], facts["min"], facts["max"]) == (["weight_quality"], 0.5, 1.5)
    assert facts["heaviest"] == ["q", "r"]
    assert facts["heaviest_factors"] == {"weight_quality": [0.9, 0.3], "weight": [1.5, 0.5]}
    assert facts["quantiles"]["weight"][facts["quantiles_at"].index(0.5)] == 1.0


def test_the_bayes_error_is_the_best_humans() -> None:
    some = error_rate(np.array([True, False]))
    facts = error_facts({"human": some, "dev": some, "dev_by_source": {"a": some}})
    assert facts["bayes"] == facts["human"] == facts["dev_by_source"]["a"]
    assert error_facts({"human": None, "dev": some, "dev_by_source": {}})["bayes"] is None


def test_a_dev_error_that_rose_is_said_and_noise_is_not() -> None:
    given, worse, alike = (error_rate(np.arange(400) < wrong) for wrong in (40, 90, 45))
    assert [finding.code for finding in loop_findings(given, worse)] == ["rounds.worse"]
    assert not list(loop_findings(given, alike))
