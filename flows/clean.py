"""`clean`: from the data as given to the cleaned dataset.

Measure images, find duplicates, split, validate, winsorize, encode, score outliers, find mislabels, decide, write back.
What is learnt here (limits, μ and σ, filters, the suite) is learnt on the training rows and applied to all.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.config import Config
from burnish.flows.run import BrokenContractError, Run, write_json
from burnish.tasks.actions import decide_actions, follow_decisions
from burnish.tasks.boosting import LEFT_OUT, boost_out_of_fold, boosting_fits
from burnish.tasks.cleaned import escape_formulas, write_cleaned
from burnish.tasks.confident import find_by_confident_learning
from burnish.tasks.copies import copies_as_groups, count_duplicates, duplicate_findings, find_row_duplicates
from burnish.tasks.decisions import UNDECIDED, decided_codes, read_decisions, review_facts
from burnish.tasks.duplicates import find_duplicates
from burnish.tasks.encoders import Encoder, fit_patch_encoder, pretrained_encoder
from burnish.tasks.examples import Examples, read_examples
from burnish.tasks.features import TableEncoder, fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.folds import OutOfFold, best_pass, out_of_fold
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.images import ImageScan, measure_images
from burnish.tasks.label_checks import label_codes
from burnish.tasks.mislabels import NARROWEST_EMBEDDING, LabelAudit, audit_labels
from burnish.tasks.multivariate import OUTLIER_ABOVE, score_outliers
from burnish.tasks.neighbours import NeighbourGraph, nearest, neighbour_graph
from burnish.tasks.noise import Errors
from burnish.tasks.outliers import fit_limits, summarize_limits
from burnish.tasks.settling import hold_still
from burnish.tasks.split import join_groups, measure_split, split
from burnish.tasks.summary import suspect_finding
from burnish.tasks.validate import Validation, enforce_suite, learn_suite, load_suite, save_suite
from burnish.tasks.voices import VOICE_COLUMNS

DECISIONS = "decisions.csv"
IMAGE_MEASURES = ["width", "height", "brightness", "contrast", "entropy", "noise", "sharpness"]
NEIGHBOURS = 20
WAVERS = "; changed in one round and taken back in another"
SHOWN_NEIGHBOURS = 8  # beside each suspect on the page of `burnish review`
REVIEW_COLUMNS = [
    "id", "split", "source", "label", "suggested_label", "label_quality", "action", "reason",
    *VOICE_COLUMNS.values(), "decision", "new_label",
]  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """What the stages before the labels leave behind.

    Attributes
    ----------
    examples : Examples
        The data as read.
    table : DataFrame of n rows
        The examples table with `split`, duplicates, image flags, outlier scores and a person's `decision`.
    attributes : DataFrame of n rows
        The given columns with extremes replaced.
    codes : int64 (n,)
        Given labels as indices into the classes, −1 where missing.
    groups : Series (n,)
        Examples that never speak about one another: copies, and the groups given.
    extreme : bool (n,)
        Training rows that go because of an extreme value (`outliers.method: drop`).
    usable : bool (n,)
        False for rows that are never learnt from: blank or unreadable images, dropped extremes.
    pixels : uint8 (n, s, s, c) or None
    measures : DataFrame of n rows or None
        Brightness, sharpness and the like of each image.
    decided : int64 (n,)
        The label a person has decided on, −1 undecided, −2 dropped (`decisions.py`).
    features : float32 (n, d) or None
        None where there is nothing to learn from but the user's own probabilities.
    encoder : Encoder or None
    graph : NeighbourGraph or None
        Of the features; the one graph that is shared.
    facts : dict
        Sections of `summary.json`.
    """

    examples: Examples
    table: pd.DataFrame
    attributes: pd.DataFrame
    codes: NDArray[np.int64]
    groups: pd.Series
    extreme: NDArray[np.bool_]
    usable: NDArray[np.bool_]
    pixels: NDArray[np.uint8] | None
    measures: pd.DataFrame | None
    facts: dict[str, Any]
    decided: NDArray[np.int64]
    features: NDArray[np.float32] | None = None
    encoder: Encoder | None = None
    graph: NeighbourGraph | None = None

    def rows(self, part: str) -> NDArray[np.bool_]:
        """Tell the rows of a part of the split, bool (n,)."""
        return (self.table["split"] == part).to_numpy(dtype=bool)

    def judged(self, part: str) -> NDArray[np.bool_]:
        """Tell the rows of a part that figures are made of: labelled, and readable where they are images, bool (n,)."""
        return self.rows(part) & (self.judging >= 0) & self.readable

    @property
    def judging(self) -> NDArray[np.int64]:
        """Give the labels that dev and test are judged by: as given, or as a person has decided, −1 = none, (n,)."""
        return np.where(self.decided == UNDECIDED, self.codes, np.maximum(self.decided, -1))

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Tell the rows that could be read at all, bool (n,)."""
        return ~self.table.get("unreadable", pd.Series(False, self.table.index)).to_numpy(dtype=bool)

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """Tell the training rows that may be learnt from, bool (n,)."""
        return self.rows("train") & self.usable & (self.judging >= 0)


