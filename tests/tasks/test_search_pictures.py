import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from burnish.tasks.search_pictures import best_so_far, knobs_along_the_way, parallel_coordinates

NASTY = '<script>alert("1")</script>'


def trial(number: int, value: float | None, state: str = "finished", **knobs: Any) -> dict[str, Any]:
    named = {"learning_rate": 1e-3, "hidden": [64], "activation": "relu"} | knobs
    rest = {"value": value, "log_loss": value or 0.7, "within": True, "error": 0.1}
    return {"number": number, "state": state, "knobs": named, **rest}


FACTS: dict[str, Any] = {
    "order": {"optimize": "log_loss"},
    "best": 2,
    "knobs": [
        {"name": "learning_rate", "low": 1e-4, "high": 1e-2, "log": True},
        {"name": "hidden", "choices": [[64], [128]], "log": False},
        {"name": "activation", "choices": ["relu", NASTY], "log": False},
    ],
    "trials": [trial(0, 0.5, learning_rate=0.0), trial(1, None, "cut short"), trial(2, 0.4, hidden=[128])],
}


@pytest.mark.parametrize("drawn", [parallel_coordinates(FACTS), best_so_far(FACTS)])
def test_pictures_are_small_inline_svg_in_the_pages_colours(drawn: str) -> None:
    ElementTree.fromstring(drawn.replace("xlink:href", "href"))
    assert len(drawn) < 40_000
    assert "var(--accent)" in drawn and "#0102" not in drawn and "<script" not in drawn
    ids = re.findall(r'\bid="([^"]+)"', drawn)
    assert len(ids) == len(set(ids))


def test_same_facts_same_bytes_and_nothing_without_trials() -> None:
    assert parallel_coordinates(FACTS) == parallel_coordinates(FACTS)
    for nothing in (None, {}, FACTS | {"trials": FACTS["trials"][:1]}):
        assert parallel_coordinates(nothing) == best_so_far(nothing) == ""


def test_the_knobs_of_a_panda_are_drawn_along_its_way() -> None:
    knobs = FACTS["knobs"][:1]
    facts = FACTS | {"knobs": knobs, "legs": [1, 2], "trials": [trial(0, 0.5), trial(1, 0.45), trial(2, 0.4)]}
    drawn = knobs_along_the_way(facts)
    ElementTree.fromstring(drawn.replace("xlink:href", "href"))
    assert "kept leg" in drawn and "learning rate" in drawn and "leg" in best_so_far(facts)
    for nothing in (None, FACTS, facts | {"legs": [1]}):
        assert knobs_along_the_way(nothing) == ""
