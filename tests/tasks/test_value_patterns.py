import pandas as pd

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.value_patterns import find_odd_patterns


def odd(cells: list[str]) -> set[str]:
    column = read_columns(pd.DataFrame({"a": cells}))[0]
    return {column.texts[each.code] for each in find_odd_patterns(column) if each.confidence >= 0.6}


def test_cells_written_otherwise_than_a_column_of_figures_are_found() -> None:
    assert odd([*(f"{i}%" for i in range(100)), "x5%"]) == {"x5%"}
    assert odd([*(f"2021-{i % 12 + 1:02d}-{i % 28 + 1:02d}" for i in range(200)), "04/03/21"]) == {"04/03/21"}
    assert odd([*map(str, range(10_000, 10_200)), "1o234"]) == {"1o234"}


def test_numbers_are_one_pattern() -> None:
    assert not odd([*map(str, range(100)), "-5", "1.5", "1e3", "1,000"])


def test_words_short_lists_and_addresses_are_not_judged() -> None:
    assert not odd(["red", "green", "blue"] * 50 + ["sea-green"])
    assert not odd(["a-1", "b-2"] * 50 + ["ab"])
    streets = ["".join(chr(97 + (7 * i + k * i) % 26) for k in range(5)) for i in range(100)]
    assert not odd([*(f"{i} {street} st" for i, street in enumerate(streets)), "po box 287, x"])


def test_addresses_without_their_sign_or_with_two_are_found_and_prose_is_left_alone() -> None:
    names = [
        f"{a}{b}.{c}"
        for a in "abcde"
        for b in "fghij"
        for c in ("kim", "lee", "may", "ney", "oak", "poe", "ray", "sun")
    ]
    assert odd([*(f"{name}@mail.com" for name in names), "x.y@@mail.com", "zed.mail.com"]) == {
        "x.y@@mail.com", "zed.mail.com",
    }  # fmt: skip
    assert not odd([*(f"It was {name.replace('.', ' ')}." for name in names), "It was"])
    assert not odd(["in-transit", "at-home"] * 100 + ["lost"])
