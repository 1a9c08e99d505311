"""What every search does alike: trial 0 is what is configured; each trial is judged, recorded, held to the limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import distributions, ended, to_study
from burnish.tasks.search_trials import NOTED, Measure, Measured, Order, attributes_of, noted_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, TrialState

TRIALS, MINUTES = "all trials were walked", "the time was up"


class Walk:
    """The trials of one study.

    Parameters
    ----------
    study : Study
    knobs : sequence of Knob
        What is searched.
    configured : mapping
        What each of them is without a search.
    order : Order
    folder : Path
        Where the losses of the trials are kept.
    seed : int
    """

    def __init__(
        self,
        study: Study,
        knobs: Sequence[Knob],
        configured: Mapping[str, Any],
        order: Order,
        folder: Path,
        seed: int,
    ) -> None:
        self.study, self.knobs, self.order, self.folder, self.seed = study, knobs, order, folder, seed
        self.configured = {knob.name: configured[knob.name] for knob in knobs}
        self.spaces = distributions(knobs)
        self.began = perf_counter() - seconds_walked(ended(study))

    @property
    def number(self) -> int:
        """How many trials there are, which is the number of the next one."""
        return len(self.study.get_trials(deepcopy=False))

    def enough(self) -> str:
        """Say why no further trial starts; "" where one may."""
        if self.number >= self.order.trials:
            return TRIALS
        late = self.order.minutes is not None and perf_counter() - self.began > 60 * self.order.minutes
        return MINUTES if late else ""

    def begin(self, measure: Measure) -> None:
        """Measure what is configured, and tell the study of it where it lies among what is searched.

        Where it does not, the study knows it as a trial that failed: nothing is to be learnt from it.
        """
        import optuna

        epochs: dict[int, float] = {}
        began = perf_counter()
        made = measure({}, lambda epoch, _, loss: epochs.__setitem__(epoch, loss))
        inside = all(knob.holds(self.configured[knob.name]) for knob in self.knobs)
        states = optuna.trial.TrialState
        noted = {"knobs": self.configured} | attributes_of(made, perf_counter() - began)
        self.add(states.COMPLETE if inside else states.FAIL, self.configured, noted, made, epochs)

    def add(
        self,
        state: TrialState,
        values: Mapping[str, Any],
        noted: Mapping[str, Any],
        made: Measured | None = None,
        epochs: Mapping[int, float] | None = None,
    ) -> None:
        """Record a trial that was not drawn by the study; its knobs and figures only where it is complete."""
        import optuna

        kept: dict[str, Any] = {"state": state}
        if made is not None:
            self.keep_losses(self.number, made)
            noted = dict(noted) | self.judged(made)
        if made is not None and state == optuna.trial.TrialState.COMPLETE:
            kept |= {
                "value": getattr(made, self.order.optimize),
                "params": to_study(self.knobs, values),
                "distributions": self.spaces,
                "intermediate_values": dict(epochs or {}),
                "constraints": self.exceeded(made),
            }
        self.study.add_trial(optuna.trial.create_trial(user_attrs={NOTED: dict(noted)}, **kept))

    def exceeded(self, made: Measured) -> dict[str, float]:
        """Say by how much each limit is exceeded; nought and less keeps within."""
        return {name: float(getattr(made, name) - limit) for name, limit in self.order.limits().items()}

    def judged(self, made: Measured) -> dict[str, Any]:
        """Give the number that is made small, and whether the trial keeps within the limits."""
        within = all(beyond <= 0 for beyond in self.exceeded(made).values())
        return {"state": "finished", "value": getattr(made, self.order.optimize), "within": within}

    def keep_losses(self, number: int, made: Measured) -> None:
        """Keep the losses row by row, for the interval of what was gained."""
        np.save(self.folder / f"{number}.npy", np.stack([made.losses, made.shares]).astype(np.float32))


def seconds_walked(trials: Iterable[FrozenTrial]) -> float:
    """Give the seconds in which trials were walked; those of several at once count once."""
    ends = [(trial.datetime_complete, noted_of(trial).get("seconds", 0.0)) for trial in trials]
    spans = [(end.timestamp() - seconds, end.timestamp()) for end, seconds in ends if end is not None]
    covered, until = 0.0, -np.inf
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, until))
        until = max(until, end)
    return covered
