"""The labelling model: it recovers what was planted, is a probability, and does not invent slips."""

import numpy as np
import pytest

from burnish.tasks.noise import fit_noise_model, noise_matrix


def planted(n=2000, k=4, rate=0.2, sharp=3.0, seed=0):
    """Calibrated readings of a drawn truth, and labels wrong at one rate whatever x looks like."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, sharp, (n, k))
    reading = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (reading.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1)
    wrong = rng.random(n) < rate
    given = np.where(wrong, (truth + rng.integers(1, k, n)) % k, truth)
    return reading, truth, given


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_the_planted_noise_is_recovered(rate):
    reading, _, given = planted(rate=rate)
    model = fit_noise_model([reading], given)
    assert model.slips_believed < 0.5
    assert model.plain.careless == pytest.approx(rate, abs=0.05)
    assert model.weights[0] == pytest.approx(1, abs=0.25)
    matrix = noise_matrix(model.posterior([reading], given), given)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert np.diag(matrix).mean() == pytest.approx(1 - rate, abs=0.05)


def test_the_posterior_is_calibrated():
    reading, truth, given = planted(n=4000)
    posterior = fit_noise_model([reading], given).posterior([reading], given)
    quality, right = posterior[np.arange(4000), given], given == truth
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        band = (quality >= low) & (quality < low + 0.2)
        assert right[band].mean() == pytest.approx(quality[band].mean(), abs=0.08)


def test_slips_are_found_where_hard_examples_go_wrong():
    reading, truth, _ = planted(n=4000)
    rng = np.random.default_rng(1)
    slips = rng.random(4000) < 0.6 * (1 - reading.max(axis=1))
    second = np.argsort(reading, axis=1)[:, -2]
    given = np.where(slips & (second != truth), second, truth)
    model = fit_noise_model([reading], given)
    assert model.slipping.log_likelihood >= model.plain.log_likelihood


def test_a_voice_that_knows_nothing_counts_little():
    reading, _, given = planted()
    babble = np.random.default_rng(5).dirichlet(np.ones(4), 2000)
    weights = fit_noise_model([reading, babble], given).weights
    assert weights[1] < 0.2 * weights[0]


def test_missing_labels_are_read_from_the_voices():
    reading, _, given = planted()
    hidden = given.copy()
    hidden[::3] = -1
    model = fit_noise_model([reading], hidden)
    posterior = model.posterior([reading], hidden)
    np.testing.assert_allclose(posterior.sum(axis=1), 1)
    assert (posterior.argmax(axis=1) == reading.argmax(axis=1))[::3].mean() > 0.95


def test_the_same_input_gives_the_same_bytes():
    reading, _, given = planted(n=500)
    first, second = (fit_noise_model([reading], given, seed=3).posterior([reading], given) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_a_class_never_given_keeps_its_row():
    given = np.array([0, 0, 1, 1])
    matrix = noise_matrix(np.eye(3)[given], given)
    np.testing.assert_allclose(matrix, np.eye(3))
