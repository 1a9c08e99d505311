import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.findings import InputError
from burnish.tasks.suite_files import load_suite, save_suite

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    [
        "no",
        "yes",
        "on",
        "null",
        "~",
        "01230",
        "1e5",
        "1.5",
        "12:30",
        "2024-05-01",
        "0x1f",
        "true",
        "<<",
        "=",
        "- a",
        "#b",
    ]
)
VALUES = (
    TEXTS | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.booleans()
)


def suite_of(**kwargs):
    return {"expectations": [{"type": "expect_column_values_to_be_in_set", "kwargs": kwargs}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("suites")


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(TEXTS), bound=VALUES, name=TEXTS, ending=st.sampled_from(["yaml", "yml", "json"]))
def test_what_is_written_is_read(folder, texts, bound, name, ending):
    suite = suite_of(column=name, value_set=texts, min_value=bound)
    assert load_suite(save_suite(suite, folder / f"s.{ending}")) == suite


def written(folder, text, name="s.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_what_people_write_is_read_as_it_looks(folder):
    text = """
expectations:
- type: expect_column_values_to_be_in_set
  kwargs:
    column: a
    value_set: [no, on, 01230, 2024-05-01, 12:30, 7, true, ~]
    min_value: 1e-3
    mostly: 0.5
"""
    kwargs = load_suite(written(folder, text))["expectations"][0]["kwargs"]
    assert kwargs["value_set"] == ["no", "on", "01230", "2024-05-01", "12:30", "7", "true", None]
    assert kwargs["mostly"] == 0.5


def test_numbers_stay_numbers_among_themselves(folder):
    path = written(folder, json.dumps(suite_of(column="a", value_set=[1, 2.5])), "s.json")
    assert load_suite(path)["expectations"][0]["kwargs"]["value_set"] == [1, 2.5]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("s.yaml", "!!python/object/apply:os.system [ls]", "tag"),
        ("s.yaml", "expectations: !!set {a}", "tag"),
        ("s.yaml", "expectations: [{type: !!binary YQ==}]", "tag"),
        ("s.yaml", "expectations: !secret x", "tag"),
        ("s.yaml", "expectations: []\nexpectations: []", "stands twice"),
        ("s.json", '{"expectations": [], "expectations": []}', "stands twice"),
        ("s.yaml", "expectations: [{type: a, meta: [b]}]", "meta"),
        ("s.yaml", "- a", "'expectations'"),
        ("s.yaml", "a: [" * 2000, "nested|broken"),
    ],
)
def test_refuses(folder, name, text, words):
    with pytest.raises(InputError, match=words) as refusal:
        load_suite(written(folder, text, name))
    assert "\n" not in str(refusal.value)


def test_refuses_other_endings_and_folders_that_are_not_there(folder):
    with pytest.raises(InputError, match=r"\.yaml"):
        save_suite(suite_of(), folder / "suite.txt")
    with pytest.raises(InputError, match="cannot be written"):
        save_suite(suite_of(), folder / "none" / "suite.yaml")


def test_every_entry_of_a_written_suite_stands_by_itself(tmp_path):
    shared = ["a", "b"]
    each = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "x", "value_set": shared}}
    path = save_suite(
        {"name": "s", "meta": {}, "expectations": [each, {**each, "severity": "info"}]}, tmp_path / "s.yaml"
    )
    assert "&" not in path.read_text() and load_suite(path)["expectations"][1]["kwargs"]["value_set"] == shared


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("expectation: []", "it has the key 'expectation' instead"),
        ("expectations: []\nmetta: {}", "'metta', which means nothing: did you mean 'meta'"),
        ("expectations:\n- type: a\n  severty: info", "did you mean 'severity'"),
        ("expectations:\n- type: a\n  meta: {max_age_day: 3}", "did you mean 'max_age_days'"),
        ("expectations:\n- expect_column_to_exist: {column: a}", "it has the key 'expect_column_to_exist' instead"),
        ("expectations:\n- {expectation_type: a}", "it has the key 'expectation_type' instead"),
    ],
)
def test_keys_that_mean_nothing_are_refused_with_what_is_near(folder, text, said):
    with pytest.raises(InputError, match=said):
        load_suite(written(folder, text))


def test_keys_that_great_expectations_writes_are_known(folder):
    text = """
name: mine
id: null
notes: kept
meta: {great_expectations_version: 1.24.1}
expectations:
- type: expect_column_to_exist
  kwargs: {column: a}
  id: 5
  notes: text
  meta: {owner: me}
"""
    assert len(load_suite(written(folder, text))["expectations"]) == 1
