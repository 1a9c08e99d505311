"""`analyse`: measure, compare the parts, diagnose, sort the errors; write summary, examples, manifest and report."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.context import FlowRunContext

from burnish.flows.advice import failed_training, idle_of, names_of, rare_classes, suspects, taught_classes
from burnish.flows.clean import Labels, labelled_table
from burnish.flows.compare import read_summary
from burnish.flows.config import Config, load_config
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared, compared_columns, open_examples
from burnish.flows.rounds import Round
from burnish.flows.run import Run, StoppedError, versions, write_json, write_manifest
from burnish.flows.train import Fitted
from burnish.tasks.annotator_audit import annotator_facts
from burnish.tasks.decisions import DROPPED
from burnish.tasks.diagnose import diagnose
from burnish.tasks.encoders import PatchEncoder
from burnish.tasks.errors import categorise, error_table, misclassified
from burnish.tasks.examples import Examples
from burnish.tasks.findings import SEVERITIES, InputError
from burnish.tasks.headline import headline
from burnish.tasks.knobs import learn_at_all
from burnish.tasks.metrics import Measurement, Rate, error_rate, measure, stated
from burnish.tasks.mismatch import (
    LEADING,
    Comparison,
    condensed,
    measure_mismatch,
    mismatch_findings,
    name_parts,
    with_measures,
)
from burnish.tasks.parquet_parts import write_parquet
from burnish.tasks.report import render_report
from burnish.tasks.slices import find_slices
from burnish.tasks.summary import (
    UNTRAINED,
    dataset_facts,
    error_facts,
    label_facts,
    loop_findings,
    plain,
    prediction_columns,
    training_facts,
    weight_facts,
)
from burnish.tasks.thumbnails import as_png, thumbnail
from burnish.tasks.tree_training import TrainedTrees
from burnish.tasks.voices import VOICE_COLUMNS

log = logging.getLogger(__name__)

TOO_GOOD = "The figures are too good until the first of the next steps is done."
PREVIEW_NAMES = ("before", "after")
TUNED = "tuned"  # a pretrained network whose blocks were unfrozen, or tried: not to be advised again
PARTS = ("train", "train_dev", "dev", "test")
COLUMNS = [
    "id", "label", "source", "group", "image", "split", "duplicate_of", "duplicate_kind",
    "unreadable", "blurry", "dark", "bright", "blank", "odd_size", "odd_aspect", "outlier_score", "outlier",
    "outlier_columns", "extreme_columns",
    "label_quality", "suggested_label", "suggestion_quality", "label_issue",
    *VOICE_COLUMNS.values(), "cleanlab_issue", "action", "reason",
    "final_label", "decision",
    "weight", "weight_class", "weight_source", "weight_density", "weight_quality", "weight_hard", "weight_user",
    "predicted", "confidence", "margin", "loss", "correct", "error_categories",
]  # fmt: skip


def describe_labels(run: Run, prepared: Prepared, labels: Labels) -> dict[str, Any]:
    """Give the sections of the summary that need no trained model, the rest as not known."""
    assert labels.audit is not None
    table = labelled_table(prepared, labels)
    return {
        **_about(run, prepared.examples, table),
        **prepared.facts,
        "labels": label_facts(table, labels.audit, labels.model),
        "annotators": _annotators(prepared, labels),
        **dict.fromkeys(UNTRAINED),
        "diagnosis": with_leaks(None, prepared.facts),
    }


def describe_stop(run: Run, examples: Examples, stop: StoppedError) -> dict[str, Any]:
    """Give the sections of the summary that are known where a run stops before anything is trained, and why it did."""
    words = {"verdict": "stopped", "title": "Stopped before training", "explanation": str(stop)}
    broken = [finding.as_dict() for finding in run.findings if finding.severity == "critical"]
    steps = [*broken, *(with_leaks(None, stop.facts) or {}).get("next_steps", [])]
    return {
        **_about(run, examples, stop.table),
        **stop.facts,
        **dict.fromkeys(("labels", "annotators", *UNTRAINED)),
        "stopped": str(stop),
        "diagnosis": words | {"next_steps": steps},
    }


def with_leaks(diagnosis: dict[str, Any] | None, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put what is to be done about leaks before all other next steps: no other can be judged with them."""
    first = (facts.get("leaks") or {}).get("next_steps") or []
    if not first:
        return diagnosis
    known = diagnosis or {}
    if known:
        words = {"title": f"{known['title']}; but leaks spoil these figures"}
        known = known | words | {"explanation": f"{TOO_GOOD} {known['explanation']}"}
    return known | {"next_steps": [*first, *known.get("next_steps", [])]}


