"""What is wrong with a configuration, in one sentence: the key, the value given, and what it must be.

Why: pydantic speaks of what its parser did ("unable to parse string as an integer"); who wrote the file wants to know
what to write. What a key must be is read off its declaration in `sections.py`, so that the two cannot disagree.

Known failure: of several mistakes only one is said; unknown keys come first, since they often explain the others.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from burnish.tasks.hints import closest

SHOWN = 60  # characters of the value given
FEW_KEYS = 6
COUNTS = {2: "two", 3: "three", 4: "four"}


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first thing that is wrong in one sentence, unknown keys before all else.

    Parameters
    ----------
    error : ValidationError
        As `model` raised it.
    model : type
        The declaration of the configuration.

    Examples
    --------
    >>> class Train(BaseModel):
    ...     epochs: Annotated[int, FieldInfo(ge=1)] = 5
    >>> try:
    ...     Train(epochs="many")
    ... except ValidationError as error:
    ...     print(first_problem(error, Train))
    epochs is 'many': it must be a whole number from 1
    """
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    place, wanted, about = _declared(model, problem["loc"])
    if problem["type"] == "extra_forbidden":
        return _unknown_key(model, [str(part) for part in problem["loc"]])
    key = ".".join(place)
    if problem["type"] == "missing" and isinstance(problem["loc"][-1], int):
        return f"{key} is missing: give {_described(*_declared(model, problem['loc'][:-1])[1:])}"
    if problem["type"] == "missing":
        return f"the key {key} is missing; add it"
    given = problem["input"]
    shown = "nothing" if given is None else _shown(given)
    if problem["type"] == "value_error":
        return f"{key} is {shown}; {problem['msg'].removeprefix('Value error, ')}"
    return f"{key} is {shown}: it must be {_described(wanted, about)}{_meant(given, wanted)}"


def _meant(given: Any, wanted: Any) -> str:
    """Say what the value given stands for, where that is plain: a choice misspelt, or one item of a list."""
    near = closest(given, _choices(wanted)) if isinstance(given, str) else []
    if near:
        return f"; did you mean {near[0]}?"
    if isinstance(given, str) and given and get_origin(_bare(wanted)[0]) is list:
        return f"; for one, write [{given}]"
    return ""


def _shown(given: Any) -> str:
    text = str(given).lower() if isinstance(given, bool) else repr(given)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _unknown_key(model: type[BaseModel], place: list[str]) -> str:
    """Say that a key is not known, and which is meant: one that is spelt alike here, or the same in another section."""
    here = _section(model, place[:-1])
    known = [] if here is None else _keys(here)
    near = closest(place[-1], known)
    elsewhere = [name for name, section in _sections(model) if place[-1] in _keys(section)]
    if near:
        hint = f"did you mean {near[0]}?"
    elif elsewhere:
        hint = f"did you mean {elsewhere[0]}.{place[-1]}?"
    else:
        hint = f"known keys here: {', '.join(known)}"
    return f"unknown key {'.'.join(place)}; {hint}"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _sections(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        section = _as_model(field.annotation)
        if section is not None:
            yield field.alias or name, section


def _section(model: type[BaseModel] | None, place: Sequence[str]) -> type[BaseModel] | None:
    for part in place:
        field = None if model is None else _field(model, part)
        model = None if field is None else _as_model(field.annotation)
    return model


def _field(model: type[BaseModel], key: Any) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if key in (name, field.alias)), None)


def _as_model(wanted: Any) -> type[BaseModel] | None:
    candidates = [wanted, *get_args(wanted)]
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _declared(model: type[BaseModel], loc: Sequence[Any]) -> tuple[list[str], Any, list[Any]]:
    """Follow a place as far as it names keys and items, and give what is declared there: its type and its bounds.

    Beyond that pydantic names the type that it tried last.
    """
    place: list[str] = []
    wanted: Any = model
    about: list[Any] = []
    for part in loc:
        section = _as_model(wanted)
        field = None if section is None else _field(section, part)
        if field is not None:
            wanted, about = field.annotation, [*field.metadata, field]
        elif isinstance(part, int) or _is_mapping(wanted):
            item = [each for each in get_args(_bare(wanted)[0]) if each is not Ellipsis]
            wanted, about = (item[-1] if item else Any), []
        else:
            break
        place.append(str(part))
    return place, wanted, about


def _is_mapping(wanted: Any) -> bool:
    return any(get_origin(each) is dict for each in _bare(wanted))


def _bare(wanted: Any) -> list[Any]:
    """Give the types of a union, without None."""
    members = get_args(wanted) if get_origin(wanted) in (Union, types.UnionType) else (wanted,)
    return [each for each in members if each is not type(None)]


def _choices(wanted: Any) -> list[str]:
    return [str(each) for member in _bare(wanted) if get_origin(member) is Literal for each in get_args(member)]


def _described(wanted: Any, about: Sequence[Any]) -> str:
    """Say what is wanted, e.g. "a whole number from 2 to 50"."""
    return " or ".join(dict.fromkeys(_one(member, about) for member in _bare(wanted)))


def _one(wanted: Any, about: Sequence[Any]) -> str:
    origin, arguments = get_origin(wanted), get_args(wanted)
    section = _as_model(wanted)
    if origin is Annotated:
        bounds = [bound for each in arguments[1:] for bound in getattr(each, "metadata", [each])]
        return _one(arguments[0], [*bounds, *about])
    if origin is Literal:
        return f"one of {', '.join(str(each) for each in arguments)}"
    if origin is list and arguments[0] is str:
        return "a list of texts like [a, b]"
    if origin is list:
        return f"a list, each of it {_described(arguments[0], ())}"
    if origin is tuple and Ellipsis not in arguments:
        return f"a list of {COUNTS.get(len(arguments), len(arguments))}, each of it {_described(arguments[0], ())}"
    if origin is tuple:
        return f"a list, each of it {_described(arguments[0], ())}"
    if origin is dict:
        return f"keys and values like {{income: 2}}, each value {_described(arguments[1], ())}"
    if section is not None:
        keys = _keys(section)
        return f"a section with keys of its own: {', '.join(keys[:FEW_KEYS])}{', …' if len(keys) > FEW_KEYS else ''}"
    return _plain(wanted, about)


def _plain(wanted: Any, about: Sequence[Any]) -> str:
    pattern = any(getattr(each, "pattern", None) for each in about)
    described = next((each.description for each in about if isinstance(each, FieldInfo) and each.description), "")
    if pattern and described:
        return f"text of this form: {described}"
    if wanted is bool:
        return "true or false"
    if wanted in (int, float):
        return f"{'a whole number' if wanted is int else 'a number'}{_bounds(about)}"
    if wanted is Path:
        return "a path: text, in quotes where it looks like a number"
    return "text (in quotes where it looks like a number)"


def _bounds(about: Sequence[Any]) -> str:
    words = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}
    found = {key: getattr(each, key) for each in about for key in words if getattr(each, key, None) is not None}
    said = [words[key].format(f"{found[key]:,g}" if isinstance(found[key], float) else f"{found[key]:,}")
            for key in words if key in found]  # fmt: skip
    if "le" in found and "ge" not in found:
        said[-1] = said[-1].replace("to ", "up to ")
    return f" {' and '.join(said)}".replace(" and to ", " to ") if said else ""
