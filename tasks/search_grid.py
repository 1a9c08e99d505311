"""A grid that tightens: three values of each number, then three around the best at half the distance, and so on.

A grid grows with the product of its knobs, so it holds only as many of them, in the order given, as half of the trials
can go through; the others stay as configured. Choices are all tried in the first grid and rest at the best after it.

Known failure: a grid spends most trials on knobs that do not matter, and follows one valley; TPE does neither.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from burnish.tasks.search_space import Knob

LEVELS = 3
HALVINGS = 8


def knobs_of_grid(knobs: Sequence[Knob], most: int) -> tuple[Knob, ...]:
    """Give the knobs, in their order, whose first grid has at most so many points; always at least one.

    >>> [knob.name for knob in knobs_of_grid([Knob("dropout", high=1), Knob("q", high=1), Knob("clip", high=1)], 9)]
    ['dropout', 'q']
    """
    kept: list[Knob] = []
    points = 1
    for knob in knobs:
        size = len(knob.choices) or LEVELS
        if not kept or points * size <= most:
            kept, points = [*kept, knob], points * size
    return tuple(kept)


def next_grid(knobs: Sequence[Knob], best: Mapping[str, Any] | None, tried: Sequence[Any]) -> list[dict[str, Any]]:
    """Give the points of the next grid that were not tried yet, [] where there are none left.

    Parameters
    ----------
    best : mapping of str to value, or None
        The best point so far; None asks for a grid of the whole ranges.
    tried : sequence of mapping
        All points so far. Where none is left of a grid, the distance is halved once more.

    Examples
    --------
    >>> dropout = Knob("dropout", low=0, high=0.4)
    >>> first = next_grid([dropout], None, [])
    >>> first
    [{'dropout': 0.0}, {'dropout': 0.2}, {'dropout': 0.4}]
    >>> next_grid([dropout], {"dropout": 0.2}, first)
    [{'dropout': 0.1}, {'dropout': 0.3}]
    """
    for halving in range(0 if best is None else 1, HALVINGS):
        values = [_levels(knob, None if best is None else best[knob.name], 0.5 / 2**halving) for knob in knobs]
        points = [dict(zip([knob.name for knob in knobs], point, strict=True)) for point in itertools.product(*values)]
        fresh = [point for point in points if point not in tried]
        if fresh:
            return fresh
    return []


def _levels(knob: Knob, best: Any, step: float) -> list[Any]:
    """Give the values of one knob: all in the first grid, else three around the best."""
    if knob.choices:
        return list(knob.choices) if best is None else [best]
    middle = 0.5 if best is None else knob.place(best)
    values = [knob.at(place) for place in (middle - step, middle, middle + step) if -1e-9 <= place <= 1 + 1e-9]
    return list(dict.fromkeys(values))
