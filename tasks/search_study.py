"""The study behind a search: Optuna's samplers, pruners and journal file, in the terms of `search_space`.

Each trial is drawn by a sampler that is seeded by the search's seed and the trial's number, so that a search that was
stopped goes on with the very trials it would have had. A choice is known to Optuna by its JSON text, a power of two by
its exponent.

Sources: TPE: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"; evolutionary: NSGA-II, Deb et al.
2002; median rule: Golovin et al. 2017, "Google Vizier"; halving: Li et al. 2018, ASHA (all as Optuna has them).
Optuna is imported where it is used: a run without a search does not wait for it.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish.tasks.search_space import WHOLE, Knob

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

JOURNAL = "study.jsonl"
NAME = "burnish"
STARTING = 10  # trials drawn at random before TPE models anything, or a third of all where that is fewer
POPULATION = 4  # at least; NSGA-II has a quarter of the trials in each generation
WATCHED = 5  # epochs before a trial may be cut short
COMPARED = 4  # trials within the limits that must have ended before the median rule speaks
BEGUN, DRAWN = 4, 5  # what lines of Optuna's journal tell: a trial was begun, a knob of it drawn
OVER = (1, 2, 3)  # states of a trial there: complete, pruned, failed
FEWEST_TO_WEIGH = 10  # finished trials; with fewer, importance would be guessing


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's own words off the terminal: what it warns of is experimental, what it logs is in the report."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(folder: Path, pruning: str, knobs: int = 0) -> Study:
    """Open the study of a folder, or begin it; what a kill left half written is taken out of its journal first.

    A trial that was being drawn and has fewer than so many knobs counts as not begun.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    folder.mkdir(parents=True, exist_ok=True)
    mend_journal(folder / JOURNAL, knobs)
    path = str(folder / JOURNAL)
    storage = optuna.storages.JournalStorage(JournalFileBackend(path, lock_obj=JournalFileOpenLock(path)))
    return optuna.create_study(
        storage=storage, study_name=NAME, direction="minimize", pruner=_pruner(pruning), load_if_exists=True
    )


def mend_journal(path: Path, knobs: int) -> None:
    """Cut a journal off before its first torn line, as a kill leaves one; one that is whole stays as it is.

    Trials are drawn one after the other, so that only the last can want knobs; it is drawn again under its number.
    """
    if not path.is_file():
        return
    before = path.read_bytes()
    lines = before[: before.rfind(b"\n") + 1].splitlines(keepends=True)
    after = b"".join(_without_half_drawn(list(takewhile(_is_json, lines)), knobs))
    if after != before:
        part = path.with_suffix(".part")
        part.write_bytes(after)
        part.replace(path)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _without_half_drawn(lines: list[bytes], knobs: int) -> list[bytes]:
    """Leave out the lines of the last trial where it is not over and wants knobs."""
    told = [json.loads(line) for line in lines]
    begun = [place for place, each in enumerate(told) if each["op_code"] == BEGUN]
    if not begun:
        return lines
    own = [each.get("trial_id") == len(begun) - 1 for each in told]
    own[begun[-1]] = True
    about = [each for each, mine in zip(told, own, strict=True) if mine]
    over = any(each.get("state") in OVER for each in about)
    if over or sum(each["op_code"] == DRAWN for each in about) >= knobs:
        return lines
    return [line for line, mine in zip(lines, own, strict=True) if not mine]


def sampler(method: str, trials: int, seed: int, number: int) -> BaseSampler:
    """Give what draws one trial; a grid brings its own points, and what is not in them is drawn at random."""
    from optuna.samplers import NSGAIISampler, RandomSampler, TPESampler

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if method == "tpe":
        return TPESampler(n_startup_trials=max(1, min(STARTING, trials // 3)), seed=own)
    if method == "evolutionary":
        return NSGAIISampler(population_size=max(POPULATION, trials // 4), seed=own)
    return RandomSampler(seed=own)


def _pruner(pruning: str) -> BasePruner:
    from optuna.pruners import MedianPruner, NopPruner, SuccessiveHalvingPruner

    from burnish.tasks.search_pruning import AmongFeasible

    if pruning == "median":
        return AmongFeasible(MedianPruner(n_startup_trials=COMPARED, n_warmup_steps=WATCHED, n_min_trials=COMPARED))
    return AmongFeasible(SuccessiveHalvingPruner(min_resource=WATCHED)) if pruning == "halving" else NopPruner()


def distributions(knobs: Sequence[Knob]) -> dict[str, BaseDistribution]:
    """Say to Optuna what each knob may be."""
    return {knob.name: _distribution(knob) for knob in knobs}


def _distribution(knob: Knob) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if knob.choices:
        return CategoricalDistribution([json.dumps(each) for each in knob.choices])
    if knob.power:
        return IntDistribution(round(math.log2(knob.low)), round(math.log2(knob.high)))
    if knob.name in WHOLE:
        return IntDistribution(round(knob.low), round(knob.high), log=knob.log)
    return FloatDistribution(float(knob.low), float(knob.high), log=knob.log)


def to_study(knobs: Sequence[Knob], values: Mapping[str, Any]) -> dict[str, Any]:
    """Write values of knobs as Optuna knows them.

    >>> to_study([Knob("batch_size", low=32, high=256), Knob("hidden", choices=([64], [128]))],
    ...          {"batch_size": 64, "hidden": [128]})
    {'batch_size': 6, 'hidden': '[128]'}
    """

    def one(knob: Knob, value: Any) -> Any:
        return json.dumps(value) if knob.choices else round(math.log2(value)) if knob.power else value

    return {knob.name: one(knob, values[knob.name]) for knob in knobs}


def from_study(knobs: Sequence[Knob], params: Mapping[str, Any]) -> dict[str, Any]:
    """Read values of knobs as they are tried."""

    def one(knob: Knob, value: Any) -> Any:
        return json.loads(value) if knob.choices else 2**value if knob.power else knob.tried(value)

    return {knob.name: one(knob, params[knob.name]) for knob in knobs}


def interrupted(study: Study) -> list[Trial]:
    """Give the trials that were being walked when the search was stopped, to be walked again."""
    import optuna

    running = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    return [optuna.Trial(study, trial._trial_id) for trial in running]


def ended(study: Study) -> list[FrozenTrial]:
    """Give the trials that are over, in their order."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]


def importances(study: Study, knobs: Sequence[Knob], seed: int) -> dict[str, float] | None:
    """Give the share of each knob in how the finished trials differ (fANOVA); None where they are too few or alike.

    Source: Hutter, Hoos & Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance".
    """
    import optuna

    finished = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if len(knobs) < 2 or len(finished) < FEWEST_TO_WEIGH or len({trial.value for trial in finished}) < 2:
        return None
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator, params=[each.name for each in knobs])
    return {name: round(float(share), 6) for name, share in shares.items()}
