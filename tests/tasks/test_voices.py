"""The voices: they know the classes, never hear the example's own label, and keep groups apart."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from burnish.tasks.evidence import Evidence
from burnish.tasks.kernel_model import predict_by_kernel
from burnish.tasks.neighbours import neighbour_graph
from burnish.tasks.voices import VOICES, cluster_voice, dynamics_voice, model_voice, neighbour_voice

OF_FEATURES = ("model", "clusters", "neighbours")


@pytest.fixture(scope="module")
def digits():
    features, codes = load_digits(return_X_y=True)
    return (features[:600] / 16).astype(np.float32), codes[:600].astype(np.int64)


def evidence(features, codes, **more):
    groups = more.get("groups")
    graph = neighbour_graph(features, k=15, groups=groups)
    return Evidence(codes=codes, k=int(codes.max()) + 1, features=features, graph=graph, **more)


@pytest.mark.parametrize(("name", "least"), [("model", 0.95), ("clusters", 0.85), ("neighbours", 0.95)])
def test_each_voice_knows_the_digits(digits, name, least):
    features, codes = digits
    truth = VOICES[name](evidence(features, codes)).truth
    assert truth.shape == (600, 10)
    np.testing.assert_allclose(truth.sum(axis=1), 1)
    assert (truth > 0).all()
    assert (truth.argmax(axis=1) == codes).mean() > least


@pytest.mark.parametrize("voice", [cluster_voice, neighbour_voice])
def test_a_voice_does_not_hear_the_examples_own_label(digits, voice):
    features, codes = digits
    other = codes.copy()
    other[7], other[8] = codes[8], codes[7]  # the shares of the classes stay
    told, retold = voice(evidence(features, codes)).truth, voice(evidence(features, other)).truth
    graph = evidence(features, codes).graph
    assert voice is cluster_voice or not np.isin(graph.indices[7], [8]).any()
    if voice is neighbour_voice:
        np.testing.assert_allclose(told[7], retold[7], atol=1e-12)
    else:
        assert abs(told[7] - retold[7]).max() < 0.05


def test_the_model_is_fitted_without_the_held_out_label():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 5)).astype(np.float32)
    codes = rng.integers(0, 2, 300)  # nothing to learn: whoever has heard the label gives itself away
    truth, note = predict_by_kernel(features, codes, 2)
    assert abs((truth.argmax(axis=1) == codes).mean() - 0.5) < 0.1
    assert note == ""


@pytest.mark.parametrize("name", ["model", "clusters", "neighbours"])
def test_copies_in_one_group_do_not_vouch_for_one_another(name):
    rng = np.random.default_rng(0)
    single = rng.normal(size=(60, 3)).astype(np.float32)
    codes = np.repeat(rng.integers(0, 2, 60), 4)
    features, groups = np.repeat(single, 4, axis=0), np.repeat(np.arange(60), 4)
    agrees = [
        (VOICES[name](evidence(features, codes, groups=apart)).truth.argmax(axis=1) == codes).mean()
        for apart in (None, groups)
    ]
    assert agrees[1] < 0.7
    assert name == "clusters" or agrees[0] > 0.8


def test_given_probabilities_are_taken(digits):
    codes = digits[1]
    given = np.full((600, 10), 0.1)
    told = model_voice(Evidence(codes=codes, k=10, probabilities=given)).truth
    np.testing.assert_allclose(told, given, atol=1e-3)


def test_the_dynamics_are_taken_and_no_class_is_ruled_out(digits):
    codes = digits[1]
    given = np.eye(10)[codes]
    told = dynamics_voice(Evidence(codes=codes, k=10, dynamics=given)).truth
    np.testing.assert_allclose(told, given, atol=2e-3)
    assert (told > 0).all()


def test_missing_labels_teach_nothing(digits):
    features, codes = digits
    hidden = np.where(np.arange(600) % 3 == 0, -1, codes)
    for name in OF_FEATURES:
        truth = VOICES[name](evidence(features, hidden)).truth
        assert (truth.argmax(axis=1) == codes)[hidden < 0].mean() > 0.8


def test_rare_classes_shrink_the_folds(digits):
    features, codes = digits
    few = codes.copy()
    few[few == 9] = 8
    few[:3] = 9
    _, note = predict_by_kernel(features, few, 10)
    assert note.startswith("3 folds instead of 5")
    few[1:3] = 8
    truth, note = predict_by_kernel(features, few, 10)  # one example only: it can teach nobody
    assert note == ""
    assert np.isfinite(truth).all()


def test_many_classes_and_small_data():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, 12)
    features = rng.normal(size=(12, 2)).astype(np.float32)
    for name in OF_FEATURES:
        truth = VOICES[name](Evidence(codes, 8, features=features, graph=neighbour_graph(features, k=5))).truth
        assert np.isfinite(truth).all()
