"""Boosted trees as plain arrays: what scikit-learn's histogram gradient boosting has learnt, walked by NumPy alone.

A fitted `HistGradientBoostingClassifier` is taken apart into the arrays of its nodes (`take_trees`), so that it can be
kept without a pickle. A row goes left where its cell is at most the threshold, or its code is among those that go left;
a missing cell, or a code that the model never met, goes where the split sends missing cells. Scores are added up tree
after tree in float64, in scikit-learn's order, so they are the fitted model's to the last bit.

Known failure: the arrays are read from private attributes of scikit-learn (1.7 to 1.9 were looked at); a test compares
the scores, so another layout fails there and not in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from torch import Tensor

CODES = 256  # categories a split can tell apart
PAIRS = 1 << 21  # row × tree pairs walked at once


@dataclass(frozen=True)
class Trees:
    """Boosted trees.

    Attributes
    ----------
    feature, left, right : int32 (nodes,)
        The column a node looks at and its children, numbered over all trees; a leaf is its own child.
    threshold, value : float64 (nodes,)
        The largest number that goes left; what a leaf adds to the score.
    missing_left : bool (nodes,)
        Where a missing cell goes.
    codes : int32 (nodes,)
        Row of `goes_left` of a categorical split, −1 elsewhere.
    goes_left : bool (splits, 256)
        For each code whether it goes left.
    roots : int32 (steps, scores)
        The first node of each tree.
    baseline : float64 (scores,)
        What scores begin with; one score for two classes, else one a class.
    labels : int64 (classes met,)
        Which classes there were in training.
    """

    feature: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    codes: NDArray[np.int32]
    goes_left: NDArray[np.bool_]
    roots: NDArray[np.int32]
    baseline: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def leaves(self) -> int:
        """Number of leaves, which is what was fitted."""
        return int((self.left == np.arange(len(self.left))).sum())

    def staged_scores(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the raw scores of cells (n, d) after each step, (steps + 1, n, scores); the first is the baseline."""
        steps, scores = self.roots.shape
        added = self._leaf_values(cells).reshape(steps, scores, len(cells)).transpose(0, 2, 1)
        return np.cumsum(np.concatenate([np.broadcast_to(self.baseline, (1, *added.shape[1:])), added]), axis=0)

    def scores(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the raw scores of cells (n, d), float64 (n, scores)."""
        rows = max(1, PAIRS // max(self.roots.size, 1))
        parts = [self.staged_scores(cells[start : start + rows])[-1] for start in range(0, len(cells), rows)]
        return np.concatenate(parts) if parts else np.empty((0, self.roots.shape[1]))

    def predict(self, cells: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Give class probabilities (n, k) of cells (n, d); a class that training never met has probability 0."""
        return self.probabilities(self.scores(cells), k)

    def probabilities(self, scores: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Turn raw scores (n, scores) into class probabilities (n, k)."""
        made = np.zeros((len(scores), k))
        if len(self.labels) == 2:
            second = expit(scores[:, 0])
            made[:, self.labels] = np.stack([1 - second, second], axis=1)
        else:
            made[:, self.labels] = softmax(scores, axis=1)
        return made

    def cut(self, steps: int) -> Trees:
        """Keep the first steps only, and none of the nodes that only later ones have."""
        kept = self.roots[:steps]
        end = int(self.roots[steps, 0]) if steps < len(self.roots) else len(self.left)
        splits = int(self.codes[:end].max(initial=-1)) + 1
        nodes = {name: getattr(self, name)[:end] for name in NODES}
        return Trees(**nodes, goes_left=self.goes_left[:splits], roots=kept, baseline=self.baseline, labels=self.labels)

    def tensors(self) -> dict[str, Tensor]:
        """Give all arrays, for safetensors."""
        return {each.name: torch.from_numpy(np.ascontiguousarray(getattr(self, each.name))) for each in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> Trees:
        """Make the trees from what `tensors` gave."""
        return cls(**{each.name: tensors[each.name].numpy() for each in fields(cls)})

    def check(self, columns: int, classes: int) -> None:
        """Refuse arrays that are no trees over so many columns: a walk over them would go astray or never end.

        Raises
        ------
        ValueError
        """
        count = len(self.left)
        own = np.arange(count)
        fits = all(getattr(self, name).shape == (count,) for name in NODES)
        if not fits or self.roots.ndim != 2 or self.goes_left.shape[1:] != (CODES,) or self.goes_left.dtype != np.bool_:
            raise ValueError("the arrays of its trees do not belong together")
        leaf = (self.left == own) & (self.right == own)
        forward = (self.left > own) & (self.right > own) & (self.left < count) & (self.right < count)
        within = (
            (leaf | forward).all(),
            _inside(self.feature, 0, columns),
            _inside(self.codes, -1, len(self.goes_left)),
            _inside(self.roots, 0, count),
            _inside(self.labels, 0, classes),
            len(self.baseline) == self.roots.shape[1] == (1 if len(self.labels) == 2 else len(self.labels)),
        )
        if not all(within):
            raise ValueError("its trees point outside themselves")

    def _leaf_values(self, cells: NDArray[np.float64]) -> NDArray[np.float64]:
        """Walk every row down every tree, and give what its leaf says, (trees, n)."""
        rows, width = cells.shape
        flat = np.ascontiguousarray(cells).ravel()
        at = np.repeat(self.roots.ravel(), rows)
        walking = np.flatnonzero(self.left[at] != at)
        while len(walking):
            node = at[walking]
            cell = flat[(walking % rows) * width + self.feature[node]]
            goes = np.where(np.isnan(cell), self.missing_left[node], cell <= self.threshold[node])
            split = self.codes[node]
            coded = np.flatnonzero((split >= 0) & ~np.isnan(cell))
            goes[coded] = self.goes_left[split[coded], cell[coded].astype(np.int64)]
            node = np.where(goes, self.left[node], self.right[node])
            at[walking] = node
            walking = walking[self.left[node] != node]
        return self.value[at].reshape(-1, rows)


NODES = ("feature", "left", "right", "threshold", "value", "missing_left", "codes")


def take_trees(model: Any) -> Trees:
    """Take a fitted `HistGradientBoostingClassifier` apart.

    Parameters
    ----------
    model : HistGradientBoostingClassifier
        Fitted on an array of cells, with a boolean mask as `categorical_features` or none, on class codes.

    Returns
    -------
    Trees
        That read cells with the columns in the order the model was given them, and codes as it was given them.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> x, y = np.arange(60.0)[:, None], np.repeat([0, 1], 30)
    >>> model = HistGradientBoostingClassifier(max_iter=5).fit(x, y)
    >>> bool((take_trees(model).scores(x)[:, 0] == model.decision_function(x)).all())
    True
    """
    columns, levels = _as_given(model)
    steps = [list(step) for step in model._predictors]
    parts = [_nodes(tree, columns, levels) for step in steps for tree in step]
    sizes = np.array([len(part["left"]) for part in parts])
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    splits = np.concatenate([[0], np.cumsum([len(part["goes_left"]) for part in parts])[:-1]])
    for part, start, before in zip(parts, first, splits, strict=True):
        part["left"] = (part["left"] + start).astype(np.int32)
        part["right"] = (part["right"] + start).astype(np.int32)
        part["codes"] = np.where(part["codes"] >= 0, part["codes"] + before, -1).astype(np.int32)
    together = {name: np.concatenate([part[name] for part in parts]) for name in (*NODES, "goes_left")}
    return Trees(
        **together,
        roots=first.astype(np.int32).reshape(len(steps), -1),
        baseline=np.asarray(model._baseline_prediction, dtype=np.float64).ravel(),
        labels=np.asarray(model.classes_, dtype=np.int64),
    )


def _inside(numbers: NDArray[Any], low: int, end: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= low and numbers.max() < end)


def _as_given(model: Any) -> tuple[NDArray[np.int64], dict[int, NDArray[np.float64]]]:
    """Give the given column of each of the model's own, and the codes that its categories were given as.

    The model puts categorical columns first and numbers their categories anew.
    """
    count = int(model.n_features_in_)
    if model.is_categorical_ is None:
        return np.arange(count), {}
    mask = np.asarray(model.is_categorical_)
    columns = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
    known = model._preprocessor.named_transformers_["encoder"].categories_ if mask.any() else []
    return columns, {place: np.asarray(codes, dtype=np.float64) for place, codes in enumerate(known)}


def _nodes(tree: Any, columns: NDArray[np.int64], levels: dict[int, NDArray[np.float64]]) -> dict[str, NDArray[Any]]:
    """Give the arrays of one tree, its nodes numbered from 0."""
    nodes = tree.nodes
    own = np.arange(len(nodes))
    leaf, coded = nodes["is_leaf"].astype(bool), nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool)
    missing = nodes["missing_go_to_left"].astype(bool)
    goes = np.zeros((int(coded.sum()), CODES), dtype=bool)
    for row, node in enumerate(np.flatnonzero(coded)):
        known = levels[int(nodes["feature_idx"][node])]
        known = known[~np.isnan(known)]
        left = _bits(tree.raw_left_cat_bitsets[nodes["bitset_idx"][node]])
        goes[row] = missing[node]
        goes[row, known.astype(np.int64)] = left[: len(known)]
    return {
        "feature": np.where(leaf, 0, columns[np.where(leaf, 0, nodes["feature_idx"])]).astype(np.int32),
        "left": np.where(leaf, own, nodes["left"]),
        "right": np.where(leaf, own, nodes["right"]),
        "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
        "value": nodes["value"].astype(np.float64),
        "missing_left": missing,
        "codes": np.where(coded, np.cumsum(coded) - 1, -1),
        "goes_left": goes,
    }


def _bits(words: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Read 8 words of 32 bits, the lowest first, as 256 truths."""
    return ((words[:, None] >> np.arange(32, dtype=np.uint32)) & 1).astype(bool).ravel()
