"""Predictions of a run's model: the same numbers however they are read, no file where something is wrong, and ONNX."""

import numpy as np
import pandas as pd
import pytest

from burnish.flows.config import dump_config, parse_config
from burnish.flows.predict import export_onnx, predict_file
from burnish.tasks import new_rows
from burnish.tasks.column_types import infer_types
from burnish.tasks.findings import InputError
from burnish.tasks.saved import save_model
from burnish.tasks.tree_training import train_trees

CLASSES = ("=no", "yes")


@pytest.fixture
def run(tmp_path):
    rng = np.random.default_rng(0)
    given = pd.DataFrame({"name": [f"r{row}" for row in range(200)], "size": rng.normal(size=200).round(3).astype(str)})
    given["code"] = np.where(np.arange(200) < 150, "007", rng.choice(["A1", "?"], 200))
    given["size"] = given["size"].where(rng.random(200) > 0.1, "")
    given.to_csv(tmp_path / "t.csv", index=False)
    frame = infer_types(pd.read_csv(tmp_path / "t.csv", dtype="str", keep_default_na=False))
    labels = (frame["size"].fillna(0) > 0).to_numpy(np.int64) ^ (frame["code"] == "A1").to_numpy()
    trained = train_trees(frame, labels, learn_from=["size", "code"], classes=CLASSES)
    save_model(tmp_path / "run" / "model", trained, trained.encoder, classes=CLASSES)
    data = {"path": str(tmp_path / "t.csv"), "label": "answer", "id": "name"}
    (tmp_path / "run" / "config.yaml").write_text(dump_config(parse_config({"name": "t", "data": data})))
    return tmp_path, frame, trained


@pytest.mark.parametrize("size", [300, 1 << 20])
def test_the_numbers_are_the_models_in_parts_too(run, monkeypatch, size):
    folder, frame, trained = run
    monkeypatch.setattr(new_rows, "PART_BYTES", size)
    predict_file(folder / "run", folder / "t.csv", folder / "p.csv")
    read = pd.read_csv(folder / "p.csv", dtype={"id": str})
    said = trained.predict(frame)
    assert list(read.columns) == ["id", "predicted", "confidence", "p_=no", "p_yes"]
    np.testing.assert_array_equal(read[["p_=no", "p_yes"]].to_numpy(), said)
    np.testing.assert_array_equal(read["confidence"].to_numpy(), said.max(axis=1))
    assert read["id"].tolist() == frame["name"].tolist()
    assert set(read["predicted"]) == {"'=no", "yes"}
    assert not list(folder.glob("*.part"))


def test_a_part_that_fails_leaves_no_file(run, monkeypatch):
    folder, *_ = run
    monkeypatch.setattr(new_rows, "PART_BYTES", 300)
    with (folder / "t.csv").open("a") as file:
        file.write("one,too,many,cells\n")
    with pytest.raises(InputError, match="line 202 has 4 cells"):
        predict_file(folder / "run", folder / "t.csv", folder / "p.csv")
    assert not list(folder.glob("p.csv*"))


def test_refuses(run):
    folder, frame, _ = run
    frame.rename(columns={"code": "kode"}).to_csv(folder / "other.csv", index=False)
    with pytest.raises(InputError, match=r"no column 'code'.*did you mean.*kode"):
        predict_file(folder / "run", folder / "other.csv", folder / "p.csv")
    with pytest.raises(InputError, match=r"t\.csv exists already"):
        predict_file(folder / "run", folder / "t.csv", folder / "t.csv")
    with pytest.raises(InputError, match="cannot write"):
        predict_file(folder / "run", folder / "t.csv", folder / "t.csv" / "p.csv")
    with pytest.raises(InputError, match="holds no model"):
        predict_file(folder, folder / "t.csv", folder / "p.csv")


def test_onnx_is_checked_on_the_rows_of_the_run(run):
    pytest.importorskip("onnxruntime")
    folder, *_ = run
    said = export_onnx(folder / "run", folder / "m.onnx")
    assert "on 200 rows of" in said and (folder / "m.onnx").is_file()
    with pytest.raises(InputError, match="exists already"):
        export_onnx(folder / "run", folder / "m.onnx")


def test_how_the_file_is_read_can_be_said_and_nothing_else(run):
    folder, frame, trained = run
    frame.to_csv(folder / "semi.csv", index=False, sep=";")
    with pytest.raises(InputError, match=r'semi\.csv.*set data\.delimiter: ";"'):
        predict_file(folder / "run", folder / "semi.csv", folder / "p.csv")
    predict_file(folder / "run", folder / "semi.csv", folder / "p.csv", ["data.delimiter=;", "data.id=code"])
    read = pd.read_csv(folder / "p.csv", dtype={"id": str})
    np.testing.assert_array_equal(read[["p_=no", "p_yes"]].to_numpy(), trained.predict(frame))
    assert read["id"].tolist() == frame["code"].tolist()
    with pytest.raises(InputError, match=r"--set train\.model: the model stays"):
        predict_file(folder / "run", folder / "t.csv", folder / "q.csv", ["train.model=mlp"])


def test_a_column_of_new_categories_is_said(run):
    folder, frame, _ = run
    assert predict_file(folder / "run", folder / "t.csv", folder / "p.csv") is None
    frame.assign(code="new").to_csv(folder / "new.csv", index=False)
    said = predict_file(folder / "run", folder / "new.csv", folder / "q.csv")
    assert "'code'" in said
    assert "200 of 200" in said


def test_what_is_wrong_with_the_columns_names_the_file(run):
    folder, frame, _ = run
    frame.assign(size="much").to_csv(folder / "words.csv", index=False)
    with pytest.raises(InputError, match=r"words\.csv: column 'size' held a number"):
        predict_file(folder / "run", folder / "words.csv", folder / "p.csv")
    (folder / "run" / "config.yaml").unlink()
    with pytest.raises(InputError, match=r"has lost its config\.yaml"):
        predict_file(folder / "run", folder / "t.csv", folder / "p.csv")
