"""Several processes: each batch is shared out whole, and together they learn what one would."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.team import ALONE, Team


@given(st.integers(1, 200), st.integers(1, 70), st.integers(1, 5))
def test_every_process_has_a_row_of_every_batch_and_no_row_is_lost(count: int, batch: int, size: int) -> None:
    rows = torch.arange(count)
    if count < size:
        with pytest.raises(InputError, match="cannot share"):
            Team(0, size).batches(rows, batch)
        return
    batches = Team(0, size).batches(rows, batch)
    parts = [[Team(rank, size).share(each) for rank in range(size)] for each in batches]
    assert all(len(part) for each in parts for part in each)
    assert sorted(torch.cat([part for each in parts for part in each]).tolist()) == rows.tolist()
    assert max(map(len, batches)) <= max(batch, 2 * size - 1)


def test_alone_nothing_is_sent() -> None:
    value = torch.tensor(3.0)
    assert ALONE.total(value) is value
    assert ALONE.agree(1.0, 2.0, device=value.device) == (1.0, 2.0)
    network = torch.nn.Linear(1, 1)
    assert ALONE.joined(network) is network


@pytest.mark.slow
def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    script = Path(__file__).with_name("together.py")
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    done = subprocess.run(
        [*start, str(tmp_path)], env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    found = {file.stem: np.load(file) for file in tmp_path.glob("*.npz")}
    for name, value in found["alone"].items():
        np.testing.assert_allclose(found["together0"][name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    for one, two in (("together0", "together1"), ("trained0", "trained1")):
        for name, value in found[one].items():
            np.testing.assert_array_equal(found[two][name], value, err_msg=f"{one} {name}")
    assert found["alone"]["train_loss"][-1] < found["alone"]["train_loss"][0]
    assert np.isfinite(found["trained0"]["dev"]).all()
