"""New rows of a table from old ones: jitter, columns left out, rows mixed within their class.

Why: a network that never sees the same row twice learns less of it by heart; where a column is missing now and then it
leans on more than one; a row between two of a class belongs to that class.
Sources: Bishop (1995), training with noise is Tikhonov regularization; Srivastava et al. (2014), dropout on the input;
Zhang et al. (2018), mixup, here within a class, so that labels stay what they are.
Known failure: a mixed row need not be possible (a fifth of a town); classes in several islands are mixed across the
gap between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Rows = NDArray[np.int64]


def noisy_rows(
    features: Floats,
    labels: NDArray[np.integer],
    origin: Rows,
    *,
    strength: float = 0.1,
    drop: float = 0.0,
    mixup: float = 0.0,
    columns: NDArray[np.integer] | None = None,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Make changed copies of rows: mixed, then jittered, then with columns left out.

    Parameters
    ----------
    features : float (n, d)
    labels : int (n,)
    origin : int64 (m,)
        The row each copy is made of.
    strength, drop, mixup : float
        See `jitter_features`, `drop_columns` and `mix_within_class`; 0 leaves a step out.
    columns : int (d,), optional
        The column of the table that each feature was made of; such features are left out together.
    seed : int

    Returns
    -------
    float32 (m, d)

    Examples
    --------
    >>> rows = np.array([[0.0, 1.0], [0.5, 0.0], [1.0, 1.0]])
    >>> noisy_rows(rows, np.array([0, 0, 0]), np.array([2, 2]), strength=0).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    made = features[origin].astype(np.float32)
    mixing, jittering, dropping = (np.random.default_rng([seed, step]) for step in range(3))
    if mixup > 0:
        made = mix_within_class(made, features, labels, origin, mixup, mixing)
    if strength > 0:
        made = made + jitter_of(features, labels, strength) * jittering.standard_normal(made.shape, dtype=np.float32)
    if drop > 0:
        made = drop_columns(made, features.mean(axis=0, dtype=np.float64), drop, columns, dropping)
    return made


def jitter_of(features: Floats, labels: NDArray[np.integer], strength: float) -> NDArray[np.float32]:
    """Give the σ of each feature's noise: `strength` of its spread *within* the classes, so that they stay apart.

    Features of one or two values (indicators) have none.

    Examples
    --------
    >>> jitter_of(np.array([[0.0, 1.0], [5.0, 0.0], [10.0, 1.0]]), np.zeros(3, int), 0.1).round(1).astype(str).tolist()
    ['0.4', '0.0']
    """
    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.zeros((len(sizes), features.shape[1]))
    np.add.at(means, place, features)
    within = np.sqrt(np.square(features - (means / sizes[:, None])[place]).mean(axis=0, dtype=np.float64))
    continuous = np.array([len(np.unique(column)) > 2 for column in features.T], bool)
    return (strength * within * continuous).astype(np.float32)


def mix_within_class(
    made: Floats,
    features: Floats,
    labels: NDArray[np.integer],
    origin: Rows,
    alpha: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Mix each copy with another row of its class: share λ of itself, at least half, λ or 1 − λ ~ Beta(α, α)."""
    order = np.argsort(labels, kind="stable")
    classes, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.searchsorted(classes, labels[origin])
    partner = order[starts[place] + np.floor(rng.random(len(origin)) * counts[place]).astype(np.int64)]
    share = rng.beta(alpha, alpha, len(origin))
    own = np.maximum(share, 1 - share).astype(np.float32)[:, None]
    return own * made + (1 - own) * features[partner].astype(np.float32)


def drop_columns(
    made: Floats, means: Floats, share: float, columns: NDArray[np.integer] | None, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Put the mean in place of each column with probability `share`, row by row."""
    groups = np.arange(made.shape[1]) if columns is None else np.unique(columns, return_inverse=True)[1]
    left_out = rng.random((len(made), int(groups.max(initial=-1)) + 1), dtype=np.float32) < share
    return np.where(left_out[:, groups], means.astype(np.float32), made).astype(np.float32)
