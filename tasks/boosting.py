"""Gradient boosting as a witness beside the network, for tables: out-of-fold class probabilities from trees.

Histogram gradient boosting (Friedman 2001; scikit-learn's, after LightGBM, Ke et al. 2017) reads the columns as they
are (`tree_columns`). On tables with jumps and interactions it is often ahead of a network (Grinsztajn, Oyallon &
Varoquaux 2022). As the model itself it is in `tree_training`.

Boosting memorises wrong labels sooner or later, so the number of trees is chosen as `folds` chooses epochs: all folds
grow together, and the smallest log loss of the out-of-fold predictions, pooled over all rows, decides for all of them.
Trees are added in steps of a quarter, as the loss is flat about its minimum.

The same seed gives the same bytes, on any number of threads.
Known failure: time grows with rows × columns × classes (`boosting_fits` says where it is too long); text is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.dealing import assign_folds
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.folds import OutOfFold, held_out_log_loss
from burnish.tasks.train import check_weights
from burnish.tasks.tree_columns import fit_tree_encoder
from burnish.tasks.tree_training import CELLS_OF_ONE_THREAD, LEARNING_RATE, RIDGE

TREES = tuple(int(10 * 1.25**step) for step in range(18))  # a class: 10, 12, 15, 19, ..., 355, 444
PATIENCE = 3  # steps without a smaller loss: twice the best number of trees
MOST_WORK = 10_800_000  # cells × trees a step, 24 ns each: five folds of 100 to 180 steps are two to four minutes
WORK_OF_A_TREE = 50_000  # cells that cost as much as a tree does however few the rows: 0.6 to 2.3 ms with the refits

LEFT_OUT = Finding(
    code="mislabels.boosting",
    title="Gradient boosting was not asked about the labels: the table is too large for it",
    severity="info",
    explanation="Its time grows with rows × columns × classes; here it would take longer than a few minutes a round.",
    method=f"(rows × columns + {WORK_OF_A_TREE:,}) × trees a step against {MOST_WORK:,}",
    advice="Ask it all the same with `mislabels.model: boosting`, or learn from fewer columns.",
)


def boosting_fits(rows: int, columns: int, classes: int) -> bool:
    """Tell whether boosting takes minutes rather than hours.

    Examples
    --------
    >>> boosting_fits(32_561, 14, 2), boosting_fits(1_000_000, 14, 2), boosting_fits(2_100, 6, 300)
    (True, False, False)
    """
    trees = 1 if classes == 2 else classes
    return (rows * columns + WORK_OF_A_TREE) * trees <= MOST_WORK


def boost_out_of_fold(
    frame: pd.DataFrame,
    labels: NDArray[np.int64],
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    learn_from: Sequence[str],
    classes: Sequence[str],
    folds: int = 5,
    groups: NDArray[Any] | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> OutOfFold:
    """Predict every row by trees that did not see it.

    Parameters
    ----------
    frame : DataFrame of n rows
        The attributes as given, but for treated outliers.
    labels : int64 (n,)
        The labels to learn from, −1 = missing: predicted, not learnt from.
    weights : float (n,), optional
        s(i); a row of weight 0 is predicted, not learnt from.
    learn_from : sequence of str
        Columns to learn from.
    classes : sequence of str
        Names of the classes; the columns of the result.
    folds, groups, seed
        See `dealing.assign_folds`; equal ones give the folds of `folds.out_of_fold`.
    threads : int, optional
        CPU threads of large tables; by default all.

    Returns
    -------
    OutOfFold

    Examples
    --------
    >>> frame = pd.DataFrame({"colour": ["red"] * 40 + ["blue"] * 40})
    >>> made = boost_out_of_fold(frame, np.repeat([0, 1], 40), learn_from=["colour"], classes=("a", "b"))
    >>> made.probabilities.argmax(axis=1).tolist() == [0] * 40 + [1] * 40
    True
    """
    from threadpoolctl import threadpool_limits

    labels = np.asarray(labels, np.int64)
    weights = check_weights(weights, len(labels))
    if not ((labels >= 0) & (weights > 0)).any():
        raise InputError("no example has both a label and a weight above 0: nothing can be learnt")
    fold, note = assign_folds(labels, folds=folds, groups=groups, seed=seed)
    encoder = fit_tree_encoder(frame, learn_from, labels >= 0)
    cells = encoder.transform(frame)
    growers = [
        _Grower.plant(cells, encoder.categorical, rows, labels, weights, seed)
        for rows in (np.flatnonzero((fold >= 0) & (fold != own) & (weights > 0)) for own in range(int(fold.max()) + 1))
    ]
    best: tuple[float, int, NDArray[np.float32]] | None = None
    stale = 0
    with threadpool_limits(threads if cells.size > CELLS_OF_ONE_THREAD else 1, user_api="openmp"):
        for trees in TREES:
            made = _grow(growers, trees, cells, fold, len(classes))
            loss = held_out_log_loss(made, labels, weights)
            stale = 0 if best is None or loss < best[0] else stale + 1
            best = (loss, trees, made) if stale == 0 or best is None else best
            if stale == PATIENCE:
                break
    assert best is not None
    return OutOfFold(best[2], None, fold, "boosting", best[1], best[0], note)


@dataclass(frozen=True)
class _Grower:
    """The trees of one fold and the rows they learn from."""

    model: Any  # None where all rows are of one class
    x: NDArray[np.float64]
    y: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def plant(
        cls,
        cells: NDArray[np.float64],
        categorical: NDArray[np.bool_],
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        weights: NDArray[np.float32],
        seed: int,
    ) -> _Grower:
        from sklearn.ensemble import HistGradientBoostingClassifier

        cells = cells[rows]
        cells[:, np.isnan(cells).all(axis=0)] = 0.0  # scikit-learn wants one value at least in each column
        several = len(np.unique(labels[rows])) > 1
        model = HistGradientBoostingClassifier(
            learning_rate=LEARNING_RATE,
            l2_regularization=RIDGE,
            categorical_features=categorical,
            early_stopping=False,
            warm_start=True,
            random_state=seed,
        )
        return cls(model if several else None, cells, labels[rows], weights[rows])

    def grow(self, trees: int) -> None:
        """Add trees until there are so many a class."""
        if self.model is not None:
            self.model.set_params(max_iter=trees).fit(self.x, self.y, sample_weight=self.weights)

    def predict(self, values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Give probabilities (n, k), mixed with the classes' shares as if these were one example more."""
        shares = np.bincount(self.y, minlength=k) + 0.5
        said = np.zeros((len(values), k))
        if self.model is None:
            said += shares / shares.sum()
        elif len(values):
            said[:, self.model.classes_] = self.model.predict_proba(values)
        return (said * len(self.y) + shares / shares.sum()) / (len(self.y) + 1)


def _grow(
    growers: Sequence[_Grower], trees: int, values: NDArray[np.float64], fold: NDArray[np.int64], k: int
) -> NDArray[np.float32]:
    """Grow all folds and predict (n, k): each row by the trees of its own fold, unlabelled ones by all."""
    made = np.zeros((len(fold), k), np.float32)
    unlabelled = fold < 0
    for own, grower in enumerate(growers):
        grower.grow(trees)
        made[fold == own] = grower.predict(values[fold == own], k)
        made[unlabelled] += (grower.predict(values[unlabelled], k) / len(growers)).astype(np.float32)
    return made
