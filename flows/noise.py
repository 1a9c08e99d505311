"""Noisy copies of the training rows: which noise, of which rows, and whether it helps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.tasks.augment import augment_images, rows_to_copy
from burnish.tasks.features import TableEncoder
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.noise_fit import FittedNoise, fit_noise
from burnish.tasks.noise_trial import FEWEST_JUDGES, Made, Trial, try_noise
from burnish.tasks.pretrained import encoding
from burnish.tasks.recipes import UNCHANGED, Recipe, mild_recipe
from burnish.tasks.row_noise import noisy_rows
from burnish.tasks.unusual import columns_of

FITTED, MILD, NONE = "noise fitted to dev", "mild noise", "no noise"
Rows = NDArray[np.int64]


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
    pixels : uint8 (m, s, s, c) or None
        What `features` were made of, where they are of images.
    """

    features: NDArray[np.float32]
    origin: Rows
    facts: dict[str, Any]
    previews: tuple[tuple[NDArray[np.uint8], NDArray[np.uint8]], ...] = ()
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Noise:
    """A candidate: a recipe, and the rows it is meant for."""

    recipe: Recipe
    rows: Rows


def make_copies(run: Run, prepared: Prepared) -> Copies | None:
    """Make the noisy copies of the training rows; the same for all rounds.

    Images are changed whatever their label; the noise of a table is measured within the classes as given.
    """
    options = run.config.augment
    if options.method == "none" or prepared.features is None or not (options.copies or options.balance):
        return None
    if prepared.pixels is None or prepared.encoder is None or prepared.examples.embeddings is not None:
        return _copies_of_rows(run, prepared)
    return _copies_of_images(run, prepared)


def target_rows(run: Run, prepared: Prepared) -> NDArray[np.bool_]:
    """Tell the dev rows of sources unlike those trained on, bool (n,).

    Those are dev's sources that train has not, or the target's where train holds others too.
    """
    sources, dev = prepared.table["source"], prepared.rows("dev")
    trained = set(sources[prepared.learnable])
    alike = trained & set(sources[dev])
    if run.config.split.target is not None and trained - alike:
        return dev
    return dev & ~sources.isin(trained).to_numpy() if run.config.split.train_sources else np.zeros(len(dev), bool)


def _copies_of_rows(run: Run, prepared: Prepared) -> Copies:
    options, rows = run.config.augment, np.flatnonzero(prepared.learnable)
    assert prepared.features is not None
    labels = prepared.judging[rows]
    origin = rows_to_copy(labels, copies=options.copies, balance=options.balance, seed=run.config.seed)
    recipe = options.model_dump(include={"strength", "drop", "mixup"})
    encoder = prepared.encoder
    columns = np.unique(columns_of(encoder), return_inverse=True)[1] if isinstance(encoder, TableEncoder) else None
    made = run.stage("Augment rows", noisy_rows)(
        prepared.features[rows], labels, origin, columns=columns, **recipe, seed=run.config.seed
    )
    named = {"strength": "jitter", "drop": "columns left out", "mixup": "rows mixed within their class"}
    method = ", ".join(word for key, word in named.items() if recipe[key]) or "plain copies"
    return Copies(made, rows[origin], _facts(run, prepared, rows[origin], method, recipe))


def _copies_of_images(run: Run, prepared: Prepared) -> Copies:
    assert prepared.pixels is not None and prepared.encoder is not None and prepared.features is not None
    candidates, fitted = _candidates(run, prepared)
    trials = _tried(run, prepared, candidates) if len(candidates) > 1 else ()
    untried = NONE if NONE in candidates else next(iter(candidates))  # what dev cannot judge is not done unasked
    name = next((trial.name for trial in trials if trial.kept), untried)
    noise = candidates[name]
    labels = prepared.judging[noise.rows]
    options, seed = run.config.augment, run.config.seed
    copies = 0 if name == NONE else options.copies
    origin = rows_to_copy(labels, copies=copies, balance=options.balance, seed=seed)
    pixels = prepared.pixels[noise.rows]
    made = run.stage("Augment images", augment_images)(pixels, noise.recipe, origin=origin, seed=seed)
    features = prepared.features[:0]
    if len(made):
        encode = encoding(prepared.encoder, run.config.train.device)
        features = run.stage("Encode augmented images", encode)(made)
    shown = np.unique(np.linspace(0, len(made) - 1, min(options.preview, len(made))).astype(int))
    facts = _facts(run, prepared, noise.rows[origin], name, noise.recipe.as_dict())
    facts |= {"trials": [trial.as_dict() for trial in trials], "told_apart": fitted and fitted.as_dict()}
    return Copies(features, noise.rows[origin], facts, tuple((pixels[origin[i]], made[i]) for i in shown), made)


