"""A network that reads the pixels, in a run: chosen, refused, saved, predicted with."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import burnish
from PIL import Image

from burnish.flows import clean, train
from burnish.tasks.findings import InputError


def asking(model: str) -> Any:
    return SimpleNamespace(config=SimpleNamespace(train=SimpleNamespace(model=model, device="auto")))


def data(images: bool) -> Any:
    pixels = np.zeros((4, 8, 8, 1), np.uint8) if images else None
    return SimpleNamespace(
        images=pixels, tree_columns=[], codes=np.arange(4), examples=SimpleNamespace(columns=(), classes=("a", "b"))
    )


def test_a_table_has_no_pixels_to_read() -> None:
    with pytest.raises(InputError, match="which reads images"):
        train._kinds(asking("cnn"), data(images=False), 10)
    with pytest.raises(InputError, match="which reads images"):
        clean._heard_images(asking("cnn"), data(images=False), "cnn")


@pytest.mark.parametrize("gpu", [False, True])
def test_auto_asks_it_of_images_on_a_gpu(gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for flow in (train, clean):
        monkeypatch.setattr(flow, "asked_by_auto", lambda _: gpu)
    assert ("cnn" in train._kinds(asking("auto"), data(images=True), 10)) == gpu
    assert "cnn" not in train._kinds(asking("auto"), data(images=False), 10)
    assert (clean._heard_images(asking("auto"), data(images=True), "auto") is not None) == gpu
    assert clean._heard_images(asking("auto"), data(images=True), "mlp") is None
    assert clean._heard_images(asking("cnn"), data(images=True), "cnn") is not None


@pytest.mark.slow
def test_a_run_and_its_predictions_say_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(120):
        label = number % 2
        picture = rng.integers(0, 80, (16, 16), dtype=np.uint8)
        picture[2 + 7 * label : 7 + 7 * label] += 120
        given = 1 - label if number % 15 == 0 else label
        folder = tmp_path / "images" / f"row{given}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    (tmp_path / "bars.yaml").write_text("data: {path: images}\nrounds: 1\n", encoding="utf-8")
    asked = ["train.model=cnn", "train.epochs=8", "train.batch_size=16", "train.soft_labels=true", "train.mirror=true"]
    burnish("run", "bars.yaml", "--out", "run", *[word for one in asked for word in ("--set", one)], cwd=tmp_path)
    burnish("predict", "run", "images", "--out", "said.csv", cwd=tmp_path)
    examples = pd.read_parquet(tmp_path / "run" / "examples.parquet").set_index("id")
    said = pd.read_csv(tmp_path / "said.csv").set_index("id").loc[examples.index]
    assert (said["predicted"] == examples["predicted"]).all()
    np.testing.assert_allclose(said["confidence"], examples["confidence"], atol=1e-6)
    facts = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))["training"]
    assert facts["model"] == "cnn"
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "convolution network" in report
    assert "one in two is mirrored" in report
