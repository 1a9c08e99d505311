"""A suite of expectations as a file that people read and edit, YAML or JSON.

Why: the contract on the data is the user's, so it is a file of theirs: plain values, one expectation after the other,
in Great Expectations' own form. What an editor makes of it is read as it looks (`plain_yaml.py`).

Known failure: comments that were added to a suite are lost where Burnish writes it again (`validation/suite.json`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from burnish.tasks.findings import InputError
from burnish.tasks.hints import closest, did_you_mean
from burnish.tasks.plain_yaml import read_plain_yaml

Suite = dict[str, Any]

ENDINGS = (".yaml", ".yml", ".json")
SEVERITIES = ("critical", "warning", "info")
KEYS = ("name", "meta", "expectations", "id", "notes", "suite_parameters")  # as Great Expectations writes them, too
KEYS_OF_ONE = (
    "type",
    "kwargs",
    "severity",
    "meta",
    "id",
    "notes",
    "description",
    "rendered_content",
    "success_on_last_run",
)
OWN_META = ("max_age_days", "about")

_HEADER = """\
# The contract on the data: what a batch must keep to before anything is learnt from it. Edit it freely.
#   severity  critical stops a run; warning and info are reported
#   mostly    the share of the values that must comply; without it, all of them
#   notes     what was seen when this was learnt
#   id, label (under the first meta)  the columns that hold ids and labels
#   max_age_days  so many days old the newest date may be when the batch is checked; null: min_value stands as it is
# Any expectation of Great Expectations 1.x may be added under its snake_case name, or taken out.
# It is enforced where the configuration says: validate: {suite: this file}
"""

_SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):  # type: ignore[misc]
    """Every value written out where it stands: an entry may be deleted without breaking another one."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def save_suite(suite: Suite, path: str | Path) -> Path:
    """Write a suite as YAML or JSON, as the ending of the path says.

    Raises
    ------
    InputError
        The ending is another, or the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"suite {path}: let its name end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}.")
    if path.suffix.lower() == ".json":
        text = json.dumps(suite, indent=1, ensure_ascii=False) + "\n"
    else:
        text = _HEADER + yaml.dump(suite, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise InputError(f"suite {path} cannot be written ({fault.strerror}): name another file.") from None
    return path


def load_suite(path: str | Path) -> Suite:
    """Read a suite from YAML or JSON.

    Raises
    ------
    InputError
        The file is not there, cannot be parsed, or holds no suite.
    """
    path = Path(path)
    is_json = path.suffix.lower() == ".json"
    try:
        text = path.read_text(encoding="utf-8-sig")
        suite = json.loads(text, object_pairs_hook=_once) if is_json else read_plain_yaml(text)
    except OSError as fault:
        raise InputError(f"suite {path} cannot be read ({fault.strerror}): check validate.suite.") from None
    except UnicodeDecodeError:
        raise InputError(f"suite {path} is not UTF-8 text: save it as UTF-8.") from None
    except RecursionError:
        raise InputError(f"suite {path} is nested too deeply to be a suite.") from None
    except json.JSONDecodeError as fault:
        raise InputError(f"suite {path} is broken JSON at line {fault.lineno}: {fault.msg}.") from None
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise InputError(f"suite {path} is broken YAML{where}: {getattr(fault, 'problem', None) or fault}.") from None
    except (ValueError, TypeError) as fault:
        raise InputError(f"suite {path} holds a value that cannot be read: {fault}.") from None
    check_form(suite, str(path))
    return suite | {"expectations": [_with_texts(each) for each in suite["expectations"]]}


def _with_texts(each: Suite) -> Suite:
    """Make texts of what stands among texts in a set: `5` beside `5a`, written without quotes."""
    values = each.get("kwargs", {}).get("value_set")
    if not isinstance(values, list) or len({isinstance(value, str) for value in values}) < 2:
        return each
    texts = [value if isinstance(value, str | None) else json.dumps(value, ensure_ascii=False) for value in values]
    return each | {"kwargs": each["kwargs"] | {"value_set": texts}}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"the key {twice[0]!r} stands twice")
    return dict(pairs)


def check_form(suite: Any, where: str) -> None:
    """Raise InputError unless `suite` has the form of a suite, and no key that would be passed over in silence."""
    if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
        raise InputError(
            f"{where} holds no suite: it needs a list under the key 'expectations'{_instead(suite, 'expectations')}."
        )
    _refuse_unknown(suite, KEYS, where)
    for number, each in enumerate(suite["expectations"], start=1):
        named = f"expectation {number} of {where}"
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            raise InputError(f"{named} has no 'type', e.g. type: expect_column_to_exist{_instead(each, 'type')}.")
        if not isinstance(each.get("kwargs", {}), dict):
            raise InputError(f"{named} has 'kwargs' that are not keys and values.")
        if not isinstance(each.get("meta") or {}, dict):
            raise InputError(f"{named} has a 'meta' that is not keys and values.")
        _refuse_unknown(each, KEYS_OF_ONE, named)
        if each.get("severity", "critical") not in SEVERITIES:
            raise InputError(f"{named} has severity {each['severity']!r}: use critical, warning or info.")
        for key in each.get("meta") or {}:
            if str(key) not in OWN_META and closest(key, OWN_META):
                _refuse_unknown({key: None}, OWN_META, f"'meta' of {named}")


def _refuse_unknown(given: Suite, known: Sequence[str], where: str) -> None:
    for key in given:
        if key not in known:
            hint = did_you_mean(key, known, f"known are {', '.join(known)}.")
            raise InputError(f"{where} has the key {key!r}, which means nothing: {hint}")


def _instead(given: Any, key: str) -> str:
    """Name the key that was probably meant to be this one."""
    names = [str(name) for name in given] if isinstance(given, dict) else []
    close = closest(key, names) or [name for name in names if name.startswith("expect")][:1]
    return f"; it has the key {close[0]!r} instead" if close else ""
