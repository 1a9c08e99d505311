"""The knobs of each gap: what to turn next, which key of the configuration does it, and what it can bring at most.

Knobs are orthogonal: each is meant for one gap and leaves the others alone, as far as such knobs exist. Cheap ones
come first. A step never promises a gain; it gives the ceiling, which is the whole gap.

Source: Ng, Machine Learning Yearning, chapters 20-43.
Known failure: a smaller network or more regularisation against variance costs bias; the step says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from burnish.tasks.findings import Finding, Severity
from burnish.tasks.gaps import MEANINGS, WORDS, Gap, GapName, points
from burnish.tasks.metrics import Rate
from burnish.tasks.mismatch import Comparison

OF_NETWORKS = ("train.", "augment.")  # keys that change nothing where trees were chosen
METHOD = "gaps between the errors of human, train, train-dev, dev and test, with Newcombe's 95% intervals"


@dataclass(frozen=True)
class Knob:
    """Something to turn: the end of its code, what to do, the key of the configuration (or ""), and how."""

    code: str
    title: str
    key: str
    advice: str


KNOBS: dict[GapName, tuple[Knob, ...]] = {
    "avoidable_bias": (
        Knob("network", "Use a bigger network", "train.hidden", "Double the units, or add a layer: `[256, 256]`."),
        Knob(
            "longer",
            "Train longer",
            "train.epochs",
            "Raise it with `train.patience`, if the training loss still falls.",
        ),
        Knob("loosen", "Regularise less", "train.dropout", "Halve it; then do the same with `train.weight_decay`."),
        Knob(
            "labels",
            "Clean more training labels",
            "rounds",
            "No model can learn wrong labels well: one more round, or read review.csv.",
        ),
        Knob(
            "features",
            "Give better features",
            "data.features",
            "Add the columns that a human goes by, or `data.embeddings`.",
        ),
    ),
    "variance": (
        Knob("augment", "Augment", "augment.copies", "Each copy is a training example under other noise; try 2 or 3."),
        Knob(
            "regularise",
            "Regularise more",
            "train.dropout",
            "Raise it by 0.1; then raise `train.weight_decay` tenfold.",
        ),
        Knob(
            "data",
            "Get more training data",
            "",
            "Label more examples, of the classes and sources with most errors first.",
        ),
        Knob("network", "Use a smaller network", "train.hidden", "Halve the units; last of all, since it costs bias."),
    ),
    "data_mismatch": (
        Knob(
            "noise",
            "Make training data like dev",
            "augment.copies",
            "With `augment.method: auto` the noise is fitted to dev's sources.",
        ),
        Knob(
            "sources",
            "Train on dev's sources too",
            "split.train_sources",
            "Leave it null, or add the sources you have examples of.",
        ),
        Knob(
            "collect",
            "Collect data like dev",
            "",
            "Read the misclassified dev examples, and gather more of their kind.",
        ),
    ),
    "dev_overfit": (
        Knob("dev", "Get a bigger dev set", "split.ratios", "Give dev a larger part, or add new examples to the data."),
        Knob(
            "redraw",
            "Draw dev anew",
            "seed",
            "The choices so far were fitted to this dev set; test judges, and stays untouched.",
        ),
    ),
}


def next_steps(
    order: Sequence[GapName],
    gaps: Mapping[GapName, Gap],
    dev: Rate,
    dev_suspects: Rate,
    material: float,
    shifts: Sequence[Comparison],
    *,
    noise_first: bool = True,
    trees: bool = False,
) -> tuple[Finding, ...]:
    """Give what to do, best first: the knobs of each material gap in `order`, and the suspected dev labels.

    Parameters
    ----------
    order : sequence of GapName
        The material gaps, the one to work on first.
    dev_suspects : Rate
        Share of dev that is misclassified and whose label is probably wrong; it matters from `material` on.
    noise_first : bool
        Whether the suspected labels come before any knob, or after the first.
    trees : bool
        Whether the model is boosted trees, which have none of a network's knobs and read no noisy copies.
    shifts : sequence of Comparison
        Those in which dev differs from what is trained on; what drives them goes into the advice on data mismatch.
    """
    steps = []
    for place, name in enumerate(order):
        severity: Severity = "info" if place else "warning"
        knobs = (knob for knob in KNOBS[name] if not (trees and knob.key.startswith(OF_NETWORKS)))
        steps += [turn(knob, name, gaps[name], severity, shifts) for knob in knobs]
    if not order and any(gap.open for gap in gaps.values()):
        steps.append(measure_more(dev))
    if dev_suspects.known and dev_suspects.value >= material:
        steps.insert(0 if noise_first else 1, review_labels(dev, dev_suspects))
    return tuple(steps)


def review_labels(dev: Rate, suspects: Rate) -> Finding:
    """Ask for the suspected dev labels to be looked at: they count as errors of the model until then."""
    return Finding(
        code="diagnosis.labels.review",
        title=f"Check the suspected dev labels: up to {points(suspects.value)} of dev's {100 * dev.value:.1f}% error",
        severity="warning",
        explanation="An example with a wrong label counts as an error of the model, in every gap that dev is part of.",
        method="misclassified dev examples whose given label is probably wrong",
        advice="Decide on the dev rows of review.csv and run again: the diagnosis may change.",
        count=suspects.count,
    )


def turn(knob: Knob, name: GapName, gap: Gap, severity: Severity, shifts: Sequence[Comparison]) -> Finding:
    """Make a knob of a gap into a finding that says what it can bring at most."""
    key = f" ({knob.key})" if knob.key else ""
    drivers = differing_features(shifts) if name == "data_mismatch" else ()
    named = f" Train and dev differ most in {', '.join(drivers)}." if drivers else ""
    return Finding(
        code=f"diagnosis.{name}.{knob.code}",
        title=f"{knob.title}{key}: {points(gap.value)} of {WORDS[name]} to gain at most",
        severity=severity,
        explanation=f"{MEANINGS[name].capitalize()}.",
        method=METHOD,
        advice=knob.advice + named,
    )


def differing_features(shifts: Sequence[Comparison], most: int = 3) -> tuple[str, ...]:
    """Name the features that drive the differences, without repeats."""
    return tuple(dict.fromkeys(driver for each in shifts for driver in each.drivers))[:most]


def measure_more(dev: Rate) -> Finding:
    """Ask for more dev examples where the intervals settle nothing."""
    return Finding(
        code="diagnosis.cannot_tell.dev",
        title=f"Get more dev examples (split.ratios): {dev.total:,} settle no gap",
        severity="cannot_tell",
        explanation="No gap is shown, but the intervals are too wide to say that there is none.",
        method=METHOD,
        advice="Give dev and test larger parts, or label more examples.",
    )
