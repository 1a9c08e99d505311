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
        (MINIMAL + "train: {epochs: 0}\n", "train.epochs is 0"),
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
        (MINIMAL + "train: {learning_rate: .nan}\n", "train.learning_rate is nan"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_config(write(tmp_path, text))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


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


def test_every_knob_says_what_it_does() -> None:
    for name, section in Config.model_fields.items():
        fields = getattr(section.annotation, "model_fields", {name: section})
        for key, field in fields.items():
            assert field.description, f"{name}.{key} has no description"
