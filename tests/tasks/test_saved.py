import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load, save

from burnish.tasks.encoders import fit_patch_encoder
from burnish.tasks.features import fit_array_encoder, fit_table_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.saved import BESIDE, MODEL, NETWORK, PLAIN, TENSORS, TREES, load_model, save_model
from burnish.tasks.train import predict, train_network
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.tree_training import RIDGE, train_trees

CLASSES = ("no", "yes")
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {"size": RNG.normal(size=60), "town": RNG.choice(["York", "Bath"], 60), "note": ["a word", "word two"] * 30}
)
PIXELS = RNG.integers(0, 255, (60, 16, 16, 3), dtype=np.uint8)
ARRAY = RNG.normal(size=(60, 5))


def saved(folder, rows, encoder, kind="mlp", **options):
    features = encoder.transform(rows)
    trained = train_network(
        features, np.arange(60) % 2, classes=CLASSES, model=kind, recipe=Recipe(hidden=(8,), epochs=2)
    )
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


def test_embedded_categories_predict_the_same_after_loading_and_know_new_levels(tmp_path):
    encoder = fit_table_encoder(TABLE, learn_from=["size", "town"])
    features = encoder.transform(TABLE)
    recipe = Recipe(hidden=(8,), epochs=2, blocks=encoder.blocks)
    trained = train_network(features, np.arange(60) % 2, classes=CLASSES, model="mlp", recipe=recipe)
    save_model(tmp_path, trained, encoder, classes=CLASSES)
    model = load_model(tmp_path)
    assert model.network.blocks == encoder.blocks != ()
    assert model.predict(TABLE).tobytes() == predict(trained, features).tobytes()
    new = model.predict(TABLE.assign(town="Leeds"))
    assert np.isfinite(new).all() and np.allclose(new.sum(axis=1), 1)
    assert (new == model.predict(TABLE.assign(town="Ely"))).all()


def test_pretrained_comes_back_by_name(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    from burnish.tasks.pretrained import pretrained_encoder

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


@pytest.mark.parametrize("name", BESIDE)
def test_refuses_a_treatment_that_was_changed_is_gone_or_came_later(tmp_path, name):
    features = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    network = train_network(features, np.arange(40) % 2, classes=("a", "b"), model="linear")
    (tmp_path / name).write_text("{}")
    save_model(tmp_path, network, fit_array_encoder(features), classes=("a", "b"))
    load_model(tmp_path)
    (tmp_path / name).write_text("{} ")
    with pytest.raises(InputError, match=f"{name} is not as it was saved: take the model folder from its run again$"):
        load_model(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match="is not as it was saved"):
        load_model(tmp_path)
    save_model(tmp_path, network, fit_array_encoder(features), classes=("a", "b"))
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match="is not as it was saved"):
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


def mixed(rows, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "size": pd.Series(rng.normal(size=rows)).mask(rng.random(rows) < 0.1),
            "town": pd.Series(rng.choice(["York", "Bath", f"new {seed}"], rows), dtype="str"),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(pd.Series(rng.integers(0, 900, rows)), unit="D"),
            "sold": pd.array(np.where(rng.random(rows) < 0.1, None, rng.random(rows) < 0.5), dtype="boolean"),
            "who": pd.Series([f"w{place}" for place in rng.integers(0, 700, rows)], dtype="str"),
        }
    )
    frame["town"] = frame["town"].mask(rng.random(rows) < 0.1)
    return frame


@pytest.fixture(scope="module")
def trees():
    frame, rng = mixed(600, 0), np.random.default_rng(0)
    told = (frame["town"] == "York").to_numpy(int) + (frame["size"].fillna(0) > 0).to_numpy(int)
    labels = np.where(rng.random(600) < 0.1, rng.integers(0, 3, 600), told).astype(np.int64)
    dev = np.arange(450, 600)
    shown = np.where(np.arange(600) < 450, labels, -1)
    return train_trees(
        frame, shown, rng.random(600), dev=dev, dev_labels=labels[dev], learn_from=list(frame), classes="abc"
    )


