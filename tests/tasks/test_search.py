"""The search itself, on a made-up loss whose minimum is known: nothing is trained here."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.search import search
from burnish.tasks.search_space import Knob
from burnish.tasks.search_study import JOURNAL, importances, open_study, quiet
from burnish.tasks.search_trials import Measured, Order
from burnish.tasks.search_walk import seconds_walked

KNOBS = (
    Knob("learning_rate", low=1e-4, high=1e-1, log=True),
    Knob("dropout", low=0.0, high=0.6),
    Knob("hidden", choices=([64], [128])),
)
CONFIGURED = {"learning_rate": 1e-3, "dropout": 0.3, "hidden": [64]}
ROWS = 20
EPOCHS = 8


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the journal is forced to the disk, which tests need not wait for."""
    monkeypatch.setattr("os.fsync", lambda _: None)


def measure(values: Any, progress: Any) -> Measured:
    """A valley whose lowest point is at 0.005, 0.1 and [128], reached over the epochs; wide networks weigh more."""
    knobs = CONFIGURED | dict(values)
    away = (np.log10(knobs["learning_rate"]) + 2.3) ** 2 + (knobs["dropout"] - 0.1) ** 2
    floor = 0.5 + away + 0.2 * (knobs["hidden"] == [64])
    for epoch in range(1, EPOCHS + 1):
        progress(epoch, 1.0, floor + 1 / epoch)
    value = float(floor + 1 / EPOCHS)
    losses = np.linspace(0.9, 1.1, ROWS) * value
    return Measured(value, round(away, 1), EPOCHS, 10 * knobs["hidden"][0], losses, np.full(ROWS, 1 / ROWS))


def walked(facts: dict[str, Any]) -> list[Any]:
    return [[trial[name] for name in ("number", "state", "knobs", "value")] for trial in facts["trials"]]


@pytest.mark.parametrize("method", ["tpe", "random", "grid", "evolutionary"])
def test_every_method_beats_what_is_configured_and_repeats_itself(method: str, tmp_path: Path) -> None:
    order = Order(14, method=method)
    first, second = (search(measure, KNOBS, CONFIGURED, order, folder=tmp_path / name, seed=3) for name in "ab")
    assert walked(first) == walked(second)
    assert len(first["trials"]) == 14 and first["trials"][0]["knobs"].items() <= CONFIGURED.items()
    best = first["trials"][first["best"]]
    assert best["value"] == min(trial["value"] for trial in first["trials"] if trial["state"] == "finished")
    assert first["low"] < first["better_by"] < first["high"]
    assert first["better_by"] == pytest.approx(first["trials"][0]["value"] - best["value"], rel=1e-5)
    json.dumps(first, allow_nan=False)


def test_another_seed_tries_other_knobs(tmp_path: Path) -> None:
    order = Order(4, method="random")
    one, other = (search(measure, KNOBS, CONFIGURED, order, folder=tmp_path / str(s), seed=s) for s in (0, 1))
    assert walked(one)[0] == walked(other)[0] and walked(one)[1:] != walked(other)[1:]


@pytest.mark.parametrize("method", ["tpe", "grid", "evolutionary"])
@pytest.mark.parametrize("at", [0, 3, 7])
def test_a_search_that_was_stopped_goes_on_with_the_trials_it_would_have_had(
    method: str, at: int, tmp_path: Path
) -> None:
    order, calls = Order(10, method=method), []

    def stopped(values: Any, progress: Any) -> Measured:
        def step(epoch: int, train_loss: float, loss: float) -> None:
            progress(epoch, train_loss, loss)
            if len(calls) == at + 1 and epoch == 4:
                raise KeyboardInterrupt

        calls.append(values)
        return measure(values, step)

    whole = search(measure, KNOBS, CONFIGURED, order, folder=tmp_path / "whole", seed=1)
    with pytest.raises(KeyboardInterrupt):
        search(stopped, KNOBS, CONFIGURED, order, folder=tmp_path / "part", seed=1)
    again: list[Any] = []
    counted: Callable[..., Measured] = lambda values, progress: again.append(values) or measure(values, progress)  # noqa: E731
    assert walked(search(counted, KNOBS, CONFIGURED, order, folder=tmp_path / "part", seed=1)) == walked(whole)
    assert len(again) == 10 - at
    search(counted, KNOBS, CONFIGURED, order, folder=tmp_path / "part", seed=1)
    assert len(again) == 10 - at


