import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.near_values import count_edits, nearest_values

WORDS = st.text("abcx", max_size=7)


def damerau(one: str, two: str) -> int:
    """The optimal string alignment distance, by its definition."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(two) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(two) + 1):
            options = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i - 1] != two[j - 1])]
            if i > 1 and j > 1 and one[i - 1] == two[j - 2] and one[i - 2] == two[j - 1]:
                options.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(options)
    return table[len(one), len(two)]


@given(WORDS, WORDS, st.integers(0, 7))
def test_edits_are_counted_as_by_definition(one: str, two: str, limit: int) -> None:
    edits = damerau(one, two)
    assert count_edits(one, two, limit) == (edits if edits <= limit else -1)


@given(st.lists(st.text("abcdef", min_size=5, max_size=9), min_size=1, max_size=20, unique=True), st.data())
def test_one_edit_away_is_found(others: list[str], data: st.DataObject) -> None:
    word = data.draw(st.sampled_from(others))
    at = data.draw(st.integers(0, len(word) - 1))
    value = word[:at] + "z" + word[at + 1 :]
    nearest, edits = nearest_values([value], others, np.array([1]), np.full(len(others), 9))
    assert edits[0] == 1
    assert count_edits(value, others[nearest[0]], 1) == 1


def test_of_equally_near_values_the_most_frequent_is_taken_and_none_is_its_own_neighbour() -> None:
    nearest, _ = nearest_values(["bar"], ["car", "far", "bar"], np.array([1]), np.array([5, 9, 20]))
    assert nearest.tolist() == [1]
