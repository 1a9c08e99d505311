from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.search_space import USED
from burnish.tasks.training_checks import (
    READ,
    check_model,
    nothing_learnt,
    training_findings,
    unread_knobs,
    unread_noise,
)


def test_nothing_to_say_where_all_fits():
    assert training_findings(np.array([0, 1, -1]), classes=("a", "b"), batch_size=2) == []


def test_classes_without_examples_are_named():
    (found,) = training_findings(np.array([1, 1, -1]), classes=tuple("abcdefgh"))
    assert found.code == "training.classes"
    assert found.title == "7 classes have no training example: a, c, d, e, f, …"


def test_a_batch_larger_than_the_data_is_said():
    (found,) = training_findings(np.array([0, 1]), classes=("a", "b"), batch_size=1_024)
    assert found.title == "train.batch_size is 1,024 for 2 training examples: each epoch is one step"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "cnn", "columns": True}, "train.model is cnn, which reads images"),
        (
            {"model": "boosting", "images": True},
            "train.model is boosting, which reads columns of a table: choose auto, linear, mlp or cnn here",
        ),
        (
            {"model": "boosting"},
            "train.model is boosting, which reads columns of a table: choose auto, linear or mlp here",
        ),
        (
            {"model": "mlp", "device": "cuda:99", "columns": True},
            "train.device is 'cuda:99', which this machine has not",
        ),
    ],
)
def test_a_model_that_cannot_read_the_data_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        check_model(**{"images": False, "columns": False} | given)


@pytest.mark.parametrize(("model", "images"), [("cnn", True), ("boosting", False), ("auto", False), ("linear", True)])
def test_a_model_that_can_read_the_data_passes(model, images):
    check_model(model, images=images, columns=not images)


def test_knobs_that_do_nothing_are_named():
    (found,) = unread_knobs(
        dict.fromkeys(["model", "loss", "optimizer", "embeddings", "epochs", "device"]), ["boosting"]
    )
    assert found.title == "train.loss, train.optimizer, train.embeddings, train.epochs do nothing for boosting"
    (found,) = unread_knobs(dict.fromkeys(["mirror", "hidden"]), ["linear", "mlp", "boosting"])
    assert found.title == "train.mirror does nothing for linear, mlp, boosting"
    (found,) = unread_knobs(dict.fromkeys(["soft_labels", "hidden"]), ["linear"], doubted=False)
    assert found.title == (
        "train.hidden does nothing for linear; train.soft_labels does nothing while mislabels.methods is empty"
    )
    assert unread_knobs(dict.fromkeys(["hidden", "soft_labels", "legs"]), ["linear", "mlp"]) == ()


def test_a_knob_that_serves_another_is_named_where_that_one_is_off() -> None:
    (found,) = unread_knobs({"q": 0.5, "decay_rate": 0.1, "loss": "logistic"}, ["mlp"])
    assert found.title == (
        "train.q does nothing while train.loss is logistic; train.decay_rate does nothing while train.decay is none"
    )
    assert unread_knobs({"q": 0.5, "loss": "generalized", "decay": "inverse", "decay_rate": 1}, ["mlp"]) == ()


def test_what_a_plan_or_legs_overrule_is_named() -> None:
    def said(turned: dict[str, object], *models: str) -> list[str]:
        return [each.title for each in unread_knobs(turned, models)]

    planned = "train.patience does nothing where the rate is planned to the last epoch (train.decay)"
    assert said({"patience": 1}, "cnn") == said({"patience": 1, "decay": "cosine"}, "linear", "mlp") == [planned]
    assert not said({"patience": 1}, "mlp") and not said({"patience": 1, "decay": "inverse"}, "cnn")
    legs = {"legs": [{"dropout": 0.1}], "decay": "cosine", "patience": 2}
    assert said(legs, "mlp") == ["train.decay, train.patience do nothing while train.legs names its own"]


