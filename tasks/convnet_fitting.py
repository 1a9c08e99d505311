"""The optimizer's loop of convolution networks: several side by side over one set of images on the device.

Loss, optimizers, decays and averages are those of `fitting`. What differs: where nothing else is asked for, the
learning rate climbs to its peak and falls to nothing over all epochs (one-cycle: Smith & Topin 2018,
"Super-convergence"), so that a network of this kind is done in a sixth of the epochs; and training never halts to cut
the rate: after as many epochs without gain as `fitting` allows in all its halts it ends. The best weights are restored.

The images lie on the device once, as uint8; the networks of an out-of-fold pass hold numbers of rows, not rows. On a
CPU these networks are trained at once, each on one thread: the threads of one network wait for each other after every
layer, and on a busy machine ten times longer than they work.

The same seed gives the same weights on a CPU, whatever the number of threads. Known failure: on a GPU the order of sums
may differ; a single network keeps one core of a CPU busy, not all; the images must fit into the device's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.averages import WeightAverage
from burnish.tasks.convnet import ConvNet
from burnish.tasks.decays import decay_factor
from burnish.tasks.findings import InputError
from burnish.tasks.fitting import HALTS, LEAST_GAIN, Progress, checked_loss, limited_threads
from burnish.tasks.losses import weighted_loss
from burnish.tasks.moves import Moves
from burnish.tasks.optimizers import OPTIMIZERS, usual_rate
from burnish.tasks.training_recipe import Recipe

FASTER, FASTEST = 10.0, 0.1  # the highest rate of a one-cycle is so many times the optimizer's own, up to this
EPOCHS = 16
LEAST_SEEN = 32_000  # images seen in training at least: small sets are gone through more often
PREDICTED = 4  # batches at once where nothing is learnt

T = TypeVar("T")
Judge = Callable[[], tuple[float, float]]


@dataclass(frozen=True)
class Plan:
    """What `train:` comes to for this many images on this device.

    Attributes
    ----------
    epochs, batch : int
    rate : float
        The highest learning rate.
    decay : str
        See `decays`.
    recipe : Recipe
    moves : Moves
    """

    epochs: int
    batch: int
    rate: float
    decay: str
    recipe: Recipe
    moves: Moves


def plan(recipe: Recipe, rows: int, device: torch.device, moves: Moves) -> Plan:
    """Say how long, in what batches and at what rate `rows` images are trained on.

    Where nothing else is asked for (`decay` none), the learning rate goes through one cycle, whose peak is a learning
    rate that is given, else ten times that of the optimizer.

    Examples
    --------
    >>> made = plan(Recipe(), 4_000, torch.device("cpu"), Moves())
    >>> made.epochs, made.batch, made.rate, made.decay
    (16, 64, 0.01, 'one_cycle')
    """
    epochs = min(recipe.epochs, max(EPOCHS, -(-LEAST_SEEN // max(rows, 1))))
    decay = "one_cycle" if recipe.decay == "none" else recipe.decay
    usual = usual_rate(recipe.optimizer)
    rate = recipe.learning_rate or (max(usual, min(FASTER * usual, FASTEST)) if decay == "one_cycle" else usual)
    return Plan(epochs, recipe.batch_size or auto_batch(rows, device), rate, decay, recipe, moves)


def auto_batch(rows: int, device: torch.device) -> int:
    """Choose a power of two near n/64, between 64 and, on a CPU 128, else 512.

    Examples
    --------
    >>> auto_batch(100, torch.device("cpu")), auto_batch(10**6, torch.device("cpu"))
    (64, 128)
    """
    most = 7 if device.type == "cpu" else 9
    return int(2 ** np.clip(np.floor(np.log2(max(rows, 1) / 64)), 6, most))


def put_images(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Put pixels (n, s, s, c) on the device as uint8 (n, c, s, s), channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)


class Learner:
    """One network with its optimizer and the rows it learns from.

    Parameters
    ----------
    network : ConvNet
        On the device of the images.
    images : uint8 (n, c, s, s)
        Shared; not copied.
    labels : int64 (n,) or float32 (n, k)
        Classes, or the share of each class.
    rows : int64 (m,)
        Those learnt from.
    weights : float32 (n,)
        s(i).
    plan : Plan
    seed, number : int
        Their sum decides the order of the batches, moves and dropout; the number is that of the network among several.
    """

    def __init__(
        self,
        network: ConvNet,
        images: Tensor,
        labels: Tensor,
        rows: Tensor,
        weights: Tensor,
        plan: Plan,
        seed: int,
        number: int = 0,
    ) -> None:
        self.network, self.images, self.labels, self.rows = network, images, labels, rows
        self.plan, self.number = plan, number
        strength = weights[rows]
        self.shares = weights / strength.mean().clamp(min=torch.finfo(weights.dtype).tiny)
        self.order = torch.Generator().manual_seed(seed + number)
        self.noise = torch.Generator(device=images.device).manual_seed(seed + number)
        self.optimizer = _optimizer(network, plan)
        self.average = WeightAverage(network, plan.recipe.average)
        self.done = 0
        self.best: dict[str, Tensor] | None = None

    def epoch(self) -> float:
        """Go once through the rows in batches of nearly equal size; give J over them.

        Raises
        ------
        InputError
            Where the loss is no longer a number.
        """
        self.network.train()
        total = torch.zeros((), device=self.images.device)
        shuffled = self.rows[torch.randperm(len(self.rows), generator=self.order).to(self.rows.device)]
        batches = torch.tensor_split(shuffled, max(1, -(-len(self.rows) // self.plan.batch)))
        for number, batch in enumerate(batches):
            self._set_rate(self.done + number / len(batches))
            total += self._step(batch) * len(batch)
        self.done += 1
        return checked_loss(float(total) / len(self.rows), self.plan.rate)

    def _set_rate(self, done: float) -> None:
        plan = self.plan
        rate = plan.rate * decay_factor(plan.decay, done, rate=plan.recipe.decay_rate, epochs=plan.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _step(self, batch: Tensor) -> Tensor:
        recipe = self.plan.recipe
        loss = weighted_loss(
            self.network(self.images[batch], self.noise, self.plan.moves),
            self.labels[batch],
            self.shares[batch][:, None],
            recipe.label_smoothing,
            loss=recipe.loss,
            q=recipe.q,
        )[0]
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        if recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        if recipe.max_norm is not None:
            _bound(self.network, recipe.max_norm)
        self.average.update()
        return loss.detach()

    def log_probabilities(self, rows: Tensor) -> Tensor:
        """Give log probabilities (m, k) of some rows."""
        return log_probabilities(self.network, self.images, rows, self.plan.batch * PREDICTED)

    def keep(self) -> None:
        """Remember the weights as they are now, running means of the batches included."""
        self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def restore(self) -> None:
        """Go back to the weights that were kept last, where some were."""
        if self.best is not None:
            self.network.load_state_dict(self.best)


def learn(
    learners: Sequence[Learner],
    *,
    judge: Judge | None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Train networks in step, epoch by epoch, and leave each with the weights of the best epoch.

    Parameters
    ----------
    learners : sequence of Learner
        With one plan.
    judge : callable, optional
        → (loss, error) of all networks together, called after each epoch; the smallest loss is kept. None: all epochs
        run, the last is kept.
    threads : int, optional
        Of the CPU: how many networks learn at once.
    progress : callable, optional
        Called with (epoch, train_loss, dev_loss).

    Returns
    -------
    pd.DataFrame
        `epoch, train_loss, dev_loss, dev_error`; NaN for dev where there is no judge.
    """
    plan, best, stale = learners[0].plan, np.inf, 0
    rows: list[dict[str, float]] = []
    for epoch in range(1, plan.epochs + 1):
        train_loss = float(np.mean(side_by_side(Learner.epoch, learners, threads)))
        with _judged(learners):
            loss, error = judge() if judge else (np.nan, np.nan)
            stale = 0 if judge is None or loss < best * (1 - LEAST_GAIN) else stale + 1
            if judge is None or loss < best:
                best = loss
                for learner in learners:
                    learner.keep()
        rows.append({"epoch": epoch, "train_loss": train_loss, "dev_loss": loss, "dev_error": error})
        if progress:
            progress(epoch, train_loss, loss)
        if stale >= plan.recipe.patience * HALTS:
            break
    for learner in learners:
        learner.restore()
    return pd.DataFrame(rows).astype({"epoch": np.int64})


