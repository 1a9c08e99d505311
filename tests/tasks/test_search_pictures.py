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


def test_what_cannot_win_is_drawn_apart_and_named() -> None:
    drawn = parallel_coordinates(FACTS), best_so_far(FACTS)
    assert "cut short" in drawn[0] and not any("beyond a limit" in one for one in drawn)
    large = [trial(3, 0.3) | {"within": False}, trial(4, 0.35) | {"within": False}]
    facts = FACTS | {"trials": [*FACTS["trials"], *large]}
    assert parallel_coordinates(facts).count("beyond a limit") == best_so_far(facts).count("beyond a limit") == 1


def test_one_cut_short_early_does_not_stretch_the_axis_and_the_history_goes_to_the_last() -> None:
    early = trial(90, None, "cut short") | {"log_loss": 40.0}
    facts = FACTS | {"trials": [*FACTS["trials"], early]}
    drawn = parallel_coordinates(facts)
    assert ">0.5<" in drawn and ">40<" not in drawn
    assert ">80<" in best_so_far(facts)


def test_errors_are_drawn_in_percent() -> None:
    facts = FACTS | {"order": {"optimize": "error"}}
    assert ">50<" in parallel_coordinates(facts) and "dev error, %" in best_so_far(facts)


def test_the_knobs_of_a_panda_are_drawn_along_its_way() -> None:
    knobs = FACTS["knobs"][:1]
    facts = FACTS | {"knobs": knobs, "legs": [1, 2], "trials": [trial(0, 0.5), trial(1, 0.45), trial(2, 0.4)]}
    drawn = knobs_along_the_way(facts)
    ElementTree.fromstring(drawn.replace("xlink:href", "href"))
    assert "kept leg" in drawn and "learning rate" in drawn and "leg" in best_so_far(facts)
    for nothing in (None, FACTS, facts | {"legs": [1]}):
        assert knobs_along_the_way(nothing) == ""
