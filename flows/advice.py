"""What the diagnosis is told besides the errors: classes never taught, failed trainings, knobs that do nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.clean import Labels
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.recipe import usual_learning_rate
from burnish.flows.run import Run
from burnish.flows.train import Fitted
from burnish.tasks.findings import Finding
from burnish.tasks.knobs import idle_knobs
from burnish.tasks.rare_classes import strengthen_rare
from burnish.tasks.training_checks import nothing_learnt


def suspects(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the labels that are probably wrong and that no person has decided on, bool (n,)."""
    return (table["label_issue"] & table["decision"].isna()).to_numpy(dtype=bool)


def taught_classes(prepared: Prepared, labels: Labels, fitted: Fitted) -> NDArray[np.bool_]:
    """Tell which rows of dev and test are of classes that something was learnt of, bool (n,); all others are true.

    A row of weight 0 teaches nothing; what the user's own model gave weight to is not known.
    """
    learnt = labels.codes >= 0
    if fitted.trained is not None:
        learnt &= fitted.weights["weight"].to_numpy() > 0
    known = np.bincount(labels.codes[learnt], minlength=len(prepared.examples.classes)) > 0
    judging = prepared.judged("dev") | prepared.judged("test")
    return ~judging | known[prepared.judging]


def names_of(prepared: Prepared, rows: NDArray[np.bool_]) -> list[str]:
    """Name the classes of some rows."""
    return [prepared.examples.classes[code] for code in np.unique(prepared.judging[rows])]


def failed_training(run: Run, prepared: Prepared, labels: Labels, fitted: Fitted) -> tuple[Finding, ...]:
    """Say where the final model knows no more than how frequent the classes are."""
    if fitted.trained is None:
        return ()
    weights, classes = fitted.weights["weight"].to_numpy(), prepared.examples.classes
    trained = fitted.trained
    return nothing_learnt(
        fitted.probabilities,
        labels.codes,
        weights,
        model=trained.model,
        classes=classes,
        still_learning=trained.best_epoch == len(trained.history),
        rate=run.config.train.learning_rate,
        usual=usual_learning_rate(run, trained.model),
        images=prepared.images is not None,
    )


def rare_classes(
    run: Run, prepared: Prepared, labels: Labels, fitted: Fitted, believed: NDArray[np.bool_]
) -> tuple[Finding, ...]:
    """Advise weights for rare classes that the model passes over, where there are none yet."""
    if fitted.trained is None or run.config.weights.class_balance or run.config.augment.balance:
        return ()
    dev = prepared.judged("dev") & believed
    learnt = np.where(fitted.weights["weight"] > 0, labels.codes, -1)[prepared.learnable]
    predicted = fitted.probabilities[dev].argmax(axis=1)
    return strengthen_rare(prepared.judging[dev], predicted, learnt, classes=prepared.examples.classes)


def idle_of(
    run: Run,
    prepared: Prepared,
    fitted: Fitted,
    copies: Copies | None,
    table: pd.DataFrame,
    *,
    nothing_learnt: bool,
    settled: bool,
) -> tuple[str, ...]:
    """Name the knobs that would bring nothing here."""
    trained, pixels, shown_whole = fitted.trained, prepared.pixels, False
    if prepared.measures is not None and pixels is not None:
        shown_whole = float(prepared.measures[["width", "height"]].min(axis=1).median()) <= pixels.shape[1]
    return idle_knobs(
        stopped_early=trained is not None and trained.best_epoch < len(trained.history),
        shown_whole=shown_whole,
        several_tried=bool(fitted.scores),
        labels_clean=not (suspects(table) & (table["split"] == "train")).any(),
        all_sources=run.config.split.train_sources is None,
        noise_fitted=copies is not None and copies.facts.get("told_apart") is not None,
        nothing_learnt=nothing_learnt,
        settled=settled,
        by_time=run.config.split.time is not None,
    )
