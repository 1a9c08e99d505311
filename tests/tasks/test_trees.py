"""The trees' own walk gives scikit-learn's numbers to the last bit, and refuses arrays that are no trees."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from burnish.tasks.trees import Trees, take_trees

MASK = np.array([False, True, False, True, False])


def cells(rows, seed, levels=9):
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(rows, 5))
    made[:, 1], made[:, 3] = rng.integers(0, levels, rows), rng.integers(0, 3 * levels, rows)
    made[rng.random(made.shape) < 0.15] = np.nan
    return made


def fitted(classes, seed=0, mask=MASK, trees=12):
    x, rng = cells(500, seed), np.random.default_rng(seed)
    y = (np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) % 3 + rng.normal(0, 0.3, 500)).astype(int) % classes
    model = HistGradientBoostingClassifier(categorical_features=mask, max_iter=trees, max_leaf_nodes=15)
    return model.fit(x, y, sample_weight=rng.random(500))


def decisions(model, x):
    made = model.decision_function(x)
    return made[:, None] if made.ndim == 1 else made


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(2, 5), masked=st.booleans())
def test_scores_are_those_of_scikit_learn(seed, classes, masked):
    model = fitted(classes, seed, MASK if masked else None)
    trees, x = take_trees(model), cells(300, seed + 1, levels=14)  # with levels that were never seen
    np.testing.assert_array_equal(trees.scores(x), decisions(model, x))
    np.testing.assert_array_equal(trees.predict(x, classes), model.predict_proba(x))


def test_all_columns_categorical():
    x = np.random.default_rng(0).integers(0, 6, (200, 2)).astype(float)
    model = HistGradientBoostingClassifier(categorical_features=np.array([True, True]), max_iter=5)
    model.fit(x, (x[:, 0] % 2).astype(int))
    np.testing.assert_array_equal(take_trees(model).scores(x)[:, 0], model.decision_function(x))


@pytest.mark.parametrize("classes", [2, 4])
def test_the_first_trees_alone(classes):
    trees, x = take_trees(fitted(classes)), cells(100, 5)
    staged = trees.staged_scores(x)
    assert staged.shape == (13, 100, 1 if classes == 2 else classes)
    for steps in (1, 5, 12):
        cut = trees.cut(steps)
        cut.check(5, classes)
        np.testing.assert_array_equal(cut.scores(x), staged[steps])
    assert trees.cut(3).leaves < trees.leaves


def test_parts_of_rows_make_no_difference(monkeypatch):
    trees, x = take_trees(fitted(3)), cells(200, 6)
    whole = trees.scores(x)
    monkeypatch.setattr("burnish.tasks.trees.PAIRS", 100)
    np.testing.assert_array_equal(trees.scores(x), whole)
    assert trees.scores(x[:0]).shape == (0, 3)


def test_a_class_that_training_never_met():
    x = cells(200, 0)
    model = HistGradientBoostingClassifier(max_iter=3).fit(x, np.where(np.nan_to_num(x[:, 0]) > 0, 3, 1))
    made = take_trees(model).predict(x, 5)
    assert made.shape == (200, 5) and (made[:, [0, 2, 4]] == 0).all()
    np.testing.assert_array_equal(made[:, [1, 3]], model.predict_proba(x))


def test_comes_back_from_tensors():
    trees, x = take_trees(fitted(3)), cells(50, 7)
    np.testing.assert_array_equal(Trees.from_tensors(trees.tensors()).scores(x), trees.scores(x))


def test_refuses_what_is_no_tree():
    trees = take_trees(fitted(2))
    trees.check(5, 2)
    backward = trees.right.copy()
    backward[1] = 0
    wrong = [
        replace(trees, right=backward),
        replace(trees, feature=trees.feature + 5),
        replace(trees, labels=trees.labels + 1),
        replace(trees, roots=trees.roots + len(trees.left)),
        replace(trees, goes_left=trees.goes_left[:0]),
    ]
    for each in wrong:
        with pytest.raises(ValueError, match="outside themselves"):
            each.check(5, 2)
    with pytest.raises(ValueError, match="belong together"):
        replace(trees, value=trees.value[:-1]).check(5, 2)
