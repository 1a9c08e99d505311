"""How likely each given label is right, and what it should be.

Four voices (`voices.py`: out-of-fold model, clusters, nearest neighbours, training dynamics) speak about the true class
of every example without hearing its label; a labelling model (`noise.py`) learns how far each is to be trusted and how
labels go wrong here, and Bayes' rule gives the probability that the given label is right. It is a calibrated
probability: among examples said to be right with 0.7, about 7 in 10 are. A label is an issue where that probability is
under one half.

Sources: Northcutt et al. 2021 (confident learning), Dawid & Skene 1979 (observer errors by EM).
Known failure: where most labels of a class are wrong in the same way, the wrong name is the class's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from burnish.tasks.annotator_audit import AnnotatorAudit, audit_annotators, consensus_labels
from burnish.tasks.evidence import Evidence, as_array, gather_evidence, label_codes
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.freed import give_back_memory
from burnish.tasks.mislabel_findings import FEWEST, MOSTLY_WRONG, NO_SIGNAL, NOT_SEARCHED, audit_findings
from burnish.tasks.neighbours import NeighbourGraph, neighbour_graph
from burnish.tasks.noise import Errors, NoiseModel, fit_noise_model, noise_matrix
from burnish.tasks.voices import VOICE_COLUMNS, VOICES

METHODS = tuple(VOICES)
NEIGHBOURS = 20
NARROWEST_EMBEDDING = 128  # columns
ALONE_CELLS = 20_000  # rows × classes that a voice's own reading is fitted to: fewer numbers to learn
ISSUE = 0.5  # a label is an issue where it is more likely wrong than right
MOST_WRONG = 0.5  # where more labels are wrong, nothing says which name is whose
BEYOND_CHANCE = 3.09  # standard deviations, one-sided 0.1%


@dataclass(frozen=True)
class VoiceRecord:
    """How one voice did.

    Attributes
    ----------
    agrees : float
        Share of labelled examples whose given label is this voice's first choice.
    right : float
        Share of labelled examples whose most probable true class, by all voices together, is its first choice.
    weight : float
        β, its exponent in the pool of voices.
    """

    agrees: float
    right: float
    weight: float


@dataclass(frozen=True)
class LabelAudit:
    """What `audit_labels` found.

    Attributes
    ----------
    frame : pandas.DataFrame, n rows
        ``label_quality`` float (missing where nobody can tell), ``suggested_label``, ``suggestion_quality`` float,
        ``label_issue`` bool,
        ``voice_model``, ``voice_clusters``, ``voice_neighbours``, ``voice_dynamics`` float, missing where silent.
    classes : tuple
        The classes, in the order of the matrices' rows and columns.
    posterior : float32 (n, k) or None
        P(true class | example, given label); None where wrong labels were not looked for.
    noise_matrix : float (k, k)
        P(given = column | true = row).
    noise_rate : float
        Expected share of wrong labels; NaN where nobody can tell.
    voices : dict of str to VoiceRecord
    model : NoiseModel or None
        The fitted labelling model of the voices together; None where no voice was heard.
    findings : tuple of Finding
    annotators : AnnotatorAudit or None
        Where there are several: what each is worth.
    """

    frame: pd.DataFrame
    classes: tuple[Any, ...]
    posterior: NDArray[np.float32] | None
    noise_matrix: NDArray[np.float64]
    noise_rate: float
    voices: dict[str, VoiceRecord]
    model: NoiseModel | None
    findings: tuple[Finding, ...]
    annotators: AnnotatorAudit | None = None


def find_mislabels(
    labels: ArrayLike,
    probabilities: ArrayLike | None = None,
    features: ArrayLike | None = None,
    *,
    classes: Sequence[Any] | None = None,
    groups: ArrayLike | None = None,
    dynamics: ArrayLike | None = None,
    errors: Errors | None = None,
    methods: Iterable[str] = METHODS,
    graph: NeighbourGraph | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Give, for every example, the probability that its label is right, and what it should be.

    Parameters and exceptions are those of `audit_labels`, of which this is the ``frame``. Labels may also be (n, m), a
    column an annotator, missing where he gave none: then the label of a row is their consensus (`find_consensus`).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = np.concatenate([rng.normal(0, 1, (50, 2)), rng.normal(6, 1, (50, 2))])
    >>> labels = np.array(["cat"] * 50 + ["dog"] * 50)
    >>> labels[3] = "dog"
    >>> found = find_mislabels(labels, features=features)
    >>> found.index[found["label_issue"]].tolist(), found.loc[3, "suggested_label"]
    ([3], 'cat')
    """
    annotations = None
    if as_array(labels, "labels", object).ndim == 2:
        labels, annotations, classes = consensus_labels(pd.DataFrame(labels), classes)
    return audit_labels(
        labels,
        probabilities,
        features,
        classes=classes,
        groups=groups,
        dynamics=dynamics,
        annotations=annotations,
        errors=errors,
        methods=methods,
        graph=graph,
        seed=seed,
    ).frame