def log_probabilities(network: ConvNet, images: Tensor, rows: Tensor, at_once: int) -> Tensor:
    """Give log probabilities float32 (m, k) of rows of the images, so many at a time."""
    if not len(rows):
        return torch.empty(0, network.classes, device=images.device)
    network.eval()
    with torch.no_grad():
        scores = [network(images[some])[0] for some in torch.split(rows, at_once)]
    return torch.log_softmax(torch.cat(scores), 1)


def fit_in_memory(fit: Callable[[int], T], batch: int) -> tuple[T, str]:
    """Call fit(batch), with half the batch as often as the device runs out of memory.

    Returns
    -------
    what fit gave
    note : str
        A sentence where the batch was halved, else empty.

    Raises
    ------
    InputError
        Where not even one image fits.

    Examples
    --------
    >>> def fit(batch):
    ...     if batch > 100:
    ...         raise torch.OutOfMemoryError
    ...     return batch
    >>> fit_in_memory(fit, 512)
    (64, 'batches of 64 instead of 512 images: the device ran out of memory')
    """
    for size in [batch >> halvings for halvings in range(batch.bit_length())]:
        try:
            made = fit(size)
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            continue
        asked = f"batches of {size} instead of {batch} images: the device ran out of memory"
        return made, "" if size == batch else asked
    raise InputError("the device has not memory for one image: set features.image_size lower, or train.device to cpu")


def side_by_side(work: Callable[[Learner], T], learners: Sequence[Learner], threads: int | None) -> list[T]:
    """Do something with each network: on a CPU with several at once, each on one thread."""
    if learners[0].images.device.type != "cpu":
        return [work(learner) for learner in learners]

    def on_one_thread(learner: Learner) -> T:
        with limited_threads(1):
            return work(learner)

    with ThreadPoolExecutor(min(threads or torch.get_num_threads(), len(learners))) as pool:
        return list(pool.map(on_one_thread, learners))


def _optimizer(network: ConvNet, plan: Plan) -> torch.optim.Optimizer:
    """Make the optimizer; what is one number a channel does not decay."""
    parameters, method = list(network.parameters()), OPTIMIZERS[plan.recipe.optimizer]
    groups = [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": plan.recipe.weight_decay},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]
    return method.make(groups, lr=plan.rate, **method.switches)


def _bound(network: ConvNet, most: float) -> None:
    """Scale the incoming weights of each channel down to the length `most`; those of the classes stay."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(torch.renorm(layer.weight, 2, 0, most))


@contextmanager
def _judged(learners: Sequence[Learner]) -> Iterator[None]:
    """Lend every network its averaged weights, where weights are averaged."""
    with ExitStack() as stack:
        for learner in learners:
            stack.enter_context(learner.average.shown())
        yield
