"""At the door of every command: the data that a configuration names, read and checked before anything is written.

Apart from the stages, so that `burnish check` waits for neither Prefect nor a network to be imported.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from burnish.flows.config import Config
from burnish.tasks.batch_types import zone_findings
from burnish.tasks.examples import Examples, read_examples
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.images import ImageScan
from burnish.tasks.strengths import apply_strengths
from burnish.tasks.validate import load_suite

IMAGE_MEASURES = ["width", "height", "brightness", "contrast", "entropy", "noise", "sharpness"]


def open_examples(config: Config) -> Examples:
    """Read the data that a configuration names; bad input is said here, before anything is written."""
    if config.validate_.suite is not None:
        load_suite(config.validate_.suite)
    examples = read_examples(**config.data.model_dump(exclude={"human_error"}), weight=config.weights.column)
    _check_limits_by(config, examples)
    return apply_strengths(examples, config.features.weights)


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


def validated_frame(examples: Examples, scan: ImageScan | None) -> pd.DataFrame:
    """Put together what the contract is about: ids, labels, and the attributes or the images' measurements."""
    frame = examples.attributes if scan is None else scan.quality[IMAGE_MEASURES]
    names = {"id": examples.table["id"], "label": examples.table["label"]}
    others = frame.drop(columns=[name for name in names if name in frame])
    return pd.concat([others, pd.DataFrame(names)], axis=1)


def contract_options(config: Config) -> dict[str, Any]:
    """Give the options of learning the contract on the frame that `validated_frame` gives."""
    options = config.validate_
    columns = {"id_column": "id", "label_column": "label"}
    return columns | {"slack": options.slack, "max_age_days": options.max_age_days}


def zones_mixed(examples: Examples) -> tuple[Finding, ...]:
    """Warn of dates that came with several time zones."""
    given = examples.original.table
    return () if given is None else zone_findings(given.frame, examples.attributes, examples.table["id"])
