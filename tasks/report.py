"""The report: one self-contained HTML page rendered from `summary.json` and the examples table.

No fact lives only in the page: everything shown is in the summary, the examples table or the pictures handed in. The
templates beside this file hold words and layout (`report.html.j2` is the frame), `plots.py` the pictures, `gallery.py`
the suspects, `notation.py` how a figure is written. Same summary, same bytes.

Safety: values come from data nobody vetted. Jinja escapes all of them, each is cleaned and cut, no value ever enters a
script, and the page's Content-Security-Policy forbids the network and any script but the one whose hash it names.
Long lists are cut, with a line that says what is left in `summary.json`: 1,000 classes still make a small page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from burnish.tasks import notation, plots
from burnish.tasks.gallery import pairs_of, suspects_of
from burnish.tasks.search_pictures import best_so_far, knobs_along_the_way, parallel_coordinates

TEMPLATES = Path(__file__).parent
WIDEST_MATRIX = 25  # classes; beyond it a matrix is shown as its most frequent confusions
MOST_ROWS = 30
PARTS = ("train", "train_dev", "dev", "test")
ORDER = {"critical": 0, "warning": 1, "info": 2, "cannot_tell": 3, "ok": 4, "not_applicable": 5}


def render_report(
    summary: Mapping[str, Any],
    examples: pd.DataFrame,
    *,
    thumbnails: Callable[[int], bytes | None] | None = None,
    attributes: pd.DataFrame | None = None,
    previews: Sequence[tuple[bytes, bytes]] = (),
    suspects: int = 48,
) -> str:
    """Render a run as one offline HTML page.

    Parameters
    ----------
    summary : mapping
        The content of `summary.json`; a missing key, None or NaN is shown as "–" or as a stage that did not apply.
    examples : DataFrame
        The examples table; the suspects are read from `label_issue`, `label_quality` and their neighbours.
    thumbnails : callable, optional
        Row position in `examples` → bytes of a small PNG, or None.
    attributes : DataFrame, optional
        The given columns, row by row with `examples`, shown for suspects that have no picture.
    previews : sequence of (bytes, bytes), optional
        Pictures before and after augmentation.
    suspects : int
        How many of the worst suspects to show.

    Returns
    -------
    str
        The page, under 3 MB; the same for the same input.
    """
    environment = _environment()
    cards = suspects_of(examples, limit=suspects, thumbnails=thumbnails, attributes=attributes)
    script = environment.loader.get_source(environment, "report.js.j2")[0] if environment.loader else ""
    return environment.get_template("report.html.j2").render(
        s=summary,
        untrained=bool(summary.get("labels")) and summary.get("rounds") is None,
        findings=by_severity(summary.get("findings") or ()),
        ladder=plots.ladder(summary.get("errors_believed") or summary.get("errors"), summary.get("diagnosis")),
        suspects=cards,
        choices=_choices(cards),
        noise=heat_table((summary.get("labels") or {}).get("noise_matrix"), summary),
        confusion=heat_table(_judged(summary).get("confusion"), summary),
        confusions=top_confusions(_judged(summary).get("confusion"), _classes(summary)),
        noise_confusions=top_confusions((summary.get("labels") or {}).get("noise_matrix"), _classes(summary)),
        judged_on="test" if (summary.get("metrics") or {}).get("test") else "dev",
        per_class=worst_classes(_judged(summary).get("per_class") or ()),
        label_counts=label_counts(summary.get("splits")),
        previews=pairs_of(previews),
        rounds_plot=Markup(plots.round_curve(summary.get("rounds") or ())),  # noqa: S704  (our own drawing)
        search_plots=[Markup(drawn) for drawn in _search_plots(summary.get("search"))],  # noqa: S704  (our own drawings)
        training_plot=Markup(_training_plot(summary)),  # noqa: S704  (our own drawing)
        parts=PARTS,
        most=MOST_ROWS,
        script=Markup(script),  # noqa: S704  (our own file)
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    names = (
        "count",
        "things",
        "percent",
        "interval",
        "with_interval",
        "points",
        "points_interval",
        "decimal",
        "clean",
        "cut",
        "fixed",
        "chance",
        "plain",
        "cell",
        "as_text",
        "number",
    )
    environment.filters.update({name: getattr(notation, name) for name in names})
    environment.filters.update(most_first=most_first, place=place, failures_first=failures_first)
    environment.tests["unknown"] = notation.unknown
    return environment


def place(value: Any, top: float = 1.0) -> float:
    """Place a share on an axis from 0 to `top`, in %, within the axis; 0 where unknown.

    >>> place(0.25), place(3), place(None)
    (25.0, 100.0, 0.0)
    """
    return round(min(max((notation.number(value) or 0.0) / top * 100, 0.0), 100.0), 2) if top > 0 else 0.0


def most_first(counts: Mapping[Any, Any] | None) -> list[tuple[Any, Any]]:
    """Order counts by size, most first, ties by name.

    >>> most_first({"a": 1, "b": 5, "c": 5})
    [('b', 5), ('c', 5), ('a', 1)]
    """
    return sorted((counts or {}).items(), key=lambda item: (-(notation.number(item[1]) or 0), str(item[0])))


def by_severity(findings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Order findings most severe first, otherwise as given."""
    return sorted(findings, key=lambda f: ORDER.get(str(f.get("severity")), len(ORDER)))


