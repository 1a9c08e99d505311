"""`train`: weigh the examples, add noisy copies, fit the models to choose from, predict every row with the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.clean import Labels
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.recipe import recipe_of
from burnish.flows.run import Run
from burnish.flows.several import helped
from burnish.tasks.boosting import boosting_fits
from burnish.tasks.compiling import compiled_findings
from burnish.tasks.contest import ModelScore, rank_models
from burnish.tasks.convnet_training import CNN, NO_IMAGES, TrainedConvNet, asked_by_auto, predict_images, train_cnn
from burnish.tasks.density import density_ratio
from burnish.tasks.encoders import Encoder
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.losses import soft_targets
from burnish.tasks.metrics import latency
from burnish.tasks.moves import Moves
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.saved import save_model
from burnish.tasks.train import Trained, predict, train_network
from burnish.tasks.training_checks import no_columns, training_findings, unread_knobs, unread_noise
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.tree_training import TrainedTrees, train_trees
from burnish.tasks.unfreezing_stages import Step
from burnish.tasks.weights import among_copies, strengthening_factors, weight_findings

BOOSTING = TrainedTrees.model
Value = TypeVar("Value", np.float32, np.uint8)
TIMED_ROWS, TIMED_IMAGES = 1024, 16


@dataclass(frozen=True)
class Fitted:
    """A model after one round, and what it says of every row.

    Attributes
    ----------
    trained : Trained, TrainedTrees, TrainedConvNet or None
        None where the probabilities are the user's own.
    weights : DataFrame of n rows
        `weight` and its components.
    probabilities : float (n, k)
    milliseconds : float or None
        Prediction time an example, from what its file holds (an image decoded) to the class.
    scores : tuple of ModelScore
        What each of several models reached on dev, the best first; empty where there was one.
    network : str
        The kind of network that the model voice goes on with; empty where none was trained.
    encoder : PretrainedEncoder or None
        What feeds the model, where some of its blocks were tuned with it; else it is the encoder of all rounds.
    steps : tuple of Step
        The stages of unfreezing, the frozen network first; empty where that was not asked for.
    """

    trained: Trained | TrainedTrees | TrainedConvNet | None
    weights: pd.DataFrame
    probabilities: NDArray[np.floating]
    milliseconds: float | None
    scores: tuple[ModelScore, ...] = ()
    network: str = ""
    encoder: PretrainedEncoder | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Judges:
    """The dev rows that models are stopped and chosen by.

    Attributes
    ----------
    rows : int64 (m,)
    labels : int64 (m,)
    believed : float64 (m,) or None
        The probability that each label is right, where that was looked into.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    believed: NDArray[np.float64] | None


