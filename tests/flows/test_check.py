"""`burnish check`, in this process: from learning a contract to editing it to holding the next batch to it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from burnish.flows import cli
from burnish.flows.config import load_config
from burnish.flows.opening import open_examples
from burnish.flows.prepare import prepare
from burnish.flows.run import start_run

CONFIG = "data: {path: a.csv, label: label, id: order}\n"
SCRIPT = "<script>alert(1)</script>"
Ended = tuple[int, str, str]


def shop(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    return pd.DataFrame(
        {
            "order": [f"AT-{number:06d}" for number in rng.permutation(10**6)[:n]],
            "zip": [f"{number:05d}" for number in rng.integers(0, 99_999, n)],
            "amount": rng.lognormal(3, 1, n).round(2).astype(str),
            "state": rng.choice(["no", "se", "dk"], n),
            "day": days.strftime("%Y-%m-%d"),
            "label": rng.choice(["buy", "leave"], n, p=[0.3, 0.7]),
        }
    )


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run `burnish check c.yaml` in `tmp_path`; gives status, standard output, and the last line of the other."""
    shop(1500, 0).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "c.yaml").write_text(CONFIG)

    def call(*arguments: str) -> Ended:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["burnish", "check", "c.yaml", *arguments])
        for name, value in (cli.QUIET | cli.REPRODUCIBLE | {"BURNISH_DEBUG": ""}).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        said = capsys.readouterr()
        return status, said.out, (said.err.splitlines() or [""])[-1]

    return call


def test_learn_edit_enforce(tmp_path: Path, check: Callable[..., Ended]) -> None:
    status, out, _ = check("--learn", "contract.yaml")
    assert status == 0
    assert "validate: {suite: contract.yaml}" in out
    suite = yaml.safe_load((tmp_path / "contract.yaml").read_text())
    asked = {(each["type"], each["kwargs"].get("column")) for each in suite["expectations"]}
    assert ("expect_column_values_to_match_regex", "zip") in asked
    assert ("expect_column_max_to_be_between", "day") in asked

    sets = [(n, e) for n, e in enumerate(suite["expectations"], start=1) if "value_set" in e["kwargs"]]
    number, states = next((n, each) for n, each in sets if each["kwargs"]["column"] == "state")
    states["kwargs"]["value_set"].remove("no")
    states["severity"] = "critical"
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump(suite))
    (tmp_path / "c.yaml").write_text(CONFIG + "validate: {suite: contract.yaml}\n")
    status, out, said = check("--failing", "rows.csv")
    assert status == 1
    assert "1 critical" in said
    assert f"edit expectation {number} of {tmp_path / 'contract.yaml'} (expect_column_values_to_be_in_set)" in out
    assert "column 'state': expected one of dk, se" in out
    rows = pd.read_csv(tmp_path / "rows.csv", dtype=str, keep_default_na=False)
    given = pd.read_csv(tmp_path / "a.csv", dtype=str)
    assert set(rows["value"]) == {"no"}
    assert rows["id"].tolist() == given.loc[given["state"] == "no", "order"].tolist()


def test_the_next_batch(tmp_path: Path, check: Callable[..., Ended]) -> None:
    check("--learn", "contract.json")
    batch = shop(800, 1)
    batch.loc[:39, "zip"] = "x" + batch.loc[:39, "zip"]
    batch.loc[:399, "amount"] = SCRIPT
    batch.drop(columns="state").to_csv(tmp_path / "b.csv", index=False)
    status, out, _ = check("--set", "data.path=b.csv", "--set", "validate.suite=contract.json")
    assert status == 1
    assert "critical: column 'state': expected the column, found missing" in out
    assert "column 'zip': expected texts of the form ^[0-9]{5}$, for 99% of the values, found 40 of 800 (5%)" in out
    assert "critical: column 'amount': expected a number, for 95% of the values, found 400 of 800 (50%)" in out
    assert f"otherwise, e.g. {SCRIPT} [{batch['order'][0]}, " in out


