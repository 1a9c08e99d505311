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


def test_codes_are_seen_among_few_different_numbers() -> None:
    assert placeholders([*("0123456" * 10), "999", "999"]) == {"999"}


def test_words_among_dates_and_a_sign_that_most_cells_hold_among_numbers_count() -> None:
    dates = [f"2021-01-{day:02d}" for day in range(1, 29)]
    assert placeholders([*dates, "unknown"]) == {"unknown"}
    assert placeholders([*map(str, range(30)), *["-"] * 60]) == {"-"}
    assert not placeholders(["red", "blue", *["-"] * 60])
