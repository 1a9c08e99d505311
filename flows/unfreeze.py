"""After the rounds: the last blocks of the pretrained network are trained with the final model's head, stage by stage.

The rounds are walked with the network frozen: labels are judged by features that no label has touched. Stages are
judged by the dev labels as they are: how far each is believed was found with the frozen network, which disbelieves what
it gets wrong itself, and would win by that. Wrong labels make two models look more alike, not one of them better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from burnish.flows.clean import Labels
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.recipe import recipe_of
from burnish.flows.run import Run
from burnish.flows.train import Fitted, encoding_time, judged_by, judges_of, soft_labels, training_rows
from burnish.tasks.findings import Finding
from burnish.tasks.metrics import latency
from burnish.tasks.notation import things
from burnish.tasks.pretrained import PretrainedEncoder, encoding
from burnish.tasks.train import Trained, predict
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.unfreezing import Unfrozen, unfreeze

METHOD = "paired dev errors, stage against stage; kept where the 95% interval of the change lies below zero"
UNJUDGED = Finding(
    "training.unfreeze",
    "Nothing was unfrozen: no dev row is labelled, and nothing else could say when to stop",
    "cannot_tell",
    advice="Give dev a part (split.ratios), or set train.unfreeze to 0.",
)


def unfreeze_blocks(
    run: Run,
    prepared: Prepared,
    labels: Labels,
    copies: Copies | None,
    fitted: Fitted,
    recipes: Mapping[str, Recipe] | None = None,
) -> Fitted:
    """Tune as many blocks as `train.unfreeze` allows and dev rewards; give the model as it came where none is.

    Parameters
    ----------
    labels : Labels
        What the model was trained on.
    fitted : Fitted
        The model of the round that is kept.
    """
    blocks, encoder, trained = run.config.train.unfreeze, prepared.encoder, fitted.trained
    if not blocks:
        return fitted
    if prepared.images is None or not isinstance(encoder, PretrainedEncoder):
        title = "train.unfreeze has nothing to unfreeze: no images are learnt from"
        run.add(Finding("training.unfreeze", title, "info"))
        return fitted
    if not isinstance(trained, Trained):
        title = "Nothing was unfrozen: the convolution network was chosen on dev, which reads pixels itself"
        run.add(Finding("training.unfreeze", title, "info"))
        return fitted
    judges = judges_of(prepared, labels)
    if not len(judges.rows):
        run.add(UNJUDGED)
        return fitted
    weights = fitted.weights["weight"].to_numpy()
    made = None if copies is None else copies.pixels
    balance = run.config.weights.class_balance
    pixels, codes, strength = training_rows(prepared.images, made, labels, weights, copies, class_balance=balance)
    found = run.stage("Unfreeze the pretrained network", unfreeze)(
        encoder,
        trained.network,
        pixels,
        codes,
        strength,
        blocks=blocks,
        targets=soft_labels(run, labels, weights, copies),
        dev_pixels=prepared.images[judges.rows],
        recipe=(recipes or {}).get(trained.model) or recipe_of(run, prepared),
        device=run.config.train.device,
        folder=_scratch(run),
        **(judged_by(run, prepared, judges) | {"dev_weights": None}),
    )
    run.add(_finding(found))
    if found.note:
        run.add(Finding("training.memory", f"The last blocks were trained in {found.note}", "info"))
    if not found.encoder.tuned:
        return replace(fitted, steps=found.steps)
    encode = encoding(found.encoder, run.config.train.device)
    features = run.stage("Encode examples by the tuned network", encode)(prepared.images)
    timed = features[: min(len(features), 1024)]
    return replace(
        fitted,
        trained=replace(trained, network=found.network),
        encoder=found.encoder,
        steps=found.steps,
        probabilities=predict(found.network, features, threads=run.threads),
        milliseconds=latency(lambda rows: predict(found.network, rows, threads=1), timed)
        + encoding_time(prepared, found.encoder),
    )


def _scratch(run: Run) -> Path:
    """Give the folder whose disk holds the maps while training goes on."""
    return run.path("model/model.json").parent


def _finding(found: Unfrozen) -> Finding:
    """Say in one line what unfreezing came to."""
    tuned, steps = found.encoder.tuned, found.steps
    if not tuned:
        change = f"{100 * steps[1].low:+.1f} to {100 * steps[1].high:+.1f} points"
        title = (
            f"The pretrained network stays frozen: with its last block unfrozen dev error is {steps[1].error:.1%} "
            f"against {steps[0].error:.1%}, no better but for chance ({change})"
        )
        return Finding("training.unfreeze", title, "info", method=METHOD)
    title = (
        f"With {things(tuned, 'block')} unfrozen dev error falls from {steps[0].error:.1%} to {steps[tuned].error:.1%}"
    )
    explanation = "The stages were chosen on dev, so that its error is a little optimistic; test judges."
    return Finding("training.unfreeze", title, "info", explanation=explanation, method=METHOD)
