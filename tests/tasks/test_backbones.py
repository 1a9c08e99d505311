"""Networks by name: taken apart so that the blocks in turn are the whole; weights that fit and those that don't."""

import builtins
import sys
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from burnish.tasks.backbones import PACKAGED, Mean, open_backbone, taken_apart
from burnish.tasks.findings import InputError

IMAGE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Small(nn.Module):
    """Laid out as a network of timm's: a stem, a list of stages, a last norm and a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.blocks = nn.Sequential(nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU()), nn.Sequential(nn.Conv2d(5, 6, 3)))
        self.norm = nn.BatchNorm2d(6)
        self.pool = Mean()
        self.fc = nn.Identity()
        self.pretrained_cfg = {
            "input_size": (3, 16, 16), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2), "classifier": "fc",
        }  # fmt: skip

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.pool(self.norm(self.blocks(self.stem(images)))))


class Crossing(Small):
    """Does more than to call its modules in turn."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(images) + images.mean()


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> list:
    asked = []

    def create_model(name: str, *, pretrained: bool, num_classes: int) -> nn.Module:
        asked.append((name, pretrained, num_classes))
        if name != "small":
            raise RuntimeError(f"Unknown model ({name})")
        return Small()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    return asked


@pytest.mark.parametrize(("network", "blocks"), [(Small(), 3), (Crossing(), 1)])
def test_blocks_in_turn_are_the_whole_or_it_stays_one(network: nn.Module, blocks: int) -> None:
    whole = network.eval()(IMAGE)
    made = taken_apart(network, IMAGE, whole)
    assert len(made) == blocks
    assert torch.allclose(made(IMAGE), whole)


def test_the_packaged_network_is_what_its_package_computes() -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    made = open_backbone()
    assert (made.name, made.side, made.width, len(made.blocks), made.packaged) == (PACKAGED, 224, 1280, 8, True)
    assert package is not None
    image = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = made.blocks(image)
    assert features.shape == (1, 1280)
    assert torch.isfinite(features).all()


def test_a_name_of_timms_comes_with_its_levels_and_weights(timm: list) -> None:
    made = open_backbone("small")
    assert (made.side, made.width, made.packaged) == (16, 6, False)
    assert made.centre == pytest.approx((127.5, 102.0, 76.5))
    open_backbone("small", bare=True)
    assert timm == [("small", True, 0), ("small", False, 0)]
    with pytest.raises(InputError, match=r"'tiny', and timm cannot make it \(Unknown model"):
        open_backbone("tiny")


def test_weights_from_a_file_are_loaded_with_or_without_the_last_layer(timm: list, tmp_path) -> None:
    given = {name: torch.rand_like(value) if value.is_floating_point() else value
             for name, value in Small().state_dict().items()}  # fmt: skip
    save_file(given | {"fc.weight": torch.zeros(9, 6)}, tmp_path / "w.safetensors")
    made = open_backbone("small", tmp_path / "w.safetensors")
    assert timm == [("small", False, 0)]
    assert torch.equal(made.blocks[0][0].weight, given["stem.weight"])


def test_weights_that_do_not_fit_are_named(timm: list, tmp_path) -> None:
    right = Small().state_dict()
    path = tmp_path / "w.safetensors"
    save_file({"norm.bias": torch.zeros(7), "head.x": torch.zeros(1)}, path)
    with pytest.raises(InputError) as caught:
        open_backbone("small", path)
    assert f"{len(right) - 2} missing" in str(caught.value)
    assert "1 unknown (head.x), 1 of another shape (norm.bias)" in str(caught.value)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(InputError, match=r"is no safetensors file .* which is never loaded\): convert it with"):
        open_backbone("small", path)
    with pytest.raises(InputError, match=r"absent\.safetensors does not exist"):
        open_backbone("small", tmp_path / "absent.safetensors")
    with pytest.raises(InputError, match="is a folder"):
        open_backbone("small", tmp_path)


def test_weights_that_are_no_numbers_are_named(timm: list, tmp_path) -> None:
    given = Small().state_dict()
    given["stem.weight"][0, 0, 0, 0] = float("nan")
    save_file(given, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"w\.safetensors holds NaN or infinite numbers in stem\.weight"):
        open_backbone("small", tmp_path / "w.safetensors")


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name, *rest, **more):
        if name.startswith("efficientnet"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"pip install burnish\[pretrained\]"):
        open_backbone()
    with pytest.raises(InputError, match=r"'resnet50'.*pip install timm"):
        open_backbone("resnet50")