def _about(run: Run, examples: Examples, table: pd.DataFrame) -> dict[str, Any]:
    return {
        "name": run.config.name,
        "run": run.folder.name,
        "burnish": version("burnish"),
        "kind": examples.kind,
        "seed": run.config.seed,
        "device": "cpu",
        "threads": run.threads,
        "versions": versions(),
        "config": json.loads(run.config.model_dump_json(by_alias=True)),
        "dataset": dataset_facts(table, examples.classes, len(examples.learn_from), str(run.config.data.path)),
    }


def analyse(
    run: Run, prepared: Prepared, labels: Labels, fitted: Fitted, rounds: Sequence[Round], copies: Copies | None
) -> dict[str, Any]:
    """Say what is wrong, how sure that is, and which knob to turn next; write it all down and give the summary."""
    table = _judged_table(prepared, labels, fitted)
    dev = prepared.judged("dev")
    wrong = misclassified(table)
    metrics = run.stage("Measure", _measure)(run, prepared, labels, fitted, table)
    mismatch = _compare_parts(run, prepared)
    errors, kept = _errors(run, labels, table), next(turn for turn in rounds if turn.kept)
    refuted = kept.number == 0 and len(rounds) > 1  # dev says that the labels as given teach better
    trained, taught = fitted.trained, taught_classes(prepared, labels, fitted)
    left_out = ~taught if refuted else ~taught | suspects(table)
    believed = _errors(run, labels, table, left_out) if left_out.any() else errors
    failed = failed_training(run, prepared, labels, fitted)
    diagnosis = diagnose(
        **believed,
        dev_as_given=errors["dev"],
        train_sources=run.config.split.train_sources,
        dev_suspects=error_rate((wrong & taught & suspects(table))[dev]),
        refuted=refuted,
        absent=names_of(prepared, ~taught),
        untaught={part: error_rate(~taught[prepared.judged(part)]) for part in ("dev", "test")},
        mismatch=mismatch,
        model=trained.model if trained else "",
        encoder=TUNED if fitted.steps else prepared.encoder.kind if prepared.encoder else "",
        idle=idle_of(
            run, prepared, fitted, copies, table, nothing_learnt=bool(failed), settled=rounds[-1].stopped is not None
        ),
    )
    run.add(*failed)
    rare = () if failed else rare_classes(run, prepared, labels, fitted, ~left_out)
    diagnosis = replace(diagnosis, next_steps=(*learn_at_all(failed), *diagnosis.next_steps, *rare))
    table["error_categories"] = categorise(table, prepared.attributes)
    categories = error_table(table["error_categories"][dev].tolist(), wrong[dev], int(dev.sum()))
    slices = run.stage("Find weak slices", find_slices)(prepared.attributes[dev], wrong[dev], table=table[dev])
    run.add(
        *mismatch_findings(mismatch, run.config.split.train_sources),
        *loop_findings(rounds[0].dev_error, kept.dev_error),
    )
    summary = describe_labels(run, prepared, labels) | {
        "device": fitted.trained.device if fitted.trained else "cpu",
        "rounds": [turn.as_dict() for turn in rounds],
        "metrics": {part: metrics[part].as_dict() for part in PARTS},
        "test_without_suspects": metrics["test_without_suspects"].as_dict(),
        "errors_believed": error_facts(believed),
        "errors_as_given": _errors_as_given(table),
        "errors": error_facts(errors) | {"test_as_given": rounds[0].test_error.as_dict()},
        "diagnosis": with_leaks(diagnosis.as_dict(), prepared.facts),
        "mismatch": [each.as_dict() for each in mismatch],
        "error_categories": categories.to_dict(orient="records"),
        "misclassified": int(wrong[dev].sum()),
        "slices": [each.as_dict() for each in slices],
        "augmentation": None if copies is None or isinstance(fitted.trained, TrainedTrees) else copies.facts,
        "weights": weight_facts(table),
        "training": training_facts(fitted.trained, fitted.scores, fitted.steps),
    }
    return finish(run, prepared.examples, table, summary, copies)


