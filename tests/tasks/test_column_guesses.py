import numpy as np
import pandas as pd

from burnish.tasks.column_guesses import (
    can_be_label,
    guess_group,
    guess_id,
    guess_image,
    guess_label,
    guess_source,
    guess_text,
)


def text(**columns):
    return pd.DataFrame({name: list(cells) for name, cells in columns.items()}, dtype="str")


def test_ids_under_other_names_are_found_by_their_cells():
    rng = np.random.default_rng(0)
    given_out = [str(number) for number in rng.permutation(np.arange(7_000, 7_500))]
    amounts = [str(number) for number in rng.choice(10**7, 500, replace=False)]
    days = [f"2021-{k // 28 % 12 + 1:02d}-{k % 28 + 1:02d}T{k // 336:02d}:00" for k in range(500)]
    codes = [f"AT-{number:06d}" for number in range(500)]
    words = [f"a note of {number} words" for number in range(500)]
    assert guess_id(text(amount=amounts, Kundennr=amounts)) == "Kundennr"
    assert guess_id(text(amount=amounts, what=given_out)) == "what"
    assert guess_id(text(day=days, note=words, ref=codes)) == "ref"
    assert guess_id(text(day=days, note=words, amount=amounts)) is None
    assert guess_id(text(ref=[*codes[:-1], codes[0]])) is None


def test_ids_are_unique_and_complete():
    assert guess_id(text(id="aab", uuid="abc")) == "uuid"
    assert guess_id(text(patientId="abc")) == "patientId"
    assert guess_id(text(id=["a", None, "b"])) is None
    assert guess_id(text(valid="abc")) is None


def test_sources_have_some_values():
    assert guess_source(text(camera="aabb")) == "camera"
    assert guess_source(text(camera="aaaa")) is None
    assert guess_source(text(source="aabb"), skip=("source",)) is None


def test_groups_repeat():
    many = [str(place // 2) for place in range(60)]
    assert guess_group(text(patient_id=many)) == "patient_id"
    assert guess_group(text(patient_id=[str(place) for place in range(60)])) is None


def test_images_by_their_cells():
    assert guess_image(text(path=["a.png", "b.JPG"], other=["a.png", "b.png"])) == "path"
    assert guess_image(text(where=["a.png", "b.tiff"])) == "where"
    assert guess_image(pd.DataFrame({"image": [1, 2]})) is None


def test_labels_by_name_then_by_few_values():
    frame = text(x="abab", y="abab", z="abab")
    assert guess_label(frame, ["x", "y", "z"])[0] == "y"
    assert guess_label(frame, ["x", "z"])[0] == "z"
    assert guess_label(frame, [])[0] is None
    assert guess_label(text(true_class="abab", last="abab"), ["true_class", "last"])[0] == "true_class"


def test_what_can_be_a_label():
    assert can_be_label(pd.Series(["a", "b", None]))
    assert not can_be_label(pd.Series(["a", "a"]))
    assert not can_be_label(pd.Series(np.random.default_rng(0).normal(size=100)))


def test_text_is_long_and_varied():
    words = [f"this is a rather long remark, the one with the number {place}" for place in range(30)]
    assert guess_text(text(short=["a"] * 30, words=words), ["short", "words"]) == "words"
    assert guess_text(text(same=[words[0]] * 30), ["same"]) is None
