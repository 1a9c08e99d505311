"""Look for better knobs of training: trial 0 is what is configured, the others are drawn, trained, and judged on dev.

One number is made small (log loss or error on dev) among the trials that keep within the limits; a trial that does
not keep within them never wins. Trials that fall behind the others within the limits are cut short by the log loss of
their epochs. Several at once (Ng's caviar) share the process as threads, which pays where steps are large, as on a GPU;
one network that is watched and nudged (his panda) is in `search_panda`.

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
from typing import TYPE_CHECKING, Any

from burnish.tasks.search_grid import knobs_of_grid, next_grid
from burnish.tasks.search_panda import MeasureLeg, Panda, forget_weights, legs_of
from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import JOURNAL, ended, importances, interrupted, open_study, quiet, sampler, to_study
from burnish.tasks.search_trials import (
    NOTED,
    Ended,
    Measure,
    Order,
    best_of,
    knobs_of,
    outcome,
    record,
    walk_trial,
)
from burnish.tasks.search_walk import Walk

if TYPE_CHECKING:
    from optuna.trial import Trial

RESULT = "search.json"
SHARE = 2  # a first grid has at most one in so many of the trials
EXHAUSTED = "the grid has no further points"


def search(
    measure: Measure,
    knobs: Sequence[Knob],
    configured: Mapping[str, Any],
    order: Order,
    *,
    folder: Path,
    leg: MeasureLeg | None = None,
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
    leg : callable, optional
        Trains a network on for some epochs: with it the method is panda, see `search_panda`.

    Returns
    -------
    dict
        `order`, `knobs`, `trials`, `best`, `better_by`, `importance`, `legs`, …; plain values.

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
        study = open_study(folder, order.pruning, len(knobs))
        given = study, knobs, configured, order, folder, seed
        why = _Caviar(*given).go(measure) if leg is None else Panda(*given).go(measure, leg)
        records = [record(trial, knobs) for trial in ended(study)]
        facts = {
            "order": asdict(order),
            "knobs": [knob.as_dict() for knob in knobs],
            "left": [knob.name for knob in left if knob not in knobs],
            "ended": why,
            "trials": records,
            **outcome(records, folder),
            "importance": importances(study, knobs, seed) if leg is None else None,
            "legs": [] if leg is None else legs_of(records),
            "study": f"{folder.name}/{JOURNAL}",
        }
    part = result.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(result)
    forget_weights(folder)
    return facts


class _Caviar(Walk):
    """The trials, one after the other or several at once; draws and records are made by the calling thread alone."""

    def go(self, measure: Measure) -> str:
        """Walk all trials that are missing; say why there are no more."""
        if not self.study.trials:
            self.begin(measure)
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
                        walking[start(partial(walk_trial, trial, self.knobs, measure))] = trial
                if not walking:
                    return why
                for future in wait(walking, return_when=FIRST_COMPLETED).done:
                    self._tell(walking.pop(future), future.result())

    def _draw(self) -> tuple[Trial | None, str]:
        """Draw the next trial, or say why there is none."""
        why = self.enough()
        if why:
            return None, why
        self.study.sampler = sampler(self.order.method, self.order.trials, self.seed, self.number)
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
        noted = end.attributes | ({} if end.measured is None else self.judged(end.measured))
        trial.set_user_attr(NOTED, noted)
        if end.measured is None:
            self.study.tell(trial, state=states.PRUNED if end.attributes["state"] == "cut short" else states.FAIL)
            return
        self.keep_losses(trial.number, end.measured)
        for name, beyond in self.exceeded(end.measured).items():
            trial.set_constraint(name, beyond)
        self.study.tell(trial, getattr(end.measured, self.order.optimize))


def _at_once(work: Callable[[], Ended]) -> Future[Ended]:
    """Do the work here and now: a thread of its own would not hear the user stop."""
    done: Future[Ended] = Future()
    done.set_result(work())
    return done
