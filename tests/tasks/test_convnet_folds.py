"""One network a fold: every row predicted by networks that never saw it."""

import numpy as np
import pytest
import torch

from burnish.tasks import convnet_folds
from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.dealing import assign_folds
from burnish.tasks.findings import InputError
from burnish.tasks.folds import OutOfFold, held_out_log_loss
from burnish.tasks.training_recipe import Recipe

QUICK = Recipe(epochs=6, batch_size=16, dropout=0.0)
CLASSES = ("low", "high")


def bars(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A bright bar in the upper half, or in the lower."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = rng.integers(0, 60, (count, 10, 10, 1), dtype=np.uint8)
    for row, label in enumerate(labels):
        pixels[row, 1 + 5 * label : 4 + 5 * label] += 150
    return pixels, labels


@pytest.fixture(scope="module")
def heard() -> OutOfFold:
    pixels, labels = bars()
    return out_of_fold_cnn(pixels, np.where(np.arange(60) < 56, labels, -1), classes=CLASSES, folds=3, recipe=QUICK)


def test_every_row_is_predicted_out_of_fold(heard: OutOfFold) -> None:
    labels = bars()[1]
    given = np.where(np.arange(60) < 56, labels, -1)
    assert (heard.probabilities.argmax(1) == labels).mean() > 0.95
    np.testing.assert_allclose(heard.probabilities.sum(1), 1, atol=1e-5)
    assert heard.dynamics is not None
    np.testing.assert_allclose(heard.dynamics.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(heard.fold, assign_folds(given, folds=3)[0])
    assert heard.log_loss == pytest.approx(held_out_log_loss(heard.probabilities, given), abs=1e-4)
    assert (heard.model, heard.probabilities.dtype) == ("cnn", np.float32)


def test_a_row_never_hears_its_own_label() -> None:
    pixels, labels = bars(40)
    turned = labels.copy()
    turned[0] = 1 - turned[0]
    recipe = Recipe(epochs=1)
    fold = assign_folds(labels, folds=2)[0]
    made = []
    for given in (labels, turned):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(convnet_folds, "assign_folds", lambda *_, **__: (fold, ""))
            made.append(out_of_fold_cnn(pixels, given, classes=CLASSES, folds=2, recipe=recipe).probabilities)
    np.testing.assert_array_equal(made[0][fold == fold[0]], made[1][fold == fold[0]])
    assert not np.array_equal(made[0][fold != fold[0]], made[1][fold != fold[0]])


def test_smaller_batches_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = convnet_folds.learn

    def learn(learners, **options):
        if learners[0].plan.batch > 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(learners, **options)

    monkeypatch.setattr(convnet_folds, "learn", learn)
    pixels, labels = bars(40)
    made = out_of_fold_cnn(pixels, labels, classes=CLASSES, folds=2, recipe=Recipe(epochs=1, batch_size=64))
    assert made.note == "batches of 16 instead of 64 images: the device ran out of memory"


def test_no_network_is_asked_about_no_images(monkeypatch: pytest.MonkeyPatch) -> None:
    real, asked = ConvNet.forward, []
    monkeypatch.setattr(ConvNet, "forward", lambda own, *args: asked.append(len(args[0])) or real(own, *args))
    pixels, labels = bars(20)
    made = out_of_fold_cnn(pixels, labels, classes=CLASSES, folds=2, recipe=Recipe(epochs=1))
    assert min(asked) > 0
    assert np.isfinite(made.probabilities).all()


def test_nothing_to_learn_is_refused() -> None:
    pixels, labels = bars(20)
    with pytest.raises(InputError, match="label and a weight above 0"):
        out_of_fold_cnn(pixels, labels, np.zeros(20), classes=CLASSES)
