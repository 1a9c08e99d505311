import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from burnish.tasks.single_column import EVERY_CLASS, bin_column, bin_numbers, sharpen, tell


def folds(n):
    return np.arange(n) % 5


def test_held_out_counts_agree_with_a_loop_over_folds():
    rng = np.random.default_rng(0)
    codes, bins, fold = rng.integers(0, 3, 900), rng.integers(0, 12, 900), rng.integers(0, 5, 900)
    bins = np.where(rng.random(900) < 0.5, codes * 4, bins)
    shares = np.bincount(codes, minlength=3) / 900
    wrong, score = 0, np.zeros(900)
    for own in range(5):
        for each in range(12):
            rest = np.bincount(codes[(fold != own) & (bins == each)], minlength=3) + shares
            mine = (fold == own) & (bins == each)
            wrong += int((codes[mine] != rest.argmax()).sum())
            score[mine] = rest[1] / rest.sum()
    told = {each.target: each for each in tell(bins, codes, fold, 3)}
    assert told[EVERY_CLASS].errors == wrong
    assert told[1].auc == pytest.approx(roc_auc_score(codes == 1, score))
    assert told[1].errors == ((score > 0.5) != (codes == 1)).sum()


def test_unique_values_say_nothing_of_the_next_row():
    codes = np.arange(500) % 2
    assert tell(np.arange(500), codes, folds(500), 2) == []


def test_a_small_tree_finds_the_cut_that_quantiles_miss():
    rng = np.random.default_rng(1)
    values = rng.normal(size=3000)
    codes = (values > 0.123456).astype(np.int64)
    coarse = tell(bin_numbers(values), codes, folds(3000), 2)[0]
    assert sharpen(values, codes, folds(3000), coarse).errors <= 5 < coarse.errors


def test_limits_hold_the_relative_error_and_shrink_with_rows():
    widths = []
    for n in (200, 2000):
        codes = np.arange(n) // 2 % 2
        noisy = np.where(np.arange(n) % 20 == 0, 1 - codes, codes)
        told = tell(noisy, codes, folds(n), 2)[0]
        low, high = told.limits
        assert low <= told.relative <= high
        widths.append(high - low)
    assert widths[1] < widths[0]


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(-5, 5)), min_size=1, max_size=200))
@settings(max_examples=50, deadline=None)
def test_bins_keep_the_order_and_the_missing_apart(values):
    column = pd.Series(values, dtype="Float64")
    bins = bin_column(column)
    missing = column.isna().to_numpy()
    if missing.any() and not missing.all():
        assert set(bins[missing]).isdisjoint(bins[~missing])
    order = np.argsort(column[~missing].to_numpy(dtype=float), kind="stable")
    assert (np.diff(bins[~missing][order]) >= 0).all()
