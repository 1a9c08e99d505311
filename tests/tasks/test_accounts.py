"""One account of the labels: Bayes' rule by hand, what is learnt of errors, and what is said of them beforehand."""

import numpy as np
import pytest

from burnish.tasks.accounts import ANY, Account, Sample, fit_account, log_readings


def readings(n=600, k=3, voices=2, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.dirichlet(np.ones(k), n) for _ in range(voices)], rng.integers(0, k, n)


def sample(voices, codes, known=None):
    told = np.full(len(codes), -1) if known is None else known
    return Sample.of(log_readings(voices), codes, told, coarse=False)


def by_hand(account, voices, codes):
    """P(true = t, given | x) without slips, row by row."""
    k = voices[0].shape[1]
    rates = np.broadcast_to(account.careless, k)
    joint = np.zeros((len(codes), k))
    for row, given in enumerate(codes):
        truth = np.exp(account.bias)
        for weight, voice in zip(account.weights, voices, strict=True):
            truth = truth * voice[row] ** weight
        truth = truth / truth.sum()
        for t in range(k):
            labelling = 1 - rates[t] if t == given else rates[t] * account.confusion[t, given]
            joint[row, t] = truth[t] * labelling
    return joint


@pytest.mark.parametrize("each", [False, True])
def test_the_posterior_is_bayes_rule(each):
    voices, codes = readings()
    account = fit_account(sample(voices, codes), each=each)
    assert np.shape(account.careless) == ((3,) if each else ())
    joint = by_hand(account, voices, codes)
    posterior = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(account.posterior(voices, codes), posterior, atol=1e-5)
    assert account.log_likelihood == pytest.approx(np.log(joint.sum(axis=1)).sum(), abs=1e-3)


def test_the_noise_is_that_of_the_rates_or_as_counted():
    voices, codes = readings()
    data = sample(voices, codes)
    plain, slipping = fit_account(data, each=True), fit_account(data, ANY, each=True)
    np.testing.assert_allclose(np.diag(plain.noise), 1 - plain.careless)
    for account in (plain, slipping):
        np.testing.assert_allclose(account.noise.sum(axis=1), 1)
        assert (account.noise >= 0).all() and (np.diag(account.errors) == 0).all()


def test_a_richer_account_is_no_less_likely():
    voices, codes = readings(seed=1)
    data = sample(voices, codes)
    plain, rich = fit_account(data), fit_account(data, each=True)
    slipping = fit_account(data, ANY, each=True)
    assert plain.log_likelihood < rich.log_likelihood + 1 < slipping.log_likelihood + 2


def test_what_a_person_told_counts_in_full():
    voices, codes = readings()
    told = sample(voices, codes, np.where(np.arange(600) < 100, codes, -1))
    assert isinstance(fit_account(told), Account)
    assert told.possible[:100].sum().item() == 100 and told.possible[100:].min().item() == 1
    coarse = Sample.of(log_readings(voices), codes, np.full(600, -1), coarse=True)
    assert coarse.counts.sum().item() == 600  # fewer than a thousand: as they are
