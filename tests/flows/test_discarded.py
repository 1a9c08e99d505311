"""A run that ends because its input is wrong leaves no half of a run folder behind."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from burnish.flows import cli
from burnish.flows.config import load_config
from burnish.tasks.findings import InputError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pd.DataFrame({"x": [n * 7 % 19 for n in range(60)], "kind": ["a", "b"] * 30}).to_csv(
        tmp_path / "t.csv", index=False
    )
    (tmp_path / "c.yaml").write_text("data: {path: t.csv, label: kind}\n")
    return tmp_path / "c.yaml"


@pytest.mark.parametrize("finished", [False, True])
def test_half_a_run_is_taken_away(config: Path, monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    out = config.parent / "run"

    def end(current: Any, *_: Any) -> None:
        assert (out / "config.yaml").is_file()
        if finished:
            current.path("summary.json").write_text("{}")
        raise InputError("no class has training examples left")

    monkeypatch.setattr(cli, "_finish", end)
    with pytest.raises(InputError, match="no class has"):
        cli._walk(load_config(config), out, None, "clean")
    assert out.exists() == finished
