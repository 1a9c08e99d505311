"""A device that runs out of memory: batches halve until they fit, and it is said.

Known failure: what does not shrink with the batch (the network, its optimizer, the data) is not made smaller here.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from burnish.tasks.findings import InputError
from burnish.tasks.team import ALONE, Team

T = TypeVar("T")
FULL = (  # in what PyTorch raises as a plain RuntimeError; the last is cuDNN without room for its workspace
    "out of memory",
    "ALLOC_FAILED",
    "ALLOCATION_FAILED",
    "can't allocate memory",
    "unable to find an engine",
)
SMALLER_IMAGES = "set features.image_size lower"
SMALLER_NETWORK = "set train.hidden smaller"
LESS_DATA = "give fewer features or rows"
CPU = torch.device("cpu")


def fit_in_memory(
    fit: Callable[[int], T],
    batch: int,
    *,
    rows: str = "images",
    advice: str = SMALLER_IMAGES,
    device: torch.device = CPU,
    team: Team = ALONE,
) -> tuple[T, str]:
    """Call fit(batch), with half the batch as often as the device runs out of memory.

    Parameters
    ----------
    fit : callable
        int → anything; starts anew each time.
    batch : int
        What is tried first; 1 where there is nothing to halve.
    rows : str
        What a batch is made of, for the sentence.
    advice : str
        What to do where not even one row fits.
    device : torch.device
        The one that runs out; on any but a CPU, the CPU is advised as well.
    team : Team
        Several processes cannot halve: the others wait for the one that failed.

    Returns
    -------
    what fit gave
    note : str
        A sentence where the batch was halved, else empty.

    Raises
    ------
    InputError
        Where not even one row fits, or where one of several processes runs out of memory.

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
        except (RuntimeError, MemoryError) as error:
            if not is_full(error):
                raise
            if team.size > 1:
                who = f"process {team.rank} of {team.size}"
                raise InputError(f"{who} ran out of its device's memory: set train.batch_size below {batch}") from None
        else:
            asked = f"batches of {size} instead of {batch} {rows}: the device ran out of memory"
            return made, "" if size == batch else asked
        gc.collect()  # only here has the error let go of what it held; networks are in cycles
        torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()
    smallest = f", even for {rows} one at a time" if batch > 1 else ""
    elsewhere = "" if device.type == "cpu" else ", or set train.device to cpu"
    raise InputError(f"the device has not memory enough{smallest}: {advice}{elsewhere}")


def is_full(error: Exception) -> bool:
    """Tell whether an error says that memory, of a device or of the machine, has run out.

    Examples
    --------
    >>> is_full(torch.OutOfMemoryError()), is_full(RuntimeError("MPS backend out of memory")), is_full(RuntimeError())
    (True, True, False)
    """
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in FULL)
    return said or isinstance(error, torch.OutOfMemoryError | MemoryError)