def failures_first(results: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    """Order the results of checks: failed ones first, most severe first, otherwise as given."""
    return sorted(results or (), key=lambda r: (bool(r.get("success")), ORDER.get(str(r.get("severity")), len(ORDER))))


def heat_table(matrix: Sequence[Sequence[Any]] | None, summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the rows of a heat table, None where there is no matrix or it would be too wide.

    Returns
    -------
    dict or None
        ``classes``, ``rows`` (each ``name`` and ``cells`` of value, shade 0..1, on the diagonal) and ``shares``:
        whether the values are shares of a row and not counts.
    """
    classes = _classes(summary)
    if not matrix or len(matrix) != len(classes) or len(matrix) > WIDEST_MATRIX:
        return None
    values = [notation.number(v) or 0.0 for row in matrix for v in row]
    rows = [
        {
            "name": name,
            "cells": [(value, shade, i == j) for j, (value, shade) in enumerate(zip(row, tones, strict=True))],
        }
        for i, (name, row, tones) in enumerate(zip(classes, matrix, plots.shades(matrix), strict=True))
    ]
    return {"classes": classes, "rows": rows, "shares": max(values, default=0.0) <= 1.0}


def top_confusions(
    matrix: Sequence[Sequence[Any]] | None, classes: Sequence[Any], most: int = 15
) -> list[dict[str, Any]]:
    """Give the most frequent off-diagonal cells of a matrix whose rows are the true classes.

    >>> top_confusions([[8, 2, 0], [0, 5, 0], [3, 0, 9]], ["a", "b", "c"])
    [{'true': 'c', 'other': 'a', 'value': 3.0}, {'true': 'a', 'other': 'b', 'value': 2.0}]
    """
    if not matrix or len(matrix) != len(classes):
        return []
    cells = np.nan_to_num(np.array(matrix, dtype=float))
    np.fill_diagonal(cells, 0.0)
    largest = np.argsort(-cells, axis=None, kind="stable")[:most]
    places = zip(*np.unravel_index(largest, cells.shape), strict=True)
    return [
        {"true": classes[i], "other": classes[j], "value": float(cells[i, j])} for i, j in places if cells[i, j] > 0
    ]


def worst_classes(per_class: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give all classes in their order, or, of more than 30, the 30 with the lowest F-beta."""
    if len(per_class) <= MOST_ROWS:
        return list(per_class)
    score = [notation.number(row.get("f_beta")) for row in per_class]
    order = sorted(range(len(per_class)), key=lambda i: (2.0 if (value := score[i]) is None else value, i))
    return [per_class[i] for i in order[:MOST_ROWS]]


def label_counts(splits: Mapping[str, Any] | None) -> list[tuple[Any, list[int]]]:
    """Give the count of each label in each part, most frequent label first."""
    by_label = (splits or {}).get("by_label") or {}
    totals: dict[Any, int] = {}
    for part in PARTS:
        for name, size in (by_label.get(part) or {}).items():
            totals[name] = totals.get(name, 0) + int(notation.number(size) or 0)
    ordered = [name for name, _ in most_first(totals)]
    return [(name, [int(notation.number((by_label.get(p) or {}).get(name)) or 0) for p in PARTS]) for name in ordered]


def _classes(summary: Mapping[str, Any]) -> list[Any]:
    return list((summary.get("dataset") or {}).get("classes") or ())


def _judged(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    metrics = summary.get("metrics") or {}
    return metrics.get("test") or metrics.get("dev") or {}


def _training_plot(summary: Mapping[str, Any]) -> str:
    training = summary.get("training") or {}
    methods = ((summary.get("config") or {}).get("mislabels") or {}).get("methods")
    return plots.training_curve(training.get("history") or (), training.get("best_epoch"), weighted=bool(methods))


def _search_plots(search: Mapping[str, Any] | None) -> list[str]:
    first = knobs_along_the_way if (search or {}).get("legs") else parallel_coordinates
    return [drawn for drawn in (first(search), best_so_far(search)) if drawn]


def _choices(cards: Sequence[Any]) -> dict[str, list[str]]:
    """Give what the gallery can be filtered by: the distinct labels, actions and parts among its cards, in order."""
    return {
        name: sorted({notation.clean(getattr(card, name)) for card in cards}) for name in ("label", "action", "split")
    }
