from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from burnish.tasks.describe import DataGuess, config_text, describe_data
from burnish.tasks.examples import read_examples
from burnish.tasks.findings import InputError

KEYS = [
    "path", "label", "id", "source", "group", "image", "text", "features", "exclude", "embeddings", "probabilities",
    "human_error", "missing_labels", "delimiter", "encoding",
]  # fmt: skip
QUINTET = Path("/work/shared/data/quintet")


@pytest.fixture
def frame():
    n = 60
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "record_id": [f"r{place}" for place in range(n)],
            "age": rng.integers(18, 90, n),
            "sex": rng.choice(["f", "m"], n),
            "site": rng.choice(["north", "south"], n),
            "income": rng.choice(["low", "high"], n),
            "remark": [f"a remark that goes on for quite a while, number {place}" for place in range(n)],
        }
    )


def load(guess, name="x"):
    return yaml.safe_load(config_text(guess, name))


def test_a_table(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    guess = describe_data(tmp_path / "t.csv")
    assert (guess.kind, guess.label, guess.id, guess.source) == ("table", "income", "record_id", "site")
    assert (guess.text, guess.image, guess.delimiter, guess.encoding) == ("remark", None, None, None)
    assert guess.protected == ("age", "sex")
    assert "consider [age, sex]" in config_text(guess, "x")


def test_the_config_has_every_key_and_reads_the_data(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";", encoding="utf-16")
    config = load(describe_data(tmp_path / "t.csv"), name="my run: #1")
    assert list(config) == ["name", "data", "rounds", "seed"]
    assert list(config["data"]) == KEYS
    assert config["name"] == "my run: #1"
    assert config["data"]["encoding"] == "utf-16"
    config["data"].pop("human_error")
    examples = read_examples(config["data"].pop("path"), **config["data"])
    assert examples.classes == ("high", "low")


@pytest.mark.parametrize(
    ("sep", "suffix", "wanted"), [(",", "csv", None), ("\t", "tsv", None), ("|", "csv", "|"), ("\t", "csv", "\t")]
)
def test_delimiters(tmp_path, frame, sep, suffix, wanted):
    frame.to_csv(tmp_path / f"t.{suffix}", index=False, sep=sep)
    guess = describe_data(tmp_path / f"t.{suffix}")
    assert guess.delimiter == wanted
    assert load(guess)["data"]["delimiter"] == wanted


def test_parquet_and_jsonl(tmp_path, frame):
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.parquet", "t.jsonl"):
        assert describe_data(tmp_path / name).label == "income"


def test_the_path_can_be_put_another_way(tmp_path, frame):
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = yaml.safe_load(config_text(describe_data(tmp_path / "t.csv"), "x", "data/t.csv"))
    assert config["data"]["path"] == "data/t.csv"


def test_eight_bit_text(tmp_path, frame):
    frame.assign(site="süd").to_csv(tmp_path / "t.csv", index=False, encoding="latin-1")
    assert describe_data(tmp_path / "t.csv").encoding == "latin-1"


def test_no_label_is_left_open_with_candidates(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(60, 2)).round(4)
    pd.DataFrame(numbers, columns=["a", "b"]).assign(c=[f"c{place % 25}" for place in range(60)]).to_csv(
        tmp_path / "t.csv", index=False
    )
    guess = describe_data(tmp_path / "t.csv")
    assert guess.label is None
    assert "label: null" in config_text(guess, "x")
    assert "choose one of: c" in config_text(guess, "x")


def test_class_folders(tmp_path):
    for path in ("cat/1.png", "dog/1.png"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()
    (tmp_path / "examples.csv").write_text("a,b\n1,2\n")
    guess = describe_data(tmp_path)
    assert (guess.kind, guess.label) == ("images", None)
    assert any("examples.csv" in note for note in guess.notes)
    assert load(guess)["data"]["path"] == tmp_path.as_posix()


def test_a_folder_with_one_table(tmp_path, frame):
    frame.assign(file="a.png").to_csv(tmp_path / "t.csv", index=False)
    guess = describe_data(tmp_path)
    assert (guess.kind, guess.image, guess.path) == ("images", "file", tmp_path / "t.csv")
    with pytest.raises(InputError, match="does not exist"):
        describe_data(tmp_path / "none.csv")


def test_notes_on_missing_spellings_and_arrays(tmp_path):
    (tmp_path / "t.csv").write_text("x,label\n" + "1,a\n2,b\n3,?\n" * 5)
    (tmp_path / "embeddings.npy").touch()
    text = config_text(describe_data(tmp_path / "t.csv"), "x")
    assert "# 5 labels read '?'" in text
    assert "# embeddings.npy lies beside the table" in text


@pytest.mark.parametrize(
    "name", ["a\nrounds: 99", "a: b", "no", "1", "#x", "'", '"', "größe", "\x07", "a\u2028b", "{x}", "- a"]
)
def test_names_cannot_break_the_config(name):
    guess = DataGuess(
        "table",
        Path("a b/ü: #.csv"),
        label=name,
        columns=(name,),
        candidates=("z", name),
        protected=(name,),
        notes=(name,),
    )
    config = load(guess, name)
    assert config["data"]["label"] == name
    assert config["name"] == name
    assert config["data"]["path"] == "a b/ü: #.csv"
    assert config["rounds"] == 3
    assert list(config["data"]) == KEYS
    unguessed = DataGuess("table", Path("t.csv"), columns=(name,), candidates=(name,))
    assert load(unguessed)["data"]["label"] is None


@pytest.mark.skipif(not QUINTET.is_dir(), reason="the tables are not there")
@pytest.mark.parametrize("name", ["hospital_dirty", "beers_clean", "hospital_clean"])
def test_real_tables(name):
    config = load(describe_data(QUINTET / f"{name}.csv"))
    assert config["data"]["id"] is not None
    config["data"].pop("human_error")
    read_examples(config["data"].pop("path"), **config["data"])
