import numpy as np
import pandas as pd
import pytest

from burnish.tasks.cell_columns import read_columns
from burnish.tasks.group_outliers import find_far_numbers

RNG = np.random.default_rng(0)
SHAPES = {
    "normal": lambda rng: rng.normal(100, 10, 2000),
    "lognormal": lambda rng: rng.lognormal(3, 1, 2000),
    "student": lambda rng: rng.standard_t(3, 2000),
    "uniform": lambda rng: rng.random(2000),
    "pareto": lambda rng: rng.pareto(1.5, 2000) + 1,
    "counts": lambda rng: rng.poisson(30, 2000),
    "ages": lambda rng: rng.integers(18, 80, 2000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_hardly_any_right_number_is_suspected(shape: str) -> None:
    flagged = 0
    for seed in range(10):
        column = read_columns(pd.DataFrame({"x": SHAPES[shape](np.random.default_rng(seed))}))[0]
        found = find_far_numbers(column, [])
        flagged += 0 if found is None else len(found[0])
    assert flagged <= 3


def test_a_slipped_point_is_found() -> None:
    x = RNG.normal(170, 8, 500).round(1)
    x[7] *= 10
    found = find_far_numbers(read_columns(pd.DataFrame({"x": x.astype(str)}))[0], [])
    assert found is not None
    assert found[0].tolist() == [7]


def test_a_wild_whole_number_is_found_among_ties() -> None:
    x = RNG.integers(18, 80, 1200)
    x[7] = 999
    found = find_far_numbers(read_columns(pd.DataFrame({"age": x.astype(str)}))[0], [])
    assert found is not None
    assert found[0].tolist() == [7]


def test_codes_are_not_far_from_one_another() -> None:
    towns = np.r_[RNG.choice([80331, 80333, 80335, 80337, 80469], 1200), np.arange(80539, 80559), 1067]
    frame = pd.DataFrame({"zip": towns.astype(str), "rent": towns.astype(str)})
    code, rent = read_columns(frame)
    assert find_far_numbers(code, []) is None
    assert find_far_numbers(rent, []) is not None


def test_a_number_far_from_its_group_is_found() -> None:
    kind = RNG.integers(0, 20, 2000)
    x = 100.0 * kind + RNG.normal(0, 1, 2000)
    x[3] += 60 if kind[3] < 10 else -60
    number, group = read_columns(pd.DataFrame({"x": x, "kind": [f"k{each}" for each in kind]}))
    found = find_far_numbers(number, [group])
    assert found is not None
    assert found[0].tolist() == [3]
    assert "same kind" in found[2][0]


def test_ids_and_short_columns_are_left_alone() -> None:
    for cells in ([*range(1000), 10**9], [1.0] * 50 + [99.0]):
        assert find_far_numbers(read_columns(pd.DataFrame({"x": cells}))[0], []) is None


def test_slips_in_half_a_percent_of_the_cells_do_not_hide_one_another() -> None:
    rng = np.random.default_rng(3)
    numbers = rng.normal(100, 5, 4_000).round(2)
    numbers[:20] *= 10
    column = read_columns(pd.DataFrame({"a": numbers.astype(str)}))[0]
    found = find_far_numbers(column, [])
    assert found is not None
    assert set(found[0].tolist()) == set(range(20))