def finish(
    run: Run, examples: Examples, table: pd.DataFrame, summary: dict[str, Any], copies: Copies | None = None
) -> dict[str, Any]:
    """Write examples, summary, manifest and report; show them in Prefect; give the summary as it was written."""
    findings = sorted(run.findings, key=lambda finding: SEVERITIES.index(finding.severity))
    summary = plain(summary | {"findings": [finding.as_dict() for finding in findings], "seconds": {**run.seconds}})
    summary["headline"] = headline(summary)
    write_parquet(table[[name for name in COLUMNS if name in table]], run.path("examples.parquet"))
    write_json(run.path("summary.json"), summary)
    named = (examples.root, table["image"].dropna().tolist()) if "image" in table else None
    write_manifest(run, summary["device"], named)
    for number, pair in enumerate(copies.previews if copies else ()):
        for name, pixels in zip(PREVIEW_NAMES, pair, strict=True):
            run.path(f"previews/{number}-{name}.png").write_bytes(as_png(pixels))
    page = run.stage("Render the report", render_report)(
        summary,
        table,
        thumbnails=thumbnails_of(examples.root, table),
        attributes=examples.attributes,
        previews=previews_of(run.folder),
        suspects=run.config.report.suspects,
    )
    run.path("report.html").write_text(page, encoding="utf-8")
    _show_in_prefect(run, summary)
    return summary


def render_again(folder: Path) -> Path:
    """Render the report of a run from its files.

    Raises
    ------
    InputError
        The folder is no finished run.
    """
    summary = read_summary(folder)
    if not (folder / "examples.parquet").is_file():
        raise InputError(f"{folder} holds no examples.parquet; make the run again")
    table = pd.read_parquet(folder / "examples.parquet")
    config = load_config(folder / "config.yaml")
    page = render_report(
        summary,
        table,
        thumbnails=thumbnails_of(image_root(config), table),
        attributes=attributes_again(config, table),
        previews=previews_of(folder),
        suspects=config.report.suspects,
    )
    report = folder / "report.html"
    report.write_text(page, encoding="utf-8")
    return report


def image_root(config: Config) -> Path:
    """Give the folder that image paths are relative to."""
    return config.data.path if config.data.path.is_dir() else config.data.path.parent


def thumbnails_of(root: Path, table: pd.DataFrame) -> Callable[[int], bytes | None] | None:
    """Give what finds the small picture of a row, or None for a table without images."""
    if "image" not in table:
        return None
    images = table["image"].tolist()
    return lambda row: thumbnail(root, images[row]) if isinstance(images[row], str) else None


def previews_of(folder: Path) -> list[tuple[bytes, bytes]]:
    """Give the pictures before and after augmentation that a run kept, in the order of their numbers."""
    found = (folder / "previews").glob(f"*-{PREVIEW_NAMES[0]}.png")
    befores = sorted(found, key=lambda path: (len(path.name), path.name))
    afters = [path.with_name(path.name.replace(*PREVIEW_NAMES)) for path in befores]
    return [(before.read_bytes(), after.read_bytes()) for before, after in zip(befores, afters, strict=True)]


def attributes_again(config: Config, table: pd.DataFrame) -> pd.DataFrame | None:
    """Give the given columns, where the data still is what the run saw."""
    try:
        examples = open_examples(config)
    except InputError as error:
        log.warning("the report shows no values of the rows: %s", error)
        return None
    return examples.attributes if examples.table["id"].equals(table["id"]) else None


def _judged_table(prepared: Prepared, labels: Labels, fitted: Fitted) -> pd.DataFrame:
    """Give the examples table with weights and predictions; what is learnt from is judged by its final label.

    An image that could not be read is judged by none, nor is what a person has dropped.
    """
    table = labelled_table(prepared, labels).join(fitted.weights)
    judged_by = table["final_label"].where(table["final_label"].notna(), table["label"]).where(prepared.readable)
    judged_by = judged_by.mask(prepared.decided == DROPPED)
    return table.join(prediction_columns(fitted.probabilities, prepared.examples.classes, judged_by))


