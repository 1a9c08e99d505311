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


def with_cells(frame, cells):
    """Put cells in place of the first numbers."""
    size = frame["size"].astype("str").fillna("")
    return frame.assign(size=[*cells, *size[len(cells) :]])


@pytest.mark.parametrize("rows", [1, 10, 30, 200])
@pytest.mark.parametrize("size", [300, 1 << 20])
def test_a_cell_that_cannot_be_read_is_said_whatever_is_beside_it(run, monkeypatch, rows, size):
    monkeypatch.setattr(new_rows, "PART_BYTES", size)
    folder, frame, trained = run
    with_cells(frame, ["n.a. (refused)"])[:rows].to_csv(folder / "one.csv", index=False)
    said = predict_file(folder / "run", folder / "one.csv", folder / "p.csv")
    there = 1 + int(frame["size"][1:rows].notna().sum())
    assert said == f"cells that cannot be read count as missing: 1 of {there} in 'size' ('n.a. (refused)')"
    missing = frame.assign(size=frame["size"].mask(frame.index == 0))[:rows]
    read = pd.read_csv(folder / "p.csv")
    np.testing.assert_array_equal(read[["p_=no", "p_yes"]].to_numpy(), trained.predict(missing))


@pytest.mark.parametrize("size", [300, 1 << 20])
def test_a_column_most_of_whose_cells_cannot_be_read_is_refused(run, monkeypatch, size):
    monkeypatch.setattr(new_rows, "PART_BYTES", size)
    folder, frame, _ = run
    there = frame[frame["size"].notna()][:100].reset_index(drop=True)
    for count, refused in [(10, False), (50, False), (51, True), (100, True)]:
        with_cells(there, [f"1,{place}" for place in range(count)]).to_csv(folder / "n.csv", index=False)
        (folder / "p.csv").unlink(missing_ok=True)
        if not refused:
            assert f"{count} of 100 in 'size'" in predict_file(folder / "run", folder / "n.csv", folder / "p.csv")
            continue
        with pytest.raises(InputError, match=rf"n\.csv: column 'size' held.*{count} of 100 cells.*\('1,0', '1,1'\)"):
            predict_file(folder / "run", folder / "n.csv", folder / "p.csv")
        assert not list(folder.glob("p.csv*"))


def test_what_is_to_be_said_is_said_together(run):
    folder, frame, _ = run
    frame.assign(size="", code="new").to_csv(folder / "e.csv", index=False)
    empty, strange = predict_file(folder / "run", folder / "e.csv", folder / "p.csv").split("\n")
    assert empty == "'size' is empty throughout"
    assert "'code'" in strange
    frame[:1].assign(size="").to_csv(folder / "e.csv", index=False)
    assert predict_file(folder / "run", folder / "e.csv", folder / "q.csv") is None


@pytest.mark.parametrize("edited, word", [("image", "code"), ("embeddings", "e.npy")])
def test_a_configuration_of_another_model_is_refused(run, edited, word):
    folder, *_ = run
    written = folder / "run" / "config.yaml"
    written.write_text(written.read_text().replace(f"{edited}: null", f"{edited}: {word}"))
    with pytest.raises(InputError, match=rf"config\.yaml names data\.{edited}, and this model reads the columns"):
        predict_file(folder / "run", folder / "t.csv", folder / "p.csv")


def test_onnx_is_not_checked_on_rows_that_do_not_fit(run):
    folder, frame, _ = run
    frame.assign(size="much").to_csv(folder / "words.csv", index=False)
    with pytest.raises(InputError, match=r"words\.csv: column 'size' held numbers"):
        export_onnx(folder / "run", folder / "m.onnx", folder / "words.csv")
    assert not (folder / "m.onnx").exists()


def test_what_is_wrong_with_the_columns_names_the_file(run):
    folder, frame, _ = run
    frame.assign(size="much").to_csv(folder / "words.csv", index=False)
    with pytest.raises(InputError, match=r"words\.csv: column 'size' held numbers.*200 of 200 cells"):
        predict_file(folder / "run", folder / "words.csv", folder / "p.csv")
    (folder / "run" / "config.yaml").unlink()
    with pytest.raises(InputError, match=r"has lost its config\.yaml"):
        predict_file(folder / "run", folder / "t.csv", folder / "p.csv")
