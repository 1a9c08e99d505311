import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from burnish.tasks.trends import WITH_TIME, trend

DAYS = pd.Series(pd.date_range("2021-01-01", periods=300))


@given(st.lists(st.integers(-50, 50), min_size=20, max_size=20))
def test_it_is_spearmans_correlation(values: list[int]) -> None:
    column = pd.Series(values)
    time = pd.Series(range(20))
    rho = float(spearmanr(values, range(20)).statistic) if len(set(values)) > 1 else 0.0
    assert trend(column, time) == (int(np.sign(rho)) if abs(rho) >= WITH_TIME else 0)


@pytest.mark.parametrize(
    ("column", "direction"),
    [
        (pd.Series(range(300)), 1),
        (pd.Series(np.arange(300) + np.random.default_rng(0).normal(0, 20, 300)), 1),
        (pd.Series(range(300, 0, -1), dtype="Int64"), -1),
        (DAYS.dt.strftime("%Y-%m"), 1),
        (DAYS.dt.day_name(), 0),
        (pd.Series([5] * 300), 0),
        (pd.Series([None] * 300, dtype="float64"), 0),
    ],
)
def test_what_goes_with_time_and_what_does_not(column: pd.Series, direction: int) -> None:
    assert trend(column, DAYS) == direction