def test_wrong_cells_are_listed_by_id(tmp_path: Path, check: Callable[..., Ended]) -> None:
    table = shop(1500, 0)
    table.loc[[5, 9], "amount"] = "73000000.5"
    table.to_csv(tmp_path / "a.csv", index=False)
    assert "burnish check CONFIG --cells FILE.csv lists them all. Nothing was changed." in check()[1]
    for _ in range(2):
        status, out, _ = check("--cells", "cells.csv")
        assert status == 0
        assert "all are listed in cells.csv" in out
    listed = pd.read_csv(tmp_path / "cells.csv", dtype=str)
    assert set(listed["id"]) >= set(table["order"][[5, 9]])


def test_the_division_is_judged_and_stops_no_batch(tmp_path: Path, check: Callable[..., Ended]) -> None:
    status, out, _ = check("--set", "split.test_halfwidth=0.005")
    assert status == 0
    assert "warning: 300 test examples tell an error of 10% to within" in out
    assert "Collect about" in out
    status, out, _ = check("--set", "data.source=state", "--set", "split.target={source: dk}")
    assert "split.target" not in out
    table = shop(1500, 0).assign(state=["dk"] * 30 + ["se"] * 1470)
    table.to_csv(tmp_path / "a.csv", index=False)
    status, out, _ = check("--set", "data.source=state", "--set", "split.target={source: dk}")
    assert status == 0
    assert "dk: 30 examples, of which dev and test take" in out


def test_one_group_for_all_rows_is_refused_where_rows_are_divided(tmp_path: Path, check: Callable[..., Ended]) -> None:
    check("--learn", "contract.yaml")
    shop(1500, 0).assign(state="no").to_csv(tmp_path / "a.csv", index=False)
    status, _, said = check("--set", "data.group=state")
    assert status == 2
    assert "data.group: all 1,500 labelled examples are of one group, 'no' in 'state'" in said
    assert check("--set", "data.group=state", "--set", "validate.suite=contract.yaml")[0] == 0


def test_an_old_batch(check: Callable[..., Ended]) -> None:
    status, out, _ = check("--set", "validate.max_age_days=0")
    assert status == 0
    assert "warning: column 'day': expected a newest value of" in out


def test_time_zones(tmp_path: Path, check: Callable[..., Ended]) -> None:
    table = shop(300, 0)
    table["day"] += ["T10:00:00Z", "T10:00:00+02:00", "T10:00:00"] * 100
    table.to_csv(tmp_path / "a.csv", index=False)
    assert "Column 'day' mixes time zones: " in check()[1]


