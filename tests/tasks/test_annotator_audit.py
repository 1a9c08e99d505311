import json

import numpy as np
import pytest
from simulated_votes import simulate
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from burnish.tasks.annotator_audit import LIGHTEST, annotator_facts, audit_annotators, weigh_votes
from burnish.tasks.annotators import find_consensus
from burnish.tasks.findings import InputError
from burnish.tasks.mislabels import audit_labels, find_mislabels


@pytest.fixture(scope="module")
def wine():
    """Features, truth and the votes of four annotators."""
    features, truth = load_wine(return_X_y=True)
    rng = np.random.default_rng(0)
    votes = np.repeat(truth[:, None], 4, axis=1)
    for j, accuracy in enumerate((0.95, 0.85, 0.75, 0.65)):
        wrong = rng.random(len(truth)) > accuracy
        votes[wrong, j] = (truth[wrong] + 1 + (rng.random(wrong.sum()) < 0.3)) % 3
    votes[rng.random(votes.shape) < 0.3] = -1
    return StandardScaler().fit_transform(features).astype(np.float32), truth, votes


@pytest.fixture(scope="module")
def audited(wine):
    features, _, votes = wine
    codes = find_consensus(votes, 3).codes
    labels = np.where(codes >= 0, codes.astype(float), np.nan)
    return codes, audit_labels(labels, features=features, classes=[0.0, 1.0, 2.0], annotations=votes, seed=0)


def test_votes_and_voices_together_beat_either(wine, audited):
    features, truth, _ = wine
    codes, audit = audited
    together = (audit.posterior.argmax(axis=1) == truth).mean()
    assert together > (codes == truth).mean() + 0.03
    labels = np.where(codes >= 0, codes.astype(float), np.nan)
    voices = audit_labels(labels, features=features, classes=[0.0, 1.0, 2.0], seed=0)
    assert together >= (voices.posterior.argmax(axis=1) == truth).mean()


def test_quality_is_that_of_the_consensus_and_calibrated(wine, audited):
    _, truth, _ = wine
    codes, audit = audited
    quality = audit.frame["label_quality"].to_numpy()
    voted = codes >= 0
    assert np.isnan(quality[~voted]).all()
    np.testing.assert_allclose(quality[voted], audit.posterior[voted, codes[voted]], atol=1e-6)
    assert (1 - quality[voted]).sum() == pytest.approx((codes != truth)[voted].sum(), abs=5)


def test_votes_of_those_to_be_judged_by_do_not_judge(wine):
    _, _, votes = wine
    learn = np.arange(len(votes)) % 2 == 0
    spoilt = np.where(learn[:, None] | (votes < 0), votes, 0)
    prior = np.full((len(votes), 3), 1 / 3)
    first, second = (audit_annotators(each, 3, prior=prior, learn=learn).consensus for each in (votes, spoilt))
    np.testing.assert_allclose(first.confusions, second.confusions)


def test_labels_without_annotations_have_no_annotators(wine):
    features, truth, _ = wine
    assert audit_labels(truth, features=features, seed=0).annotators is None


def test_where_voices_know_nothing_votes_still_tell(wine):
    _, truth, votes = wine
    noise = np.random.default_rng(1).normal(size=(len(truth), 3)).astype(np.float32)
    codes = find_consensus(votes, 3).codes
    labels = np.where(codes >= 0, codes.astype(float), np.nan)
    audit = audit_labels(labels, features=noise, classes=[0.0, 1.0, 2.0], annotations=votes, seed=0)
    quality = audit.frame["label_quality"].to_numpy()[codes >= 0]
    right = (codes == truth)[codes >= 0]
    assert quality[right].mean() > quality[~right].mean() + 0.1


def test_a_persons_word_outweighs_the_votes(wine):
    features, truth, votes = wine
    codes = find_consensus(votes, 3).codes
    labels = np.where(codes >= 0, codes.astype(float), np.nan)
    known = np.full(len(truth), -1)
    known[:5] = (codes[:5] + 1) % 3
    audit = audit_labels(labels, features=features, classes=[0.0, 1.0, 2.0], known=known, annotations=votes, seed=0)
    assert (audit.posterior[:5].argmax(axis=1) == known[:5]).all()
    assert (audit.posterior[np.arange(5), known[:5]] == 1).all()


