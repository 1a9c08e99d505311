import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from burnish.tasks.findings import InputError
from burnish.tasks.losses import LOSSES, check_targets, example_losses, soft_targets, weighted_loss


def scores_and_labels(rows=30, classes=4, copies=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(copies, rows, classes, generator=generator, dtype=torch.float64)
    return scores, torch.randint(0, classes, (rows,), generator=generator)


def test_cross_entropy_is_scikit_learns_log_loss():
    scores, labels = scores_and_labels(copies=1)
    s = np.random.default_rng(0).random(len(labels))
    shares = torch.from_numpy(s / s.mean())[:, None]
    wanted = log_loss(labels, torch.softmax(scores[0], 1), sample_weight=s)
    assert weighted_loss(scores, labels, shares)[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_classes_are_soft_labels_of_one_class(loss, smoothing):
    scores, labels = scores_and_labels()
    hard = example_losses(scores, labels, loss=loss, label_smoothing=smoothing)
    soft = example_losses(scores, one_hot(labels, 4).double(), loss=loss, label_smoothing=smoothing)
    torch.testing.assert_close(hard, soft)
    assert hard.shape == (2, 30)


def test_generalized_lies_between_cross_entropy_and_the_absolute_error():
    scores, labels = scores_and_labels()
    said = torch.softmax(scores, 2)[:, torch.arange(30), labels]
    torch.testing.assert_close(example_losses(scores, labels, loss="generalized", q=1.0), 1 - said)
    near = example_losses(scores, labels, loss="generalized", q=1e-6)
    torch.testing.assert_close(near, example_losses(scores, labels), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(example_losses(scores, labels, loss="generalized", q=0.7), (1 - said**0.7) / 0.7)


def test_logistic_is_one_class_against_the_rest():
    scores, labels = scores_and_labels(copies=1)
    wanted = binary_cross_entropy_with_logits(scores[0], one_hot(labels, 4).double(), reduction="none").sum(1)
    torch.testing.assert_close(example_losses(scores, labels, loss="logistic")[0], wanted)


def test_soft_cross_entropy_is_a_row_of_each_class_weighted_by_its_share():
    scores, _ = scores_and_labels(copies=1)
    shares = torch.rand(30, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shares /= shares.sum(1, keepdim=True)
    parts = [cross_entropy(scores[0], torch.full((30,), c), reduction="none") * shares[:, c] for c in range(4)]
    torch.testing.assert_close(example_losses(scores, shares)[0], torch.stack(parts).sum(0))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 99))
def test_soft_targets_keep_the_quality_and_sum_to_one(rows, classes, seed):
    rng = np.random.default_rng(seed)
    labels, quality = rng.integers(-1, classes, rows), rng.random(rows)
    suggested = rng.dirichlet(np.ones(classes), rows)
    made = soft_targets(labels, quality, suggested)
    np.testing.assert_allclose(made.sum(1), 1, atol=1e-5)
    there = labels >= 0
    np.testing.assert_allclose(made[there, labels[there]], quality[there], atol=1e-6)
    np.testing.assert_allclose(made[~there], suggested[~there], atol=1e-6)
    assert made.dtype == np.float32


def test_soft_targets_are_the_suggestion_where_it_says_the_quality_itself():
    suggested = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(soft_targets(np.array([0, 0]), np.array([0.7, 0.4]), suggested), suggested, atol=1e-6)


@pytest.mark.parametrize("quality", [[1.0, 1.5], [1.0, -0.1], [1.0, np.nan]])
def test_refuses_a_quality_that_is_no_probability(quality):
    suggested = np.full((2, 2), 0.5)
    with pytest.raises(InputError, match=r"label quality of row 1 is .*: give a probability from 0 to 1"):
        soft_targets(np.array([0, 1]), np.array(quality), suggested)
    assert soft_targets(np.array([0, -1]), np.array(quality), suggested)[1].tolist() == [0.5, 0.5]


def test_refuses_a_quality_of_another_length():
    with pytest.raises(InputError, match=r"label_quality has shape \(1,\) for 2 labels"):
        soft_targets(np.array([0, 1]), np.ones(1), np.full((2, 2), 0.5))


@pytest.mark.parametrize("bad", [[[0.5, 0.6]], [[-0.5, 1.5]], [[np.nan, 1.0]], [[1.0]]])
def test_refuses_targets_that_are_no_distribution(bad):
    with pytest.raises(InputError, match="soft label"):
        check_targets(np.array(bad), 1, 2)
