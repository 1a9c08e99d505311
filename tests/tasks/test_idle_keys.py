import pytest

from burnish.flows.config import Config
from burnish.tasks.idle_keys import NEEDS, idle_keys

EVERYTHING = dict.fromkeys(NEEDS, True)


def test_every_key_is_one_of_the_configuration() -> None:
    sections = {(field.alias or name): field for name, field in Config.model_fields.items()}
    for keys, _ in NEEDS.values():
        for key in keys:
            section, name = key.split(".")
            assert name in sections[section].annotation.model_fields, key


@pytest.mark.parametrize("need", NEEDS)
def test_says_what_has_nothing_to_act_on(need: str) -> None:
    turned: dict[str, dict[str, object]] = {}
    for key in NEEDS[need][0]:
        section, name = key.split(".")
        turned.setdefault(section, {})[name] = object()
    assert not idle_keys(turned, EVERYTHING)
    (said,) = idle_keys(turned, EVERYTHING | {need: False})
    assert said.count == len(NEEDS[need][0]) and all(key in said.title for key in NEEDS[need][0])


def test_says_nothing_of_what_was_left_alone() -> None:
    assert not idle_keys({"train": {"model": "mlp"}}, dict.fromkeys(NEEDS, False))
