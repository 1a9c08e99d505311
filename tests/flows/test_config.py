from pathlib import Path

import pytest
import yaml

from burnish.flows.config import Config, dump_config, load_config, parse_config
from burnish.tasks.findings import InputError

MINIMAL = "data: {path: wine.csv, label: kind}\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "wine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_path_and_label_are_enough(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL))
    assert config.name == "wine"
    assert config.data.path == tmp_path / "wine.csv"
    assert (config.rounds, config.seed, config.split.train_dev) == (3, 0, 0.05)


def test_overrides_turn_one_knob_each(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    plain, turned = load_config(path), load_config(path, ["train.epochs=7", "data.exclude=[sex]", "seed=5"])
    assert (turned.train.epochs, turned.data.exclude, turned.seed) == (7, ["sex"], 5)
    back = {"train": plain.train, "data": plain.data, "seed": plain.seed}
    assert turned.model_copy(update=back) == plain


def test_the_resolved_configuration_reads_back_the_same(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, MINIMAL + "split: {ratios: [0.5, 0.25, 0.25]}\n"))
    assert parse_config(yaml.safe_load(dump_config(config))) == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data: {path: a.csv, labell: y}\n", "unknown key data.labell; did you mean label?"),
        (MINIMAL + "trian: {}\n", "unknown key trian; did you mean train?"),
        (MINIMAL + "train: {epochs: many}\n", "train.epochs is 'many'"),
        (MINIMAL + "train: {epochs: 0}\n", "train.epochs is 0: it must be a whole number from 1"),
        (MINIMAL + "train: 5\n", "train is 5"),
        ("rounds: 2\n", "the key data is missing"),
        (MINIMAL + "x: !!python/object/apply:os.system [id]\n", "not valid YAML"),
        ("data: {path: a.csv\n", "not valid YAML"),
        (MINIMAL + "seed: 1\nseed: 2\n", "the key 'seed' stands twice"),
        ("- a\n- b\n", "holds no keys"),
        ("", "holds no keys"),
        (MINIMAL + "name: a/b\n", "name is 'a/b'"),
        (MINIMAL + "split: {ratios: [0.5, 0.5, 0.5]}\n", "must sum to 1, these sum to 1.5"),
        (MINIMAL + "split: {ratios: []}\n", "give three shares"),
        (MINIMAL + "split: {ratios: [1.2, -0.1, -0.1]}\n", "split.ratios.0 is 1.2"),
        (MINIMAL + "split: {halfwidth: 0.01}\n", "did you mean test_halfwidth"),
        (MINIMAL + "split: {target: phone}\n", "write it as {source: …}"),
        (MINIMAL + "train: {device: gpu}\n", "train.device is 'gpu'"),
        (MINIMAL + "train: {learning_rate: .nan}\n", "train.learning_rate is nan: it must be a number above 0"),
        (
            MINIMAL + "train: {model: mpl}\n",
            "train.model is 'mpl': it must be one of auto, linear, mlp, boosting, cnn; did you mean mlp?",
        ),
        (MINIMAL + "train: {dropout: 1}\n", "it must be a number from 0 and below 1"),
        (MINIMAL + "train: {hidden: 5}\n", "train.hidden is 5: it must be a list, each of it a whole number from 1"),
        (MINIMAL + "weights: {quality: maybe}\n", "it must be true or false"),
        (MINIMAL + "rounds: true\n", "rounds is true: it must be a whole number from 1 to 100"),
        (MINIMAL + "epochs: 3\n", "unknown key epochs; did you mean train.epochs?"),
        (MINIMAL + "winsorize: 3\n", "unknown key winsorize; known keys here: name, data"),
        (MINIMAL + "split: {ratios: 0.6}\n", "it must be a list of three, each of it a number from 0 to 1"),
        (MINIMAL + "split: {stratify: sex}\n", "it must be a list of texts like [a, b]; for one, write [sex]"),
        (MINIMAL + "split: {target: {source: 5}}\n", "split.target.source is 5: it must be text"),
        (MINIMAL + "features: {weights: {a: -1}}\n", "features.weights.a is -1: it must be a number from 0 to 1,000"),
        (MINIMAL + "features: {leave_out: [blury]}\n", "features.leave_out.0 is 'blury'"),
        (MINIMAL + "augment: {recipe: {blur: [2, 1]}}\n", "augment.recipe.blur"),
        (MINIMAL + "augment: {recipe: {jpeg: [0, 50]}}\n", "both must be from 1 to 100"),
        (MINIMAL + "augment: {recipe: {rotate: 3}}\n", "unknown key augment.recipe.rotate; known keys here: blur"),
        (MINIMAL + "outliers: null\n", "outliers is nothing: it must be a section with keys of its own: method, rule"),
        ("data: {path: [a], label: kind}\n", "data.path is ['a']: it must be a path"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_config(write(tmp_path, text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


WRONG = ["many", -1, 1e9, True, [], [{}], {}, {"x": []}, None, float("nan"), [True], 0.5, "2020-13-45"]


@pytest.mark.parametrize("section", [name for name, field in Config.model_fields.items() if name != "data"])
def test_no_mistake_is_told_in_the_words_of_the_parser(section: str) -> None:
    field = Config.model_fields[section]
    keys = getattr(field.annotation, "model_fields", None)
    for wrong in WRONG:
        for key in keys or [""]:
            given = {key: wrong} if key else wrong
            try:
                parse_config({"data": {"path": "a.csv"}, field.alias or section: given})
            except InputError as error:
                said = str(error).partition(": ")[2]
                assert said.startswith((f"{field.alias or section}", "unknown key", "the key")), said
                assert not any(word in said.lower() for word in ("input should", "valid ", "parse", "nonetype")), said


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    with pytest.raises(InputError, match=r"did you mean .*wine\.yaml"):
        load_config(tmp_path / "wines.yaml")


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="burnish init"):
        load_config(tmp_path)


@pytest.mark.parametrize("override", ["epochs", "=3", "train..epochs=3", "train.epochs=[1"])
def test_an_override_that_is_none_is_refused(tmp_path: Path, override: str) -> None:
    with pytest.raises(InputError, match="--set"):
        load_config(write(tmp_path, MINIMAL), [override])


def test_a_fault_is_laid_to_the_override_that_brings_it(tmp_path: Path) -> None:
    fine, wrong = "rounds=2", "split.ratios=[0.5, 0.2, 0.2]"
    with pytest.raises(InputError) as raised:
        load_config(write(tmp_path, MINIMAL), [fine, wrong])
    assert str(raised.value).startswith(f"--set {wrong}: split.ratios is")
    with pytest.raises(InputError) as raised:
        load_config(path := write(tmp_path, MINIMAL + "rounds: 0\n"), ["seed=1"])
    assert str(raised.value).startswith(f"{path}: rounds is 0")


def test_every_knob_says_what_it_does() -> None:
    for name, section in Config.model_fields.items():
        fields = getattr(section.annotation, "model_fields", {name: section})
        for key, field in fields.items():
            assert field.description, f"{name}.{key} has no description"