def audit_labels(
    labels: ArrayLike,
    probabilities: ArrayLike | None = None,
    features: ArrayLike | None = None,
    *,
    classes: Sequence[Any] | None = None,
    groups: ArrayLike | None = None,
    dynamics: ArrayLike | None = None,
    votes: NDArray[np.int64] | None = None,
    known: NDArray[np.int64] | None = None,
    annotations: NDArray[np.int64] | None = None,
    errors: Errors | None = None,
    methods: Iterable[str] = METHODS,
    graph: NeighbourGraph | None = None,
    seed: int = 0,
) -> LabelAudit:
    """Audit the labels with every voice that has something to look at.

    Parameters
    ----------
    labels : (n,)
        Strings, numbers, booleans; missing (None, NaN, NA) allowed.
    probabilities : float (n, k), optional
        Out-of-fold class probabilities, columns in the order of `classes`.
    features : float (n, d), optional
        Finite; scaled as distances should see them.
    classes : sequence, optional
        Default: the sorted distinct labels.
    groups : (n,), optional
        Examples of one group (copies, one patient) never speak about one another. Default: where there is no graph
        either, copies by the features (`copies.copies_by_features`).
    dynamics : float (n, k), optional
        What networks that did not see the example said of it on average over their training, as probabilities
        (`folds.OutOfFold.dynamics`).
    votes : int64 (n,), optional
        What the voices and the labelling model learn from, as indices into `classes`: labels cleaned in an earlier
        round, −1 for rows that only listen (dev and test). Default: the labels. Judged are always the labels.
    known : int64 (n,), optional
        True classes that a person has told, as indices into `classes`, −1 = not known: taken for certain, and the
        voices are weighed by them.
    annotations : int64 (n, m), optional
        What each of several annotators said, as indices into `classes`, −1 = nothing; the labels are their consensus.
        Each annotator is judged by the voices and the others, and the votes decide with the voices.
    errors : str, optional
        How labels go wrong: ``people`` mix up what looks alike (pictures, texts); ``classes``: whatever the example
        looks like, at one rate or, where the labels show it, at one a class, and examples of different classes can be
        alike (who repays a loan); ``either``: the labels decide between the two. Default: with an embedding (128
        features or more) ``people``; fewer features are taken for the columns of a table: ``classes``; with
        probabilities alone ``either``.
    methods : iterable of str
        Which of ``model``, ``clusters``, ``neighbours``, ``dynamics`` to hear.
    graph : NeighbourGraph, optional
        Of the features; default: made here, with 20 neighbours.
    seed : int

    Returns
    -------
    LabelAudit

    Raises
    ------
    InputError
        Fewer than two classes, labels outside the classes, probabilities or features that cannot be used.
    """
    names, codes = label_codes(labels, classes)
    learnt = codes if votes is None else np.where(codes >= 0, votes, -1)
    evidence = gather_evidence(learnt, len(names), probabilities, features, groups, graph, seed, dynamics)
    heard = _heard(methods, evidence)
    if "neighbours" in heard and graph is None and evidence.features is not None:
        graph = neighbour_graph(evidence.features, k=NEIGHBOURS, groups=evidence.groups, seed=seed)
        evidence = replace(evidence, graph=graph)
    opinions = {name: VOICES[name](evidence) for name in heard}
    spoken = {name: opinion.truth for name, opinion in opinions.items()}
    readings = list(spoken.values())
    heeded = np.where(learnt >= 0, codes, -1)
    errors = errors or _by_kind(evidence)
    if errors is not None and errors not in get_args(Errors):
        raise InputError(f"errors is {errors!r}; labels go wrong by {', '.join(get_args(Errors))}")
    model = fit_noise_model(readings, heeded, known, errors=errors, seed=seed)
    strange = _never_taught(codes, heeded, len(names)) & (True if known is None else known < 0)
    posterior = _told(_believed(model.posterior(readings, codes), codes, strange), known)
    alone = _alone(spoken, posterior, codes, heeded, errors, seed)
    labelled = codes >= 0
    findings = list(audit_findings(codes, names, [opinion.note for opinion in opinions.values()], strange))
    blind = model.posterior(readings, np.full(len(codes), -1))
    wrong = float(1 - np.nanmean(_given(posterior, codes)))
    signal, annotators = beats_chance(blind.argmax(axis=1), heeded) and wrong <= MOST_WRONG, None
    if annotations is not None:
        prior = _told(blind, known) if signal else None
        annotators = audit_annotators(
            annotations, len(names), prior=prior, learn=learnt >= 0, codes=codes, wrong=wrong, seed=seed
        )
        posterior = _told(_believed(annotators.consensus.posterior, codes, strange), known)
        findings.append(annotators.human.finding)
    frame = _frame(posterior, codes, names, alone)
    frame.loc[strange, ["label_quality", "suggestion_quality", *VOICE_COLUMNS.values()]] = np.nan
    if not signal and (annotators is None or annotators.human.rate is None):
        frame = _silent_frame(frame["suggested_label"].array)
        posterior = _told(_believed(posterior, codes, codes >= 0), known)
        findings.append(MOSTLY_WRONG if wrong > MOST_WRONG else NO_SIGNAL)
    give_back_memory()
    return LabelAudit(
        frame=frame,
        classes=names,
        posterior=posterior.astype(np.float32),
        noise_matrix=noise_matrix(posterior, codes),
        noise_rate=float(1 - frame["label_quality"][labelled].mean()),
        voices=_records(spoken, model, posterior, codes),
        model=model,
        findings=tuple(findings),
        annotators=annotators,
    )


