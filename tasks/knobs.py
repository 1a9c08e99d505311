"""The knobs of each gap: what to turn next, which key of the configuration does it, and what it can bring at most.

Knobs are orthogonal: each is meant for one gap and leaves the others alone, as far as such knobs exist. Cheap ones
come first. A step never promises a gain; it gives the ceiling, which is the whole gap.

Source: Ng, Machine Learning Yearning, chapters 20-43.
Known failure: a smaller network or more regularisation against variance costs bias; the step says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from burnish.tasks.findings import Finding, Severity
from burnish.tasks.gaps import MEANINGS, WORDS, Gap, GapName, points
from burnish.tasks.metrics import Rate
from burnish.tasks.mismatch import Comparison

METHOD = "gaps between the errors of human, train, train-dev, dev and test, with Newcombe's 95% intervals"
NETWORKS = ("linear", "mlp", "cnn")
BENT = ("mlp", "cnn")  # with hidden units
OF_IMAGES = ("patches", "pretrained", "tuned")
GIVEN = ("table", "array", "")  # encoders of what a person has measured, or made vectors of


@dataclass(frozen=True)
class Knob:
    """Something to turn: the end of its code, what to do, the key of the configuration (or ""), and how.

    `models` and `encoders` are those it turns something of; empty: whatever was trained, on whatever features.
    """

    code: str
    title: str
    key: str
    advice: str
    models: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()

    def turns(self, model: str, encoder: str) -> bool:
        """Tell whether it does anything to this model on these features.

        >>> Knob("network", "Use a bigger network", "train.hidden", "", ("mlp",)).turns("cnn", "patches")
        False
        """
        return (not self.models or model in self.models) and (not self.encoders or encoder in self.encoders)


AUGMENT = "Each copy is a training example under other noise; try 2 or 3."
KNOBS: dict[GapName, tuple[Knob, ...]] = {
    "avoidable_bias": (
        Knob(
            "network",
            "Use a bigger network",
            "train.hidden",
            "Double the units, or add a layer: `[256, 256]`.",
            ("mlp",),
        ),
        Knob(
            "bend",
            "Use a model that bends",
            "train.model",
            "A linear model was trained; `mlp` has hidden units, `boosting` reads the columns of a table.",
            ("linear",),
        ),
        Knob(
            "ask_network",
            "Try a network as well",
            "train.model",
            "`auto` lets dev choose among a linear model, an mlp and boosting.",
            ("boosting",),
        ),
        Knob(
            "longer_cnn",
            "Train longer",
            "train.epochs",
            "The last epoch was the best one on dev: twice as many.",
            ("cnn",),
        ),
        Knob(
            "pixels",
            "Show it larger images",
            "features.image_size",
            "Twice the side: the convolution network grows a stage with it.",
            ("cnn",),
        ),
        Knob(
            "unfreeze",
            "Tune the pretrained network",
            "train.unfreeze",
            "Its last blocks learn with the head, one more each stage, as long as dev gains; try 2.",
            ("linear", "mlp"),
            ("pretrained",),
        ),
        Knob(
            "longer",
            "Train longer",
            "train.epochs",
            "Raise it with `train.patience`, if the training loss still falls.",
            ("mlp",),
        ),
        Knob(
            "loosen", "Regularise less", "train.dropout", "Halve it; then do the same with `train.weight_decay`.", BENT
        ),
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
            (),
            GIVEN,
        ),
        Knob(
            "encoder",
            "Give better features",
            "features.encoder",
            "Set it to pretrained, where the images are photographs (extra `pretrained`), or give `data.embeddings`.",
            (),
            ("patches",),
        ),
    ),
    "variance": (
        Knob("augment", "Augment", "augment.copies", AUGMENT, NETWORKS),
        Knob(
            "regularise",
            "Regularise more",
            "train.dropout",
            "Raise it by 0.1; then raise `train.weight_decay` tenfold.",
            BENT,
        ),
        Knob(
            "mirror",
            "Mirror images as well",
            "train.mirror",
            "Only where a mirrored image has the same label: not letters, digits or traffic.",
            ("cnn",),
        ),
        Knob(
            "data",
            "Get more training data",
            "",
            "Label more examples, of the classes and sources with most errors first.",
        ),
        Knob(
            "network",
            "Use a smaller network",
            "train.hidden",
            "Halve the units; last of all, since it costs bias.",
            ("mlp",),
        ),
        Knob(
            "encoder",
            "Start from a pretrained network",
            "features.encoder",
            "pretrained, with `train.model: auto`: its filters need not be learnt from few images.",
            ("cnn",),
            ("patches",),
        ),
    ),
    "data_mismatch": (
        Knob(
            "noise",
            "Make training data like dev",
            "augment.copies",
            "With `augment.method: auto` the noise is fitted to dev's sources.",
            NETWORKS,
            OF_IMAGES,
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
    model: str = "mlp",
    encoder: str = "table",
    idle: Collection[str] = (),
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
    model : str
        What was trained: linear, mlp, cnn or boosting; "" where the probabilities are the user's own. It decides which
        knobs turn anything.
    encoder : str
        The kind of the encoder that made the features, "tuned" where a pretrained one was unfrozen, "" without one.
    idle : collection of str
        Codes of knobs that would bring nothing here, from `idle_knobs`.
    shifts : sequence of Comparison
        Those in which dev differs from what is trained on; what drives them goes into the advice on data mismatch.
    """
    steps = []
    for place, name in enumerate(order):
        severity: Severity = "info" if place else "warning"
        knobs = (knob for knob in KNOBS[name] if knob.turns(model, encoder) and knob.code not in idle)
        steps += [turn(knob, name, gaps[name], severity, shifts) for knob in knobs]
    if not order and any(gap.open for gap in gaps.values()):
        steps.append(measure_more(dev))
    if dev_suspects.known and dev_suspects.value >= material:
        steps.insert(0 if noise_first else 1, review_labels(dev, dev_suspects))
    return tuple(steps)