def test_knobs_of_noise_that_do_nothing_are_named() -> None:
    def said(turned: dict[str, object], *models: str, images: bool) -> list[str]:
        return [each.title for each in unread_noise(turned, models, images=images)]

    assert said({"drop": 0.1, "preview": 3}, "mlp", images=True) == ["augment.drop does nothing for images"]
    assert said({"preview": 3}, "mlp", "boosting", images=False) == ["augment.preview does nothing for rows of a table"]
    assert said({"method": "none", "copies": 2}, "mlp", images=True) == [
        "augment.copies does nothing while augment.method is none"
    ]
    assert said({"copies": 2}, "boosting", images=False) == ["augment.copies does nothing for boosting"]
    assert not said({"copies": 2, "mixup": 0.2}, "mlp", images=False) and not said(
        {"method": "noise"}, "mlp", images=True
    )


def test_a_batch_is_held_against_the_copies_as_well() -> None:
    labels = np.array([0, 0, 1, 1])
    assert not training_findings(labels, classes=CLASSES, batch_size=8, copies=4)
    (said,) = training_findings(labels, classes=CLASSES, batch_size=9, copies=4)
    assert said.title == "train.batch_size is 9 for 8 training examples with their copies: each epoch is one step"


def test_what_unfreezing_reads_is_not_called_idle() -> None:
    turned = {"optimizer": "sgd", "dropout": 0.1, "unfreeze": 2}
    assert not unread_knobs(turned, ["linear"])
    assert unread_knobs(turned | {"unfreeze": 0}, ["linear"])


def test_what_a_search_turns_is_read():
    assert all(set(names) <= set(READ[model]) for model, names in USED.items())


CLASSES = ("no", "yes")


def learnt(
    probability: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, model: str = "mlp", **options: Any
):
    said = np.stack([1 - probability, probability], axis=1)
    weights = np.ones(len(labels)) if weights is None else weights
    return nothing_learnt(said, labels, weights, model=model, classes=CLASSES, **options)


def test_a_model_that_knows_the_frequencies_alone_has_learnt_nothing() -> None:
    labels = np.repeat([0, 1], [62, 38])
    (said,) = learnt(np.full(100, 0.38), labels)
    assert "it errs on 38.0% of the training examples, and always saying 'no' on 38.0%" in said.title
    assert "train." not in said.advice and "columns tell nothing" in said.advice


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"usual": 0.01}, "Lower `train.learning_rate` tenfold"),
        ({"usual": 0.01, "rate": 1e-9}, "Leave out `train.learning_rate`: it is 1e-09, and 0.01 is usual"),
        ({"usual": 0.01, "still_learning": True}, "Raise `train.epochs`"),
        ({"images": True}, "images tell nothing"),
    ],
)
def test_what_may_help_a_training_that_failed(options: dict[str, Any], advice: str) -> None:
    (said,) = learnt(np.full(100, 0.38), np.repeat([0, 1], [62, 38]), **options)
    assert advice in said.advice


def test_a_model_that_tells_likely_from_unlikely_has_learnt_though_it_never_says_so() -> None:
    labels = np.repeat([0, 1], [90, 10])
    assert not learnt(np.where(labels == 1, 0.4, 0.05), labels)


def test_a_model_is_judged_by_the_weights_it_was_trained_with() -> None:
    labels = np.repeat([0, 1], [90, 10])
    probability = np.where(np.arange(100) < 72, 0.2, 0.8)  # finds all the rare ones, and 18 others
    balanced = np.where(labels == 1, 5, 5 / 9)
    assert not learnt(probability, labels, balanced)


def test_one_class_alone_or_none_is_no_failure() -> None:
    assert not learnt(np.full(5, 0.1), np.zeros(5, int))
    assert not learnt(np.full(5, 0.1), np.full(5, -1))
    assert not learnt(np.full(5, 0.5), np.array([0, 1, 0, 1, 0]), np.zeros(5))


@given(st.lists(st.integers(0, 1), min_size=2, max_size=40).filter(lambda labels: len(set(labels)) == 2))
def test_what_is_told_surely_was_learnt_and_what_is_guessed_was_not(labels: list[int]) -> None:
    codes = np.array(labels)
    assert not learnt(np.where(codes == 1, 0.9, 0.1), codes)
    assert learnt(np.full(len(codes), codes.mean()), codes)
