import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import StandardScaler

from burnish.tasks import folds as module
from burnish.tasks.findings import InputError
from burnish.tasks.folds import OutOfFold, best_pass, held_out_log_loss, out_of_fold
from burnish.tasks.training_recipe import Recipe

CLASSES = ("m", "b")


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(x).astype(np.float32), y.astype(np.int64)


def test_near_sklearn_cross_val_predict(cancer):
    x, y = cancer
    ours = out_of_fold(x, y, classes=CLASSES, model="linear")
    theirs = cross_val_predict(LogisticRegression(C=0.1), x, y, method="predict_proba")
    assert ours.log_loss == pytest.approx(log_loss(y, ours.probabilities), abs=1e-5)
    assert ours.log_loss < log_loss(y, theirs) + 0.02


def test_no_row_sees_its_own_label():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 30)).astype(np.float32), rng.integers(0, 2, 300)
    made = out_of_fold(x, y, classes=CLASSES, model="mlp")
    assert 0.4 < (made.probabilities.argmax(1) == y).mean() < 0.6


def test_auto_is_no_worse_than_either(cancer):
    x, y = cancer
    y = np.where(np.random.default_rng(0).random(len(y)) < 0.1, 1 - y, y)
    each = {
        kind: out_of_fold(x, y, classes=CLASSES, model=kind, recipe=Recipe(epochs=15)).log_loss
        for kind in ("linear", "mlp")
    }
    made = out_of_fold(x, y, classes=CLASSES, model="auto", recipe=Recipe(epochs=15))
    assert made.log_loss <= min(each.values())
    np.testing.assert_allclose(made.probabilities.sum(1), 1, atol=1e-5)


def one_pass(model, probabilities, loss, dynamics=None):
    return OutOfFold(np.array(probabilities, np.float32), dynamics, np.zeros(2, np.int64), model, 5, loss, "two folds")


def test_the_best_pass_is_chosen_by_log_loss():
    labels = np.array([0, 1])
    good, bad = one_pass("mlp", [[0.9, 0.1], [0.1, 0.9]], 0.105), one_pass("boosting", [[0.1, 0.9], [0.9, 0.1]], 2.3)
    assert best_pass([good, bad], labels).model == "mlp"
    assert best_pass([bad], labels).model == "boosting"


def test_the_mean_of_passes_is_a_candidate():
    labels = np.array([0, 1])
    left, right = (
        one_pass("mlp", [[0.99, 0.01], [0.9, 0.1]], 1.16),
        one_pass("boosting", [[0.1, 0.9], [0.01, 0.99]], 1.16),
    )
    best = best_pass([left, right], labels)
    assert best.model == "mlp+boosting" and best.note == "two folds"
    np.testing.assert_allclose(best.probabilities, [[0.545, 0.455], [0.455, 0.545]], rtol=1e-6)
    assert best.log_loss == pytest.approx(-np.log(0.545), rel=1e-6)


def test_a_pass_without_dynamics_takes_over_the_networks():
    labels, heard = np.array([0, 1]), np.full((2, 2), 0.5, np.float32)
    network = one_pass("mlp", [[0.1, 0.9], [0.9, 0.1]], 2.3, heard)
    best = best_pass([network, one_pass("boosting", [[0.9, 0.1], [0.1, 0.9]], 0.105)], labels)
    assert best.model == "boosting"
    np.testing.assert_array_equal(best.dynamics, heard)


def test_log_loss_weighs_and_passes_over_missing_labels(cancer):
    labels, weights = np.array([0, 1, -1]), np.array([3.0, 1.0, 9.0])
    said = np.array([[0.5, 0.5], [0.75, 0.25], [0.0, 1.0]])
    assert held_out_log_loss(said, labels, weights) == pytest.approx(log_loss([0, 1], said[:2], sample_weight=[3, 1]))


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_the_dynamics_of_a_row_never_hear_its_own_label(cancer, monkeypatch, model):
    x, y = cancer
    fold = np.arange(len(y)) % 3
    monkeypatch.setattr(module, "assign_folds", lambda *_, **__: (fold, ""))
    told = out_of_fold(x, y, classes=CLASSES, model=model, recipe=Recipe(epochs=3))
    other = np.where(np.arange(len(y)) == 7, 1 - y, y)
    retold = out_of_fold(x, other, classes=CLASSES, model=model, recipe=Recipe(epochs=3))
    same = fold == fold[7]
    np.testing.assert_array_equal(told.dynamics[same], retold.dynamics[same])
    assert (told.dynamics[~same] != retold.dynamics[~same]).any(axis=1).all()


def test_dynamics_are_the_mean_log_probabilities_of_the_epochs(cancer, monkeypatch):
    x, y = cancer
    labels = np.where(np.arange(len(y)) % 5 == 0, -1, y)
    heard, asked = [], module._Stack._held_out

    def listen(stack, network):
        logs = asked(stack, network)
        heard.append(logs.clone())
        return logs

    monkeypatch.setattr(module._Stack, "_held_out", listen)
    made = out_of_fold(x, labels, classes=CLASSES, model="mlp", recipe=Recipe(epochs=6))
    rows = np.argsort(made.fold, kind="stable")[(labels < 0).sum() :]
    mean = np.mean([logs.numpy() for logs in heard[:6]], axis=0)
    np.testing.assert_allclose(np.diff(np.log(made.dynamics[rows])), np.diff(mean), atol=1e-4)


