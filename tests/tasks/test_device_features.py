"""Features on a device: in full, in half or batch by batch, and what is learnt from them alike."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from burnish.tasks import device_features, device_rows
from burnish.tasks import folds as folds_module
from burnish.tasks import train as train_module
from burnish.tasks.device_features import hold_features, in_half, sample, standardized
from burnish.tasks.device_rows import Held, Streamed
from burnish.tasks.findings import InputError
from burnish.tasks.folds import out_of_fold
from burnish.tasks.models import Network
from burnish.tasks.train import predict, train_network
from burnish.tasks.training_recipe import Recipe

CPU = torch.device("cpu")
CLASSES = ("low", "high")
QUICK = Recipe(epochs=3, hidden=(8,))


def data(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(count, 5)) * 3 + 7).astype(np.float32)
    labels = (x[:, 0] + rng.normal(size=count) > 7).astype(np.int64)
    labels[::10] = -1
    return x, labels


@pytest.fixture
def mapped(tmp_path: Path) -> np.ndarray:
    np.save(tmp_path / "x.npy", data()[0])
    return np.load(tmp_path / "x.npy", mmap_mode="r")


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is gone through in one go."""
    monkeypatch.setattr(device_rows, "PIECE", 40 * 20)
    yield


def scaled_by(x: np.ndarray) -> Network:
    network = Network(5, 2)
    network.set_scale(torch.from_numpy(np.array(x)))
    return network


def test_held_and_sent_are_standardized_alike(mapped: np.ndarray, in_pieces: None) -> None:
    x, places = data()[0], np.random.default_rng(1).permutation(300)[:111]
    network = scaled_by(x)
    wanted = network.standardize(torch.from_numpy(x[places]))
    held, sent = hold_features(x, CPU, places), hold_features(mapped, CPU, places)
    assert (type(held), type(sent)) == (Held, Streamed)
    assert torch.equal(sample(held), sample(sent))
    for rows in (standardized(held, network), standardized(sent, network), standardized(held, network, in_place=True)):
        assert torch.equal(torch.cat([some for _, some in rows.pieces()]), wanted)
        assert torch.equal(rows.take(torch.tensor([110, 3])), wanted[[110, 3]])
        part = rows.part(100, 111)
        assert torch.equal(next(part.batches([torch.arange(11)])), wanted[100:])
        assert [len(some) for _, some in rows.part(5, 5).pieces()] == [0]


def test_halves_come_back_in_full_and_nearly_the_same(mapped: np.ndarray, in_pieces: None) -> None:
    network = scaled_by(mapped)
    wanted = network.standardize(torch.from_numpy(data()[0]))
    held = in_half(standardized(hold_features(mapped, CPU), network))
    assert held.values.dtype == torch.float16
    for found in (torch.cat([some for _, some in held.pieces()]), held.take(torch.arange(300))):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_what_a_half_cannot_hold_is_cut() -> None:
    held = in_half(Streamed(np.array([[1e9], [-1e9], [0.5]], np.float32), CPU))
    assert held.take(torch.arange(3))[:, 0].tolist() == [65_504.0, -65_504.0, 0.5]


@pytest.mark.parametrize(("free", "kind"), [(9 * 6_000, "full"), (7 * 3_000, "half"), (3_000, "sent")])
def test_what_is_free_decides(free: int, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 6,000 bytes of features, as if the CPU were a device with so much room."""
    for module in (device_rows, device_features):
        monkeypatch.setattr(module, "room", lambda _: free)
    monkeypatch.setattr(device_rows, "mapped", lambda _: False)
    rows = hold_features(data()[0], CPU)
    assert isinstance(rows, Held if kind == "full" else Streamed)
    rows.device = torch.device("meta")
    if kind != "full":
        monkeypatch.setattr(device_features, "in_half", lambda _: "half")
        made = standardized(rows, Network(5, 2))
        assert (made == "half") == (kind == "half")


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_networks_learn_the_same_from_a_file(model: str, mapped: np.ndarray, in_pieces: None) -> None:
    x, labels = data()
    shared = {"classes": CLASSES, "recipe": QUICK, "model": model}
    dev = {"dev_labels": labels[:50]}
    said = [predict(train_network(given, labels, dev_features=given[:50], **dev, **shared), x) for given in (x, mapped)]
    np.testing.assert_allclose(*said, atol=1e-4)
    heard = [out_of_fold(given, labels, folds=3, **shared).probabilities for given in (x, mapped)]
    np.testing.assert_allclose(*heard, atol=1e-4)


def test_wide_features_are_gone_through_in_pieces(monkeypatch: pytest.MonkeyPatch, in_pieces: None) -> None:
    monkeypatch.setattr("burnish.tasks.descent.WIDEST", 4)
    x, labels = data()
    monkeypatch.setattr(train_module, "hold_features", lambda x, device, places: Streamed(x, device, places=places))
    trained = train_network(x, labels, classes=CLASSES, recipe=QUICK, model="linear")
    assert (predict(trained, x).argmax(1) == labels)[labels >= 0].mean() > 0.8


@pytest.mark.parametrize("module", [train_module, folds_module])
def test_batches_halve_where_memory_ends_and_it_is_said(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.fit_network  # type: ignore[attr-defined]

    def fit_network(network, x, y, weights, recipe, **options):
        if recipe.batch_size > 8 or any(leg.batch_size > 8 for leg in recipe.legs):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(network, x, y, weights, recipe, **options)

    monkeypatch.setattr(module, "fit_network", fit_network)
    x, labels = data()
    recipe = Recipe(epochs=1, hidden=(4,), batch_size=32)
    run = train_network if module is train_module else out_of_fold
    made = run(x, labels, classes=CLASSES, recipe=recipe, model="mlp")
    assert made.note == "batches of 8 instead of 32 rows: the device ran out of memory"


def test_a_linear_model_without_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(train_module, "fit_network", full)
    with pytest.raises(InputError, match=r"memory enough: give fewer features or rows$"):
        train_network(*data(), classes=CLASSES, model="linear")
