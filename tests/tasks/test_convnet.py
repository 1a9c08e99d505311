"""The network alone: shapes, first predictions, scale, and what it is rebuilt from."""

import pytest
import torch

from burnish.tasks import convnet
from burnish.tasks.convnet import ConvNet
from burnish.tasks.findings import InputError
from burnish.tasks.moves import Moves


def images(count: int = 4, channels: int = 1, side: int = 8) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("side", [8, 15, 16, 17, 28, 33, 64])
@pytest.mark.parametrize("size", ["lean", "wide"])
def test_first_predictions_are_uniform_at_any_side(side: int, size: str) -> None:
    network = ConvNet(side, 3, 5, size=size).eval()
    with torch.no_grad():
        scores = network(images(2, 3, side))
    assert scores.shape == (1, 2, 5)
    assert not scores.any()


@pytest.mark.parametrize(("capability", "can"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_old_gpus_do_not_compute_in_halves(
    capability: tuple[int, int], can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    convnet.has_bfloat16.cache_clear()
    assert convnet.has_bfloat16(torch.device("cuda")) == can
    assert not convnet.has_bfloat16(torch.device("cpu"))
    convnet.has_bfloat16.cache_clear()


def test_images_that_are_too_small_are_refused() -> None:
    with pytest.raises(InputError, match="7 px"):
        ConvNet(7, 1, 2)


def test_the_scale_is_that_of_the_rows_it_saw() -> None:
    network = ConvNet(8, 3, 2)
    given = images(50, 3)
    network.set_scale(given)
    values = (given.float() - network.shift) / network.scale
    torch.testing.assert_close(values.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.square().mean(), torch.ones(()))
    network.set_scale(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    assert network.scale == 1


def test_a_seed_gives_its_weights_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = ConvNet(8, 1, 2, seed=1), ConvNet(8, 1, 2, seed=1), ConvNet(8, 1, 2, seed=2)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(one.stem.weight, same.stem.weight)
    assert not torch.equal(one.stem.weight, other.stem.weight)
    assert not torch.equal(one.stem.weight, ConvNet(8, 1, 2, initialization="xavier", seed=1).stem.weight)


def test_it_is_rebuilt_from_plain_values() -> None:
    network = ConvNet(17, 3, 4, size="wide", dropout=0.1, activation="elu", output="logistic", seed=3)
    again = ConvNet.from_dict(network.architecture(), 4)
    again.load_state_dict(network.state_dict())
    given = images(3, 3, 17)
    with torch.no_grad():
        assert torch.equal(network.eval()(given), again.eval()(given))


def test_one_against_the_rest_gives_log_sigmoids_out_of_training() -> None:
    network = ConvNet(8, 1, 2, output="logistic").eval()
    with torch.no_grad():
        torch.testing.assert_close(network(images()).exp(), torch.full((1, 4, 2), 0.5))


def test_moves_and_dropout_are_of_training_alone() -> None:
    network = ConvNet(8, 1, 2, dropout=0.5)
    torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        still = network.eval()(images(), torch.Generator().manual_seed(0), Moves())
        assert torch.equal(still, network(images()))
        assert not torch.equal(network.train()(images(), torch.Generator().manual_seed(0), Moves()), still)


def test_a_mirrored_network_says_the_same_of_both_sides():
    images = torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = ConvNet(8, 3, 4, seed=1).eval()
    both = ConvNet(8, 3, 4, seed=1, mirrored=True).eval()
    for network in (plain, both):
        torch.nn.init.normal_(network.head.weight, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        said = both(images)
        torch.testing.assert_close(said, both(images.flip(3)))
        torch.testing.assert_close(said, (plain(images) + plain(images.flip(3))) / 2)
        assert not torch.allclose(said, plain(images))
        torch.testing.assert_close(both.train()(images), plain.train()(images))
    assert ConvNet.from_dict(both.architecture(), 4).mirrored
    assert not ConvNet.from_dict({"kind": "cnn", "side": 8, "channels": 3}, 4).mirrored  # a model saved before
