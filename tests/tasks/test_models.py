import numpy as np
import pytest
import torch
from torch import nn

from burnish.tasks.activations import ACTIVATIONS
from burnish.tasks.findings import InputError
from burnish.tasks.models import build_network


def test_linear_starts_uniform_and_has_no_hidden_layer():
    network = build_network("linear", 4, 3, hidden=(8,))
    assert network.kind == "linear"
    assert torch.equal(network(torch.randn(5, 4)), torch.zeros(1, 5, 3))


def test_copies_give_what_the_same_networks_give_one_by_one():
    network = build_network("mlp", 6, 3, hidden=(5, 4), copies=2, seed=3).eval()
    x = torch.randn(7, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for weight in network.weights:
            weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
        both = network(x)
        for copy in range(2):
            layers: list[nn.Module] = []
            for weight, bias in zip(network.weights, network.biases, strict=True):
                layer = nn.Linear(weight.shape[1], weight.shape[2])
                layer.weight.copy_(weight[copy].T)
                layer.bias.copy_(bias[copy, 0])
                layers += [layer, nn.ReLU()]
            torch.testing.assert_close(both[copy], nn.Sequential(*layers[:-1])(x))


def test_scale_centres_and_divides_by_one_number():
    network = build_network("linear", 3, 2)
    x = torch.tensor(np.random.default_rng(0).normal([1, 5, -3], [1, 10, 0.1], (500, 3)), dtype=torch.float32)
    network.set_scale(x)
    scaled = (x - network.shift) / network.scale
    assert scaled.mean(0).abs().max() < 1e-4
    assert abs(float(scaled.square().mean()) - 1) < 1e-4
    assert float(scaled[:, 1].std() / scaled[:, 2].std()) > 50
    network.set_scale(torch.ones(4, 3))
    assert float(network.scale) == 1


def test_dropout_only_in_training_and_by_the_generator():
    network = build_network("mlp", 4, 2, hidden=(64,), dropout=0.5)
    with torch.no_grad():
        network.weights[1].fill_(1.0)
    x = torch.ones(3, 4)
    network.train()
    first, second = (network(x, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, network(x, torch.Generator().manual_seed(2)))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_runs(activation):
    assert build_network("mlp", 3, 2, activation=activation)(torch.zeros(2, 3)).shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "liner"}, "did you mean 'linear'"),
        ({"activation": "relo"}, "did you mean 'relu'"),
        ({"dropout": 1.0}, "dropout"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": (0,)}, "hidden"),
    ],
)
def test_refuses_in_one_sentence(options, message):
    options = {"kind": "mlp"} | options
    with pytest.raises(InputError, match=message):
        build_network(options.pop("kind"), 3, 2, **options)


def test_serlu_keeps_a_standard_normal_signal():
    signal = torch.randn(2_000_000, generator=torch.Generator().manual_seed(0))
    out = ACTIVATIONS["serlu"](signal)
    assert abs(float(out.mean())) < 2e-3
    assert float(out.var()) == pytest.approx(1, abs=5e-3)


def test_batch_norm_is_torchs_for_each_copy():
    network = build_network("mlp", 4, 2, hidden=(3,), dropout=0.0, batch_norm=True, copies=2)
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        network.weights[1].fill_(1.0)
    trained = network.train()(x)
    for copy in range(2):
        signal = x @ network.weights[0][copy] + network.biases[0][copy]
        peer = nn.BatchNorm1d(3)
        wanted = torch.relu(peer(signal)) @ network.weights[1][copy]
        torch.testing.assert_close(trained[copy], wanted)
        torch.testing.assert_close(network.mean_0[copy, 0], peer.running_mean)
    used = network.eval()
    assert torch.equal(used(x, only=slice(1, 2))[0], used(x)[1])


def test_xavier_starts_smaller_than_he():
    he, xavier = (build_network("mlp", 300, 2, hidden=(600,), initialization=name) for name in ("he", "xavier"))
    assert float(he.weights[0].detach().std()) == pytest.approx((2 / 300) ** 0.5, rel=0.01)
    assert float(xavier.weights[0].detach().std()) == pytest.approx((2 / 900) ** 0.5, rel=0.01)


def test_the_softmax_of_logistic_outputs_is_their_sigmoid_brought_to_sum_one():
    plain, logistic = (build_network("mlp", 4, 3, hidden=(5,), output=name).eval() for name in ("softmax", "logistic"))
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for network in (plain, logistic):
            network.weights[1].copy_(torch.randn(1, 5, 3, generator=torch.Generator().manual_seed(1)))
    ones = torch.sigmoid(plain(x))
    torch.testing.assert_close(torch.softmax(logistic(x), 2), ones / ones.sum(2, keepdim=True))


def test_input_dropout_leaves_features_out():
    network = build_network("linear", 4, 2, dropout_input=0.5)
    assert network.dropout_input == 0
    network = build_network("mlp", 1, 2, hidden=(1,), dropout=0.0, dropout_input=0.5).train()
    with torch.no_grad():
        network.weights[0].fill_(1.0)
        network.weights[1].fill_(1.0)
    out = network(torch.ones(1000, 1), torch.Generator().manual_seed(0))[0, :, 0]
    assert set(out.tolist()) == {0.0, 2.0}


BLOCKS = ((1, 4), (5, 10))


def test_embedded_levels_are_vectors_before_the_first_layer():
    network = build_network("mlp", 11, 3, hidden=(6,), dropout=0.0, blocks=BLOCKS, copies=2, seed=4).eval()
    assert [tuple(each.shape) for each in network.vectors] == [(2, 3, 2), (2, 5, 3)]
    assert tuple(network.weights[0].shape) == (2, 11 - 8 + 5, 6)
    with torch.no_grad():
        network.weights[1].normal_(generator=torch.Generator().manual_seed(5))
    levels = np.random.default_rng(0).integers([3, 5], size=(9, 2))
    plain = torch.randn(9, 3, generator=torch.Generator().manual_seed(1))
    onehots = [torch.eye(size)[levels[:, column]] for column, size in enumerate((3, 5))]
    x = torch.cat([plain[:, :1], onehots[0], plain[:, 1:2], onehots[1], plain[:, 2:]], 1)
    for copy in range(2):
        vectors = [nn.Embedding.from_pretrained(each[copy].detach()) for each in network.vectors]
        looked_up = [vector(torch.from_numpy(levels[:, column])) for column, vector in enumerate(vectors)]
        rows = torch.cat([plain[:, :1], looked_up[0], plain[:, 1:2], looked_up[1], plain[:, 2:]], 1)
        hidden = torch.relu(rows @ network.weights[0][copy])
        torch.testing.assert_close(network(x)[copy], hidden @ network.weights[1][copy])
    torch.testing.assert_close(network(x, only=slice(1, 2))[0], network(x)[1])


def test_vectors_start_so_that_the_signal_is_as_large_as_without_and_linear_has_none():
    options = {"hidden": (400,), "dropout": 0.0, "seed": 1}
    embedded, plain = (build_network("mlp", 240, 2, blocks=blocks, **options) for blocks in (((0, 40), (80, 180)), ()))
    with torch.no_grad():
        for each in (embedded, plain):
            each.weights[1].fill_(1.0)
        x = torch.randn(300, 240, generator=torch.Generator().manual_seed(2))
        spreads = [float(each.eval()(x).std()) for each in (embedded, plain)]
    assert spreads[0] == pytest.approx(spreads[1], rel=0.2)
    assert not build_network("linear", 240, 2, blocks=((0, 40),)).vectors
