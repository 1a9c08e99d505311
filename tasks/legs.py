"""Training in legs: a few epochs with some knobs, a few with others, each from the best weights so far.

What a panda search finds (`search_panda`) is such a schedule of knobs; with it a network is trained again on other
labels. A leg that does not improve the held-out log loss is taken back, and the next one starts where it did.

Known failure: the optimizer's own memory (moments) begins anew with every leg.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor

from burnish.tasks.device_rows import Rows
from burnish.tasks.fitting import Judge, Progress, fit
from burnish.tasks.models import Network
from burnish.tasks.training_recipe import Recipe


def fit_legs(
    network: Network,
    x: Tensor | Rows,
    y: Tensor,
    weights: Tensor,
    recipe: Recipe,
    *,
    judge: Judge | None,
    seed: int,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Fit all copies of a network in place, leg after leg, and leave it with its best weights.

    Parameters
    ----------
    network, x, y, weights, judge, progress
        See `fitting.fit`; without a judge every leg is kept.
    recipe : Recipe
        With `legs`.
    seed : int
        Each leg has one of its own, made of this and its place.

    Returns
    -------
    pd.DataFrame
        As `fitting.fit` gives it, over all legs.
    """
    tables: list[pd.DataFrame] = []
    best_loss, best_state = np.inf, None
    for place, leg in enumerate(recipe.legs):
        before = sum(len(table) for table in tables)
        network.dropout, network.dropout_input = leg.dropout, leg.dropout_input
        later = None if progress is None else _later(progress, before)
        table = fit(network, x, y, weights, leg, judge=judge, seed=seed_of_leg(seed, place), progress=later)
        tables.append(table.assign(epoch=table["epoch"] + before))
        if judge is None:
            continue
        loss = float(table["dev_loss"].min())
        if loss < best_loss:
            best_loss, best_state = loss, {name: value.clone() for name, value in network.state_dict().items()}
        elif best_state is not None:
            network.load_state_dict(best_state)
    return pd.concat(tables, ignore_index=True)


def seed_of_leg(seed: int, place: int) -> int:
    """Give the seed of the leg at a place; the first has the seed itself.

    >>> seed_of_leg(7, 0), seed_of_leg(7, 1) == seed_of_leg(7, 1), seed_of_leg(7, 1) == seed_of_leg(7, 2)
    (7, True, False)
    """
    return int(np.random.SeedSequence([seed, place]).generate_state(1)[0]) if place else seed


def _later(progress: Progress, before: int) -> Progress:
    return lambda epoch, train_loss, dev_loss: progress(before + epoch, train_loss, dev_loss)
