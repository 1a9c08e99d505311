"""What of the data or the machine does not fit how a model is trained, and which knobs the model does not read.

A model that cannot read the data, or a device that is not there, is refused before anything is walked. A class without
examples, a batch larger than the data and a knob that does nothing stop no run, and are said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.contest import row_losses
from burnish.tasks.convnet_training import CNN, NO_IMAGES
from burnish.tasks.decays import PLANS
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.fitting import choose_device
from burnish.tasks.search_space import SERVANTS, USED

SHOWN = 5
READ = {
    "linear": (*USED["linear"], "weight_decay", "soft_labels"),
    "mlp": (*USED["mlp"], "legs", "embeddings", "soft_labels"),
    "cnn": (*USED["cnn"], "mirror", "compiled", "soft_labels"),
    "boosting": (),
}  # knobs of the section train that act on each kind of model
Z95 = 1.959963984540054
EXPLAINED = 0.01  # of the labels' entropy: a model that explains less of it knows no more than how frequent they are
LEGS_FIX = ("decay", "decay_rate", "epochs", "patience")
OF_BLOCKS = ("optimizer", "learning_rate", "dropout", "clip", "weight_decay", "epochs", "patience", "batch_size")
OF_IMAGES, OF_ROWS = ("recipe", "preview"), ("strength", "drop", "mixup")  # knobs of the section augment
NOT_OF_MODELS = ("model", "device", "unfreeze")  # what is unfrozen is said by a finding of its own


def check_model(model: str, device: str = "auto", *, images: bool, columns: bool) -> None:
    """Refuse a model that cannot read the data, and a device that this machine has not.

    Parameters
    ----------
    model, device : str
        As configured.
    images, columns : bool
        Whether pixels are learnt from, and whether columns of a table are.

    Raises
    ------
    InputError

    Examples
    --------
    >>> check_model("cnn", images=False, columns=True)
    Traceback (most recent call last):
    burnish.tasks.findings.InputError: train.model is cnn, which reads images, and this data has none: choose auto, \
