"""The optimizer's loop: example-weighted loss, early stopping with the best weights restored.

The loss is J = Σ s(i)·L(i) / Σ s(i) over all training rows, estimated from mini-batches as `losses` says.

Where the log loss on held-out rows has not improved by 0.01% for `patience` epochs, the best weights are restored and
the learning rate is quartered; at the third such halt training ends. Log loss and not error decides, because the
probabilities feed the search for mislabels. A decay that is a plan for all epochs (`decays.PLANS`) is not halted.

The same seed and number of threads give the same weights on a CPU. Known failure: on a GPU the order of sums may
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from burnish.tasks.averages import WeightAverage
from burnish.tasks.decays import PLANS, decay_factor
from burnish.tasks.device_features import as_rows
from burnish.tasks.device_rows import Rows
from burnish.tasks.findings import InputError
from burnish.tasks.losses import example_losses
from burnish.tasks.models import Network
from burnish.tasks.optimizers import bound_weights, clip_gradients, make_optimizer, usual_rate
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.training_rows import are_numbers

HALTS = 3
LEAST_GAIN = 1e-4
WORK_OF_ONE_THREAD = 5e8
CUT = 0.25

Judge = Callable[[Network, float], tuple[float, float]]
Progress = Callable[[int, float, float], None]
State = dict[str, Tensor]
PLAIN = Recipe()


def fit(
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
    """Train all copies of a network in place and leave it with its best weights.

    Parameters
    ----------
    network : Network
        On the device of `x`.
    x, y : (n, d), (n,) or (n, k)
        Training rows, standardized; y holds classes ≥ 0, or the share of each class.
    weights : (n, copies)
        s(i) for each copy; 0 hides a row from that copy.
    recipe : Recipe
        Optimizer and stopping.
    judge : callable, optional
        (network, share of training the epoch stands for) → (loss, error), called after each epoch; the smallest loss
        is kept. None: all epochs run, the last is kept.
    seed : int
        Order of the batches and dropout.
    progress : callable, optional
        Called with (epoch, train_loss, dev_loss).

    Returns
    -------
    pd.DataFrame
        `epoch, train_loss, dev_loss, dev_error`; NaN for dev where there is no judge.
    """
    steps = _Steps(network, as_rows(x), y, weights, recipe, seed)
    halting = judge is not None and recipe.decay not in PLANS
    best_loss, best_state, stale, cuts = np.inf, None, 0, 0
    rows: list[dict[str, float]] = []
    for epoch in range(1, recipe.epochs + 1):
        train_loss = steps.epoch()
        with steps.average.shown():
            loss, error = judge(network, 1.0) if judge else (np.nan, np.nan)
            gain = loss < best_loss * (1 - LEAST_GAIN)
            if loss < best_loss:
                best_loss, best_state = loss, _snapshot(network)
        rows.append({"epoch": epoch, "train_loss": train_loss, "dev_loss": loss, "dev_error": error})
        if progress:
            progress(epoch, train_loss, loss)
        stale = 0 if gain else stale + 1
        if halting and stale >= recipe.patience:
            cuts, stale = cuts + 1, 0
            if cuts == HALTS:
                break
            if best_state is not None:
                steps.go_back(best_state)
    if best_state is not None:
        network.load_state_dict(best_state)
    else:
        steps.average.settle()
    return pd.DataFrame(rows).astype({"epoch": np.int64})


class _Steps:
    """The mini-batches of one epoch after the other."""

    def __init__(self, network: Network, x: Rows, y: Tensor, weights: Tensor, recipe: Recipe, seed: int) -> None:
        self.network, self.x, self.y, self.recipe = network, x, y, recipe
        self.shares = mean_one(weights)
        self.size = recipe.batch_size or auto_batch_size(len(x))
        self.rate, self.done = usual_rate(recipe.optimizer, recipe.learning_rate), 0
        self.optimizer = make_optimizer(
            network, recipe.optimizer, learning_rate=self.rate, weight_decay=recipe.weight_decay
        )
        self.average = WeightAverage(network, recipe.average, self._show if network.batch_norm else None)
        self.order = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator(device=x.device).manual_seed(seed)
        self.threads = _threads(network, self.size)

    def epoch(self) -> float:
        """Go once through all rows; give the mean loss of the batches."""
        self.network.train()
        total = torch.zeros((), device=self.x.device)
        batches = self._batches()
        with limited_threads(self.threads):
            for number, (batch, rows) in enumerate(zip(batches, self.x.batches(batches), strict=True)):
                self._set_rate(self.done + number / len(batches))
                total += self._step(batch, rows)
        self.done += 1
        loss = float(total) / len(self.x)
        sound = np.isfinite(loss) or are_numbers(self.x)
        asked = usual_rate(self.recipe.optimizer, self.recipe.learning_rate)
        return checked_loss(loss, asked if sound else None, self.recipe)

    def go_back(self, state: State) -> None:
        """Take up earlier weights again, at a smaller rate."""
        self.network.load_state_dict(state)
        self.average.restart()
        self.rate *= CUT

    def _batches(self) -> Sequence[Tensor]:
        """Deal all rows into batches; with batch norm none is of one row, which would be its own mean."""
        batches = torch.split(torch.randperm(len(self.x), generator=self.order).to(self.x.device), self.size)
        if self.network.batch_norm and len(batches) > 1 and len(batches[-1]) == 1:
            return [*batches[:-2], torch.cat(batches[-2:])]
        return batches

    def _show(self, most: int) -> int:
        """Show the network up to so many batches; give how many."""
        batches = self._batches()[:most]
        with limited_threads(self.threads):
            for rows in self.x.batches(batches):
                self.network(rows, self.noise, standardized=True)
        return len(batches)

    def _set_rate(self, done: float) -> None:
        rate = self.rate * decay_factor(self.recipe.decay, done, rate=self.recipe.decay_rate, epochs=self.recipe.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _step(self, batch: Tensor, rows: Tensor) -> Tensor:
        """Take a step; give the batch's Σ share·L, in the mean over the copies.

        The gradient of J goes straight into the losses, share(i)/|B| each: that is what weights cost a step.
        """
        recipe = self.recipe
        losses = example_losses(
            self.network(rows, self.noise, standardized=True),
            self.y[batch],
            loss=recipe.loss,
            q=recipe.q,
            label_smoothing=recipe.label_smoothing,
        )
        shares = self.shares[batch].T
        self.optimizer.zero_grad()
        torch.autograd.backward(losses, shares / len(batch))
        if recipe.clip is not None:
            clip_gradients(list(self.network.parameters()), recipe.clip)
        self.optimizer.step()
        if recipe.max_norm is not None:
            bound_weights(list(self.network.weights)[:-1], recipe.max_norm)
        self.average.update()
        return (losses.detach() * shares).sum() / len(losses)


def mean_one(weights: Tensor) -> Tensor:
    """Give s(i) / s̄ of each copy, (n, copies)."""
    return weights / weights.mean(0).clamp(min=torch.finfo(weights.dtype).tiny)


def checked_loss(loss: float, rate: float | None = None, recipe: Recipe = PLAIN) -> float:
    """Refuse a loss that is no number, and name the likely knob; without a learning rate only the data can be at fault.

    A step shrinks weights by the factor 1 − rate·decay: it overshoots zero where the product is above 1, and above 2
    they grow without end. Then the larger of the two is named.

    Parameters
    ----------
    loss : float
    rate : float, optional
        The highest learning rate.
    recipe : Recipe
        `weight_decay` and `clip` are heeded.

    Raises
    ------
    InputError

    Examples
    --------
    >>> checked_loss(float("inf"), 0.1, Recipe(weight_decay=100.0))
    Traceback (most recent call last):
    burnish.tasks.findings.InputError: the training loss is no longer a number: lower train.weight_decay, now 100: \
