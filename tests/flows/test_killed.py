"""A run that is killed in mid-training, where nothing can be tidied up, goes on to the same model."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import burnish
from sklearn.datasets import load_breast_cancer

pytestmark = pytest.mark.slow
OPTIONS = ("--set", "train.epochs=12", "--set", "train.model=mlp", "--set", "mislabels.model=network")

# Kills itself at the 20th epoch after round 0 was kept: 12 of them at most are the out-of-fold pass.
DIES_IN_TRAINING = """
import os, pathlib, signal
from burnish.flows import cli
from burnish.tasks import fitting
left, epoch = [20], fitting._Steps.epoch
def dies(steps):
    left[0] -= pathlib.Path("killed/rounds/0.json").is_file()
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return epoch(steps)
fitting._Steps.epoch = dies
cli.main()
"""


def test_killed_in_mid_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    data = load_breast_cancer(as_frame=True)
    table = data.data.iloc[:, :8].assign(label=np.where(data.target == 1, "benign", "malignant"))
    turned = np.random.default_rng(0).random(len(table)) < 0.08
    table["label"] = np.where(turned, np.where(table["label"] == "benign", "malignant", "benign"), table["label"])
    table.to_csv(tmp_path / "table.csv", index=False)
    (tmp_path / "table.yaml").write_text("data: {path: table.csv, label: label}\nrounds: 1\n", encoding="utf-8")
    burnish("run", "table.yaml", "--out", "whole", *OPTIONS, cwd=tmp_path)

    command = [sys.executable, "-c", DIES_IN_TRAINING, "run", "table.yaml", "--out", "killed", *OPTIONS]
    environment = os.environ | {"PREFECT_HOME": str(tmp_path / ".prefect"), "OMP_NUM_THREADS": "2"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    process.wait(timeout=300)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "rounds" / "1.json").is_file()

    burnish("run", "--resume", "killed", cwd=tmp_path)
    for name in ("model/network.safetensors", "model/preprocessing.safetensors", "examples.parquet"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
