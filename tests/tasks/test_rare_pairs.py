import numpy as np
import pandas as pd
import pytest

from burnish.tasks.rare_pairs import find_rare_pairs


def people(rows=6000, seed=0):
    rng = np.random.default_rng(seed)
    male = rng.random(rows) < 0.5
    age = rng.integers(16, 90, rows).astype(float)
    return pd.DataFrame(
        {
            "sex": np.where(male, "male", "female"),
            "role": np.where(male, "husband", "wife"),
            "age": age,
            "pension": age >= 65,
            "noise": rng.normal(size=rows),
            "city": rng.choice(list("pqrst"), rows),
        }
    )


def test_values_that_never_meet_are_found_and_named():
    frame = people()
    frame.loc[3, "role"] = {"male": "wife", "female": "husband"}[frame.loc[3, "sex"]]
    frame.loc[4, ["age", "pension"]] = [17.0, True]
    found = find_rare_pairs(frame, list(frame.columns))
    assert np.flatnonzero(found.probability > 0.5).tolist() == [3, 4]
    assert set(found.names(3)) == {"sex", "role"}
    assert set(found.names(4)) == {"age", "pension"}


@pytest.mark.parametrize("rows", [300, 3000, 60_000])
def test_clean_rows_are_seldom_flagged(rows):
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(rows, 1))
    numbers = np.hstack([shared + 0.5 * rng.normal(size=(rows, 4)), rng.normal(size=(rows, 3))])
    frame = pd.DataFrame(numbers, columns=list("abcdefg")).join(people(rows)[["city", "sex"]])
    found = find_rare_pairs(frame, list(frame.columns))
    assert (found.probability > 0.5).mean() <= 0.001


def test_learns_from_train_and_judges_later_rows():
    frame = people()
    train = np.arange(len(frame)) < 5000
    frame.loc[5500, ["sex", "role"]] = ["male", "wife"]
    frame.loc[5600, "role"] = "unheard of"
    found = find_rare_pairs(frame, ["sex", "role"], train)
    assert found.probability[5500] > 0.5
    assert found.probability[5600] == 0
    other = frame.copy()
    other.loc[5700:, "sex"] = "female"
    again = find_rare_pairs(other, ["sex", "role"], train)
    assert np.array_equal(found.probability[:5500], again.probability[:5500])


def test_missing_cells_are_of_no_pair():
    frame = people()
    frame["role"] = frame["role"].astype("str")
    frame.loc[3, "role"] = None
    frame.loc[4, "age"] = np.nan
    assert (find_rare_pairs(frame, list(frame.columns)).probability <= 0.5).all()


@pytest.mark.parametrize("columns", [[], ["sex"]])
def test_no_pairs(columns):
    found = find_rare_pairs(people(50), columns)
    assert not found.probability.any()
    assert found.names(0) == ()
    assert not find_rare_pairs(people(5), ["sex", "role"]).probability.any()
