"""The configuration: a YAML file, read into models whose sections are the stages and whose keys are their knobs.

The sections are in `sections.py`. Unknown keys are refused with the nearest known one; so are YAML tags. Paths are
relative to the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from burnish.flows.config_errors import first_problem
from burnish.flows.sections import (
    Augment,
    Cells,
    Data,
    Features,
    Mislabels,
    Outliers,
    Report,
    Search,
    Section,
    Split,
    Train,
    Validate,
    Weights,
)
from burnish.tasks.findings import InputError
from burnish.tasks.hints import closest


class Config(Section):
    """The whole configuration of a run."""

    name: str = Field("", pattern=r"^[^/\\\x00-\x1f]*$", description="names the folder under reports/; no slashes")
    data: Data
    validate_: Validate = Field(Validate(), alias="validate")
    split: Split = Split()
    cells: Cells = Cells()
    outliers: Outliers = Outliers()
    features: Features = Features()
    mislabels: Mislabels = Mislabels()
    augment: Augment = Augment()
    weights: Weights = Weights()
    train: Train = Train()
    search: Search = Search()
    report: Report = Report()
    rounds: int = Field(3, ge=1, le=100, description="rounds of cleaning and retraining at most")
    seed: int = Field(0, ge=0, lt=2**31, description="the same seed gives the same run")

    @field_validator("name")
    @classmethod
    def _no_dots(cls, name: str) -> str:
        if name in {".", ".."}:
            raise ValueError("is not a folder name")
        return name


class _PlainLoader(yaml.SafeLoader):
    """YAML's plain values alone; a key given twice is an error, where YAML would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for key in keys if keys.count(key) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def _plain_values(text: str) -> Any:
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def load_config(path: Path, overrides: list[str] | None = None) -> Config:
    """Read a configuration file and apply `a.b=c` overrides.

    Paths under `data`, `validate` and `split` are made absolute, relative to the file's folder.

    Raises
    ------
    InputError
        File missing, not YAML, unknown key, wrong type.
    """
    raw = _read_yaml(path)
    config = parse_config(_overridden(raw, overrides or []), where=_blamed(raw, overrides or [], path))
    return _with_absolute_paths(config, path.resolve().parent, default_name=path.stem)


def parse_config(raw: dict[str, Any], where: str = "the configuration") -> Config:
    """Turn plain values into a `Config`; see `load_config` for what it raises."""
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise InputError(f"{where}: {first_problem(error, Config)}") from None
    if problem := _frozen(config):
        raise InputError(f"{where}: train.unfreeze is {config.train.unfreeze}, and {problem}, or train.unfreeze to 0")
    if config.features.backbone_weights is not None and config.features.encoder != "pretrained":
        raise InputError(
            f"{where}: features.backbone_weights is {config.features.backbone_weights}, and features.encoder is "
            f"{config.features.encoder}, which reads no such file: set it to pretrained, or leave backbone_weights out"
        )
    return config


def _frozen(config: Config) -> str:
    """Say what keeps `train.unfreeze` from doing anything, empty where nothing does or it was not asked for."""
    if not config.train.unfreeze:
        return ""
    if config.features.encoder != "pretrained":
        return f"features.encoder is {config.features.encoder}, which has nothing to unfreeze: set it to pretrained"
    if config.train.model in ("cnn", "boosting"):
        return f"train.model is {config.train.model}, which reads no pretrained network: set it to auto, linear or mlp"
    return ""


def dump_config(config: Config) -> str:
    """Write the resolved configuration as YAML."""
    plain = json.loads(config.model_dump_json(by_alias=True))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _read_yaml(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a configuration; write one with: burnish init {path}")
    if not path.exists():
        near = closest(path.name, sorted(p.name for p in path.parent.glob("*.y*ml")))
        hint = f"did you mean {path.parent / near[0]}?" if near else "write one with: burnish init DATA"
        raise InputError(f"no configuration at {path}; {hint}")
    try:
        raw = _plain_values(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; a configuration is a YAML file: see burnish init --help") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a configuration") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise InputError(
            f"{path}{line}: not valid YAML ({getattr(error, 'problem', error)}); correct that line"
        ) from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: a value cannot be read ({error}); correct it or put it in quotes") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path} holds no keys; a configuration needs at least data: {{path: …, label: …}}")
    return raw


def _overridden(raw: dict[str, Any], overrides: list[str]) -> dict[str, Any]:
    values = dict(raw)
    for override in overrides:
        _override(values, override)
    return values


def _blamed(raw: dict[str, Any], overrides: list[str], path: Path) -> str:
    """Name where a fault comes from: the one override without which there is none, else the file."""
    if _is_valid(_overridden(raw, overrides)):
        return str(path)
    for place, override in enumerate(overrides):
        if _is_valid(_overridden(raw, [*overrides[:place], *overrides[place + 1 :]])):
            return f"--set {override}"
    return str(path)


def _is_valid(raw: dict[str, Any]) -> bool:
    try:
        Config.model_validate(raw)
    except ValidationError:
        return False
    return True


def _override(raw: dict[str, Any], override: str) -> None:
    keys, equals, text = override.partition("=")
    if not equals or not all(keys.split(".")):
        raise InputError(f"--set {override}: write it as section.key=value, e.g. --set train.epochs=20")
    try:
        value = _plain_values(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise InputError(f"--set {override}: {text!r} is not a YAML value; put quotes around text") from None
    *sections, last = keys.split(".")
    for section in sections:
        child = raw.get(section)
        raw[section] = raw = dict(child) if isinstance(child, dict) else {}
    raw[last] = value


def _with_absolute_paths(config: Config, folder: Path, default_name: str) -> Config:
    def absolute(path: Path | None) -> Path | None:
        try:
            return None if path is None else folder / path.expanduser()
        except RuntimeError:
            raise InputError(f"{path}: there is no such user; write the folder out") from None

    data = config.data.model_copy(
        update={key: absolute(getattr(config.data, key)) for key in ("path", "embeddings", "probabilities")}
    )
    validate = config.validate_.model_copy(update={"suite": absolute(config.validate_.suite)})
    split = config.split.model_copy(update={"earlier": absolute(config.split.earlier)})
    features = config.features.model_copy(update={"backbone_weights": absolute(config.features.backbone_weights)})
    sections = {"data": data, "validate_": validate, "split": split, "features": features}
    return config.model_copy(update={**sections, "name": config.name or default_name})
