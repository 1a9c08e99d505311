"""Exponentially weighted averages of a network's weights, with bias correction.

v_t = β·v_{t−1} + (1−β)·x_t starts at 0, so that early values are too small; dividing by 1 − β^t mends that (Kingma &
Ba 2015, "Adam", section 3). Averaged weights judge better than the last ones, which still jump with each mini-batch
(Polyak & Juditsky 1992). The running means of batch normalization are those of the last weights and do not fit the
averaged ones, so these are shown some batches before they judge (Izmailov et al. 2018, "Averaging weights leads to
wider optima and better generalization", section 3.2).
Known failure: with β near 1 and few steps the average lags behind; it then judges weights of long ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

SHOWN = 50  # batches after which a running mean with memory 0.9 has forgotten what it was


class WeightAverage:
    """The average of a network's weights over the steps; with β = 0 it is the last weights and costs nothing.

    Parameters
    ----------
    network : nn.Module
    beta : float
        Memory: about 1/(1−β) steps count.
    show : callable, optional
        Shows the network up to so many batches of its rows in training mode, for batch normalization to learn its
        running means anew, and says how many those were; None where it has none.
    """

    def __init__(self, network: nn.Module, beta: float, show: Callable[[int], int] | None = None) -> None:
        self.network, self.beta, self.show = network, beta, show
        self.restart()

    def restart(self) -> None:
        """Forget all steps, for instance where the weights were set back."""
        self.steps = 0
        self.sums = [torch.zeros_like(each) for each in self.network.parameters()] if self.beta else []

    def update(self) -> None:
        """Take in the weights after a step."""
        if not self.beta:
            return
        self.steps += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.sums, list(self.network.parameters()), 1 - self.beta)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Lend the network its averaged weights."""
        if not self.steps:
            yield
            return
        own = [each.detach().clone() for each in self._values()]
        self.settle()
        try:
            yield
        finally:
            with torch.no_grad():
                for value, before in zip(self._values(), own, strict=True):
                    value.copy_(before)

    def settle(self) -> None:
        """Give the network its averaged weights for good."""
        if not self.steps:
            return
        with torch.no_grad():
            for total, weight in zip(self.sums, self.network.parameters(), strict=True):
                weight.copy_(total / (1 - self.beta**self.steps))
            if self.show is not None:
                self.network.train()
                left = SHOWN
                while left > 0:
                    left -= self.show(left)

    def _values(self) -> Iterator[Tensor]:
        """Give weights and running means."""
        yield from self.network.parameters()
        yield from self.network.buffers()