def believe_labels(labels: ArrayLike, classes: Sequence[Any] | None = None) -> LabelAudit:
    """Take every label for right, where wrong ones are not looked for: no quality, no issue, no voice.

    >>> believe_labels(["a", "b", "a"]).frame["label_issue"].tolist()
    [False, False, False]
    """
    given = pd.Series(labels, copy=False)
    names, believed = tuple(classes or ()), given.array
    if not names or given.hasnans:
        names, codes = label_codes(labels, classes)
        missing, sizes = codes < 0, np.bincount(codes[codes >= 0], minlength=len(names))
        believed = pd.Series(names).take(np.where(missing, sizes.argmax(), codes)).array
    return LabelAudit(
        frame=_silent_frame(believed),
        classes=names,
        posterior=None,
        noise_matrix=np.eye(len(names)),
        noise_rate=float("nan"),
        voices={},
        model=None,
        findings=(NOT_SEARCHED,),
    )


def _by_kind(evidence: Evidence) -> Errors:
    if evidence.features is None:
        return "either"
    return "classes" if evidence.features.shape[1] < NARROWEST_EMBEDDING else "people"


def _told(posterior: NDArray[np.float64], known: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Make certain what a person has told."""
    if known is None:
        return posterior
    rows = np.flatnonzero(known >= 0)
    posterior[rows] = 0.0
    posterior[rows, known[rows]] = 1.0
    return posterior


def beats_chance(predicted: NDArray[np.int64], codes: NDArray[np.int64]) -> bool:
    """Tell whether predictions agree with the labels more often than by chance (Cohen's κ > 0, one-sided, 0.1%).

    Voices that know nothing say the opposite of the label more often than not, since each leaves its own example out
    of balanced classes; taken at their word, every label would be wrong.

    Parameters
    ----------
    predicted, codes : int64 (n,)
        Classes; rows with code −1 do not count.
    """
    seen = codes >= 0
    k = int(max(predicted.max(), codes.max())) + 1
    said, given = (np.bincount(column[seen], minlength=k) / max(seen.sum(), 1) for column in (predicted, codes))
    by_chance = float(said @ given)
    agreed = float((predicted[seen] == codes[seen]).mean())
    spread = np.sqrt(max(by_chance * (1 - by_chance), 1e-12) / max(seen.sum(), 1))
    return bool(agreed - by_chance > BEYOND_CHANCE * spread)


def _never_taught(codes: NDArray[np.int64], heeded: NDArray[np.int64], k: int) -> NDArray[np.bool_]:
    """Tell the labels, bool (n,), of classes of which the voices learnt no example: they know nothing of them."""
    taught = np.bincount(heeded[heeded >= 0], minlength=k) > 0
    return (codes >= 0) & ~taught[np.maximum(codes, 0)]


def _believed(posterior: NDArray[np.float64], codes: NDArray[np.int64], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Take the given labels of some rows for right, where nobody can tell."""
    if not rows.any():
        return posterior
    believed = posterior.copy()
    believed[rows] = 0.0
    believed[rows, codes[rows]] = 1.0
    return believed


def _silent_frame(suggested: Any) -> pd.DataFrame:
    """Give the columns of an audit in which no voice was heard; what is unknown has its place once."""
    unknown = np.broadcast_to(np.float64("nan"), len(suggested))
    columns = dict.fromkeys(["label_quality", "suggested_label", "suggestion_quality", "label_issue"], unknown)
    told = {"suggested_label": suggested, "label_issue": np.zeros(len(suggested), dtype=bool)}
    return pd.DataFrame(columns | told | dict.fromkeys(VOICE_COLUMNS.values(), unknown), copy=False)


def _heard(methods: Iterable[str], evidence: Evidence) -> tuple[str, ...]:
    wanted = (methods,) if isinstance(methods, str) else tuple(methods)
    unknown = [name for name in wanted if name not in VOICES]
    if unknown:
        raise InputError(f"mislabels.methods names {unknown[0]!r}; the voices are {', '.join(VOICES)}")
    able = {
        "model": evidence.probabilities is not None or evidence.features is not None,
        "clusters": evidence.features is not None,
        "neighbours": evidence.features is not None or evidence.graph is not None,
        "dynamics": evidence.dynamics is not None,
    }
    heard = tuple(name for name in VOICES if name in wanted and able[name])
    if not heard:
        raise InputError("no voice has anything to look at; give probabilities or features, and a method to use them")
    return heard


def _alone(
    spoken: dict[str, NDArray[np.float64]],
    posterior: NDArray[np.float64],
    codes: NDArray[np.int64],
    heeded: NDArray[np.int64],
    errors: Errors,
    seed: int,
) -> dict[str, NDArray[np.float64]]:
    """Probability that the given label is right by each voice alone, read through a labelling model of its own."""
    if len(spoken) == 1:
        return {name: _given(posterior, codes) for name in spoken}
    models = {
        name: fit_noise_model([reading], heeded, errors=errors, cells=ALONE_CELLS, seed=seed)
        for name, reading in spoken.items()
    }
    return {name: _given(model.posterior([spoken[name]], codes), codes) for name, model in models.items()}


def _given(posterior: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    picked = posterior[np.arange(len(codes)), np.maximum(codes, 0)]
    return np.where(codes >= 0, picked, np.nan)


def _frame(
    posterior: NDArray[np.float64],
    codes: NDArray[np.int64],
    names: tuple[Any, ...],
    alone: dict[str, NDArray[np.float64]],
) -> pd.DataFrame:
    quality = _given(posterior, codes)
    best = posterior.argmax(axis=1)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    judged = (codes >= 0) & (sizes[np.maximum(codes, 0)] >= FEWEST)
    columns: dict[str, Any] = {
        "label_quality": quality,
        "suggested_label": pd.Series(names)[best].array,
        "suggestion_quality": posterior[np.arange(len(best)), best],
        "label_issue": judged & (quality < ISSUE),
    }
    silent = np.full(len(codes), np.nan)
    return pd.DataFrame(columns | {column: alone.get(name, silent) for name, column in VOICE_COLUMNS.items()})


def _records(
    spoken: dict[str, NDArray[np.float64]], model: NoiseModel, posterior: NDArray[np.float64], codes: NDArray[np.int64]
) -> dict[str, VoiceRecord]:
    labelled = codes >= 0
    truth = posterior[labelled].argmax(axis=1)
    firsts = {name: reading[labelled].argmax(axis=1) for name, reading in spoken.items()}
    return {
        name: VoiceRecord(float((first == codes[labelled]).mean()), float((first == truth).mean()), float(weight))
        for (name, first), weight in zip(firsts.items(), model.weights, strict=True)
    }
