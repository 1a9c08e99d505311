"""One network for good: what it learns, what it leaves out, what is refused."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from burnish.tasks import convnet_training
from burnish.tasks.convnet_training import asked_by_auto, predict_images, train_cnn
from burnish.tasks.findings import InputError
from burnish.tasks.folds import held_out_log_loss
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


def test_training_stops_on_dev_and_predicts() -> None:
    pixels, labels = bars()
    dev, judged = bars(30, seed=1)
    trained = train_cnn(pixels, labels, dev_pixels=dev, dev_labels=judged, classes=CLASSES, recipe=QUICK)
    said = predict_images(trained.network, dev)
    row = trained.history.iloc[trained.best_epoch - 1]
    assert row["dev_error"] == pytest.approx((said.argmax(1) != judged).mean())
    assert row["dev_loss"] == pytest.approx(held_out_log_loss(said, judged), abs=1e-4)
    assert (trained.model, trained.device, trained.note) == ("cnn", "cpu", "")
    assert trained.parameters > 10_000
    assert {field.name for field in fields(trained)} >= {"network", "history", "best_epoch", "seconds"}


def test_the_same_seed_gives_the_same_numbers() -> None:
    pixels, labels = bars(40)
    once, again, other = (
        predict_images(train_cnn(pixels, labels, classes=CLASSES, recipe=Recipe(epochs=2), seed=seed).network, pixels)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


def test_rows_without_weight_are_not_learnt_from() -> None:
    pixels, labels = bars(40)
    weights = np.ones(40)
    weights[30:] = 0
    noise = pixels.copy()
    noise[30:] = 255
    recipe = Recipe(epochs=2)
    one = train_cnn(pixels, labels, weights, classes=CLASSES, recipe=recipe).network
    two = train_cnn(noise, labels, weights, classes=CLASSES, recipe=recipe).network
    np.testing.assert_array_equal(predict_images(one, pixels), predict_images(two, pixels))


def test_a_device_that_runs_out_of_memory_gets_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    real = convnet_training.learn

    def learn(learners, **options):
        if learners[0].plan.batch > 16:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(learners, **options)

    monkeypatch.setattr(convnet_training, "learn", learn)
    pixels, labels = bars(40)
    recipe = Recipe(epochs=1, batch_size=64)
    assert "batches of 16 instead of 64" in train_cnn(pixels, labels, classes=CLASSES, recipe=recipe).note


def test_soft_labels_are_learnt_in_place_of_labels() -> None:
    pixels, labels = bars()
    turned = np.eye(2, dtype=np.float32)[1 - labels]
    network = train_cnn(pixels, labels, targets=turned, classes=CLASSES, recipe=QUICK).network
    assert (predict_images(network, pixels).argmax(1) != labels).mean() > 0.9
    with pytest.raises(InputError, match="sum to 1"):
        train_cnn(pixels, labels, targets=turned * 2, classes=CLASSES)


def test_what_cannot_be_learnt_is_refused() -> None:
    pixels, labels = bars(20)
    with pytest.raises(InputError, match="label and a weight above 0"):
        train_cnn(pixels, np.full(20, -1), classes=CLASSES)
    with pytest.raises(InputError, match="-1"):
        train_cnn(pixels, labels, np.full(20, -1.0), classes=CLASSES)
    network = train_cnn(pixels, labels, classes=CLASSES, recipe=Recipe(epochs=1)).network
    with pytest.raises(InputError, match=r"this model reads \(10, 10, 1\)"):
        predict_images(network, np.zeros((2, 12, 12, 1), np.uint8))


def test_convolutions_are_whole_where_it_predicts_and_the_setting_comes_back() -> None:
    pixels, labels = bars(20)
    network, seen, before = train_cnn(pixels, labels, classes=CLASSES, recipe=Recipe(epochs=1)).network, [], []
    network.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    before.append(torch.backends.cudnn.allow_tf32)
    predict_images(network, pixels)
    assert seen == [False]
    assert [torch.backends.cudnn.allow_tf32] == before


def test_auto_asks_it_on_a_gpu_alone() -> None:
    assert not asked_by_auto("cpu")
    assert asked_by_auto("auto") == torch.cuda.is_available()


def test_a_decay_that_overshoots_is_named() -> None:
    recipe = Recipe(epochs=40, optimizer="sgd", weight_decay=1e6)
    with pytest.raises(InputError, match=r"lower train\.weight_decay, now 1e\+06"):
        train_cnn(*bars(), classes=CLASSES, recipe=recipe)


def test_weights_of_any_size_train_the_same_network() -> None:
    pixels, labels = bars(20)
    plain, turned = (
        train_cnn(pixels, labels, np.full(20, size), classes=CLASSES, recipe=Recipe(epochs=2))
        for size in (1.0, 2.0**126)
    )
    np.testing.assert_array_equal(predict_images(plain.network, pixels), predict_images(turned.network, pixels))
