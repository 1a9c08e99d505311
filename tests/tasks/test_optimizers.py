import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from burnish.tasks.fitting import fit
from burnish.tasks.models import build_network
from burnish.tasks.optimizers import OPTIMIZERS, bound_weights, clip_gradients, make_optimizer
from burnish.tasks.training_recipe import Recipe


def data(rows=256, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=generator)
    return x, (x[:, 0] + x[:, 1] > 0).long()


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_each_learns_at_its_usual_rate(name):
    x, y = data()
    network = build_network("mlp", 4, 2, hidden=(16,), dropout=0.0)
    fit(network, x, y, torch.ones(256, 1), Recipe(epochs=40, optimizer=name), judge=None, seed=0)
    assert (network.eval()(x)[0].argmax(1) == y).float().mean() > 0.9


def test_only_weight_matrices_decay():
    network = build_network("mlp", 4, 2, hidden=(16,), batch_norm=True)
    decayed, rest = make_optimizer(network, "adamw", weight_decay=0.1).param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert {each.shape for each in decayed["params"]} == {weight.shape for weight in network.weights}
    assert len(decayed["params"]) + len(rest["params"]) == len(list(network.parameters()))


def test_gradients_are_clipped_copy_by_copy_as_torch_clips_one_network():
    network = build_network("mlp", 4, 2, hidden=(3,), copies=2)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        parameter.grad[1] *= 1e-3
    alone = [torch.nn.Parameter(each.detach()[0].clone()) for each in network.parameters()]
    for one, parameter in zip(alone, network.parameters(), strict=True):
        one.grad = parameter.grad[0].clone()
    small = [parameter.grad[1].clone() for parameter in network.parameters()]
    clip_gradients(list(network.parameters()), 0.5)
    clip_grad_norm_(alone, 0.5)
    for one, little, parameter in zip(alone, small, network.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad[0], one.grad)
        assert torch.equal(parameter.grad[1], little)


def test_max_norm_bounds_each_unit_and_leaves_shorter_ones():
    weight = torch.nn.Parameter(torch.tensor([[[3.0, 0.3], [4.0, 0.4]]]))
    bound_weights([weight], 1.0)
    torch.testing.assert_close(weight.detach(), torch.tensor([[[0.6, 0.3], [0.8, 0.4]]]))


def test_clip_and_max_norm_reach_the_training():
    x, y = data()
    network = build_network("mlp", 4, 2, hidden=(16,), dropout=0.0)
    recipe = Recipe(epochs=30, optimizer="sgd", learning_rate=1.0, clip=0.5, max_norm=0.7)
    fit(network, x, y, torch.ones(256, 1), recipe, judge=None, seed=0)
    assert network.weights[0].norm(dim=1).max() <= 0.7 + 1e-5
    assert (network.eval()(x)[0].argmax(1) == y).float().mean() > 0.9
