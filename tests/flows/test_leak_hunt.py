"""Leaks, proxies, strengths and notations, from the configuration to summary, report, gate and later batches."""

import json
from pathlib import Path

import command_line
import numpy as np
import pandas as pd
import pytest

import burnish.flows.run
from burnish.flows.analyse import render_again, with_leaks
from burnish.flows.compare import compare_runs
from burnish.flows.config import parse_config
from burnish.flows.gates import check_rules, crossed
from burnish.flows.leaks import hunt_leaks
from burnish.flows.opening import open_examples
from burnish.flows.prepare import prepare
from burnish.flows.retrain import _clean_once
from burnish.flows.run import LeakGateError, start_run
from burnish.tasks.copies import copies_as_groups, find_row_duplicates
from burnish.tasks.features import fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.notation_findings import notations_as_dict, notations_from_dict
from burnish.tasks.report import render_report
from burnish.tasks.split import join_groups
from burnish.tasks.tables import infer_types, read_table

N = 400


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, N)
    sex = rng.choice(["f", "m"], N)
    frame = pd.DataFrame(
        {
            "a": rng.normal(y, 1).round(3),
            "price": [f"{value:,.2f} €".translate(str.maketrans(",.", ".,")) for value in rng.uniform(1, 9e4, N)],
            "when": rng.choice(["2021-03-31", "30.4.2021", "05/31/2021"], N),
            "<b>closed</b>": np.where(y == 1, "x", ""),
            "sex": sex,
            "title": np.where(sex == "f", "Ms", "Mr"),
            "kind": np.where(y == 1, "good", "bad"),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def config_of(table: Path, **options: object):
    return parse_config({"name": "t", "data": {"path": str(table), "label": "kind", "exclude": ["sex"]}, **options})


def test_a_leak_reaches_summary_report_and_gate(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
    config = config_of(table)
    examples = open_examples(config)
    run = start_run(config, tmp_path / "run")
    split = np.where(np.arange(N) < 300, "train", "test")
    duplicates = find_row_duplicates(examples.table["id"], examples.attributes)
    groups = join_groups(examples.table["group"], copies_as_groups(duplicates["duplicate_group"]))
    facts = hunt_leaks(run, examples, examples.table.assign(split=split), duplicates, groups)
    assert (facts["gives_away"], facts["rows"]) == (1, 300)
    assert (facts["columns"][0]["columns"], facts["columns"][0]["kind"]) == (["<b>closed</b>"], "missing")
    assert [(each["feature"], each["excluded"]) for each in facts["proxies"]] == [("title", "sex")]
    findings = [finding.as_dict() for finding in run.findings]
    assert len(crossed({"findings": findings}, ["leak", "columns.proxy"])) == 2
    assert not crossed({"findings": [each for each in findings if "closed" not in each["title"]]}, ["leak"])
    page = render_report({"name": "t", "leaks": facts, "findings": findings}, examples.table.assign(split=split))
    section = page[page.index('id="leaks"') : page.index('id="duplicates"')]
    assert "gives the label away" in section
    assert "&lt;b&gt;closed" in section and "<b>closed" not in section
    assert "title" in section


def test_leak_is_a_rule_and_leaks_is_none() -> None:
    check_rules(["leak", "leak.rows", "leaks.gives_away>0"])
    with pytest.raises(InputError, match="did you mean leak"):
        check_rules(["leaks"])


def test_formatted_columns_are_read_said_and_read_so_again(table: Path) -> None:
    examples = open_examples(config_of(table))
    assert [str(examples.attributes[name].dtype) for name in ("price", "when")] == ["float64", "datetime64[us]"]
    assert {"columns.number_notation", "columns.date_formats"} <= {finding.code for finding in examples.findings}
    batch = read_table(table).iloc[:3].assign(price=["1.234", "2.345", "7"], when="01/02/2021")
    again = infer_types(batch, notations_from_dict(notations_as_dict(examples.notations)))
    assert again["price"].tolist() == [1234, 2345, 7]
    assert again["when"].astype(str).tolist() == ["2021-01-02"] * 3


def test_strengths_come_from_the_configuration(table: Path) -> None:
    config = config_of(table, features={"weights": {"a": 2, "title": 0}})
    examples = open_examples(config)
    assert "title" not in examples.columns
    encoder = fit_table_encoder(examples.attributes, learn_from=examples.learn_from, strengths=config.features.weights)
    assert encoder.strengths == {"a": 2.0, "title": 0.0}
    for weights, said in (({"aa": 2}, "did you mean 'a'"), ({"a": -1}, "must be a number from 0")):
        with pytest.raises(InputError, match=said):
            open_examples(config_of(table, features={"weights": weights}))


def test_a_gate_stops_before_training_and_leaves_a_report(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
    run = start_run(config_of(table), tmp_path / "run")
    run.fail_on = ("labels", "leak")
    with pytest.raises(LeakGateError, match=r"'<b>closed</b>' gives the label away.*`exclude: \[sex, <b>closed</b>\]`"):
        _clean_once(run, open_examples(run.config))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["stopped"].startswith("--fail-on leak, before training: ")
    assert (summary["labels"], summary["diagnosis"]["verdict"]) == (None, "stopped")
    assert summary["diagnosis"]["next_steps"][0]["code"] == "leak.next.columns"
    page = render_again(tmp_path / "run").read_text()
    assert "Why it stopped" in page and "&lt;b&gt;closed" in page and "<b>closed" not in page
    assert {"config.yaml", "manifest.json", "examples.parquet"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert len(compare_runs(tmp_path / "run", tmp_path / "run")) > 1


def test_a_fuller_report_is_left_standing(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
    run = start_run(config_of(table), tmp_path / "run")
    run.fail_on = ("leak.missing",)
    written = '{"rounds": [{"round": 0, "kept": true}]}'
    (tmp_path / "run" / "summary.json").write_text(written)
    with pytest.raises(LeakGateError) as stopped:
        _clean_once(run, open_examples(run.config))
    assert stopped.value.summary is None
    assert (tmp_path / "run" / "summary.json").read_text() == written


def test_a_figure_or_another_code_does_not_stop(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burnish.flows.run, "task", lambda **_: lambda function: function)
    run = start_run(config_of(table), tmp_path / "run")
    run.fail_on = ("leak.id", "columns.proxy", "leaks.gives_away>0")
    facts = prepare(run, open_examples(run.config)).facts
    assert facts["leaks"]["to_paste"] == "exclude: [sex, <b>closed</b>]"
    diagnosis = {"verdict": "x", "title": "X", "explanation": "Why.", "next_steps": [{"code": "y"}]}
    spoilt = with_leaks(diagnosis, facts)
    assert (spoilt["verdict"], spoilt["next_steps"][1:]) == ("x", [{"code": "y"}])
    assert spoilt["title"] == "X; but leaks spoil these figures"
    assert with_leaks(diagnosis, {}) == diagnosis
    assert with_leaks(None, {"leaks": {"next_steps": []}}) is None


@pytest.mark.slow
def test_the_command_stops_with_one_and_resume_goes_on_without_the_gate(table: Path, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("data: {path: t.csv, label: kind, exclude: [sex]}\nrounds: 1\n")
    done = command_line.burnish("run", "t.yaml", "--out", "run", "--fail-on", "leak", cwd=tmp_path, status=1)
    assert done.stdout.splitlines()[-1] == "run"
    assert "failed: --fail-on leak, before training: " in done.stderr and "Train" not in done.stderr
    command_line.burnish("run", "--resume", "run", "--set", "train.epochs=3", cwd=tmp_path, status=2)
    done = command_line.burnish("run", "--resume", "run", cwd=tmp_path)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "stopped" not in summary and summary["labels"] is not None
    assert summary["diagnosis"]["next_steps"][0]["code"] == "leak.next.columns"
    assert "turn next: Leave out what gives the label away: <b>closed</b> (data.exclude)" in done.stdout
