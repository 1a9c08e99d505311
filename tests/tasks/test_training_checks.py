import numpy as np
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.search_space import USED
from burnish.tasks.training_checks import READ, check_model, training_findings, unread_knobs


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
        ({"model": "boosting", "images": True}, "train.model is boosting, which reads columns"),
        ({"model": "boosting"}, "train.model is boosting, which reads columns"),
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


def test_what_a_search_turns_is_read():
    assert all(set(names) <= set(READ[model]) for model, names in USED.items())
