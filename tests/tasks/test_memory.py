"""A device that runs out of memory."""

import pytest
import torch

from burnish.tasks.findings import InputError
from burnish.tasks.memory import fit_in_memory
from burnish.tasks.team import Team


def test_batches_halve_until_they_fit_and_it_is_said() -> None:
    tried = []

    def fit(batch: int) -> int:
        tried.append(batch)
        if batch > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    assert fit_in_memory(fit, 64) == (16, "batches of 16 instead of 64 images: the device ran out of memory")
    assert tried == [64, 32, 16]
    assert fit_in_memory(lambda batch: batch, 64) == (64, "")


def test_no_memory_for_one_image_is_one_sentence() -> None:
    def fit(batch: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InputError, match=r"features\.image_size"):
        fit_in_memory(fit, 8)


def test_a_batch_of_rows_is_called_so() -> None:
    def fit(batch: int) -> int:
        if batch > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    assert fit_in_memory(fit, 16, rows="rows")[1] == "batches of 8 instead of 16 rows: the device ran out of memory"


def test_one_of_several_processes_does_not_halve_alone() -> None:
    def fit(batch: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InputError, match=r"process 1 of 2 .* train\.batch_size below 64"):
        fit_in_memory(fit, 64, team=Team(1, 2))