def test_facts_are_plain_and_name_the_worst_confusion(wine, audited):
    _, truth, votes = wine
    codes, audit = audited
    facts = annotator_facts(["ann", "bob", "<i>", "dan"], votes, codes, ["a", "b", "c"], audit.annotators)
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    worst = facts["annotators"][3]
    cast = votes[:, 3] >= 0
    assert worst["votes"] == cast.sum()
    assert worst["accuracy"]["value"] == pytest.approx((votes[:, 3] == truth)[cast].mean(), abs=0.03)
    assert worst["disagrees"]["count"] == (votes[:, 3] != codes)[cast].sum()
    assert (worst["worst_confusion"]["true"], worst["worst_confusion"]["given"]) in {("a", "b"), ("b", "c"), ("c", "a")}
    assert facts["human_error"]["low"] < facts["human_error"]["value"] < facts["human_error"]["high"]


def test_facts_of_one_who_never_errs_or_never_votes():
    truth, _ = simulate(60, (1.0,), k=2)
    votes = np.stack([truth, truth, np.full(60, -1)], axis=1)
    facts = annotator_facts("abc", votes, truth, ["x", "y"], audit_annotators(votes, 2))
    assert facts["annotators"][0]["worst_confusion"] is None
    assert facts["annotators"][2]["accuracy"]["value"] is None
    assert facts["agreement"] == 1.0


def test_the_library_takes_a_column_an_annotator(wine, audited):
    features, _, votes = wine
    names = np.array(["a", "b", "c"], dtype=object)
    labels = np.where(votes >= 0, names[np.maximum(votes, 0)], None)
    found = find_mislabels(labels, features=features, seed=0)
    _, audit = audited
    np.testing.assert_allclose(found["label_quality"], audit.frame["label_quality"])
    assert set(found["suggested_label"]) == {"a", "b", "c"}


def test_labels_outside_the_classes_are_refused(wine):
    features, _, votes = wine
    with pytest.raises(InputError):
        find_mislabels(votes.astype(float), features=features, classes=[0.0, 1.0])


def independent(n=600, seed=0):
    """Voices that are right in 9 of 10, and three annotators who err apart from them and from one another."""
    truth, votes = simulate(n, (0.9, 0.85, 0.8), k=3, seed=seed)
    rng = np.random.default_rng(seed + 50)
    seen = np.where(rng.random(n) < 0.9, truth, (truth + 1) % 3)
    prior = np.full((n, 3), 0.05)
    prior[np.arange(n), seen] = 0.9
    return truth, votes, prior


def test_independent_votes_keep_their_weight():
    truth, votes, prior = independent()
    codes = find_consensus(votes, 3).codes
    assert audit_annotators(votes, 3, prior=prior, codes=codes, wrong=float((codes != truth).mean())).vote_weight == 1.0


def test_votes_that_err_together_lose_weight():
    truth, votes, prior = independent()
    rng = np.random.default_rng(9)
    together = rng.random(600) < 0.15
    votes[together] = ((truth + 2) % 3)[together, None]
    codes = find_consensus(votes, 3).codes
    wrong = float((codes != truth).mean())
    audit = audit_annotators(votes, 3, prior=prior, codes=codes, wrong=wrong)
    plain = audit_annotators(votes, 3, prior=prior)
    assert LIGHTEST <= audit.vote_weight < 0.9
    assert plain.vote_weight == 1.0

    def expected(audit):
        return 1 - audit.consensus.posterior[np.arange(600), codes].mean()

    assert abs(expected(audit) - wrong) < abs(expected(plain) - wrong)
    assert audit.consensus.accuracy[0].value < plain.consensus.accuracy[0].value


def test_without_a_label_there_is_nothing_to_weigh():
    assert weigh_votes(np.full((3, 2), 0.5), np.full((3, 2), 0.5), np.full(3, -1), 0.5) == 1.0