times the learning rate of 0.1 it is above 1
    """
    if np.isfinite(loss):
        return loss
    if rate is None:
        raise InputError("the training loss is no number: look for features that are missing, infinite or huge")
    decay, clipped = recipe.weight_decay, recipe.clip is not None
    if rate * decay > 1 and decay > rate:
        fix = f"train.weight_decay, now {decay:g}: times the learning rate of {rate:g} it is above 1"
    else:
        fix = f"train.learning_rate, now {rate:g}" + ("" if clipped else ", or set train.clip: 1")
    raise InputError(f"the training loss is no longer a number: lower {fix}")


def choose_device(device: str = "auto") -> torch.device:
    """Turn a config's device into a torch device.

    Raises
    ------
    InputError
        Where the name is unknown or this machine has no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        where = torch.device(device)
        torch.empty(1, device=where)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"train.device is {device!r}, which this machine has not: use auto or cpu") from error
    return where


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Run torch on so many CPU threads, and set the former number back."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def auto_batch_size(rows: int) -> int:
    """Choose a power of two near n/64, between 32 and 1,024.

    Examples
    --------
    >>> auto_batch_size(1_000), auto_batch_size(20_000), auto_batch_size(10**7)
    (32, 256, 1024)
    """
    return int(2 ** np.clip(np.floor(np.log2(max(rows, 1) / 64)), 5, 10))


def _threads(network: Network, batch: int) -> int | None:
    """One thread for small steps: there, threads wait for each other longer than they work, worst on a busy machine."""
    work = 6 * batch * sum(parameter.numel() for parameter in network.parameters())
    return 1 if work < WORK_OF_ONE_THREAD else None


def _snapshot(network: Network) -> State:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
