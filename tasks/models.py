"""Networks that read a row of features: a linear softmax and a multi-layer perceptron.

A network holds `copies` of itself side by side, each with its own weights, so that the five networks of an out-of-fold
pass train as one: the first layer is a single matrix product whose columns belong to all copies, the later ones a
batched product (`torch.bmm`). A network in everyday use has one copy.

The features are centred and divided by ONE number, learnt from the training rows (`set_scale`): dividing each column
by its own σ would blow up the weak directions of PCA-reduced image features, which are mostly noise.

Weights start as in He et al. (2015), "Delving Deep into Rectifiers", or Glorot & Bengio (2010, "xavier"); the last
layer starts at zero, so that the first predictions are uniform whatever the scale of the features. Batch norm (Ioffe
& Szegedy 2015) stands before the activation, each copy with statistics of its own.

Columns of categories may be embedded (Guo & Berkhahn 2016, "Entity Embeddings of Categorical Variables"): each level of
a column becomes a vector of min(50, (levels + 1) // 2) numbers, learnt with the rest. A level is a row of 0 and 1 among
the features, so its vector times the first layer is the product of two matrices, which is made once a step, not once a
row: what is embedded costs no memory by the row.

The scores of a network in use are such that their softmax are the probabilities. Of one-vs-rest logistic outputs these
are σ(score) brought to sum 1: out of training they give log σ(score).
Known failure: a stack of copies shares each mini-batch, so its memory grows with copies × batch × width; and its batch
norm hears the features (never the labels) of the rows a copy is not trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.activations import ACTIVATIONS
from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean

KINDS = ("linear", "mlp")
WIDEST_VECTOR = 50
Block = tuple[int, int]
OUTPUTS = ("softmax", "logistic")
INITIALIZATIONS = ("he", "xavier")
EVERY_COPY = slice(None)
NEWEST = 0.1  # share of a batch in the running statistics of batch norm
LEAST_VARIANCE = 1e-5


class Network(nn.Module):
    """`copies` networks of one architecture, side by side.

    Parameters
    ----------
    inputs, classes : int
        Width of the features and number of classes.
    hidden : sequence of int
        Widths of the hidden layers; empty for a linear softmax.
    dropout, dropout_input : float
        Share of the hidden units, and of the features, left out at each training step.
    activation : str
        A key of `ACTIVATIONS`.
    initialization : str
        ``"he"``: variance 2/fan_in; ``"xavier"``: 2/(fan_in + fan_out).
    batch_norm : bool
        Whether hidden layers are normalised over the mini-batch.
    output : str
        ``"softmax"``, or ``"logistic"`` for one class against the rest.
    blocks : sequence of (int, int)
        First and last + 1 of the features of each column that is embedded, ascending.
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
        dropout_input: float = 0.0,
        activation: str = "relu",
        initialization: str = "he",
        batch_norm: bool = False,
        output: str = "softmax",
        blocks: Sequence[Block] = (),
        copies: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.blocks = tuple(blocks)
        self.inputs, self.classes, self.hidden = inputs, classes, tuple(hidden)
        self.dropout, self.dropout_input, self.activation, self.copies = dropout, dropout_input, activation, copies
        self.batch_norm, self.output = batch_norm, output
        generator = torch.Generator().manual_seed(seed)
        sizes = [vector_size(end - start) for start, end in self.blocks]
        widths = [inputs + sum(sizes) - sum(end - start for start, end in self.blocks), *hidden, classes]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            heard = fan_in if layer else inputs
            start = sqrt(2 / (heard + (fan_out if initialization == "xavier" else 0)))
            start = 0.0 if layer == len(hidden) else start
            self.weights.append(start * torch.randn(copies, fan_in, fan_out, generator=generator))
            self.biases.append(torch.zeros(copies, 1, fan_out))
        self.vectors = nn.ParameterList()
        for (start, end), size in zip(self.blocks, sizes, strict=True):
            self.vectors.append(torch.randn(copies, end - start, size, generator=generator) / sqrt(size))
        self.gains, self.offsets = nn.ParameterList(), nn.ParameterList()
        for layer, width in enumerate(hidden if batch_norm else ()):
            self.gains.append(torch.ones(copies, 1, width))
            self.offsets.append(torch.zeros(copies, 1, width))
            self.register_buffer(f"mean_{layer}", torch.zeros(copies, 1, width))
            self.register_buffer(f"variance_{layer}", torch.ones(copies, 1, width))
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

    def standardize(self, features: Tensor) -> Tensor:
        """Centre features (n, d) and divide them by the one number."""
        return (features - self.shift) / self.scale

    def forward(
        self,
        features: Tensor,
        generator: torch.Generator | None = None,
        *,
        only: slice = EVERY_COPY,
        standardized: bool = False,
    ) -> Tensor:
        """Turn features (n, d) into scores before the softmax (copies, n, k), of some copies only where asked."""
        rows = features if standardized else self.standardize(features)
        rows = self._drop(rows, self.dropout_input, generator)
        first = self._first_layer(only)
        wide = first.permute(1, 0, 2).reshape(self.inputs, -1)
        signal = (rows @ wide).view(rows.shape[0], len(first), first.shape[2]).transpose(0, 1) + self.biases[0][only]
        for layer, (weight, bias) in enumerate(zip(self.weights[1:], self.biases[1:], strict=True)):
            signal = ACTIVATIONS[self.activation](self._normalize(signal, layer, only))
            signal = torch.baddbmm(bias[only], self._drop(signal, self.dropout, generator), weight[only])
        return signal if self.training or self.output == "softmax" else -F.softplus(-signal)

    def _first_layer(self, only: slice) -> Tensor:
        """Give the weights of the features (copies, d, units); those of embedded levels are vectors times weights."""
        weight, place, used = self.weights[0][only], 0, 0
        parts: list[Tensor] = []
        for (start, end), vectors in zip(self.blocks, self.vectors, strict=True):
            plain = used + start - place
            size = vectors.shape[2]
            parts += [weight[:, used:plain], torch.bmm(vectors[only], weight[:, plain : plain + size])]
            place, used = end, plain + size
        return torch.cat([*parts, weight[:, used:]], 1) if parts else weight

    def _drop(self, signal: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
        if not self.training or share == 0:
            return signal
        kept = torch.rand(signal.shape, generator=generator, device=signal.device) >= share
        return signal * kept / (1 - share)

    def _normalize(self, signal: Tensor, layer: int, only: slice) -> Tensor:
        """Bring each unit (copies, n, width) to mean 0 and variance 1: of the batch in training, else as learnt."""
        if not self.batch_norm:
            return signal
        mean, variance = getattr(self, f"mean_{layer}")[only], getattr(self, f"variance_{layer}")[only]
        if self.training:
            now, spread = signal.mean(1, keepdim=True), signal.var(1, keepdim=True, correction=0)
            with torch.no_grad():
                mean.lerp_(now, NEWEST)
                variance.lerp_(spread, NEWEST)
            mean, variance = now, spread
        scaled = (signal - mean) / (variance + LEAST_VARIANCE).sqrt()
        return scaled * self.gains[layer][only] + self.offsets[layer][only]


def build_network(
    kind: str,
    inputs: int,
    classes: int,
    *,
    hidden: Sequence[int] = (128,),
    dropout: float = 0.3,
    dropout_input: float = 0.0,
    activation: str = "relu",
    initialization: str = "he",
    batch_norm: bool = False,
    output: str = "softmax",
    blocks: Sequence[Block] = (),
    copies: int = 1,
    seed: int = 0,
) -> Network:
    """Build a network for features of width `inputs`.

    Parameters
    ----------
    kind : str
        ``"linear"`` (multinomial logistic regression; what is said of hidden layers does nothing) or ``"mlp"``.
    inputs, classes : int
        Width of the features and number of classes, at least 2.
    hidden : sequence of int
        Widths of the hidden layers.
    dropout, dropout_input : float
        Share of hidden units, and of features, left out at each step, from 0 up to, but not, 1.
    activation : str
        One of relu, leaky_relu, elu, gelu, selu, serlu, softplus, tanh, sigmoid.
    initialization : str
        ``"he"`` or ``"xavier"``.
    batch_norm : bool
        Whether hidden layers are normalised over the mini-batch.
    output : str
        ``"softmax"``, or ``"logistic"`` for one class against the rest.
    blocks : sequence of (int, int)
        First and last + 1 of the features of each column that the mlp embeds.
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
    check_name(kind, KINDS, "train.model")
    check_name(activation, ACTIVATIONS, "train.activation")
    check_name(initialization, INITIALIZATIONS, "train.initialization")
    check_name(output, OUTPUTS, "output")
    for key, share in (("dropout", dropout), ("dropout_input", dropout_input)):
        if not 0 <= share < 1:
            raise InputError(f"train.{key} is {share}: give a share from 0 up to, but not, 1")
    if any(width < 1 for width in hidden) or (kind == "mlp" and not hidden):
        raise InputError(f"train.hidden is {list(hidden)}: give one or more layer widths of at least 1")
    return Network(
        inputs,
        classes,
        hidden=() if kind == "linear" else hidden,
        dropout=dropout,
        dropout_input=0.0 if kind == "linear" else dropout_input,
        activation=activation,
        initialization=initialization,
        batch_norm=batch_norm and kind != "linear",
        output=output,
        blocks=() if kind == "linear" else blocks,
        copies=copies,
        seed=seed,
    )


def vector_size(levels: int) -> int:
    """Give the length of the vector that a level becomes (the rule of the fastai library until 2018).

    >>> vector_size(3), vector_size(42), vector_size(1_000)
    (2, 21, 50)
    """
    return min(WIDEST_VECTOR, (levels + 1) // 2)


def check_name(name: str, known: Collection[str], key: str) -> None:
    """Refuse a name that is not known, with the nearest one that is."""
    if name in known:
        return
    hint = did_you_mean(name, known)
    raise InputError(f"{key} is {name!r}, which is none of {', '.join(known)}{hint and ', ' + hint}")
