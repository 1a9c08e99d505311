"""The encoder: grey and colour, maps and the blocks above them, what is saved of it and what comes back."""

import numpy as np
import pytest
import torch
from tiny_backbone import tiny

from burnish.tasks import pretrained
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.pretrained import PretrainedEncoder, encoding, pretrained_encoder

PIXELS = np.random.default_rng(0).integers(0, 255, (11, 20, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_blocks_above_the_maps_give_the_features(above: int) -> None:
    encoder = tiny()
    maps = torch.cat(list(encoder.maps(PIXELS, above=above)))
    with torch.no_grad():
        features = encoder.backbone.blocks[3 - above :](maps)
    np.testing.assert_allclose(features.numpy(), encoder.transform(PIXELS), atol=1e-6)


def test_no_images_give_no_features() -> None:
    assert tiny().transform(PIXELS[:0]).shape == (0, 12)
    assert len(tiny().names) == 12


def test_it_computes_on_the_device_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(pretrained, "choose_device", lambda device: torch.device({"auto": "cuda"}.get(device, device)))
    monkeypatch.setattr(PretrainedEncoder, "transform", lambda _, rows, device="none": seen.append(device))
    for device in ("auto", "cpu"):
        encoding(tiny(), device)(PIXELS)
    assert seen == ["cuda", "cpu"]
    assert encoding(PixelEncoder(20, 3), "auto")(PIXELS) is PIXELS


def test_convolutions_are_whole_and_the_setting_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, seen = tiny(), []
    before = torch.backends.cudnn.allow_tf32
    encoder.backbone.blocks[0].register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.allow_tf32))
    for _ in encoder.maps(PIXELS):
        assert torch.backends.cudnn.allow_tf32 == before
        assert torch.is_grad_enabled()
    assert seen == [False, False]


@pytest.mark.parametrize(
    ("packaged", "tuned", "kept"), [(True, 0, set()), (True, 1, {"2"}), (False, 0, {"0", "1", "2"})]
)
def test_what_the_name_does_not_bring_back_is_saved(
    packaged: bool, tuned: int, kept: set, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tiny(packaged=packaged)
    before = PretrainedEncoder(before.backbone, 20, 3, tuned)
    if tuned:
        torch.nn.init.normal_(before.backbone.blocks[-1][0].weight)
    tensors = before.tensors()
    assert {name.split(".")[0] for name in tensors} == kept
    monkeypatch.setattr(pretrained, "open_backbone", lambda name, bare: tiny(0 if packaged else 9).backbone)
    after = PretrainedEncoder.from_dict(before.to_dict(), tensors)
    assert after.transform(PIXELS).tobytes() == before.transform(PIXELS).tobytes()
    assert after.to_dict() == before.to_dict()
    with pytest.raises(ValueError, match="not those of tiny"):
        PretrainedEncoder.from_dict(before.to_dict(), tensors | {"9.x": torch.zeros(1)})


def test_the_packaged_network_reads_grey_and_colour() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    encoder = pretrained_encoder()
    grey = PIXELS[:2, :, :, :1]
    features = encoder.transform(grey)
    assert features.shape == (2, 1280) == (2, len(encoder.names))
    np.testing.assert_allclose(features, encoder.transform(grey.repeat(3, axis=3)), atol=1e-4)
    assert encoder.most == 7