@dataclass(frozen=True)
class Labels:
    """The labels after a round of cleaning.

    Attributes
    ----------
    audit : LabelAudit or None
        None before the first round.
    decisions : DataFrame of n rows or None
        `action`, `final_label`, `reason`, `cleanlab_issue`.
    probabilities : float (n, k) or None
        What the model voice heard, out of fold.
    codes : int64 (n,)
        Labels to learn from, −1 where the row is not learnt from.
    quality : float64 (n,)
        Probability that the label in `codes` is right.
    model : str or None
        What the model voice was made of; None where no model was fitted.
    """

    audit: LabelAudit | None
    decisions: pd.DataFrame | None
    probabilities: NDArray[np.floating] | None
    codes: NDArray[np.int64]
    quality: NDArray[np.float64]
    model: str | None = None


def open_examples(config: Config) -> Examples:
    """Read the data that a configuration names; bad input is said here, before anything is written."""
    return read_examples(**config.data.model_dump(exclude={"human_error"}), weight=config.weights.column)


def prepare(run: Run, examples: Examples) -> Prepared:
    """Walk the stages before the labels."""
    run.add(*examples.findings)
    scan = _measure_images(run, examples)
    table = examples.table.copy()
    if scan is not None:
        table = table.join(scan.quality[[*FLAGS, "unreadable"]])
    duplicates = _find_duplicates(run, examples, scan)
    table = table.join(duplicates[["duplicate_of", "duplicate_kind"]])
    decisions = read_decisions(run.folder / DECISIONS, examples.table)
    table["decision"] = table["id"].map(decisions.set_index("id")["decision"])
    table["split"] = _split(run, examples, duplicates)
    split_facts = _measure_split(run, table, duplicates)
    validation = _validate(run, examples, table, scan)
    attributes, extreme, outlier_facts = _treat_outliers(run, examples, table)
    useless = _useless(run, table)
    prepared = Prepared(
        examples=examples,
        table=table,
        attributes=attributes,
        codes=examples.codes,
        groups=join_groups(examples.table["group"], copies_as_groups(duplicates["duplicate_group"])),
        extreme=extreme,
        decided=decided_codes(decisions, examples.table["id"], examples.classes),
        usable=~extreme & ~useless,
        pixels=None if scan is None else scan.pixels,
        measures=None if scan is None else scan.quality[IMAGE_MEASURES],
        facts={
            "splits": split_facts,
            "validation": validation,
            "outliers": outlier_facts,
            "duplicates": count_duplicates(duplicates),
            "review": review_facts(decisions, table),
            "images": None if scan is None else _image_facts(table, useless),
        },
    )
    _check_learnable(prepared)
    return _score_outliers(run, _encode(run, prepared))


