"""The trained model in a folder, and back: weights as safetensors, everything else as JSON, nothing that can run code.

- `model.json`: architecture, classes, temperature, versions, and the SHA-256 of the other files and of itself
- `network.safetensors` or `trees.safetensors`: the weights of a network, the nodes of boosted trees
- `preprocessing.json`, `preprocessing.safetensors`: the encoder
- `limits.json`, `notations.json`: where there are such, how a row is treated before it is encoded (`new_rows`)

The sums find a damaged or edited folder; they are no signature, and do not stop a forger who writes new sums too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save

from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_training import TrainedConvNet, predict_images
from burnish.tasks.encoders import Encoder, PatchEncoder
from burnish.tasks.features import ArrayEncoder, TableEncoder
from burnish.tasks.findings import InputError
from burnish.tasks.models import Network, build_network
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.train import Trained, predict
from burnish.tasks.tree_columns import TreeEncoder
from burnish.tasks.tree_training import TrainedTrees
from burnish.tasks.trees import Trees

FORMAT = 3
MODEL = "model.json"
NETWORK = "network.safetensors"
TREES = "trees.safetensors"
PLAIN = "preprocessing.json"
TENSORS = "preprocessing.safetensors"
BESIDE = ("limits.json", "notations.json")  # written earlier: how rows are treated before they are encoded


AnyEncoder = Encoder | TreeEncoder | PixelEncoder
AnyModel = Network | Trees | ConvNet


@dataclass(frozen=True)
class SavedModel:
    """A trained model with the encoder that feeds it.

    Attributes
    ----------
    network : Network, ConvNet or Trees
    encoder : Encoder, PixelEncoder or TreeEncoder
    classes : tuple of str
        Columns of the probabilities.
    temperature : float
        Divisor of the scores before the softmax; 1 where it was not calibrated.
    """

    network: AnyModel
    encoder: AnyEncoder
    classes: tuple[str, ...]
    temperature: float = 1.0

    def predict(self, rows: Any) -> NDArray[np.floating]:
        """Give the class probabilities (n, k) of raw examples, as the encoder reads them: frame, pixels, embeddings."""
        return self.predict_encoded(self.encoder.transform(rows))

    def predict_encoded(self, encoded: NDArray[Any]) -> NDArray[np.floating]:
        """Give the class probabilities (n, k) of what the encoder made of examples, (n, d)."""
        probabilities: NDArray[np.floating]
        if isinstance(self.network, Trees):
            probabilities = self.network.predict(encoded, len(self.classes))
        elif isinstance(self.network, ConvNet):
            probabilities = predict_images(self.network, encoded)
        else:
            probabilities = predict(self.network, encoded)
        if self.temperature == 1:
            return probabilities
        scores = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny)) / np.float32(self.temperature)
        powered = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powered / powered.sum(axis=1, keepdims=True)


def save_model(
    folder: Path,
    trained: Trained | Network | TrainedTrees | TrainedConvNet,
    encoder: AnyEncoder,
    *,
    classes: tuple[str, ...],
    temperature: float = 1.0,
) -> None:
    """Write model and encoder into a folder, which is made where it is absent.

    Parameters
    ----------
    folder : Path
    trained : Trained, Network, TrainedTrees or TrainedConvNet
    encoder : Encoder, PixelEncoder or TreeEncoder
        What turns raw examples into what the model reads.
    classes : tuple of str
        Names of the classes, in the order of the columns.
    temperature : float
        Divisor of the scores.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described, name, tensors = _taken_apart(trained)
    contents = {
        name: save({key: tensor.cpu().contiguous() for key, tensor in tensors.items()}),
        PLAIN: _json({"kind": encoder.kind, "names": list(encoder.names), "learnt": encoder.to_dict()}),
        TENSORS: save({name: tensor.cpu().contiguous() for name, tensor in encoder.tensors().items()}),
    }
    model = {
        "format": FORMAT,
        "versions": {"burnish": version("burnish"), "torch": str(torch.__version__)},
        **described,
        "classes": list(classes),
        "temperature": temperature,
        "sha256": {name: sha256(content).hexdigest() for name, content in contents.items()} | _sums_beside(folder),
    }
    model["sum"] = sha256(_json(model)).hexdigest()
    for old in {NETWORK, TREES} - {name}:
        (folder / old).unlink(missing_ok=True)
    for name, content in (contents | {MODEL: _json(model)}).items():
        (folder / name).write_bytes(content)


