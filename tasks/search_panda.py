"""Panda: one network, trained on and on and watched; its knobs are nudged in flight, and what does not help is undone.

Trial 0 is what is configured, trained to its end. Leg 1 trains a fresh network for a few epochs. From then on two legs
at a time start from the weights of the last good one: one with every knob nudged up or down at random, one with every
knob nudged the other way (mirrored sampling: Brockhoff et al. 2010), over the same batches. The better of the two is
kept where it is better on dev than what it started from; else both are undone, and other nudges are tried. That is
population-based training (Jaderberg et al. 2017) with a population of one, and Ng's panda: one model, babysat.

What is found is not one setting but a schedule, the legs that were kept; training by it again on the same data gives
the same network (`legs.fit_legs`). Only knobs that can change in flight are turned (`search_space.IN_FLIGHT`), a number
on a log scale by a factor of 1.25, one on a plain scale by a tenth of its range, either one, two or four times over.

Same seed, same legs; a search that was stopped goes on with the leg it was at.
Known failure: it is short-sighted, since a small learning rate looks better at once and costs later (as in
population-based training at large); it follows one path, and dev chooses at every fork.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from burnish.tasks.findings import InputError
from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import ended
from burnish.tasks.search_trials import Measure, Measured, attributes_of, record
from burnish.tasks.search_walk import Walk

FACTOR = 1.25
TENTH = 0.1
STRIDES = (1, 2, 4)
STUCK = 12  # legs in a row that bring nothing end the search
NO_NUDGE = f"{STUCK} legs in a row were no better"
WEIGHTS = ".safetensors"
State = dict[str, Tensor]


class MeasureLeg(Protocol):
    """Trains a network on for one leg and measures it."""

    def __call__(self, values: Mapping[str, Any], place: int, start: State | None) -> tuple[Measured, State]:
        """Go on from `start` (None: from fresh weights) with these knobs, as the leg at a place of the schedule."""


@dataclass(frozen=True)
class Standing:
    """Where a panda stands.

    Attributes
    ----------
    legs : tuple of int
        Numbers of the legs that were kept, in their order.
    waiting : tuple of int
        Numbers of the legs that started from the last of them and are not decided on yet.
    stale : int
        Legs in a row, up to the last, that were undone.
    """

    legs: tuple[int, ...] = ()
    waiting: tuple[int, ...] = ()
    stale: int = 0


class Panda(Walk):
    """The legs of one network."""

    def go(self, measure: Measure, leg: MeasureLeg) -> str:
        """Walk all legs that are missing; say why there are no more."""
        import optuna

        if not self.study.trials:
            self.begin(measure)
        states = optuna.trial.TrialState
        while not (why := self.enough()):
            records = [record(trial, self.knobs) for trial in ended(self.study)]
            stands = standing(records)
            forget_weights(self.folder, {*stands.legs[-1:], *stands.waiting})
            if stands.stale >= STUCK:
                return NO_NUDGE
            number, values = self.number, self._values(records, stands)
            noted: dict[str, Any] = {"knobs": values, "from": stands.legs[-1] if stands.legs else None}
            start, began = self._weights(stands), perf_counter()
            try:
                made, state = leg(values, len(stands.legs), start)
                if not np.isfinite(made.log_loss):
                    raise InputError("the log loss on dev is no longer a number")
            except InputError as error:
                seconds = perf_counter() - began
                self.add(states.FAIL, values, noted | {"state": "failed", "why": str(error), "seconds": seconds})
                continue
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, self._path(number))
            self.add(states.COMPLETE, values, noted | attributes_of(made, perf_counter() - began), made)
        return why

    def _values(self, records: Sequence[Mapping[str, Any]], stands: Standing) -> dict[str, Any]:
        """Give the knobs of the next leg: those to start with, else nudged from those of the last good leg."""
        if not stands.legs and self.number == 1:
            return starting(self.knobs, self.configured)
        by_number = {each["number"]: each["knobs"] for each in records}
        around = by_number[stands.legs[-1]] if stands.legs else starting(self.knobs, self.configured)
        mirrored = self.number % 2
        return nudged(self.knobs, around, self.seed, self.number - mirrored, mirrored=bool(mirrored))

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}{WEIGHTS}"

    def _weights(self, stands: Standing) -> State | None:
        """Read the weights of the last good leg."""
        if not stands.legs:
            return None
        path = self._path(stands.legs[-1])
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{path} cannot be read, so the search cannot go on from it: remove {self.folder} to search anew"
            ) from error


def forget_weights(folder: Path, kept: Collection[int] = ()) -> None:
    """Remove the weights of legs, but for those that something may still start from."""
    for path in folder.glob(f"*{WEIGHTS}"):
        if int(path.stem) not in kept:
            path.unlink()


def standing(records: Sequence[Mapping[str, Any]]) -> Standing:
    """Say which legs were kept: the first that ends well, then of each two that started alike the better, if better.

    Parameters
    ----------
    records : sequence of mapping
        All trials in their order, each with `number, state, value, log_loss`; 0 is what is configured, 1 the first
        leg, 2 and 3 start alike, 4 and 5, and so on.

    Examples
    --------
    >>> told = [{"number": n, "state": "finished", "value": v, "log_loss": v} for n, v in enumerate([1, 9, 8, 7, 8, 9])]
    >>> standing(told)
    Standing(legs=(1, 3), waiting=(), stale=2)
    """
    by_number = {each["number"]: each for each in records if each["number"]}
    last = max(by_number, default=0)
    legs: list[int] = []
    stale = 0
    for group in ((1,), *((one, one + 1) for one in range(2, last + 1, 2))):
        if group[-1] > last:
            return Standing(tuple(legs), group[: last - group[0] + 1], stale)
        best = min(group, key=lambda number: _reached(by_number[number]))
        better = _reached(by_number[best]) < (_reached(by_number[legs[-1]]) if legs else (np.inf, np.inf))
        if better:
            legs.append(best)
        stale = 0 if better else stale + len(group)
    return Standing(tuple(legs), (), stale)


def legs_of(records: Sequence[Mapping[str, Any]]) -> list[int]:
    """Give the numbers of the legs that were kept; the better of two of which only one was walked counts as decided."""
    stands = standing(records)
    by_number = {each["number"]: each for each in records}
    undecided = [one for one in stands.waiting if not stands.legs or _better(by_number, one, stands.legs[-1])]
    return [*stands.legs, *undecided]


def _better(by_number: Mapping[int, Mapping[str, Any]], one: int, other: int) -> bool:
    return _reached(by_number[one]) < _reached(by_number[other])


def _reached(told: Mapping[str, Any]) -> tuple[float, float]:
    return (told["value"], told["log_loss"]) if told["state"] == "finished" else (np.inf, np.inf)


def starting(knobs: Sequence[Knob], configured: Mapping[str, Any]) -> dict[str, Any]:
    """Give the knobs of the first leg: as configured, or the nearest that is searched, or the middle.

    >>> starting([Knob("dropout", low=0, high=0.2), Knob("clip", low=1, high=3)], {"dropout": 0.5, "clip": None})
    {'dropout': 0.2, 'clip': 2.0}
    """

    def one(knob: Knob, value: Any) -> Any:
        if knob.holds(value):
            return value
        if knob.choices or value is None:
            return knob.at(0.5)
        return knob.at(min(max(knob.place(value), 0.0), 1.0)) if value > 0 else knob.at(0.0)

    return {knob.name: one(knob, configured[knob.name]) for knob in knobs}


def nudged(
    knobs: Sequence[Knob], around: Mapping[str, Any], seed: int, draw: int, *, mirrored: bool = False
) -> dict[str, Any]:
    """Nudge every knob up or down within its range.

    Parameters
    ----------
    knobs : sequence of Knob
    around : mapping
        What they are.
    seed, draw : int
        Together they decide the directions and how far.
    mirrored : bool
        Whether all directions are turned round.

    Examples
    --------
    >>> knob = Knob("learning_rate", low=1e-4, high=1e-2, log=True)
    >>> sorted(nudged([knob], {"learning_rate": 1e-3}, 0, 2, mirrored=side)["learning_rate"] for side in (False, True))
    [0.00041, 0.00244]
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, draw]))
    far = int(rng.choice(STRIDES))
    signs = rng.choice([-1, 1], size=len(knobs)) * (-1 if mirrored else 1)

    def one(knob: Knob, sign: int) -> Any:
        value = around[knob.name]
        if knob.choices:
            return knob.choices[min(max(knob.choices.index(value) + sign, 0), len(knob.choices) - 1)]
        return knob.at(min(max(knob.place(value) + sign * far * _step(knob), 0.0), 1.0))

    return {knob.name: one(knob, int(sign)) for knob, sign in zip(knobs, signs, strict=True)}


def _step(knob: Knob) -> float:
    """Give the least nudge as a share of the way between the ends."""
    if knob.power:
        return log(2) / log(knob.high / knob.low)
    return log(FACTOR) / log(knob.high / knob.low) if knob.log else TENTH