linear or mlp
    """
    choose_device(device)
    if model == "boosting" and not columns:
        raise InputError(no_columns(images=images))
    if model == CNN and not images:
        raise InputError(NO_IMAGES)


def no_columns(*, images: bool) -> str:
    """Say that boosting cannot read this data, and which models can.

    >>> no_columns(images=True)
    'train.model is boosting, which reads columns of a table: choose auto, linear, mlp or cnn here'
    """
    others = "auto, linear, mlp or cnn" if images else "auto, linear or mlp"
    return f"train.model is boosting, which reads columns of a table: choose {others} here"


def unread_knobs(turned: Mapping[str, Any], models: Sequence[str], *, doubted: bool = True) -> tuple[Finding, ...]:
    """Name the knobs of `train` that were turned and do nothing for the models that are trained.

    Parameters
    ----------
    turned : mapping of str to anything
        Keys that are not at their defaults, and their values.
    models : sequence of str
        Kinds of model.
    doubted : bool
        Whether labels are looked into; soft labels need that.

    Examples
    --------
    >>> [each.title for each in unread_knobs({"optimizer": "sgd", "hidden": (8,)}, ["boosting"])]
    ['train.optimizer, train.hidden do nothing for boosting']
    """
    read = {name for model in models for name in READ[model]} | set(NOT_OF_MODELS)
    read |= set(OF_BLOCKS) if turned.get("unfreeze") else set()
    idle = [name for name in turned if name not in read]
    said = [_nothing(idle, f"for {', '.join(models)}")] if idle else []
    if "soft_labels" in turned and "soft_labels" in read and not doubted:
        said.append(_nothing(["soft_labels"], "while mislabels.methods is empty"))
    unread = [name for name in LEGS_FIX if turned.get("legs") and name in turned and name not in idle]
    if unread:
        said.append(_nothing(unread, "while train.legs names its own"))
    if "patience" in turned and "patience" not in [*idle, *unread]:
        decay = turned.get("decay", "none")
        readers = [model for model in models if "patience" in READ[model]]
        if all(decay in PLANS or (model == CNN and decay == "none") for model in readers):
            said.append(_nothing(["patience"], "where the rate is planned to the last epoch (train.decay)"))
    for name, (master, needed) in SERVANTS.items():
        if name in turned and name not in idle and turned.get(master, needed[0]) not in needed[1:]:
            said.append(_nothing([name], f"while train.{master} is {turned.get(master, needed[0])}"))
    if not said:
        return ()
    return (
        Finding(
            "training.knobs",
            "; ".join(said),
            "info",
            explanation="Every kind of model reads knobs of its own. A network that is asked beside boosting which "
            "labels are wrong still reads those it knows.",
            method="the keys of train that are not at their defaults against what each kind of model reads",
            advice="Leave them out, or choose a `train.model` that reads them.",
        ),
    )


def unread_noise(turned: Mapping[str, Any], models: Sequence[str], *, images: bool) -> tuple[Finding, ...]:
    """Name the knobs of `augment` that were turned and do nothing for these models and this kind of data.

    Parameters
    ----------
    turned : mapping of str to anything
        Keys that are not at their defaults, and their values.
    models : sequence of str
        Kinds of model.
    images : bool
        Whether images are learnt from; else rows.

    Examples
    --------
    >>> [each.title for each in unread_noise({"mixup": 0.4, "copies": 2}, ["mlp"], images=True)]
    ['augment.mixup does nothing for images']
    >>> [each.title for each in unread_noise({"mixup": 0.4}, ["boosting"], images=False)]
    ['augment.mixup does nothing for boosting']
    """
    off, trees = turned.get("method") == "none", set(models) == {"boosting"}
    asked, others = [name for name in turned if name != "method"], OF_ROWS if images else OF_IMAGES
    idle = asked if off or trees else [name for name in asked if name in others]
    if not idle:
        return ()
    data = "for images" if images else "for rows of a table"
    why = "while augment.method is none" if off else "for boosting" if trees else data
    return (
        Finding(
            "augmentation.knobs",
            _nothing(idle, why, "augment"),
            "info",
            explanation="Images get noise by a recipe, rows of a table get jitter, columns left out and mixing within "
            "their class; boosting learns from the rows as they are.",
            method="the keys of augment that are not at their defaults against what the data and the models read",
            advice="Leave them out.",
        ),
    )


def _nothing(names: Sequence[str], why: str, section: str = "train") -> str:
    return f"{', '.join(f'{section}.{name}' for name in names)} {'does' if len(names) == 1 else 'do'} nothing {why}"


def training_findings(
    labels: NDArray[np.int64], *, classes: Sequence[str], batch_size: int | None = None, copies: int = 0
) -> list[Finding]:
    """Say which classes cannot be learnt, and whether a batch holds all examples.

    Parameters
    ----------
    labels : int64 (n,)
        Labels learnt from; −1 = not learnt from.
    classes : sequence of str
        Names of all classes.
    batch_size : int, optional
        As configured.
    copies : int
        Noisy copies that are learnt from besides.

    Returns
    -------
    list of Finding
        Empty where nothing is amiss.

    Examples
    --------
    >>> [each.title for each in training_findings(np.array([0, 0, 2]), classes=("a", "b", "c"))]
    ['1 class has no training example: b']
    """
    learnt = labels[labels >= 0]
    count = np.bincount(learnt, minlength=len(classes))
    absent = [name for name, there in zip(classes, count, strict=True) if not there]
    findings = []
    if absent:
        named = ", ".join(absent[:SHOWN]) + (", …" if len(absent) > SHOWN else "")
        have = "class has" if len(absent) == 1 else "classes have"
        findings.append(
            Finding(
                "training.classes",
                f"{len(absent)} {have} no training example: {named}",
                "warning",
                explanation="What is never shown is never predicted: every example of it in dev and test is an error.",
                method="the classes of all labels against those of the training rows",
                advice="Collect examples of it, or leave its rows out; widen `split.train_sources` if that hides it, "
                "and give it weight if `weights.column` gives it none.",
            )
        )
    rows = len(learnt) + copies
    if batch_size is not None and batch_size > rows:
        findings.append(
            Finding(
                "training.batch",
                f"train.batch_size is {batch_size:,} for {rows:,} training examples"
                f"{' with their copies' if copies else ''}: each epoch is one step",
                "warning",
                explanation="So few steps learn slowly, and the chance in mini-batches that helps them is gone.",
                method="train.batch_size against the training rows",
                advice="Leave `train.batch_size` out: it is then chosen by the size of the data.",
            )
        )
    return findings


def nothing_learnt(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    model: str,
    classes: Sequence[str],
    rate: float | None = None,
    usual: float | None = None,
    still_learning: bool = False,
    images: bool = False,
) -> tuple[Finding, ...]:
    """Say where a model knows no more of its own training examples than how frequent each class is.

    So it is where it errs as often as the most frequent class would, but for chance, and explains less than 1% of the
    labels' entropy (McFadden 1974, pseudo-R²), both by the weights that it was trained with.

    Parameters
    ----------
    probabilities : float (n, k)
    labels : int64 (n,)
        Labels learnt from; −1 = not learnt from.
    weights : float64 (n,)
    model : str
        The kind of model.
    classes : sequence of str
    rate, usual : float, optional
        The learning rate that was asked for, and the one it would have had; None where it has none.
    still_learning : bool
        Whether the last epoch was the best one.
    images : bool
        Whether images were learnt from.

    Examples
    --------
    >>> said = nothing_learnt(
    ...     np.tile([0.6, 0.4], (5, 1)), np.array([0, 0, 0, 1, 1]), np.ones(5), model="mlp", classes=("no", "yes")
    ... )
    >>> said[0].title
    "The mlp learnt nothing: it errs on 40.0% of the training examples, and always saying 'no' on 40.0%"
    """
    learnt = (labels >= 0) & (weights > 0)
    given, said, share = labels[learnt], probabilities[learnt].astype(np.float64), weights[learnt]
    frequent = np.bincount(given, share, minlength=len(classes)) / share.sum() if len(given) else np.ones(1)
    if frequent.max() == 1:
        return ()
    error, guess = float(np.average(said.argmax(axis=1) != given, weights=share)), float(1 - frequent.max())
    entropy = float(-np.log(frequent[frequent > 0]) @ frequent[frequent > 0])
    chance = min(Z95 * math.sqrt(guess * frequent.max() * float((share**2).sum())) / share.sum(), guess / 2)
    if error < guess - chance or np.average(row_losses(said, given), weights=share) < (1 - EXPLAINED) * entropy:
        return ()
    better = "the images tell nothing of the label: give larger or better ones, see `features`."
    if not images:
        better = "the columns tell nothing of the label: give better ones, see `data.features`."
    turned = _turn_rate(rate, usual, still_learning=still_learning)
    return (
        Finding(
            "training.nothing",
            f"The {model} learnt nothing: it errs on {100 * error:.1f}% of the training examples, and always saying "
            f"{classes[int(frequent.argmax())]!r} on {100 * guess:.1f}%",
            "warning",
            explanation="Until it learns, no other knob can be judged.",
            method="training error and log loss against those of the class shares alone, by the weights of training",
            advice=f"{turned} If that changes nothing: {better}" if turned else f"{better[0].upper()}{better[1:]}",
        ),
    )


def _turn_rate(rate: float | None, usual: float | None, *, still_learning: bool) -> str:
    """Say what may bring a training to learn that learnt nothing; "" where it has no learning rate.

    >>> _turn_rate(1e-9, 1e-3, still_learning=True)
    'Leave out `train.learning_rate`: it is 1e-09, and 0.001 is usual.'
    >>> _turn_rate(None, 1e-3, still_learning=True)
    'Raise `train.epochs`: the last epoch was the best one.'
    """
    if usual is None:
        return ""
    if rate is not None and rate != usual:
        return f"Leave out `train.learning_rate`: it is {rate:g}, and {usual:g} is usual."
    if still_learning:
        return "Raise `train.epochs`: the last epoch was the best one."
    return "Lower `train.learning_rate` tenfold, and leave out what else of `train` was turned."
