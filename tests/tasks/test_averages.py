import numpy as np
import torch

from burnish.tasks.averages import WeightAverage
from burnish.tasks.fitting import fit
from burnish.tasks.models import build_network
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
