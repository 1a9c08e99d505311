"""Boosting reads tables as they are, hears no row's own label, stops before it memorises, and knows its limits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict

from burnish.tasks.boosting import TREES, boost_out_of_fold, boosting_fits
from burnish.tasks.findings import InputError
from burnish.tasks.folds import out_of_fold
from burnish.tasks.training_recipe import Recipe

CLASSES = ("m", "b")


def named(x):
    return pd.DataFrame(x, columns=[f"c{i}" for i in range(x.shape[1])])


def boost(frame, labels, weights=None, **options):
    options = {"learn_from": list(frame), "classes": CLASSES, "threads": 1} | options
    return boost_out_of_fold(frame, labels, weights, **options)


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return named(x[:, :8]), y.astype(np.int64)


@pytest.fixture(scope="module")
def noisy(cancer):
    return np.where(np.random.default_rng(0).random(len(cancer[1])) < 0.2, 1 - cancer[1], cancer[1])


def test_near_sklearn_and_better_where_labels_are_wrong(cancer, noisy):
    frame, truth = cancer
    ours = boost(frame, noisy)
    theirs = cross_val_predict(HistGradientBoostingClassifier(), frame, noisy, method="predict_proba")
    assert ours.model == "boosting" and ours.dynamics is None
    assert ours.log_loss == pytest.approx(log_loss(noisy, ours.probabilities), abs=1e-5)
    assert ours.log_loss < log_loss(noisy, theirs) - 0.05
    assert ours.epochs in TREES and ours.epochs < 50
    assert (ours.probabilities.argmax(axis=1) == truth).mean() > 0.85


def test_folds_are_those_of_the_network(cancer):
    frame, y = cancer
    groups = np.arange(len(y)) // 3
    ours = boost(frame, y, groups=groups, seed=3)
    network = out_of_fold(
        frame.to_numpy(np.float32), y, classes=CLASSES, groups=groups, seed=3, model="linear", recipe=Recipe(epochs=1)
    )
    np.testing.assert_array_equal(ours.fold, network.fold)
    assert all(len(np.unique(ours.fold[groups == group])) == 1 for group in np.unique(groups))


def test_no_row_hears_its_own_label():
    rng = np.random.default_rng(0)
    frame, y = named(rng.normal(size=(400, 6))), rng.integers(0, 2, 400)
    assert 0.4 < (boost(frame, y).probabilities.argmax(axis=1) == y).mean() < 0.6


def test_copies_in_one_group_do_not_vouch_for_one_another():
    rng = np.random.default_rng(0)
    frame, y = named(np.repeat(rng.normal(size=(80, 4)), 5, axis=0)), np.repeat(rng.integers(0, 2, 80), 5)
    agrees = [
        (boost(frame, y, groups=groups).probabilities.argmax(axis=1) == y).mean()
        for groups in (None, np.arange(400) // 5)
    ]
    assert agrees[0] > 0.85 and agrees[1] < 0.65


def test_rows_without_label_or_weight_teach_nothing(cancer):
    frame, y = cancer
    third = np.arange(len(y)) % 3
    labels = np.where(third == 0, -1, np.where(third == 1, 1 - y, y))
    made = boost(frame, labels, (third != 1).astype(float))
    assert (made.fold[third == 0] == -1).all()
    assert (made.probabilities.argmax(axis=1) == y).mean() > 0.9
    np.testing.assert_allclose(made.probabilities.sum(axis=1), 1, atol=1e-5)


def test_same_bytes_on_any_number_of_threads(cancer, noisy, monkeypatch):
    monkeypatch.setattr("burnish.tasks.boosting.CELLS_OF_ONE_THREAD", 0)
    monkeypatch.setattr("burnish.tasks.boosting.TREES", (5, 7))
    frame = cancer[0]
    made = [boost(frame, noisy, seed=5, threads=threads).probabilities.tobytes() for threads in (1, 1, 2)]
    assert made[0] == made[1] == made[2]


def test_several_classes_and_a_class_with_one_example():
    x, y = load_wine(return_X_y=True)
    made = boost(named(x), y, classes=("a", "b", "c", "none"))
    assert (made.probabilities[:, :3].argmax(axis=1) == y).mean() > 0.93
    assert (made.probabilities > 0).all()
    few = y.copy()
    few[0] = 3
    made = boost(named(x), few, classes=("a", "b", "c", "rare"))
    assert np.isfinite(made.log_loss) and "smallest class has 1" in made.note


def test_a_fold_that_sees_one_class_only():
    frame, y = named(np.arange(4.0)[:, None]), np.array([0, 0, 0, 1])
    made = boost(frame, y, groups=np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(made.probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(0)
    n = 600
    town = rng.choice(["York", "Hull", "Leeds"], n)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    size = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "town": pd.Series(town, dtype="str").mask(rng.random(n) < 0.2),
            "day": pd.Series(day),
            "sold": pd.array(np.where(rng.random(n) < 0.1, None, size > 0), dtype="boolean"),
            "size": pd.Series(size).mask(rng.random(n) < 0.3),
            "empty": np.nan,
            "nothing": pd.Series([None] * n, dtype="str"),
            "one": 1,
        }
    )
    return frame, town, day, size


@pytest.mark.parametrize("telling", ["town", "day", "size", "sold"])
def test_every_type_of_column_teaches(mixed, telling):
    frame, town, day, size = mixed
    truth = {"town": town == "Hull", "day": day > day[300], "size": size > 0, "sold": size > 0}[telling].astype(
        np.int64
    )
    seen = frame[telling].notna().to_numpy()
    made = boost(frame, truth, learn_from=[telling, "empty", "nothing", "one"])
    assert (made.probabilities.argmax(axis=1) == truth)[seen].mean() > 0.98


def test_levels_beyond_the_histograms_are_told_by_how_common_they_are():
    rare = np.array([f"r{i:03d}" for i in range(400)])
    column = pd.Series(np.concatenate([np.repeat("often", 300), rare, rare]), dtype="str")
    frame = pd.DataFrame({"who": column})
    truth = (column != "often").to_numpy(np.int64)
    assert (boost(frame, truth).probabilities.argmax(axis=1) == truth).all()


def test_large_tables_are_left_out():
    assert boosting_fits(32_561, 14, 2)
    assert not boosting_fits(10_000_000, 14, 2)
    assert not boosting_fits(100, 5, 1_000)


def test_hundreds_of_classes_cost_a_tree_each_however_few_the_rows():
    assert not boosting_fits(2_100, 6, 300)
    for classes in range(2, 27):
        assert boosting_fits(10_000_000 // (1 if classes == 2 else classes) - 20_000, 1, classes)


def test_refuses(cancer):
    frame, y = cancer
    with pytest.raises(InputError, match="no column"):
        boost(frame, y, learn_from=[])
    with pytest.raises(InputError, match="'c9', which the model learns from"):
        boost(frame, y, learn_from=["c9"])
    with pytest.raises(InputError, match="nothing can be learnt"):
        boost(frame, np.full(len(y), -1))
