"""A saved model → ONNX, for other runtimes, and the proof that it says the same.

A network becomes a graph from its float32 input `features` to `probabilities`, softmax included; one of convolutions
reads `images`, uint8 (rows, side, side, channels). Boosted trees become
the operator TreeEnsemble of ai.onnx.ml (version 5) on the float64 input `cells`: thresholds, codes that go left and the
way of missing cells as they are, in float64. What feeds the input is the run's encoder, which stays in
`preprocessing.json`: the names of its columns and of the classes are in the file's metadata (`inputs`, `classes`).

Known failure: the encoder itself is not in the graph; `burnish.tasks.saved.load_model(FOLDER).encoder.transform` makes
its input.
"""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from burnish.tasks.convnet import ConvNet
from burnish.tasks.findings import InputError
from burnish.tasks.models import Network
from burnish.tasks.saved import SavedModel
from burnish.tasks.trees import Trees

OPSET = 18
OPSET_OF_TREES = 5
FARTHEST = 1e-5  # how far a probability may be off
CHECKED_ROWS = 4_096
AT_MOST, MEMBER = 0, 6  # modes of TreeEnsemble's nodes
MISSING_EXTRA = "ONNX needs the extra onnx: pip install burnish[onnx]"


class _Probabilities(nn.Module):
    """A network with its softmax."""

    def __init__(self, network: Network | ConvNet, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, given: Tensor) -> Tensor:
        rows = given.permute(0, 3, 1, 2) if isinstance(self.network, ConvNet) else given
        said = torch.softmax(self.network(rows), -1).mean(0)
        if self.temperature == 1:
            return said
        return torch.softmax(torch.log(said.clamp(min=torch.finfo(said.dtype).tiny)) / self.temperature, -1)


def write_onnx(model: SavedModel) -> bytes:
    """Give a saved model as the bytes of an ONNX file.

    Parameters
    ----------
    model : SavedModel

    Returns
    -------
    bytes
        One input, `features` (rows, d) float32, `images` uint8 or `cells` (rows, d) float64; one output,
        `probabilities` (rows, k), float64 of trees, else float32.

    Raises
    ------
    InputError
        Where the extra is not installed.
    """
    try:
        import onnx
        import onnxruntime  # type: ignore[import-untyped]
        import onnxscript
    except ImportError as error:
        raise InputError(MISSING_EXTRA) from error
    del onnxruntime, onnxscript
    graph = _trees(model) if isinstance(model.network, Trees) else _network(model.network, model.temperature)
    about = {"classes": json.dumps(model.classes), "inputs": json.dumps(model.encoder.names)}
    onnx.helper.set_model_props(graph, about)
    onnx.checker.check_model(graph)
    written: bytes = graph.SerializeToString()
    return written


def check_onnx(written: bytes, model: SavedModel, rows: Any) -> tuple[float, int]:
    """Compare an ONNX file in onnxruntime with the model it was made of.

    Parameters
    ----------
    written : bytes
    model : SavedModel
    rows : frame, pixels or embeddings
        Raw examples; 4,096 at most are compared.

    Returns
    -------
    apart : float
        The largest difference of any probability.
    count : int
        Rows compared.

    Raises
    ------
    InputError
        Where the difference is larger than 1e-5.
    """
    import onnxruntime

    encoded = np.asarray(model.encoder.transform(rows[:CHECKED_ROWS]))
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    (said,) = session.run(["probabilities"], {session.get_inputs()[0].name: encoded})
    apart = float(np.abs(said - model.predict_encoded(encoded)).max(initial=0.0))
    if not apart <= FARTHEST:
        raise InputError(f"the ONNX model is off by {apart:.1e} on the rows it was checked on; it was not written")
    return apart, len(encoded)


