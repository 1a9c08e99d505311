"""A search reaches the training of the rounds, the summary and the report; without one nothing is different."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import burnish.flows.run
from burnish.flows.clean import labels_as_given
from burnish.flows.config import Config, parse_config
from burnish.flows.opening import open_examples
from burnish.flows.prepare import Prepared, prepare
from burnish.flows.run import Run, start_run
from burnish.flows.search import _finding, other_chosen, search_knobs
from burnish.flows.train import train
from burnish.tasks.findings import InputError
from burnish.tasks.report import render_report
from burnish.tasks.search_trials import gain_of
from burnish.tasks.training_recipe import Recipe

ROWS = 300
KNOBS = {"learning_rate": {"low": "1e-3", "high": "1e-1", "log": True}, "hidden": [[4], [16]], "dropout": [0, 0.3]}
REACHED = ((0, 0.046), (1, 0.026))  # what each trial reached, where a search is made up
SEARCH = {"trials": 5, "method": "random", "pruning": "none", "knobs": KNOBS}


@pytest.fixture(autouse=True)
def _plain_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, ROWS)
    path = tmp_path_factory.mktemp("search") / "t.csv"
    pd.DataFrame({"a": rng.normal(y, 1), "b": rng.normal(0, 1, ROWS), "kind": np.where(y, "x", "y")}).to_csv(
        path, index=False
    )
    return path


@pytest.fixture(scope="module")
def prepared(table: Path) -> Prepared:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
        config = config_of(table)
        return prepare(start_run(config, table.parent / "prepared"), open_examples(config))


def config_of(table: Path, **options: Any) -> Config:
    given = {"train": {"model": "mlp", "epochs": 8}, "augment": {"method": "none"}} | options
    return parse_config({"name": "t", "data": {"path": str(table), "label": "kind"}, **given})


def test_the_rounds_train_with_what_was_found(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    run = start_run(config_of(table, search=SEARCH), tmp_path / "run")
    found = search_knobs(run, prepared, None)
    facts = found.facts["search"]
    best = facts["trials"][facts["best"]]
    assert best["number"] > 0 and found.recipes.keys() == {"mlp"}
    assert (
        Recipe.of(parse_config({"data": {"path": "t"}, "train": {"epochs": 8} | best["knobs"]}).train)
        == (found.recipes["mlp"])
    )
    assert yaml.safe_load(facts["yaml"]) == {"train": best["knobs"]}
    fitted = train(run, prepared, labels_as_given(prepared), None, 0, recipes=found.recipes)
    assert fitted.trained is not None
    assert fitted.trained.history["dev_loss"].min() == pytest.approx(best["value"], rel=1e-3)
    assert [finding.code for finding in run.findings if finding.code.startswith("search")] == ["search.best"]
    again = Run(run.config, run.folder)
    assert search_knobs(again, prepared, None) == found


def test_the_report_shows_trials_knobs_to_paste_and_pictures(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    found = search_knobs(start_run(config_of(table, search=SEARCH), tmp_path / "run"), prepared, None)
    json.dumps(found.facts, allow_nan=False)
    page = render_report({"name": "t", **found.facts}, prepared.table)
    section = page[page.index('<section id="search"') : page.index('<section id="training"')]
    assert section.count("<svg") == 2 and "as configured" in section and "a little too good" in section
    assert section.count("<tr>") == 6
    assert 'id="search"' not in render_report({"name": "t"}, prepared.table)


PANDA = {"trials": 8, "method": "panda", "leg": 2}


def test_a_panda_leaves_a_schedule_that_trains_the_same_network_again(
    table: Path, prepared: Prepared, tmp_path: Path
) -> None:
    options = {"train": {"model": "mlp", "epochs": 1}, "search": PANDA}
    run = start_run(config_of(table, **options), tmp_path / "run")
    found = search_knobs(run, prepared, None)
    facts = found.facts["search"]
    best = facts["trials"][facts["best"]]
    assert facts["best"] == facts["legs"][-1] and len(facts["trials"]) == 8
    pasted = yaml.safe_load(facts["yaml"])["train"]
    assert [leg["epochs"] for leg in pasted["legs"]] == [2] * len(facts["legs"])
    assert Recipe.of(config_of(table, train={"epochs": 1} | pasted).train) == found.recipes["mlp"]
    fitted = train(run, prepared, labels_as_given(prepared), None, 0, recipes=found.recipes)
    assert fitted.trained is not None
    assert fitted.trained.history["dev_loss"].min() == pytest.approx(best["value"], rel=1e-6)
    assert search_knobs(Run(run.config, run.folder), prepared, None) == found
    page = render_report({"name": "t", "labels": {"issues_by_split": {"dev": 3}}, **found.facts}, prepared.table)
    section = page[page.index('<section id="search"') :].split("</section>")[0]
    assert "One mlp was trained on and on" in section and "kept leg" in section
    assert "3 dev labels look wrong" in section and section.count("<tr>") == 9 and section.count("<svg") == 2


def told(optimize: str = "log_loss", *, by: float = 0.02, low: float = 0.01, **changed: Any) -> dict[str, Any]:
    """A search of two trials, of which the second is the best."""
    rest = {"state": "finished", "within": True, "knobs": {}, "epochs": 3}
    trials = [{"number": at, "value": at_error, "log_loss": 0.9, "error": at_error} | rest for at, at_error in REACHED]
    order = {"method": "tpe", "optimize": optimize, "milliseconds": None, "parameters": None}
    facts = {"model": "mlp", "note": "", "beyond": "", "ended": "all trials were walked", "best": 1, "trials": trials}
    facts |= {"order": order, "better_by": by, "low": low, "high": 0.05} | changed
    return facts | {"gain": gain_of(facts)}


def section_of(facts: dict[str, Any]) -> str:
    page = render_report({"name": "t", "search": facts}, pd.DataFrame({"id": ["a"]}))
    return page[page.index('<section id="search"') :].split("</section>")[0]


def test_errors_are_told_in_percent_and_once() -> None:
    facts = told("error", low=-0.01)
    said = "dev error <b>2.6%</b> against 4.6% as configured, smaller by 2.0 points (−1.0 to +5.0 with 95% certainty"
    assert f"{said}, so it may be no more than chance)." in section_of(facts)
    assert "a dev error of 2.6%; as configured it is 4.6%, a gain" in _finding(facts, "mlp").title


@pytest.mark.parametrize(
    ("by", "low", "section", "title"),
    [
        (0.02, 0.01, "smaller by 0.0200 (0.0100 to 0.0500 with 95% certainty);", "as configured it is 0.0460"),
        (0.02, -0.01, "so it may be no more than chance", "0.0460, a gain that may be no more than chance"),
        (0.00002, -0.01, "so one is as good as the other;", "as configured it is as good"),
    ],
)
def test_a_gain_is_told_as_what_it_is(by: float, low: float, section: str, title: str) -> None:
    facts = told(by=by, low=low)
    drawn = section_of(facts)
    assert section in drawn and _finding(facts, "mlp").title.endswith(title)
    assert "smaller by 0.0000" not in drawn
    assert ("The interval does not know of this choice." in drawn) == ("smaller by" in drawn)


def test_trials_cut_short_are_counted_where_there_are_such() -> None:
    drawn = section_of(told())
    assert "There were 2 trials of the mlp by tpe; the search ended because all trials were walked." in drawn
    cut = {"number": 2, "state": "cut short", "value": None, "within": None, "log_loss": 0.9, "knobs": {}}
    assert "3 trials of the mlp by tpe, 1 of them cut short;" in section_of(told(trials=[*told()["trials"], cut]))
    assert "as configured, <b>best</b>" in section_of(told(best=0, by=0.0))


def test_without_trials_nothing_is_searched(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    run = start_run(config_of(table), tmp_path / "run")
    found = search_knobs(run, prepared, None)
    assert not found.recipes and not found.facts and not run.findings
    assert not (run.folder / "search").exists()


def test_your_own_probabilities_leave_nothing_to_search(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    run = start_run(config_of(table, search=SEARCH), tmp_path / "run")
    assert not search_knobs(run, replace(prepared, features=None), None).facts
    assert [finding.severity for finding in run.findings] == ["not_applicable"]


@pytest.mark.parametrize(("model", "kind"), [("auto", "mlp"), ("linear", "linear")])
def test_each_network_has_usual_knobs(model: str, kind: str, table: Path, prepared: Prepared, tmp_path: Path) -> None:
    options = {"train": {"model": model, "epochs": 4}, "search": {"trials": 2}}
    facts = search_knobs(start_run(config_of(table, **options), tmp_path / "run"), prepared, None).facts["search"]
    assert facts["model"] == kind and len(facts["trials"]) == 2


def test_what_takes_too_long_never_wins(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    config = config_of(table, search=SEARCH | {"trials": 2, "milliseconds": 1e-9})
    run = start_run(config, tmp_path / "run")
    found = search_knobs(run, prepared, None)
    assert not found.recipes and found.facts["search"]["best"] is None
    assert [finding.severity for finding in run.findings if finding.code == "search.limits"] == ["warning"]
    page = render_report({"name": "t", **found.facts}, prepared.table)
    assert "None keeps within the limits" in page


def test_a_configured_network_beyond_the_limit_is_no_measure(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    small = {"trials": 2, "method": "grid", "parameters": 100, "knobs": {"hidden": [[4], [5]]}}
    run = start_run(config_of(table, search=small), tmp_path / "run")
    found = search_knobs(run, prepared, None)
    title = next(each.title for each in run.findings if each.code == "search.best")
    weights = found.facts["search"]["trials"][0]["parameters"]
    assert title.endswith(f"; the configured one is beyond the limit ({weights:,} > 100 weights)")
    page = render_report(
        {"name": "t", "training": {"model": "boosting", "parameters": 99}, **found.facts}, prepared.table
    )
    section = page[page.index('<section id="search"') :].split("</section>")[0]
    assert "is the best within the limits" in section and "smaller by" not in section
    assert "as configured, beyond a limit" in section and "The interval" not in section
    assert "In the end dev chose another kind of model all the same: <b>boosting</b>." in section
    of = partial(other_chosen, milliseconds=0.1)
    assert [each.severity for each in of(found.facts, "boosting", parameters=101)] == ["warning"]
    assert [each.severity for each in of(found.facts, "linear", parameters=99)] == ["info"]
    assert not of(found.facts, "mlp", parameters=101) and not of({}, "linear", parameters=101)


def test_what_a_grid_leaves_out_is_said(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    run = start_run(config_of(table, search=SEARCH | {"method": "grid"}), tmp_path / "run")
    facts = search_knobs(run, prepared, None).facts["search"]
    said = next(each for each in run.findings if each.code == "search.left")
    assert facts["left"] == ["hidden", "dropout"]
    assert said.title == "The grid turned learning_rate alone; as configured stayed hidden, dropout"
    assert any("it ended because all trials were walked" in each.method for each in run.findings)


def test_what_is_configured_is_not_counted_among_its_rivals(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    run = start_run(config_of(table, search={"trials": 1}), tmp_path / "run")
    search_knobs(run, prepared, None)
    assert [each.title for each in run.findings] == ["Nothing was tried but the mlp as configured"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train": {"hidden": []}}, "train.hidden is []; give one or more layer widths of at least 1"),
        ({"search": {"trials": -1}}, "search.trials is -1"),
        ({"search": {"knobs": {"droput": [0, 1]}}}, "did you mean 'dropout'?"),
        ({"search": {"knobs": {"dropout": {"low": 0, "high": 2}}}}, "train.dropout is 2: it must be a number from 0"),
        ({"search": {"knobs": {"activation": ["relu", "gelo"]}}}, "did you mean gelu?"),
        ({"search": {"knobs": 5}}, "search.knobs is 5; write it as"),
        ({"search": {"trials": 3}, "train": {"model": "boosting"}}, "boosting, whose knobs are not searched"),
        ({"search": {"trials": 3, "knobs": {"clip": [1, 2]}}, "train": {"model": "linear"}}, "clip does nothing"),
        ({"search": PANDA, "train": {"model": "cnn"}}, "panda nudges an mlp in training, and train.model is cnn"),
        ({"search": PANDA | {"jobs": 2}}, "panda watches one network"),
        ({"search": PANDA | {"optimize": "error"}}, "each is kept where it lowers the log loss"),
        ({"search": PANDA | {"knobs": {"hidden": [[4], [8]]}}}, "hidden cannot change while a network trains"),
        ({"search": SEARCH, "train": {"legs": [{"epochs": 2}]}}, "leave one of the two out"),
        ({"train": {"legs": [{"dropout": 0.2}]}}, "each leg says how long it is"),
        ({"train": {"legs": [{"epochs": 2, "droput": 0.2}]}}, "did you mean 'dropout'"),
        ({"train": {"legs": [{"epochs": 2, "dropout": 2}]}}, "train.dropout is 2"),
    ],
)
def test_bad_input_is_said_in_one_sentence(table: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        open_examples(config_of(table, **options))
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_a_plan_for_all_epochs_is_not_cut_short(table: Path, prepared: Prepared, tmp_path: Path) -> None:
    for name, options, rule in (
        ("a", {"epochs": 2, "model": "mlp"}, "median"),
        ("b", {"epochs": 2, "model": "mlp", "decay": "cosine"}, "none"),
    ):
        run = start_run(config_of(table, train=options, search={"trials": 1}), tmp_path / name)
        assert search_knobs(run, prepared, None).facts["search"]["order"]["pruning"] == rule
