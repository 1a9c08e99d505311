"""A network that reads images, its optimizer, and the rows it learns from; several may learn at once.

The images lie on the device once, as uint8, or are sent to it batch by batch (`device_rows`); the networks of an
out-of-fold pass hold numbers of rows, not rows. On a CPU these networks are trained at once, each on one thread: the
threads of one network wait for each other after every layer, and on a busy machine ten times longer than they work.

Loss, optimizers, decays and averages are those of `fitting`. Known failure: a single network keeps one core of a CPU
busy, not all; images that do not fit into the device's memory are sent once for each network of an out-of-fold pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from burnish.tasks.averages import WeightAverage
from burnish.tasks.convnet_plans import Plan
from burnish.tasks.decays import decay_factor
from burnish.tasks.device_rows import Rows, Streamed, hold
from burnish.tasks.fitting import checked_loss, limited_threads
from burnish.tasks.losses import weighted_loss
from burnish.tasks.optimizers import OPTIMIZERS
from burnish.tasks.team import ALONE, Team

PREDICTED = 4  # batches at once where nothing is learnt
APART = 1_000_003  # between the seeds of processes that train together

T = TypeVar("T")
Judge = Callable[[], tuple[float, float]]


def hold_images(pixels: NDArray[np.uint8], device: torch.device) -> Rows:
    """Give rows of pixels (n, s, s, c) as (m, c, s, s) on the device: held there where they fit, else sent."""
    return hold(pixels, device, _channels_first)


def send_images(pixels: NDArray[np.uint8], device: torch.device) -> Rows:
    """Give rows of pixels as `hold_images`, each sent when it is asked for: where every image is needed once."""
    return Streamed(pixels, device, _channels_first)


def _channels_first(images: Tensor) -> Tensor:
    return images.permute(0, 3, 1, 2)


class Learner:
    """One network with its optimizer and the rows it learns from.

    Parameters
    ----------
    network : nn.Module
        On the device of the images, which it turns into scores (1, n, k).
    images : Rows of uint8 (n, c, s, s)
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
    team : Team
        The processes that train this network together.
    parts : sequence of (nn.Module, float), optional
        What is trained of it, each part at a share of the learning rate; by default all of it, at the rate.
    """

    def __init__(
        self,
        network: nn.Module,
        images: Rows,
        labels: Tensor,
        rows: Tensor,
        weights: Tensor,
        plan: Plan,
        seed: int,
        number: int = 0,
        team: Team = ALONE,
        parts: Sequence[tuple[nn.Module, float]] | None = None,
    ) -> None:
        self.network, self.images, self.labels, self.rows = network, images, labels, rows
        self.plan, self.number, self.team = plan, number, team
        self.joined = team.joined(network)
        strength = weights[rows]
        self.shares = weights / strength.mean().clamp(min=torch.finfo(weights.dtype).tiny)
        self.order = torch.Generator().manual_seed(seed + number)
        self.noise = torch.Generator(device=images.device).manual_seed(seed + number + APART * team.rank)
        self.optimizer = _optimizer(parts or [(network, 1.0)], plan)
        self.average = WeightAverage(network, plan.recipe.average, self._show if _reads_batches(network) else None)
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
        batches = self.team.batches(self._shuffled(), self.plan.batch)
        parts = [self.team.share(batch) for batch in batches]
        for number, (part, images) in enumerate(zip(parts, self.images.batches(parts), strict=True)):
            self._set_rate(self.done + number / len(batches))
            total += self._step(part, images, len(batches[number]))
        self.done += 1
        self.team.align(self.network)
        return checked_loss(float(self.team.total(total)) / len(self.rows), self.plan.rate, self.plan.recipe)

    def sizes(self) -> list[int]:
        """Give how many rows of each batch of an epoch this process has."""
        return [len(self.team.share(batch)) for batch in self.team.batches(self.rows, self.plan.batch)]

    def _shuffled(self) -> Tensor:
        return self.rows[torch.randperm(len(self.rows), generator=self.order).to(self.rows.device)]

    def _show(self, most: int) -> int:
        """Show the network up to so many batches; give how many."""
        parts = [self.team.share(batch) for batch in self.team.batches(self._shuffled(), self.plan.batch)[:most]]
        for images in self.images.batches(parts):
            self.network(images, self.noise, self.plan.moves)
        self.team.align(self.network)
        return len(parts)

    def _set_rate(self, done: float) -> None:
        plan = self.plan
        rate = plan.rate * decay_factor(plan.decay, done, rate=plan.recipe.decay_rate, epochs=plan.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]

    def _step(self, part: Tensor, images: Tensor, batch: int) -> Tensor:
        """Take a step on this process's part of a batch of so many rows; give the part's Σ share·L."""
        recipe = self.plan.recipe
        loss = weighted_loss(
            self.joined(images, self.noise, self.plan.moves),
            self.labels[part],
            self.shares[part][:, None],
            recipe.label_smoothing,
            loss=recipe.loss,
            q=recipe.q,
        )[0]
        self.optimizer.zero_grad()
        torch.autograd.backward(loss * (self.team.size * len(part) / batch))
        if recipe.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimizer.step()
        if recipe.max_norm is not None:
            _bound(self.network, recipe.max_norm)
        self.average.update()
        return loss.detach() * len(part)

    def log_probabilities(self, rows: Tensor) -> Tensor:
        """Give log probabilities (m, k) of some rows."""
        return log_probabilities(self.network, self.images, rows, self.plan.batch * PREDICTED)

    def heeded(self, judge: Judge) -> tuple[float, float]:
        """Give the (loss, error) that the first process finds, so that all go on or stop together."""
        loss, error = self.team.agree(*judge(), device=self.images.device)
        return loss, error

    def keep(self) -> None:
        """Remember the weights as they are now, running means of the batches included."""
        self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}

    def restore(self) -> None:
        """Go back to the weights that were kept last, where some were."""
        if self.best is not None:
            self.network.load_state_dict(self.best)


def log_probabilities(network: nn.Module, images: Rows, rows: Tensor, at_once: int) -> Tensor:
    """Give log probabilities float32 (m, k) of rows of the images, so many at a time."""
    network.eval()
    with torch.no_grad():
        scores = [network(some)[0] for some in images.batches(torch.split(rows, at_once))]
    return torch.log_softmax(torch.cat(scores), 1)


def side_by_side(work: Callable[[Learner], T], learners: Sequence[Learner], threads: int | None) -> list[T]:
    """Do something with each network: on a CPU with several at once, each on one thread."""
    if learners[0].images.device.type != "cpu":
        return [work(learner) for learner in learners]

    def on_one_thread(learner: Learner) -> T:
        with limited_threads(1):
            return work(learner)

    at_once = 1 if learners[0].team.size > 1 else threads or torch.get_num_threads()  # one order in all processes
    with ThreadPoolExecutor(min(at_once, len(learners))) as pool:
        return list(pool.map(on_one_thread, learners))


def _reads_batches(network: nn.Module) -> bool:
    """Tell whether a network learns running means of its batches while it trains."""
    network.train()
    return any(isinstance(layer, nn.BatchNorm2d) and layer.training for layer in network.modules())


def _optimizer(parts: Sequence[tuple[nn.Module, float]], plan: Plan) -> torch.optim.Optimizer:
    """Make the optimizer of parts, each with its share of the rate; what is one number a channel does not decay."""
    method, groups = OPTIMIZERS[plan.recipe.optimizer], []
    for part, share in parts:
        for decay, whole in ((plan.recipe.weight_decay, True), (0.0, False)):
            some = [one for one in part.parameters() if (one.numel() > max(one.shape)) == whole]
            if some:
                groups.append({"params": some, "weight_decay": decay, "share": share})
    return method.make(groups, lr=plan.rate, **method.switches)


def _bound(network: nn.Module, most: float) -> None:
    """Scale the incoming weights of each channel down to the length `most`; those of the classes stay."""
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.copy_(torch.renorm(layer.weight, 2, 0, most))
