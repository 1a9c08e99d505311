"""Which rows the noise is fitted to, and what becomes of a method that cannot be followed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from burnish.flows.config import parse_config
from burnish.flows.noise import MILD, NONE, _candidates, make_copies, target_rows
from burnish.tasks.findings import InputError

PARTS = ["train"] * 4 + ["dev"] * 4


def run_with(split=None, augment=None):
    config = parse_config({"data": {"path": "a", "label": "k"}, "split": split or {}, "augment": augment or {}})
    return SimpleNamespace(config=config, stage=lambda _, function: function, threads=1)


def prepared_with(sources):
    table = pd.DataFrame({"split": PARTS, "source": sources})
    train, dev = (table["split"] == part for part in ("train", "dev"))
    parts = {"train": train.to_numpy(), "dev": dev.to_numpy()}
    return SimpleNamespace(
        table=table,
        learnable=parts["train"],
        usable=np.ones(8, bool),
        rows=parts.__getitem__,
        pixels=np.zeros((8, 8, 8, 1), np.uint8),
        features=np.zeros((8, 2), np.float32),
    )


@pytest.mark.parametrize(
    ("sources", "split", "expected"),
    [
        (["scan"] * 4 + ["phone"] * 4, {"train_sources": ["scan"]}, [4, 5, 6, 7]),
        (["scan"] * 4 + ["scan", "phone"] * 2, {"train_sources": ["scan"]}, [5, 7]),
        (["scan", "phone"] * 2 + ["phone"] * 4, {"target": {"source": "phone"}}, [4, 5, 6, 7]),
        (["phone"] * 8, {"target": {"source": "phone"}}, []),
        (["scan", "phone"] * 4, None, []),
    ],
)
def test_the_target_is_what_dev_has_and_train_has_not(sources, split, expected):
    assert np.flatnonzero(target_rows(run_with(split), prepared_with(sources))).tolist() == expected


def test_without_another_camera_there_is_mild_noise_and_none():
    candidates, fitted = _candidates(run_with(), prepared_with(["scan"] * 8))
    assert list(candidates) == [MILD, NONE]
    assert fitted is None


def test_parts_set_by_hand_stand_in_the_recipe():
    candidates, _ = _candidates(run_with(augment={"recipe": {"rotation": 20}}), prepared_with(["scan"] * 8))
    assert candidates[MILD].recipe.rotation == 20
    assert candidates[NONE].recipe.rotation == 0


def test_noise_that_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match=r"augment\.method is fitted.*train_sources"):
        _candidates(run_with(augment={"method": "fitted"}), prepared_with(["scan"] * 8))


@pytest.mark.parametrize("augment", [{"method": "none"}, {"copies": 0}])
def test_no_copies_where_none_are_wanted(augment):
    assert make_copies(run_with(augment=augment), prepared_with(["scan"] * 8)) is None


def test_noise_that_dev_is_too_small_to_judge_is_not_added_and_that_is_said():
    found = []
    run, prepared = run_with(), prepared_with(["scan"] * 8)
    run.add = found.append
    prepared.judged, prepared.judging = prepared.rows, np.array([0, 1] * 4)
    prepared.examples = SimpleNamespace(classes=("a", "b"), embeddings=None)
    prepared.encoder = SimpleNamespace(transform=None)
    copies = make_copies(run, prepared)
    assert copies.facts["method"] == NONE and len(copies.features) == 0
    assert [each.title for each in found] == ["No noise was added: dev has 4 labelled images, too few to try noise on"]
