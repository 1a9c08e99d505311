"""Look for better knobs of training: trial 0 is what is configured, the others are drawn, trained, and judged on dev.

One number is made small (log loss or error on dev) among the trials that keep within the limits; a trial that does
not keep within them never wins. Trials that fall behind are cut short by the log loss of their epochs. Several at once
(Ng's caviar) share the process as threads, which pays where steps are large, as on a GPU.

What is left behind is a folder: Optuna's journal, the losses of each finished trial on dev, and once the search is over
`search.json`. A search that was stopped goes on with the trials that are missing; one that is over is only read.

Same seed, same trials, where there is one at a time and no limit of time. Known failures: dev chooses the best of many,
so its figure is a little too good, the more so the more trials (the test part is not touched); a plan of the learning
rate that bends late (cosine, one_cycle) may be cut short before it shows what it is worth, so `pruning: auto` cuts
none there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish.tasks.search_grid import knobs_of_grid, next_grid
from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import (
    JOURNAL,
    distributions,
    ended,
    importances,
    interrupted,
    open_study,
    quiet,
    sampler,
    to_study,
)
from burnish.tasks.search_trials import (
    NOTED,
    Ended,
    Measure,
    Measured,
    Order,
    attributes_of,
    best_of,
    knobs_of,
    noted_of,
    outcome,
    record,
    walk_trial,
)

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial

RESULT = "search.json"
SHARE = 2  # a first grid has at most one in so many of the trials
TRIALS, MINUTES, EXHAUSTED = "all trials were walked", "the time was up", "the grid has no further points"


def search(
    measure: Measure,
    knobs: Sequence[Knob],
    configured: Mapping[str, Any],
    order: Order,
    *,
    folder: Path,
    seed: int = 0,
) -> dict[str, Any]:
    """Walk a search, or what is missing of it, and give the section `search` of the summary.

    Parameters
    ----------
    measure : callable
        (knobs that differ from the configured, progress) → Measured. Progress is called with (epoch, train_loss,
        dev_loss) and may raise to cut the trial short.
    knobs : sequence of Knob
        What is searched.
    configured : mapping
        What each of them is without a search.
    folder : Path
        Where the study is kept.

    Returns
    -------
    dict
        `order`, `knobs`, `trials`, `best`, `better_by`, `importance`, …; plain values.

    Raises
    ------
    InputError
        What is configured cannot be trained.
    """
    result = folder / RESULT
    if result.is_file():
        known: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return known
    left = knobs
    if order.method == "grid":
        knobs = knobs_of_grid(knobs, max(order.trials // SHARE, 1))
    with quiet():
        study = open_study(folder, order.pruning)
        why = _Walk(study, measure, knobs, configured, order, folder, seed).go()
        records = [record(trial, knobs) for trial in ended(study)]
        facts = {
            "order": asdict(order),
            "knobs": [knob.as_dict() for knob in knobs],
            "left": [knob.name for knob in left if knob not in knobs],
            "ended": why,
            "trials": records,
            **outcome(records, folder),
            "importance": importances(study, knobs, seed),
            "study": f"{folder.name}/{JOURNAL}",
        }
    part = result.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(result)
    return facts


class _Walk:
    """The trials, one after the other or several at once; draws and records are made by the calling thread alone."""

    def __init__(
        self,
        study: Study,
        measure: Measure,
        knobs: Sequence[Knob],
        configured: Mapping[str, Any],
        order: Order,
        folder: Path,
        seed: int,
    ) -> None:
        self.study, self.measure, self.knobs, self.order = study, measure, knobs, order
        self.configured = {knob.name: configured[knob.name] for knob in knobs}
        self.folder, self.seed = folder, seed
        self.spaces = distributions(knobs)
        self.began = perf_counter() - sum(noted_of(trial).get("seconds", 0.0) for trial in ended(study))

    def go(self) -> str:
        """Walk all trials that are missing; say why there are no more."""
        if not self.study.trials:
            self._begin()
        pending, why = interrupted(self.study), ""
        with ThreadPoolExecutor(self.order.jobs) as pool:
            start = _at_once if self.order.jobs == 1 else pool.submit
            walking: dict[Future[Ended], Trial] = {}
            while True:
                while len(walking) < self.order.jobs and not (why and not pending):
                    trial = pending.pop(0) if pending else None
                    if trial is None:
                        trial, why = self._draw()
                    if trial is not None:
                        walking[start(partial(walk_trial, trial, self.knobs, self.measure))] = trial
                if not walking:
                    return why
                for future in wait(walking, return_when=FIRST_COMPLETED).done:
                    self._tell(walking.pop(future), future.result())

    def _begin(self) -> None:
        """Measure what is configured, and tell the study of it where it lies among what is searched.

        Where it does not, the study knows it as a trial that failed: nothing is to be learnt from it.
        """
        import optuna

        epochs: dict[int, float] = {}
        began = perf_counter()
        made = self.measure({}, lambda epoch, _, loss: epochs.__setitem__(epoch, loss))
        inside = all(knob.holds(self.configured[knob.name]) for knob in self.knobs)
        state = optuna.trial.TrialState
        self._keep_losses(0, made)
        kept: dict[str, Any] = {
            "state": state.COMPLETE,
            "value": getattr(made, self.order.optimize),
            "params": to_study(self.knobs, self.configured),
            "distributions": self.spaces,
            "intermediate_values": epochs,
            "constraints": self._exceeded(made),
        }
        noted = {"knobs": self.configured} | self._judged(made) | attributes_of(made, perf_counter() - began)
        outside = {"state": state.FAIL}
        self.study.add_trial(optuna.trial.create_trial(user_attrs={NOTED: noted}, **(kept if inside else outside)))

    def _draw(self) -> tuple[Trial | None, str]:
        """Draw the next trial, or say why there is none."""
        number = len(self.study.get_trials(deepcopy=False))
        if number >= self.order.trials:
            return None, TRIALS
        if self.order.minutes is not None and perf_counter() - self.began > 60 * self.order.minutes:
            return None, MINUTES
        self.study.sampler = sampler(self.order.method, self.order.trials, self.seed, number)
        if self.order.method == "grid":
            point = self._next_point()
            if point is None:
                return None, EXHAUSTED
            self.study.enqueue_trial(to_study(self.knobs, point))
        return self.study.ask(self.spaces), ""

    def _next_point(self) -> dict[str, Any] | None:
        """Give the next point of the grid; the grids are kept with the study, so that they outlive a stop."""
        grids: list[dict[str, Any]] = self.study.user_attrs.get("grids", [])
        tried = [knobs_of(trial, self.knobs) for trial in self.study.get_trials(deepcopy=False)]
        waiting = [point for point in grids if point not in tried]
        if not waiting:
            best = best_of(record(trial, self.knobs) for trial in ended(self.study)) if grids else None
            around = None if best is None else best["knobs"]
            middle = around if around is not None and self._inside(around) else None
            waiting = next_grid(self.knobs, middle, tried)
            self.study.set_user_attr("grids", [*grids, *waiting])
        return waiting[0] if waiting else None

    def _inside(self, values: Mapping[str, Any]) -> bool:
        return all(knob.holds(values[knob.name]) for knob in self.knobs)

    def _tell(self, trial: Trial, end: Ended) -> None:
        """Record how a trial ended."""
        import optuna

        states = optuna.trial.TrialState
        self.study.sampler = sampler(self.order.method, self.order.trials, self.seed, trial.number)
        noted = end.attributes | ({} if end.measured is None else self._judged(end.measured))
        trial.set_user_attr(NOTED, noted)
        if end.measured is None:
            self.study.tell(trial, state=states.PRUNED if end.attributes["state"] == "cut short" else states.FAIL)
            return
        self._keep_losses(trial.number, end.measured)
        for name, beyond in self._exceeded(end.measured).items():
            trial.set_constraint(name, beyond)
        self.study.tell(trial, getattr(end.measured, self.order.optimize))

    def _exceeded(self, made: Measured) -> dict[str, float]:
        """Say by how much each limit is exceeded; nought and less keeps within."""
        return {name: float(getattr(made, name) - limit) for name, limit in self.order.limits().items()}

    def _judged(self, made: Measured) -> dict[str, Any]:
        """Give the number that is made small, and whether the trial keeps within the limits."""
        within = all(beyond <= 0 for beyond in self._exceeded(made).values())
        return {"state": "finished", "value": getattr(made, self.order.optimize), "within": within}

    def _keep_losses(self, number: int, made: Measured) -> None:
        np.save(self.folder / f"{number}.npy", np.stack([made.losses, made.shares]).astype(np.float32))


def _at_once(work: Callable[[], Ended]) -> Future[Ended]:
    """Do the work here and now: a thread of its own would not hear the user stop."""
    done: Future[Ended] = Future()
    done.set_result(work())
    return done