def _candidates(run: Run, prepared: Prepared) -> tuple[dict[str, Noise], FittedNoise | None]:
    """Give what there is to choose from, the plainest last, and how well the fitted noise fits."""
    method, parts = run.config.augment.method, run.config.augment.recipe.parts()
    rows, target = np.flatnonzero(prepared.learnable), target_rows(run, prepared)
    candidates: dict[str, Noise] = {}
    fitted = None
    if method in ("auto", "fitted"):
        source = prepared.table["source"]
        others = rows[~source.iloc[rows].isin(set(source[target])).to_numpy()]
        assert prepared.pixels is not None
        if target.any():
            seen = prepared.pixels[target & prepared.usable]
            fitted = run.stage("Fit noise to dev", fit_noise)(prepared.pixels[others], seen, seed=run.config.seed)
        if fitted is not None:
            candidates[FITTED] = Noise(fitted.recipe.with_parts(parts), others)
        elif method == "fitted":
            raise InputError(
                "augment.method is fitted, and fewer than 30 dev images are of a source that is not trained on: "
                "set split.train_sources or split.target, or augment.method to noise"
            )
    if method in ("auto", "noise"):
        candidates[MILD] = Noise(mild_recipe().with_parts(parts), rows)
    if method == "auto":
        candidates[NONE] = Noise(UNCHANGED, rows)
    return candidates, fitted


def _tried(run: Run, prepared: Prepared, candidates: dict[str, Noise]) -> tuple[Trial, ...]:
    """Judge the candidates on dev: on the target's rows where there are some."""
    judged = prepared.judged("dev")
    target = judged & target_rows(run, prepared)
    judges = np.flatnonzero(target if target.any() else judged)
    if len(judges) < FEWEST_JUDGES:
        run.add(_too_few(len(judges), like_target=bool(target.any())))
        return ()
    assert prepared.features is not None
    rows = np.flatnonzero(prepared.learnable)
    return run.stage("Try noise on dev", try_noise)(
        {name: partial(_trial_copies, run, prepared, noise, rows) for name, noise in candidates.items()},
        prepared.features[rows],
        prepared.judging[rows],
        dev_features=prepared.features[judges],
        dev_labels=prepared.judging[judges],
        classes=tuple(prepared.examples.classes),
        threads=run.threads,
        seed=run.config.seed,
    )


def _too_few(count: int, *, like_target: bool) -> Finding:
    """Say that no noise was added because too few dev images could judge it."""
    held = f"{count:,} labelled {'image' if count == 1 else 'images'}{' of the target' if like_target else ''}"
    return Finding(
        "augmentation.untried",
        f"No noise was added: dev has {held}, too few to try noise on",
        "info",
        explanation="Noise is kept only where dev likes it.",
        method=f"augment.method: auto tries noise on {FEWEST_JUDGES} dev images or more.",
        advice="Give dev a larger part (split.ratios), or set augment.method to noise to have it untried.",
    )


def _trial_copies(run: Run, prepared: Prepared, noise: Noise, rows: Rows, drawn: Rows) -> Made:
    """Copies of those of the rows drawn that the noise is meant for, and the place of each among the rows drawn."""
    assert prepared.pixels is not None and prepared.encoder is not None and prepared.features is not None
    meant = np.flatnonzero(np.isin(rows[drawn], noise.rows))
    if noise.recipe == UNCHANGED or not len(meant):
        return prepared.features[:0], meant[:0]
    origin = rows_to_copy(meant, copies=max(run.config.augment.copies, 1))
    made = augment_images(prepared.pixels[rows[drawn[meant]]], noise.recipe, origin=origin, seed=run.config.seed)
    return encoding(prepared.encoder, run.config.train.device)(made), meant[origin]


def _facts(run: Run, prepared: Prepared, origin: Rows, method: str, recipe: dict[str, Any]) -> dict[str, Any]:
    counts = np.bincount(prepared.judging[origin], minlength=len(prepared.examples.classes))
    options = run.config.augment
    by_class = dict(zip(prepared.examples.classes, counts.tolist(), strict=True)) if options.balance else None
    return {
        "method": method,
        "copies": 0 if method == NONE else options.copies,
        "made": len(origin),
        "by_class": by_class,
        "recipe": recipe if method != NONE else None,
    }
