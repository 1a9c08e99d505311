import numpy as np

from burnish.tasks.training_checks import training_findings


def test_nothing_to_say_where_all_fits():
    assert training_findings(np.array([0, 1, -1]), classes=("a", "b"), batch_size=2) == []


def test_classes_without_examples_are_named():
    (found,) = training_findings(np.array([1, 1, -1]), classes=tuple("abcdefgh"))
    assert found.code == "training.classes"
    assert found.title == "7 classes have no training example: a, c, d, e, f, …"


def test_a_batch_larger_than_the_data_is_said():
    (found,) = training_findings(np.array([0, 1]), classes=("a", "b"), batch_size=1_024)
    assert found.title == "train.batch_size is 1,024 for 2 training examples: each epoch is one step"
