"""Moved images: by how much, and mirrored only where asked."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.moves import Moves, move

STILL = Moves(shift=0, rotation=0, scale=0)


def gradient(count: int = 64, side: int = 8) -> torch.Tensor:
    """Images that grow brighter from left to right."""
    return torch.arange(float(side)).expand(count, 1, side, side).contiguous()


@given(st.integers(1, 5), st.sampled_from([1, 3]), st.integers(4, 12))
def test_shape_and_range_stay(count: int, channels: int, side: int) -> None:
    images = torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))
    moved = move(images, Moves(mirror=True), torch.Generator().manual_seed(1))
    assert moved.shape == images.shape
    assert moved.min() >= images.min() - 1e-6
    assert moved.max() <= images.max() + 1e-6


def test_nothing_is_mirrored_unless_asked() -> None:
    torch.testing.assert_close(move(gradient(), STILL), gradient())
    moved = move(gradient(), Moves(), torch.Generator().manual_seed(0))
    assert (moved[..., -1].mean((1, 2)) > moved[..., 0].mean((1, 2))).all()


def test_every_second_image_is_mirrored_where_asked() -> None:
    moved = move(gradient(), Moves(0, 0, 0, mirror=True), torch.Generator().manual_seed(0))
    flipped = (moved == gradient().flip(3)).all(dim=(1, 2, 3))
    torch.testing.assert_close(moved[~flipped], gradient()[~flipped])
    assert 16 <= int(flipped.sum()) <= 48


def test_a_shift_is_in_pixels_of_its_share() -> None:
    moved = move(gradient(), Moves(shift=0.25, rotation=0, scale=0), torch.Generator().manual_seed(0))
    by = (moved - gradient())[:, 0, 4, 3:5].mean(1)
    assert 1.5 < float(by.abs().max()) <= 2.0


def test_the_same_generator_gives_the_same_moves() -> None:
    once, again = (move(gradient(), Moves(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, move(gradient(), Moves(), torch.Generator().manual_seed(4)))


@pytest.mark.parametrize("mirror", [False, True])
def test_a_flat_image_stays_flat(mirror: bool) -> None:
    flat = torch.full((3, 3, 8, 8), 7.0)
    torch.testing.assert_close(move(flat, Moves(mirror=mirror)), flat)
