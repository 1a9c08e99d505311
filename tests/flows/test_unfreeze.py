"""Unfreezing in a run: refused where it does nothing, walked, reported, saved and predicted with."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import burnish
from PIL import Image

from burnish.flows.config import parse_config
from burnish.flows.opening import check_network, open_examples
from burnish.tasks.findings import InputError


@pytest.mark.parametrize(
    ("train", "features", "said"),
    [
        ({"unfreeze": 2}, {}, "features.encoder is patches, which has nothing to unfreeze: set it to pretrained"),
        ({"unfreeze": 1, "model": "cnn"}, {"encoder": "pretrained"}, "train.model is cnn, which reads no pretrained"),
    ],
)
def test_what_has_nothing_to_unfreeze_is_refused_at_once(train: dict, features: dict, said: str) -> None:
    with pytest.raises(InputError, match=f"train.unfreeze is {train['unfreeze']}, and {said}"):
        parse_config({"data": {"path": "images"}, "train": train, "features": features})


def test_weights_that_no_encoder_reads_are_refused_at_once() -> None:
    with pytest.raises(InputError, match=r"backbone_weights is w\.safetensors, and features\.encoder is patches"):
        parse_config({"data": {"path": "images"}, "features": {"backbone_weights": "w.safetensors"}})


@pytest.mark.parametrize(
    ("section", "said"),
    [({"augment": {"method": "fitted"}}, "augment.method is fitted"), ({"features": {"encoder": "pretrained"}}, "pre")],
)
def test_settings_of_images_are_refused_where_none_are_learnt_from(section: dict, said: str, tmp_path: Path) -> None:
    pd.DataFrame({"size": np.arange(40) % 7 / 3, "label": ["a", "b"] * 20}).to_csv(tmp_path / "t.csv", index=False)
    config = parse_config({"data": {"path": str(tmp_path / "t.csv"), "label": "label"}} | section)
    with pytest.raises(InputError, match=f"{said}.* learns from columns"):
        check_network(config, open_examples(config), training=True)


def striped(folder: Path) -> None:
    """Pictures of 40 px with fine or coarse stripes in noise, one in twelve under the wrong class."""
    rng = np.random.default_rng(0)
    for number in range(96):
        label = number % 2
        pattern = np.arange(40) // (1 + label) % 2 * 60
        picture = rng.integers(40, 180, (40, 40)) + pattern[None, :]
        given = 1 - label if number % 12 == 0 else label
        (folder / f"kind{given}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture.astype(np.uint8)).save(folder / f"kind{given}" / f"{number}.png")


@pytest.mark.slow
def test_a_run_and_its_predictions_say_the_same(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    striped(tmp_path / "images")
    (tmp_path / "stripes.yaml").write_text(
        "data: {path: images}\nrounds: 1\nfeatures: {encoder: pretrained}\naugment: {method: none}\n"
        "train: {model: linear, unfreeze: 2, epochs: 3}\nsplit: {ratios: [0.5, 0.3, 0.2]}\n",
        encoding="utf-8",
    )
    burnish("run", "stripes.yaml", "--out", "run", cwd=tmp_path)
    burnish("predict", "run", "images", "--out", "said.csv", cwd=tmp_path)
    examples = pd.read_parquet(tmp_path / "run" / "examples.parquet").set_index("id")
    said = pd.read_csv(tmp_path / "said.csv").set_index("id").loc[examples.index]
    assert (said["predicted"] == examples["predicted"]).all()
    np.testing.assert_allclose(said["confidence"], examples["confidence"], atol=1e-5)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    steps = summary["training"]["unfreezing"]
    assert [step["blocks"] for step in steps] == list(range(len(steps)))
    assert len(steps) in (2, 3)
    assert [each["code"] for each in summary["findings"]].count("training.unfreeze") == 1
    assert "Staged unfreezing" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    learnt = json.loads((tmp_path / "run" / "model" / "preprocessing.json").read_text(encoding="utf-8"))["learnt"]
    assert learnt["tuned"] == sum(step["kept"] for step in steps) - 1
    assert learnt["side"] == 40
