"""The trees that are kept: those of scikit-learn at the step with the smallest weighted dev loss."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss

from burnish.tasks.findings import InputError
from burnish.tasks.tree_training import RIDGE, WITHOUT_DEV, train_trees

CLASSES = ("m", "b")


def named(x):
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])])


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x, y = x[order], y[order].astype(np.int64)
    return named(x), np.where(np.arange(len(y)) < 380, y, -1), np.arange(380, len(y)), y


def train(frame, labels, weights=None, **options):
    return train_trees(
        frame, labels, weights, **{"learn_from": list(frame), "classes": CLASSES, "threads": 1} | options
    )


def test_the_best_step_by_weighted_dev_loss(cancer):
    frame, labels, dev, y = cancer
    rng = np.random.default_rng(0)
    noisy = np.where((labels >= 0) & (rng.random(len(y)) < 0.2), 1 - labels, labels)
    weights, believed = rng.random(len(y)) + 0.1, rng.random(len(dev))
    trained = train(frame, noisy, weights, dev=dev, dev_labels=y[dev], dev_weights=believed)
    history = trained.history
    assert list(history.columns) == ["epoch", "train_loss", "dev_loss", "dev_error"]
    assert trained.best_epoch == history["dev_loss"].argmin() + 1 < len(history)
    assert history["train_loss"].is_monotonic_decreasing
    said = trained.predict(frame.iloc[dev])
    best = history.iloc[trained.best_epoch - 1]
    assert best["dev_loss"] == pytest.approx(log_loss(y[dev], said, sample_weight=believed), rel=1e-6)
    wrong = said.argmax(axis=1) != y[dev]
    assert best["dev_error"] == pytest.approx(np.average(wrong, weights=believed), rel=1e-6)
    assert trained.parameters == trained.trees.leaves > trained.best_epoch


def test_without_dev_it_is_scikit_learn_with_a_ridge(cancer):
    frame, labels, _, y = cancer
    rows = labels >= 0
    model = HistGradientBoostingClassifier(early_stopping=False, l2_regularization=RIDGE, random_state=0)
    coarse = train(frame, labels)
    model.fit(coarse.encoder.transform(frame)[rows], y[rows])
    np.testing.assert_array_equal(coarse.predict(frame), model.predict_proba(coarse.encoder.transform(frame)))
    assert coarse.best_epoch == WITHOUT_DEV


def test_rows_without_weight_teach_nothing(cancer):
    frame, labels, dev, y = cancer
    half = np.arange(len(y)) % 2 == 0
    given = {"dev": dev, "dev_labels": y[dev]}
    left = train(frame, np.where(half, labels, -1), **given)
    weighed = train(frame, np.where(half | (labels < 0), labels, 1 - labels), half.astype(float), **given)
    np.testing.assert_array_equal(left.predict(frame), weighed.predict(frame))


def test_the_scale_of_the_weights_tells_nothing(cancer):
    frame, labels, dev, y = cancer
    weights, given = 0.5 + np.arange(len(y)) % 3, {"dev": dev, "dev_labels": y[dev]}
    small, large = (train(frame, labels, scale * weights, **given) for scale in (1 / 64, 64))
    np.testing.assert_array_equal(small.predict(frame), large.predict(frame))


def test_several_classes_one_never_met():
    x, y = load_wine(return_X_y=True)
    frame, dev = named(x), np.flatnonzero(np.arange(len(y)) % 4 == 0)
    labels = np.where(np.isin(np.arange(len(y)), dev), -1, y)
    judged = y[dev].copy()
    judged[0] = 3
    made = train(frame, labels, dev=dev, dev_labels=judged, classes=("a", "b", "c", "d")).predict(frame)
    assert (made.argmax(axis=1) == y)[dev].mean() > 0.9 and (made[:, 3] == 0).all()


def test_same_trees_on_any_number_of_threads(cancer, monkeypatch):
    monkeypatch.setattr("burnish.tasks.tree_training.CELLS_OF_ONE_THREAD", 0)
    frame, labels, dev, y = cancer
    made = [
        train(frame, labels, dev=dev, dev_labels=y[dev], seed=3, threads=threads).predict(frame).tobytes()
        for threads in (1, 2)
    ]
    assert made[0] == made[1]


def test_refuses(cancer):
    frame, labels, *_ = cancer
    with pytest.raises(InputError, match="fewer than two classes"):
        train(frame, np.where(labels == 1, 1, -1))
    with pytest.raises(InputError, match="finite numbers"):
        train(frame, labels, np.full(len(labels), -1.0))
