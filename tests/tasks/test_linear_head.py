import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict

from burnish.tasks import descent
from burnish.tasks.findings import InputError
from burnish.tasks.folds import out_of_fold
from burnish.tasks.linear_head import fit_linear
from burnish.tasks.models import build_network
from burnish.tasks.train import network_of
from burnish.tasks.training_recipe import Recipe


def classes_in_a_line(rows=400, width=5, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=generator)
    y = (
        x @ torch.randn(width, classes, generator=generator) * 2 + torch.randn(rows, classes, generator=generator)
    ).argmax(1)
    return x, y


def fitted(x, y, weights=None, judge=None, copies=1, **options):
    recipe = Recipe(**options)
    classes = 3 if y.ndim == 1 else y.shape[1]
    network = network_of(recipe, "linear", x.shape[1], classes, copies=copies)
    mass = torch.ones(len(x), copies) if weights is None else weights
    history = fit_linear(network, x, y, mass, recipe, judge=judge, seed=0)
    return network.eval(), history


def test_one_stride_is_ridge_logistic_regression():
    x, y = classes_in_a_line()
    network, history = fitted(x, y, weight_decay=0.7)
    peer = LogisticRegression(C=1 / (0.7 * len(x)), tol=1e-8, max_iter=1000).fit(x, y)
    assert len(history) == 1
    np.testing.assert_allclose(torch.softmax(network(x)[0], 1).detach(), peer.predict_proba(x), atol=2e-3)


def test_weights_are_rows_given_again():
    x, y = classes_in_a_line(60)
    twice = torch.cat([torch.arange(60), torch.arange(20)])
    heavy = torch.ones(60, 1)
    heavy[:20] = 2
    one, other = fitted(x, y, heavy, weight_decay=1.0)[0], fitted(x[twice], y[twice], weight_decay=1.0)[0]
    torch.testing.assert_close(torch.softmax(one(x), 2), torch.softmax(other(x), 2), atol=5e-3, rtol=0)


def test_copies_are_fitted_as_if_each_were_alone():
    x, y = classes_in_a_line()
    halves = torch.stack([(torch.arange(400) < 200).float(), (torch.arange(400) >= 200).float()], 1)
    both = fitted(x, y, halves, copies=2, weight_decay=0.01)[0]
    for copy in range(2):
        alone = fitted(x, y, halves[:, [copy]], weight_decay=0.01)[0]
        torch.testing.assert_close(both.weights[0][copy], alone.weights[0][0], atol=1e-3, rtol=1e-3)


def test_a_row_of_weight_zero_and_another_copys_label_change_nothing():
    x, y = classes_in_a_line()
    halves = torch.stack([(torch.arange(400) < 200).float(), (torch.arange(400) >= 200).float()], 1)
    other = torch.where(torch.arange(400) == 3, (y + 1) % 3, y)
    told, retold = (fitted(x, labels, halves, copies=2)[0].weights[0] for labels in (y, other))
    assert torch.equal(told[1], retold[1])
    assert not torch.equal(told[0], retold[0])


def test_out_of_fold_loss_is_no_worse_than_the_best_of_a_grid():
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(len(y)) < 0.2, rng.integers(0, 10, len(y)), y)
    x = ((x - x.mean(0)) / x.std()).astype(np.float32)
    made = out_of_fold(x, y, classes=tuple("0123456789"), model="linear")
    peers = [
        log_loss(y, cross_val_predict(LogisticRegression(C=c, max_iter=500), x, y, method="predict_proba"))
        for c in (0.03, 0.003)
    ]
    assert made.log_loss < min(peers) * 1.005


def test_the_stride_to_the_least_loss_is_kept():
    x, y = classes_in_a_line()
    losses, seen = iter([1.0, 0.8, 0.6, 0.7, 0.5, 9.0]), []

    def judge(network, share):
        seen.append((network.weights[0].detach().clone(), share))
        return next(losses), 0.0

    network, history = fitted(x, y, judge=judge)
    assert history["dev_loss"].tolist() == [1.0, 0.8, 0.6, 0.7, 0.5]
    assert torch.equal(network.weights[0], seen[4][0])
    np.testing.assert_allclose([share for _, share in seen[:4]], [1, 4, 16, 64])


def test_epochs_are_strides_at_most():
    x, y = classes_in_a_line()
    assert len(fitted(x, y, judge=lambda *_: (0.5, 0.0), epochs=1)[1]) == 1
    assert len(fitted(x, y, epochs=2, weight_decay=1e-4)[1]) == 2


@pytest.mark.parametrize("loss", ["generalized", "logistic"])
def test_other_losses_learn_the_classes(loss):
    x, y = classes_in_a_line()
    network, history = fitted(x, y, loss=loss, weight_decay=1e-3)
    assert (network(x)[0].argmax(1) == y).float().mean() > 0.8
    assert history["train_loss"].is_monotonic_decreasing


def test_soft_labels_of_one_class_are_labels():
    x, y = classes_in_a_line()
    hard, soft = fitted(x, y)[0], fitted(x, torch.nn.functional.one_hot(y, 3).float())[0]
    torch.testing.assert_close(hard.weights[0], soft.weights[0], atol=1e-4, rtol=1e-3)


def test_too_wide_for_the_gram_still_learns(monkeypatch):
    monkeypatch.setattr(descent, "WIDEST", 2)
    x, y = classes_in_a_line()
    assert (fitted(x, y)[0](x)[0].argmax(1) == y).float().mean() > 0.8


def test_features_that_say_nothing_give_the_class_shares():
    y = torch.tensor([0, 0, 0, 1, 2, 2])
    said = torch.softmax(fitted(torch.zeros(6, 2), y)[0](torch.zeros(1, 2))[0, 0], 0)
    torch.testing.assert_close(said, torch.tensor([3 / 6, 1 / 6, 2 / 6]), atol=1e-3, rtol=0)


def test_few_rows_and_separable_classes_stay_finite():
    x, y = load_breast_cancer(return_X_y=True)
    x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)[:12]
    made = out_of_fold(x, y[:12], classes=("m", "b"), folds=2, model="linear")
    assert np.isfinite(made.probabilities).all()


def test_features_that_are_no_numbers_are_refused():
    x, y = classes_in_a_line()
    x[0, 0] = np.nan
    with pytest.raises(InputError, match="features"):
        fit_linear(build_network("linear", 5, 3), x, y, torch.ones(400, 1), Recipe(), judge=None, seed=0)