def train(
    run: Run,
    prepared: Prepared,
    labels: Labels,
    copies: Copies | None,
    number: int,
    before: NDArray[np.int64] | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> Fitted:
    """Fit one round's model.

    Parameters
    ----------
    labels : Labels
        What to learn from.
    number : int
        The round, 0 for the labels as given.
    before : int64 (n,), optional
        What the model of the round before says: its errors are the hard examples.
    recipes : mapping of str to Recipe, optional
        How to train some kinds of network, where other than configured.
    """
    weights = run.stage("Weigh examples", weigh)(run, prepared, labels, before)
    if prepared.features is None:
        assert prepared.examples.probabilities is not None
        return Fitted(None, weights, prepared.examples.probabilities, None)
    judges = judges_of(prepared, labels)
    strength = weights["weight"].to_numpy()
    made: dict[str, Trained | TrainedTrees | TrainedConvNet] = {}
    kinds = _kinds(run, prepared, len(judges.rows))
    if number == 0:
        classes, taught = prepared.examples.classes, np.where(strength > 0, labels.codes, -1)
        size = run.config.train.batch_size if {"mlp", CNN} & set(kinds) else None
        added = 0 if copies is None else len(copies.origin)
        run.add(*training_findings(taught, classes=classes, batch_size=size, copies=added))
        run.add(*weight_findings(weights, labels.codes))
        turned = run.config.train.model_dump(exclude_defaults=True)
        run.add(*unread_knobs(turned, kinds, doubted=bool(run.config.mislabels.methods)))
        images = prepared.pixels is not None and prepared.examples.embeddings is None
        run.add(*unread_noise(run.config.augment.model_dump(exclude_defaults=True), kinds, images=images))
    for kind in kinds:
        recipe = (recipes or {}).get(kind) or recipe_of(run, prepared)
        if kind == BOOSTING:
            made[kind] = _fit_trees(run, prepared, labels, strength, judges, number)
        elif kind == CNN:
            made[kind] = _fit_cnn(run, prepared, labels, strength, copies, judges, number, recipe)
        else:
            made[kind] = _fit_network(run, prepared, labels, strength, copies, judges, number, kind, recipe)
    said = {kind: _predict(run, prepared, trained, judges.rows) for kind, trained in made.items()}
    scores = rank_models(said, judges.labels, judges.believed) if len(made) > 1 else ()
    ranked = [score.model for score in scores] or list(made)
    best, networks = made[ranked[0]], [kind for kind in ranked if kind != BOOSTING]
    milliseconds = _milliseconds(run, prepared, best)
    probabilities = _predict(run, prepared, best, slice(None))
    return Fitted(best, weights, probabilities, milliseconds, scores, networks[0] if networks else "")


def judges_of(prepared: Prepared, labels: Labels) -> Judges:
    """Give the labelled dev rows, and how far each label is believed."""
    rows = np.flatnonzero(prepared.judged("dev"))
    judging = prepared.judging[rows]
    posterior = None if labels.audit is None else labels.audit.posterior
    believed = None if posterior is None else posterior[rows, judging].astype(np.float64)
    return Judges(rows, judging, believed)


def _kinds(run: Run, prepared: Prepared, judged: int) -> tuple[str, ...]:
    """Name the models to train: the configured one, or those that dev is to choose from."""
    configured, columns = run.config.train.model, prepared.tree_columns
    if configured == BOOSTING and not columns:
        raise InputError(no_columns(images=prepared.images is not None))
    if configured == CNN and prepared.images is None:
        raise InputError(NO_IMAGES)
    if configured != "auto":
        return (configured,)
    if not judged:
        return ("mlp",)
    if prepared.images is not None and asked_by_auto(run.config.train.device):
        return ("linear", "mlp", CNN)
    fits = boosting_fits(len(prepared.codes), len(columns), len(prepared.examples.classes))
    return ("linear", "mlp", BOOSTING) if columns and fits else ("linear", "mlp")


def _fit_network(
    run: Run,
    prepared: Prepared,
    labels: Labels,
    weights: NDArray[np.float64],
    copies: Copies | None,
    judges: Judges,
    number: int,
    kind: str,
    recipe: Recipe,
) -> Trained:
    assert prepared.features is not None
    made = None if copies is None else copies.features
    balance = run.config.weights.class_balance
    features, codes, strength = training_rows(prepared.features, made, labels, weights, copies, class_balance=balance)
    trained = run.stage(f"Train {kind}, round {number}", train_network)(
        features,
        codes,
        strength,
        targets=soft_labels(run, labels, weights, copies),
        dev_features=prepared.features[judges.rows],
        recipe=recipe,
        model=kind,
        device=run.config.train.device,
        **judged_by(run, prepared, judges),
    )
    if trained.note and number == 0:
        run.add(_memory_finding(kind, trained.note))
    return trained


def judged_by(run: Run, prepared: Prepared, judges: Judges) -> dict[str, Any]:
    """Give what every kind of model is told alike: the dev labels that stop it, and how much each counts."""
    return {
        "dev_labels": judges.labels,
        "dev_weights": judges.believed,
        "classes": prepared.examples.classes,
        "threads": run.threads,
        "seed": run.config.seed,
    }


def soft_labels(
    run: Run, labels: Labels, weights: NDArray[np.float64], copies: Copies | None
) -> NDArray[np.float32] | None:
    """Give what each row is to learn of each class, where that was asked for and the labels were looked into."""
    if labels.audit is None or labels.audit.posterior is None or not run.config.train.soft_labels:
        return None
    shares = soft_targets(labels.codes, labels.quality, labels.audit.posterior)
    made = None if copies is None or copies.features is None else shares[copies.origin]
    return training_rows(shares, made, labels, weights, copies)[0]


def _fit_cnn(
    run: Run,
    prepared: Prepared,
    labels: Labels,
    weights: NDArray[np.float64],
    copies: Copies | None,
    judges: Judges,
    number: int,
    recipe: Recipe,
) -> TrainedConvNet:
    """Train on the pixels of the rows learnt from and of their noisy copies."""
    assert prepared.images is not None
    made = None if copies is None else copies.pixels
    balance = run.config.weights.class_balance
    pixels, codes, strength = training_rows(prepared.images, made, labels, weights, copies, class_balance=balance)
    trained = run.stage(f"Train {CNN}, round {number}", helped(train_cnn))(
        pixels,
        codes,
        strength,
        targets=soft_labels(run, labels, weights, copies),
        dev_pixels=prepared.images[judges.rows],
        recipe=recipe,
        moves=Moves(mirror=run.config.train.mirror),
        device=run.config.train.device,
        compiled=run.config.train.compiled,
        **judged_by(run, prepared, judges),
    )
    run.add(*compiled_findings(trained.compiled, run.findings))
    if trained.note and number == 0:
        run.add(_memory_finding(CNN, trained.note))
    return trained


def _memory_finding(kind: str, note: str) -> Finding:
    return Finding("training.memory", f"The {kind} was trained in {note}", "info")


def _fit_trees(
    run: Run, prepared: Prepared, labels: Labels, weights: NDArray[np.float64], judges: Judges, number: int
) -> TrainedTrees:
    """Boost trees on the columns; noisy copies are of feature vectors, which trees do not read."""
    return run.stage(f"Train {BOOSTING}, round {number}", train_trees)(
        prepared.attributes,
        labels.codes,
        weights,
        dev=judges.rows,
        learn_from=prepared.tree_columns,
        **judged_by(run, prepared, judges),
    )


def _predict(
    run: Run,
    prepared: Prepared,
    trained: Trained | TrainedTrees | TrainedConvNet,
    rows: NDArray[np.int64] | slice,
    threads: int | None = None,
) -> NDArray[np.floating]:
    """Give the class probabilities (m, k) of some rows, on the threads of the run where no number is given."""
    if isinstance(trained, TrainedTrees):
        return trained.predict(prepared.attributes.iloc[rows])
    if isinstance(trained, TrainedConvNet):
        assert prepared.images is not None
        return predict_images(trained.network, prepared.images[rows], threads=threads or run.threads)
    assert prepared.features is not None
    return predict(trained, prepared.features[rows], threads=threads or run.threads)


def _milliseconds(run: Run, prepared: Prepared, trained: Trained | TrainedTrees | TrainedConvNet) -> float:
    timed = np.arange(min(TIMED_ROWS, len(prepared.codes)))
    alone = latency(lambda rows: _predict(run, prepared, trained, rows, threads=1), timed)
    return alone + (encoding_time(prepared) if isinstance(trained, Trained) else 0.0)


def encoding_time(prepared: Prepared, encoder: Encoder | None = None) -> float:
    """Give the milliseconds that it takes to make features of an example, by the run's encoder or another one.

    A pretrained network takes thousands of times as long as the model on its features.
    """
    encode = encoder or prepared.encoder
    given: Any = prepared.examples.embeddings
    assert encode is not None
    if given is None:
        given = prepared.attributes if prepared.pixels is None else prepared.pixels
    return latency(encode.transform, given[: TIMED_ROWS if prepared.pixels is None else TIMED_IMAGES], repeats=2)


def weigh(run: Run, prepared: Prepared, labels: Labels, before: NDArray[np.int64] | None) -> pd.DataFrame:
    """Give s(i) of every row by component; rows not learnt from weigh nothing."""
    options = run.config.weights.model_dump(exclude={"column"})
    column = run.config.weights.column
    misclassified = np.zeros(len(labels.codes), bool)
    if before is not None:
        misclassified = before != labels.codes
    ratios = None
    if run.config.weights.density and prepared.features is not None:
        learnt, dev = labels.codes >= 0, prepared.judged("dev")
        ratios = density_ratio(prepared.features, learnt, dev, cap=run.config.weights.cap, seed=run.config.seed)
    return strengthening_factors(
        labels.codes,
        prepared.table["source"],
        labels.quality,
        ratios=ratios,
        target=prepared.rows("dev"),
        misclassified=misclassified,
        user=None if column is None else prepared.attributes[column].to_numpy(dtype=float),
        **options,
    )


def training_rows(
    given: NDArray[Value],
    made: NDArray[Value] | None,
    labels: Labels,
    strength: NDArray[np.float64],
    copies: Copies | None,
    *,
    class_balance: float = 0.0,
) -> tuple[NDArray[Value], NDArray[np.int64], NDArray[np.float64]]:
    """Put together the rows learnt from and what was made of them, each copy with the label and weight of its origin.

    Rows are vectors or images: `given` of all examples, `made` of the copies. Where classes are balanced by weights, a
    class that has more copies than others shares its weight among them (`weights.among_copies`).
    """
    rows = np.flatnonzero(labels.codes >= 0)
    if copies is None or made is None:
        return given[rows], labels.codes[rows], strength[rows]
    kept = labels.codes[copies.origin] >= 0
    origin = np.concatenate([rows, copies.origin[kept]])
    codes = labels.codes[origin]
    shared = strength[origin] * among_copies(labels.codes[rows], codes, class_balance)
    return np.concatenate([given[rows], made[kept]]), codes, shared


def keep_model(run: Run, prepared: Prepared, fitted: Fitted) -> None:
    """Write the final model and what feeds it, for `burnish predict`."""
    trained = fitted.trained
    if trained is None or prepared.encoder is None:
        return
    folder = run.path("model/model.json").parent
    encoder = (fitted.encoder or prepared.encoder) if isinstance(trained, Trained) else trained.encoder
    run.stage("Save the model", save_model)(folder, trained, encoder, classes=prepared.examples.classes)
