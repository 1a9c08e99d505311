"""What cannot be divided is refused at the door, before a run folder is made."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burnish.flows.config import Config, parse_config
from burnish.flows.division import check_division, check_trainable, divide
from burnish.flows.opening import open_examples
from burnish.flows.prepare import compared_columns, prepare
from burnish.flows.run import start_run
from burnish.tasks.features import fit_table_encoder
from burnish.tasks.findings import InputError

ROWS = 120


def written(folder: Path, rows: int = ROWS) -> Path:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"r{row}" for row in range(rows)], "a": rng.normal(size=rows).round(3)})
    table["when"] = pd.date_range("2020-01-01", periods=rows).astype("str")
    table["where"] = ["phone", *["web"] * (rows - 1)]
    table["kind"] = ["cat", "cat", "dog", "dog"] * (rows // 4) + ["cat"] * (rows % 4)
    table.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def config_of(path: Path, split: dict[str, object], source: str | None = None) -> Config:
    data = {"path": str(path), "label": "kind", "id": "id", "source": source}
    return parse_config({"data": data, "split": split})


@pytest.mark.parametrize(
    ("split", "source", "words"),
    [
        ({"ratios": [1, 0, 0]}, None, "each need a share above 0"),
        ({"train_dev": 0.7}, None, "less than train's 0.6"),
        ({"ratios": [0.6, 0.2, 0.2], "test_halfwidth": 0.01}, None, "keep one"),
        ({"target": {"source": "phone"}}, None, "split.target .* data.source"),
        ({"train_sources": ["phone"]}, None, "split.train_sources .* data.source"),
        ({"target": {"source": "fone"}}, "where", "did you mean 'phone'"),
        ({"stratify": ["label"]}, None, "'label': every part has its share of each label"),
        ({"stratify": ["kind"]}, None, "leave it out"),
        ({"stratify": ["id"]}, None, "the column of ids"),
        ({"stratify": ["a", "a"]}, None, "twice"),
        ({"stratify": ["wen"]}, None, "did you mean 'when'"),
        ({"time": "kind"}, None, "the column of labels"),
        ({"time": "where"}, None, "not as dates or numbers"),
        ({"time": "when", "stratify": ["a"]}, None, "cannot both be"),
        ({"earlier": "/nowhere"}, None, "there is no"),
    ],
)
def test_refused_at_the_door(tmp_path: Path, split: dict[str, object], source: str | None, words: str) -> None:
    config = config_of(written(tmp_path), split, source)
    with pytest.raises(InputError, match=words):
        check_division(config, open_examples(config))


@pytest.mark.parametrize("split", [{}, {"time": "when"}, {"stratify": ["a", "where"]}, {"target": {"source": "phone"}}])
def test_what_can_be_divided_passes(tmp_path: Path, split: dict[str, object]) -> None:
    config = config_of(written(tmp_path), split, "where")
    examples = open_examples(config)
    check_division(config, examples)
    check_trainable(config, examples)


def test_too_little_to_learn_from(tmp_path: Path) -> None:
    config = config_of(written(tmp_path, 4), {})
    with pytest.raises(InputError, match="4 labelled examples train would get 2"):
        check_trainable(config, open_examples(config))
    config = config_of(written(tmp_path), {"train_sources": ["phone"]}, "where")
    with pytest.raises(InputError, match=r"1, in 1 class: .* split.train_sources \(phone\)"):
        check_trainable(config, open_examples(config))


def test_a_class_that_train_never_sees_breaks_no_contract_learnt_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("burnish.flows.run.task", lambda **_: lambda function: function)
    rng, rows = np.random.default_rng(0), 2 * ROWS
    table = pd.DataFrame({"a": rng.normal(size=rows), "kind": np.resize(["cat", "dog"], rows), "where": "web"})
    table.loc[: rows // 10, ["kind", "where"]] = "cow", "phone"
    table.to_csv(tmp_path / "t.csv", index=False)
    data = {"path": str(tmp_path / "t.csv"), "label": "kind", "source": "where"}
    config = parse_config({"name": "t", "data": data, "split": {"train_sources": ["web"]}})
    run = start_run(config, tmp_path / "run")
    prepared = prepare(run, open_examples(config))
    assert prepared.examples.classes == ("cat", "cow", "dog")
    assert "split.class_not_in_train" in [each.code for each in run.findings]
    assert not [each for each in run.findings if each.severity == "critical"]


def test_the_time_divided_along_is_not_compared() -> None:
    frame = pd.DataFrame({"a": np.arange(50.0), "when": pd.date_range("2020-01-01", periods=50), "b": ["x", "y"] * 25})
    encoder = fit_table_encoder(frame, learn_from=("a", "when", "b"))
    names = [encoder.names[place] for place in compared_columns(encoder, "when")]
    assert not any(name.startswith("when") for name in names)
    assert {name.split()[0] for name in names} == {"a", "b"}
    assert len(compared_columns(encoder, None)) == len(encoder.names)


def test_examples_that_are_all_copies_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.flows.run.task", lambda **_: lambda function: function)
    config = config_of(written(tmp_path), {})
    run, examples = start_run(config, tmp_path / "run"), open_examples(config)
    copies = pd.Series("copies 1", index=range(ROWS), dtype="str")
    with pytest.raises(InputError, match=f"all {ROWS} labelled examples are copies of one another"):
        divide(run, examples, copies, copies)
    copies.iloc[0] = None
    parts, _ = divide(run, examples, copies, copies)
    assert len(parts) == ROWS
