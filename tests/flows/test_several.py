"""Several processes started by torchrun: one walks the flow, the others help it train, and only that."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from burnish.flows import several
from burnish.tasks.convnet_training import train_cnn
from burnish.tasks.findings import InputError
from burnish.tasks.team import ALONE, Team
from burnish.tasks.training_recipe import Recipe


def under_torchrun(patch: pytest.MonkeyPatch, rank: int = 0, size: int = 2, here: int = 2) -> None:
    told = {"TORCHELASTIC_RUN_ID": "1", "RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": here}
    for name, value in told.items():
        patch.setenv(name, str(value))


def test_a_command_alone_joins_nobody() -> None:
    assert several.this_team() == ALONE
    assert several.helped(train_cnn) is train_cnn
    with several.launched() as first:
        assert first


def test_processes_on_several_machines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    under_torchrun(monkeypatch, here=1)
    with pytest.raises(InputError, match="several machines"), several.launched():
        pass


def test_one_device_for_all_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    under_torchrun(monkeypatch)
    with pytest.raises(InputError, match=r"train\.device is 'cuda:1' with 2 processes"):
        several.helped(train_cnn)(
            np.zeros((2, 8, 8, 1), np.uint8), np.array([0, 1]), classes=("a", "b"), device="cuda:1"
        )


def test_the_others_are_given_what_the_first_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first says is what the others call, from a folder that is gone afterwards."""
    under_torchrun(monkeypatch)
    called: list[tuple[Team, dict]] = []
    folders: list[Path] = []
    monkeypatch.setitem(several.HELPED, "train_cnn", lambda team, **named: called.append((team, named)))

    def others(said: list, *_: object, **__: object) -> None:
        said[0] = next(saying)

    def say(job: tuple) -> None:
        nonlocal saying
        folders.append(Path(job[1]))
        saying = iter([job, None])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(several.distributed, "broadcast_object_list", others)
            several._help(Team(1, 2))

    saying = iter([])
    monkeypatch.setattr(several, "_say", say)
    pixels, recipe = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1), Recipe(epochs=2)
    empty = np.empty((0, 8, 8, 1), np.uint8)
    several.helped(train_cnn)(
        pixels, np.array([0, 1, 0, 1]), dev_pixels=empty, classes=("a", "b"), recipe=recipe, seed=3
    )
    (helper, heard), (first, given) = called
    assert (helper, first) == (Team(1, 2), Team(0, 2))
    assert heard.keys() == given.keys()
    np.testing.assert_array_equal(heard["pixels"], pixels)
    assert isinstance(heard["pixels"], np.memmap)
    assert (heard["recipe"], heard["seed"], len(heard["dev_pixels"])) == (recipe, 3, 0)
    assert not folders[0].exists()


def test_where_the_first_has_gone_the_others_end_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> None:
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr(several.distributed, "broadcast_object_list", gone)
    with pytest.raises(SystemExit):
        several._help(Team(1, 2))


@pytest.mark.slow
def test_a_run_by_two_processes_leaves_what_a_run_leaves(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(120):
        label = number % 2
        picture = rng.integers(0, 80, (16, 16), dtype=np.uint8)
        picture[2 + 7 * label : 7 + 7 * label] += 120
        folder = tmp_path / "images" / f"row{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{number}.png")
    (tmp_path / "bars.yaml").write_text(
        "data: {path: images}\nrounds: 1\ntrain: {model: cnn, epochs: 4, batch_size: 16, device: cpu}\n",
        encoding="utf-8",
    )
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*start, "-m", "burnish.flows.cli", "run", "bars.yaml", "--out", "run"]
    environment = os.environ | {"PREFECT_HOME": str(tmp_path / ".prefect"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "run"
    assert done.stdout.count("Report: ") == 1
    assert json.loads((tmp_path / "run" / "manifest.json").read_text(encoding="utf-8"))["device"] == "2 × cpu"