def _check_learnable(prepared: Prepared) -> None:
    """Refuse to go on with training rows of one class, or none."""
    left = np.unique(prepared.judging[prepared.learnable])
    if len(left) < 2:
        have = f"only the class {prepared.examples.classes[left[0]]!r} has" if len(left) else "no class has"
        unusable = int((~prepared.usable).sum())
        raise InputError(
            f"{have} training examples that can be learnt from ({unusable:,} of {len(prepared.codes):,} examples are "
            "unreadable, blank or dropped as extreme): see to the other classes, or give more examples"
        )


def _measure_images(run: Run, examples: Examples) -> ImageScan | None:
    if examples.kind != "images":
        return None
    measure = run.stage("Measure images", measure_images)
    scan = measure(
        examples.root, examples.table["image"], size=run.config.features.image_size, ids=examples.table["id"]
    )
    run.add(*scan.findings)
    return scan


def _find_duplicates(run: Run, examples: Examples, scan: ImageScan | None) -> pd.DataFrame:
    ids, labels = examples.table["id"], examples.table["label"]
    if scan is not None:
        find = run.stage("Find duplicates", find_duplicates)
        hashes = scan.quality["perceptual_hash"].to_numpy()
        found = find(ids, scan.quality["content_hash"], perceptual_hash=hashes, pixels=scan.pixels, labels=labels)
    else:
        learnt = examples.attributes[[*examples.learn_from, *([examples.text] if examples.text else [])]]
        found = run.stage("Find duplicates", find_row_duplicates)(ids, learnt, examples.embeddings, labels)
    run.add(*duplicate_findings(found, ids))
    return found


def _split(run: Run, examples: Examples, duplicates: pd.DataFrame) -> pd.Series:
    groups = join_groups(examples.table["group"], copies_as_groups(duplicates["duplicate_group"]))
    options = run.config.split.model_dump()
    return run.stage("Split", split)(
        examples.table["label"], examples.table["source"], groups, **options, seed=run.config.seed
    )


def _measure_split(run: Run, table: pd.DataFrame, duplicates: pd.DataFrame) -> dict[str, Any]:
    measured = measure_split(table, duplicates["duplicate_group"].where(duplicates["duplicate_group"] >= 0))
    run.add(*measured.findings)
    return measured.as_dict()


def _validate(run: Run, examples: Examples, table: pd.DataFrame, scan: ImageScan | None) -> dict[str, Any]:
    """Learn the contract on the training rows, or enforce the one that is given; stop where it is broken badly."""
    frame = validated_frame(examples, scan)
    given = run.config.validate_.suite
    train = (table["split"] == "train").to_numpy()
    if given is None:
        learn = run.stage("Learn the data contract", learn_suite)
        slack = run.config.validate_.slack
        suite = learn(frame[train], id_column="id", label_column="label", slack=slack)
    else:
        suite = load_suite(given)
    save_suite(suite, run.path("validation/suite.json"))
    checked = run.stage("Validate", enforce_suite)(frame, suite, table["id"])
    facts = validation_facts(checked, table["id"])
    write_json(run.path("validation/results.json"), facts)
    run.add(*checked.findings)
    if not checked.success:
        broken = "; ".join(finding.title for finding in checked.findings if finding.severity == "critical")
        raise BrokenContractError(
            f"the data breaks its contract ({broken}); see {run.folder / 'validation/results.json'}"
        )
    return facts


def _treat_outliers(
    run: Run, examples: Examples, table: pd.DataFrame
) -> tuple[pd.DataFrame, NDArray[np.bool_], dict[str, Any]]:
    """Give the treated attributes, the training rows to drop, and the facts; keep the limits for `burnish predict`."""
    options = run.config.outliers
    nothing = np.zeros(len(table), dtype=bool)
    learnt = _columns(examples)
    if not learnt:
        facts: dict[str, Any] = {"method": options.method, "columns": [], "rows": 0, "rows_share": 0.0}
        return examples.attributes, nothing, facts
    train = (table["split"] == "train").to_numpy()
    limits = run.stage("Learn outlier limits", fit_limits)(
        examples.attributes[train], **options.model_dump(), columns=learnt
    )
    treated, replaced = run.stage("Treat outliers", limits.apply)(examples.attributes)
    write_json(run.path("model/limits.json"), limits.to_dict())
    touched = replaced.any(axis=1).to_numpy()
    facts = {
        "method": options.method,
        "columns": summarize_limits(limits, replaced, table["split"]),
        "rows": int(touched.sum()),
        "rows_share": float(touched.mean()),
    }
    return treated, touched & train if options.method == "drop" else nothing, facts


