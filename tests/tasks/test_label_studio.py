import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.label_studio import export_tasks, labelling_config, read_export
from burnish.tasks.thumbnails import as_png

CLASSES = ["a", "b", "c"]


@pytest.fixture
def examples():
    return pd.DataFrame(
        {
            "id": ["1", "2", "3", "4"],
            "label": ["a", "a", "b", None],
            "suggested_label": ["b", "c", "c", "a"],
            "suggestion_quality": [0.9, 0.8, 0.7, 0.6],
            "reason": "looks odd",
            "split": "dev",
        }
    ).astype({"label": "str"})


def annotation(*choices, name="label", **more):
    result = [{"from_name": name, "to_name": "example", "type": "choices", "value": {"choices": list(choices)}}]
    return {"result": result if choices else [], "was_cancelled": False} | more


def full(id, *annotations):
    return {"id": 7, "data": {"example_id": id, "image": "http://evil.example/x.png"}, "annotations": list(annotations)}


def saved(tmp_path, content):
    path = tmp_path / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_tasks_hold_everything_and_the_suggestion(examples):
    attributes = pd.DataFrame({"size": [1.5, 2, 3, 4], "note": ["<x>", "y", "z", "w"]})
    task, last = export_tasks(examples, [0, 3], attributes=attributes)
    assert task["data"] == {
        "example_id": "1", "given": "a", "why": "looks odd", "split": "dev", "text": "size: 1.5\nnote: <x>"
    }  # fmt: skip
    prediction = task["predictions"][0]
    assert prediction["score"] == 0.9 and prediction["result"][0]["value"] == {"choices": ["b"]}
    assert last["data"]["given"] == "(none)"
    json.dumps([task, last], allow_nan=False)


def test_pictures_travel_in_the_task(examples):
    png = as_png(np.zeros((8, 8), np.uint8))
    with_picture, without = export_tasks(examples, [0, 1], thumbnails=lambda row: png if row == 0 else None)
    assert with_picture["data"]["image"].startswith("data:image/png;base64,") and "text" not in with_picture["data"]
    assert without["data"]["text"] == "2"


@pytest.mark.parametrize(("kind", "tag"), [("images", "Image"), ("table", "Text")])
def test_the_configuration_names_what_tasks_and_results_do(examples, kind, tag):
    classes = ['say "a" & <b>', "ü", *map(str, range(30))]
    root = ElementTree.fromstring(labelling_config(classes, kind))
    shown, choices = root.find(tag), root.find("Choices[@name='label']")
    assert [choice.get("value") for choice in choices] == classes and choices.get("layout") == "select"
    result = export_tasks(examples, [0])[0]["predictions"][0]["result"][0]
    assert (result["from_name"], result["to_name"]) == (choices.get("name"), choices.get("toName"))
    assert result["to_name"] == shown.get("name") and shown.get("value").removeprefix("$") in ("image", "text")


def test_the_full_export_becomes_decisions(examples, tmp_path):
    path = saved(
        tmp_path,
        [
            full("1", annotation("a")),
            full("2", annotation("c"), annotation("b", was_cancelled=True)),
            full("3", annotation("a"), annotation("b", ground_truth=False), annotation("a", ground_truth=True)),
            full("4", annotation("no class fits", name="useless")),
        ],
    )
    found = read_export(path, examples, CLASSES)
    assert found["decision"].tolist() == ["keep", "accept", "other", "drop"]
    assert found["label"].fillna("–").tolist() == ["a", "c", "a", "–"]


def test_json_min_becomes_the_same(examples, tmp_path):
    flat = [
        {"example_id": "1", "id": 3, "label": "a", "annotator": 1},
        {"example_id": "2", "id": 4, "label": {"choices": ["c"]}},
        {"example_id": "3", "id": 5, "label": "a"},
        {"example_id": "4", "id": 6, "useless": "no class fits"},
    ]
    found = read_export(saved(tmp_path, flat), examples, CLASSES)
    assert found["decision"].tolist() == ["keep", "accept", "other", "drop"]


def test_what_was_left_open_is_not_decided(examples, tmp_path):
    left = [full("1"), full("2", annotation()), full("3", annotation("a", was_cancelled=True)), {"example_id": "4"}]
    assert read_export(saved(tmp_path, left), examples, CLASSES).empty


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nonsense", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ({"a": 1}, "no list"),
        ([1], "task 1 is no object"),
        ([{"data": {}, "annotations": []}], "no example_id"),
        ([full("9", annotation("a"))], "'9'"),
        ([full("1", annotation("zebra"))], "no class"),
        ([full("1", annotation("a"), annotation("b"))], "more than one way (a, b)"),
        ([full("1", annotation("a")), full("1", annotation("b"))], "more than one way"),
        ([full("1", annotation("a", "b"))], "not one class"),
        ([{"data": {"example_id": "1"}, "annotations": {"a": 1}}], "no list"),
        ([full("1", {"result": "x"})], "no list of results"),
        ([{"example_id": "1", "label": [1]}], "not one class"),
    ],
)
def test_what_is_no_export_is_refused_in_one_sentence(examples, tmp_path, content, said):
    with pytest.raises(InputError) as error:
        read_export(saved(tmp_path, content), examples, CLASSES)
    assert said in str(error.value) and "\n" not in str(error.value)
