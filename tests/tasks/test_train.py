import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from burnish.tasks.findings import InputError
from burnish.tasks.train import Trained, check_weights, predict, train_network
from burnish.tasks.training_recipe import Recipe


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    x = StandardScaler().fit_transform(x).astype(np.float32)
    part = np.random.default_rng(0).permutation(len(x))
    return x[part], y[part].astype(np.int64)


def fitted(cancer, **options) -> Trained:
    x, y = cancer
    defaults = {"dev_features": x[300:400], "dev_labels": y[300:400], "classes": ("m", "b"), "model": "linear"}
    return train_network(x[:300], y[:300], **(defaults | options))


def test_linear_is_near_logistic_regression(cancer):
    x, y = cancer
    ours = predict(fitted(cancer), x[400:])
    theirs = LogisticRegression(C=0.1).fit(x[:300], y[:300]).predict_proba(x[400:])
    assert log_loss(y[400:], ours) < log_loss(y[400:], theirs) + 0.03
    assert abs((ours.argmax(1) == y[400:]).mean() - (theirs.argmax(1) == y[400:]).mean()) < 0.03


def test_auto_takes_the_kind_with_the_smaller_dev_loss(cancer):
    losses = {kind: fitted(cancer, model=kind).history["dev_loss"].min() for kind in ("linear", "mlp")}
    chosen = fitted(cancer, model="auto")
    assert chosen.model == min(losses, key=losses.__getitem__)
    assert chosen.history["dev_loss"].min() == min(losses.values())


def test_history_and_best_epoch_agree(cancer):
    trained = fitted(cancer)
    assert list(trained.history.columns) == ["epoch", "train_loss", "dev_loss", "dev_error"]
    assert trained.best_epoch == trained.history.set_index("epoch")["dev_loss"].idxmin()
    x, y = cancer
    probabilities = predict(trained, x[300:400])
    assert log_loss(y[300:400], probabilities) == pytest.approx(trained.history["dev_loss"].min(), abs=1e-5)
    assert trained.history["dev_error"][trained.best_epoch - 1] == pytest.approx(
        (probabilities.argmax(1) != y[300:400]).mean()
    )


def test_probabilities_are_float32_and_add_up(cancer):
    probabilities = predict(fitted(cancer, model="mlp", recipe=Recipe(epochs=3)), cancer[0])
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert predict(fitted(cancer, recipe=Recipe(epochs=1)), cancer[0][:0]).shape == (0, 2)


