"""Fused layers: only where they pay, never in the way, and nothing is left of the trial."""

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from burnish.tasks import compiling
from burnish.tasks.compiling import Compiling
from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_training import predict_images, train_cnn
from burnish.tasks.training_recipe import Recipe

CLASSES = ("low", "high")
QUICK = Recipe(epochs=3, batch_size=16)


def bars(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pixels = rng.integers(0, 60, (count, 8, 8, 1), dtype=np.uint8)
    pixels[labels == 1, 2:6, 2:6] += 150
    return pixels, labels


def stands_for(function: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    def fast(values: torch.Tensor) -> torch.Tensor:
        calls.append(len(values))
        return function(values)

    return fast


def test_a_compiler_that_fails_changes_nothing_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function: Callable[..., Any], **_: object) -> Callable[..., Any]:
        def fail(_: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no C++ compiler\nlong trace")

        return fail

    pixels, labels = bars()
    plain = train_cnn(pixels, labels, classes=CLASSES, recipe=QUICK, compiled="never")
    monkeypatch.setattr(torch, "compile", broken)
    tried = train_cnn(pixels, labels, classes=CLASSES, recipe=QUICK, compiled="always")
    assert tried.compiled == "torch.compile does not work here (RuntimeError: no C++ compiler): trained without"
    assert tried.network.fused is None
    np.testing.assert_array_equal(predict_images(plain.network, pixels), predict_images(tried.network, pixels))
    heard = out_of_fold_cnn(pixels, labels, classes=CLASSES, folds=2, recipe=QUICK, compiled="always")
    assert (heard.compiled, heard.note) == (tried.compiled, "")


def test_a_trial_leaves_no_trace_and_training_goes_through_the_fused_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    pixels, labels = bars()
    plain = train_cnn(pixels, labels, classes=CLASSES, recipe=QUICK)
    monkeypatch.setattr(torch, "compile", lambda function, **_: stands_for(function, calls))
    fused = train_cnn(pixels, labels, classes=CLASSES, recipe=QUICK, compiled="always")
    assert calls == [13] * 3 + [14] * 3 + [14, 13, 13] * 3
    assert (plain.compiled, fused.compiled) == ("", "its layers were fused by torch.compile")
    np.testing.assert_array_equal(predict_images(plain.network, pixels), predict_images(fused.network, pixels))


def test_running_out_of_memory_is_for_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(function: Callable[..., Any], **_: object) -> Callable[..., Any]:
        def fast(values: torch.Tensor) -> torch.Tensor:
            if len(values) > 8:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return function(values)

        return fast

    monkeypatch.setattr(torch, "compile", full)
    trained = train_cnn(*bars(), classes=CLASSES, recipe=QUICK, compiled="always")
    assert "batches of 8 instead of 16" in trained.note


class OnGpu(ConvNet):
    """A network that says it is on a GPU."""

    def __getattr__(self, name: str) -> Any:
        if name == "scale" and "scale" in self._buffers:
            return type("Scale", (), {"is_cuda": True, "device": torch.device("cpu")})()
        return super().__getattr__(name)


def walk(seconds: list[float], monkeypatch: pytest.MonkeyPatch, network: ConvNet, epochs: int = 100) -> list[bool]:
    """Give whether layers were fused in each epoch."""
    monkeypatch.setattr(compiling, "_try", lambda *_: None)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    made, fused = Compiling("auto"), []
    for number, spent in enumerate(seconds):
        made.before_epoch([network], epochs - number, [4])
        fused.append(network.fused is not None)
        made.seconds.append(spent)
    return fused


def test_auto_compiles_where_it_pays_and_undoes_what_is_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert walk([9, 5, 30, 3, 3, 3], monkeypatch, OnGpu(8, 1, 2)) == [False, False, True, True, True, True]
    assert walk([9, 5, 30, 5, 5, 5], monkeypatch, OnGpu(8, 1, 2)) == [False, False, True, True, False, False]
    assert not any(walk([9, 1, 1, 1], monkeypatch, OnGpu(8, 1, 2)))
    assert not any(walk([9, 5, 5, 5], monkeypatch, OnGpu(8, 1, 2), epochs=16))
    assert not any(walk([9, 500, 500, 500], monkeypatch, ConvNet(8, 1, 2)))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("default")
def test_compiled_layers_learn_the_same() -> None:
    pixels, labels = bars()
    once = Recipe(epochs=1, batch_size=20)
    plain, fused = (
        train_cnn(pixels, labels, classes=CLASSES, recipe=once, compiled=asked) for asked in ("never", "always")
    )
    assert fused.compiled == "its layers were fused by torch.compile"
    np.testing.assert_allclose(fused.history["train_loss"], plain.history["train_loss"], rtol=1e-3)
    np.testing.assert_allclose(predict_images(fused.network, pixels), predict_images(plain.network, pixels), atol=0.02)


def test_what_became_of_it_is_said_once() -> None:
    said = compiling.compiled_findings("trained without", [])
    assert [(each.code, each.severity) for each in said] == [("training.compiled", "info")]
    assert compiling.compiled_findings("trained without", said) == []
    assert compiling.compiled_findings("", []) == []
