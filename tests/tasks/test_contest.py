"""Dev chooses by weighted log loss, and says how far the others are behind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import log_loss

from burnish.tasks.contest import rank_models


def said(rows, k, seed):
    made = np.random.default_rng(seed).random((rows, k)) + 0.05
    return made / made.sum(axis=1, keepdims=True)


@given(st.integers(0, 10**6), st.integers(2, 4))
def test_losses_are_scikit_learns_and_the_best_is_first(seed, k):
    rng = np.random.default_rng(seed)
    labels, weights = np.append(np.arange(k), rng.integers(0, k, 40)), rng.random(40 + k) + 0.01
    models = {name: said(40 + k, k, seed + place) for place, name in enumerate("abc")}
    scores = rank_models(models, labels, weights)
    for score in scores:
        assert score.log_loss == pytest.approx(log_loss(labels, models[score.model], sample_weight=weights), rel=1e-6)
        assert score.error == pytest.approx((models[score.model].argmax(axis=1) != labels).mean())
        assert score.behind == pytest.approx(score.log_loss - scores[0].log_loss, abs=1e-9)
        assert score.low <= score.behind <= score.high
    assert [score.behind for score in scores] == sorted(score.behind for score in scores)


def test_the_interval_is_the_paired_one():
    labels = np.random.default_rng(0).integers(0, 2, 300)
    models = {"a": said(300, 2, 1), "b": said(300, 2, 2)}
    best, other = rank_models(models, labels)
    rows = np.arange(300)
    apart = np.log(models[best.model][rows, labels]) - np.log(models[other.model][rows, labels])
    low, high = stats.norm.interval(0.95, apart.mean(), apart.std() / np.sqrt(300))
    assert (other.low, other.high) == pytest.approx((low, high), abs=1e-6)


def test_rows_without_label_or_weight_do_not_count():
    labels = np.array([0, 1, -1, 1])
    models = {"a": said(4, 2, 0), "b": said(4, 2, 1)}
    weights = np.array([1.0, 2.0, 5.0, 0.0])
    some = {name: made[:2] for name, made in models.items()}
    assert rank_models(models, labels, weights) == rank_models(some, labels[:2], weights[:2])


def test_certain_and_wrong_is_still_a_number():
    scores = rank_models({"a": np.array([[1.0, 0.0]]), "b": np.array([[0.5, 0.5]])}, np.array([1]))
    assert scores[0].model == "b" and np.isfinite(scores[1].log_loss)
