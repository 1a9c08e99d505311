"""The suspects shown in the report: the examples whose label is most probably wrong, each with its picture or values.

Reads the examples table and gives plain cards; pictures become data URIs, within a budget, so that the page stays one
small file. Known failure: a thumbnail that is no PNG, JPEG, GIF or WebP by its first bytes is left out.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from burnish.tasks.notation import number
from burnish.tasks.voices import VOICE_COLUMNS

MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
)
PICTURE_BYTES = 1_500_000  # of all suspects together, before base64 adds a third
SHOWN_VALUES = 8
COARSE = 64  # pictures of fewer pixels a side are enlarged without smoothing


@dataclass(frozen=True)
class Picture:
    """An image as a data URI; `coarse` asks the browser to enlarge it without smoothing."""

    uri: str
    coarse: bool


@dataclass(frozen=True)
class Suspect:
    """One card of the gallery.

    Attributes
    ----------
    wrong : float or None
        Probability that the given label is wrong.
    voices : tuple of (str, float or None)
        Name of the voice, and its own probability that the label is wrong.
    values : tuple of (str, Any)
        The first attribute values of a table's row.
    more : int
        How many attributes are not shown.
    """

    id: Any
    label: Any
    suggested: Any
    wrong: float | None
    voices: tuple[tuple[str, float | None], ...]
    split: Any
    source: Any
    action: Any
    picture: Picture | None
    values: tuple[tuple[str, Any], ...]
    more: int


def pick_suspects(examples: pd.DataFrame, limit: int) -> np.ndarray:
    """Give the row positions of the label issues, most probably wrong first, at most `limit`.

    Among those equally wrong to a tenth of a percent each mix-up (given, suggested) has its turn, so that fifty sure
    cases of one kind do not hide the others; what is still tied comes in the order of the table.

    Parameters
    ----------
    examples : DataFrame
        The examples table; needs `label_issue` and `label_quality`, without which there are no suspects.
    limit : int
        How many to give at most.

    Returns
    -------
    ndarray of int64
        Positions.
    """
    if not {"label_issue", "label_quality"} <= set(examples.columns):
        return np.empty(0, dtype=np.int64)
    issue = examples["label_issue"].eq(True).fillna(False).to_numpy(dtype=bool)
    quality = pd.to_numeric(examples["label_quality"], errors="coerce").to_numpy(dtype=float)
    suspects = examples.loc[issue, [name for name in ("label", "suggested_label") if name in examples]].astype(str)
    suspects = suspects.assign(position=np.flatnonzero(issue), quality=quality[issue], level=quality[issue].round(3))
    suspects = suspects.sort_values("quality", kind="stable")
    turn = suspects.groupby([*suspects.columns.drop(["position", "quality"])], dropna=False).cumcount()
    ordered = suspects.assign(turn=turn).sort_values(["level", "turn", "quality"], kind="stable")
    return ordered["position"].to_numpy(dtype=np.int64)[: max(limit, 0)]


def suspects_of(
    examples: pd.DataFrame,
    *,
    limit: int,
    thumbnails: Callable[[int], bytes | None] | None = None,
    attributes: pd.DataFrame | None = None,
) -> list[Suspect]:
    """Give the cards of the worst suspects; pictures stop where their budget is spent.

    Parameters
    ----------
    examples : DataFrame
        The examples table.
    limit : int
        How many cards at most.
    thumbnails : callable, optional
        Row position → bytes of a small PNG, or None where there is no picture.
    attributes : DataFrame, optional
        The given columns, row by row with the table; shown where there is no picture.
    """
    budget = PICTURE_BYTES
    cards = []
    for position in pick_suspects(examples, limit).tolist():
        data = thumbnails(position) if thumbnails else None
        if data is not None and len(data) > budget:
            data = None
        budget -= len(data or b"")
        cards.append(_card(examples.iloc[position], picture(data), _values(attributes, position)))
    return cards


def _card(row: pd.Series, shown: Picture | None, values: list[tuple[str, Any]]) -> Suspect:
    voices = tuple((name, _wrong(row.get(column))) for name, column in VOICE_COLUMNS.items() if column in row.index)
    return Suspect(
        id=row.get("id"),
        label=row.get("label"),
        suggested=row.get("suggested_label"),
        wrong=_wrong(row.get("label_quality")),
        voices=voices,
        split=row.get("split"),
        source=row.get("source"),
        action=row.get("action"),
        picture=shown,
        values=() if shown else tuple(values[:SHOWN_VALUES]),
        more=0 if shown else max(0, len(values) - SHOWN_VALUES),
    )


def _wrong(right: Any) -> float | None:
    value = number(right)
    return None if value is None else min(max(1.0 - value, 0.0), 1.0)


def _values(attributes: pd.DataFrame | None, position: int) -> list[tuple[str, Any]]:
    if attributes is None or position >= len(attributes):
        return []
    return [(str(name), attributes.iloc[position, i]) for i, name in enumerate(attributes.columns)]


def picture(data: bytes | None) -> Picture | None:
    """Turn the bytes of an image into a data URI; None for what is no image a browser shows."""
    kind = next((kind for magic, kind in MAGIC if data and data.startswith(magic)), None)
    if not data or kind is None:
        return None
    coarse = kind == "image/png" and len(data) >= 24 and max(_png_size(data)) <= COARSE
    return Picture(f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}", coarse)


def _png_size(data: bytes) -> tuple[int, int]:
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def pairs_of(previews: Sequence[tuple[bytes, bytes]]) -> list[tuple[Picture, Picture]]:
    """Give the pairs of pictures before and after augmentation, within half the suspects' budget."""
    pairs, budget = [], PICTURE_BYTES // 2
    for before, after in previews:
        budget -= len(before) + len(after)
        first, second = picture(before), picture(after)
        if first and second and budget >= 0:
            pairs.append((first, second))
    return pairs
