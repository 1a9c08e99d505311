"""A network's layers fused by torch.compile, where that pays: on a GPU with CUDA graphs, each launched as a whole.

To compile takes about as long as to train on tens of thousands of small images, so nothing is compiled on belief. The
second epoch is timed (the first warms up); where as slow a rest would take longer than `PAYS`, the layers are compiled
and tried on a batch, forward and backward. Where that fails, for want of a compiler or of what it knows, training goes
on as before and says so; likewise where the second epoch after it is no faster.

Random draws (moves, dropout) stay outside of what is compiled, so that they are the same. Sums come in another order:
weights differ in their last digits, and with `auto` the clock decides whether they do. On a CPU `auto` never compiles.
Known failure: what fails only in the midst of training, after it was tried, ends the run. No figure was taken on a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter

import torch

from burnish.tasks.convnet import ConvNet
from burnish.tasks.findings import Finding
from burnish.tasks.memory import is_full
from burnish.tasks.moves import Moves

ASKED = ("auto", "always", "never")
PAYS = 120.0  # seconds that the epochs to come would take
TIMED = 2  # the epoch that is timed; compiled is before the next one
TRIES = 3  # of each size of batch: CUDA graphs warm up, record, and replay


def compiled_findings(note: str, before: Sequence[Finding]) -> list[Finding]:
    """Say what became of fusing layers, where there is something to say that was not said before.

    >>> [each.title for each in compiled_findings("its layers were fused", [])]
    ['The convolution network: its layers were fused']
    """
    found = Finding("training.compiled", f"The convolution network: {note}", "info")
    return [found] if note and found not in before else []


class Compiling:
    """Decides between epochs whether the networks' layers run compiled.

    Parameters
    ----------
    asked : str
        ``"auto"``, ``"always"`` (from the first epoch) or ``"never"``.

    Attributes
    ----------
    note : str
        What became of it, where there is something to say.
    """

    def __init__(self, asked: str = "never") -> None:
        self.asked, self.note = asked, ""
        self.seconds: list[float] = []
        self.fused: list[ConvNet] = []

    def before_epoch(self, networks: Sequence[torch.nn.Module], left: int, sizes: Sequence[int]) -> None:
        """Compile, or undo it, as the epochs so far suggest.

        Parameters
        ----------
        networks : sequence of nn.Module
            Those that learn side by side; only convolution networks are compiled.
        left : int
            Epochs to come.
        sizes : sequence of int
            Of the batches to come.
        """
        own = [network for network in networks if isinstance(network, ConvNet)]
        done = len(self.seconds)
        if own and done == (0 if self.asked == "always" else TIMED) and self._pays(own[0], left):
            self._compile(own, sizes)
        elif self.asked == "auto" and self.fused and done == TIMED + 2 and self.seconds[-1] >= self.seconds[TIMED - 1]:
            self.undo()
            self.note = "torch.compile made training no faster, and was undone"

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time an epoch."""
        began = perf_counter()
        yield
        self.seconds.append(perf_counter() - began)

    def undo(self) -> None:
        """Have the networks run as they are."""
        for network in self.fused:
            network.fused = None
        self.fused = []

    def _pays(self, network: ConvNet, left: int) -> bool:
        if self.asked == "auto":
            return network.scale.is_cuda and left * self.seconds[-1] > PAYS
        return self.asked == "always"

    def _compile(self, networks: Sequence[ConvNet], sizes: Sequence[int]) -> None:
        try:
            for network in networks:
                self.fused.append(network)
                network.fused = torch.compile(network.trunk, mode="reduce-overhead" if network.scale.is_cuda else None)
                _try(network, sizes)
            self.note = "its layers were fused by torch.compile"
        except Exception as error:  # compilers fail in many ways, none of which is the user's fault
            self.undo()
            if is_full(error):
                raise
            why = (str(error).strip().splitlines() or ["no reason given"])[0]
            self.note = f"torch.compile does not work here ({type(error).__name__}: {why}): trained without"


def _try(network: ConvNet, sizes: Sequence[int]) -> None:
    """Go forward and backward over blank images, and leave no trace of it in the network."""
    network.train()
    before = {name: value.clone() for name, value in network.named_buffers()}
    noise = torch.Generator(device=network.scale.device).manual_seed(0)
    try:
        for size in sorted(set(sizes)):
            blank = torch.zeros(size, network.side, network.side, network.channels, dtype=torch.uint8)
            images = blank.to(network.scale.device).permute(0, 3, 1, 2)
            for _ in range(TRIES):
                torch.autograd.backward(network(images, noise, Moves()).sum())
                network.zero_grad()
    finally:
        with torch.no_grad():
            for name, value in network.named_buffers():
                value.copy_(before[name])