def validated_frame(examples: Examples, scan: ImageScan | None) -> pd.DataFrame:
    """Put together what the contract is about: ids, labels, and the attributes or the images' measurements."""
    frame = examples.attributes if scan is None else scan.quality[IMAGE_MEASURES]
    names = {"id": examples.table["id"], "label": examples.table["label"]}
    return frame.drop(columns=[name for name in names if name in frame]).assign(**names)


def validation_facts(checked: Validation, ids: pd.Series) -> dict[str, Any]:
    """Give a validation as its section of `summary.json`."""
    return {
        "success": checked.success,
        "checks": len(checked.results),
        "failed": len(checked.failures),
        "critical": len(checked.critical_failures),
        "results": [result.as_dict(ids) for result in checked.results],
        "suite": "validation/suite.json",
    }


def labels_as_given(prepared: Prepared) -> Labels:
    """Take every label for right: what round 0 learns from."""
    codes = np.where(prepared.learnable, prepared.codes, -1)
    return Labels(None, None, None, codes, np.ones(len(codes)))


def find_labels(
    run: Run,
    prepared: Prepared,
    history: list[NDArray[np.int64]],
    before: NDArray[np.int64],
    weights: NDArray[np.float64] | None = None,
    model: str = "",
) -> Labels:
    """Find mislabels with what the round before believed, and decide what becomes of each label.

    Parameters
    ----------
    history : list of int64 (n,)
        What each round so far learnt from, −1 = not learnt from.
    before : int64 (n,)
        What the voices learn from: the labels of the round to go on from. Those that are judged are always those given.
    weights : float (n,), optional
        s(i) of the round before.
    model : str
        The kind of network that did best in the round before; by default as configured.
    """
    examples, options, number = prepared.examples, run.config.mislabels, len(history)
    learnt_from = np.where(prepared.learnable & (prepared.decided >= 0), prepared.decided, before)
    heard = _out_of_fold(run, prepared, learnt_from, number, weights, model or run.config.train.model)
    probabilities = examples.probabilities if heard is None else heard.probabilities
    audit = run.stage(f"Find mislabels, round {number}", audit_labels)(
        examples.table["label"],
        probabilities,
        prepared.features,
        classes=examples.classes,
        groups=prepared.groups,
        dynamics=None if heard is None else heard.dynamics,
        votes=learnt_from,
        annotations=examples.votes,
        known=prepared.decided,
        errors=_errors(run, prepared),
        methods=options.methods,
        graph=prepared.graph,
        seed=run.config.seed,
    )
    confident = run.stage(f"Ask confident learning, round {number}", find_by_confident_learning)(
        prepared.codes, probabilities
    )
    flags = prepared.table[[name for name in ("unreadable", *FLAGS) if name in prepared.table]]
    decisions = run.stage(f"Decide, round {number}", decide_actions)(
        audit.frame,
        examples.table["label"],
        prepared.table["split"],
        flags=flags.assign(**{"extreme value": prepared.extreme}),
        useless=("unreadable", "extreme value", *run.config.features.leave_out),
        **options.model_dump(include={"cost_wrong_relabel", "cost_missed", "relabel_above", "drop_below"}),
    )
    decisions, codes = _settled(prepared, decisions, history)
    quality = audit.posterior[np.arange(len(codes)), np.maximum(codes, 0)].astype(np.float64)
    spoke = heard.model if heard is not None and "model" in options.methods else None
    return Labels(audit, decisions.assign(cleanlab_issue=confident), probabilities, codes, quality, spoke)


