import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from burnish.tasks.findings import InputError
from burnish.tasks.fitting import checked_loss, choose_device, fit, limited_threads
from burnish.tasks.losses import weighted_loss
from burnish.tasks.models import build_network
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.training_recipe import Recipe


def scores_labels_weights(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(1, rows, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (rows,), generator=generator)
    return scores, labels, torch.rand(rows, 1, generator=generator, dtype=torch.float64) * 5


def test_loss_is_the_weighted_mean_of_cross_entropies():
    scores, labels, s = scores_labels_weights(40, 0)
    losses = cross_entropy(scores[0], labels, reduction="none")
    wanted = (s[:, 0] * losses).sum() / s.sum()
    torch.testing.assert_close(weighted_loss(scores, labels, s / s.mean()), wanted[None])


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.integers(1, 60), st.integers(0, 1000), st.sampled_from([0.0, 0.2]))
def test_batches_of_any_size_add_up_to_the_loss_and_gradient_of_the_whole(rows, size, seed, smoothing):
    scores, labels, s = scores_labels_weights(rows, seed)
    shares = s / s.mean()
    whole = scores.clone().requires_grad_()
    loss = weighted_loss(whole, labels, shares, smoothing).sum()
    loss.backward()
    parts = scores.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for batch in torch.randperm(rows, generator=torch.Generator().manual_seed(seed)).split(size):
        part = weighted_loss(parts[:, batch], labels[batch], shares[batch], smoothing).sum() * len(batch) / rows
        part.backward()
        total += part.detach()
    torch.testing.assert_close(total, loss.detach())
    torch.testing.assert_close(parts.grad, whole.grad)


def test_weight_two_is_a_row_given_twice():
    scores, labels, _ = scores_labels_weights(10, 4)
    s = torch.ones(10, 1, dtype=torch.float64)
    s[:4] = 2
    twice = torch.cat([torch.arange(10), torch.arange(4)])
    once = torch.ones(14, 1, dtype=torch.float64)
    torch.testing.assert_close(
        weighted_loss(scores, labels, s / s.mean()), weighted_loss(scores[:, twice], labels[twice], once)
    )


def data(seed=0, rows=200):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=generator)
    return x, (x[:, 0] + 0.3 * torch.randn(rows, generator=generator) > 0).long()


def test_a_copy_learns_nothing_from_rows_of_weight_zero():
    x, y = data()
    flipped = torch.where(torch.arange(200) < 100, y, 1 - y)
    weights = torch.stack([(torch.arange(200) < 100).float(), torch.ones(200)], 1)
    network = build_network("linear", 4, 2, copies=2)
    fit(network, x, flipped, weights, Recipe(epochs=40, learning_rate=0.01), judge=None, seed=0)
    agreement = (network(x).argmax(2) == y).float().mean(1)
    assert agreement[0] > 0.85
    assert agreement[0] > agreement[1] + 0.2


def test_keeps_the_weights_of_the_smallest_loss():
    x, y = data()
    losses = iter([0.9, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2])
    seen = []

    def judge(network, _):
        seen.append(network.weights[0].detach().clone())
        return next(losses), 0.0

    network = build_network("linear", 4, 2)
    history = fit(network, x, y, torch.ones(200, 1), Recipe(patience=2), judge=judge, seed=0)
    assert torch.equal(network.weights[0], seen[1])
    assert history["dev_loss"].tolist() == [0.9, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]


def test_same_seed_same_weights_and_another_seed_others():
    x, y = data()

    def weights(seed):
        network = build_network("mlp", 4, 2, hidden=(8,))
        fit(network, x, y, torch.ones(200, 1), Recipe(epochs=3), judge=None, seed=seed)
        return network.weights[1].detach()

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_leaves_the_global_generator_alone():
    x, y = data()
    before = torch.get_rng_state()
    fit(build_network("mlp", 4, 2), x, y, torch.ones(200, 1), Recipe(epochs=2), judge=None, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_a_loss_that_is_no_number_names_the_features_where_they_are_at_fault():
    x, y = data()
    x[0, 0] = np.nan
    with pytest.raises(InputError, match="missing, infinite or huge"):
        fit(build_network("linear", 4, 2), x, y, torch.ones(200, 1), Recipe(), judge=None, seed=0)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"learning_rate": 1e30}, "lower train.learning_rate, now 1e+30, or set train.clip: 1"),
        ({"learning_rate": 1e30, "clip": 1.0}, "lower train.learning_rate, now 1e+30"),
        ({"optimizer": "adam", "weight_decay": 1.0}, "lower train.learning_rate, now 0.001, or set train.clip: 1"),
        (
            {"optimizer": "sgd", "weight_decay": 1e6},
            "lower train.weight_decay, now 1e+06: times the learning rate of 0.1 it is above 1",
        ),
    ],
)
def test_a_loss_that_is_no_number_names_the_knob(knobs, said):
    recipe = Recipe(**knobs)
    with pytest.raises(InputError) as refused:
        checked_loss(float("nan"), usual_rate(recipe.optimizer, recipe.learning_rate), recipe)
    assert str(refused.value) == f"the training loss is no longer a number: {said}"


def test_a_decay_that_overshoots_is_named_where_the_network_is_trained():
    x, y = data()
    recipe = Recipe(optimizer="sgd", weight_decay=1e6, epochs=30)
    with pytest.raises(InputError, match=r"train\.weight_decay, now 1e\+06"):
        fit(build_network("mlp", 4, 2), x, y, torch.ones(200, 1), recipe, judge=None, seed=0)


def test_threads_are_set_back():
    before = torch.get_num_threads()
    with limited_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("device", ["warp", "cuda:77"])
def test_unknown_device(device):
    with pytest.raises(InputError, match="use auto or cpu"):
        choose_device(device)
