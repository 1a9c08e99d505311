"""The loss of an example, and J = Σ s(i)·L(i) / Σ s(i) estimated from a mini-batch.

On a mini-batch B of the n rows J is estimated by 1/|B| · Σ_{i∈B} s(i)·L(i) / s̄, with s̄ the mean of s over ALL rows:
its mean over a random batch is J, and the batches of one epoch, each counted by its share |B|/n, add up to J exactly.
Dividing by the batch's own Σ s(i) would not: a batch of feeble examples would then pull as hard as one of strong
ones.

L is one of
- `cross_entropy`: −Σ t_c·log p_c, of a class or of soft labels t, smoothed where asked;
- `generalized`: Σ t_c·(1 − p_c^q)/q, between cross-entropy (q → 0) and the mean absolute error (q = 1), which bends
  less to wrong labels (Zhang & Sabuncu 2018, "Generalized cross entropy loss for training deep neural networks with
  noisy labels", eq. 6);
- `logistic`: one class against the rest, Σ_c binary cross-entropy of t_c; the network then gives σ(score) brought to
  sum 1 (`models.Network`).

Known failure: `generalized` is not convex, and with many classes starts slowly: its slope carries the factor p^q.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.findings import InputError

LOSSES = ("cross_entropy", "generalized", "logistic")
TEMPERATURES = tuple(2 ** (i / 4) for i in range(21))  # 1 to 32


def example_losses(
    scores: Tensor, targets: Tensor, *, loss: str = "cross_entropy", q: float = 0.7, label_smoothing: float = 0.0
) -> Tensor:
    """Give L of each example for each copy.

    Parameters
    ----------
    scores : (copies, b, k)
        Before the softmax.
    targets : int64 (b,) or float (b, k)
        Classes, or the share of each class.
    loss : str
        One of `LOSSES`.
    q : float
        Of `generalized`, 0 < q ≤ 1.
    label_smoothing : float
        Share of the label's mass spread evenly over all classes.

    Returns
    -------
    Tensor (copies, b)

    Examples
    --------
    >>> scores = torch.log(torch.tensor([[[0.25, 0.75]]]))
    >>> example_losses(scores, torch.tensor([0]), loss="generalized", q=1.0)
    tensor([[0.7500]])
    """
    copies, rows, classes = scores.shape
    if loss == "cross_entropy":
        repeated = targets if copies == 1 else targets.repeat(copies, *[1] * (targets.ndim - 1))
        flat = F.cross_entropy(scores.reshape(-1, classes), repeated, reduction="none", label_smoothing=label_smoothing)
        return flat.view(copies, rows)
    wanted = _spread(targets, classes, label_smoothing).to(scores.dtype)
    if loss == "generalized":
        return (wanted * (-torch.expm1(q * torch.log_softmax(scores, 2)) / q)).sum(2)
    return F.binary_cross_entropy_with_logits(scores, wanted.expand_as(scores), reduction="none").sum(2)


def weighted_loss(
    scores: Tensor,
    targets: Tensor,
    shares: Tensor,
    label_smoothing: float = 0.0,
    *,
    loss: str = "cross_entropy",
    q: float = 0.7,
) -> Tensor:
    """Estimate J of each copy from a mini-batch.

    Parameters
    ----------
    scores, targets, label_smoothing, loss, q
        See `example_losses`.
    shares : (b, copies)
        s(i) / s̄, with s̄ the mean over all rows the copy is trained on (not of the batch).

    Returns
    -------
    Tensor (copies,)
        1/b · Σ share(i)·L(i); its mean over the batches of an epoch, weighted by their sizes, is J.
    """
    losses = example_losses(scores, targets, loss=loss, q=q, label_smoothing=label_smoothing)
    return (losses * shares.T).mean(1)


def held_out_losses(logs: Tensor, labels: Tensor, shares: Tensor, *, loss: str = "cross_entropy") -> Tensor:
    """Give −log p of each held-out label, (m,); after the generalized loss at the temperature that makes it least.

    That loss teaches a network to be surer than it is right. Judged as it stands, each further epoch would look worse;
    one temperature (Guo et al. 2017, "On calibration of modern neural networks") takes that away, and the loss stays
    one that can be compared.

    Parameters
    ----------
    logs : Tensor (m, k)
        Log probabilities.
    labels : int64 (m,)
    shares : Tensor (m,)
        How much each counts; sum 1.
    loss : str
        What the network learns by.

    Examples
    --------
    >>> logs, labels = torch.log_softmax(torch.tensor([[9.0, 0.0]] * 4), 1), torch.tensor([0, 0, 0, 1])
    >>> shares = torch.full((4,), 0.25)
    >>> [round(float(held_out_losses(logs, labels, shares, loss=loss) @ shares), 2) for loss in LOSSES[:2]]
    [2.25, 0.56]
    """
    if loss != "generalized":
        return -logs.gather(1, labels[:, None])[:, 0]
    tried = [-torch.log_softmax(logs / t, 1).gather(1, labels[:, None])[:, 0] for t in TEMPERATURES]
    return min(tried, key=lambda losses: float(losses @ shares))


def soft_targets(
    labels: NDArray[np.int64], quality: NDArray[np.floating[Any]], suggested: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """Give each class its share of a label: `quality` to the label itself, the rest as the suggestion has it.

    Parameters
    ----------
    labels : int64 (n,)
        Labels learnt from; a row of −1 gets the suggestion alone.
    quality : float (n,) in [0, 1]
        Probability that the label is right.
    suggested : float (n, k)
        Probability of each class.

    Returns
    -------
    float32 (n, k)
        Rows sum to 1; a row that suggests nothing else gives all to its label.

    Raises
    ------
    InputError
        Where the quality of a label is no probability.

    Examples
    --------
    >>> soft_targets(np.array([0]), np.array([0.6]), np.array([[0.5, 0.4, 0.1]])).round(2).tolist()
    [[0.6000000238418579, 0.3199999928474426, 0.07999999821186066]]
    """
    rows, labelled = np.arange(len(labels)), labels >= 0
    check_quality(quality, labelled)
    others = np.array(suggested, np.float64)
    others[rows[labelled], labels[labelled]] = 0
    total = others.sum(axis=1, keepdims=True)
    nothing_else = labelled & (total[:, 0] <= 0)
    mass = np.where(labelled, np.where(nothing_else, 1.0, quality), 0.0)
    out = others / np.where(total > 0, total, 1) * (1 - mass)[:, None]
    out[rows[labelled], labels[labelled]] = mass[labelled]
    return out.astype(np.float32)


def check_quality(quality: NDArray[np.floating[Any]], labelled: NDArray[np.bool_]) -> None:
    """Refuse a quality of labels that is no probability where there is a label, (n,) and bool (n,).

    Raises
    ------
    InputError
    """
    given = np.asarray(quality)
    if given.shape != labelled.shape:
        raise InputError(f"label_quality has shape {given.shape} for {len(labelled)} labels: give one for each")
    bad = labelled & ~((given >= 0) & (given <= 1))
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"the label quality of row {row} is {given[row]:g}: give a probability from 0 to 1")


def check_targets(targets: NDArray[np.floating[Any]], rows: int, classes: int) -> NDArray[np.float32]:
    """Give soft labels as float32 (rows, classes).

    Raises
    ------
    InputError
        Where they are of another shape, negative, not finite, or do not sum to 1.
    """
    shares = np.asarray(targets, np.float32)
    if shares.shape != (rows, classes):
        raise InputError(f"soft labels have shape {shares.shape}: give {rows} rows of {classes} shares")
    bad = ~(np.isfinite(shares) & (shares >= 0)).all(axis=1) | (np.abs(shares.sum(axis=1) - 1) > 1e-3)
    if bad.any():
        raise InputError(f"the soft label in row {int(bad.argmax())} is no distribution: its shares must sum to 1")
    return shares


def _spread(targets: Tensor, classes: int, smoothing: float) -> Tensor:
    """Give every target as shares of the classes, smoothed."""
    shares = F.one_hot(targets, classes).float() if targets.ndim == 1 else targets
    return shares * (1 - smoothing) + smoothing / classes