def _errors(run: Run, prepared: Prepared) -> Errors:
    """Say how labels go wrong: as configured, else by the kind of data.

    Rows of a table overlap. People mix up what a strong network sees alike; what the small one made here sees alike
    they may well tell apart, so there the labels decide.
    """
    configured, examples = run.config.mislabels.errors, prepared.examples
    if configured != "auto":
        return configured
    if examples.embeddings is not None:
        return "people" if examples.embeddings.shape[1] >= NARROWEST_EMBEDDING else "either"
    if examples.kind == "images":
        return "people" if run.config.features.encoder == "pretrained" else "either"
    return "classes" if examples.learn_from and examples.text is None else "either"


def _settled(
    prepared: Prepared, decisions: pd.DataFrame, history: list[NDArray[np.int64]]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """Keep labels from going in circles, and follow what a person has decided; give this and what to learn from."""
    examples = prepared.examples

    def learnt(decisions: pd.DataFrame) -> NDArray[np.int64]:
        return np.where(prepared.learnable, label_codes(decisions["final_label"], examples.classes), -1)

    proposed = learnt(decisions)
    circling = prepared.learnable & (hold_still(np.stack(history), proposed, history[0]) != proposed)
    held = decisions.assign(
        action=decisions["action"].mask(circling, "review"),
        final_label=decisions["final_label"].mask(circling, examples.table["label"]),
        reason=decisions["reason"].mask(circling, decisions["reason"] + WAVERS),
    )
    followed = follow_decisions(held, examples.table["label"], prepared.decided, examples.classes)
    return followed, learnt(followed)


def write_labels(run: Run, prepared: Prepared, labels: Labels) -> None:
    """Write the cleaned dataset in the form it came in, what waits for a person, and the out-of-fold probabilities."""
    table = labelled_table(prepared, labels)
    assert labels.audit is not None
    run.add(*(finding for finding in labels.audit.findings if finding.code != "mislabels.missing"))
    if not any(finding.code == "mislabels.no_signal" for finding in labels.audit.findings):
        run.add(suspect_finding(table))
    run.stage("Write the cleaned dataset", write_cleaned)(prepared.examples, table, run.path("cleaned/x").parent)
    waiting = table[table["action"] == "review"].sort_values("label_quality", kind="stable")
    waiting = waiting.assign(decision="", new_label="")
    sheet = escape_formulas(waiting[REVIEW_COLUMNS])
    sheet.to_csv(run.path("review.csv"), index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    if labels.probabilities is not None:
        np.save(run.path("probabilities.npy"), labels.probabilities.astype(np.float32))
    if prepared.graph is not None:
        np.save(run.path("neighbours.npy"), nearest(prepared.graph, SHOWN_NEIGHBOURS))


def labelled_table(prepared: Prepared, labels: Labels) -> pd.DataFrame:
    """Give the examples table with what was found about its labels."""
    assert labels.audit is not None
    assert labels.decisions is not None
    return prepared.table.join(labels.audit.frame).join(labels.decisions)


def _out_of_fold(
    run: Run, prepared: Prepared, codes: NDArray[np.int64], number: int, weights: NDArray[np.float64] | None, model: str
) -> OutOfFold | None:
    """Give what models that did not see the row say of it; None where the user's own do, or nobody listens."""
    listened = {"model", "dynamics"} & set(run.config.mislabels.methods)
    if prepared.examples.probabilities is not None or not listened:
        return None
    assert prepared.features is not None
    network, boosting = _candidates(run, prepared, number)
    shared: dict[str, Any] = {
        "classes": prepared.examples.classes,
        "folds": run.config.mislabels.folds,
        "groups": prepared.groups.to_numpy(dtype=object),
        "threads": run.threads,
        "seed": run.config.seed,
    }
    passes = []
    if network:
        learn = run.stage(f"Out-of-fold probabilities, round {number}", out_of_fold)
        options = run.config.train.model_dump(exclude={"model"})
        passes.append(learn(prepared.features, codes, weights, **options, model=model, **shared))
    if boosting:
        boost = run.stage(f"Out-of-fold boosting, round {number}", boost_out_of_fold)
        passes.append(boost(prepared.attributes, codes, weights, learn_from=_columns(prepared.examples), **shared))
    made = best_pass(passes, codes, weights)
    if made.note and number == 1:
        run.add(Finding("mislabels.folds", f"Out-of-fold probabilities: {made.note}", "info"))
    return made


def _candidates(run: Run, prepared: Prepared, number: int) -> tuple[bool, bool]:
    """Tell whether the network and gradient boosting are asked; the latter reads the columns of tables."""
    options, encoder = run.config.mislabels, prepared.encoder
    table = isinstance(encoder, TableEncoder) and bool(encoder.numbers or encoder.categories)
    if options.model == "network" or "model" not in options.methods:
        return True, False
    if options.model == "boosting":
        if not table:
            raise InputError("mislabels.model is boosting, which reads columns of a table: choose auto or network here")
        return False, True
    examples = prepared.examples
    fits = boosting_fits(len(prepared.codes), len(_columns(examples)), len(examples.classes))
    if table and not fits and number == 1:
        run.add(LEFT_OUT)
    return True, table and fits


def _encode(run: Run, prepared: Prepared) -> Prepared:
    """Turn examples into vectors by what the training rows teach, and link each to its nearest neighbours."""
    examples, seed = prepared.examples, run.config.seed
    learnt = prepared.learnable
    encoder: Encoder
    given: Any
    if examples.embeddings is not None:
        given = examples.embeddings
        encoder = run.stage("Learn the encoder", fit_array_encoder)(given[learnt])
    elif prepared.pixels is not None:
        given = prepared.pixels
        encoder = _image_encoder(run, given[learnt])
    elif examples.learn_from or examples.text:
        given = prepared.attributes
        encoder = run.stage("Learn the encoder", fit_table_encoder)(
            given[learnt], learn_from=examples.learn_from, text=examples.text, seed=seed
        )
    else:
        return prepared
    features = run.stage("Encode examples", encoder.transform)(given)
    graph = None
    if "neighbours" in run.config.mislabels.methods:
        find = run.stage("Find nearest neighbours", neighbour_graph)
        graph = find(features, k=NEIGHBOURS, groups=prepared.groups.to_numpy(dtype=object), seed=seed)
    return replace(prepared, features=features, encoder=encoder, graph=graph)


def _image_encoder(run: Run, pixels: NDArray[np.uint8]) -> Encoder:
    if run.config.features.encoder == "pretrained":
        return run.stage("Load the pretrained encoder", pretrained_encoder)()
    return run.stage("Learn the encoder", fit_patch_encoder)(pixels, seed=run.config.seed)


def _score_outliers(run: Run, prepared: Prepared) -> Prepared:
    if prepared.features is None:
        return replace(prepared, table=prepared.table.assign(outlier_score=np.nan, outlier=False))
    score = run.stage("Score outliers", score_outliers)(prepared.features, prepared.learnable, seed=run.config.seed)
    return replace(prepared, table=prepared.table.assign(outlier_score=score, outlier=score > OUTLIER_ABOVE))


def _image_facts(table: pd.DataFrame, useless: NDArray[np.bool_]) -> dict[str, int]:
    """Count the images of each flag, and those taken out of training for one."""
    flagged = {name: int(table[name].sum()) for name in (*FLAGS, "unreadable")}
    return flagged | {"left_out": int((useless & (table["split"] == "train").to_numpy()).sum())}


def _columns(examples: Examples) -> list[str]:
    """Give the columns to learn from, but for the text."""
    return [name for name in examples.learn_from if name != examples.text]


def _useless(run: Run, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the images that nobody could label, and those of the flags to leave out, bool (n,)."""
    flags = [name for name in ("unreadable", *run.config.features.leave_out) if name in table]
    return table[flags].to_numpy(dtype=bool).any(axis=1) if flags else np.zeros(len(table), dtype=bool)
