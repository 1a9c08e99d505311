"""The knobs that a search turns: what each of them may be, in ranges or choices, for every kind of network.

A knob is a key of the config's section `train`. Learning rates and decays are searched on a log scale (Bergstra &
Bengio 2012, "Random search for hyper-parameter optimization"), the size of the batch in powers of two. The usual ranges
lie around what is configured, a factor of ten to each side.

Light on purpose: the door of every command reads it, so neither PyTorch nor Optuna is imported here.
Known failure: what is best may lie outside the usual ranges; the report shows where the best trial lies in them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean

LOSS_KNOBS = ("loss", "q", "label_smoothing", "epochs")
STEP_KNOBS = (
    "dropout", "activation", "optimizer", "learning_rate", "decay", "decay_rate", "patience", "batch_size",
    "weight_decay", "max_norm", "clip", "average",
)  # fmt: skip
USED = {
    "linear": LOSS_KNOBS,
    "mlp": ("hidden", "initialization", "batch_norm", "dropout_input", *STEP_KNOBS, *LOSS_KNOBS),
    "cnn": ("initialization", *STEP_KNOBS, *LOSS_KNOBS),
}
IN_FLIGHT = (
    "learning_rate", "weight_decay", "dropout", "dropout_input", "label_smoothing", "q", "batch_size", "max_norm",
    "clip", "average",
)  # fmt: skip
SERVANTS = {
    "q": ("loss", ("cross_entropy", "generalized")),
    "decay_rate": ("decay", ("none", "inverse", "exponential", "sqrt", "staircase")),
}  # knobs that act under some values of another: its default, and those values
PANDA = "panda"
CHOSEN = ("hidden", "initialization", "batch_norm", "activation", "optimizer", "decay", "loss")
WHOLE = ("epochs", "patience")
POWERS = ("batch_size",)
DIGITS = 3  # of a number that is tried, so that what is pasted is what was tried
BOOSTING = "train.model is boosting, whose knobs are not searched: choose auto, linear or mlp, or search.trials: 0"
FASTER, BIGGER, SMALLEST_BATCH = 10.0, 4, 16


@dataclass(frozen=True)
class Knob:
    """What one knob may be: one of `choices`, or where there are none a number from `low` to `high`.

    Attributes
    ----------
    name : str
        A key of `train`.
    choices : tuple
        Plain JSON values.
    low, high : float
        Of a range, both included.
    log : bool
        Whether the range is even in the logarithm.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def power(self) -> bool:
        """Whether it takes powers of two alone."""
        return not self.choices and self.name in POWERS

    def holds(self, value: Any) -> bool:
        """Tell whether a value can be tried."""
        if self.choices:
            return value in self.choices
        fits = isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        return fits and (not self.power or math.log2(value).is_integer())

    def place(self, value: Any) -> float:
        """Give where a value lies between the ends, 0 to 1; choices lie evenly, in the order given.

        >>> Knob("learning_rate", low=1e-4, high=1e-2, log=True).place(1e-3)
        0.5
        """
        if self.choices:
            return self.choices.index(value) / max(len(self.choices) - 1, 1)
        low, high, at = (self._scale(each) for each in (self.low, self.high, value))
        return round((at - low) / (high - low), 9) if high > low else 0.5

    def at(self, place: float) -> Any:
        """Give the value that lies at a place between the ends, as it may be tried.

        >>> Knob("batch_size", low=32, high=512, log=True).at(0.5), Knob("dropout", low=0, high=0.6).at(0.5)
        (128, 0.3)
        """
        if self.choices:
            return self.choices[round(place * (len(self.choices) - 1))]
        low, high = self._scale(self.low), self._scale(self.high)
        raw = low + place * (high - low)
        return self.tried(2.0 ** round(raw * math.log2(math.e)) if self.power else math.exp(raw) if self.log else raw)

    def tried(self, value: float) -> Any:
        """Round a number of the range to what is tried: whole where it must be, else three digits.

        >>> Knob("learning_rate", low=1e-4, high=1e-2, log=True).tried(0.00123456)
        0.00123
        """
        if self.power or self.name in WHOLE:
            return round(value)
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)

    def as_dict(self) -> dict[str, Any]:
        """Give the knob as plain values for `summary.json`."""
        ends = {"choices": list(self.choices)} if self.choices else {"low": self.low, "high": self.high}
        return {"name": self.name, "log": self.log or self.power} | ends

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log or self.power else float(value)


def read_knobs(given: Mapping[str, Any]) -> tuple[Knob, ...]:
    """Read the knobs a user names, each with {low, high, log} or a list of choices.

    Raises
    ------
    InputError
        An unknown knob, a range that is none, a log range from 0.

    Examples
    --------
    >>> read_knobs({"dropout": {"low": 0, "high": 0.5}, "hidden": [[64], [128]]})[1].choices
    ([64], [128])
    >>> read_knobs({"droput": [0.1, 0.2]})
    Traceback (most recent call last):
    burnish.tasks.findings.InputError: there is no knob 'droput'; did you mean 'dropout'?
    """
    known = tuple(dict.fromkeys(USED["mlp"]))
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known, f"knobs that can be searched: {', '.join(known)}")
            raise InputError(f"there is no knob {name!r}; {hint}")
    return tuple(_read_knob(name, raw) for name, raw in given.items())


