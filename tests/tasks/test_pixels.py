"""Pixels handed on, and a network of convolutions saved with them: the same numbers back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from burnish.tasks.convnet_training import predict_images, train_cnn
from burnish.tasks.findings import InputError
from burnish.tasks.new_rows import RowReader
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.saved import load_model, save_model
from burnish.tasks.training_recipe import Recipe


def test_images_of_another_shape_are_refused() -> None:
    encoder = PixelEncoder(8, 1)
    assert encoder.transform(np.zeros((0, 8, 8, 1), np.uint8)).shape == (0, 8, 8, 1)
    with pytest.raises(InputError, match=r"this model reads \(8, 8, 1\)"):
        encoder.transform(np.zeros((2, 8, 8, 3), np.uint8))
    assert PixelEncoder.from_dict(encoder.to_dict(), encoder.tensors()) == encoder


def test_a_saved_network_says_the_same(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (30, 12, 12, 3), dtype=np.uint8)
    trained = train_cnn(pixels, np.arange(30) % 3, classes=("a", "b", "c"), recipe=Recipe(epochs=1))
    save_model(tmp_path / "model", trained, trained.encoder, classes=("a", "b", "c"))
    model = load_model(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(pixels), predict_images(trained.network, pixels))
    files = tmp_path / "images"
    files.mkdir()
    for number, image in enumerate(pixels):
        Image.fromarray(image).resize((24, 24), Image.Resampling.NEAREST).save(files / f"{number:02}.png")
    ((ids, rows, unreadable),) = RowReader(encoder=model.encoder).read(files)
    assert not unreadable.any()
    assert (len(ids), rows.shape) == (30, (30, 12, 12, 3))
    np.testing.assert_array_equal(rows, pixels)
