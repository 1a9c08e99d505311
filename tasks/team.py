"""Several processes that train one network together, each on a device of its own.

Every process goes through the same batches in the same order and takes every k-th row of each. The loss of its part is
Σ share(i)·L(i) over its rows, divided by the rows of the whole batch; the gradients are added up over the processes
(`torch.nn.parallel.DistributedDataParallel`, which takes their mean, hence the factor k), so that together they are the
gradient of J = Σ s(i)·L(i) / Σ s(i) on the whole batch, however the weights fall to the processes. What is decided on
the way, such as when to stop, the first process decides for all.

Known failure: batch normalization reads the rows of its own process alone (Hoffer et al. 2017, "ghost batch norm"), and
each process draws its own moves and dropout: weights are the same in all processes, but not those that one process
alone would have found. Where one process runs out of memory all of them end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from burnish.tasks.findings import InputError


@dataclass(frozen=True)
class Team:
    """The processes that train together; alone it is one.

    Attributes
    ----------
    rank, size : int
        Which process this is, from 0, and how many there are. `torch.distributed` joins them already.
    """

    rank: int = 0
    size: int = 1

    def share(self, batch: Tensor) -> Tensor:
        """Give this process's rows of a batch.

        >>> Team(1, 2).share(torch.tensor([5, 6, 7])).tolist(), Team().share(torch.tensor([5, 6])).tolist()
        ([6], [5, 6])
        """
        return batch[self.rank :: self.size]

    def batches(self, rows: Tensor, size: int) -> tuple[Tensor, ...]:
        """Cut rows into batches of nearly equal size, each with a row at least for every process.

        Raises
        ------
        InputError
            Where there are more processes than rows.
        """
        if len(rows) < self.size:
            raise InputError(f"{self.size} processes cannot share {len(rows)} images: start fewer")
        return torch.tensor_split(rows, max(1, min(-(-len(rows) // size), len(rows) // self.size)))

    def joined(self, network: nn.Module) -> nn.Module:
        """Give a network whose gradients are the mean over all processes; alone, the network itself."""
        return network if self.size == 1 else DistributedDataParallel(network, broadcast_buffers=False)

    def total(self, value: Tensor) -> Tensor:
        """Give the sum over all processes."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def agree(self, *numbers: float, device: torch.device) -> tuple[float, ...]:
        """Give the numbers of the first process."""
        if self.size == 1:
            return numbers
        said = torch.tensor(numbers, dtype=torch.float64, device=device)
        distributed.broadcast(said, 0)
        return tuple(said.tolist())

    def align(self, network: nn.Module) -> None:
        """Give every process the running means of the first."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


ALONE = Team()
