"""The optimizer's loop: example-weighted loss, AdamW, early stopping with the best weights restored.

The loss is J = Σ s(i)·L(i) / Σ s(i) over all training rows. On a mini-batch B of the n rows it is estimated by
1/|B| · Σ_{i∈B} s(i)·L(i) / s̄, with s̄ the mean of s over ALL rows: its mean over a random batch is J, and the
batches of one epoch, each counted by its share |B|/n, add up to J exactly. Dividing by the batch's own Σ s(i) would
not: a batch of feeble examples would then pull as hard as one of strong examples.

Where the log loss on held-out rows has not improved by 0.01% for `patience` epochs, the best weights are restored and
the learning rate is quartered; at the third such halt training ends. Log loss and not error decides, because the
probabilities feed the search for mislabels.

The same seed and number of threads give the same weights on a CPU. Known failure: on a GPU the order of sums may
differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.findings import InputError
from burnish.tasks.models import Network

HALTS = 3
LEAST_GAIN = 1e-4
WORK_OF_ONE_THREAD = 5e8
CUT = 0.25

Judge = Callable[[Network], tuple[float, float]]
Progress = Callable[[int, float, float], None]


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the keys of the config's section `train`, but for `model`."""

    hidden: tuple[int, ...] = (128,)
    dropout: float = 0.3
    activation: str = "relu"
    epochs: int = 100
    batch_size: int | None = None
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    patience: int = 4


def weighted_loss(scores: Tensor, labels: Tensor, shares: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Estimate J of each copy from a mini-batch.

    Parameters
    ----------
    scores : (copies, b, k)
        Before the softmax.
    labels : int64 (b,)
        Classes.
    shares : (b, copies)
        s(i) / s̄, with s̄ the mean over all rows the copy is trained on (not of the batch).
    label_smoothing : float
        Share of the label's mass spread evenly over all classes.

    Returns
    -------
    Tensor (copies,)
        1/b · Σ share(i)·L(i); its mean over the batches of an epoch, weighted by their sizes, is J.
    """
    copies, rows, classes = scores.shape
    losses = F.cross_entropy(
        scores.reshape(-1, classes), labels.repeat(copies), reduction="none", label_smoothing=label_smoothing
    )
    return (losses.view(copies, rows) * shares.T).mean(1)


def fit(
    network: Network,
    x: Tensor,
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
    x, y : (n, d), (n,)
        Training rows; y holds classes ≥ 0.
    weights : (n, copies)
        s(i) for each copy; 0 hides a row from that copy.
    recipe : Recipe
        Optimizer and stopping.
    judge : callable, optional
        network → (loss, error), called after each epoch; the smallest loss is kept. None: all epochs run, the last is
        kept.
    seed : int
        Order of the batches and dropout.
    progress : callable, optional
        Called with (epoch, train_loss, dev_loss).

    Returns
    -------
    pd.DataFrame
        `epoch, train_loss, dev_loss, dev_error`; NaN for dev where there is no judge.
    """
    shares = weights / weights.mean(0).clamp(min=torch.finfo(weights.dtype).tiny)
    optimizer = _optimizer(network, recipe)
    order = torch.Generator().manual_seed(seed)
    noise = torch.Generator(device=x.device).manual_seed(seed)
    best_loss, best_state, stale, cuts = np.inf, None, 0, 0
    rows: list[dict[str, float]] = []
    threads = _threads(network, recipe.batch_size or auto_batch_size(len(x)))
    for epoch in range(1, recipe.epochs + 1):
        with limited_threads(threads):
            train_loss = _epoch(network, x, y, shares, recipe, optimizer, order, noise)
        loss, error = judge(network) if judge else (np.nan, np.nan)
        rows.append({"epoch": epoch, "train_loss": train_loss, "dev_loss": loss, "dev_error": error})
        if progress:
            progress(epoch, train_loss, loss)
        if judge is None:
            continue
        stale = 0 if loss < best_loss * (1 - LEAST_GAIN) else stale + 1
        if loss < best_loss:
            best_loss, best_state = loss, _snapshot(network)
        if stale >= recipe.patience:
            cuts, stale = cuts + 1, 0
            if cuts == HALTS:
                break
            _restore(network, best_state)
            for group in optimizer.param_groups:
                group["lr"] *= CUT
    if best_state is not None:
        _restore(network, best_state)
    return pd.DataFrame(rows).astype({"epoch": np.int64})


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


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    groups = [
        {"params": list(network.weights), "weight_decay": recipe.weight_decay},
        {"params": list(network.biases), "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _epoch(
    network: Network,
    x: Tensor,
    y: Tensor,
    shares: Tensor,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    order: torch.Generator,
    noise: torch.Generator,
) -> float:
    size = recipe.batch_size or auto_batch_size(len(x))
    total = torch.zeros((), device=x.device)
    network.train()
    for batch in torch.split(torch.randperm(len(x), generator=order).to(x.device), size):
        losses = weighted_loss(network(x[batch], noise), y[batch], shares[batch], recipe.label_smoothing)
        optimizer.zero_grad()
        torch.autograd.backward(losses.sum())
        optimizer.step()
        total += losses.detach().mean() * len(batch)
    loss = float(total) / len(x)
    if not np.isfinite(loss):
        rate = optimizer.param_groups[0]["lr"]
        raise InputError(f"the training loss is no longer a number: lower train.learning_rate, now {rate:g}")
    return loss


def _snapshot(network: Network) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def _restore(network: Network, state: list[Tensor] | None) -> None:
    if state is None:
        return
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), state, strict=True):
            parameter.copy_(value)
