"""At the door of every command: the data that a configuration names, read and checked before anything is written.

Apart from the stages, so that `burnish check` waits for neither Prefect nor a network to be imported.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from burnish.flows.config import Config
from burnish.tasks.batch_types import zone_findings
from burnish.tasks.examples import Examples, read_examples
from burnish.tasks.expectations import columns_of
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.images import ImageScan
from burnish.tasks.search_space import check_kind, check_servants
from burnish.tasks.strengths import apply_strengths
from burnish.tasks.suite_files import Suite
from burnish.tasks.validate import Validation, check_suite_columns, date_suite, enforce_suite, load_suite

IMAGE_MEASURES = ["width", "height", "brightness", "contrast", "entropy", "noise", "sharpness"]


def open_examples(config: Config) -> Examples:
    """Read the data that a configuration names; bad input is said here, before anything is written."""
    if config.validate_.suite is not None:
        load_suite(config.validate_.suite)
    if config.search.trials:
        check_kind(config.train.model, tuple(config.search.knobs), config.search.method)
        check_servants(config.search.knobs, config.train.model_dump(exclude_defaults=True))
        if config.train.legs:
            raise InputError("train.legs sets knobs that search.trials would turn: leave one of the two out")
    examples = read_examples(**config.data.model_dump(exclude={"human_error"}), weight=config.weights.column)
    _check_limits_by(config, examples)
    _check_suite(config, examples)
    return apply_strengths(examples, config.features.weights)


def check_network(config: Config, examples: Examples, *, training: bool) -> None:
    """Refuse a device, a model or a pretrained network that is not to be had, before a run is begun.

    `training` says whether a model is to be trained in the end; networks are imported here alone.
    """
    from burnish.tasks.backbones import open_backbone
    from burnish.tasks.training_checks import check_model

    embedded = examples.embeddings is not None
    images, table = (examples.kind == kind and not embedded for kind in ("images", "table"))
    if not images:
        _check_idle(config, "embeddings" if embedded else "columns")
    nothing = table and not (examples.learn_from or examples.text)  # the user's own probabilities alone
    asked = config.train.model if training and not nothing else "auto"
    check_model(asked, config.train.device, images=images, columns=table and bool(examples.learn_from))
    if images and config.features.encoder == "pretrained":
        open_backbone(config.features.backbone, config.features.backbone_weights, bare=True)


def _check_idle(config: Config, learnt: str) -> None:
    """Refuse settings of images where none are learnt from."""
    if config.augment.method == "fitted":
        raise InputError(
            f"augment.method is fitted, and the model learns from {learnt}: only the noise of images is fitted to dev; "
            "set it to auto, noise or none"
        )
    if config.features.encoder == "pretrained":
        raise InputError(
            f"features.encoder is pretrained, and the model learns from {learnt}, which no image network reads: leave "
            "it out"
        )


def _check_suite(config: Config, examples: Examples) -> None:
    """Refuse a suite about columns that the data does not have."""
    if config.validate_.suite is None:
        return
    suite = load_suite(config.validate_.suite)
    names = suite_names(suite, given_names(config, examples))
    own = IMAGE_MEASURES if examples.kind == "images" else [str(name) for name in examples.attributes.columns]
    check_suite_columns(suite, {*own, *names.values()}, where=str(config.validate_.suite))


def limits_by(config: Config) -> str | None:
    """Name the column whose values have outlier limits of their own."""
    return config.data.source if config.outliers.by == "source" else config.outliers.by


def _check_limits_by(config: Config, examples: Examples) -> None:
    """Refuse limits by label, and by what is not there."""
    by = limits_by(config)
    if config.outliers.by is None or by in examples.attributes:
        return
    labels = [config.data.label] if isinstance(config.data.label, str) else config.data.label or []
    if config.outliers.by in ("label", *labels):
        raise InputError(
            f"outliers.by: {config.outliers.by}: limits by label would treat dev and test by the answer they are there "
            "to test, and a new row has no label; name the source or another column"
        )
    if by is None:
        raise InputError("outliers.by: source: there is no source column; name it under data.source")
    raise InputError(f"outliers.by: there is no column {by!r}; name source or one of the data's other columns")


def given_names(config: Config, examples: Examples) -> dict[str, str]:
    """Give the columns that hold id and label as the user calls them; `id` and `label` where no one column does."""
    names = {"id": config.data.id or "id", "label": examples.original.label or "label"}
    return names if names["id"] != names["label"] else {"id": "id", "label": "label"}


def suite_names(suite: Suite, given: dict[str, str]) -> dict[str, str]:
    """Give the columns that hold id and label as a suite calls them.

    A suite says so under `meta`; one that doesn't, and does not name the user's column either, says `id` and `label`.
    """
    meta = suite.get("meta") if isinstance(suite.get("meta"), dict) else {}
    named = {name for each in suite["expectations"] for name in columns_of(each)}
    asked = " ".join(str(each.get("kwargs", {}).get("row_condition", "")) for each in suite["expectations"])
    return {
        role: name if name in named or name in asked else str((meta or {}).get(role, role))
        for role, name in given.items()
    }


def validated_frame(examples: Examples, scan: ImageScan | None, names: dict[str, str]) -> pd.DataFrame:
    """Put together what the contract is about: the attributes or the images' measurements, and ids and labels.

    `names` are those of the columns of ids and labels (`given_names`, `suite_names`); they go before attributes of the
    same name.
    """
    frame = examples.attributes if scan is None else scan.quality[IMAGE_MEASURES]
    ours = {names[role]: examples.table[role] for role in ("id", "label")}
    others = frame.drop(columns=[name for name in ours if name in frame])
    return pd.concat([others, pd.DataFrame(ours)], axis=1)


def enforce_contract(
    config: Config, examples: Examples, scan: ImageScan | None, suite: Suite, where: str = "the suite"
) -> tuple[Validation, pd.DataFrame]:
    """Hold the data against a suite as of today; give what became of it, and the frame, both in the user's names.

    `where` is what the suite is called in what is said of it: the path of its file, where it has one.
    """
    given = given_names(config, examples)
    names = suite_names(suite, given)
    frame = validated_frame(examples, scan, names)
    called = {names[role]: given[role] for role in names}
    dated = date_suite(suite, datetime.now().astimezone().date(), where=where)
    checked = enforce_suite(frame, dated, examples.table["id"], called=called, where=where)
    return checked, frame.rename(columns=called)


def contract_options(config: Config, examples: Examples) -> dict[str, Any]:
    """Give the options of learning the contract on the frame that `validated_frame` gives."""
    options, names = config.validate_, given_names(config, examples)
    columns = {"id_column": names["id"], "label_column": names["label"]}
    time = None if config.split.time is None else examples.attributes.get(config.split.time)
    more = {"slack": options.slack, "max_age_days": options.max_age_days, "time": time}
    return columns | more | {"open_columns": () if config.data.group is None else (config.data.group,)}


def zones_mixed(examples: Examples) -> tuple[Finding, ...]:
    """Warn of dates that came with several time zones."""
    given = examples.original.table
    return () if given is None else zone_findings(given.frame, examples.attributes, examples.table["id"])
