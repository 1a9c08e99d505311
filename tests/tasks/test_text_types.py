import pandas as pd
import pytest

from burnish.tasks.column_types import type_columns
from burnish.tasks.text_types import type_text


def typed(*cells):
    return type_columns(pd.DataFrame({"x": list(cells)}, dtype="str"))


def test_a_few_words_among_numbers_are_missing_and_said():
    cells = [str(i) for i in range(97)] + ["closed"] * 2 + ["n.k."]
    found = typed(*cells)
    assert found.frame["x"].isna().sum() == 3
    assert (found.mixed["x"].cells, found.mixed["x"].words, found.mixed["x"].read) == (3, ("closed", "n.k."), True)
    again = type_columns(pd.DataFrame({"x": ["5", "none", "lost"]}, dtype="str"), found.notations).frame["x"]
    assert again.isna().tolist() == [False, True, True]


def test_words_for_missing_are_missing_among_numbers_however_many_and_are_no_words_to_mend():
    cells = [str(i) for i in range(60)] + ["-"] * 30 + ["unknown"] * 10
    found = typed(*cells)
    assert found.frame["x"].isna().sum() == 40
    assert not found.mixed
    again = type_columns(pd.DataFrame({"x": ["5", "-"]}, dtype="str"), found.notations).frame["x"]
    assert again.isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["1.234,50 €", "$1,234.50"], "two currencies"),
        (["EUR 3", "4 USD", "£5"], "3 currencies"),
        (["3%", "0.03"], "per cent beside plain numbers"),
        (["1,234.50", "1.234,50"], "decimal points and decimal commas"),
        (["12 kg", "13.5 kg"], "with a unit: '13.5 kg'"),
        (["12 oz", "12 oz.", "1 ounce"], "with units: '12 oz', '12 oz.', '1 ounce'"),
    ],
)
def test_columns_that_look_like_numbers_and_stay_text_say_why(cells, why):
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert why in found.kept["x"]


@pytest.mark.parametrize("cells", [["10.0.0.1", "10.0.0.2"], ["1.2.3", "1.3.0"], ["0123", "4567"], ["A4", "B5"]])
def test_codes_that_are_no_numbers_are_not_said_to_be(cells):
    assert not typed(*cells).kept


def test_more_than_a_few_words_leave_numbers_text_and_are_said():
    found = typed(*map(str, range(90)), *["abc"] * 10)
    assert (found.mixed["x"].cells, found.mixed["x"].words, found.mixed["x"].read) == (10, ("abc",), False)


def test_a_column_that_is_half_words_is_said_to_mix():
    found = typed(*map(str, range(60)), *["none"] * 15, *["broken"] * 10, *["see note"] * 5)
    mixed = found.mixed["x"]
    assert (mixed.kind, mixed.cells, mixed.words, mixed.read) == ("numbers", 15, ("broken", "see note"), False)
    assert mixed.share == pytest.approx(0.2)
    assert typed(*map(str, range(60)), *["broken"] * 40, *["see note"] * 20).mixed["x"].share == 0.5
    assert not typed(*map(str, range(60)), *["broken"] * 61).mixed


def test_codes_with_letters_among_numbers_stay_text_and_are_said():
    cells = [str(i) for i in range(300)] + ["V45", "E909", "V10"]
    found = typed(*cells)
    assert found.frame["x"].tolist() == cells
    assert not found.mixed["x"].read


def test_a_slip_among_many_numbers_is_missing():
    found = typed(*[str(i) for i in range(400)], "l2")
    assert found.frame["x"].isna().sum() == 1


def test_integers_that_overflow_64_bits_stay_exact_text():
    cells = ["9223372036854775808", "18446744073709551616", "1"]
    assert typed(*cells).frame["x"].tolist() == cells
    native = type_columns(pd.DataFrame({"u": pd.array([2**64 - 1, 1], dtype="UInt64")}))
    assert native.frame["u"].tolist() == [str(2**64 - 1), "1"]
    assert native.beyond_float == ("u",)


def test_dates_with_a_few_words_are_dates():
    cells = [f"2021-01-{day:02d}" for day in range(1, 29)] + ["open"]
    column, read = type_text(pd.Series(cells, dtype="str"))
    assert column.isna().sum() == 1
    assert read.mixed is not None and (read.mixed.kind, read.mixed.words) == ("dates", ("open",))


def test_the_way_is_judged_by_all_values_and_not_the_first():
    cells = [f"1,{i:03d}" for i in range(300)]
    assert "x" in typed(*cells).ambiguous
    assert typed(*cells, "3,5").frame["x"].iloc[7] == 1.007
