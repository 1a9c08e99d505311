import pytest

from burnish.tasks.check_words import say_expected, say_observed


@pytest.mark.parametrize(
    ("type_", "kwargs", "words"),
    [
        ("column_median_to_be_between", {"min_value": 1, "max_value": 2}, "a median between 1 and 2"),
        ("column_values_to_be_unique", {"mostly": 0.9}, "unique values, for 90% of the values"),
        ("column_values_to_be_in_set", {"value_set": ["a", "b"]}, "one of a, b"),
        ("column_values_to_be_in_set", {"value_set": [*"abcdefghij"]}, "one of a, b, c, d, e, f, g, h and 2 more"),
        ("column_values_to_not_be_in_set", {"value_set": ["a"]}, "none of a"),
        ("column_values_to_be_in_type_list", {"type_list": ["bool"]}, "a boolean"),
        ("column_values_to_be_in_type_list", {"type_list": ["int32"]}, "of type int32"),
        ("column_max_to_be_between", {"min_value": "2024-01-01"}, "a newest value of 2024-01-01 or later"),
        ("column_max_to_be_between", {"max_value": 3}, "a largest value up to 3"),
        ("column_values_to_be_null", {}, "null"),
    ],
)  # fmt: skip
def test_expected(type_, kwargs, words):
    assert say_expected({"type": f"expect_{type_}", "kwargs": {"column": "a", **kwargs}}) == words


def test_shares():
    each = {"type": "expect_column_values_to_be_in_set", "meta": {"about": "share"}}
    each["kwargs"] = {"column": "y", "value_set": ["yes"], "mostly": 0.25}
    found = {"success": False, "result": {"element_count": 100, "unexpected_count": 90, "missing_count": 0}}
    assert (say_expected(each), say_observed(each, found)) == ("at least 25% yes", "10%")
    other = each | {"type": "expect_column_values_to_not_be_in_set"}
    assert (say_expected(other), say_observed(other, found)) == ("at most 75% yes", "90%")


@pytest.mark.parametrize(
    ("result", "words"),
    [({"observed_value": 1234.5}, "1,234.5"), ({"observed_value": "x" * 999}, "x" * 199 + "…"), ({}, "missing")],
)
def test_observed(result, words):
    assert say_observed({"type": "expect_a"}, {"success": False, "result": result}) == words
