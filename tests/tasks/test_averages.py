import numpy as np
import pytest
import torch

from burnish.tasks.averages import WeightAverage
from burnish.tasks.convnet_training import train_cnn
from burnish.tasks.fitting import fit
from burnish.tasks.models import build_network
from burnish.tasks.moves import Moves
from burnish.tasks.training_recipe import Recipe


def test_the_average_is_the_corrected_sum():
    network = build_network("mlp", 2, 2, hidden=(3,))
    average, seen = WeightAverage(network, 0.8), []
    for step in range(4):
        with torch.no_grad():
            network.weights[0].fill_(float(step))
        seen.append(float(step))
        average.update()
    shares = 0.2 * 0.8 ** np.arange(3, -1, -1)
    wanted = (shares * seen).sum() / shares.sum()
    with average.shown():
        np.testing.assert_allclose(network.weights[0].detach().numpy(), wanted, rtol=1e-5)
    assert float(network.weights[0].detach().max()) == 3.0


def test_no_memory_changes_nothing():
    network = build_network("mlp", 2, 2, hidden=(3,))
    before = network.weights[0].detach().clone()
    average = WeightAverage(network, 0.0)
    average.update()
    with average.shown():
        assert torch.equal(network.weights[0], before)


def test_training_judges_and_keeps_averaged_weights():
    x = torch.randn(128, 3, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long()
    made = {}
    for beta in (0.0, 0.9):
        network, judged = build_network("mlp", 3, 2, hidden=(4,)), []

        def judge(network, _, judged=judged):
            judged.append(network.weights[0].detach().clone())
            return 1 / len(judged), 0.0

        fit(network, x, y, torch.ones(128, 1), Recipe(epochs=3, average=beta), judge=judge, seed=0)
        assert torch.equal(network.weights[0], judged[-1])
        made[beta] = judged[-1]
    assert not torch.equal(made[0.0], made[0.9])


def test_running_means_are_those_of_the_averaged_weights():
    x = 3 * torch.randn(512, 4, generator=torch.Generator().manual_seed(0)) + 5
    y = (x[:, 0] > 5).long()
    network = build_network("mlp", 4, 2, hidden=(8,), batch_norm=True, dropout=0.0)
    fit(network, x, y, torch.ones(512, 1), Recipe(epochs=4, average=0.98, learning_rate=0.05), judge=None, seed=0)
    hidden = ((x - network.shift) / network.scale) @ network.weights[0][0] + network.biases[0][0]
    np.testing.assert_allclose(network.mean_0[0, 0].numpy(), hidden.mean(0).detach().numpy(), rtol=0.1, atol=0.1)
    np.testing.assert_allclose(network.variance_0[0, 0].numpy(), hidden.var(0).detach().numpy(), rtol=0.2)


def test_running_means_of_the_last_weights_come_back():
    network = build_network("mlp", 2, 2, hidden=(3,), batch_norm=True)
    average = WeightAverage(network, 0.5, lambda most: len(network(torch.randn(8, 2))[0, :most]))
    average.update()
    before = network.mean_0.clone()
    with average.shown():
        assert not torch.equal(network.mean_0, before)
    assert torch.equal(network.mean_0, before)


def test_convolutions_take_their_running_means_anew():
    pixels = np.random.default_rng(0).integers(0, 256, (96, 8, 8, 1), np.uint8)
    labels = (pixels.mean((1, 2, 3)) > 127).astype(np.int64)
    judges = {"dev_pixels": pixels, "dev_labels": labels, "classes": ("a", "b")}
    recipe, still = Recipe(epochs=6, average=0.95, batch_size=16), Moves(0, 0, 0)
    network, seen = train_cnn(pixels, labels, **judges, recipe=recipe, moves=still).network, []
    network.stem_norm.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    with torch.no_grad():
        network(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    np.testing.assert_allclose(network.stem_norm.running_var, seen[0].var((0, 2, 3)), rtol=0.1)


@pytest.mark.parametrize(("rows", "sizes"), [(33, [33]), (34, [32, 2]), (65, [32, 33])])
def test_with_batch_norm_no_batch_is_of_one_row(rows, sizes):
    x, seen = torch.randn(rows, 2), []
    network = build_network("mlp", 2, 2, hidden=(3,), batch_norm=True)
    network._normalize = lambda signal, *_: seen.append(signal.shape[1]) or signal
    recipe = Recipe(epochs=1, batch_size=32)
    fit(network, x, torch.zeros(rows, dtype=torch.long), torch.ones(rows, 1), recipe, judge=None, seed=0)
    assert seen == sizes
