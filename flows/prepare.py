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

from burnish.flows.cells import search_cells_of
from burnish.flows.contract import validate
from burnish.flows.division import divide, mirror_facts
from burnish.flows.leaks import hunt_leaks, stop_at_leaks
from burnish.flows.opening import IMAGE_MEASURES, limits_by, open_examples
from burnish.flows.run import Run, write_json
from burnish.tasks.column_features import HOW_COMMON
from burnish.tasks.copies import copies_as_groups, count_duplicates, duplicate_findings, find_row_duplicates
from burnish.tasks.decisions import UNDECIDED, decided_codes, decision_column, read_decisions, review_facts
from burnish.tasks.duplicates import find_duplicates
from burnish.tasks.encoded_rows import EncodedRows
from burnish.tasks.encoders import Encoder, PatchEncoder, fit_patch_encoder
from burnish.tasks.examples import Examples
from burnish.tasks.features import TableEncoder, fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.idle_keys import idle_keys
from burnish.tasks.image_quality import FLAGS
from burnish.tasks.images import ImageScan, measure_images
from burnish.tasks.limits import Limits
from burnish.tasks.mismatch import LEADING
from burnish.tasks.multivariate import OUTLIER_ABOVE, Rows
from burnish.tasks.neighbours import NeighbourGraph, neighbour_graph
from burnish.tasks.notation_findings import NOTATIONS, notations_as_dict
from burnish.tasks.outlier_findings import group_findings, idle_findings, outlier_findings
from burnish.tasks.outliers import extreme_columns, fit_limits, summarize_limits
from burnish.tasks.pretrained import encoding, pretrained_encoder
from burnish.tasks.split import join_groups
from burnish.tasks.streams import stream
from burnish.tasks.unfreezing import check_blocks
from burnish.tasks.unusual import columns_of, find_unusual, unusual_facts, unusual_findings

__all__ = ["Prepared", "compared_columns", "open_examples", "prepare"]

