"""What the data adds to the configured recipe: the columns of categories to embed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import burnish.flows.run
from burnish.flows.clean import labels_as_given
from burnish.flows.config import Config, parse_config
from burnish.flows.opening import open_examples
from burnish.flows.prepare import Prepared, prepare
from burnish.flows.recipe import recipe_of
from burnish.flows.run import start_run
from burnish.flows.train import train
from burnish.tasks.train import Trained


@pytest.fixture(autouse=True)
def _plain_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)


def config_of(folder: Path, name: str, **options: Any) -> Config:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 240)
    table = pd.DataFrame({"a": rng.normal(y, 1), "kind": rng.choice(list("uvw"), 240), "y": np.where(y, "x", "y")})
    path = folder / f"{name}.csv"
    (table if name == "mixed" else table.drop(columns="kind")).to_csv(path, index=False)
    given = {"train": {"model": "mlp", "epochs": 2, "embeddings": True}, "augment": {"method": "none"}} | options
    return parse_config({"name": "t", "data": {"path": str(path), "label": "y"}, **given})


def prepared_of(config: Config, folder: Path) -> Prepared:
    return prepare(start_run(config, folder), open_examples(config))


def test_the_rounds_train_with_embedded_categories(tmp_path: Path) -> None:
    config = config_of(tmp_path, "mixed")
    prepared, run = prepared_of(config, tmp_path / "prepared"), start_run(config, tmp_path / "run")
    assert recipe_of(run, prepared).blocks and not run.findings
    fitted = train(run, prepared, labels_as_given(prepared), None, 0)
    assert isinstance(fitted.trained, Trained) and fitted.trained.network.blocks == recipe_of(run, prepared).blocks
    plain = start_run(config_of(tmp_path, "mixed", train={"model": "mlp"}), tmp_path / "plain")
    assert not recipe_of(plain, prepared).blocks


def test_nothing_to_embed_is_said_once(tmp_path: Path) -> None:
    config = config_of(tmp_path, "numbers")
    prepared, run = prepared_of(config, tmp_path / "prepared"), start_run(config, tmp_path / "run")
    assert not recipe_of(run, prepared).blocks and recipe_of(run, prepared) == recipe_of(run, prepared)
    assert [finding.code for finding in run.findings] == ["training.embeddings"]


def test_levels_beyond_the_usual_get_a_feature_each_where_asked(tmp_path: Path) -> None:
    few = prepared_of(config_of(tmp_path, "mixed", features={"levels": 2}), tmp_path / "few")
    assert few.encoder is not None and "kind how common" in few.encoder.names
