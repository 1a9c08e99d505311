"""How a network is built and trained: every knob in one frozen object, checked where it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

from burnish.tasks.activations import ACTIVATIONS
from burnish.tasks.decays import DECAYS
from burnish.tasks.findings import InputError
from burnish.tasks.losses import LOSSES
from burnish.tasks.models import INITIALIZATIONS, Block, check_name
from burnish.tasks.notation import things
from burnish.tasks.optimizers import OPTIMIZERS, usual_rate

ABOVE_0 = ("learning_rate", "clip", "max_norm")
NOT_BELOW_0 = ("decay_rate", "weight_decay")
FROM_1 = ("epochs", "batch_size", "patience")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained; the keys of the config's section `train` but for the model and the device.

    Attributes
    ----------
    hidden, dropout, dropout_input, activation, initialization, batch_norm
        Of the mlp: see `models.build_network`.
    epochs : int
        At most; of the linear model, strengths of the path (`linear_head`).
    batch_size : int or None
        None: a power of two, about n/64, between 32 and 1,024.
    optimizer : str
        A key of `optimizers.OPTIMIZERS`.
    learning_rate : float or None
        None: the optimizer's own.
    decay, decay_rate
        See `decays.decay_factor`.
    weight_decay : float
        L2 strength; the linear model finds its own where held-out rows can choose it.
    clip : float or None
        Length a gradient is shortened to.
    max_norm : float or None
        Bound on the incoming weights of each hidden unit.
    average : float
        Memory of the averaged weights that are judged and kept; 0: the last weights.
    loss, q, label_smoothing
        See `losses.example_losses`.
    patience : int
        Epochs without a better held-out loss before the rate is cut.
    blocks : tuple of (int, int)
        The features of each column of categories that the mlp embeds; no key of its own.
    legs : tuple of Recipe
        Of the mlp: how it is trained one leg after the other (`legs.fit_legs`); empty: in one go.

    Raises
    ------
    InputError
        On an unknown name, with the nearest known one, and on a number that no training can go by.
    """

    hidden: tuple[int, ...] = (128,)
    dropout: float = 0.3
    dropout_input: float = 0.0
    activation: str = "relu"
    initialization: str = "he"
    batch_norm: bool = False
    epochs: int = 100
    batch_size: int | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    decay: str = "none"
    decay_rate: float = 0.05
    weight_decay: float = 1e-2
    clip: float | None = None
    max_norm: float | None = None
    average: float = 0.0
    loss: str = "cross_entropy"
    q: float = 0.7
    label_smoothing: float = 0.0
    patience: int = 4
    blocks: tuple[Block, ...] = ()
    legs: tuple[Recipe, ...] = ()

    def __post_init__(self) -> None:
        check_name(self.activation, ACTIVATIONS, "train.activation")
        check_name(self.initialization, INITIALIZATIONS, "train.initialization")
        check_name(self.optimizer, OPTIMIZERS, "train.optimizer")
        check_name(self.decay, DECAYS, "train.decay")
        check_name(self.loss, LOSSES, "train.loss")
        if not 0 < self.q <= 1:
            raise InputError(f"train.q is {self.q}: give a number above 0 and up to 1")
        if not 0 <= self.average < 1:
            raise InputError(f"train.average is {self.average}: give a number from 0 up to, but not, 1, such as 0.99")
        if not 0 <= self.label_smoothing < 1:
            raise InputError(f"train.label_smoothing is {self.label_smoothing}: give a share from 0 up to, but not, 1")
        self._check(ABOVE_0, lambda value: value > 0, "a number above 0")
        self._check(NOT_BELOW_0, lambda value: value >= 0, "a number of at least 0")
        self._check(FROM_1, lambda value: value >= 1, "a whole number of at least 1")

    def _check(self, names: Sequence[str], fits: Callable[[float], bool], wanted: str) -> None:
        """Refuse the first of some knobs whose value does not fit (NaN never does)."""
        for name in names:
            value = getattr(self, name)
            if value is not None and not (fits(value) and isfinite(value)):
                raise InputError(f"train.{name} is {value}: give {wanted}")

    def in_words(self, kind: str) -> str:
        """Say how a network of this kind is fitted.

        >>> Recipe(decay="cosine").in_words("mlp")
        'cross-entropy by adamw, learning rate 0.001, decay cosine'
        """
        loss = {"cross_entropy": "cross-entropy", "generalized": f"generalized cross-entropy with q {self.q:g}"}
        named = loss.get(self.loss, "logistic loss, each class against the rest")
        if kind == "linear":
            return f"{named} by L-BFGS in long strides"
        words = [f"{named} by {self.optimizer}", f"learning rate {usual_rate(self.optimizer, self.learning_rate):g}"]
        words += [f"decay {self.decay}"] if self.decay != "none" and not self.legs else []
        words += ["batch norm"] if self.batch_norm else []
        words += [f"labels smoothed by {self.label_smoothing:g}"] if self.label_smoothing else []
        words += [f"gradients clipped at {self.clip:g}"] if self.clip is not None else []
        words += [f"max-norm {self.max_norm:g}"] if self.max_norm is not None else []
        words += [f"weights averaged over steps with memory {self.average:g}"] if self.average else []
        words += [f"in {things(len(self.legs), 'leg')}, each with knobs of its own"] if self.legs else []
        return ", ".join(words)

    def leg(self, knobs: Mapping[str, Any]) -> Recipe:
        """Give a leg of training: these knobs, all its epochs at one learning rate, the rest as here.

        >>> Recipe(decay="cosine").leg({"epochs": 5, "dropout": 0.1}).patience
        5
        """
        made = replace(self, **knobs, legs=(), decay="none")
        return replace(made, patience=made.epochs)

    @staticmethod
    def of(options: Any, blocks: tuple[Block, ...] = ()) -> Recipe:
        """Take a recipe's keys out of an object that has them among others, such as the config's section `train`."""
        keys = (field.name for field in fields(Recipe) if field.name not in {"blocks", "legs"})
        recipe = Recipe(**{name: getattr(options, name) for name in keys}, blocks=blocks)
        return replace(recipe, legs=tuple(recipe.leg(knobs) for knobs in options.legs))
