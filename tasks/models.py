"""Networks that read a row of features: a linear softmax and a multi-layer perceptron.

A network holds `copies` of itself side by side, each with its own weights, so that the five networks of an out-of-fold
pass train as one: the first layer is a single matrix product whose columns belong to all copies, the later ones a
batched product (`torch.bmm`). A network in everyday use has one copy.

The features are centred and divided by ONE number, learnt from the training rows (`set_scale`): dividing each column
by its own σ would blow up the weak directions of PCA-reduced image features, which are mostly noise.

Weights start as in He et al. (2015), "Delving Deep into Rectifiers"; the last layer starts at zero, so that the first
predictions are uniform whatever the scale of the features.
Known failure: a stack of copies shares each mini-batch, so its memory grows with copies × batch × width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean

KINDS = ("linear", "mlp")
EVERY_COPY = slice(None)

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "selu": F.selu,
    "softplus": F.softplus,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class Network(nn.Module):
    """`copies` networks of one architecture, side by side.

    Parameters
    ----------
    inputs, classes : int
        Width of the features and number of classes.
    hidden : sequence of int
        Widths of the hidden layers; empty for a linear softmax.
    dropout : float
        Share of the hidden units left out at each training step.
    activation : str
        A key of `ACTIVATIONS`.
    copies : int
        How many networks.
    seed : int
        Where the first weights come from.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        inputs: int,
        classes: int,
        *,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        activation: str = "relu",
        copies: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.classes, self.hidden = inputs, classes, tuple(hidden)
        self.dropout, self.activation, self.copies = dropout, activation, copies
        generator = torch.Generator().manual_seed(seed)
        widths = [inputs, *hidden, classes]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            start = 0.0 if layer == len(hidden) else sqrt(2 / fan_in)
            self.weights.append(start * torch.randn(copies, fan_in, fan_out, generator=generator))
            self.biases.append(torch.zeros(copies, 1, fan_out))
        self.register_buffer("shift", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(()))

    @property
    def kind(self) -> str:
        """``"mlp"`` where there are hidden layers, else ``"linear"``."""
        return "mlp" if self.hidden else "linear"

    def set_scale(self, features: Tensor) -> None:
        """Learn the centre (n, d → d) and the one divisor from the training rows."""
        with torch.no_grad():
            shift = features.mean(0)
            spread = (features - shift).square().mean().sqrt()
            self.shift.copy_(shift)
            self.scale.copy_(spread if spread > 0 else torch.ones_like(spread))

    def forward(
        self, features: Tensor, generator: torch.Generator | None = None, *, only: slice = EVERY_COPY
    ) -> Tensor:
        """Turn features (n, d) into scores before the softmax (copies, n, k), of some copies only where asked."""
        rows = (features - self.shift) / self.scale
        first = self.weights[0][only]
        wide = first.permute(1, 0, 2).reshape(self.inputs, -1)
        signal = (rows @ wide).view(len(rows), len(first), first.shape[2]).transpose(0, 1) + self.biases[0][only]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            signal = self._drop(ACTIVATIONS[self.activation](signal), generator)
            signal = torch.baddbmm(bias[only], signal, weight[only])
        return signal

    def _drop(self, signal: Tensor, generator: torch.Generator | None) -> Tensor:
        if not self.training or self.dropout == 0:
            return signal
        kept = torch.rand(signal.shape, generator=generator, device=signal.device) >= self.dropout
        return signal * kept / (1 - self.dropout)


def build_network(
    kind: str,
    inputs: int,
    classes: int,
    *,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.3,
    activation: str = "relu",
    copies: int = 1,
    seed: int = 0,
) -> Network:
    """Build a network for features of width `inputs`.

    Parameters
    ----------
    kind : str
        ``"linear"`` (multinomial logistic regression; hidden, dropout and activation do nothing) or ``"mlp"``.
    inputs, classes : int
        Width of the features and number of classes, at least 2.
    hidden : sequence of int
        Widths of the hidden layers.
    dropout : float
        Share of hidden units left out at each step, 0 ≤ dropout < 1.
    activation : str
        One of relu, leaky_relu, elu, gelu, selu, softplus, tanh, sigmoid.
    copies : int
        How many such networks side by side, each with weights of its own.
    seed : int
        Seed of the first weights.

    Returns
    -------
    Network
        Features (n, inputs) → scores (copies, n, classes).

    Raises
    ------
    InputError
        On an unknown kind or activation, a dropout outside [0, 1), or a hidden width below 1.

    Examples
    --------
    >>> network = build_network("mlp", 4, 3, hidden=(8,), seed=1)
    >>> tuple(network(torch.zeros(5, 4)).shape)
    (1, 5, 3)
    """
    _check_name(kind, KINDS, "train.model")
    _check_name(activation, ACTIVATIONS, "train.activation")
    if not 0 <= dropout < 1:
        raise InputError(f"train.dropout is {dropout}: give a share from 0 up to, but not, 1")
    if any(width < 1 for width in hidden) or (kind == "mlp" and not hidden):
        raise InputError(f"train.hidden is {list(hidden)}: give one or more layer widths of at least 1")
    return Network(
        inputs,
        classes,
        hidden=() if kind == "linear" else hidden,
        dropout=dropout,
        activation=activation,
        copies=copies,
        seed=seed,
    )


def _check_name(name: str, known: Sequence[str] | dict[str, Callable[[Tensor], Tensor]], key: str) -> None:
    if name in known:
        return
    hint = did_you_mean(name, known)
    raise InputError(f"{key} is {name!r}, which is none of {', '.join(known)}{hint and ', ' + hint}")
