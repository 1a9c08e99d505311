"""Trees read the columns as they are, by what the training rows taught, and the same after a file in between."""

import json

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.findings import InputError
from burnish.tasks.tree_columns import LEVELS, TreeEncoder, fit_tree_encoder


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(0)
    n = 600
    size = rng.normal(size=n)
    return pd.DataFrame(
        {
            "town": pd.Series(rng.choice(["York", "Hull", "Leeds"], n), dtype="str").mask(rng.random(n) < 0.2),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(pd.Series(rng.integers(0, 900, n)), unit="D"),
            "sold": pd.array(np.where(rng.random(n) < 0.1, None, size > 0), dtype="boolean"),
            "size": pd.Series(size).mask(rng.random(n) < 0.3),
            "empty": np.nan,
            "nothing": pd.Series([None] * n, dtype="str"),
            "one": 1,
        }
    )


def test_a_table_keeps_its_types(mixed):
    encoder = fit_tree_encoder(mixed, list(mixed), np.ones(len(mixed), bool))
    cells = encoder.transform(mixed)
    assert encoder.names == tuple(mixed)
    assert encoder.categorical.tolist() == [True, False, False, False, False, True, False]
    np.testing.assert_array_equal(np.isnan(cells), mixed.isna().to_numpy())
    codes = cells[:, 0]
    assert set(codes[~np.isnan(codes)]) == {0, 1, 2}
    assert (mixed["town"].to_numpy()[codes == 0] == mixed["town"].value_counts().index[0]).all()
    assert cells[:, 1].max() < 20_000  # days since 1970
    assert set(cells[~np.isnan(cells[:, 2]), 2]) == {0, 1}


def test_comes_back_from_json(mixed):
    many = pd.Series([f"r{i}" for i in range(300)] * 2, dtype="str")
    frame = mixed.assign(many=many, long=np.random.default_rng(1).normal(size=600))
    encoder = fit_tree_encoder(frame, list(frame), np.ones(len(frame), bool))
    again = TreeEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), {})
    assert again == encoder
    np.testing.assert_array_equal(again.transform(frame), encoder.transform(frame))


def test_levels_beyond_the_histograms_are_told_by_how_common_they_are():
    rare = np.array([f"r{i:03d}" for i in range(400)])
    frame = pd.DataFrame({"who": pd.Series(np.concatenate([np.repeat("often", 300), rare, rare]), dtype="str")})
    encoder = fit_tree_encoder(frame, ["who"], np.ones(1100, bool))
    assert encoder.names == ("who", "who how common")
    assert encoder.categorical.tolist() == [True, False]
    assert encoder.transform(frame)[:, 0].max() == LEVELS - 1


def test_levels_are_learnt_where_told():
    frame = pd.DataFrame({"who": pd.Series(["a", "a", "b", "c"], dtype="str")})
    encoder = fit_tree_encoder(frame, ["who"], np.array([True, True, True, False]))
    np.testing.assert_array_equal(encoder.transform(frame)[:, 0], [0, 0, 1, np.nan])


def test_quantiles_keep_the_order_of_a_long_column():
    values = np.random.default_rng(0).lognormal(size=2_000)
    values[5] = np.nan
    frame = pd.DataFrame({"x": values})
    cells = fit_tree_encoder(frame, ["x"], np.arange(2_000) < 1_500).transform(frame)[:, 0]
    assert np.isnan(cells[5])
    ordered = cells[np.argsort(values)][:-1]
    assert (np.diff(ordered) >= 0).all() and len(np.unique(ordered)) == LEVELS


def test_refuses(mixed):
    learnt = np.ones(len(mixed), bool)
    with pytest.raises(InputError, match="no column"):
        fit_tree_encoder(mixed, [], learnt)
    encoder = fit_tree_encoder(mixed, ["size", "town"], learnt)
    with pytest.raises(InputError, match="'size', which the model learns from"):
        encoder.transform(mixed.rename(columns={"size": "sise"}))
    with pytest.raises(InputError, match="'size' held a number"):
        encoder.transform(mixed.assign(size="big"))
