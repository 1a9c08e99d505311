import numpy as np
import pandas as pd
import pytest

from burnish.tasks.near_rows import find_near_rows
from burnish.tasks.one_cell import LIMITS, likelier_copies


def people(n: int, weights: int, seed: int = 0) -> pd.DataFrame:
    """Make coarse columns, and one that tells rows apart the better the more weights there are."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 4, n)
    rows = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "hours": np.where(rng.random(n) < 0.5, 40, rng.integers(10, 70, n)),
            "school": np.minimum(rng.poisson(4 + 2 * kind), 15),
            "job": np.array(list("abcdefgh"))[np.minimum(rng.poisson(2 + kind), 7)],
            "sex": rng.choice(["m", "f"], n),
            "weight": rng.integers(0, weights, n),
        }
    )
    return rows.drop_duplicates(ignore_index=True)


def changed(rows: pd.DataFrame, column: str, count: int = 60) -> pd.DataFrame:
    copies = rows.sample(count, random_state=0)
    return copies.assign(
        **{column: copies[column].map({"m": "f", "f": "m"}) if column == "sex" else copies[column] + 1}
    )


@pytest.mark.parametrize("column", ["age", "school", "sex", "weight"])
def test_copies_stand_out_where_chance_pairs_are_few(column: str) -> None:
    rows = people(6000, 20_000)
    copies = changed(rows, column)
    pairs = find_near_rows(pd.concat([rows, copies], ignore_index=True))
    planted = {(int(row), len(rows) + at) for at, row in enumerate(copies.index)}
    found = {tuple(pair) for pair in pairs.tolist()}
    assert len(planted & found) >= 0.95 * len(planted)
    assert len(found - planted) <= 0.005 * len(rows)


@pytest.mark.parametrize("weights", [20, 200, 2000, 20_000])
def test_coincidences_are_no_copies(weights: int) -> None:
    rows = people(6000, weights)
    assert len(find_near_rows(rows)) <= 0.001 * len(rows)


@pytest.mark.parametrize(
    "stretch",
    [
        lambda x: 10 ** (20 * x),
        lambda x: np.exp(100 * x) * 1e5,
        lambda x: np.tan(np.pi * (x - 0.5)) * 1e200,
        lambda x: 1e300 * (1 + x),
    ],
)
def test_extreme_numbers_are_as_far_apart_as_ordinary_ones(stretch) -> None:  # type: ignore[no-untyped-def]
    rows = pd.DataFrame(stretch(np.random.default_rng(0).random((2000, 5)))).add_prefix("x")
    assert not len(find_near_rows(rows))
    copies = rows.iloc[:20].assign(x1=rows["x1"].iloc[:20] * 1.001)
    pairs = find_near_rows(pd.concat([rows, copies], ignore_index=True))
    assert pairs.tolist() == [[at, 2000 + at] for at in range(20)]


def test_long_whole_numbers_are_told_apart_to_the_last_digit() -> None:
    rows = pd.DataFrame({"id": 10**18 + np.arange(500), "x": np.arange(500) % 7})
    assert not len(find_near_rows(rows.assign(x=1)))


def test_thousands_of_columns() -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 1500))).add_prefix("x")
    pairs = find_near_rows(pd.concat([rows, rows.iloc[[7]].assign(x3=0.5)], ignore_index=True))
    assert pairs.tolist() == [[7, 120]]


def test_the_limit_asks_for_more_than_chance_gives() -> None:
    none = np.zeros(len(LIMITS))
    assert likelier_copies(np.empty(0), none) < 0
    assert likelier_copies(np.zeros(1), none) >= 0
    assert likelier_copies(np.full(1, 1e-3), 1000 * LIMITS) < 0  # chance gives one
    assert likelier_copies(np.full(9, 1e-3), 1000 * LIMITS) >= 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_pairs_of_chance_alone_stay_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    by_chance = np.cumsum(rng.exponential(1 / 200, 400))  # a Poisson process of 200 a unit
    assert (by_chance <= likelier_copies(by_chance, 200 * LIMITS)).sum() <= 5
