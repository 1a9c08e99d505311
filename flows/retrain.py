"""`retrain`: the whole loop. Clean, train, and again on the cleaned data, until the labels stop moving.

Round 0 learns from the labels as given; round r finds mislabels with what round r − 1 believed, decides, and trains
again. Every round is measured on the same dev labels, which nobody has touched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.analyse import analyse, describe_labels, finish
from burnish.flows.clean import (
    Labels,
    Prepared,
    find_labels,
    labelled_table,
    labels_as_given,
    prepare,
    write_labels,
)
from burnish.flows.run import Run, as_flow
from burnish.flows.train import Fitted, Round, keep_model, make_copies, train
from burnish.tasks.examples import Examples
from burnish.tasks.metrics import error_rate

SETTLED = 0.001
SETTLED_DOWN = "labels stopped moving"
GIVEN = "the probabilities are your own: there is no network to train again"


def retrain(run: Run, examples: Examples) -> dict[str, Any]:
    """Walk the whole loop as a Prefect flow; give the summary."""
    return as_flow("retrain", _retrain)(run, examples)


def clean_once(run: Run, examples: Examples) -> dict[str, Any]:
    """Walk up to the cleaned dataset as a Prefect flow, without a final model; give the summary."""
    return as_flow("clean", _clean_once)(run, examples)


def _clean_once(run: Run, examples: Examples) -> dict[str, Any]:
    prepared = prepare(run, examples)
    given = labels_as_given(prepared)
    labels = find_labels(run, prepared, given, 1)
    write_labels(run, prepared, labels)
    return finish(run, prepared, labelled_table(prepared, labels), describe_labels(run, prepared, labels))


def _retrain(run: Run, examples: Examples) -> dict[str, Any]:
    prepared = as_flow("clean", prepare)(run, examples)
    copies = make_copies(run, prepared)
    fit = as_flow("train", train)
    labels = labels_as_given(prepared)
    fitted = fit(run, prepared, labels, copies, 0)
    rounds = [_take_stock(run, prepared, labels, labels, fitted, 0)]
    for number in range(1, run.config.rounds + 1):
        before, labels = labels, find_labels(run, prepared, labels, number, *_believed(fitted))
        fitted = fit(run, prepared, labels, copies, number, before=fitted)
        rounds.append(_take_stock(run, prepared, before, labels, fitted, number))
        if prepared.features is None or rounds[-1].changed_share < SETTLED:
            rounds[-1] = replace(rounds[-1], stopped=GIVEN if prepared.features is None else SETTLED_DOWN)
            break
    write_labels(run, prepared, labels)
    keep_model(run, prepared, fitted)
    return as_flow("analyse", analyse)(run, prepared, labels, fitted, rounds, copies)


def _believed(fitted: Fitted) -> tuple[NDArray[np.float64], str]:
    """Give the weights and the kind of network that the next round's out-of-fold pass learns with."""
    return fitted.weights["weight"].to_numpy(), fitted.trained.model if fitted.trained else ""


def _take_stock(run: Run, prepared: Prepared, before: Labels, labels: Labels, fitted: Fitted, number: int) -> Round:
    """Count what a round changed and measure it; keep its predictions with the run."""
    predicted = fitted.probabilities.argmax(axis=1)
    learnt = labels.codes >= 0
    dev, test = prepared.judged("dev"), prepared.judged("test")
    changed = int((before.codes != labels.codes).sum())
    classes = np.asarray(prepared.examples.classes, dtype=object)
    final = pd.Series(classes[np.maximum(labels.codes, 0)], dtype="str").where(learnt)
    kept = {"id": prepared.table["id"], "final_label": final, "predicted": pd.Series(classes[predicted], dtype="str")}
    pd.DataFrame(kept).to_parquet(run.path(f"rounds/{number}.parquet"), index=False)
    return Round(
        number=number,
        trained_on=int(learnt.sum()),
        relabelled=int((learnt & (labels.codes != prepared.codes)).sum()),
        dropped=int((prepared.rows("train") & (prepared.codes >= 0) & ~learnt).sum()),
        changed=changed,
        changed_share=changed / max(int(prepared.learnable.sum()), 1),
        dev_error=error_rate(predicted[dev] != prepared.codes[dev]),
        train_error=error_rate(predicted[learnt] != labels.codes[learnt]),
        test_error=error_rate(predicted[test] != prepared.codes[test]),
    )
