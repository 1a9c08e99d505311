"""A device that runs out of memory."""

import gc
import weakref

import numpy as np
import pytest
import torch

from burnish.tasks.findings import InputError
from burnish.tasks.memory import LESS_DATA, SMALLER_NETWORK, fit_in_memory, is_full
from burnish.tasks.team import Team
from burnish.tasks.train import train_network
from burnish.tasks.training_recipe import Recipe


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

    with pytest.raises(InputError, match=r"even for images one at a time: set features\.image_size lower$"):
        fit_in_memory(fit, 8)
    with pytest.raises(InputError, match=r"set features\.image_size lower, or set train\.device to cpu$"):
        fit_in_memory(fit, 8, device=torch.device("cuda"))


def test_where_there_are_no_batches_none_are_spoken_of() -> None:
    def fit(batch: int) -> int:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(InputError, match=r"^the device has not memory enough: give fewer features or rows$"):
        fit_in_memory(fit, 1, rows="rows", advice=LESS_DATA)
    with pytest.raises(InputError, match=r"give fewer features or rows, or set train\.device to cpu$"):
        fit_in_memory(fit, 1, rows="rows", advice=LESS_DATA, device=torch.device("cuda"))


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


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_that_say_that_memory_is_full(error: Exception, full: bool) -> None:
    def fit(batch: int) -> int:
        if batch > 1:
            raise error
        return batch

    assert is_full(error) == full
    if full:
        assert fit_in_memory(fit, 2)[0] == 1
    else:
        with pytest.raises(type(error), match=str(error)):
            fit_in_memory(fit, 2)


def test_a_network_larger_than_any_memory_is_one_sentence() -> None:
    rows, labels = np.zeros((20, 4000), np.float32), np.arange(20) % 2
    with pytest.raises(InputError, match=f"{SMALLER_NETWORK}$"):
        train_network(rows, labels, classes=("a", "b"), model="mlp", recipe=Recipe(hidden=(1_000_000_000_000,)))


def test_what_a_failed_attempt_held_is_gone_before_the_next() -> None:
    class Part:
        pass

    left: list[weakref.ref[Part]] = []

    def fit(batch: int) -> int:
        assert all(held() is None for held in left)
        part = Part()
        part.itself = part  # type: ignore[attr-defined]
        left.append(weakref.ref(part))
        if batch > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return batch

    gc.disable()
    try:
        assert fit_in_memory(fit, 4)[0] == 1
    finally:
        gc.enable()
