"""The demo recipes: complete, deterministic, with the planted faults in the promised shares."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

DATA = Path(__file__).parents[2] / "data"


def load_recipe(name):
    spec = importlib.util.spec_from_file_location(f"{name}_recipe", DATA / name / "recipe.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def digits():
    return load_recipe("digits")


@pytest.fixture(scope="module")
def digits_made(digits, tmp_path_factory):
    made = tmp_path_factory.mktemp("digits") / "made"
    digits.write(made)
    return made


@pytest.fixture(scope="module")
def cancer():
    return load_recipe("cancer")


@pytest.fixture
def digits_facts(digits_made):
    table = pd.read_csv(digits_made / "examples.csv", dtype=str)
    truth = pd.read_csv(digits_made / "truth.csv", dtype=str, keep_default_na=False)
    return table.merge(truth, on=["id", "image"], validate="one_to_one")


def test_digits_table_names_every_picture_in_its_label_folder(digits_made):
    table = pd.read_csv(digits_made / "examples.csv", dtype=str)
    assert list(table.columns) == ["id", "image", "label", "source"]
    files = {str(path.relative_to(digits_made)) for path in digits_made.rglob("*.png")}
    assert set(table["image"]) == files
    assert (table["image"].str.split("/").str[1] == table["label"]).all()
    with Image.open(digits_made / table["image"][0]) as picture:
        assert picture.size == (32, 32)
        assert picture.mode == "L"


def test_digits_faults_come_in_the_promised_shares(digits_facts):
    planted = digits_facts["planted"].value_counts()
    assert planted["blank"] == 12
    assert planted["duplicate"] == 20
    assert planted["mislabel"] == 144  # 8% of 1,797
    copied = digits_facts[digits_facts["planted"] == "duplicate"]
    assert (copied["label"] != copied["true_label"]).sum() == 6
    assert (digits_facts["source"] == "phone").mean() == pytest.approx(0.2, abs=0.03)


def test_digits_are_flipped_to_their_look_alike_and_nothing_else_is(digits, digits_facts):
    whole = digits_facts[digits_facts["planted"].isin(["none", "mislabel"])]
    wrong = whole["label"] != whole["true_label"]
    assert (wrong == (whole["planted"] == "mislabel")).all()
    flipped = whole[wrong]
    assert (flipped["true_label"].astype(int).map(digits.LOOK_ALIKE).astype(str) == flipped["label"]).all()


def test_ids_say_nothing_about_the_true_label(digits_facts):
    whole = digits_facts[digits_facts["true_label"] != ""]
    number = whole["id"].str.removeprefix("digit-").astype(int)
    assert abs(np.corrcoef(number, whole["true_label"].astype(int))[0, 1]) < 0.1
    last_digit = pd.crosstab(number % 10, whole["true_label"], normalize="index")
    assert last_digit.to_numpy().max() < 0.2


def test_digits_are_made_the_same_twice_and_not_again(digits, digits_made, tmp_path):
    digits.write(tmp_path / "again")
    for path in sorted(digits_made.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(digits_made)).read_bytes()
    before = (digits_made / "examples.csv").stat().st_mtime_ns
    digits.write(digits_made)
    assert (digits_made / "examples.csv").stat().st_mtime_ns == before


def test_a_missing_picture_is_made_again(digits, tmp_path):
    digits.write(tmp_path)
    victim = next(tmp_path.rglob("*.png"))
    victim.unlink()
    digits.write(tmp_path)
    assert victim.is_file()


def test_cancer_faults(cancer):
    table, truth = cancer.make()
    assert (table["id"] == truth["id"]).all()
    assert ((table["diagnosis"] != truth["true_label"]) == truth["planted"].isin(["mislabel", "both"])).all()
    assert truth["planted"].isin(["mislabel", "both"]).sum() == round(0.05 * 569)
    assert (truth["outlier_columns"] != "").sum() == cancer.OUTLIER_ROWS
    assert 0.01 < table["mean_texture"].isna().mean() < 0.06
    assert (table["size_grade"] == "?").any()


def test_cancer_is_made_the_same_twice(cancer, tmp_path):
    cancer.write(tmp_path / "a")
    cancer.write(tmp_path / "b")
    for name in ("cancer.csv", "truth.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("config", sorted(DATA.glob("*/*.yaml")), ids=lambda path: path.stem)
def test_configs_point_into_made_and_carry_their_own_name(config):
    settings = yaml.safe_load(config.read_text())
    assert settings["name"] == config.stem
    assert settings["data"]["path"].startswith("made/")
