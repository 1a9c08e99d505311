"""The panda on a made-up network whose one weight is its loss: nothing is trained here."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.search import search
from burnish.tasks.search_panda import NO_NUDGE, State, legs_of, nudged, standing, starting
from burnish.tasks.search_space import Knob
from burnish.tasks.search_trials import Measured, Order

KNOBS = (Knob("learning_rate", low=1e-4, high=1e-2, log=True), Knob("dropout", low=0.0, high=0.6))
CONFIGURED = {"learning_rate": 1e-3, "dropout": 0.3}
ORDER = Order(12, method="panda", pruning="none")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


def made(value: float) -> Measured:
    return Measured(value, round(value, 1), 5, 10, np.full(4, value), np.full(4, 0.25))


def configured(values: Any, progress: Any) -> Measured:
    return made(0.8)


class Runner:
    """Goes down by a share that is larger the nearer the learning rate is to 0.005."""

    def __init__(self, stop_at: int = -1) -> None:
        self.calls: list[tuple[dict[str, Any], int, float | None]] = []
        self.stop_at = stop_at

    def __call__(self, values: Mapping[str, Any], place: int, start: State | None) -> tuple[Measured, State]:
        if len(self.calls) == self.stop_at:
            raise KeyboardInterrupt
        before = 1.0 if start is None else float(start["weight"])
        self.calls.append((dict(values), place, None if start is None else before))
        value = before * (0.9 + 0.1 * abs(np.log10(values["learning_rate"] / 0.005)))
        return made(float(np.float32(value))), {"weight": torch.tensor(value)}


def walk(folder: Path, runner: Any, order: Order = ORDER, seed: int = 1) -> dict[str, Any]:
    return search(configured, KNOBS, CONFIGURED, order, folder=folder, leg=runner, seed=seed)


def told(facts: dict[str, Any]) -> list[Any]:
    return [[trial.get(name) for name in ("number", "state", "knobs", "value", "from")] for trial in facts["trials"]]


def test_each_leg_starts_from_the_last_good_one_and_the_best_is_the_last_kept(tmp_path: Path) -> None:
    runner = Runner()
    facts = walk(tmp_path, runner)
    trials, legs = facts["trials"], facts["legs"]
    assert len(trials) == 12 and legs[0] == 1 and facts["best"] == legs[-1]
    reached = [trials[number]["value"] for number in legs]
    assert reached == sorted(reached, reverse=True) and facts["better_by"] == pytest.approx(0.8 - reached[-1])
    for values, place, before in runner.calls[1:]:
        assert before == pytest.approx(reached[place - 1]) and values.keys() == CONFIGURED.keys()
    for number in legs[1:]:
        assert trials[number]["from"] == legs[legs.index(number) - 1]
    rates = [trials[number]["knobs"]["learning_rate"] for number in legs]
    assert abs(np.log10(rates[-1] / 0.005)) < abs(np.log10(rates[0] / 0.005))
    assert not list(tmp_path.glob("*.safetensors")) and facts["importance"] is None
    json.dumps(facts, allow_nan=False)


def test_same_seed_same_legs_and_another_seed_other_nudges(tmp_path: Path) -> None:
    one, same, other = (walk(tmp_path / name, Runner(), seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert told(one) == told(same) and told(one) != told(other)


@pytest.mark.parametrize("at", [0, 1, 2, 3, 7])
def test_a_panda_that_was_stopped_goes_on_with_the_leg_it_was_at(at: int, tmp_path: Path) -> None:
    whole = walk(tmp_path / "whole", Runner())
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path / "part", Runner(stop_at=at))
    again = Runner()
    assert told(walk(tmp_path / "part", again)) == told(whole)
    assert len(again.calls) == 11 - at
    walk(tmp_path / "part", again)
    assert len(again.calls) == 11 - at


def test_weights_that_are_gone_are_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        walk(tmp_path, Runner(stop_at=4))
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot go on from it: remove"):
        walk(tmp_path, Runner())


def test_nudges_that_bring_nothing_end_it_and_what_is_configured_stays(tmp_path: Path) -> None:
    def level(values: Any, place: int, start: State | None) -> tuple[Measured, State]:
        return made(0.9), {"weight": torch.zeros(1)}

    facts = walk(tmp_path, level, Order(40, method="panda", pruning="none"))
    assert facts["ended"] == NO_NUDGE and len(facts["trials"]) == 14
    assert facts["best"] == 0 and facts["legs"] == [1] and facts["better_by"] == 0


def test_a_leg_that_cannot_be_trained_is_undone(tmp_path: Path) -> None:
    runner = Runner()

    def fragile(values: Any, place: int, start: State | None) -> tuple[Measured, State]:
        if place == 0 and values == CONFIGURED:
            raise InputError("the loss is no number")
        if values["dropout"] > 0.3:
            return made(float("nan")), {}
        return runner(values, place, start)

    facts = walk(tmp_path, fragile)
    assert facts["trials"][1]["state"] == "failed" and facts["legs"] and 1 not in facts["legs"]
    assert all(facts["trials"][number]["knobs"]["dropout"] <= 0.3 for number in facts["legs"])


def test_no_leg_starts_when_the_time_is_up(tmp_path: Path) -> None:
    facts = walk(tmp_path, Runner(), Order(9, method="panda", pruning="none", minutes=1e-9))
    assert len(facts["trials"]) == 1 and facts["best"] == 0 and not facts["legs"]


@given(
    st.integers(0, 50),
    st.integers(1, 40),
    st.floats(0, 1),
    st.booleans(),
)
def test_nudges_stay_within_the_ranges_and_mirror_each_other(seed: int, draw: int, at: float, power: bool) -> None:
    knobs = (*KNOBS, Knob("q", choices=(0.1, 0.5, 0.9)), Knob("batch_size", low=32, high=512, log=True))
    around = starting(knobs, {knob.name: knob.at(at) for knob in knobs})
    up, down = (nudged(knobs, around, seed, draw, mirrored=side) for side in (False, True))
    for knob in knobs:
        low, middle, high = sorted((up[knob.name], around[knob.name], down[knob.name]))
        assert knob.holds(low) and knob.holds(high) and middle == around[knob.name]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_what_is_kept_gets_better_leg_by_leg(values: list[float]) -> None:
    records = [
        {"number": number, "state": "finished", "value": value, "log_loss": value}
        for number, value in enumerate([0.5, *values])
    ]
    kept = [values[number - 1] for number in legs_of(records)]
    assert kept == sorted(set(kept), reverse=True)
    assert len(standing(records).waiting) == (0 if len(values) % 2 else 1)
    if len(values) % 2:
        assert kept[-1] == min(values)
