from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.hints import closest, did_you_mean

ADULT = ["age", "workclass", "education", "education-num", "occupation", "race", "sex", "hours-per-week", "income"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("incmoe", ["income"]),
        ("Income ", ["income"]),
        ("hours_per_week", ["hours-per-week"]),
        ("educaton", ["education"]),
        ("aeg", ["age"]),
        ("nope", []),
        ("label", []),
        ("target", []),
        ("id", []),
        ("", []),
        ("y", []),
    ],
)
def test_a_slip_is_recognised_and_nothing_else(name: str, meant: list[str]) -> None:
    assert closest(name, ADULT) == meant


def test_the_nearest_comes_first_and_the_same_in_capitals_before_it() -> None:
    assert closest("price", ["prize", "Price", "pricey"], 3) == ["Price", "pricey", "prize"]
    assert did_you_mean(12, [21, 345], "one of 21, 345") == "did you mean '21'?"
    assert did_you_mean("x", [1, 2], "one of 1, 2") == "one of 1, 2"


@given(st.text("abcdef", min_size=5, max_size=12), st.data())
def test_one_swap_of_a_longer_name_is_always_found(name: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(range(len(list(pairwise(name))))))
    slip = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    assert closest(slip, ["zzzzzzzz", name]) == [name]


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=5))
def test_what_is_given_is_known_and_what_is_known_finds_itself(name: str, known: list[str]) -> None:
    assert set(closest(name, known, 9)) <= set(known)
    assert name in closest(name, [*known, name], 9)
