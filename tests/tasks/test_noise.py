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


def rates(model, k):
    """Carelessness of each class, by all accounts as far as they are believed."""
    return sum(b * np.broadcast_to(a.careless, k) for a, b in zip(model.accounts, model.beliefs, strict=True))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_the_planted_noise_is_recovered(rate):
    reading, _, given = planted(rate=rate)
    model = fit_noise_model([reading], given, errors="classes")
    np.testing.assert_allclose(rates(model, 4), rate, atol=0.05)
    assert model.weights[0] == pytest.approx(1, abs=0.4)
    matrix = noise_matrix(model.posterior([reading], given), given)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert np.diag(matrix).mean() == pytest.approx(1 - rate, abs=0.05)


def test_the_posterior_is_calibrated():
    reading, truth, given = planted(n=4000)
    posterior = fit_noise_model([reading], given, errors="classes").posterior([reading], given)
    quality, right = posterior[np.arange(4000), given], given == truth
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        band = (quality >= low) & (quality < low + 0.2)
        assert right[band].mean() == pytest.approx(quality[band].mean(), abs=0.08)


def people(n=4000, k=4, seed=1, *, dull=0.4):
    """A truth that is plain to see, a voice that sees it dimly, and people who choose with the odds of that voice."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    logits = rng.normal(0, 1, (n, k)) + 2.5 * np.eye(k)[truth]
    reading = np.exp(dull * logits) / np.exp(dull * logits).sum(axis=1, keepdims=True)
    given = (np.log(reading) * 2 + rng.gumbel(size=(n, k))).argmax(axis=1)
    return reading, truth, given


def test_what_people_mix_up_is_found_where_classes_do_not_overlap():
    reading, truth, given = people()
    wrong = (given != truth).mean()
    told = {}
    for errors in ("people", "classes"):
        posterior = fit_noise_model([reading], given, errors=errors).posterior([reading], given)
        told[errors] = 1 - posterior[np.arange(len(given)), given].mean()
    assert told["classes"] < told["people"] < wrong + 0.05
    assert told["people"] > 0.3 * wrong


def test_outcomes_that_nobody_could_know_are_not_held_against_the_labels():
    reading, truth, _ = planted(sharp=1.0)
    posterior = fit_noise_model([reading], truth, errors="classes").posterior([reading], truth)
    assert (reading.argmax(axis=1) != truth).mean() > 0.3
    assert (posterior[np.arange(len(truth)), truth] < 0.5).mean() < 0.02


def test_each_class_of_outcomes_has_its_own_noise_rate():
    reading, truth, _ = planted(n=4000, k=2)
    flips = np.random.default_rng(3).random(4000) < np.array([0.05, 0.35])[truth]
    model = fit_noise_model([reading], np.where(flips, 1 - truth, truth), errors="classes")
    np.testing.assert_allclose(rates(model, 2), [0.05, 0.35], atol=0.05)


@pytest.mark.parametrize("rate", [0.1, 0.2])
def test_where_errors_go_is_learnt_where_the_labels_show_it(rate):
    reading, truth, _ = planted(n=1500, k=10)
    flips = np.random.default_rng(4).random(1500) < rate
    model = fit_noise_model([reading], np.where(flips, (truth + 1) % 10, truth), errors="classes")
    assert model.noise[np.arange(10), (np.arange(10) + 1) % 10].mean() == pytest.approx(rate, abs=0.05)


def test_few_labels_are_doubted_where_the_voices_can_hardly_tell():
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 2, 800)
    chance = 1 / (1 + np.exp(-rng.normal(0.5 * (2 * truth - 1), 1.2)))
    reading = np.stack([1 - chance, chance], axis=1)
    model = fit_noise_model([reading], truth, errors="classes")
    quality = model.posterior([reading], truth)[np.arange(800), truth]
    assert (chance > 0.5).astype(int).tolist() != truth.tolist() and (quality < 0.5).mean() < 0.05


def test_what_a_person_told_weighs_the_voices():
    reading, truth, given = planted()
    liar = reading[:, ::-1].copy()
    known = np.where(np.arange(len(truth)) < 300, truth, -1)
    alone = fit_noise_model([reading, liar], given).weights
    told = fit_noise_model([reading, liar], given, known).weights
    assert told[1] / told[0] < alone[1] / alone[0]


def test_more_of_the_same_examples_say_the_same():
    reading, _, given = people(2000)
    once = fit_noise_model([reading], given)
    thrice = fit_noise_model([np.tile(reading, (3, 1))], np.tile(given, 3))
    np.testing.assert_allclose(once.accounts[0].slip, thrice.accounts[0].slip, atol=0.1)
    assert once.accounts[0].careless == pytest.approx(thrice.accounts[0].careless, abs=0.02)


def test_a_voice_that_knows_nothing_counts_little():
    reading, _, given = planted()
    babble = np.random.default_rng(5).dirichlet(np.ones(4), 2000)
    weights = fit_noise_model([reading, babble], given).weights
    assert weights[1] < 0.2 * weights[0]


def test_missing_labels_are_read_from_the_voices():
    reading, _, given = planted()
    hidden = given.copy()
    hidden[::3] = -1
    model = fit_noise_model([reading], hidden, errors="classes")
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