DECISIONS = "decisions.csv"
NEIGHBOURS = 20
MOST_LEARNT_FROM = 1_000_000  # training rows that an encoder of tables is learnt from
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
        The given columns with extremes replaced; as given where nothing is learnt.
    limits : Limits or None
        Where nothing is learnt: what replaces extremes as rows are encoded, so that no column is held twice.
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
        None where there is nothing to learn from but the user's own probabilities, and where nothing is learnt.
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
    limits: Limits | None = None
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
        undecided = self.decided == UNDECIDED
        return self.codes if undecided.all() else np.where(undecided, self.codes, np.maximum(self.decided, -1))

    @property
    def images(self) -> NDArray[np.uint8] | None:
        """Give the pixels (n, s, s, c) to learn from; None where embeddings or a table are learnt from."""
        return None if self.examples.embeddings is not None else self.pixels

    @property
    def encoded(self) -> Rows | None:
        """Features (n, d) to read rows of: those held, else made as they are asked for; None without an encoder."""
        if self.features is not None or self.encoder is None:
            return self.features
        given = self.examples.embeddings if self.examples.embeddings is not None else self.pixels
        width, encode = len(self.encoder.names), self.encoder.transform
        if given is not None:
            return EncodedRows(given, encode, width)
        return EncodedRows(self.attributes, lambda rows: encode(self.treated(rows)), width)

    def treated(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Replace the extremes in rows of `attributes`, where that is not done yet."""
        return rows if self.limits is None else self.limits.apply(rows)[0]

    @property
    def tree_columns(self) -> list[str]:
        """Give the columns that trees read: those of a table but for the text and those that do not count; else none.

        A table whose columns make no feature has none either.
        """
        encoder = self.encoder
        if not isinstance(encoder, TableEncoder) or not (encoder.numbers or encoder.categories):
            return []
        return [name for name in self.examples.columns if encoder.strengths.get(name, 1.0) > 0]

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Tell the rows that could be read at all, bool (n,)."""
        return ~self.table.get("unreadable", pd.Series(False, self.table.index)).to_numpy(dtype=bool)

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """Tell the training rows that may be learnt from, bool (n,)."""
        return self.rows("train") & self.usable & (self.judging >= 0)


def prepare(run: Run, examples: Examples, *, learning: bool = True) -> Prepared:
    """Walk the stages before the labels; features are held where something is to be learnt from them."""
    run.add(*examples.findings)
    scan = _measure_images(run, examples)
    table = examples.table.copy()
    if scan is not None:
        table = table.join(scan.quality[[*FLAGS, "unreadable"]])
    duplicates = _find_duplicates(run, examples, scan)
    table = table.join(duplicates[["duplicate_of", "duplicate_kind"]])
    decisions = read_decisions(run.folder / DECISIONS, examples.table)
    table["decision"] = decision_column(decisions, table["id"])
    copies = copies_as_groups(duplicates["duplicate_group"])
    groups = join_groups(examples.table["group"], copies)
    table["split"], split_facts = divide(run, examples, copies, groups)
    run.add(*_idle_keys(run, examples, table))
    facts: dict[str, Any] = {"splits": split_facts, "duplicates": count_duplicates(duplicates)}
    facts["leaks"] = hunt_leaks(run, examples, table, duplicates, groups)
    del duplicates, copies  # of ten million rows, a third of a GiB
    stop_at_leaks(run, table, facts)
    facts["validation"] = validate(run, examples, table, scan, facts)
    facts["cells"] = search_cells_of(run, examples)
    attributes, limits, table["extreme_columns"], outlier_facts = _treat_outliers(run, examples, table, learning)
    extreme = _dropped(run, table)
    useless = _useless(run, table)
    prepared = Prepared(
        examples=examples,
        table=table,
        attributes=attributes,
        limits=None if learning else limits,
        codes=examples.codes,
        groups=groups,
        extreme=extreme,
        decided=decided_codes(decisions, examples.table["id"], examples.classes),
        usable=~extreme & ~useless,
        pixels=None if scan is None else scan.pixels,
        measures=None if scan is None else scan.quality[IMAGE_MEASURES],
        facts={
            **facts,
            "outliers": outlier_facts,
            "review": review_facts(decisions, table),
            "images": None if scan is None else _image_facts(table, useless),
        },
    )
    _check_learnable(prepared)
    return _score_outliers(run, _compare_with_whole(run, _encode(run, prepared, learning)))


def _idle_keys(run: Run, examples: Examples, table: pd.DataFrame) -> tuple[Finding, ...]:
    """Name the keys of the configuration that have nothing to act on in this data."""
    turned = run.config.model_dump(exclude_defaults=True)
    has = {
        "images": examples.kind == "images" and examples.embeddings is None,
        "flags": examples.kind == "images",
        "columns": examples.kind == "table" and examples.embeddings is None,
        "numbers": bool(examples.columns),
        "cells": examples.original.table is not None,
        "sources": len(set(table.loc[table["split"] == "train", "source"])) > 1,
        "voices": bool(run.config.mislabels.methods),
    }
    return idle_keys({name: keys for name, keys in turned.items() if isinstance(keys, dict)}, has)


def _check_learnable(prepared: Prepared) -> None:
    """Refuse to go on with training rows of one class, or none."""
    left = np.unique(prepared.judging[prepared.learnable])
    if len(left) < 2:
        have = f"only the class {prepared.examples.classes[left[0]]!r} has" if len(left) else "no class has"
        unusable, extreme = int((~prepared.usable).sum()), int(prepared.extreme.sum())
        if 2 * extreme > unusable:
            raise InputError(
                f"{have} training examples left: outliers.method: drop takes {extreme:,} of "
                f"{int(prepared.rows('train').sum()):,}; raise outliers.strength, set outliers.rule: auto, or winsorize"
            )
        raise InputError(
            f"{have} training examples that can be learnt from ({unusable:,} of {len(prepared.codes):,} examples are "
            "unreadable, blank or dropped as extreme): see to the other classes, or give more examples"
        )


def _measure_images(run: Run, examples: Examples) -> ImageScan | None:
    if examples.kind != "images":
        return None
    options = run.config.features
    scan = run.stage("Measure images", measure_images)(
        examples.root,
        examples.table["image"],
        size=options.image_size,
        largest=SIDES[options.encoder],
        ids=examples.table["id"],
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


def _treat_outliers(
    run: Run, examples: Examples, table: pd.DataFrame, learning: bool
) -> tuple[pd.DataFrame, Limits | None, pd.Series, dict[str, Any]]:
    """Give the treated attributes, the limits, the columns outside them in each row, and the facts.

    Where nothing is learnt, the attributes stay as given. The limits are kept for `burnish predict`.
    """
    options, attributes = run.config.outliers, examples.attributes
    facts: dict[str, Any] = {"method": options.method, "by": options.by}
    if not examples.columns:
        nothing = pd.Series([()] * len(table), index=table.index, dtype=object)
        return attributes, None, nothing, {**facts, "columns": [], "rows": 0, "rows_share": 0.0}
    train = (table["split"] == "train").to_numpy()
    groups = None if options.by is None else attributes[limits_by(run.config)]
    limits = run.stage("Learn outlier limits", fit_limits)(
        attributes,
        **options.model_dump(exclude={"by"}),
        columns=examples.columns,
        rows=train,
        groups=groups,
    )
    if learning:
        attributes, replaced = run.stage("Treat outliers", limits.apply)(attributes)
    else:
        replaced = run.stage("Look for outliers", limits.outside)(attributes)
    write_json(run.path("model/limits.json"), limits.to_dict())
    run.add(*outlier_findings(limits, replaced, train, table["id"]))
    run.add(*idle_findings(limits, replaced, train, options.rule))
    if groups is not None and options.method != "keep":
        run.add(*group_findings(groups, train))
    named = extreme_columns(replaced)
    touched = (named != ()).to_numpy()
    facts["columns"] = summarize_limits(limits, replaced, table["split"])
    return attributes, limits, named, {**facts, "rows": int(touched.sum()), "rows_share": float(touched.mean())}


def _dropped(run: Run, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the training rows that go because of an extreme value, bool (n,)."""
    if run.config.outliers.method != "drop":
        return np.zeros(len(table), dtype=bool)
    return ((table["extreme_columns"] != ()) & (table["split"] == "train")).to_numpy(dtype=bool)


def _encode(run: Run, prepared: Prepared, learning: bool) -> Prepared:
    """Turn examples into vectors by what the training rows teach, and link each to its nearest neighbours."""
    examples, seed = prepared.examples, run.config.seed
    learnt = np.flatnonzero(prepared.learnable)
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
        if len(learnt) > MOST_LEARNT_FROM:
            learnt = np.sort(stream(seed, "encoder").choice(learnt, MOST_LEARNT_FROM, replace=False))
        write_json(run.path(f"model/{NOTATIONS}"), notations_as_dict(examples.notations))
        encoder = run.stage("Learn the encoder", fit_table_encoder)(
            prepared.treated(given.iloc[learnt]),
            learn_from=examples.learn_from,
            text=examples.text,
            strengths=run.config.features.weights,
            levels=run.config.features.levels,
            seed=seed,
        )
    else:
        return prepared
    if not learning:
        return replace(prepared, encoder=encoder)
    features = run.stage("Encode examples", encoding(encoder, run.config.train.device))(given)
    graph = None
    if "neighbours" in run.config.mislabels.methods:
        find = run.stage("Find nearest neighbours", neighbour_graph)
        graph = find(features, k=NEIGHBOURS, groups=prepared.groups.to_numpy(dtype=object), seed=seed)
    return replace(prepared, features=features, encoder=encoder, graph=graph)


def _compare_with_whole(run: Run, prepared: Prepared) -> Prepared:
    """Say how well each part mirrors the whole, by the features; of the small network's the leading ones alone."""
    features, encoder = prepared.encoded, prepared.encoder
    if features is None or encoder is None:
        return prepared
    columns = compared_columns(encoder, run.config.split.time)
    columns = columns[: LEADING if encoder.kind == PatchEncoder.kind else None]
    if not len(columns):
        return prepared
    judged = prepared.usable & (prepared.judging >= 0)
    mirrors = mirror_facts(run, features, judged, prepared.table["split"], encoder.names, columns)
    splits = prepared.facts["splits"] | {"mirrors": mirrors}
    return replace(prepared, facts=prepared.facts | {"splits": splits})


def compared_columns(encoder: Encoder, time: str | None) -> NDArray[np.int64]:
    """Give the features that parts are compared by: all but those of the time they were divided along, and counts.

    The time differs by design. How common a level is was counted on train, where each row met itself: both would tell
    parts from each other that are alike.
    """
    if not isinstance(encoder, TableEncoder):
        return np.arange(len(encoder.names))
    counted = {f"{column.name} {HOW_COMMON}" for column in encoder.categories}
    named = zip(columns_of(encoder), encoder.names, strict=True)
    return np.flatnonzero([column != time and name not in counted for column, name in named])


def _image_encoder(run: Run, pixels: NDArray[np.uint8]) -> Encoder:
    options = run.config.features
    if options.encoder == "pretrained":
        load = run.stage("Load the pretrained encoder", pretrained_encoder)
        side, channels = pixels.shape[2:]
        encoder = load(options.backbone, options.backbone_weights, side=side, channels=channels)
        check_blocks(encoder, run.config.train.unfreeze)
        return encoder
    return run.stage("Learn the encoder", fit_patch_encoder)(pixels, seed=run.config.seed)


def _score_outliers(run: Run, prepared: Prepared) -> Prepared:
    """Score how unusual each row is, and name the columns that make it so where there are columns."""
    table, encoder = prepared.table, prepared.encoder
    features = prepared.encoded
    if features is None:
        named = pd.Series([()] * len(table), index=table.index, dtype=object)
        return replace(prepared, table=table.assign(outlier_score=np.nan, outlier=False, outlier_columns=named))
    found = run.stage("Score outliers", find_unusual)(
        features,
        prepared.learnable,
        encoder=encoder if isinstance(encoder, TableEncoder) else None,
        attributes=prepared.attributes,
        treat=prepared.treated,
        seed=run.config.seed,
    )
    named = pd.Series(found.columns, index=table.index)
    table = table.assign(outlier_score=found.score, outlier=found.score > OUTLIER_ABOVE, outlier_columns=named)
    run.add(*unusual_findings(table))
    facts = prepared.facts["outliers"] | unusual_facts(table, prepared.examples.attributes)
    return replace(prepared, table=table, facts=prepared.facts | {"outliers": facts})


def _image_facts(table: pd.DataFrame, useless: NDArray[np.bool_]) -> dict[str, int]:
    """Count the images of each flag, and those taken out of training for one."""
    flagged = {name: int(table[name].sum()) for name in (*FLAGS, "unreadable")}
    return flagged | {"left_out": int((useless & (table["split"] == "train").to_numpy()).sum())}


def _useless(run: Run, table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the images that nobody could label, and those of the flags to leave out, bool (n,)."""
    flags = [name for name in ("unreadable", *run.config.features.leave_out) if name in table]
    return table[flags].to_numpy(dtype=bool).any(axis=1) if flags else np.zeros(len(table), dtype=bool)
