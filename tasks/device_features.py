"""Features on a device, centred and divided by the network's one number: in full, in half, or batch by batch.

Where float32 features take no more than a quarter of what is free they lie there in full (twice for a moment, as they
are standardized). Else as standardized halves, which keep three digits of numbers around 1, where these fit; else they
are sent batch by batch (`device_rows`). The networks compute in float32 each time: what small networks on tables wait
for is the launch of their steps, not arithmetic, and L-BFGS needs the digits.
Known failure: the two numbers of a network are learnt from `SAMPLE` rows spread evenly where features do not lie on
the device in full; halves cannot hold a standardized value beyond ±65,504, which is then cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from burnish.tasks.device_rows import SHARE, Held, Places, Rows, Streamed, hold, room
from burnish.tasks.models import Network

IN_FULL = 0.25  # of the free memory; standardizing makes them twice
SAMPLE = 100_000
LARGEST_HALF = 65_504.0


def hold_features(features: NDArray[np.floating[Any]], device: torch.device, places: Places | None = None) -> Rows:
    """Give features (n, d), or some rows of them, as they are, for `sample` and `standardized`.

    Examples
    --------
    >>> rows = hold_features(np.eye(3, dtype=np.float32), torch.device("cpu"), np.array([2, 0]))
    >>> standardized(rows, Network(3, 2)).take(torch.tensor([0])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    return hold(features, device, places=places, share=IN_FULL)


def sample(rows: Rows) -> Tensor:
    """Give the rows that a network's scale is learnt from: all that are held, else some, spread evenly."""
    if isinstance(rows, Held) and rows.view is None:
        return rows.values.float()
    spread = np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64))
    return rows.take(torch.from_numpy(spread)).float()


def standardized(rows: Rows, network: Network, *, in_place: bool = False) -> Rows:
    """Give rows as the network reads them, float32 when they are asked for.

    Parameters
    ----------
    rows : Rows
        As `hold_features` gave them.
    network : Network
        That knows its scale.
    in_place : bool
        Whether rows that are held may be written over: they belong to the caller and are not needed as they were.
    """
    if isinstance(rows, Held):
        values = rows.values.float()
        return Held(values.sub_(network.shift).div_(network.scale) if in_place else network.standardize(values))
    assert isinstance(rows, Streamed)
    ready = Streamed(rows.source, rows.device, lambda some: network.standardize(some.float()), rows.places)
    half = 2 * len(rows) * int(np.prod(rows.source.shape[1:]))
    if rows.device.type == "cpu" or half > SHARE * room(rows.device):
        return ready
    return in_half(ready)


def in_half(rows: Rows) -> Held:
    """Put standardized rows on the device in half precision; they come back in full."""
    width = rows.take(torch.zeros(1, dtype=torch.int64)).shape[1]
    values = torch.empty(len(rows), width, dtype=torch.float16, device=rows.device)
    for some, piece in rows.pieces():
        values[some].copy_(piece.clamp(-LARGEST_HALF, LARGEST_HALF))
    return Held(values, Tensor.float)


def as_rows(given: Tensor | Rows) -> Rows:
    """Give a tensor as rows that are held; rows as they are."""
    return Held(given) if isinstance(given, Tensor) else given
