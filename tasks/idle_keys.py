"""Keys of the configuration that were set and do nothing for this data: said, so that nobody waits for their effect.

What the keys of `train` and `augment` do hangs on the models as well; those are looked at in `training_checks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from burnish.tasks.findings import Finding

NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "images": (
        (
            "features.image_size",
            "features.backbone",
            "features.backbone_weights",
        ),
        "only images have a use for",
    ),
    "flags": (("features.leave_out",), "only images have a use for"),
    "columns": (("features.levels",), "only columns of a table have a use for"),
    "numbers": (
        ("outliers.method", "outliers.rule", "outliers.strength", "outliers.by"),
        "only columns of numbers have a use for",
    ),
    "cells": (
        ("cells.search", "cells.confidence", "cells.pairs", "cells.rows"),
        "only cells of a table have a use for",
    ),
    "sources": (("weights.source_balance",), "only several sources of training examples have a use for"),
    "voices": (
        (
            "mislabels.model",
            "mislabels.folds",
            "mislabels.cost_wrong_relabel",
            "mislabels.cost_missed",
            "mislabels.errors",
            "mislabels.relabel_above",
            "mislabels.drop_below",
        ),
        "only a search for wrong labels (mislabels.methods) has a use for",
    ),
}


def idle_keys(turned: Mapping[str, Mapping[str, Any]], has: Mapping[str, bool]) -> tuple[Finding, ...]:
    """Name the keys that were set and have nothing to act on.

    Parameters
    ----------
    turned : mapping of str to mapping
        Each section's keys that are not at their defaults.
    has : mapping of str to bool
        Whether there is what keys of `NEEDS` act on: images that are learnt from, flags of images, columns that are
        learnt from, numbers, cells, several sources, voices that doubt labels.

    Examples
    --------
    >>> has = dict.fromkeys(NEEDS, True) | {"images": False}
    >>> [each.title for each in idle_keys({"features": {"image_size": 32, "levels": 9}}, has)]
    ['features.image_size does nothing here']
    """
    named = [f"{section}.{key}" for section, keys in turned.items() for key in keys]
    idle = {need: [key for key in named if key in keys] for need, (keys, _) in NEEDS.items() if not has[need]}
    said = [key for keys in idle.values() for key in keys]
    if not said:
        return ()
    why = "; ".join(f"{NEEDS[need][1]} {', '.join(keys)}" for need, keys in idle.items() if keys)
    return (
        Finding(
            "settings.idle",
            f"{', '.join(said)} {'does' if len(said) == 1 else 'do'} nothing here",
            "info",
            explanation=f"{why[0].upper()}{why[1:]}; there is nothing of the kind here.",
            method="the keys that are not at their defaults against what the data holds",
            advice="Leave them out.",
            count=len(said),
        ),
    )
