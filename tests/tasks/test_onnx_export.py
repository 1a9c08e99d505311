"""ONNX files say what the saved model says, in another runtime; without the extra a sentence names it."""

import builtins
import json

import numpy as np
import pandas as pd
import pytest
import torch

from burnish.tasks.convnet import ConvNet
from burnish.tasks.features import fit_array_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.models import build_network
from burnish.tasks.onnx_export import FARTHEST, MISSING_EXTRA, check_onnx, write_onnx
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.saved import SavedModel
from burnish.tasks.tree_training import train_trees

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

ARRAY = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)


def network(kind, temperature=1.0, **options):
    made = build_network(kind, 6, 3, hidden=(8, 5), seed=1, **options)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
        made.set_scale(torch.from_numpy(ARRAY))
    return SavedModel(made.eval(), fit_array_encoder(ARRAY), ("a", "b", "c"), temperature)


@pytest.mark.parametrize(("kind", "temperature"), [("linear", 1.0), ("mlp", 2.5)])
def test_a_network(kind, temperature):
    model = network(kind, temperature, batch_norm=True, output="logistic" if kind == "mlp" else "softmax")
    written = write_onnx(model)
    apart, count = check_onnx(written, model, ARRAY)
    assert apart <= FARTHEST and count == 50
    assert b".py" not in written  # nothing of the machine that it was made on
    graph = onnx.load_from_string(written)
    assert [each.name for each in graph.graph.input] == ["features"]
    about = {each.key: json.loads(each.value) for each in graph.metadata_props}
    assert about == {"classes": ["a", "b", "c"], "inputs": [f"embedding {place}" for place in range(6)]}


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_scores_far_from_nought_of_logistic_outputs(kind):
    model = network(kind, output="logistic")
    apart, _ = check_onnx(write_onnx(model), model, 40 * ARRAY)
    assert apart <= FARTHEST


def test_a_network_with_embedded_categories():
    model = network("mlp", blocks=((0, 2), (3, 6)))
    apart, count = check_onnx(write_onnx(model), model, ARRAY)
    assert apart <= FARTHEST and count == 50


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_network_of_convolutions(mirrored):
    made = ConvNet(10, 3, 2, mirrored=mirrored).eval()
    with torch.no_grad():
        made.head.weight.normal_(generator=torch.Generator().manual_seed(0))
        made.scale.fill_(60.0)
    model = SavedModel(made, PixelEncoder(10, 3), ("a", "b"))
    pixels = np.random.default_rng(0).integers(0, 255, (7, 10, 10, 3), dtype=np.uint8)
    apart, count = check_onnx(write_onnx(model), model, pixels)
    assert apart <= FARTHEST and count == 7


def test_another_networks_file_is_found_out():
    with pytest.raises(InputError, match="off by"):
        check_onnx(write_onnx(network("linear")), network("mlp"), ARRAY)


def table(rows, seed):
    rng = np.random.default_rng(seed)
    size = pd.Series(rng.normal(size=rows)).mask(rng.random(rows) < 0.2)
    town = pd.Series(rng.choice(["York", "Bath", "Hull", f"new {seed}"], rows), dtype="str")
    return pd.DataFrame({"size": size, "town": town.mask(rng.random(rows) < 0.2), "many": rng.integers(0, 9, rows)})


@pytest.mark.parametrize("classes", ["ab", "abc", "abcd"])
def test_trees_are_exact_with_missing_cells_and_new_categories(classes):
    frame = table(400, 0)
    labels = ((frame["town"] == "York").to_numpy(int) + frame["many"].to_numpy() // 3) % min(len(classes), 3)
    trained = train_trees(frame, labels, learn_from=list(frame), classes=classes)
    model = SavedModel(trained.trees, trained.encoder, tuple(classes))
    apart, count = check_onnx(write_onnx(model), model, table(300, 7))
    assert apart < 1e-12 and count == 300


def test_trees_of_a_single_leaf():
    frame = pd.DataFrame({"x": np.arange(30.0)})
    trained = train_trees(frame, np.arange(30) % 2, learn_from=["x"], classes="ab")
    assert (trained.trees.left[trained.trees.roots] == trained.trees.roots).all()
    model = SavedModel(trained.trees, trained.encoder, ("a", "b"))
    assert check_onnx(write_onnx(model), model, frame)[0] < 1e-12


def test_without_the_extra(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest, **options):
        if name.split(".")[0] == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(InputError) as refused:
        write_onnx(network("linear"))
    assert str(refused.value) == MISSING_EXTRA
