"""Several processes on one machine, one for each GPU: the first walks the flow, the others help it train.

`torchrun --nproc-per-node=2 --no-python burnish run CONFIG` starts the same command in every process. The first does
what a command alone does. The others wait for networks to train: the first writes the arrays into a folder that all
can read, says what to call, and all call it with the same arguments (`tasks.team`). What they find is the first's
result; nothing else is printed or written twice.

Helped are the convolution network's final training and its out-of-fold pass. Known failure: all else (tables, trees,
the search for knobs, measuring images) runs in the first process alone; processes on several machines are refused; and
torchrun's exit status is 1 whatever the first process ended with.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import distributed

from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_training import train_cnn
from burnish.tasks.findings import InputError
from burnish.tasks.team import ALONE, Team

P = ParamSpec("P")
R = TypeVar("R")

HELPED: dict[str, Callable[..., Any]] = {each.__name__: each for each in (train_cnn, out_of_fold_cnn)}
PATIENT = timedelta(days=30)  # the others wait while the first cleans the data
MAPPED = 3  # arrays of so many axes are read from the file as they are needed


def this_team() -> Team:
    """Give the processes that torchrun has started; alone where it has not."""
    if not distributed.is_torchelastic_launched():
        return ALONE
    return Team(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


@contextmanager
def launched() -> Iterator[bool]:
    """Join the processes that torchrun has started, help the first one to its end, and tell whether this is the first.

    Raises
    ------
    InputError
        They are on several machines, or more than there are GPUs.
    """
    team = this_team()
    if team.size == 1:
        yield True
        return
    _join(team)
    if team.rank == 0:
        yield True
        _say(None)
    else:
        _help(team)
        yield False
    distributed.destroy_process_group()


def helped(function: Callable[P, R]) -> Callable[P, R]:
    """Give a function of `HELPED` such that all processes go through it together; alone, the function itself."""
    team = this_team()
    if team.size == 1:
        return function

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        named = inspect.signature(function).bind(*args, **kwargs).arguments
        if "cuda:" in str(named.get("device")):
            raise InputError(f"train.device is {named['device']!r} with {team.size} processes: leave it at auto")
        with tempfile.TemporaryDirectory(prefix="burnish-") as folder:
            arrays = {name: value for name, value in named.items() if _is_numbers(value)}
            for name, value in arrays.items():
                np.save(Path(folder) / f"{name}.npy", value)
            options = {name: value for name, value in named.items() if name not in {*arrays, "progress"}}
            _say((function.__name__, folder, options))
            return HELPED[function.__name__](**named, team=team)

    return call


def _is_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype != object and value.size > 0


def _join(team: Team) -> None:
    if os.environ["LOCAL_WORLD_SIZE"] != os.environ["WORLD_SIZE"]:
        raise InputError("torchrun has started processes on several machines: use one, with torchrun --nnodes=1")
    backend = "gloo"
    if torch.cuda.is_available():
        if team.size > torch.cuda.device_count():
            raise InputError(
                f"torchrun has started {team.size} processes for {torch.cuda.device_count()} GPUs: "
                "set --nproc-per-node to the number of GPUs"
            )
        torch.cuda.set_device(team.rank)
        backend = "cpu:gloo,cuda:nccl"
    distributed.init_process_group(backend, timeout=PATIENT)


def _say(job: tuple[str, str, dict[str, Any]] | None) -> None:
    """Tell the others what to call; None: nothing more."""
    distributed.broadcast_object_list([job], 0, device=torch.device("cpu"))


def _help(team: Team) -> None:
    """Go through everything that the first process says."""
    while True:
        said: list[Any] = [None]
        try:
            distributed.broadcast_object_list(said, 0, device=torch.device("cpu"))
        except RuntimeError:  # the first has gone, and has said why
            sys.exit(1)
        if said[0] is None:
            return
        name, folder, options = said[0]
        arrays = {file.stem: _read(file) for file in Path(folder).glob("*.npy")}
        HELPED[name](**arrays, **options, team=team)


def _read(file: Path) -> np.ndarray:
    mapped = np.load(file, mmap_mode="r")
    return mapped if mapped.ndim >= MAPPED else np.array(mapped)
