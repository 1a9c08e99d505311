"""YAML that people write and whose values are compared with data, read as it looks: plain values alone.

Why: `no` is a word, `01230` a postcode and `2024-05-01` a date to compare with, not what YAML 1.1 would turn them into.
A key given twice is an error, where YAML would keep the last in silence; so is every tag, which may name code to run.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map", "merge")}
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _PlainLoader(_Loader):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        if node.tag not in _TAGS:
            raise yaml.constructor.ConstructorError(None, None, f"the tag {node.tag!r} is refused", node.start_mark)
        return super().construct_object(node, deep)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len(set(map(str, keys))) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(None, None, f"the key {twice!r} stands twice", node.start_mark)
        return dict(super().construct_mapping(node, deep))


for _tag, _form, _first in (  # a subset of what the writer puts in quotes, so that texts come back as texts
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?|[-+]?\.inf|\.nan", "-+0123456789."),
    ("merge", r"<<", "<"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), list(_first))


def read_plain_yaml(text: str) -> Any:
    """Give the one document of a text; a tag, a doubled key or broken YAML raises `yaml.YAMLError`.

    >>> read_plain_yaml("{zip: 01230, ok: no, share: 0.5}")
    {'zip': '01230', 'ok': 'no', 'share': 0.5}
    """
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