def test_same_seed_same_bytes(cancer):
    first, second = (predict(fitted(cancer, model="mlp", recipe=Recipe(epochs=5), seed=3), cancer[0]) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_rows_without_label_or_weight_do_nothing(cancer):
    x, y = cancer
    dev = {
        "dev_features": x[300:400],
        "dev_labels": y[300:400],
        "classes": ("m", "b"),
        "model": "linear",
        "recipe": Recipe(epochs=3),
    }
    plain = train_network(x[:200], y[:200], **dev)
    labels = np.concatenate([y[:250], np.full(50, -1)])
    weights = np.where(np.arange(300) < 200, 2.0, 0.0)
    padded = train_network(x[:300], labels, weights, **dev)
    assert predict(plain, x).tobytes() == predict(padded, x).tobytes()


def test_weights_turn_the_model(cancer):
    x, y = cancer
    heavy = np.where(y[:300] == 0, 20.0, 1.0)
    share = [
        (
            predict(
                fitted(cancer, dev_features=None, recipe=Recipe(epochs=30))
                if s is None
                else train_network(x[:300], y[:300], s, classes=("m", "b"), model="linear", recipe=Recipe(epochs=30)),
                x[400:],
            ).argmax(1)
            == 0
        ).mean()
        for s in (None, heavy)
    ]
    assert share[1] > share[0]


def test_without_dev_all_epochs_run(cancer):
    x, y = cancer
    trained = train_network(x, y, classes=("m", "b"), recipe=Recipe(epochs=4))
    assert (trained.model, trained.best_epoch, len(trained.history)) == ("mlp", 4, 4)
    assert trained.history["dev_loss"].isna().all()


def test_many_classes():
    x, y = load_digits(return_X_y=True)
    part = np.random.default_rng(0).permutation(len(x))
    x, y = x[part].astype(np.float32), y[part]
    trained = train_network(
        x[:1200], y[:1200], dev_features=x[1200:1500], dev_labels=y[1200:1500], classes=tuple("0123456789"), model="mlp"
    )
    assert (predict(trained, x[1500:]).argmax(1) == y[1500:]).mean() > 0.95


@pytest.mark.parametrize("bad", [[1.0, -1.0], [1.0, np.nan], [np.inf, 1.0], [1.0]])
def test_refuses_weights(bad):
    with pytest.raises(InputError, match="weight"):
        check_weights(np.array(bad), 2)


def test_ordinary_weights_are_left_as_they_are():
    given = np.array([0.0, 0.1, 1e-29, 1e29])
    assert check_weights(given, 4).tobytes() == given.astype(np.float32).tobytes()


@pytest.mark.parametrize("size", [1e39, 1e300, 1e-60, 1e-300, 3e38])
def test_weights_of_any_size_keep_what_they_are_to_one_another(size):
    s = check_weights(np.array([1.0, 2.0, 0.0, 3.0]) * size, 4)
    assert s.dtype == np.float32 and 0.1 < s.max() <= 1
    np.testing.assert_allclose(s / s[0], [1, 2, 0, 3], rtol=1e-6)


@pytest.mark.parametrize("size", [2.0**120, 2.0**-190, 2.0**1000])
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_weights_of_any_size_train_the_same_network(cancer, size, model):
    x, y = cancer
    kinds = {"classes": ("m", "b"), "model": model, "recipe": Recipe(epochs=3)}
    plain, turned = (train_network(x[:200], y[:200], np.full(200, s), **kinds) for s in (1.0, size))
    assert predict(plain, x).tobytes() == predict(turned, x).tobytes()


def test_refuses_nothing_to_learn_from(cancer):
    x, y = cancer
    with pytest.raises(InputError, match="label"):
        train_network(x, np.full_like(y, -1), classes=("m", "b"))
    with pytest.raises(InputError, match="all weights"):
        train_network(x, y, np.zeros(len(x)), classes=("m", "b"))
    with pytest.raises(InputError, match="width 30"):
        predict(fitted(cancer, recipe=Recipe(epochs=1)), x[:, :5])


def test_soft_labels_of_one_class_are_labels_and_others_temper(cancer):
    x, y = cancer
    sure = np.eye(2, dtype=np.float32)[y[:300]]
    hard, same, soft = (
        predict(fitted(cancer, model="mlp", targets=targets, recipe=Recipe(epochs=8)), x[400:])
        for targets in (None, sure, 0.8 * sure + 0.1)
    )
    np.testing.assert_allclose(hard, same, atol=1e-4)
    assert soft.max() < hard.max()


def test_says_how_it_was_fitted(cancer):
    assert fitted(cancer, recipe=Recipe(epochs=2)).how == "cross-entropy by L-BFGS in long strides"
    assert "sgd, learning rate 0.1" in fitted(cancer, model="mlp", recipe=Recipe(epochs=1, optimizer="sgd")).how


def test_the_generalized_loss_is_not_stopped_at_once_by_wrong_dev_labels():
    """It teaches to be too sure: by the log loss as it stands the first epochs would be kept."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 900)
    features = (rng.normal(size=(900, 8)) + 1.2 * truth[:, None] * (np.arange(8) < 3)).astype(np.float32)
    given = np.where(rng.random(900) < 0.25, 1 - truth, truth)
    learnt, dev = slice(0, 600), slice(600, 900)
    trained = train_network(
        features[learnt], given[learnt], dev_features=features[dev], dev_labels=given[dev], classes=("a", "b"),
        model="mlp", recipe=Recipe(loss="generalized", decay="cosine", epochs=30),
    )  # fmt: skip
    assert trained.best_epoch > 3
    assert (predict(trained, features[dev]).argmax(axis=1) == truth[dev]).mean() > 0.83
    assert trained.history["dev_loss"].min() < np.log(2)