def _sums_beside(folder: Path) -> dict[str, str | None]:
    """Give the sum of each file that says how rows are treated before they are encoded, None where there is none."""
    paths = {name: folder / name for name in BESIDE}
    return {name: sha256(_read(path)).hexdigest() if path.exists() else None for name, path in paths.items()}


def _taken_apart(
    trained: Trained | Network | TrainedTrees | TrainedConvNet,
) -> tuple[dict[str, Any], str, dict[str, torch.Tensor]]:
    """Give what describes the model, the file its arrays go into, and the arrays."""
    if isinstance(trained, TrainedTrees):
        return {"trees": {"steps": len(trained.trees.roots)}}, TREES, trained.trees.tensors()
    if isinstance(trained, TrainedConvNet):
        return {"network": trained.network.architecture()}, NETWORK, dict(trained.network.state_dict())
    network = trained.network if isinstance(trained, Trained) else trained
    described = {
        "kind": network.kind,
        "inputs": network.inputs,
        "hidden": list(network.hidden),
        "dropout": network.dropout,
        "activation": network.activation,
        "batch_norm": network.batch_norm,
        "output": network.output,
        "blocks": [list(block) for block in network.blocks],
    }
    return {"network": described}, NETWORK, dict(network.state_dict())


def load_model(folder: Path) -> SavedModel:
    """Read what `save_model` wrote; its predictions are the same to the last bit on the same machine.

    Raises
    ------
    InputError
        Where a file is absent, damaged or edited, or written by another format of Burnish.
    """
    model = _read_model(folder)
    weights = TREES if "trees" in model else NETWORK
    contents = {name: _read(folder / name) for name in (weights, PLAIN, TENSORS)}
    try:
        sums = {name: sha256(content).hexdigest() for name, content in contents.items()} | _sums_beside(folder)
        for name, found in sums.items():
            if found != model["sha256"][name]:
                raise InputError(f"{folder / name} is not as it was saved: take the model folder from its run again")
        encoder = _encoder(json.loads(contents[PLAIN]), load(contents[TENSORS]))
        classes = tuple(model["classes"])
        tensors, temperature = load(contents[weights]), float(model["temperature"])
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values() if weights == NETWORK):
            raise ValueError(f"{weights} holds NaN or infinite numbers")
        if not 0 < temperature < np.inf:
            raise ValueError(f"a temperature of {temperature}")
        return SavedModel(_put_together(model, tensors, encoder), encoder, classes, temperature)
    except InputError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        why = " ".join(str(error).split())
        raise InputError(f"{folder} holds no model that this version of Burnish reads: {why}") from error


def _put_together(model: dict[str, Any], tensors: dict[str, torch.Tensor], encoder: AnyEncoder) -> AnyModel:
    if "trees" in model:
        trees = Trees.from_tensors(tensors)
        trees.check(len(encoder.names), len(model["classes"]))
        return trees
    network: Network | ConvNet
    if model["network"]["kind"] == ConvNet.kind:
        network = ConvNet.from_dict(model["network"], len(model["classes"]))
    else:
        network = build_network(classes=len(model["classes"]), **_architecture(model))
    network.load_state_dict(tensors)
    return network.eval()


def _read_model(folder: Path) -> dict[str, Any]:
    path = folder / MODEL
    content = _read(path)
    try:
        model = json.loads(content)
        written = model.pop("sum")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise InputError(f"{path} describes no model: take the model folder from its run again") from error
    if model.get("format") != FORMAT:
        found = model.get("format")
        raise InputError(f"{path} has format {found!r}, this Burnish reads format {FORMAT}: train again with it")
    if sha256(_json(model)).hexdigest() != written:
        raise InputError(f"{path} is not as it was saved: take the model folder from its run again")
    return model


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): give the folder `model` of a run") from error


def _architecture(model: dict[str, Any]) -> dict[str, Any]:
    plain = dict(model["network"])
    blocks = tuple((int(start), int(end)) for start, end in plain.get("blocks", ()))
    return plain | {"hidden": tuple(plain["hidden"]), "blocks": blocks}


def _encoder(plain: dict[str, Any], tensors: dict[str, torch.Tensor]) -> AnyEncoder:
    learnt = plain["learnt"]
    known = (TableEncoder, ArrayEncoder, PatchEncoder, PretrainedEncoder, PixelEncoder, TreeEncoder)
    return {each.kind: each.from_dict for each in known}[plain["kind"]](learnt, tensors)


def _json(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False).encode()
