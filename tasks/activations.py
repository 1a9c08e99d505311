"""Activations of hidden units, by name.

Why so many: ReLU is quick and rarely beaten; SELU and SERLU keep signals at mean 0 and variance 1 through many layers
without batch norm, if the weights start small enough; tanh and sigmoid are bounded.
Known failure: tanh and sigmoid learn nothing where they are saturated: standardise what goes in, and start with xavier.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

SERLU_SLOPE, SERLU_DIP = 1.07862, 2.90427  # so that N(0, 1) comes out with mean 0 and variance 1


def serlu(signal: Tensor) -> Tensor:
    """Scaled exponentially-regularized linear unit: λ·x, and λ·α·x·eˣ below 0.

    From Zhang & Li 2018, "Effectiveness of scaled exponentially-regularized linear units (SERLUs)".

    >>> serlu(torch.tensor([-1.0, 0.0, 2.0])).round(decimals=3)
    tensor([-1.1520,  0.0000,  2.1570])
    """
    return SERLU_SLOPE * torch.where(signal >= 0, signal, SERLU_DIP * signal * torch.exp(signal.clamp(max=0)))


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "selu": F.selu,
    "serlu": serlu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
