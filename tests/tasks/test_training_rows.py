"""What is given to a training is held against itself before anything is trained."""

import numpy as np
import pytest

from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_training import train_cnn
from burnish.tasks.device_rows import Streamed
from burnish.tasks.findings import InputError
from burnish.tasks.folds import out_of_fold
from burnish.tasks.train import train_network
from burnish.tasks.training_recipe import Recipe

CLASSES = ("a", "b")
QUICK = Recipe(epochs=2)


def rows(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 2
    return np.random.default_rng(0).normal(labels[:, None], 1, (count, 3)).astype(np.float32), labels


def images(count: int = 20, *shape: int) -> np.ndarray:
    return np.zeros((count, *(shape or (8, 8, 1))), np.uint8)


TRAININGS = {train_network: rows()[0], out_of_fold: rows()[0], train_cnn: images(60), out_of_fold_cnn: images(60)}


@pytest.mark.parametrize(("train", "given"), TRAININGS.items())
@pytest.mark.parametrize("count", [59, 61])
def test_a_label_for_each_row(train, given: np.ndarray, count: int) -> None:
    with pytest.raises(InputError, match=rf"{count} labels for 60 .*: give one"):
        train(given, np.arange(count) % 2, classes=CLASSES, recipe=QUICK)


@pytest.mark.parametrize(("train", "given"), TRAININGS.items())
def test_weights_of_another_length(train, given: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"weights have shape \(59,\) for 60 examples"):
        train(given, np.arange(60) % 2, np.ones(59), classes=CLASSES, recipe=QUICK)


@pytest.mark.parametrize(("train", "given"), TRAININGS.items())
@pytest.mark.parametrize("label", [2, 3, -2])
def test_a_label_outside_of_the_classes(train, given: np.ndarray, label: int) -> None:
    labels = np.where(np.arange(60) == 7, label, np.arange(60) % 2)
    with pytest.raises(InputError, match=rf"label {label} of row 7 .* from 0 to 1, or -1"):
        train(given, labels, classes=CLASSES, recipe=QUICK)


@pytest.mark.parametrize("train", [out_of_fold, out_of_fold_cnn])
@pytest.mark.parametrize("count", [59, 61])
def test_a_group_for_each_row(train, count: int) -> None:
    with pytest.raises(InputError, match=rf"{count} groups for 60 labels"):
        train(TRAININGS[train], np.arange(60) % 2, classes=CLASSES, groups=np.arange(count), recipe=QUICK)


@pytest.mark.parametrize("train", [train_network, out_of_fold])
def test_features_that_are_no_table(train) -> None:
    with pytest.raises(InputError, match=r"features have shape \(60,\): give"):
        train(np.zeros(60, np.float32), np.arange(60) % 2, classes=CLASSES)


@pytest.mark.parametrize("train", [train_cnn, out_of_fold_cnn])
@pytest.mark.parametrize(
    "pixels", [images(20).astype(np.float32), images(20, 8, 10, 1), images(20, 8, 8), np.zeros(20, np.uint8)]
)
def test_pixels_are_square_images_of_bytes(train, pixels: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"pixels are .*: give square images, uint8 \(n, s, s, c\)"):
        train(pixels, np.arange(20) % 2, classes=CLASSES, recipe=QUICK)


@pytest.mark.parametrize(
    ("dev", "said"),
    [
        ({"dev_labels": np.arange(19) % 2}, "19 labels for 20 rows of dev features"),
        ({"dev_labels": np.full(20, 5)}, "label 5 of row 0 of the dev features"),
        ({"dev_features": np.zeros((20, 4), np.float32)}, "dev features have width 4: .* width 3"),
        ({"dev_features": np.zeros(20, np.float32)}, r"dev features have shape \(20,\)"),
        ({"dev_weights": np.ones(19)}, r"dev weights have shape \(19,\)"),
        ({"dev_weights": np.full(20, -1.0)}, "dev weight -1.0 in row 0"),
        ({"dev_weights": np.full(20, np.nan)}, "dev weight nan in row 0"),
    ],
)
def test_dev_features_are_held_against_train_and_their_labels(dev: dict, said: str) -> None:
    good = {"dev_features": rows(20)[0], "dev_labels": rows(20)[1]}
    with pytest.raises(InputError, match=said):
        train_network(*rows(), classes=CLASSES, recipe=QUICK, **(good | dev))


@pytest.mark.parametrize(
    ("dev", "said"),
    [
        ({"dev_labels": np.arange(19) % 2}, "19 labels for 20 rows of dev pixels"),
        ({"dev_labels": np.full(20, 5)}, "label 5 of row 0 of the dev pixels"),
        ({"dev_pixels": images(20, 9, 9, 1)}, r"dev pixels are \(9, 9, 1\), .* \(8, 8, 1\)"),
        ({"dev_pixels": images(20).astype(float)}, "dev pixels are float64"),
        ({"dev_weights": np.full(20, -1.0)}, "dev weight -1.0 in row 0"),
        ({"dev_weights": np.full(20, np.nan)}, "dev weight nan in row 0"),
    ],
)
def test_dev_pixels_are_held_against_train_and_their_labels(dev: dict, said: str) -> None:
    good = {"dev_pixels": images(20), "dev_labels": np.arange(20) % 2}
    with pytest.raises(InputError, match=said):
        train_cnn(images(20), np.arange(20) % 2, classes=CLASSES, recipe=QUICK, **(good | dev))


@pytest.mark.parametrize("train", [train_network, out_of_fold])
@pytest.mark.parametrize("model", ["linear", "mlp"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_features_that_are_no_numbers_are_named_and_no_knob_is(train, model: str, value: float) -> None:
    x, labels = rows()
    x[9, 1] = value
    with pytest.raises(InputError, match=r"features of row 9 .*missing, infinite or huge"):
        train(x, labels, classes=CLASSES, model=model, recipe=QUICK)


def test_what_a_sample_of_the_features_does_not_show_is_found_where_the_loss_is_no_number(monkeypatch) -> None:
    x, labels = rows()
    x[9, 1] = np.nan
    monkeypatch.setattr("burnish.tasks.train.hold_features", lambda x, where, places: Streamed(x, where, places=places))
    monkeypatch.setattr("burnish.tasks.device_features.SAMPLE", 2)
    with pytest.raises(InputError, match="missing, infinite or huge"):
        train_network(x, labels, classes=CLASSES, model="mlp", recipe=QUICK)


@pytest.mark.parametrize("model", ["linear", "mlp", "auto"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_dev_features_that_are_no_numbers_are_said(model: str, value: float) -> None:
    x, labels = rows(20)
    x[4, 0] = value
    with pytest.raises(InputError, match=r"dev features of row 4 .*missing, infinite or huge"):
        train_network(*rows(), dev_features=x, dev_labels=labels, classes=CLASSES, model=model, recipe=QUICK)


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_rows_that_are_only_predicted_are_numbers_too(model: str) -> None:
    x, labels = rows()
    x[9, 1], labels[9] = np.nan, -1
    with pytest.raises(InputError, match=r"features of row 9 .*missing, infinite or huge"):
        out_of_fold(x, labels, classes=CLASSES, model=model, recipe=QUICK)


def test_rows_that_are_neither_learnt_from_nor_predicted_may_hold_anything() -> None:
    x, labels = rows()
    whole = train_network(x[1:], labels[1:], classes=CLASSES, recipe=QUICK)
    x[0], labels[0] = np.nan, -1
    assert np.array_equal(train_network(x, labels, classes=CLASSES, recipe=QUICK).history, whole.history, True)
