"""The stages before the labels: from the data as given to rows that are split, checked, treated and encoded.

Measure images, find duplicates, split, validate, winsorize, encode, score outliers. What is learnt here (limits, μ and
σ, filters, the suite) is learnt on the training rows and applied to all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.config import Config
from burnish.flows.run import BrokenContractError, Run, write_json
from burnish.tasks.copies import copies_as_groups, count_duplicates, duplicate_findings, find_row_duplicates
from burnish.tasks.decisions import UNDECIDED, decided_codes, read_decisions, review_facts
from burnish.tasks.duplicates import find_duplicates
from burnish.tasks.encoders import Encoder, fit_patch_encoder, pretrained_encoder
from burnish.tasks.examples import Examples, read_examples
from burnish.tasks.features import fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.images import ImageScan, measure_images
from burnish.tasks.multivariate import OUTLIER_ABOVE, score_outliers
from burnish.tasks.neighbours import NeighbourGraph, neighbour_graph
from burnish.tasks.outliers import fit_limits, summarize_limits
from burnish.tasks.split import join_groups, measure_split, split
from burnish.tasks.validate import Validation, enforce_suite, learn_suite, load_suite, save_suite

DECISIONS = "decisions.csv"
IMAGE_MEASURES = ["width", "height", "brightness", "contrast", "entropy", "noise", "sharpness"]
NEIGHBOURS = 20
SIDES = {"patches": 32, "pretrained": 128}  # pixels an encoder is given at most, where nothing is configured


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
    options = run.config.features
    sides = {"size": options.image_size, "largest": SIDES[options.encoder]}
    measure = run.stage("Measure images", measure_images)
    scan = measure(examples.root, examples.table["image"], **sides, ids=examples.table["id"])
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
    learnt = examples.columns
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


def _useless(run: Run, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the images that nobody could label, and those of the flags to leave out, bool (n,)."""
    flags = [name for name in ("unreadable", *run.config.features.leave_out) if name in table]
    return table[flags].to_numpy(dtype=bool).any(axis=1) if flags else np.zeros(len(table), dtype=bool)
