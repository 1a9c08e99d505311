"""One trial of a search: what is asked of it, how it is walked, what is noted of it, and which of many is the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.contest import WIDTH
from burnish.tasks.findings import InputError
from burnish.tasks.fitting import Progress
from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import from_study

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, Trial

LIMITS = {"milliseconds": "ms an example", "parameters": "weights"}
LEAST = {"log_loss": 0.00005, "error": 0.0005}  # a smaller gain is written as nought
NOTED = "noted"  # what is kept with each trial of the study


@dataclass(frozen=True)
class Measured:
    """What one trial reached on dev.

    Attributes
    ----------
    log_loss, error : float
        As the judges weigh the rows.
    epochs, parameters : int
        Epochs walked, and trained weights.
    losses : float64 (m,)
        What is made small, row by row of dev.
    shares : float64 (m,)
        How much each row counts; sums to 1.
    milliseconds : float or None
        Prediction time an example, where it is limited.
    """

    log_loss: float
    error: float
    epochs: int
    parameters: int
    losses: NDArray[np.float64]
    shares: NDArray[np.float64]
    milliseconds: float | None = None


@dataclass(frozen=True)
class Order:
    """What is asked of a search; the keys of the config's section `search` that are no knobs."""

    trials: int
    method: str = "tpe"
    pruning: str = "median"
    optimize: str = "log_loss"
    milliseconds: float | None = None
    parameters: int | None = None
    jobs: int = 1
    minutes: float | None = None
    leg: int = 5

    def limits(self) -> dict[str, float]:
        """Give what a trial must keep within."""
        return {name: limit for name in LIMITS if (limit := getattr(self, name)) is not None}


Measure = Callable[[Mapping[str, Any], Progress], Measured]


@dataclass(frozen=True)
class Ended:
    """How a trial ended: what it reached, unless it was cut short or failed, and what is noted of it."""

    measured: Measured | None
    attributes: dict[str, Any]


def walk_trial(trial: Trial, knobs: Sequence[Knob], measure: Measure) -> Ended:
    """Train and measure with the knobs of a trial, as long as it does not fall behind."""
    import optuna

    values, began = from_study(knobs, trial.params), perf_counter()
    known = set(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)
    seen: list[float] = []

    def progress(epoch: int, _: float, loss: float) -> None:
        seen.append(loss)
        if epoch not in known:
            trial.report(loss, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    noted: dict[str, Any] = {"knobs": values}
    try:
        made = measure(values, progress)
    except optuna.TrialPruned:
        so_far = {"log_loss": min(seen), "epochs": len(seen), "seconds": perf_counter() - began}
        return Ended(None, noted | so_far | {"state": "cut short"})
    except InputError as error:
        return Ended(None, noted | {"state": "failed", "why": str(error), "seconds": perf_counter() - began})
    return Ended(made, noted | attributes_of(made, perf_counter() - began))


def attributes_of(made: Measured, seconds: float) -> dict[str, Any]:
    """Give what is noted of a trial that was finished."""
    names = ("log_loss", "error", "epochs", "parameters", "milliseconds")
    return {name: getattr(made, name) for name in names} | {"seconds": seconds}


def noted_of(trial: FrozenTrial) -> dict[str, Any]:
    """Give what was noted of a trial; nothing where it is not over."""
    noted: dict[str, Any] = trial.user_attrs.get(NOTED, {})
    return noted


def knobs_of(trial: FrozenTrial, knobs: Sequence[Knob]) -> dict[str, Any] | None:
    """Give the knobs of a trial, as they are tried."""
    given: dict[str, Any] | None = noted_of(trial).get("knobs")
    return from_study(knobs, trial.params) if given is None and trial.params else given


def record(trial: FrozenTrial, knobs: Sequence[Knob]) -> dict[str, Any]:
    """Give a trial that is over as plain values."""
    noted = noted_of(trial)
    names = ("value", "within", "log_loss", "error", "epochs", "parameters", "milliseconds", "seconds", "why")
    return {
        "number": trial.number,
        "state": noted.get("state", "failed"),
        "knobs": knobs_of(trial, knobs) or {},
        **{name: noted.get(name) for name in names},
        **{name: noted[name] for name in ("from",) if name in noted},
    }


def beyond_limits(told: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    """Say which limits a trial exceeds, by how much; "" where none.

    >>> beyond_limits({"within": False, "parameters": 2179}, {"parameters": 2000, "milliseconds": None})
    'beyond the limit (2,179 > 2,000 weights)'
    """
    if told["within"] is not False:
        return ""
    bounds = [(name, order[name]) for name in LIMITS if order[name] is not None]
    over = [f"{_plain(told[name])} > {_plain(limit)} {LIMITS[name]}" for name, limit in bounds if told[name] > limit]
    return f"beyond the limit{'s' if len(over) > 1 else ''} ({' and '.join(over)})"


def _plain(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:.4g}"


def best_of(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Give the finished trial within the limits with the smallest value, then log loss; of equal ones the first."""
    fit = [each for each in records if each["state"] == "finished" and each["within"]]
    return min(fit, key=lambda each: (each["value"], each["log_loss"]), default=None)


def gain_of(facts: Mapping[str, Any]) -> str:
    """Say whether the best trial gained "more" than chance, what may be "chance", or is "alike" to what is configured.

    Alike is what differs by less than is written; "" where no trial is the best.

    >>> told = {"order": {"optimize": "log_loss"}, "better_by": 0.02, "low": -0.01}
    >>> gain_of(told), gain_of(told | {"low": 0.01}), gain_of(told | {"better_by": 0.00002})
    ('chance', 'more', 'alike')
    """
    if facts["better_by"] is None:
        return ""
    least = LEAST[facts["order"]["optimize"]]
    return "alike" if facts["better_by"] < least else "chance" if facts["low"] <= 0 else "more"


def outcome(records: Sequence[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """Say which trial is best and how much smaller its loss is than that of what is configured, trial 0.

    The 95% interval is that of the mean of the differences row by row (normal, for paired rows with weights).
    """
    best = best_of(records)
    if best is None:
        return {"best": None, "better_by": None, "low": None, "high": None}
    mine, shares = np.load(folder / f"{best['number']}.npy").astype(np.float64)
    configured = np.load(folder / "0.npy")[0].astype(np.float64)
    apart = configured - mine
    gain = float(apart @ shares)
    half = WIDTH * float(np.sqrt(np.square(shares * (apart - gain)).sum()))
    return {"best": best["number"], "better_by": gain, "low": gain - half, "high": gain + half}
