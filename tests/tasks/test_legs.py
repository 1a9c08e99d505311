from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from burnish.tasks.folds import out_of_fold
from burnish.tasks.legs import seed_of_leg
from burnish.tasks.train import Trained, train_network
from burnish.tasks.training_recipe import Recipe

LEGS: tuple[dict[str, Any], ...] = (
    {"epochs": 3},
    {"epochs": 3, "dropout": 0.1},
    {"epochs": 2, "learning_rate": 3e-4, "label_smoothing": 0.1},
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 5)).astype(np.float32)
Y = (X[:, 0] + RNG.normal(size=400) > 0).astype(np.int64)


def trained(recipe: Recipe, **options: Any) -> Trained:
    dev = {"dev_features": X[300:], "dev_labels": Y[300:]} | options
    return train_network(X[:300], Y[:300], classes=("a", "b"), model="mlp", recipe=recipe, threads=1, **dev)


def in_legs(*legs: dict[str, Any]) -> Recipe:
    return replace(Recipe(), legs=tuple(Recipe().leg(knobs) for knobs in legs))


def test_legs_are_what_training_on_from_the_weights_of_the_leg_before_gives() -> None:
    whole, start, losses = trained(in_legs(*LEGS), seed=3), None, []
    for place, knobs in enumerate(LEGS):
        leg = trained(Recipe().leg(knobs), start=start, seed=seed_of_leg(3, place))
        start = leg.network.state_dict()
        losses += leg.history["dev_loss"].tolist()
    assert whole.history["dev_loss"].tolist() == losses
    assert whole.history["epoch"].tolist() == list(range(1, 9))
    assert start is not None and all(
        torch.equal(start[name], each) for name, each in whole.network.state_dict().items()
    )
    assert "3 legs" in whole.how


def test_a_leg_that_makes_dev_worse_is_undone() -> None:
    good, bad = in_legs(LEGS[0]), in_legs(LEGS[0], {"epochs": 2, "learning_rate": 30.0})
    kept, undone = trained(good, seed=1), trained(bad, seed=1)
    assert undone.history["dev_loss"].iloc[3:].min() > kept.history["dev_loss"].min()
    for name, each in kept.network.state_dict().items():
        assert torch.equal(undone.network.state_dict()[name], each)
    assert undone.best_epoch == kept.best_epoch


def test_without_dev_every_leg_is_kept_and_progress_counts_on() -> None:
    seen: list[int] = []
    alone = trained(in_legs(*LEGS), dev_features=None, dev_labels=None, progress=lambda epoch, *_: seen.append(epoch))
    assert seen == list(range(1, 9)) and alone.best_epoch == 8


def test_the_folds_train_in_legs_side_by_side_and_no_copy_hears_of_its_own_labels() -> None:
    recipe = in_legs(*LEGS)
    told = out_of_fold(X, Y, classes=("a", "b"), model="mlp", recipe=recipe, threads=1)
    assert told.log_loss < 0.69
    again = out_of_fold(X, Y, classes=("a", "b"), model="mlp", recipe=recipe, threads=1)
    assert np.array_equal(told.probabilities, again.probabilities)


@pytest.mark.parametrize("decay", ["none", "cosine"])
def test_a_leg_keeps_one_learning_rate_and_never_halts(decay: str) -> None:
    leg = Recipe(decay=decay, patience=1).leg({"epochs": 7})
    assert leg.decay == "none" and leg.patience == leg.epochs == 7 and not leg.legs
