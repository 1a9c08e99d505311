import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.strata import bin_values, merge_strata, strata_findings


def test_numbers_are_binned_by_their_quantiles() -> None:
    values = pd.Series(np.exp(np.random.default_rng(0).normal(size=1000)))
    assert np.bincount(bin_values(values)).tolist() == [200] * 5
    values[:100] = np.nan
    assert np.bincount(bin_values(values)).tolist() == [180] * 5 + [100]


def test_few_numbers_booleans_dates_and_words_are_values() -> None:
    assert bin_values(pd.Series([3, 1, 3, 2])).tolist() == [2, 0, 2, 1]
    assert len(set(bin_values(pd.Series([True, False, None], dtype="boolean")).tolist())) == 3
    assert bin_values(pd.Series(pd.to_datetime(["2020-01-02", None, "2020-01-01"]))).tolist() == [1, 2, 0]
    assert bin_values(pd.Series(["b", None, "a", "b"])).tolist() == [0, 2, 1, 0]


@given(st.integers(0, 999), st.integers(1, 40))
def test_every_stratum_but_the_base_has_enough_rows(seed: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    columns = pd.DataFrame({"a": rng.integers(0, 4, n), "b": rng.choice(list("uvwxyz"), n)})
    label, source = rng.integers(-1, 3, n), rng.integers(0, 2, n)
    strata = merge_strata(columns, label, source, least)
    frame = pd.DataFrame({"label": label, "source": source, "stratum": strata.codes})[label >= 0]
    sizes = frame.groupby("stratum").size()
    assert len(frame.drop_duplicates()) == frame["stratum"].nunique()  # each within one cell
    too_small = frame[frame["stratum"].map(sizes) < least]
    assert too_small.groupby(["label", "source"])["stratum"].nunique().le(1).all()  # what is left of a cell is together
    assert strata.made <= strata.wanted
    assert bool(strata_findings(strata)) == (strata.merged_rows > 0)


def test_the_first_column_gives_way_last() -> None:
    rng = np.random.default_rng(0)
    columns = pd.DataFrame({"sex": np.tile(["f", "m"], 100), "name": rng.permutation(200).astype(str)})
    nobody = np.zeros(200, dtype=np.int64)
    strata = merge_strata(columns, nobody, nobody, least=20)
    assert strata.made == 2
    assert strata.merged_rows == 200
    assert pd.crosstab(columns["sex"], strata.codes).to_numpy().tolist() in ([[100, 0], [0, 100]], [[0, 100], [100, 0]])
