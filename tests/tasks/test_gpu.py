"""What only a GPU shows; BURNISH_TEST_GPU=1 lets tests see one."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from tiny_backbone import tiny

from burnish.tasks import device_rows
from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_training import TrainedConvNet, predict_images, train_cnn
from burnish.tasks.folds import out_of_fold
from burnish.tasks.train import predict, train_network
from burnish.tasks.training_recipe import Recipe

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
    pytest.mark.filterwarnings("default"),
]
CLASSES = ("low", "high")
RECIPE = Recipe(epochs=10, batch_size=32)


def bars(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A bright bar in the upper half, or in the lower."""
    labels = np.arange(count) % 2
    pixels = np.random.default_rng(0).integers(0, 60, (count, 16, 16, 3), dtype=np.uint8)
    for row, label in enumerate(labels):
        pixels[row, 1 + 8 * label : 7 + 8 * label] += 150
    return pixels, labels


def trained(compiled: str = "never") -> TrainedConvNet:
    pixels, labels = bars()
    return train_cnn(pixels, labels, classes=CLASSES, recipe=RECIPE, device="cuda", compiled=compiled)


def as_on_cpu(made: TrainedConvNet) -> None:
    """Check that the network learnt, and that a CPU predicts the same."""
    pixels, labels = bars()
    said = predict_images(made.network, pixels)
    assert (said.argmax(1) == labels).mean() > 0.95
    np.testing.assert_allclose(predict_images(deepcopy(made.network).cpu(), pixels), said, atol=1e-4)


def test_images_held_and_images_sent_teach_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    held = trained()
    as_on_cpu(held)
    monkeypatch.setattr(device_rows, "room", lambda _: 0.0)
    sent = trained()
    for one, two in zip(held.network.state_dict().values(), sent.network.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def test_the_same_seed_gives_the_same_weights() -> None:
    once, again = (trained().network.state_dict() for _ in range(2))
    assert all(torch.equal(value, again[name]) for name, value in once.items())


def test_fused_layers_learn() -> None:
    made = trained("always")
    assert made.compiled
    assert made.network.fused is None
    as_on_cpu(made)


def test_every_image_is_predicted_out_of_fold() -> None:
    pixels, labels = bars()
    given = np.where(np.arange(len(labels)) < 190, labels, -1)
    heard = out_of_fold_cnn(pixels, given, classes=CLASSES, folds=3, recipe=RECIPE, device="cuda")
    assert (heard.probabilities.argmax(1) == labels).mean() > 0.95


@pytest.mark.parametrize("model", ["linear", "mlp"])
@pytest.mark.parametrize("room", [None, 0.0])
def test_rows_of_numbers(model: str, room: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if room is not None:
        monkeypatch.setattr("burnish.tasks.device_features.room", lambda _: room)
        monkeypatch.setattr(device_rows, "room", lambda _: room)
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 2
    rows = rng.normal(size=(300, 6)).astype(np.float32)
    rows[:, 0] += 4 * labels
    shared = {"classes": CLASSES, "model": model, "recipe": RECIPE, "device": "cuda"}
    heard = out_of_fold(rows, labels, **shared, folds=3)
    assert (heard.probabilities.argmax(1) == labels).mean() > 0.9
    network = train_network(rows, labels, **shared).network
    on_device = predict(deepcopy(network).to("cuda"), rows)
    np.testing.assert_allclose(predict(network, rows), on_device, atol=1e-4)


def test_features_of_a_pretrained_network_are_those_of_a_cpu() -> None:
    pixels, encoder = bars()[0], tiny()
    on_device = encoder.transform(pixels, device="cuda")
    assert {value.device.type for value in encoder.tensors().values()} <= {"cpu"}
    np.testing.assert_allclose(encoder.transform(pixels), on_device, atol=1e-4)
