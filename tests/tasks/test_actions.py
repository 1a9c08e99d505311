"""Actions: what is sure is done, only to training rows; what is not waits for a person; nothing given is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.actions import decide_actions
from burnish.tasks.findings import InputError


def audit(quality, suggestion, label="b", issue=None):
    quality = np.asarray(quality, dtype=float)
    return pd.DataFrame(
        {
            "label_quality": quality,
            "suggested_label": label,
            "suggestion_quality": suggestion,
            "label_issue": quality < 0.5 if issue is None else issue,
        }
    )


def test_each_action_has_its_case():
    done = decide_actions(audit([0.9, 0.02, 0.02, 0.3], [0.9, 0.97, 0.5, 0.6]), ["a"] * 4, ["train"] * 4)
    assert done["action"].tolist() == ["keep", "relabel", "drop", "review"]
    assert done["final_label"].tolist()[:2] == ["a", "b"]
    assert done["final_label"].isna().tolist() == [False, False, True, False]
    assert done["reason"].tolist()[0] == ""
    assert "looks like b (97%)" in done["reason"][1]


@pytest.mark.parametrize("part", ["dev", "test", "train_dev"])
def test_the_labels_that_judge_are_left_to_people(part):
    flags = pd.DataFrame({"blank": [False, False, True]})
    done = decide_actions(audit([0.02, 0.02, 0.9], [0.97, 0.5, 0.9]), ["a"] * 3, [part] * 3, flags=flags)
    assert done["action"].tolist() == ["review"] * 3
    assert done["final_label"].tolist() == ["a"] * 3


def test_images_with_nothing_to_see_are_dropped():
    flags = pd.DataFrame({"blank": [True, False, False], "unreadable": [False, True, False], "blurry": [False] * 3})
    done = decide_actions(audit([0.9] * 3, [0.9] * 3), ["a"] * 3, ["train"] * 3, flags=flags)
    assert done["action"].tolist() == ["drop", "drop", "keep"]


def test_a_blurry_suspect_is_dropped_where_a_clear_one_waits():
    flags = pd.DataFrame({"blurry": [True, False, True]})
    done = decide_actions(audit([0.3, 0.3, 0.9], [0.6, 0.6, 0.9]), ["a"] * 3, ["train"] * 3, flags=flags)
    assert done["action"].tolist() == ["drop", "review", "keep"]


def test_a_missing_label_waits_with_a_suggestion():
    done = decide_actions(audit([np.nan], [0.99], issue=[False]), [None], ["train"])
    assert done["action"].tolist() == ["review"]
    assert done["final_label"].isna().all()
    assert "no label; looks like b (99%)" in done["reason"][0]


def test_costs_move_the_threshold():
    frame = audit([0.2], [0.75])
    assert decide_actions(frame, ["a"], ["train"])["action"][0] == "review"
    assert decide_actions(frame, ["a"], ["train"], cost_wrong_relabel=2)["action"][0] == "relabel"
    assert decide_actions(frame, ["a"], ["train"], cost_missed=2)["action"][0] == "relabel"
    assert decide_actions(frame, ["a"], ["train"], relabel_above=0.7)["action"][0] == "relabel"


@pytest.mark.parametrize("costs", [{"cost_missed": 0.0}, {"cost_wrong_relabel": -1.0}, {"relabel_above": 1.5}])
def test_costs_that_make_no_sense_are_refused(costs):
    with pytest.raises(InputError):
        decide_actions(audit([0.2], [0.75]), ["a"], ["train"], **costs)


@given(st.integers(1, 30), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_no_row_is_lost_and_only_training_rows_change(n, seed):
    rng = np.random.default_rng(seed)
    quality = rng.random(n)
    given_labels = pd.Series(rng.choice(["a", "b"], n), index=np.arange(n) + 7)
    split = rng.choice(["train", "dev"], n)
    done = decide_actions(audit(quality, 1 - quality), given_labels, split)
    assert len(done) == n
    changed = (done["final_label"] != given_labels.to_numpy()).to_numpy()
    assert not changed[split == "dev"].any()
    assert done["action"][changed].isin(["relabel", "drop"]).all()


def test_where_nobody_can_tell_no_class_is_suggested():
    silent = {"label_quality": np.nan, "suggestion_quality": np.nan, "label_issue": False}
    audit = pd.DataFrame([silent | {"suggested_label": "a"}, silent | {"suggested_label": "b"}])
    decided = decide_actions(audit, ["a", None], ["train"] * 2)
    assert decided["action"].tolist() == ["keep", "review"]
    assert decided["reason"][1] == "no label; nobody can tell which class it is"
