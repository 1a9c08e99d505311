"""Sections of `summary.json` that no other task gives: the same facts that the report shows, as plain values.

What one task found, that task says itself (`as_dict`); here is what takes more than one of them to say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.actions import ACTIONS
from burnish.tasks.contest import ModelScore
from burnish.tasks.convnet_training import TrainedConvNet
from burnish.tasks.findings import SHOWN_IDS, Finding
from burnish.tasks.metrics import Rate
from burnish.tasks.mislabels import LabelAudit
from burnish.tasks.review_queue import mix_ups
from burnish.tasks.train import Trained
from burnish.tasks.tree_training import TrainedTrees
from burnish.tasks.unfreezing_stages import Step

SUSPECT_METHOD = "out-of-fold model, clusters and neighbours, read through a fitted labelling model; below one half"
CORRECTED = "Training labels were corrected where that was sure; decide on the rest in review.csv."
TOP_CONFUSIONS = 15
LEAST_CHANCE = 1e-12  # whose logarithm is still a number
HEAVIEST = 12
UNTRAINED = (
    "rounds", "metrics", "test_without_suspects", "errors", "errors_believed", "errors_as_given", "diagnosis",
    "mismatch", "error_categories", "misclassified", "slices", "augmentation", "weights", "training",
)  # fmt: skip
COMPONENTS = (
    "weight_class", "weight_source", "weight_density", "weight_quality", "weight_hard", "weight_user",
)  # fmt: skip
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def plain(value: Any) -> Any:
    """Turn NumPy and pandas values into what JSON can hold; NaN and infinities become None.

    Examples
    --------
    >>> plain({"a": np.float32(0.5), "b": [np.nan, np.int64(3)], "c": (True, pd.NA)})
    {'a': 0.5, 'b': [None, 3], 'c': [True, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return None if pd.isna(value) else str(value)


def dataset_facts(table: pd.DataFrame, classes: Sequence[str], attributes: int, path: str) -> dict[str, Any]:
    """Say what the data is: rows, classes and sources with their counts, and what is missing."""
    return {
        "path": path,
        "rows": len(table),
        "classes": list(classes),
        "class_counts": table["label"].value_counts().reindex(classes, fill_value=0).to_dict(),
        "sources": table["source"].value_counts().sort_index().to_dict(),
        "attributes": attributes,
        "missing_labels": int(table["label"].isna().sum()),
        "unreadable": int(table["unreadable"].sum()) if "unreadable" in table else 0,
    }


def label_facts(table: pd.DataFrame, audit: LabelAudit, model: str | None) -> dict[str, Any]:
    """Say what was found about the labels: how many, how they go wrong, what was done, and what each voice is worth.

    `model` is what the model voice was made of, None where no model was fitted.
    """
    issues = table[table["label_issue"]]
    pairs = mix_ups(table, np.flatnonzero(table["label_issue"]))
    return {
        "issues": len(issues),
        "issues_by_split": issues["split"].value_counts().to_dict(),
        "labelled_by_split": table.loc[table["label"].notna(), "split"].value_counts().to_dict(),
        "estimated_noise_rate": audit.noise_rate,
        "noise_matrix": audit.noise_matrix,
        "cleanlab": {
            "issues": int(table["cleanlab_issue"].sum()),
            "shared": int((table["cleanlab_issue"] & table["label_issue"]).sum()),
        },
        "voices": {name: vars(record) for name, record in audit.voices.items()},
        "model": model,
        **action_facts(table),
        "top_confusions": [
            {"given": given, "suggested": suggested, "count": count}
            for given, suggested, count in pairs[:TOP_CONFUSIONS]
        ],
    }


def action_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Count what is done about the labels: over all examples, in train, and by part what waits for a person."""
    done, train = {action: table["action"] == action for action in ACTIONS}, table["split"] == "train"
    return {
        "actions": {action: int(there.sum()) for action, there in done.items()},
        "train_actions": {action: int((there & train).sum()) for action, there in done.items()},
        "waiting_by_split": table.loc[table["action"] == "review", "split"].value_counts().to_dict(),
    }


def weight_facts(table: pd.DataFrame) -> dict[str, Any]:
    """Say how strongly examples count: the range over the rows learnt from, and the heaviest."""
    learnt = table[table["weight"] > 0].sort_values("weight", ascending=False, kind="stable")
    there = [name for name in COMPONENTS if name in table]
    weighed = table[(table[there] > 0).any(axis=1)]  # those that a factor of 0 keeps from learning as well
    at_work = [name for name in there if np.ptp(weighed[name].to_numpy()) > 0]
    factors = learnt[[*at_work, "weight"]]
    return {
        "components": at_work,
        "min": learnt["weight"].min(),
        "max": learnt["weight"].max(),
        "quantiles": {name: np.quantile(factors[name], QUANTILES).tolist() for name in factors},
        "quantiles_at": list(QUANTILES),
        "heaviest": learnt["id"].head(HEAVIEST).tolist(),
        "heaviest_factors": factors.head(HEAVIEST).to_dict(orient="list"),
    }


def training_facts(
    trained: Trained | TrainedTrees | TrainedConvNet | None,
    scores: Sequence[ModelScore] = (),
    steps: Sequence[Step] = (),
) -> dict[str, Any] | None:
    """Say how the final model was trained and what the models or stages that dev chose among reached there."""
    if trained is None:
        return None
    history = trained.history
    return {
        "model": trained.model,
        "parameters": trained.parameters,
        "epochs": len(history),
        "best_epoch": trained.best_epoch,
        "how": None if isinstance(trained, TrainedTrees) else trained.how,
        "candidates": [score.as_dict() for score in scores],
        "history": history.to_dict(orient="records"),
        "unfreezing": [step.as_dict() for step in steps],
    }


def prediction_columns(probabilities: NDArray[np.floating], classes: Sequence[str], labels: pd.Series) -> pd.DataFrame:
    """Give `predicted`, `confidence`, `margin` (best minus second best), `loss` (−log p of the label) and `correct`.

    The last two are missing without a label.

    Parameters
    ----------
    probabilities : float (n, k)
    classes : sequence of str, length k
    labels : Series (n,)
        The labels to judge by.
    """
    best = np.sort(probabilities, axis=1)[:, -2:]
    predicted = pd.Series(np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)], dtype="str")
    correct = (predicted.to_numpy() == labels.to_numpy()).astype(object)
    correct[labels.isna().to_numpy()] = None
    codes = pd.Categorical(labels, categories=list(classes)).codes
    label_chance = probabilities[np.arange(len(codes)), codes].astype(np.float64)
    return pd.DataFrame(
        {
            "predicted": predicted,
            "confidence": best[:, -1].astype(np.float64),
            "margin": (best[:, -1] - best[:, 0]).astype(np.float64),
            "loss": np.where(codes >= 0, -np.log(np.maximum(label_chance, LEAST_CHANCE)), np.nan),
            "correct": pd.Series(correct).astype("boolean"),
        }
    )


def suspect_finding(table: pd.DataFrame) -> Finding:
    """Say how many labels are suspect; `--fail-on labels` looks for it."""
    issues = table[table["label_issue"]].sort_values("label_quality", kind="stable")
    if issues.empty:
        return Finding("labels.suspect", "No label looks wrong", "ok", method=SUSPECT_METHOD)
    train, labelled = int((issues["split"] == "train").sum()), int(table["label"].notna().sum())
    return Finding(
        code="labels.suspect",
        title=f"{len(issues):,} of {labelled:,} labels are probably wrong, {train:,} of them in train",
        severity="warning",
        explanation="Wrong labels teach the model wrong things, and make its measured error look worse than it is.",
        method=SUSPECT_METHOD,
        advice=CORRECTED if table["action"].isin(["relabel", "drop"]).any() else "Decide on them in review.csv.",
        count=len(issues),
        ids=tuple(issues["id"].astype(str)[:SHOWN_IDS]),
    )


def error_facts(errors: Mapping[str, Any]) -> dict[str, Any]:
    """Give the chain of errors as plain values; the Bayes error is taken to be the best humans'."""
    facts = {name: rate.as_dict() for name, rate in errors.items() if isinstance(rate, Rate)}
    by_source = {source: rate.as_dict() for source, rate in errors["dev_by_source"].items()}
    return {"human": None, **facts, "bayes": facts.get("human"), "dev_by_source": by_source}


def loop_findings(as_given: Rate, cleaned: Rate) -> Iterator[Finding]:
    """Warn where cleaning made dev worse beyond its interval: the suspects may be right and the model wrong."""
    if cleaned.value > as_given.high:
        yield Finding(
            code="rounds.worse",
            title=f"Dev error rose from {as_given.value:.1%} to {cleaned.value:.1%} over the rounds",
            severity="warning",
            explanation="Cleaning should not cost accuracy: rare but right examples may have been taken for mislabels.",
            method="dev error of the last round against the interval of that of the labels as given",
            advice="Look at the relabelled examples; raise mislabels.cost_wrong_relabel.",
        )
