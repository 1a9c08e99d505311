"""Weak slices: Fisher and Holm against SciPy and by hand, planted slices found, false alarms rare."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from burnish.tasks.slices import cut, find_slices, holm, worse_than_rest


@given(st.integers(0, 1000), st.integers(1, 39))
def test_p_value_is_fishers(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    wrong, part = rng.random(40) < 0.3, rng.permutation(40) < size
    table = [[(wrong & part).sum(), (~wrong & part).sum()], [(wrong & ~part).sum(), (~wrong & ~part).sum()]]
    expected = fisher_exact(table, alternative="greater").pvalue
    assert worse_than_rest(part[None], wrong)[0] == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    given_p = np.array(p_values)
    corrected = holm(given_p)
    assert (corrected >= given_p).all()
    assert (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(given_p, kind="stable")]) >= 0).all()


def planted(seed: int = 0, n: int = 1000) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(17, 80, n),
            "sex": rng.choice(["f", "m"], n),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "member": rng.random(n) < 0.5,
            "joined": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 2000, n), unit="D"),
        }
    )
    return frame, rng.random(n) < 0.05


def test_planted_slices_are_found_and_named() -> None:
    frame, wrong = planted()
    rng = np.random.default_rng(1)
    wrong = wrong | ((frame["sex"] == "f") & (rng.random(1000) < 0.25))
    wrong = wrong | (frame["score"].isna() & (rng.random(1000) < 0.3))
    found = {each.slice: each for each in find_slices(frame, wrong.to_numpy())}
    assert set(found) == {"sex = f", "score is missing"}
    women = found["sex = f"]
    assert women.errors == wrong[frame["sex"] == "f"].sum() == women.error.count
    assert women.error.low > women.rest.high
    assert women.as_dict() | {"error": None} == {
        "slice": "sex = f",
        "count": women.count,
        "errors": women.errors,
        "error": None,
        "p_value": women.p_value,
    }


def test_weak_quarter_of_a_number_is_found() -> None:
    frame, wrong = planted()
    wrong = wrong | ((frame["age"] > 64).to_numpy() & (np.random.default_rng(1).random(1000) < 0.4))
    (found,) = find_slices(frame, wrong)
    assert found.slice.startswith("age from 6")
    assert found.slice.endswith(" to 79")


def test_table_adds_source_label_and_prediction() -> None:
    n = 400
    table = pd.DataFrame({"source": ["phone", "scanner"] * 200, "label": ["a"] * n, "predicted": ["a"] * n})
    wrong = (table["source"] == "phone").to_numpy() & (np.arange(n) % 4 == 0)
    found = find_slices(pd.DataFrame(index=range(n)), wrong, table=table)
    assert [each.slice for each in found] == ["source = phone"]


def test_small_slices_are_not_tried() -> None:
    frame = pd.DataFrame({"kind": ["odd"] * 19 + ["even"] * 481})
    wrong = np.arange(500) < 19
    assert not find_slices(frame, wrong)
    assert find_slices(frame, wrong, min_count=19)


def test_nothing_to_slice() -> None:
    assert find_slices(pd.DataFrame(index=range(3)), np.array([True, False, True])) == []
    assert find_slices(pd.DataFrame({"a": ["x"] * 50}), np.ones(50, dtype=bool)) == []


def test_false_alarms_are_rare() -> None:
    alarms = [bool(find_slices(*planted(seed, 400))) for seed in range(60)]
    assert np.mean(alarms) <= 0.1


@given(
    st.lists(st.one_of(st.none(), st.integers(-3, 3), st.integers(-1000, 1000)), min_size=1, max_size=60),
    st.integers(1, 6),
)
def test_cuts_of_a_column_hold_each_row_once(values: list[int | None], bins: int) -> None:
    frame = pd.DataFrame({"x": pd.Series(values, dtype="Int64")})
    parts = [part for _, part in cut(frame, bins)]
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)


@pytest.mark.parametrize(
    "values", [["a", None, "b"], [True, False, True], [1.5, np.nan, 2.0], [pd.NaT, pd.Timestamp(0), pd.NaT]]
)
def test_any_type_of_column_can_be_cut(values: list) -> None:
    parts = [part for _, part in cut(pd.DataFrame({"x": values}), 4)]
    np.testing.assert_array_equal(np.sum(parts, axis=0), 1)
