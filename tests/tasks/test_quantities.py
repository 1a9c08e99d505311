import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.quantities import find_mixed_units, read_quantity


def mixed(cells: list[str]) -> dict[str, str | None]:
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    return {column.texts[each.code]: each.repair for each in find_mixed_units(column)}


@pytest.mark.parametrize(
    ("text", "amount", "measure"),
    [
        ("12.0 oz. Can", 12, "ounces"),
        ("$1,200.50", 1200.5, "dollars"),
        ("5%", 5, "per cent"),
        ("1h 5min", 3900, "time"),
    ],
)
def test_quantities_are_read(text: str, amount: float, measure: str) -> None:
    quantity = read_quantity(text)
    assert quantity is not None
    assert quantity.amount == amount
    assert quantity.unit is not None
    assert quantity.unit.measure == measure


@pytest.mark.parametrize("text", ["12 Main St", "A4", "2021-03-04", "10/12", "", "size 12", "12 oz 3 kg"])
def test_other_cells_are_none(text: str) -> None:
    assert read_quantity(text) is None


def test_a_column_in_many_spellings_is_parsed_whole() -> None:
    assert mixed(["12 oz", "12.0 oz.", "16 ounce", "12 OZ."] * 5) == {
        "12 oz": "12", "12.0 oz.": "12", "16 ounce": "16", "12 OZ.": "12",
    }  # fmt: skip


def test_the_reason_shows_real_values() -> None:
    column = read_columns(pd.DataFrame({"a": ["12 oz", "12.0 oz.", "16 ounce", "12 OZ."] * 5 + ["16 ounce"]}))[0]
    assert find_mixed_units(column)[0].why == "one number written with mixed units: '16 ounce', '12 oz', '12.0 oz.'"


def test_signs_beside_plain_numbers_of_the_same_size_go() -> None:
    assert mixed([*["0.05", "0.06", "0.07"] * 10, "0.06%"]) == {"0.06%": "0.06"}


def test_per_cents_beside_shares_become_shares() -> None:
    assert mixed([*["0.05", "0.06", "0.07"] * 10, "6%"]) == {"6%": "0.06"}


def test_few_cells_in_another_unit_are_brought_to_the_usual_one() -> None:
    assert mixed([*["90 min", "95 min", "100 min"] * 10, "1 h 30 min"]) == {"1 h 30 min": "90 min"}


def test_one_spelling_is_no_mixture() -> None:
    assert not mixed([f"{i}%" for i in range(50)])


@given(st.lists(st.floats(0, 1e6), min_size=10, max_size=30))
def test_plain_numbers_are_left_alone(numbers: list[float]) -> None:
    assert not mixed([str(each) for each in numbers])
