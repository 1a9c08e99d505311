"""`burnish apply`: all of a sheet or nothing, twice as good as once."""

import json
import shutil
import sys

import pandas as pd
import pytest
from review_run import CAT, CLASSES, DOG, HEN, SHEET, answers, examples_table, make_run

from burnish.flows import apply as apply_module
from burnish.flows import cli
from burnish.flows.apply import apply_sheet
from burnish.tasks.decisions import decided_codes, read_decisions
from burnish.tasks.findings import InputError


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path)


def fill(run, said):
    """Write answers into the run's sheet, as a spreadsheet would; rows that are not there are added."""
    sheet = pd.read_csv(run / "review.csv", dtype=str, keep_default_na=False).set_index("id")
    for id, (decision, label) in said.items():
        sheet.loc[id, ["decision", "new_label"]] = [decision, label]
    sheet.fillna("").reset_index()[SHEET].to_csv(run / "review.csv", index=False)
    return run / "review.csv"


ALL = {"'=e3": ("accept", ""), "e1": ("keep", ""), "e5": ("other", "'-dog"), "e7": ("drop", "")}


def everything(run):
    return {path.relative_to(run): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_decisions_become_the_truth_everywhere(run):
    said = apply_sheet(run, fill(run, ALL))
    table = pd.read_parquet(run / "examples.parquet").set_index("id")
    shown = table.loc[["=e3", "e1", "e5", "e7", "e9"], ["action", "final_label", "decision"]].fillna("–")
    assert shown.to_numpy().tolist() == [
        ["relabel", CAT, "accept"],
        ["keep", CAT, "keep"],
        ["relabel", DOG, "other"],
        ["drop", "–", "drop"],
        ["relabel", table.loc["e9", "suggested_label"], "–"],
    ]
    assert table.loc["e1", "reason"].startswith("a person: ")
    assert (table["label"].fillna("") == examples_table("table").set_index("id")["label"].fillna("")).all()
    cleaned = pd.read_csv(run / "cleaned/data.csv", dtype=str).set_index("id")
    assert cleaned.loc["'=e3", "kind"] == CAT and cleaned.loc["e5", "kind"] == "'-dog"
    assert not {"e7", "e10"} & set(cleaned.index) and len(cleaned) == 10
    assert answers(run) == {} and len(pd.read_csv(run / "review.csv")) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["review"]["decided"] == 4 and summary["review"]["suggestions"]["total"] == 4
    assert summary["labels"]["actions"] == {"keep": 7, "relabel": 3, "drop": 2, "review": 0}
    assert summary["labels"]["issues"] == 4
    line = "You judged 4 suggestions: 2 were right (50.0%, 15.0–85.0%)"
    assert line in summary["headline"] and line in said
    assert said[-1].endswith(f"burnish run --resume {run}")
    report = (run / "report.html").read_text()
    assert "What a person decided" in report and "<b>cat" not in report


def test_the_decisions_are_kept_for_the_next_round(run):
    apply_sheet(run, fill(run, ALL))
    table = pd.read_parquet(run / "examples.parquet")
    codes = decided_codes(read_decisions(run / "decisions.csv", table), table["id"], CLASSES)
    assert codes.tolist() == [-1, 1, -1, 1, -1, 0, -1, -2, -1, -1, -1, -1]


def test_applying_twice_does_no_harm(run, tmp_path):
    copy = shutil.copy(fill(run, ALL), tmp_path / "mine.csv")
    apply_sheet(run, tmp_path / "mine.csv")
    once = everything(run)
    assert "Nothing is decided" in apply_sheet(run, run / "review.csv")[0]
    assert everything(run) == once
    apply_sheet(run, tmp_path / copy)
    assert everything(run) == once


def test_a_later_decision_takes_the_place_of_an_earlier_one(run):
    apply_sheet(run, fill(run, {"e1": ("keep", ""), "e5": ("accept", "")}))
    assert answers(run) == {} and len(pd.read_csv(run / "review.csv")) == 2
    apply_sheet(run, fill(run, {"e1": ("other", HEN)}))
    table = pd.read_parquet(run / "examples.parquet").set_index("id")
    assert table.loc["e1", ["action", "final_label", "decision"]].tolist() == ["relabel", HEN, "other"]
    assert table.loc["e5", "decision"] == "accept"
    assert json.loads((run / "summary.json").read_text())["review"]["decided"] == 2


def test_what_was_dropped_can_be_taken_back(run):
    apply_sheet(run, fill(run, {"e10": ("keep", ""), "e9": ("keep", "")}))
    table = pd.read_parquet(run / "examples.parquet").set_index("id")
    assert table.loc[["e9", "e10"], "action"].tolist() == ["keep", "keep"]
    assert (table.loc[["e9", "e10"], "final_label"] == table.loc[["e9", "e10"], "label"]).all()
    assert "e10" in pd.read_csv(run / "cleaned/data.csv")["id"].tolist()


@pytest.mark.parametrize("said", [{"e99": ("keep", "")}, {"e1": ("other", "cow")}, {"e1": ("yes", "")}])
def test_one_wrong_row_changes_nothing(run, said):
    sheet = fill(run, ALL | said)
    before = everything(run)
    with pytest.raises(InputError):
        apply_sheet(run, sheet)
    assert everything(run) == before


@pytest.mark.parametrize("change", ["gone", "relabelled", "other rows"])
def test_data_that_has_changed_is_refused(run, tmp_path, change):
    sheet, data = fill(run, ALL), tmp_path / "data.csv"
    rows = pd.read_csv(data, dtype=str)
    if change == "gone":
        data.unlink()
    elif change == "relabelled":
        rows.assign(kind=rows["kind"].where(rows["id"] != "e0", HEN)).to_csv(data, index=False)
    else:
        rows.iloc[:-1].to_csv(data, index=False)
    before = everything(run)
    with pytest.raises(InputError):
        apply_sheet(run, sheet)
    assert everything(run) == before


def test_a_cleaned_dataset_that_cannot_be_written_leaves_the_old_one(run, monkeypatch):
    def full(_examples, _table, folder):
        folder.mkdir()
        (folder / "half").write_text("x")
        raise InputError("no space")

    sheet = fill(run, ALL)
    before = everything(run)
    monkeypatch.setattr(apply_module, "write_cleaned", full)
    with pytest.raises(InputError):
        apply_sheet(run, sheet)
    assert everything(run) == before


def test_images_are_cleaned_too(tmp_path):
    run = make_run(tmp_path, "images")
    apply_sheet(run, fill(run, ALL))
    assert not (run / "cleaned/pictures/7.png").exists() and (run / "cleaned/pictures/5.png").is_file()


def test_a_label_studio_export_is_a_sheet_too(run, tmp_path):
    choices = {"type": "choices", "from_name": "label", "to_name": "example", "value": {"choices": [CAT]}}
    tasks = [{"data": {"example_id": id}, "annotations": [{"result": [choices]}]} for id in ("=e3", "e1", "e5")]
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    apply_sheet(run, tmp_path / "export.json")
    table = pd.read_parquet(run / "examples.parquet").set_index("id")
    assert table.loc[["=e3", "e1", "e5"], "decision"].tolist() == ["accept", "keep", "other"]
    assert pd.read_csv(run / "review.csv")["id"].tolist() == ["e7"]


def test_no_run_is_said(tmp_path, run):
    with pytest.raises(InputError, match="not a finished run"):
        apply_sheet(tmp_path, run / "review.csv")
    with pytest.raises(InputError, match="does not exist"):
        apply_sheet(run, tmp_path / "none.csv")


@pytest.mark.parametrize(("sheet", "said"), [("none.csv", "does not exist"), ("run/review.csv", "no class ('cow'")])
def test_the_command_says_what_is_wrong_in_one_line(run, tmp_path, monkeypatch, capsys, sheet, said):
    fill(run, {"e1": ("other", "cow")})
    monkeypatch.setattr(sys, "argv", ["burnish", "apply", str(run), str(tmp_path / sheet)])
    for name in cli.QUIET:
        monkeypatch.setenv(name, cli.QUIET[name])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    error = capsys.readouterr().err
    assert ended.value.code == 2 and said in error and len(error.splitlines()) == 1
