import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.examples import read_examples
from burnish.tasks.features import TableEncoder, fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.strengths import apply_strengths


@pytest.fixture
def examples(tmp_path: Path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 9, 200).round(2),
            "town": rng.choice(["york", "hull"], 200),
            "note": rng.choice(["good bread", "bad wine"], 200),
            "sex": rng.choice(["f", "m"], 200),
            "kind": rng.choice(["a", "b"], 200),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    return read_examples(tmp_path / "t.csv", label="kind", text="note", exclude=["sex"])


def encode(examples, strengths):
    return fit_table_encoder(examples.attributes, learn_from=examples.columns, text=examples.text, strengths=strengths)


def test_features_of_a_column_are_multiplied(examples):
    plain = encode(examples, {}).transform(examples.attributes)
    strong = encode(examples, {"age": 2.5, "note": 0.5})
    made = strong.transform(examples.attributes)
    factor = [2.5 if name.startswith("age") else 1 if name.startswith("town") else 0.5 for name in strong.names]
    np.testing.assert_allclose(made, plain * np.array(factor, np.float32), rtol=1e-6)


def test_strengths_are_stored_with_the_encoder(examples):
    encoder = encode(examples, {"age": 2.5, "note": 0.5})
    again = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), encoder.tensors())
    np.testing.assert_array_equal(again.transform(examples.attributes), encoder.transform(examples.attributes))


def test_strength_0_leaves_a_column_out(examples):
    weighed = apply_strengths(examples, {"town": 0, "note": 0, "age": 3})
    assert (weighed.columns, weighed.text) == (["age"], None)
    assert encode(examples, {"town": 0.0, "note": 0.0}).columns == ("age",)
    assert weighed.findings[-1].code == "columns.strengths"
    assert "'age' × 3" in weighed.findings[-1].title


@pytest.mark.parametrize(
    ("strengths", "phrases"),
    [
        ({"agee": 2}, ("no column 'agee'", "did you mean 'age'?")),
        ({"sex": 2}, ("'sex' is not learnt from",)),
        ({"age": 0, "town": 0, "note": 0}, ("leaves out every column",)),
    ],
)
def test_what_cannot_be_weighed_is_refused(examples, strengths, phrases):
    with pytest.raises(InputError) as refused:
        apply_strengths(examples, strengths)
    assert all(phrase in str(refused.value) for phrase in ("features.weights", *phrases))


def test_nothing_named_changes_nothing(examples):
    assert apply_strengths(examples, {}) is examples
