import json

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.features import ArrayEncoder, TableEncoder, fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import InputError


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 600
    return pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "count": pd.array(rng.integers(0, 5, n), dtype="Int64"),
            "member": pd.array(rng.random(n) < 0.3, dtype="boolean"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "town": rng.choice(["York", "Bath", "Ely"], n),
            "constant": 1.0,
            "empty": np.nan,
            "note": rng.choice(["a good wine", "a bad wine", "no wine at all", "bread and butter"], n),
        }
    ).assign(age=lambda f: f["age"].mask(rng.random(n) < 0.1))


LEARN = ["age", "count", "member", "since", "town", "constant", "empty"]


def test_features_are_float32_finite_and_named(frame):
    encoder = fit_table_encoder(frame, learn_from=LEARN, text="note")
    made = encoder.transform(frame)
    assert made.dtype == np.float32
    assert made.shape == (600, len(encoder.names))
    assert np.isfinite(made).all()
    assert len(set(encoder.names)) == len(encoder.names)
    assert "constant" not in encoder.columns
    assert "empty" not in encoder.columns


def test_learns_from_the_training_rows_only(frame):
    encoder = fit_table_encoder(frame[:300], learn_from=LEARN)
    changed = frame.copy()
    changed.loc[300:, "age"] = 1e6
    again = fit_table_encoder(changed[:300], learn_from=LEARN)
    assert encoder == again
    assert (encoder.transform(frame)[:300] == again.transform(changed)[:300]).all()


def test_each_row_by_itself(frame):
    encoder = fit_table_encoder(frame, learn_from=LEARN, text="note")
    np.testing.assert_allclose(encoder.transform(frame)[7:9], encoder.transform(frame[7:9]), atol=1e-6)
    assert encoder.transform(frame[:0]).shape == (0, len(encoder.names))


def test_through_json_and_back(frame):
    encoder = fit_table_encoder(frame, learn_from=LEARN, text="note")
    plain = json.loads(json.dumps(encoder.to_dict(), allow_nan=False))
    again = TableEncoder.from_dict(plain, encoder.tensors())
    assert again.transform(frame).tobytes() == encoder.transform(frame).tobytes()
    assert again.names == encoder.names


def test_absent_column_is_named_and_extra_ones_pass(frame):
    encoder = fit_table_encoder(frame, learn_from=LEARN)
    assert encoder.transform(frame.assign(more=1)).shape[0] == 600
    with pytest.raises(InputError, match=r"no column 'age'.*did you mean 'Age'"):
        encoder.transform(frame.rename(columns={"age": "Age"}))
    with pytest.raises(InputError, match="'ages'"):
        fit_table_encoder(frame, learn_from=["ages"])


def test_nothing_left_to_learn_from(frame):
    with pytest.raises(InputError, match="empty or constant"):
        fit_table_encoder(frame, learn_from=["constant", "empty"])


def test_embeddings_keep_their_ratios_and_come_back():
    rows = np.random.default_rng(0).normal([1, 2, 3], [1, 5, 0.1], (100, 3))
    encoder = fit_array_encoder(rows)
    made = encoder.transform(rows)
    assert np.sqrt(np.square(made).mean()) == pytest.approx(1, abs=1e-5)
    assert made[:, 1].std() / made[:, 2].std() == pytest.approx(rows[:, 1].std() / rows[:, 2].std(), rel=1e-4)
    again = ArrayEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), encoder.tensors())
    assert again.transform(rows).tobytes() == made.tobytes()


def test_embeddings_that_do_not_fit():
    encoder = fit_array_encoder(np.ones((4, 2)))
    with pytest.raises(InputError, match="width 2"):
        encoder.transform(np.ones((4, 3)))
    with pytest.raises(InputError, match="first is row 1"):
        encoder.transform(np.array([[0.0, 1], [np.nan, 1]]))


def test_blocks_are_the_features_of_each_column_of_categories(frame):
    encoder = fit_table_encoder(frame, learn_from=list(frame.columns))
    assert encoder.blocks
    for column, (start, end) in zip(encoder.categories, encoder.blocks, strict=True):
        assert list(encoder.names[start:end]) == column.names
    assert not fit_table_encoder(frame[["age"]], learn_from=["age"]).blocks


def test_more_levels_get_a_feature_each_where_asked():
    town = pd.DataFrame({"town": [f"t{place}" for place in range(80)] * 4})
    few, all_of_them = (fit_table_encoder(town, learn_from=["town"], levels=most) for most in (50, 80))
    assert len(few.categories[0].levels) == 50 and few.categories[0].hashes
    assert len(all_of_them.categories[0].levels) == 80 and not all_of_them.categories[0].hashes
    assert all_of_them.transform(town).sum() == len(town)