def test_dynamics_of_all_rows_are_probabilities_that_know_the_classes(cancer):
    x, y = cancer
    hidden = np.where(np.arange(len(y)) % 5 == 0, -1, y)
    made = out_of_fold(x, hidden, classes=CLASSES, model="auto", recipe=Recipe(epochs=20))
    assert made.dynamics.dtype == np.float32
    np.testing.assert_allclose(made.dynamics.sum(1), 1, atol=1e-5)
    assert (made.dynamics.argmax(1) == y)[hidden < 0].mean() > 0.9
    assert (made.dynamics.argmax(1) == y)[hidden >= 0].mean() > 0.9


def test_dynamics_do_not_depend_on_other_rows_without_label(cancer):
    x, y = cancer
    hidden = np.where(np.arange(len(y)) % 5 == 0, -1, y)
    fewer = np.flatnonzero((hidden >= 0) | (np.arange(len(y)) % 10 == 0))
    made = out_of_fold(x, hidden, classes=CLASSES, model="linear", recipe=Recipe(epochs=4))
    left = out_of_fold(x[fewer], hidden[fewer], classes=CLASSES, model="linear", recipe=Recipe(epochs=4))
    np.testing.assert_allclose(made.dynamics[fewer], left.dynamics, atol=1e-6)


def test_rows_without_label_are_predicted(cancer):
    x, y = cancer
    hidden = np.where(np.arange(len(y)) % 5 == 0, -1, y)
    made = out_of_fold(x, hidden, classes=CLASSES, model="linear", recipe=Recipe(epochs=20))
    assert (made.fold[hidden < 0] == -1).all()
    assert (made.probabilities[hidden < 0].argmax(1) == y[hidden < 0]).mean() > 0.9


def test_rows_of_weight_zero_teach_nothing(cancer):
    x, y = cancer
    wrong = np.arange(len(y)) % 3 == 0
    labels = np.where(wrong, 1 - y, y)
    made = out_of_fold(x, labels, (~wrong).astype(float), classes=CLASSES, model="linear", recipe=Recipe(epochs=20))
    assert (made.probabilities.argmax(1) == y).mean() > 0.93


def test_small_classes_shrink_the_folds(cancer):
    x, y = cancer
    labels = y.copy()
    labels[:3] = 2
    made = out_of_fold(x, labels, classes=(*CLASSES, "rare"), model="linear", recipe=Recipe(epochs=2))
    assert made.fold.max() == 2
    assert "smallest class has 3" in made.note


def test_same_seed_same_bytes(cancer):
    x, y = cancer
    first, second = (out_of_fold(x, y, classes=CLASSES, model="mlp", recipe=Recipe(epochs=3), seed=1) for _ in range(2))
    assert first.probabilities.tobytes() == second.probabilities.tobytes()
    assert first.dynamics.tobytes() == second.dynamics.tobytes()


def test_refuses():
    x = np.zeros((4, 2), np.float32)
    with pytest.raises(InputError, match="nothing can be learnt"):
        out_of_fold(x, np.full(4, -1), classes=CLASSES)


@pytest.mark.parametrize(
    "options",
    [{"batch_norm": True}, {"loss": "logistic"}, {"average": 0.9, "clip": 1.0, "blocks": ((0, 3), (5, 9))}],
)
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_every_way_of_fitting_tells_the_classes(cancer, options, model):
    x, y = cancer
    made = out_of_fold(x, y, classes=CLASSES, model=model, recipe=Recipe(epochs=12, **options))
    assert (made.probabilities.argmax(1) == y).mean() > 0.93
    np.testing.assert_allclose(made.probabilities.sum(1), 1, atol=1e-5)


def test_copies_teach_but_never_the_network_that_predicts_their_row() -> None:
    rng = np.random.default_rng(0)
    x, chance = rng.normal(size=(120, 40)).astype(np.float32), rng.integers(0, 2, 120)
    origin = np.tile(np.arange(120), 3)
    options = {"classes": ("a", "b"), "model": "linear"}
    made = out_of_fold(x, chance, copies=(x[origin], origin), **options)
    assert made.probabilities.shape == (120, 2) and made.dynamics.shape == (120, 2) and made.fold.shape == (120,)
    assert (made.probabilities.argmax(1) == chance).mean() < 0.65  # labels by chance are known to none but by heart
    groups = np.array([None, "g", "g", *[None] * 117], dtype=object)
    made = out_of_fold(x, chance, copies=(x[origin], origin), groups=groups, **options)
    assert made.fold[1] == made.fold[2]


def test_copies_in_another_light_let_it_be_read() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 100)
    x, shown = rng.normal(0, 0.3, (2, 200, 4)).astype(np.float32)
    x[:, 0] += labels
    shown[:, 1] += labels  # the other light tells by another feature
    seen = np.where(np.arange(200) % 2 == 0, labels, -1)
    rows, taught = np.where((seen < 0)[:, None], shown, x), np.flatnonzero(seen >= 0)
    options = {"classes": ("a", "b"), "model": "linear"}
    plain = out_of_fold(rows, seen, **options).probabilities.argmax(1)
    helped = out_of_fold(rows, seen, copies=(shown[taught], taught), **options).probabilities.argmax(1)
    unseen = seen < 0
    assert (plain == labels)[unseen].mean() < 0.7 < 0.85 < (helped == labels)[unseen].mean()
