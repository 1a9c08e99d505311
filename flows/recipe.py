"""How the networks of a run are trained where no search has said otherwise: the section `train`, and the data.

What the data adds are the columns of categories, where the mlp is to learn vectors for their levels.
"""

from __future__ import annotations

from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.tasks.convnet_plans import plan
from burnish.tasks.convnet_training import CNN
from burnish.tasks.features import TableEncoder
from burnish.tasks.findings import Finding
from burnish.tasks.fitting import choose_device
from burnish.tasks.moves import Moves
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.training_recipe import Recipe

NOTHING_EMBEDDED = Finding(
    "training.embeddings", "train.embeddings has nothing to embed: no column of categories is learnt from", "info"
)


def recipe_of(run: Run, prepared: Prepared) -> Recipe:
    """Give the recipe that is configured, with the features of each column of categories to embed."""
    if not run.config.train.embeddings:
        return Recipe.of(run.config.train)
    blocks = prepared.encoder.blocks if isinstance(prepared.encoder, TableEncoder) else ()
    if not blocks and NOTHING_EMBEDDED not in run.findings:
        run.add(NOTHING_EMBEDDED)
    return Recipe.of(run.config.train, blocks)


def usual_learning_rate(run: Run, kind: str) -> float | None:
    """Give the learning rate that a kind of model has where none is asked for; None where it has none."""
    options = run.config.train
    if kind == CNN:
        recipe = Recipe(optimizer=options.optimizer, decay=options.decay)
        return plan(recipe, 1, choose_device(options.device), Moves()).rate
    return usual_rate(options.optimizer) if kind == "mlp" else None