def _network(network: Network | ConvNet, temperature: float) -> Any:
    if isinstance(network, ConvNet):
        name, few = "images", torch.zeros(2, network.side, network.side, network.channels, dtype=torch.uint8)
    else:
        name, few = "features", torch.zeros(2, network.inputs)
    said = logging.getLogger("torch.onnx")
    level = said.level
    said.setLevel(logging.ERROR)  # it tells that torchvision is absent, and what it will rename one day
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            program = torch.onnx.export(
                _Probabilities(network, temperature).eval(),
                (few,),
                input_names=[name],
                output_names=["probabilities"],
                dynamic_shapes={"given": {0: torch.export.Dim("rows")}},
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        said.setLevel(level)
    assert program is not None
    graph = program.model_proto
    for node in graph.graph.node:  # where in which file on this machine it came from
        node.doc_string = ""
        del node.metadata_props[:]
    return graph


def _trees(model: SavedModel) -> Any:
    """Write trees as one TreeEnsemble, the baseline, and sigmoid or softmax; classes never met get zeros."""
    from onnx import TensorProto, helper, numpy_helper

    trees, k = model.network, len(model.classes)
    assert isinstance(trees, Trees)
    place = np.zeros((len(trees.labels), k))
    place[np.arange(len(trees.labels)), trees.labels] = 1.0
    constants = [
        numpy_helper.from_array(trees.baseline[None, :], "baseline"),
        numpy_helper.from_array(place, "place"),
    ]
    nodes = [
        helper.make_node("TreeEnsemble", ["cells"], ["added"], domain="ai.onnx.ml", **_ensemble(trees)),
        helper.make_node("Add", ["added", "baseline"], ["scores"]),
    ]
    if len(trees.labels) == 2:
        constants.append(numpy_helper.from_array(np.array([[-1.0, 1.0]]), "sides"))
        nodes.append(helper.make_node("Mul", ["scores", "sides"], ["sided"]))
        nodes.append(helper.make_node("Sigmoid", ["sided"], ["met"]))
    else:
        nodes.append(helper.make_node("Softmax", ["scores"], ["met"], axis=1))
    nodes.append(helper.make_node("MatMul", ["met", "place"], ["probabilities"]))
    graph = helper.make_graph(
        nodes,
        "burnish",
        [helper.make_tensor_value_info("cells", TensorProto.DOUBLE, ["rows", len(model.encoder.names)])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["rows", k])],
        constants,
    )
    versions = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_OF_TREES)]
    return helper.make_model(graph, opset_imports=versions, ir_version=10)


def _ensemble(trees: Trees) -> dict[str, Any]:
    """Give the attributes of TreeEnsemble: inner nodes and leaves are numbered apart there."""
    from onnx import numpy_helper

    leaf = trees.left == np.arange(len(trees.left))
    inner = np.flatnonzero(~leaf | np.isin(np.arange(len(leaf)), trees.roots))  # a lone leaf needs a node above it
    of_leaf, of_inner = np.cumsum(leaf) - 1, np.searchsorted(inner, np.arange(len(leaf)))
    left, right = trees.left[inner], trees.right[inner]
    coded = trees.codes[inner] >= 0
    members = [np.append(np.flatnonzero(trees.goes_left[split]), np.nan) for split in trees.codes[inner][coded]]
    steps, scores = trees.roots.shape
    target = _of_tree(trees, np.tile(np.arange(scores), steps))

    def tensor(name: str, values: NDArray[Any]) -> Any:
        return numpy_helper.from_array(np.ascontiguousarray(values), name)

    return {
        "n_targets": scores,
        "aggregate_function": 1,  # sum
        "post_transform": 0,
        "tree_roots": of_inner[trees.roots.ravel()].tolist(),
        "nodes_featureids": trees.feature[inner].tolist(),
        "nodes_modes": tensor("modes", np.where(coded, MEMBER, AT_MOST).astype(np.uint8)),
        "nodes_splits": tensor("splits", np.where(coded, 0.0, trees.threshold[inner])),
        "nodes_missing_value_tracks_true": trees.missing_left[inner].astype(int).tolist(),
        "nodes_truenodeids": np.where(leaf[left], of_leaf[left], of_inner[left]).tolist(),
        "nodes_trueleafs": leaf[left].astype(int).tolist(),
        "nodes_falsenodeids": np.where(leaf[right], of_leaf[right], of_inner[right]).tolist(),
        "nodes_falseleafs": leaf[right].astype(int).tolist(),
        "leaf_targetids": target[leaf].tolist(),
        "leaf_weights": tensor("weights", trees.value[leaf]),
        **({"membership_values": tensor("members", np.concatenate(members))} if members else {}),
    }


def _of_tree(trees: Trees, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give each node the value of its tree; the nodes of a tree follow its root."""
    sizes = np.diff(np.append(trees.roots.ravel(), len(trees.left)))
    return np.repeat(values, sizes)
