import numpy as np
import pandas as pd
import pytest

from burnish.tasks.near_rows import chance_limit, find_near_rows


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "income": np.round(np.exp(rng.normal(10, 1, n)), 2),
            "city": rng.choice([f"Port {i}" for i in range(40)], n),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), unit="D"),
            "score": rng.normal(size=n),
            "member": rng.random(n) < 0.4,
        }
    )


def found(rows: pd.DataFrame, copies: pd.DataFrame) -> set[tuple[int, int]]:
    return {tuple(pair) for pair in find_near_rows(pd.concat([rows, copies], ignore_index=True)).tolist()}


@pytest.mark.parametrize("column", ["age", "income", "city", "since", "score", "member"])
def test_rows_that_differ_in_one_cell_are_found_and_hardly_others(column: str) -> None:
    rows = customers(3000)
    copies = rows.iloc[10:40].reset_index(drop=True)
    if column == "city":
        copies[column] = "Port 77"
    elif column == "member":
        copies[column] = ~copies[column]
    else:
        copies[column] = copies[column] + (pd.Timedelta(days=1) if column == "since" else 1)
    pairs, planted = found(rows, copies), {(10 + i, 3000 + i) for i in range(30)}
    assert planted <= pairs
    assert len(pairs - planted) <= 1


def test_case_and_white_space_do_not_count() -> None:
    rows = customers(500)
    copies = rows.iloc[:20].assign(city=lambda frame: "  " + frame["city"].str.upper().str.replace(" ", "   "))
    assert found(rows, copies) == {(i, 500 + i) for i in range(20)}


def test_a_little_noise_in_every_number_does_not_hide_a_copy() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(3000, 8))).add_prefix("x")
    copies = rows.iloc[:30] + 0.005 * rng.standard_normal((30, 8))
    assert found(rows, copies) == {(i, 3000 + i) for i in range(30)}


def test_rows_that_are_near_by_nature_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    coarse = pd.DataFrame({"age": rng.integers(18, 90, 3000), "hours": rng.integers(10, 60, 3000)})
    coarse["job"], coarse["city"] = rng.choice(list("abcd"), 3000), rng.choice(list("pqrstuvw"), 3000)
    pairs = find_near_rows(coarse)
    equal = coarse.duplicated(keep=False).to_numpy()
    assert len(np.setdiff1d(pairs, np.flatnonzero(equal))) <= 0.01 * len(coarse)
    assert len(find_near_rows(pd.DataFrame(rng.normal(size=(3000, 6))).add_prefix("x"))) == 0


def test_where_rows_repeat_by_nature_nothing_is_said() -> None:
    assert not len(find_near_rows(pd.DataFrame({"colour": ["red", "Blue", "blue"] * 50})))


def test_missing_values_agree_with_each_other_alone() -> None:
    rows = customers(300)
    rows.loc[:150, "score"] = np.nan
    rows.loc[:100, "city"] = None
    copies = rows.iloc[:5].assign(age=lambda frame: frame["age"] + 1)
    assert found(rows, copies) == {(i, 300 + i) for i in range(5)}


@pytest.mark.parametrize("rows", [pd.DataFrame(), pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [None, None]})])
def test_hardly_any_rows(rows: pd.DataFrame) -> None:
    assert find_near_rows(rows).shape[1] == 2


def test_the_same_pairs_in_any_order_of_columns() -> None:
    rows = pd.concat([customers(800), customers(800).iloc[:9].assign(age=30)], ignore_index=True)
    assert np.array_equal(find_near_rows(rows), find_near_rows(rows[rows.columns[::-1]]))


def test_chance_limit_asks_the_dimension() -> None:
    rng = np.random.default_rng(0)
    by_chance = rng.random(4000) ** (1 / 3)  # distances in three dimensions
    assert chance_limit(by_chance, tuple(np.geomspace(0.01, 0.5, 20)), 3.0) < 0.1
    planted = np.concatenate([by_chance, np.full(60, 0.03)])
    assert 0.03 <= chance_limit(planted, tuple(np.geomspace(0.01, 0.5, 20)), 3.0) < 0.1
