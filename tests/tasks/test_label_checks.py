import numpy as np
import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.label_checks import check_labels, label_codes, labels_as_text, sort_classes


def check(*labels):
    text = labels_as_text(pd.Series(list(labels), dtype="str"))
    ids = pd.Series([str(place) for place in range(len(text))], dtype="str")
    return {finding.code: finding for finding in check_labels(text, ids, "the label")}


def test_na_is_a_label_unless_the_config_says_so():
    column = pd.Series(["NA", "nan", "None", "", "  ", None], dtype="str")
    assert labels_as_text(column).isna().tolist() == [False, False, False, True, True, True]
    assert labels_as_text(column, ("NA", "nan")).isna().tolist() == [True, True, False, True, True, True]


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pd.Series([1, 2]), ["1", "2"]),
        (pd.Series([1.0, np.nan]), ["1", np.nan]),
        (pd.Series([1.5, 2.0]), ["1.5", "2.0"]),
        (pd.Series([True, False]), ["True", "False"]),
        (pd.Series([True, None], dtype="boolean"), ["True", np.nan]),
        (pd.Series([2**60 + 1, None], dtype="Int64"), [str(2**60 + 1), np.nan]),
        (pd.Series(["b", "a"], dtype="category"), ["b", "a"]),
        (pd.Series(["b", None], dtype="object"), ["b", np.nan]),
        (pd.Series(["ż", "猫"]), ["ż", "猫"]),
    ],
)
def test_labels_of_any_type(column, wanted):
    read = labels_as_text(column)
    assert isinstance(read.dtype, pd.StringDtype)
    pd.testing.assert_series_equal(read, pd.Series(wanted, dtype="str"))


def test_classes_are_sorted_by_value_where_all_are_numbers():
    assert sort_classes(pd.Series(["10", "9", "-1", None])) == ("-1", "9", "10")
    assert sort_classes(pd.Series(["10", "9", "a"])) == ("10", "9", "a")
    assert sort_classes(pd.Series(["1", "01", "1.0"])) == ("01", "1", "1.0")


def test_codes():
    codes = label_codes(pd.Series(["b", None, "a", "z"], dtype="str"), ("a", "b"))
    assert codes.dtype == np.int64
    assert codes.tolist() == [1, -1, 0, -1]


def test_nothing_to_say():
    assert check("a", "b", "a", "b") == {}


def test_all_missing_and_one_class():
    with pytest.raises(InputError, match="all 2 labels are missing"):
        check("", None)
    with pytest.raises(InputError, match="every example is 'a'"):
        check("a", "a", None)


def test_missing_labels_are_counted():
    found = check("a", "", "b", None, "a", "b")["labels.missing"]
    assert (found.count, found.ids) == (2, ("1", "3"))


def test_spellings_of_one_class():
    found = check("cat", "cat", " cat", "Cat", "dog", "dog")["labels.spelling"]
    assert "' cat' (1), 'Cat' (1), 'cat' (2)" in found.title or "'cat' (2)" in found.title
    assert (found.count, found.ids) == (2, ("2", "3"))
    assert "labels.spelling" in check("1", "1.0", "1", "2", "2")
    assert "labels.spelling" in check("caf\u00e9", "cafe\u0301", "b", "b")
    assert "labels.spelling" not in check("a", "a", "á", "á")


def test_class_with_one_example():
    found = check("a", "a", "b", "b", "c")["labels.rare"]
    assert (found.count, found.ids) == (1, ("4",))


@pytest.mark.parametrize(
    "labels",
    [
        [f"{value:.3f}" for value in np.random.default_rng(0).normal(size=200)],
        [str(value) for value in np.random.default_rng(0).integers(0, 10**6, 200)],
        [f"{value / 10:.1f}" for value in range(30)] * 10,
    ],
)
def test_numbers_to_predict(labels):
    with pytest.raises(InputError, match="looks like a number to predict"):
        check(*labels)


def test_free_text():
    with pytest.raises(InputError, match="looks like an id or free text"):
        check(*[f"review {place}" for place in range(50)])


@pytest.mark.parametrize(
    "labels",
    [
        ["0.5", "1.0", "1.5"] * 20,
        [str(place % 10) for place in range(100)],
        [str(place % 1000) for place in range(3000)],
        ["a", "b", "c"],
    ],
)
def test_classes_that_are_numbers(labels):
    check(*labels)