def test_a_run_lists_the_rows_and_writes_data_docs_when_asked(
    tmp_path: Path, check: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.flows.run.task", lambda **_: lambda function: function)
    check("--learn", "contract.yaml")
    batch = shop(1500, 1)
    batch.loc[:99, "zip"] = SCRIPT
    batch.to_csv(tmp_path / "a.csv", index=False)
    asked = "validate: {suite: contract.yaml, data_docs: true}\ncells: {search: false}\n"
    (tmp_path / "c.yaml").write_text(CONFIG + asked)
    run = start_run(load_config(tmp_path / "c.yaml"), tmp_path / "run")
    facts = prepare(run, open_examples(run.config)).facts["validation"]
    assert facts["failing_rows"] == "validation/failing_rows.csv"
    assert facts["results_file"] == "validation/results.json"
    assert len(json.loads((run.folder / facts["results_file"]).read_text())["results"]) == facts["checks"]
    assert [each["number"] for each in facts["results"] if not each["success"]]
    assert pd.read_csv(tmp_path / "run" / facts["failing_rows"])["id"].tolist()[:100] == batch["order"][:100].tolist()
    assert (tmp_path / "run" / "validation" / "data_docs" / "index.html").is_file()
    assert "validation.data_docs" in {finding.code for finding in run.findings}


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (
            "expectations: [{type: expect_column_to_exits, kwargs: {column: zip}}]",
            ["expect_column_to_exist'", "expectation 1 of /", "contract.yaml has type"],
        ),
        ("expectations: [{type: expect_column_values_to_be_unique, kwargs: {column: zpi}}]", ["did you mean 'zip'"]),
        ("expectations: !!python/object/apply:os.system [ls]", ["contract.yaml", "line 1", "tag"]),
        ("expectations: [{type: expect_column_mean_to_be_between, kwargs: {column: zip}}]", ["expectation 1"]),
        ("nothing: here", ["'expectations'"]),
    ],
)
def test_a_suite_that_makes_no_sense(
    tmp_path: Path, check: Callable[..., Ended], text: str, phrases: list[str]
) -> None:
    (tmp_path / "contract.yaml").write_text(text)
    status, out, said = check("--set", "validate.suite=contract.yaml")
    assert (status, out) == (2, "")
    assert said.startswith("error: ")
    for phrase in phrases:
        assert phrase in said


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (("--learn", "a.csv"), ".yaml"),
        (("--learn", "c.yaml"), "is there already"),
        (("--learn", "no/where.yaml"), "there is no folder"),
        (("--failing", "no/where.csv"), "there is no folder"),
        (("--cells", "no/where.csv"), "there is no folder"),
        (("--cells", "a.csv"), "no list of wrong cells"),
        (("--set", "data.group=day", "--set", "split.train_dev=2"), "--set split.train_dev=2: split.train_dev is 2"),
        (("--set", "validate.suite=gone.yaml"), "cannot be read"),
        (("--set", "validate.max_age_days=-1"), "validate.max_age_days"),
    ],
)
def test_refuses(tmp_path: Path, check: Callable[..., Ended], arguments: tuple[str, ...], phrase: str) -> None:
    before = sorted(tmp_path.iterdir())
    status, out, said = check(*arguments)
    assert (status, out) == (2, "")
    assert phrase in said
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("saved", ["as now", "earlier", "earlier, and one expectation added since"])
def test_columns_are_named_as_the_user_names_them(tmp_path: Path, check: Callable[..., Ended], saved: str) -> None:
    """A suite saved earlier says `label` and `id`; what is said of it has the user's names all the same."""
    (tmp_path / "c.yaml").write_text(CONFIG.replace("label: label", "label: went"))
    pd.read_csv(tmp_path / "a.csv", dtype=str).rename(columns={"label": "went"}).to_csv(tmp_path / "a.csv", index=False)
    assert check("--learn", "contract.yaml")[0] == 0
    suite = yaml.safe_load((tmp_path / "contract.yaml").read_text())
    assert (suite["meta"]["id"], suite["meta"]["label"]) == ("order", "went")
    assert not {"id", "label"} & {each["kwargs"].get("column") for each in suite["expectations"]}
    if saved != "as now":
        del suite["meta"]["id"], suite["meta"]["label"]
        for each in suite["expectations"]:
            name = each["kwargs"].get("column")
            each["kwargs"] |= {"column": {"order": "id", "went": "label"}.get(name, name)} if name else {}
    if saved.startswith("earlier, "):
        added = {"type": "expect_column_values_to_not_match_regex", "kwargs": {"column": "label", "regex": "^stay$"}}
        suite["expectations"].append(added)
    (tmp_path / "contract.yaml").write_text(yaml.safe_dump(suite))
    table = pd.read_csv(tmp_path / "a.csv", dtype=str)
    table.loc[:29, "went"] = "stay"
    table.to_csv(tmp_path / "a.csv", index=False)
    _, out, _ = check("--set", "validate.suite=contract.yaml", "--failing", "rows.csv")
    assert "column 'went': expected one of buy, leave" in out
    assert "column 'label'" not in out
    rows = pd.read_csv(tmp_path / "rows.csv", dtype=str)
    assert set(rows["column"]) == {"went"} and set(rows["value"]) == {"stay"}
    assert rows["id"].tolist() == table["order"][:30].tolist()


def test_help_says_where_leaks_are_looked_for(check: Callable[..., Ended]) -> None:
    status, out, _ = check("--help")
    assert status == 0
    assert "Not looked for here: leaks" in out and "--fail-on leak" in out
