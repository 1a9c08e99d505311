"""A table with three annotator columns through the command line, and what is refused there."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from command_line import burnish
from sklearn.datasets import load_wine

from burnish.flows.config import load_config, parse_config
from burnish.tasks.findings import InputError

NAMES = ["ann", "=bob <b>", "label"]


def write_wine(folder: Path) -> np.ndarray:
    """Write wine as three people would label it; give the truth."""
    data = load_wine(as_frame=True)
    truth = np.array(["barolo", "grignolino", "barbera"])[data.target]
    rng = np.random.default_rng(0)
    table = data.data.copy()
    for name, accuracy in zip(NAMES, (0.95, 0.85, 0.75), strict=True):
        given = np.where(rng.random(len(truth)) < accuracy, truth, rng.permutation(truth)).astype(object)
        given[rng.random(len(truth)) < 0.2] = ""
        table[name] = given
    table.loc[0, NAMES] = ""
    table.to_csv(folder / "wine.csv", index=False)
    config = {"data": {"path": "wine.csv", "label": NAMES}, "rounds": 1, "train": {"model": "linear", "epochs": 20}}
    (folder / "wine.yaml").write_text(yaml.safe_dump(config))
    return truth


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("annotators")
    write_wine(folder)
    burnish("run", "wine.yaml", "--out", "run", "--rounds", "1", cwd=folder)
    return folder


@pytest.mark.slow
def test_the_summary_names_every_annotator(place: Path) -> None:
    summary = json.loads((place / "run" / "summary.json").read_text())
    facts = summary["annotators"]
    given = pd.read_csv(place / "wine.csv", dtype=str, keep_default_na=False)
    assert [each["name"] for each in facts["annotators"]] == NAMES
    assert [each["votes"] for each in facts["annotators"]] == [int((given[name] != "").sum()) for name in NAMES]
    ann, bob, label = (each["accuracy"]["value"] for each in facts["annotators"])
    assert ann > bob > label
    assert 0 < facts["agreement"] < 1
    assert summary["errors"]["human"] == facts["human_error"]
    assert summary["errors_believed"]["human"]["value"] < facts["human_error"]["value"]
    assert "annotators.human_error" in {finding["code"] for finding in summary["findings"]}


@pytest.mark.slow
def test_suspects_are_where_the_consensus_errs(place: Path) -> None:
    examples = pd.read_parquet(place / "run" / "examples.parquet")
    truth = np.array(["barolo", "grignolino", "barbera"])[load_wine().target]
    wrong = (examples["label"] != truth) & examples["label"].notna()
    assert (examples["label_issue"] & wrong).sum() >= 0.8 * wrong.sum()
    assert (examples["label_issue"] & wrong).sum() >= 0.8 * examples["label_issue"].sum()


@pytest.mark.slow
def test_the_cleaned_table_keeps_the_annotators(place: Path) -> None:
    given = pd.read_csv(place / "wine.csv", dtype=str, keep_default_na=False)
    cleaned = pd.read_csv(place / "run" / "cleaned" / "wine.csv", dtype=str, keep_default_na=False)
    assert list(cleaned) == [*given.columns.str.replace("=bob", "'=bob"), "final_label"]
    examples = pd.read_parquet(place / "run" / "examples.parquet")
    kept = (examples["action"] != "drop").to_numpy()
    assert (cleaned[["ann", "label"]].to_numpy() == given.loc[kept, ["ann", "label"]].to_numpy()).all()
    assert cleaned["final_label"].tolist() == examples["final_label"][kept].fillna("").tolist()


@pytest.mark.slow
def test_the_report_says_so_and_escapes_names(place: Path) -> None:
    page = (place / "run" / "report.html").read_text()
    assert "estimated from 3 annotators&#39; disagreement" in page
    assert "=bob &lt;b&gt;" in page
    assert "=bob <b>" not in page
    before = page
    burnish("report", "run", cwd=place)
    assert (place / "run" / "report.html").read_text() == before


@pytest.mark.slow
def test_a_stated_human_error_goes_first(place: Path) -> None:
    burnish("run", "wine.yaml", "--out", "stated", "--set", "data.human_error=0.01", "--rounds", "1", cwd=place)
    summary = json.loads((place / "stated" / "summary.json").read_text())
    assert summary["errors"]["human"]["value"] == 0.01
    assert summary["annotators"]["human_error"]["value"] > 0.01
    assert "which you gave" in (place / "stated" / "report.html").read_text()


@pytest.mark.slow
def test_check_says_how_many_annotators(tmp_path: Path) -> None:
    write_wine(tmp_path)
    assert "3 annotators" in burnish("check", "wine.yaml", cwd=tmp_path).stdout
    said = burnish("check", "wine.yaml", "--set", "data.label=[ann, bop]", cwd=tmp_path, status=2).stderr
    assert "data.label" in said
    assert "bop" in said


@pytest.mark.parametrize("label", ["kind", ["ann", "bob"], ["kind"], None])
def test_a_label_is_a_column_or_a_list(label: object) -> None:
    assert parse_config({"data": {"path": "t.csv", "label": label}}).data.label == label


@pytest.mark.parametrize("label", [5, [1, 2], {"a": "b"}, ["ann", 3]])
def test_other_labels_are_one_sentence(label: object) -> None:
    with pytest.raises(InputError, match=r"data.label is .*: it must be text \(in quotes") as error:
        parse_config({"data": {"path": "t.csv", "label": label}})
    assert "str" not in str(error.value)


def test_a_list_survives_the_resolved_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("data: {path: t.csv, label: [ann, bob]}\n")
    assert load_config(tmp_path / "c.yaml").data.label == ["ann", "bob"]
    assert load_config(tmp_path / "c.yaml", ["data.label=[a, b, c]"]).data.label == ["a", "b", "c"]
