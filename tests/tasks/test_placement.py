import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from burnish.tasks.split import split

SHARES = {"train": 0.6, "dev": 0.2, "test": 0.2}


def furthest(labels: np.ndarray, parts: np.ndarray) -> float:
    counts = pd.crosstab(labels, parts).reindex(columns=list(SHARES), fill_value=0).to_numpy()
    return float(np.abs(counts - counts.sum(axis=1, keepdims=True) * np.array(list(SHARES.values()))).max())


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 9), min_size=3, max_size=5), st.integers(0, 99))
def test_as_good_as_trying_every_placement(sizes: list[int], seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    labels = np.zeros(len(groups), dtype=np.int64)
    ours = split(labels, None, groups, ratios=list(SHARES.values()), train_dev=0, seed=seed).to_numpy()
    every = (np.array(parts)[groups] for parts in itertools.product(SHARES, repeat=len(sizes)))
    best = min(furthest(labels, parts) for parts in every if len(set(parts)) == 3)
    assert furthest(labels, ours) <= best + 1e-9
    assert len(set(ours)) == 3


def test_nearer_than_stratified_group_folds() -> None:
    ratios = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        groups = rng.choice(40, 500, p=rng.dirichlet(np.ones(40)))
        labels = rng.choice(3, 500, p=[0.6, 0.3, 0.1])
        theirs = np.full(500, "train", dtype=object)
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)
        for name, (_, held) in zip(("dev", "test"), folds, strict=False):
            theirs[held] = name
        ours = split(labels, None, groups, ratios=list(SHARES.values()), train_dev=0, seed=seed).to_numpy()
        ratios.append(furthest(labels, ours) / furthest(labels, theirs))
    assert np.median(ratios) < 0.5


def test_the_last_of_a_class_stays_in_train() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 5)
    labels = np.where(groups == 7, "rare", np.where(rng.random(300) < 0.5, "a", "b"))
    parts = split(labels, None, groups)
    assert set(parts[labels == "rare"]) == {"train"}
