"""`train`: weigh the examples, add noisy copies, fit the network, predict every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.clean import Labels
from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.tasks.augment import augment_images, default_recipe, fit_recipe, jitter_features
from burnish.tasks.metrics import latency
from burnish.tasks.saved import save_model
from burnish.tasks.train import Trained, predict, train_network
from burnish.tasks.weights import strengthening_factors

PREVIEWS = 6
TIMED_ROWS = 1024


@dataclass(frozen=True)
class Copies:
    """Noisy copies of training rows.

    Attributes
    ----------
    features : float32 (m, d)
    origin : int64 (m,)
        The row each copy was made of.
    facts : dict
        The section `augmentation` of `summary.json`.
    previews : tuple of (uint8 (s, s, c), uint8 (s, s, c))
        Pictures before and after.
    """

    features: NDArray[np.float32]
    origin: NDArray[np.int64]
    facts: dict[str, Any]
    previews: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...] = ()


@dataclass(frozen=True)
class Fitted:
    """A model after one round, and what it says of every row.

    Attributes
    ----------
    trained : Trained or None
        None where the probabilities are the user's own.
    weights : DataFrame of n rows
        `weight` and its components.
    probabilities : float (n, k)
    milliseconds : float or None
        Prediction time an example.
    """

    trained: Trained | None
    weights: pd.DataFrame
    probabilities: NDArray[np.floating]
    milliseconds: float | None


def make_copies(run: Run, prepared: Prepared) -> Copies | None:
    """Make the noisy copies of the training rows; the same for all rounds.

    Images are changed whatever their label; the jitter of a table is measured within the classes as given.
    """
    options = run.config.augment
    if options.method == "none" or options.copies == 0 or prepared.features is None:
        return None
    rows = np.flatnonzero(prepared.learnable)
    origin = np.tile(rows, options.copies)
    if prepared.pixels is None or prepared.encoder is None or prepared.examples.embeddings is not None:
        jitter = run.stage("Augment by jitter", jitter_features)
        classes = prepared.judging[rows]
        features = jitter(
            prepared.features[rows], classes, strength=options.strength, copies=options.copies, seed=run.config.seed
        )
        return Copies(
            features, origin, {"method": "jitter", "copies": options.copies, "recipe": {"strength": options.strength}}
        )
    target = _target_rows(run, prepared)
    if target.any() and options.method == "auto":
        fit = run.stage("Fit noise to the dev sources", fit_recipe)
        recipe = fit(prepared.pixels[rows], prepared.pixels[target], seed=run.config.seed)
        method = "noise fitted to the dev sources not trained on"
    else:
        recipe, method = default_recipe(), "mild noise"
    pixels = prepared.pixels[rows]
    made = run.stage("Augment images", augment_images)(pixels, recipe, copies=options.copies, seed=run.config.seed)
    features = run.stage("Encode augmented images", prepared.encoder.transform)(made)
    shown = np.linspace(0, len(rows) - 1, min(PREVIEWS, len(rows))).astype(int)
    previews = tuple((pixels[i], made[i]) for i in shown)
    return Copies(features, origin, {"method": method, "copies": options.copies, "recipe": recipe.as_dict()}, previews)


def train(
    run: Run,
    prepared: Prepared,
    labels: Labels,
    copies: Copies | None,
    number: int,
    before: NDArray[np.int64] | None = None,
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
    """
    weights = run.stage("Weigh examples", weigh)(run, prepared, labels, before)
    if prepared.features is None:
        assert prepared.examples.probabilities is not None
        return Fitted(None, weights, prepared.examples.probabilities, None)
    features, codes, strength = _training_rows(prepared, labels, weights["weight"].to_numpy(), copies)
    dev = np.flatnonzero(prepared.judged("dev"))
    judging = prepared.judging[dev]
    trained = run.stage(f"Train, round {number}", train_network)(
        features,
        codes,
        strength,
        dev_features=prepared.features[dev],
        dev_labels=judging,
        dev_weights=None if labels.audit is None else labels.audit.posterior[dev, judging].astype(np.float64),
        classes=prepared.examples.classes,
        **run.config.train.model_dump(),
        threads=run.threads,
        seed=run.config.seed,
    )
    probabilities = predict(trained, prepared.features, threads=run.threads)
    milliseconds = latency(lambda rows: predict(trained, rows), prepared.features[:TIMED_ROWS])
    return Fitted(trained, weights, probabilities, milliseconds)


def weigh(run: Run, prepared: Prepared, labels: Labels, before: NDArray[np.int64] | None) -> pd.DataFrame:
    """Give s(i) of every row by component; rows not learnt from weigh nothing."""
    options = run.config.weights.model_dump(exclude={"column"})
    column = run.config.weights.column
    misclassified = np.zeros(len(labels.codes), bool)
    if before is not None:
        misclassified = before != labels.codes
    return strengthening_factors(
        labels.codes,
        prepared.table["source"],
        labels.quality,
        target=prepared.rows("dev"),
        misclassified=misclassified,
        user=None if column is None else prepared.attributes[column].to_numpy(dtype=float),
        **options,
    )


def _target_rows(run: Run, prepared: Prepared) -> NDArray[np.bool_]:
    """Tell the dev rows of sources that are not trained on, bool (n,)."""
    sources = run.config.split.train_sources
    if not sources:
        return np.zeros(len(prepared.table), bool)
    return prepared.rows("dev") & ~prepared.table["source"].isin(sources).to_numpy()


def _training_rows(
    prepared: Prepared, labels: Labels, strength: NDArray[np.float64], copies: Copies | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]:
    """Put together the rows learnt from and their copies, each copy with the label and weight of its origin."""
    assert prepared.features is not None
    rows = np.flatnonzero(labels.codes >= 0)
    if copies is None:
        return prepared.features[rows], labels.codes[rows], strength[rows]
    kept = labels.codes[copies.origin] >= 0
    origin = np.concatenate([rows, copies.origin[kept]])
    features = np.concatenate([prepared.features[rows], copies.features[kept]])
    return features, labels.codes[origin], strength[origin]


def keep_model(run: Run, prepared: Prepared, fitted: Fitted) -> None:
    """Write the final network and what feeds it, for `burnish predict`."""
    if fitted.trained is None or prepared.encoder is None:
        return
    folder = run.path("model/model.json").parent
    run.stage("Save the model", save_model)(folder, fitted.trained, prepared.encoder, classes=prepared.examples.classes)
