"""Which models speak about the labels, and where what they said goes: configuration, examples table, sheet, summary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer

from burnish.flows.analyse import COLUMNS, describe_labels
from burnish.flows.clean import REVIEW_COLUMNS, Labels, find_labels, labels_as_given
from burnish.flows.config import load_config
from burnish.flows.prepare import open_examples, prepare
from burnish.flows.run import Run
from burnish.flows.sections import Mislabels
from burnish.tasks.dealing import assign_folds
from burnish.tasks.findings import InputError
from burnish.tasks.mislabels import METHODS
from burnish.tasks.voices import VOICE_COLUMNS


class PlainRun(Run):
    """A run whose stages are plain functions, without Prefect."""

    def stage(self, title: str, function: Callable[..., Any]) -> Callable[..., Any]:
        self.seconds[title] = 0.0
        return function


def heard(place: Path, *settings: str) -> tuple[PlainRun, Labels, dict[str, Any]]:
    run = PlainRun(load_config(place / "c.yaml", ["train.epochs=8", *settings]), place / "run")
    prepared = prepare(run, open_examples(run.config))
    given = labels_as_given(prepared).codes
    labels = find_labels(run, prepared, [given], given)
    return run, labels, describe_labels(run, prepared, labels)["labels"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    x, truth = load_breast_cancer(return_X_y=True)
    wrong = np.random.default_rng(0).random(len(truth)) < 0.1
    table = pd.DataFrame(x[:, :10].round(4), columns=[f"c{i}" for i in range(10)])
    table.assign(label=np.where(wrong, 1 - truth, truth), name=[f"r{i}" for i in range(len(truth))]).to_csv(
        folder / "t.csv", index=False
    )
    (folder / "c.yaml").write_text("data: {path: t.csv, id: name, label: label}\n")
    np.save(folder / "p.npy", np.where(np.eye(2)[truth] == 1, 0.9, 0.1))
    np.save(folder / "e.npy", x[:, :10].astype(np.float32))
    return folder


def test_the_voices_are_listed_in_one_place_everywhere() -> None:
    assert tuple(VOICE_COLUMNS) == METHODS
    assert list(METHODS) == Mislabels().methods
    assert get_args(get_args(Mislabels.model_fields["methods"].annotation)[0]) == METHODS
    assert set(VOICE_COLUMNS.values()) <= set(COLUMNS) & set(REVIEW_COLUMNS)


def test_a_table_hears_network_and_boosting_and_all_four_voices(place: Path) -> None:
    run, labels, facts = heard(place)
    assert {"Out-of-fold probabilities, round 1", "Out-of-fold boosting, round 1"} <= set(run.seconds)
    assert list(facts["voices"]) == list(METHODS)
    assert facts["model"] == labels.model
    assert labels.audit is not None
    assert labels.audit.frame[list(VOICE_COLUMNS.values())].notna().all(axis=None)


def test_the_dynamics_are_heard_alone(place: Path) -> None:
    run, labels, facts = heard(place, "mislabels.methods=[dynamics]")
    assert list(facts["voices"]) == ["dynamics"] and facts["model"] is None
    assert "Out-of-fold boosting, round 1" not in run.seconds
    assert labels.audit is not None
    assert labels.audit.frame["voice_dynamics"].notna().all() and labels.audit.frame["voice_model"].isna().all()


@pytest.mark.parametrize(("model", "spoke"), [("boosting", {"boosting"}), ("network", {"linear", "mlp", "linear+mlp"})])
def test_the_model_voice_can_be_told(place: Path, model: str, spoke: set[str]) -> None:
    run, _, facts = heard(place, f"mislabels.model={model}")
    assert facts["model"] in spoke
    assert ("Out-of-fold probabilities, round 1" in run.seconds) == (model == "network")
    assert ("dynamics" in facts["voices"]) == (model == "network")


def test_no_network_no_dynamics(place: Path) -> None:
    _, labels, facts = heard(place, "data.probabilities=p.npy")
    assert list(facts["voices"]) == ["model", "clusters", "neighbours"] and facts["model"] is None
    assert labels.audit is not None
    assert labels.audit.frame["voice_dynamics"].isna().all()


def test_embeddings_are_no_table(place: Path) -> None:
    run, _, facts = heard(place, "data.embeddings=e.npy")
    assert "Out-of-fold boosting, round 1" not in run.seconds and "boosting" not in facts["model"]
    with pytest.raises(InputError, match=r"mislabels\.model is boosting.*choose auto or network"):
        heard(place, "data.embeddings=e.npy", "mislabels.model=boosting")


def test_boosting_is_left_out_of_large_tables_and_that_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("burnish.tasks.boosting.MOST_WORK", 100)
    run, _, facts = heard(place)
    assert "boosting" not in facts["model"]
    assert [finding.code for finding in run.findings].count("mislabels.boosting") == 1
    run, _, facts = heard(place, "mislabels.model=boosting")
    assert facts["model"] == "boosting"
    assert "mislabels.boosting" not in [finding.code for finding in run.findings]


def test_copies_of_rows_and_of_embeddings_share_a_fold(place: Path, tmp_path: Path) -> None:
    table = pd.read_csv(place / "t.csv")
    copies = table.iloc[:20].assign(name=[f"copy {i}" for i in range(20)])
    pd.concat([table, copies]).to_csv(tmp_path / "t.csv", index=False)
    x = np.load(place / "e.npy")
    np.save(tmp_path / "e.npy", np.concatenate([x, x[:20] * (1 + 1e-6)]))
    for more in ("", ", embeddings: e.npy"):
        (tmp_path / "c.yaml").write_text(f"data: {{path: t.csv, id: name, label: label{more}}}\n")
        run = PlainRun(load_config(tmp_path / "c.yaml"), tmp_path / "run")
        prepared = prepare(run, open_examples(run.config))
        groups = prepared.groups.to_numpy(dtype=object)
        assert (groups[:20] == groups[-20:]).all() and pd.isna(groups[20:-20]).all()
        assert prepared.graph is not None
        assert not (prepared.graph.indices[:20] == np.arange(569, 589)[:, None]).any()


def test_an_image_and_its_rough_copy_share_a_fold(tmp_path: Path) -> None:
    coarse = np.random.default_rng(0).integers(0, 255, (60, 6, 6, 3), dtype=np.uint8)
    for number, pixels in enumerate(coarse):
        folder = tmp_path / "pictures" / f"class {number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(pixels).resize((32, 32), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
        if number < 4:
            other = tmp_path / "pictures" / f"class {(number + 1) % 2}"
            other.mkdir(exist_ok=True)
            picture.save(other / f"{number:02d} again.jpg", quality=85)
    (tmp_path / "c.yaml").write_text("data: {path: pictures}\n")
    run = PlainRun(load_config(tmp_path / "c.yaml"), tmp_path / "run")
    prepared = prepare(run, open_examples(run.config))
    number = prepared.table["id"].astype(str).str.extract(r"(\d\d)[^/]*$")[0].astype(int)
    shared = prepared.groups.groupby(number).nunique(dropna=True)
    assert prepared.groups.notna().groupby(number).all()[:4].all() and (shared[:4] == 1).all()
    assert prepared.groups[number >= 4].isna().all()
    fold, _ = assign_folds(prepared.codes, groups=prepared.groups.to_numpy(dtype=object))
    assert (fold == pd.Series(fold).groupby(number).transform("first")).all()


def test_where_nothing_is_learnt_rows_are_scored_alike_without_a_feature_held(place: Path, tmp_path: Path) -> None:
    table = pd.read_csv(place / "t.csv")
    table.loc[[3, 60], "c1"] = 200.0
    table.to_csv(tmp_path / "far.csv", index=False)
    changes = ["mislabels.methods=[]", f"data.path={tmp_path / 'far.csv'}"]

    def prepared(learning: bool):
        run = PlainRun(load_config(place / "c.yaml", changes), tmp_path / str(learning))
        return prepare(run, open_examples(run.config), learning=learning)

    held, made = prepared(True), prepared(False)
    assert held.features is not None and made.features is None
    assert not held.attributes.equals(made.attributes)  # extremes are replaced as rows are read, not beforehand
    assert made.encoded is not None
    assert np.array_equal(made.encoded[3:90], held.features[3:90])
    assert held.table["outlier_score"].equals(made.table["outlier_score"])
    assert held.facts["splits"]["mirrors"] == made.facts["splits"]["mirrors"]