def idle_knobs(
    *,
    stopped_early: bool,
    shown_whole: bool,
    several_tried: bool,
    labels_clean: bool,
    all_sources: bool,
    noise_fitted: bool,
    nothing_learnt: bool,
    settled: bool,
    by_time: bool,
) -> tuple[str, ...]:
    """Name the knobs that would bring nothing to this run, for `next_steps`.

    Parameters
    ----------
    stopped_early : bool
        Whether the best epoch was not the last one.
    shown_whole : bool
        Whether the network saw images as large as they are stored.
    several_tried : bool
        Whether dev chose among kinds of models.
    labels_clean : bool
        Whether no training label is suspect.
    all_sources : bool
        Whether no source is kept out of training.
    noise_fitted : bool
        Whether noise was fitted to the target already: dev has judged it.
    nothing_learnt : bool
        Whether the model knows no more than how frequent the classes are: what it lacks is neither size nor time.
    settled : bool
        Whether labels have stopped moving: one more round would change none.
    by_time : bool
        Whether rows were divided along a time: no seed draws dev anew.

    Examples
    --------
    >>> names = ("shown_whole", "several_tried", "all_sources", "noise_fitted", "nothing_learnt", "by_time")
    >>> facts = dict.fromkeys(names, False)
    >>> idle_knobs(stopped_early=True, labels_clean=True, settled=True, **facts)
    ('longer', 'longer_cnn', 'labels')
    """
    idle = {
        "network": nothing_learnt,
        "loosen": nothing_learnt,
        "longer": stopped_early or nothing_learnt,
        "longer_cnn": stopped_early or nothing_learnt,
        "pixels": shown_whole or nothing_learnt,
        "bend": several_tried,
        "ask_network": several_tried,
        "labels": labels_clean or nothing_learnt or settled,
        "noise": noise_fitted,
        "sources": all_sources,
        "redraw": by_time,
    }
    return tuple(code for code, nothing in idle.items() if nothing)


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


def teach_classes(absent: Sequence[str], part: str, unseen: Rate) -> tuple[Finding, ...]:
    """Ask for examples of classes that train has none of, where dev or test has some: no knob brings those back.

    Parameters
    ----------
    absent : sequence of str
        The classes.
    part : str
        The part, dev or test, that has the larger share of them.
    unseen : Rate
        That share.

    >>> from burnish.tasks.metrics import stated
    >>> [step.title for step in teach_classes(["fox"], "dev", stated(0.25))]
    ["Give train examples of 'fox': 25.0 points of dev are of what it never saw"]
    """
    if not absent:
        return ()
    shown = ", ".join(repr(name) for name in absent[:3]) + (", …" if len(absent) > 3 else "")
    step = Finding(
        code="diagnosis.classes",
        title=f"Give train examples of {shown}: {points(unseen.value)} of {part} are of what it never saw",
        severity="warning",
        explanation="A class without a training example is never predicted.",
        method="dev and test examples whose class no training example has",
        advice="Collect examples of it, or leave its rows out; widen `split.train_sources` if that hides it, and give "
        "it weight if `weights.column` gives it none.",
        count=unseen.count,
    )
    return (step,)


def learn_at_all(failed: Sequence[Finding]) -> tuple[Finding, ...]:
    """Ask, before anything else, for a training that learns; `failed` is what `training_checks.nothing_learnt` said.

    >>> learn_at_all(())
    ()
    """
    return tuple(
        replace(
            each,
            code="diagnosis.training",
            title=f"Get the model to learn at all: {each.title[:1].lower()}{each.title[1:]}",
        )
        for each in failed
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
