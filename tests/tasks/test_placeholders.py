import pandas as pd
import pytest

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.placeholders import find_placeholders


def placeholders(cells: list[str]) -> set[str]:
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    return {column.texts[each.code] for each in find_placeholders(column)}


@pytest.mark.parametrize("word", ["N/A", "?", "NULL", "nan", "-", "#N/A"])
def test_words_for_nothing_are_placeholders_anywhere(word: str) -> None:
    assert placeholders(["red", "blue", "green", word]) == {word}


def test_words_that_may_be_values_count_among_numbers_only() -> None:
    assert placeholders([*map(str, range(30)), "unknown"]) == {"unknown"}
    assert not placeholders(["none", "some", "many"] * 10)


def test_several_signs_are_a_vocabulary() -> None:
    assert not placeholders(["+", "-", "+", "-"])


def test_nines_far_beyond_the_rest_are_a_code_and_nines_among_them_are_not() -> None:
    ages = [*map(str, range(20, 90))]
    assert placeholders([*ages, "999", "999"]) == {"999"}
    assert not placeholders([*map(str, range(20, 110)), "99", "99"])