def _read_knob(name: str, raw: Any) -> Knob:
    if isinstance(raw, list | tuple) and len(raw) > 1:
        choices = tuple(json.loads(json.dumps(each if name in CHOSEN else _number(each))) for each in raw)
        if len({json.dumps(each) for each in choices}) < len(choices):
            raise InputError(f"{name} names a choice twice: name each once")
        return Knob(name, choices=choices)
    if name in CHOSEN:
        raise InputError(f"{name} wants a list of choices, two or more, such as {_example(name)}")
    if not isinstance(raw, Mapping) or not {"low", "high"} <= set(raw) <= {"low", "high", "log"}:
        raise InputError(f"{name} wants a range, {{low: 1, high: 9, log: true}}, or a list of choices, two or more")
    low, high, log = _number(raw["low"]), _number(raw["high"]), raw.get("log", False)
    if not isinstance(log, bool):
        raise InputError(f"{name} has log: {log}: write true or false")
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise InputError(f"{name} goes from {low!r} to {high!r}: both ends must be numbers, such as 0.001")
    if low >= high:
        raise InputError(f"{name} goes from {low:g} to {high:g}: low must be smaller than high")
    if log and low <= 0:
        raise InputError(f"{name} is searched on a log scale from {low:g}: start above 0, or leave out log")
    return _checked(Knob(name, low=low, high=high, log=log))


def _number(value: Any) -> Any:
    """Give the number in a text, since YAML takes 1e-4 for one; anything else as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _checked(knob: Knob) -> Knob:
    """Bring the ends of a range of whole numbers or powers of two to such numbers."""
    if knob.power:
        if knob.low < 1:
            raise InputError(f"{knob.name} goes from {knob.low:g}: start at 1 or more")
        low, high = math.ceil(math.log2(knob.low)), math.floor(math.log2(knob.high))
        if low >= high:
            raise InputError(f"{knob.name} takes powers of two, and {knob.low:g} to {knob.high:g} holds no two of them")
        return Knob(knob.name, low=2**low, high=2**high, log=True)
    if knob.name in WHOLE and not (float(knob.low).is_integer() and float(knob.high).is_integer()):
        raise InputError(f"{knob.name} goes from {knob.low:g} to {knob.high:g}: both ends must be whole numbers")
    return knob


def _example(name: str) -> str:
    examples = {"hidden": "[[64], [128], [128, 128]]", "batch_norm": "[true, false]", "activation": "[relu, gelu]"}
    return examples.get(name, "[a, b]")


def check_kind(model: str, names: Sequence[str], method: str = "tpe") -> None:
    """Refuse to search what the configured model does not read, or what cannot be turned in flight.

    Raises
    ------
    InputError
        Trees have no such knobs; a knob does nothing for the model; a panda trains the mlp, and turns what it can.
    """
    if model == "boosting":
        raise InputError(BOOSTING)
    if method == PANDA:
        if model not in {"auto", "mlp"}:
            raise InputError(f"search.method panda nudges an mlp in training, and train.model is {model}: choose mlp")
        fixed = [name for name in names if name not in IN_FLIGHT]
        if fixed:
            raise InputError(
                f"search.knobs.{fixed[0]} cannot change while a network trains: leave it out, or choose another "
                "search.method than panda"
            )
    used = USED.get(model, USED["mlp"])
    idle = [name for name in names if name not in used]
    if idle:
        raise InputError(f"search.knobs.{idle[0]} does nothing for train.model {model}: leave it out, or choose mlp")


def check_servants(knobs: Mapping[str, Any], configured: Mapping[str, Any]) -> None:
    """Refuse to search a knob that acts under some values of another alone, where none of them can come up.

    Parameters
    ----------
    knobs : mapping
        What is searched, as the user wrote it.
    configured : mapping
        The section `train`, without its defaults.

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_servants({"q": [0.5, 0.7], "loss": ["cross_entropy", "generalized"]}, {})
    >>> check_servants({"q": [0.5, 0.7]}, {})
    Traceback (most recent call last):
    burnish.tasks.findings.InputError: search.knobs.q does nothing while train.loss is cross_entropy: leave it out, or \
set train.loss to generalized
    """
    for name, (master, (default, *needed)) in SERVANTS.items():
        value, choices = configured.get(master, default), knobs.get(master)
        met = [value, *(choices if isinstance(choices, list | tuple) else ())]
        if name in knobs and not any(way in met for way in needed):
            ways = needed[0] if len(needed) == 1 else f"{', '.join(needed[:-1])} or {needed[-1]}"
            raise InputError(
                f"search.knobs.{name} does nothing while train.{master} is {value}: leave it out, or set "
                f"train.{master} to {ways}"
            )


def usual_knobs(
    kind: str,
    *,
    hidden: Sequence[int],
    dropout: float,
    learning_rate: float,
    weight_decay: float,
    batch_size: int,
    in_flight: bool = False,
) -> tuple[Knob, ...]:
    """Give the knobs that are searched for a kind of network where the user names none, around what is configured.

    Those in flight are the learning rate, dropout, weight decay and label smoothing.
    """
    smoothing = Knob("label_smoothing", low=0.0, high=0.2)
    if kind == "linear":
        return (smoothing, Knob("loss", choices=("cross_entropy", "logistic")))
    size = max(SMALLEST_BATCH, 2 ** round(math.log2(batch_size)))
    decay = weight_decay or 1e-4
    steps = (
        Knob("learning_rate", low=learning_rate / FASTER, high=learning_rate * FASTER, log=True),
        Knob("dropout", low=0.0, high=max(0.6, dropout)),
        Knob("weight_decay", low=decay / FASTER, high=decay * FASTER, log=True),
        Knob("batch_size", low=max(SMALLEST_BATCH, size // BIGGER), high=size * BIGGER, log=True),
    )
    if in_flight:
        return (*steps[:3], smoothing)
    if kind == "cnn":
        return (*steps, smoothing)
    sizes = ([64], [128], [256], [512], [128, 128], [256, 128])
    own = [list(hidden)]
    layers = Knob("hidden", choices=(*(each for each in own if each not in sizes), *sizes))
    return (steps[0], layers, *steps[1:], Knob("activation", choices=("relu", "gelu", "elu")))
