"""`retrain`: the whole loop. Clean, train, and again on the cleaned data, until the labels stop moving.

Round 0 learns from the labels as given; round r finds mislabels with what round r − 1 believed, decides, and trains
again. Every round is measured on the same dev labels, which only a person changes; the best of the cleaned ones is
kept, or round 0 where dev says that cleaning did harm (`settling.py`). A loop that was stopped, or whose suspects a
person has decided on since, goes on after its last round (`rounds.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from burnish.flows.analyse import analyse, describe_labels, describe_stop, finish
from burnish.flows.clean import (
    Labels,
    find_labels,
    labelled_table,
    labels_as_given,
    withhold_changes,
    write_labels,
)
from burnish.flows.noise import make_copies
from burnish.flows.prepare import Prepared, prepare
from burnish.flows.rounds import Standing, finished_with, keep_standing, lead_over_given, read_standings, stand
from burnish.flows.run import Run, StoppedError, as_flow
from burnish.flows.search import other_chosen, search_knobs
from burnish.flows.train import Fitted, keep_model, train
from burnish.flows.unfreeze import unfreeze_blocks
from burnish.tasks.examples import Examples
from burnish.tasks.settling import SETTLED, best_round
from burnish.tasks.tree_training import TrainedTrees

SETTLED_DOWN = "labels stopped moving"
NO_BETTER = "the dev error has become no better"
GIVEN = "the probabilities are your own: there is no network to train again"


def retrain(run: Run, examples: Examples) -> dict[str, Any]:
    """Walk the whole loop as a Prefect flow, from the start or from where the run stands; give the summary."""
    return as_flow("retrain", _retrain)(run, examples)


def clean_once(run: Run, examples: Examples) -> dict[str, Any]:
    """Walk up to the cleaned dataset as a Prefect flow, without a final model; give the summary."""
    return as_flow("clean", _clean_once)(run, examples)


def _prepared(run: Run, examples: Examples, walk: Callable[[Run, Examples], Prepared]) -> Prepared:
    """Walk the stages before the labels; where they stop, leave a report, unless the run has a fuller one."""
    try:
        return walk(run, examples)
    except StoppedError as stop:
        if finished_with(run.folder) is None:
            stop.summary = finish(run, examples, stop.table, describe_stop(run, examples, stop))
        raise


def _clean_once(run: Run, examples: Examples) -> dict[str, Any]:
    learning = bool(run.config.mislabels.methods)
    prepared = _prepared(run, examples, partial(prepare, learning=learning))
    labels = _found_once(run, prepared)
    write_labels(run, prepared, labels)
    return finish(run, examples, labelled_table(prepared, labels), describe_labels(run, prepared, labels))


def _found_once(run: Run, prepared: Prepared) -> Labels:
    given = labels_as_given(prepared).codes
    return find_labels(run, prepared, [given], given)


def _retrain(run: Run, examples: Examples) -> dict[str, Any]:
    prepared = _prepared(run, examples, as_flow("clean", prepare))
    copies = None if run.config.train.model == TrainedTrees.model else make_copies(run, prepared)
    found = search_knobs(run, prepared, copies)
    prepared = replace(prepared, facts=prepared.facts | found.facts)
    fit = partial(as_flow("train", train), recipes=found.recipes)
    standings, start, before = _take_up(run, prepared)
    given, walked = labels_as_given(prepared), dict[int, tuple[Labels, Fitted]]()
    if not standings:
        walked[0] = given, fit(run, prepared, given, copies, 0)
        standings.append(stand(prepared, [], *walked[0]))
        keep_standing(run, prepared, standings[0])

    def walk(number: int) -> tuple[Labels, Fitted]:
        learnt = standings[before if number == start + 1 else number - 1]
        history = [standing.codes for standing in standings[:number]]
        labels = find_labels(run, prepared, history, learnt.codes, learnt.weight, learnt.model, copies)
        if 0 in walked and _teach_alike(run, labels, given):
            return labels, walked[0][1]
        return labels, fit(run, prepared, labels, copies, number, learnt.predicted)

    for number in range(len(standings), start + run.config.rounds + 1):
        labels, fitted = walked[number] = walk(number)
        standings.append(stand(prepared, standings, labels, fitted))
        standings[-1] = _judged(prepared, standings[start + 1 :], fitted)
        keep_standing(run, prepared, standings[-1])
        if standings[-1].figures.stopped:
            break
    kept = start + 1 + best_round([each.dev_errors(prepared) for each in standings[start + 1 :]])
    labels, fitted = walked[kept] if kept in walked else walk(kept)
    lead = lead_over_given(prepared, standings[0], standings[kept], labels)
    if lead.behind:
        run.add(lead.finding())
        kept, labels = 0, withhold_changes(labels, given)
        fitted = walked[0][1] if walked.get(0) else fit(run, prepared, given, copies, 0)
    fitted = unfreeze_blocks(run, prepared, labels, copies, fitted, found.recipes)
    if fitted.trained is not None:
        model, milliseconds = fitted.trained, fitted.milliseconds or 0.0
        run.add(*other_chosen(found.facts, model.model, parameters=model.parameters, milliseconds=milliseconds))
    write_labels(run, prepared, labels)
    keep_model(run, prepared, fitted)
    figures = [replace(each.figures, kept=number == kept) for number, each in enumerate(standings)]
    return as_flow("analyse", analyse)(run, prepared, labels, fitted, figures, copies)


def _teach_alike(run: Run, labels: Labels, given: Labels) -> bool:
    """Tell whether labels teach what those as given do: nobody doubted one, and none is weighed anew."""
    undoubted = labels.audit is None or labels.audit.posterior is None
    return undoubted and not run.config.weights.hard and np.array_equal(labels.codes, given.codes)


def _take_up(run: Run, prepared: Prepared) -> tuple[list[Standing], int, int]:
    """Give the rounds already walked, the one from which those still allowed are counted, and the one to go on from.

    Where the loop had ended but its report is not written, the last round is walked again.
    """
    standings, finished = read_standings(run, prepared), finished_with(run.folder)
    start, kept = finished or (0, 0)
    ended = len(standings) > 1 and (standings[-1].figures.stopped or len(standings) > start + run.config.rounds)
    return standings[:-1] if ended and len(standings) - 1 > start else standings, start, kept


def _judged(prepared: Prepared, walked: list[Standing], fitted: Fitted) -> Standing:
    """Say why the loop ends after its last round, where it does."""
    standing = walked[-1]
    best = best_round([each.dev_errors(prepared) for each in walked])
    if fitted.trained is None:
        why = GIVEN
    elif standing.figures.changed_share < SETTLED:
        why = SETTLED_DOWN
    elif best < len(walked) - 1:
        why = NO_BETTER
    else:
        return standing
    return replace(standing, figures=replace(standing.figures, stopped=why))
