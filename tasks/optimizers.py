"""Optimizers of `torch.optim` by name, and what keeps their steps in bounds.

A name stands for a class, its switches and a learning rate that suits features of mean square 1. Biases and the gains
of batch norm are not shrunk by weight decay. `adamw` decouples weight decay from the gradient (Loshchilov & Hutter
2019, "Decoupled weight decay regularization"); for the others it is L2, added to the gradient.

The copies of a network share the optimizer but not a number: gradients are clipped and weights bounded copy by copy, so
that no fold hears of another.

Known failure: with L2, `adam` and its kin shrink rarely used weights harder than others; `adamw` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from burnish.tasks.models import Network


@dataclass(frozen=True)
class Method:
    """An optimizer: what makes it, with which switches, and its usual learning rate."""

    make: Callable[..., torch.optim.Optimizer]
    learning_rate: float
    switches: dict[str, Any] = field(default_factory=dict)


OPTIMIZERS: dict[str, Method] = {
    "sgd": Method(torch.optim.SGD, 0.1, {"fused": True}),
    "momentum": Method(torch.optim.SGD, 0.02, {"momentum": 0.9, "fused": True}),
    "nesterov": Method(torch.optim.SGD, 0.02, {"momentum": 0.9, "nesterov": True, "fused": True}),
    "rmsprop": Method(torch.optim.RMSprop, 1e-3),
    "adam": Method(torch.optim.Adam, 1e-3, {"fused": True}),
    "adamw": Method(torch.optim.AdamW, 1e-3, {"fused": True}),
    "amsgrad": Method(torch.optim.Adam, 1e-3, {"amsgrad": True, "fused": True}),
    "adagrad": Method(torch.optim.Adagrad, 1e-2),
    "adadelta": Method(torch.optim.Adadelta, 1.0),
    "adamax": Method(torch.optim.Adamax, 2e-3),
    "nadam": Method(torch.optim.NAdam, 2e-3),
}


def usual_rate(name: str, learning_rate: float | None = None) -> float:
    """Give the learning rate asked for, or the optimizer's own.

    >>> usual_rate("sgd"), usual_rate("adamw"), usual_rate("adamw", 0.5)
    (0.1, 0.001, 0.5)
    """
    return OPTIMIZERS[name].learning_rate if learning_rate is None else learning_rate


def make_optimizer(
    network: Network, name: str, *, learning_rate: float | None = None, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Make the optimizer of a network's parameters; only its weight matrices decay.

    Parameters
    ----------
    network : Network
    name : str
        A key of `OPTIMIZERS`.
    learning_rate : float, optional
        Default: the optimizer's own.
    weight_decay : float
        L2 strength.
    """
    decayed = list(network.weights)
    shrunk = {id(parameter) for parameter in decayed}
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": [each for each in network.parameters() if id(each) not in shrunk], "weight_decay": 0.0},
    ]
    method = OPTIMIZERS[name]
    return method.make(groups, lr=usual_rate(name, learning_rate), **method.switches)


def clip_gradients(parameters: Sequence[Parameter], most: float) -> None:
    """Shorten the gradient of each copy to the length `most` where it is longer.

    Parameters
    ----------
    parameters : sequence of (copies, a, b)
        With their gradients.
    most : float
        Length, over all parameters of one copy.
    """
    gradients = [each.grad for each in parameters if each.grad is not None]
    squares = torch.stack([gradient.square().sum((1, 2)) for gradient in gradients]).sum(0)
    factor = _at_most(squares.sqrt(), most)[:, None, None]
    for gradient in gradients:
        gradient.mul_(factor)


def bound_weights(weights: Sequence[Parameter], most: float) -> None:
    """Scale the incoming weights of each unit down to the length `most` (max-norm: Srivastava et al. 2014).

    Parameters
    ----------
    weights : sequence of (copies, fan_in, units)
    most : float
    """
    with torch.no_grad():
        for weight in weights:
            weight.mul_(_at_most(weight.norm(dim=1, keepdim=True), most))


def _at_most(length: Tensor, most: float) -> Tensor:
    return (most / length.clamp(min=torch.finfo(length.dtype).tiny)).clamp(max=1)
