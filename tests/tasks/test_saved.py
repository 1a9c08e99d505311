import json

import numpy as np
import pandas as pd
import pytest

from burnish.tasks.encoders import fit_patch_encoder
from burnish.tasks.features import fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.saved import MODEL, NETWORK, PLAIN, TENSORS, load_model, save_model
from burnish.tasks.train import predict, train_network

CLASSES = ("no", "yes")
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {"size": RNG.normal(size=60), "town": RNG.choice(["York", "Bath"], 60), "note": ["a word", "word two"] * 30}
)
PIXELS = RNG.integers(0, 255, (60, 16, 16, 3), dtype=np.uint8)
ARRAY = RNG.normal(size=(60, 5))


def saved(folder, rows, encoder, kind="mlp", **options):
    features = encoder.transform(rows)
    trained = train_network(features, np.arange(60) % 2, classes=CLASSES, model=kind, hidden=(8,), epochs=2)
    save_model(folder, trained, encoder, classes=CLASSES, **options)
    return predict(trained, features)


@pytest.mark.parametrize(
    ("rows", "encoder"),
    [
        (TABLE, fit_table_encoder(TABLE, learn_from=["size", "town"], text="note")),
        (PIXELS, fit_patch_encoder(PIXELS, filters=8, components=6)),
        (ARRAY, fit_array_encoder(ARRAY)),
    ],
    ids=["table", "patches", "array"],
)
@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_predicts_the_same_after_loading(tmp_path, rows, encoder, kind):
    before = saved(tmp_path / "model", rows, encoder, kind)
    model = load_model(tmp_path / "model")
    assert model.classes == CLASSES
    assert model.predict(rows).tobytes() == before.tobytes()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == sorted([MODEL, NETWORK, PLAIN, TENSORS])


def test_pretrained_comes_back_by_name(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    from burnish.tasks.encoders import pretrained_encoder

    before = saved(tmp_path, PIXELS, pretrained_encoder(), "linear")
    assert load_model(tmp_path).predict(PIXELS).tobytes() == before.tobytes()


def test_temperature_flattens(tmp_path):
    plain = saved(tmp_path, ARRAY, fit_array_encoder(ARRAY), temperature=3.0)
    warm = load_model(tmp_path).predict(ARRAY)
    assert (warm.argmax(1) == plain.argmax(1)).all()
    assert (warm.max(1) <= plain.max(1)).all()
    np.testing.assert_allclose(warm, plain ** (1 / 3) / (plain ** (1 / 3)).sum(1, keepdims=True), rtol=1e-4)


@pytest.mark.parametrize("name", [MODEL, NETWORK, PLAIN, TENSORS])
def test_refuses_files_that_were_changed_or_are_gone(tmp_path, name):
    saved(tmp_path, ARRAY, fit_array_encoder(ARRAY))
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0.", b"1.", 1) if name == MODEL else content[:-1] + b"\x07")
    with pytest.raises(InputError, match=name):
        load_model(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        load_model(tmp_path)


def test_refuses_another_format_and_what_is_no_model(tmp_path):
    saved(tmp_path, ARRAY, fit_array_encoder(ARRAY))
    path = tmp_path / MODEL
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        load_model(tmp_path)
    for text in ("{", "[]", "{}", "\x00"):
        path.write_text(text)
        with pytest.raises(InputError, match="describes no model"):
            load_model(tmp_path)
