"""The loop of networks that read images: several side by side over one set of images on the device.

What differs from `fitting`: a learning rate that follows a plan for all epochs, as it does where nothing else is asked
for (`convnet_plans`), follows it to its end, as its best epochs are its last. With another decay training ends after
as many epochs without gain as `fitting` allows in all its halts. The best weights are restored.

The same seed gives the same weights on a CPU, whatever the number of threads. Known failure: on a GPU the order of sums
may differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import pandas as pd
import torch

from burnish.tasks.compiling import Compiling
from burnish.tasks.decays import PLANS
from burnish.tasks.fitting import HALTS, LEAST_GAIN, Progress
from burnish.tasks.learners import Judge, Learner, side_by_side


def learn(
    learners: Sequence[Learner],
    *,
    judge: Judge | None,
    patience: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    compiling: Compiling | None = None,
) -> pd.DataFrame:
    """Train networks in step, epoch by epoch, and leave each with the weights of the best epoch.

    Parameters
    ----------
    learners : sequence of Learner
        With one plan.
    judge : callable, optional
        → (loss, error) of all networks together, called after each epoch; the smallest loss is kept. None: all epochs
        run, the last is kept.
    patience : int, optional
        Epochs without a gain on the judge's rows after which it ends, whatever the plan of the rate; by default only
        what has no plan ends early.
    threads : int, optional
        Of the CPU: how many networks learn at once.
    progress : callable, optional
        Called with (epoch, train_loss, dev_loss).
    compiling : Compiling, optional
        Decides whether layers are fused; by default they are not.

    Returns
    -------
    pd.DataFrame
        `epoch, train_loss, dev_loss, dev_error`; NaN for dev where there is no judge.
    """
    compiling = compiling or Compiling()
    try:
        with torch.backends.cudnn.flags(enabled=True, deterministic=True):  # a killed run ends as it would have
            rows = _epochs(
                learners, judge=judge, patience=patience, threads=threads, progress=progress, compiling=compiling
            )
    finally:
        compiling.undo()  # what is left of a batch too large would not fit beside a smaller one
    for learner in learners:
        learner.restore()
    return pd.DataFrame(rows).astype({"epoch": np.int64})


def _epochs(
    learners: Sequence[Learner],
    *,
    judge: Judge | None,
    patience: int | None,
    threads: int | None,
    progress: Progress | None,
    compiling: Compiling,
) -> list[dict[str, float]]:
    """Go through the rows again and again, as long as the judge sees a gain; give the history."""
    plan, best, stale = learners[0].plan, np.inf, 0
    if patience is None and plan.decay not in PLANS:
        patience = plan.recipe.patience * HALTS
    rows: list[dict[str, float]] = []
    for epoch in range(1, plan.epochs + 1):
        sizes = [size for learner in learners for size in learner.sizes()]
        compiling.before_epoch([each.network for each in learners], plan.epochs - epoch + 1, sizes)
        with compiling.timed():
            train_loss = float(np.mean(side_by_side(Learner.epoch, learners, threads)))
        with _judged(learners):
            loss, error = learners[0].heeded(judge) if judge else (np.nan, np.nan)
            stale = 0 if judge is None or loss < best * (1 - LEAST_GAIN) else stale + 1
            if judge is None or loss < best:
                best = loss
                for learner in learners:
                    learner.keep()
        rows.append({"epoch": epoch, "train_loss": train_loss, "dev_loss": loss, "dev_error": error})
        if progress:
            progress(epoch, train_loss, loss)
        if patience is not None and stale >= patience:
            break
    return rows


@contextmanager
def _judged(learners: Sequence[Learner]) -> Iterator[None]:
    """Lend every network its averaged weights, where weights are averaged."""
    with ExitStack() as stack:
        for learner in learners:
            stack.enter_context(learner.average.shown())
        yield
