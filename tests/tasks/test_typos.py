import numpy as np
import pandas as pd

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.typos import find_slips, find_typos


def typos(cells: list[str]) -> dict[str, str | None]:
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    return {column.texts[each.code]: each.repair for each in find_typos(column) if each.confidence >= 0.6}


def test_slips_of_frequent_values_are_found() -> None:
    cells = ["birmingham", "florence", "sheffield", "boaz"] * 30 + ["birminghxm", "florense", "shefifeld"]
    assert typos(cells) == {"birminghxm": "birmingham", "florense": "florence", "shefifeld": "sheffield"}


def test_where_right_values_are_near_one_another_nearness_says_nothing() -> None:
    codes = [f"{a}{b}{c}" for a in "abcd" for b in "abcd" for c in "abcd"]
    assert not typos(codes[:-1] * 10 + codes[-1:])


def test_values_that_differ_in_digits_or_by_a_word_are_different_things() -> None:
    assert not typos(["route 12", "house 7"] * 50 + ["route 13"])
    assert not typos(["Married-civ-spouse", "Never-married"] * 50 + ["Married-AF-spouse"])
    assert not typos(["1.25", "3.5"] * 50 + ["12.5"])


def test_a_letter_among_digits_is_a_slip() -> None:
    assert typos(["35233", "35611", "36049", "90210"] * 30 + ["3x233"]) == {"3x233": "35233"}


def test_what_is_too_frequent_is_no_slip() -> None:
    assert not typos(["yes", "no"] * 50 + ["yet"] * 15)


def test_there_is_nothing_to_tell_where_all_values_stand_once() -> None:
    slips = find_slips(["smith", "smyth", "jones"], np.array([1, 1, 1]))
    assert not len(slips.code)


def test_a_value_in_other_capitals_or_with_other_spaces_is_a_slip_though_it_returns() -> None:
    cells = (
        ["Husband", "Wife", "Not-in-family", "Own-child"] * 300 + ["HUSBAND"] * 6 + ["not in family"] * 3 + [" Wife"]
    )
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    found = {column.texts[s.code]: s.repair for s in find_typos(column) if s.confidence >= 0.6}
    assert found == {"HUSBAND": "Husband", "not in family": "Not-in-family", " Wife": "Wife"}


def test_capitals_that_tell_values_apart_are_none() -> None:
    cells = ["us", "US", "it", "IT", "no", "NO"] * 100 + ["De"] * 40 + ["DE"] * 200
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    assert not [s for s in find_typos(column) if s.confidence >= 0.6]