def _measure(
    run: Run, prepared: Prepared, labels: Labels, fitted: Fitted, table: pd.DataFrame
) -> dict[str, Measurement]:
    """Measure each part: train by final labels where these weigh anything, others as given, test twice."""
    options: dict[str, Any] = {"beta": run.config.report.beta, "milliseconds_per_example": fitted.milliseconds}
    classes = prepared.examples.classes
    judged = {part: np.where(prepared.judged(part), prepared.judging, -1) for part in PARTS}
    judged["train"] = np.where(fitted.weights["weight"] > 0, labels.codes, -1)
    judged["test_without_suspects"] = np.where(suspects(table), -1, judged["test"])
    return {
        part: measure(codes[codes >= 0], fitted.probabilities[codes >= 0], classes, **options)
        for part, codes in judged.items()
    }


def _compare_parts(run: Run, prepared: Prepared) -> tuple[Comparison, ...]:
    """Compare train with the other parts, dev by source."""
    if prepared.features is None or prepared.encoder is None:
        return ()
    columns, named = compared_columns(prepared.encoder, run.config.split.time), prepared.encoder.names
    given = prepared.features if len(columns) == len(named) else prepared.features[:, columns]
    features, names = condensed(given, [named[place] for place in columns], seed=run.config.seed)
    if not features.shape[1] and prepared.measures is None:
        return ()
    if prepared.measures is not None:
        most = LEADING if prepared.encoder.kind == PatchEncoder.kind else features.shape[1]
        features, names = with_measures(features, prepared.measures, most)
    judged = prepared.usable & (prepared.judging >= 0)
    parts = name_parts(prepared.table[judged])
    compare = run.stage("Compare the parts", measure_mismatch)
    return compare(features[judged], parts, names=names, seed=run.config.seed)


def _errors(run: Run, labels: Labels, table: pd.DataFrame, left_out: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Give the errors along the chain, as `diagnose` takes them, without the rows left out.

    Train is what was learnt from and weighs anything, by its final labels: there only suspects that still wait for a
    person are left out, the others have been dealt with. Human error is what the user states, or else what the
    disagreement of several annotators tells.
    """
    kept = np.ones(len(table), dtype=bool) if left_out is None else ~left_out
    human = _human_error(run, labels, table, kept)
    taught = table["final_label"].notna() & (table["weight"] > 0)
    judged = table["correct"].notna() & (taught | (table["split"] != "train"))
    judged &= kept | ((table["split"] == "train") & (table["action"] != "review"))
    rows = table[judged]
    wrong = ~rows["correct"].astype(bool)
    dev = rows["split"] == "dev"
    by_source = {str(source): error_rate(wrong[part.index]) for source, part in rows[dev].groupby("source")}
    chain = {part: error_rate(wrong[rows["split"] == part]) for part in PARTS}
    return {"human": human, "dev_by_source": by_source, **chain}


def _human_error(run: Run, labels: Labels, table: pd.DataFrame, kept: NDArray[np.bool_]) -> Rate | None:
    if run.config.data.human_error is not None:
        return stated(run.config.data.human_error)
    if labels.audit is None or labels.audit.annotators is None:
        return None
    return labels.audit.annotators.human.among(table["label_quality"].to_numpy(dtype=np.float64), kept)


def _annotators(prepared: Prepared, labels: Labels) -> dict[str, Any] | None:
    """Give what is known of each annotator, where there are several."""
    examples, audit = prepared.examples, labels.audit
    if examples.votes is None or audit is None or audit.annotators is None:
        return None
    return annotator_facts(examples.annotators, examples.votes, prepared.codes, examples.classes, audit.annotators)


def _errors_as_given(table: pd.DataFrame) -> dict[str, Any] | None:
    """Give the dev and test errors by the labels as given, where a person's decisions have changed what judges."""
    judging = table["split"].isin(["dev", "test"]) & table["label"].notna()
    if "unreadable" in table:
        judging &= ~table["unreadable"]
    if not (judging & table["decision"].notna()).any():
        return None
    wrong = table["predicted"] != table["label"]
    return {part: error_rate(wrong[judging & (table["split"] == part)]).as_dict() for part in ("dev", "test")}


def _show_in_prefect(run: Run, summary: dict[str, Any]) -> None:
    """Leave a table of the headline and a link to the report with the flow run."""
    if FlowRunContext.get() is None:
        return
    report = (run.folder / "report.html").resolve().as_uri()
    key = re.sub(r"[^a-z0-9]+", "-", run.config.name.lower()).strip("-") or "run"
    create_table_artifact([{"finding": line} for line in summary["headline"]], key=f"{key}-summary")
    create_link_artifact(report, link_text="Burnish report", key=f"{key}-report")
