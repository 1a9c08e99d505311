"""Gradient boosting as the model itself, for tables: scikit-learn's, with the same s(i), dev rows and stopping rule.

Trees are added one a class at a time; after each the log loss on dev, weighted as the network's, is measured, and the
number of trees with the smallest is kept. What is kept of them are plain arrays (`trees`), which predict on their own.

The same seed gives the same trees, on any number of threads.
Known failure: text is not read, and noisy copies of feature vectors cannot be: trees read the columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.findings import InputError
from burnish.tasks.train import check_weights
from burnish.tasks.tree_columns import TreeEncoder, fit_tree_encoder
from burnish.tasks.trees import Trees, take_trees

LEARNING_RATE = 0.1
RIDGE = 5.0  # halves what a leaf of the fewest rows says: 20 at even odds have the curvature 20 · ¼
MOST_TREES = 444  # a class
PATIENCE = 30  # trees a class without a smaller dev loss
WITHOUT_DEV = 100  # trees a class where nothing says when to stop: scikit-learn's own number
DEV_PAIRS = 1 << 21  # row × tree pairs walked at once
CELLS_OF_ONE_THREAD = 4_000_000  # with fewer, threads wait for each other longer than they work


@dataclass(frozen=True)
class TrainedTrees:
    """Boosted trees and how they came about.

    Attributes
    ----------
    trees : Trees
        Of the best step.
    encoder : TreeEncoder
        What turns a table into the cells they read.
    classes : int
        Columns of the probabilities.
    history : pd.DataFrame
        A row a step: `epoch` (trees a class), `train_loss` (J), `dev_loss` (log loss), `dev_error`.
    best_epoch : int
        The trees a class that were kept.
    seconds : float
        How long it took.
    """

    model: ClassVar[str] = "boosting"
    device: ClassVar[str] = "cpu"
    trees: Trees
    encoder: TreeEncoder
    classes: int
    history: pd.DataFrame
    best_epoch: int
    seconds: float

    @property
    def parameters(self) -> int:
        """Number of leaves."""
        return self.trees.leaves

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Give the class probabilities (n, k) of rows of a table."""
        return self.trees.predict(self.encoder.transform(frame), self.classes)


def train_trees(
    frame: pd.DataFrame,
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    dev: NDArray[np.int64] | None = None,
    dev_labels: NDArray[np.int64] | None = None,
    dev_weights: NDArray[np.floating[Any]] | None = None,
    learn_from: Sequence[str],
    classes: Sequence[str],
    threads: int | None = None,
    seed: int = 0,
) -> TrainedTrees:
    """Boost trees on weighted examples, stop on dev, keep the best number of them.

    Parameters
    ----------
    frame : DataFrame of n rows
        Training rows and dev rows.
    labels : int64 (n,)
        Index into `classes`; rows with −1 are not learnt from.
    weights : float (n,), optional
        s(i) ≥ 0; a row with weight 0 is not learnt from. Default: all 1.
    dev : int64 (m,), optional
        The rows that decide when to stop. Without them 100 trees a class are grown.
    dev_labels, dev_weights : (m,), optional
        Their labels, and how much each of them counts.
    learn_from : sequence of str
        Columns to learn from.
    classes : sequence of str
        Names of the classes.
    threads : int, optional
        CPU threads of large tables; by default all.
    seed : int
        Seed of scikit-learn.

    Returns
    -------
    TrainedTrees

    Raises
    ------
    InputError
        Where weights are negative or NaN, or fewer than two classes have a label and a weight above 0.

    Examples
    --------
    >>> frame = pd.DataFrame({"colour": ["red"] * 40 + ["blue"] * 40})
    >>> trained = train_trees(frame, np.repeat([0, 1], 40), learn_from=["colour"], classes=("a", "b"))
    >>> trained.predict(frame).argmax(axis=1).tolist() == [0] * 40 + [1] * 40
    True
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    began = perf_counter()
    s = check_weights(weights, len(labels))
    rows = np.flatnonzero((labels >= 0) & (s > 0))
    s = s / s[rows].mean() if len(rows) else s  # the ridge is of weights of mean 1
    met = np.unique(labels[rows])
    if len(met) < 2:
        raise InputError("fewer than two classes have a label and a weight above 0: boosting has nothing to tell apart")
    learnt = np.zeros(len(labels), bool)
    learnt[rows] = True
    encoder = fit_tree_encoder(frame, learn_from, learnt)
    cells = encoder.transform(frame)
    judged, judging, shares = _dev_rows(dev, dev_labels, dev_weights, met)
    stopping = len(judged) > 0
    model = HistGradientBoostingClassifier(
        learning_rate=LEARNING_RATE,
        l2_regularization=RIDGE,
        max_iter=MOST_TREES if stopping else WITHOUT_DEV,
        categorical_features=encoder.categorical,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        tol=0.0,
        random_state=seed,
    )
    x = cells[rows]
    x[:, np.isnan(x).all(axis=0)] = 0.0  # scikit-learn wants one value at least in each column
    stop = (cells[judged], judging, shares) if stopping else (x, labels[rows], s[rows])
    with threadpool_limits(threads if cells.size > CELLS_OF_ONE_THREAD else 1, user_api="openmp"):
        model.fit(x, labels[rows], s[rows], X_val=stop[0], y_val=stop[1], sample_weight_val=stop[2])
    trees = take_trees(model)
    history = _history(model, trees, cells[judged], judging, shares)
    best = int(history["dev_loss"].to_numpy().argmin()) + 1 if stopping else len(history)
    return TrainedTrees(trees.cut(best), encoder, len(classes), history, best, perf_counter() - began)


def _dev_rows(
    dev: NDArray[np.int64] | None,
    labels: NDArray[np.int64] | None,
    weights: NDArray[np.floating[Any]] | None,
    met: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Give the dev rows that count, of classes met in training, with their labels and weights."""
    if dev is None or labels is None:
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    strength = check_weights(weights, len(labels))
    counted = np.isin(labels, met) & (strength > 0)
    return dev[counted], labels[counted], strength[counted]


def _history(
    model: Any, trees: Trees, cells: NDArray[np.float64], labels: NDArray[np.int64], shares: NDArray[np.float32]
) -> pd.DataFrame:
    """Give losses and dev error after each step; scikit-learn's scores begin before the first."""
    steps = len(trees.roots)
    dev = bool(len(labels))
    return pd.DataFrame(
        {
            "epoch": np.arange(1, steps + 1),
            "train_loss": -np.asarray(model.train_score_[1:]),
            "dev_loss": -np.asarray(model.validation_score_[1:]) if dev else np.nan,
            "dev_error": _dev_errors(trees, cells, labels, shares) if dev else np.nan,
        }
    )


def _dev_errors(
    trees: Trees, cells: NDArray[np.float64], labels: NDArray[np.int64], shares: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Give the weighted share of dev rows that are misclassified after each step."""
    wrong = np.zeros(len(trees.roots))
    for some in np.array_split(np.arange(len(labels)), len(labels) * trees.roots.size // DEV_PAIRS + 1):
        scores = trees.staged_scores(cells[some])[1:]
        place = scores.argmax(axis=2) if scores.shape[2] > 1 else (scores[:, :, 0] > 0).astype(np.int64)
        wrong += (trees.labels[place] != labels[some]) @ shares[some].astype(np.float64)
    return wrong / shares.sum(dtype=np.float64)
