"""Rows on a device: the same from memory, from a file, whole or batch by batch, and never the whole file at once."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks import device_rows, learners
from burnish.tasks.convnet_training import predict_images, train_cnn
from burnish.tasks.device_rows import Held, Streamed, hold, room
from burnish.tasks.training_recipe import Recipe

CPU = torch.device("cpu")


class Watched:
    """Rows that can be had a few at a time only, which keep how many were asked for at once."""

    def __init__(self, values: np.ndarray, most: int) -> None:
        self.values, self.most, self.seen = values, most, []
        self.shape, self.dtype, self.nbytes = values.shape, values.dtype, values.nbytes

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: object) -> np.ndarray:
        found = self.values[rows]
        assert len(found) <= self.most, f"{len(found)} rows at once"
        self.seen.append(len(found))
        return found


def on_file(folder: Path, values: np.ndarray) -> np.ndarray:
    np.save(folder / "values.npy", values)
    return np.load(folder / "values.npy", mmap_mode="r")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 1000))
def test_streamed_batches_are_those_of_rows_held(count: int, size: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (count, 3, 2), dtype=np.uint8)
    held = hold(values, CPU, lambda rows: rows.permute(0, 2, 1))
    streamed = Streamed(values, CPU, lambda rows: rows.permute(0, 2, 1))
    assert isinstance(held, Held)
    parts = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).split(size)
    for one, two in zip(held.batches(parts), streamed.batches(parts), strict=True):
        assert torch.equal(one, two)
        assert one.stride() == two.stride()
    assert torch.equal(held.take(parts[0]), streamed.take(parts[0]))
    assert len(held) == len(streamed) == count
    assert list(streamed.batches([])) == []


def test_a_file_is_read_batch_by_batch_and_memory_is_shared(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(8, 3)
    mapped = on_file(tmp_path, values)
    assert isinstance(hold(mapped, CPU), Streamed)
    assert isinstance(hold(mapped[2:], CPU), Streamed)
    held = hold(values, CPU)
    assert isinstance(held, Held)
    assert held.values.data_ptr() == values.ctypes.data
    assert hold(mapped, CPU).take(torch.tensor([7, 0])).tolist() == values[[7, 0]].tolist()


def test_only_the_rows_of_the_batches_are_ever_read() -> None:
    source = Watched(np.arange(200, dtype=np.int64).reshape(100, 2), most=8)
    batches = Streamed(source, CPU, lambda rows: rows).batches(torch.arange(100).split(8))
    first = next(batches)
    assert len(source.seen) <= 1 + device_rows.AHEAD
    assert first[:, 0].tolist() == list(range(0, 16, 2))
    assert sum(len(batch) for batch in batches) == 92
    assert source.seen == [8] * 12 + [4]


def test_an_array_is_put_on_a_device_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_rows, "PIECE", 64)
    source = Watched(np.arange(200, dtype=np.int64).reshape(100, 2), most=4)
    values = device_rows._put(source, torch.device("meta"), None)
    assert values.shape == (100, 2)
    assert source.seen == [4] * 25


def test_what_is_read_wrongly_is_said() -> None:
    batches = Streamed(np.zeros((3, 2)), CPU, lambda rows: rows).batches([torch.tensor([0]), torch.tensor([7])])
    next(batches)
    with pytest.raises(IndexError):
        next(batches)


@pytest.mark.parametrize(("free", "held"), [(1_000, True), (399, False)])
def test_half_of_what_is_free_may_be_taken(free: int, held: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 10_000))
    assert room(torch.device("cuda")) == free
    assert room(CPU) == np.inf
    monkeypatch.setattr(device_rows, "room", lambda _: free)
    assert isinstance(hold(np.zeros(200, np.uint8), CPU), Held if held else Streamed)


def test_on_a_gpu_rows_are_pinned_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of the side stream, on a CPU that plays the GPU."""
    told: list[str] = []
    now = SimpleNamespace(wait_event=lambda event: told.append(f"wait for {event}"))
    monkeypatch.setattr(torch.cuda, "stream", lambda side: told.append(f"on {side.name}") or nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: now)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda rows: told.append("pin") or rows)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda _, stream: told.append(f"kept: {stream is now}"))
    streamed = Streamed(np.arange(10), CPU)
    monkeypatch.setattr(torch.cuda, "set_device", lambda gpu: told.append(f"thread on {gpu}"))
    streamed.side = SimpleNamespace(name="side", device_index=3, record_event=lambda: "sent")  # type: ignore[assignment]
    assert streamed.take(torch.tensor([3, 1])).tolist() == [3, 1]
    assert told == ["on side", "pin", "wait for sent", "kept: True"]
    told.clear()
    assert [some.tolist() for some in streamed.batches(torch.arange(10).split(4))] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    assert told.count("pin") == told.count("wait for sent") == 3
    assert (told[0], told.count("thread on 3")) == ("thread on 3", 1)


def test_a_gpu_has_one_stream_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: SimpleNamespace(device=device))
    device_rows._side.cache_clear()
    first, again, other = (Streamed(np.arange(3), torch.device("cuda", gpu)).side for gpu in (0, 0, 1))
    device_rows._side.cache_clear()
    assert first is again
    assert first is not other
    assert Streamed(np.arange(3), CPU).side is None


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_a_device_that_is_fuller_than_it_says_gets_batches(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(device_rows, "_put", full)
    assert isinstance(hold(np.zeros((3, 2)), CPU), Streamed)


def test_a_network_learns_the_same_from_a_file(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 1), dtype=np.uint8)
    labels, recipe = np.repeat([0, 1], 20), Recipe(epochs=2, batch_size=16)
    mapped = on_file(tmp_path, pixels)
    assert isinstance(learners.hold_images(mapped, CPU), Streamed)
    said = [
        predict_images(train_cnn(given, labels, classes=("a", "b"), recipe=recipe).network, given)
        for given in (pixels, mapped)
    ]
    np.testing.assert_array_equal(*said)
