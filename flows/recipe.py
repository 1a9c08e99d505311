"""How the networks of a run are trained where no search has said otherwise: the section `train`, and the data.

What the data adds are the columns of categories, where the mlp is to learn vectors for their levels.
"""

from __future__ import annotations

from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.tasks.features import TableEncoder
from burnish.tasks.findings import Finding
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