@pytest.mark.parametrize("method", ["tpe", "grid"])
@pytest.mark.parametrize("torn", range(-8, 0, 2))
def test_a_journal_that_a_kill_has_torn_is_gone_on_with(method: str, torn: int, tmp_path: Path) -> None:
    """The journal ends in the middle of each of its last lines: of a trial begun, a knob drawn, a state told."""
    order = Order(4, method=method)
    whole = search(measure, KNOBS, CONFIGURED, order, folder=tmp_path, seed=1)
    journal = tmp_path / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    drawn = max(place for place, line in enumerate(lines) if json.loads(line)["op_code"] == 5)
    at = drawn + 4 + torn
    half = lines[at][: len(lines[at]) // 2]
    journal.write_bytes(b"".join([*lines[:at], half, *lines[:1] * (torn % 4 == 0)]))
    (tmp_path / "search.json").unlink()
    again = search(measure, KNOBS, CONFIGURED, order, folder=tmp_path, seed=1)
    assert walked(again) == walked(whole)
    assert all(json.loads(line) for line in journal.read_bytes().splitlines())


def test_what_is_beyond_a_limit_never_wins(tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(10, parameters=640), folder=tmp_path / "a")
    assert facts["trials"][facts["best"]]["knobs"]["hidden"] == [64]
    assert any(trial["within"] is False for trial in facts["trials"])
    nothing = search(measure, KNOBS, CONFIGURED, Order(4, parameters=1), folder=tmp_path / "b")
    assert nothing["best"] is None and nothing["better_by"] is None


def test_error_can_be_made_small_instead(tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(8, optimize="error", pruning="none"), folder=tmp_path)
    assert facts["trials"][facts["best"]]["error"] == min(trial["error"] for trial in facts["trials"])


@pytest.mark.parametrize("pruning", ["median", "halving"])
def test_trials_that_fall_behind_are_cut_short(pruning: str, tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(16, method="random", pruning=pruning), folder=tmp_path)
    short = [trial for trial in facts["trials"] if trial["state"] == "cut short"]
    assert short and all(trial["epochs"] < EPOCHS for trial in short)
    assert facts["best"] not in {trial["number"] for trial in short}


@pytest.mark.parametrize("pruning", ["median", "halving"])
def test_trials_beyond_a_limit_cut_none_short(pruning: str, tmp_path: Path) -> None:
    """What is large is far better and never wins; beside it all that is small would fall behind."""

    def large_is_better(values: Any, progress: Any) -> Measured:
        knobs = CONFIGURED | {"hidden": [128]} | dict(values)
        large = knobs["hidden"] == [128]
        floor = 0.1 if large else 0.3 + knobs["dropout"]
        for epoch in range(1, EPOCHS + 1):
            progress(epoch, 1.0, floor + 1 / epoch)
        return Measured(floor, 0.1, EPOCHS, 5_000 if large else 200, np.full(ROWS, floor), np.full(ROWS, 1 / ROWS))

    given = large_is_better, KNOBS, CONFIGURED | {"hidden": [128]}
    order = Order(20, method="random", pruning=pruning, parameters=300)
    facts = search(*given, order, folder=tmp_path, seed=2)
    small = [trial for trial in facts["trials"] if trial["knobs"]["hidden"] == [64]]
    assert facts["trials"][facts["best"]]["knobs"]["dropout"] == min(trial["knobs"]["dropout"] for trial in small)
    assert any(trial["state"] == "cut short" for trial in small)
    assert all(trial["state"] == "finished" for trial in facts["trials"] if trial not in small)


def test_several_at_once_walk_as_many_trials(tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(9, jobs=3), folder=tmp_path)
    assert [trial["number"] for trial in facts["trials"]] == list(range(9))


def test_no_trial_starts_when_the_time_is_up(tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(9, minutes=1e-9), folder=tmp_path)
    assert len(facts["trials"]) == 1 and facts["best"] == 0 and facts["ended"] == "the time was up"


def test_the_time_of_trials_walked_at_once_counts_once() -> None:
    def trial(end: int, seconds: float) -> Any:
        noted = {"noted": {"seconds": seconds}}
        return SimpleNamespace(datetime_complete=datetime(2026, 1, 1, 0, 0, end), user_attrs=noted)

    assert seconds_walked([trial(30, 10), trial(25, 10), trial(59, 5)]) == pytest.approx(20)
    assert seconds_walked([]) == 0


def test_knobs_that_cannot_be_trained_lose_and_what_is_configured_must(tmp_path: Path) -> None:
    def fragile(values: Any, progress: Any) -> Measured:
        if values.get("dropout", 0) > 0.1:
            raise InputError("the loss is no number")
        return measure(values, progress)

    facts = search(fragile, KNOBS, CONFIGURED, Order(8, method="random"), folder=tmp_path / "a")
    failed = [trial for trial in facts["trials"] if trial["state"] == "failed"]
    assert failed and failed[0]["why"] == "the loss is no number" and failed[0]["knobs"]["dropout"] > 0.1

    def broken(values: Any, progress: Any) -> Measured:
        raise InputError("nothing is labelled")

    with pytest.raises(InputError, match="nothing is labelled"):
        search(broken, KNOBS, CONFIGURED, Order(8), folder=tmp_path / "b")


@pytest.mark.parametrize("method", ["tpe", "grid", "evolutionary"])
def test_what_is_configured_may_lie_outside_of_what_is_searched(method: str, tmp_path: Path) -> None:
    narrow = (Knob("learning_rate", low=0.004, high=0.006, log=True), Knob("dropout", low=0.0, high=0.2))
    facts = search(measure, narrow, CONFIGURED, Order(8, method=method), folder=tmp_path)
    named = {knob["name"] for knob in facts["knobs"]}
    assert facts["trials"][0]["knobs"] == {name: CONFIGURED[name] for name in named}
    assert facts["trials"][0]["state"] == "finished" and facts["best"] != 0


def test_the_knob_that_matters_is_named(tmp_path: Path) -> None:
    facts = search(measure, KNOBS, CONFIGURED, Order(16, method="random", pruning="none"), folder=tmp_path)
    assert max(facts["importance"], key=facts["importance"].get) == "learning_rate"
    assert sum(facts["importance"].values()) == pytest.approx(1, abs=1e-4)
    assert (tmp_path / JOURNAL).is_file()
    with quiet():
        assert importances(open_study(tmp_path, "none"), KNOBS[:1], 0) is None