def test_trees_give_scikit_learns_numbers_after_loading(tmp_path, trees):
    from sklearn.ensemble import HistGradientBoostingClassifier

    save_model(tmp_path / "model", trees, trees.encoder, classes=("a", "b", "c"))
    model = load_model(tmp_path / "model")
    files = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert files == sorted([MODEL, TREES, PLAIN, TENSORS])
    new = mixed(500, 1)  # with towns and people that were never met
    np.testing.assert_array_equal(model.predict(new), trees.predict(new))
    cells, rng = model.encoder.transform(mixed(600, 0))[:450], np.random.default_rng(0)
    frame = mixed(600, 0)
    told = (frame["town"] == "York").to_numpy(int) + (frame["size"].fillna(0) > 0).to_numpy(int)
    labels = np.where(rng.random(600) < 0.1, rng.integers(0, 3, 600), told)[:450]
    weights = rng.random(600)[:450].astype(np.float32)
    fitted = HistGradientBoostingClassifier(
        categorical_features=model.encoder.categorical,
        early_stopping=False,
        l2_regularization=RIDGE,
        max_iter=trees.best_epoch,
        random_state=0,
    ).fit(cells, labels, sample_weight=weights / weights.mean())
    read = model.encoder.transform(new)
    np.testing.assert_array_equal(model.network.scores(read), fitted.decision_function(read))
    np.testing.assert_array_equal(model.predict(new), fitted.predict_proba(read))


def test_a_network_saved_over_trees_leaves_none(tmp_path, trees):
    save_model(tmp_path, trees, trees.encoder, classes=("a", "b", "c"))
    before = saved(tmp_path, ARRAY, fit_array_encoder(ARRAY))
    assert not (tmp_path / TREES).exists()
    assert load_model(tmp_path).predict(ARRAY).tobytes() == before.tobytes()


@pytest.mark.parametrize("name", [MODEL, TREES, PLAIN, TENSORS])
def test_refuses_trees_that_were_changed(tmp_path, trees, name):
    save_model(tmp_path, trees, trees.encoder, classes=("a", "b", "c"))
    path = tmp_path / name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"1.", b"2.", 1) if name == MODEL else content[:-1] + b"\x07")
    with pytest.raises(InputError, match=name):
        load_model(tmp_path)


def forged(folder, change):
    """Change the model folder and write sums that fit."""
    model = json.loads((folder / MODEL).read_text())
    change(model)
    model.pop("sum")
    there = {name: sha256((folder / name).read_bytes()).hexdigest() for name, old in model["sha256"].items() if old}
    model["sha256"] |= there
    model["sum"] = sha256(json.dumps(model, indent=1, ensure_ascii=False).encode()).hexdigest()
    (folder / MODEL).write_text(json.dumps(model, indent=1, ensure_ascii=False))


def test_trees_that_would_never_end_are_refused(tmp_path, trees):
    save_model(tmp_path, trees, trees.encoder, classes=("a", "b", "c"))
    tensors = load((tmp_path / TREES).read_bytes())
    tensors["right"][1] = 0
    (tmp_path / TREES).write_bytes(save(tensors))
    forged(tmp_path, lambda model: None)
    with pytest.raises(InputError, match="outside themselves"):
        load_model(tmp_path)


def test_numbers_that_would_predict_nothing_are_refused(tmp_path):
    saved(tmp_path, ARRAY, fit_array_encoder(ARRAY))
    forged(tmp_path, lambda model: model.update(temperature=0.0))
    with pytest.raises(InputError, match="a temperature of 0"):
        load_model(tmp_path)
    saved(tmp_path, ARRAY, fit_array_encoder(ARRAY))
    tensors = load((tmp_path / NETWORK).read_bytes())
    next(iter(tensors.values())).fill_(np.nan)
    (tmp_path / NETWORK).write_bytes(save(tensors))
    forged(tmp_path, lambda model: None)
    with pytest.raises(InputError, match="NaN or infinite"):
        load_model(tmp_path)


def test_a_folder_put_together_of_two_models_is_refused(tmp_path, trees):
    save_model(tmp_path, trees, trees.encoder, classes=("a", "b", "c"))
    for change in (lambda m: m["classes"].pop(), lambda m: m["sha256"].pop(TREES), lambda m: m.pop("classes")):
        save_model(tmp_path, trees, trees.encoder, classes=("a", "b", "c"))
        forged(tmp_path, change)
        with pytest.raises(InputError, match="holds no model that this version"):
            load_model(tmp_path)
