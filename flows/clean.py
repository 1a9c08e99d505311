"""The labels: find those that are wrong with what the round before believed, decide, and write the cleaned dataset."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.noise import FITTED, Copies
from burnish.flows.prepare import Prepared
from burnish.flows.recipe import recipe_of
from burnish.flows.run import Run
from burnish.flows.several import helped
from burnish.tasks.actions import decide_actions, follow_decisions
from burnish.tasks.boosting import LEFT_OUT, boost_out_of_fold, boosting_fits
from burnish.tasks.cleaned import escape_formulas, write_cleaned
from burnish.tasks.compiling import compiled_findings
from burnish.tasks.confident import find_by_confident_learning
from burnish.tasks.convnet_folds import out_of_fold_cnn
from burnish.tasks.convnet_training import CNN, NO_IMAGES, asked_by_auto
from burnish.tasks.decisions import UNDECIDED
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.folds import OutOfFold, best_pass, out_of_fold
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.label_checks import label_codes
from burnish.tasks.mislabel_findings import NO_SIGNAL, NOT_SEARCHED
from burnish.tasks.mislabels import NARROWEST_EMBEDDING, LabelAudit, audit_labels, believe_labels
from burnish.tasks.moves import Moves
from burnish.tasks.neighbours import nearest
from burnish.tasks.noise import Errors
from burnish.tasks.settling import hold_still
from burnish.tasks.summary import suspect_finding
from burnish.tasks.voices import VOICE_COLUMNS

WAVERS = "; changed in one round and taken back in another"
WITHHELD = "; dev says that the labels as given teach better"
SHOWN_NEIGHBOURS = 8  # beside each suspect on the page of `burnish review`
REVIEW_COLUMNS = [
    "id", "split", "source", "label", "suggested_label", "label_quality", "action", "reason",
    *VOICE_COLUMNS.values(), "decision", "new_label",
]  # fmt: skip


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
    copies: Copies | None = None,
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
    copies : Copies, optional
        Those under noise fitted to dev are learnt from by the network that is heard: what it has seen in another light
        alone it would doubt in dev throughout.
    """
    examples, options, number = prepared.examples, run.config.mislabels, len(history)
    learnt_from = before
    if (prepared.decided >= 0).any():
        learnt_from = np.where(prepared.learnable & (prepared.decided >= 0), prepared.decided, before)
    fitted = copies if copies is not None and copies.facts["method"] == FITTED else None
    heard = _out_of_fold(run, prepared, learnt_from, number, weights, model or _network_kind(run), fitted)
    probabilities = examples.probabilities if heard is None else heard.probabilities
    audit = _audit(run, prepared, learnt_from, heard, number)
    confident = run.stage(f"Ask confident learning, round {number}", find_by_confident_learning)(
        prepared.codes, probabilities if options.methods else None
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
    quality = np.broadcast_to(np.float64(1), len(codes))
    if audit.posterior is not None:
        quality = audit.posterior[np.arange(len(codes)), np.maximum(codes, 0)].astype(np.float64)
    spoke = heard.model if heard is not None and "model" in options.methods else None
    return Labels(audit, decisions.assign(cleanlab_issue=confident), probabilities, codes, quality, spoke)


def _audit(
    run: Run, prepared: Prepared, learnt_from: NDArray[np.int64], heard: OutOfFold | None, number: int
) -> LabelAudit:
    """Let the voices judge the labels; with none to listen to, all labels are taken for right."""
    examples, options = prepared.examples, run.config.mislabels
    if not options.methods:
        return believe_labels(examples.table["label"], examples.classes)
    return run.stage(f"Find mislabels, round {number}", audit_labels)(
        examples.table["label"],
        examples.probabilities if heard is None else heard.probabilities,
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
        codes = label_codes(decisions["final_label"], examples.classes)
        codes[~prepared.learnable] = -1
        return codes

    proposed = learnt(decisions)
    circling = prepared.learnable & (hold_still(history, proposed, history[0]) != proposed)
    if not circling.any() and (prepared.decided == UNDECIDED).all():
        return decisions, proposed
    held = decisions.assign(
        action=decisions["action"].mask(circling, "review"),
        final_label=decisions["final_label"].mask(circling, examples.table["label"]),
        reason=decisions["reason"].mask(circling, decisions["reason"] + WAVERS),
    )
    followed = follow_decisions(held, examples.table["label"], prepared.decided, examples.classes)
    return followed, learnt(followed)


def withhold_changes(labels: Labels, given: Labels) -> Labels:
    """Keep what was found about the labels, and learn from them as given: what would be changed waits for a person."""
    assert labels.decisions is not None
    decisions, learnt = labels.decisions, given.codes >= 0
    changed = learnt & decisions["action"].isin(["relabel", "drop"]).to_numpy(dtype=bool)
    assert labels.audit is not None
    classes = pd.Series(np.asarray(labels.audit.classes, dtype=object)[np.maximum(given.codes, 0)], dtype="str")
    withheld = decisions.assign(
        action=decisions["action"].mask(changed, "review"),
        final_label=decisions["final_label"].mask(changed, classes),
        reason=decisions["reason"].mask(changed, decisions["reason"] + WITHHELD),
    )
    return replace(labels, decisions=withheld, codes=given.codes, quality=given.quality)


def write_labels(run: Run, prepared: Prepared, labels: Labels) -> None:
    """Write the cleaned dataset in the form it came in, what waits for a person, and the out-of-fold probabilities."""
    table = labelled_table(prepared, labels)
    assert labels.audit is not None
    run.add(*(finding for finding in labels.audit.findings if finding.code != "mislabels.missing"))
    if not {NO_SIGNAL.code, NOT_SEARCHED.code} & {finding.code for finding in labels.audit.findings}:
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
    run: Run,
    prepared: Prepared,
    codes: NDArray[np.int64],
    number: int,
    weights: NDArray[np.float64] | None,
    model: str,
    copies: Copies | None,
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
    fitting: dict[str, Any] = {"recipe": recipe_of(run, prepared), "device": run.config.train.device}
    images = _heard_images(run, prepared, model)
    if network and images is not None:
        hear = run.stage(f"Out-of-fold convolution network, round {number}", helped(out_of_fold_cnn))
        moves = Moves(mirror=run.config.train.mirror)
        compiled = run.config.train.compiled
        passes.append(hear(images, codes, weights, moves=moves, compiled=compiled, **fitting, **shared))
        run.add(*compiled_findings(passes[-1].compiled, run.findings))
    if network and model != CNN:
        learn = run.stage(f"Out-of-fold probabilities, round {number}", out_of_fold)
        added = None if copies is None else (copies.features, copies.origin)
        passes.append(learn(prepared.features, codes, weights, model=model, copies=added, **fitting, **shared))
    if boosting:
        boost = run.stage(f"Out-of-fold boosting, round {number}", boost_out_of_fold)
        passes.append(boost(prepared.attributes, codes, weights, learn_from=prepared.tree_columns, **shared))
    made = best_pass(passes, codes, weights)
    if made.note and number == 1:
        run.add(Finding("mislabels.folds", f"Out-of-fold probabilities: {made.note}", "info"))
    return made


def _heard_images(run: Run, prepared: Prepared, model: str) -> NDArray[np.uint8] | None:
    """Give the images where a network that reads pixels is heard; else None."""
    if model == CNN and prepared.images is None:
        raise InputError(NO_IMAGES)
    asked = model == CNN or (model == "auto" and asked_by_auto(run.config.train.device))
    return prepared.images if asked else None


def _network_kind(run: Run) -> str:
    """Give the network of the model voice where none was trained before; trees have a voice of their own."""
    configured = run.config.train.model
    return "auto" if configured == "boosting" else configured


def _candidates(run: Run, prepared: Prepared, number: int) -> tuple[bool, bool]:
    """Tell whether the network and gradient boosting are asked; the latter reads the columns of tables."""
    options, columns = run.config.mislabels, prepared.tree_columns
    if options.model == "network" or "model" not in options.methods:
        return True, False
    if options.model == "boosting":
        if not columns:
            raise InputError("mislabels.model is boosting, which reads columns of a table: choose auto or network here")
        return False, True
    examples = prepared.examples
    fits = boosting_fits(len(prepared.codes), len(columns), len(examples.classes))
    if columns and not fits and number == 1:
        run.add(LEFT_OUT)
    return True, bool(columns) and fits
