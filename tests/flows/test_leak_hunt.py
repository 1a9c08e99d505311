"""Leaks, proxies, strengths and notations, from the configuration to summary, report, gate and later batches."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import burnish.flows.run
from burnish.flows.config import parse_config
from burnish.flows.gates import check_rules, crossed
from burnish.flows.leaks import hunt_leaks
from burnish.flows.opening import open_examples
from burnish.flows.run import start_run
from burnish.tasks.copies import find_row_duplicates
from burnish.tasks.features import fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.notation_findings import notations_as_dict, notations_from_dict
from burnish.tasks.report import render_report
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
    facts = hunt_leaks(
        run,
        examples,
        examples.table.assign(split=split),
        find_row_duplicates(examples.table["id"], examples.attributes),
    )
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
    for weights, said in (({"aa": 2}, "did you mean 'a'"), ({"a": -1}, "greater than or equal to 0")):
        with pytest.raises(InputError, match=said):
            open_examples(config_of(table, features={"weights": weights}))
