"""Blocks that stay as they predict, rates that shrink, maps that are those of the images."""

import numpy as np
import pytest
import torch
from tiny_backbone import WIDTH, tiny

from burnish.tasks.models import Network
from burnish.tasks.tails import SLOWER, Tail, keep_maps

PIXELS = np.random.default_rng(0).integers(0, 255, (19, 16, 16, 1), dtype=np.uint8)


def tail(depth: int = 2, **head) -> Tail:
    return Tail(torch.nn.Sequential(*list(tiny().backbone.blocks)[-depth:]), Network(WIDTH, 3, **head))


def test_blocks_predict_while_the_head_trains() -> None:
    made = tail(hidden=(4,), dropout=0.5).train()
    assert made.head.training
    assert not any(module.training for module in made.blocks.modules())


def test_each_block_learns_more_slowly_than_the_one_above() -> None:
    made = tail()
    parts = made.parts()
    assert [part for part, _ in parts] == [made.head, made.blocks[1], made.blocks[0]]
    assert [share for _, share in parts] == pytest.approx([1, 1 / SLOWER, 1 / SLOWER**2])


@pytest.mark.parametrize("above", [1, 2])
def test_kept_maps_are_those_of_the_images_and_leave_no_file(above: int, tmp_path) -> None:
    encoder = tiny()
    kept = keep_maps(encoder, PIXELS, above, device="cpu", folder=tmp_path)
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(kept, torch.cat(list(encoder.maps(PIXELS, above=above))).numpy())
    with torch.no_grad():
        scores = tail(above).eval()(torch.from_numpy(np.array(kept)))
    assert scores.shape == (1, 19, 3)
