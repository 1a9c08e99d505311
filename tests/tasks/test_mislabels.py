"""Wrong labels are found at a calibrated probability, clean data are left alone, bad input is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from burnish.tasks.findings import InputError
from burnish.tasks.mislabels import METHODS, audit_labels, believe_labels, find_mislabels
from burnish.tasks.voices import VOICE_COLUMNS

COLUMNS = [
    "label_quality", "suggested_label", "suggestion_quality", "label_issue",
    "voice_model", "voice_clusters", "voice_neighbours", "voice_dynamics",
]  # fmt: skip


def flipped(truth, rate, seed=0):
    rng = np.random.default_rng(seed)
    k = truth.max() + 1
    return np.where(rng.random(len(truth)) < rate, (truth + rng.integers(1, k, len(truth))) % k, truth)


@pytest.fixture(scope="module")
def digits():
    features, truth = load_digits(return_X_y=True)
    return (features[:900] / 16).astype(np.float32), truth[:900]


@pytest.fixture(scope="module")
def probabilities(digits):
    features, truth = digits
    model = LogisticRegression(max_iter=300)
    return cross_val_predict(model, features, flipped(truth, 0.1), cv=5, method="predict_proba")


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.4])
def test_planted_errors_are_found_from_features_alone(digits, rate):
    features, truth = digits
    labels = flipped(truth, rate)
    found = find_mislabels(labels, features=features)
    wrong = labels != truth
    assert list(found) == COLUMNS
    assert found["label_issue"][wrong].mean() > 0.85
    assert wrong[found["label_issue"]].mean() > 0.85
    assert (found["suggested_label"] == truth).mean() > 0.93
    assert abs(found["label_quality"].mean() - (1 - wrong.mean())) < 0.05


def test_planted_errors_are_found_from_probabilities_alone(digits, probabilities):
    labels = flipped(digits[1], 0.1)
    found = find_mislabels(labels, probabilities)
    assert roc_auc_score(labels != digits[1], -found["label_quality"]) > 0.97
    assert found[["voice_clusters", "voice_neighbours", "voice_dynamics"]].isna().all(axis=None)
    np.testing.assert_array_equal(found["voice_model"], found["label_quality"])


@pytest.mark.parametrize("load", [load_wine, load_digits])
def test_clean_data_are_left_alone(load):
    features, truth = load(return_X_y=True)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1)
    assert find_mislabels(truth[:900], features=features[:900])["label_issue"].mean() <= 0.01


def test_the_audit_says_how_labels_go_wrong(digits):
    features, truth = digits
    labels = np.where((truth == 3) & (np.random.default_rng(0).random(900) < 0.4), 8, truth)
    audit = audit_labels(labels, features=features)
    assert audit.noise_matrix[3, 8] == pytest.approx(0.4, abs=0.12)
    assert audit.noise_rate == pytest.approx((labels != truth).mean(), abs=0.02)
    assert audit.posterior.shape == (900, 10)
    assert list(audit.voices) == ["model", "clusters", "neighbours"]
    assert all(0.8 < record.right <= 1 for record in audit.voices.values())


@pytest.mark.parametrize("method", ["model", "clusters", "neighbours"])
def test_each_voice_works_alone(digits, method):
    features, truth = digits
    labels = flipped(truth, 0.1)
    found = find_mislabels(labels, features=features, methods=(method,))
    assert roc_auc_score(labels != truth, -found["label_quality"]) > 0.9
    assert found[f"voice_{method}"].notna().all()
    assert found.notna().any().sum() == 5


def test_the_dynamics_work_alone_and_beside_the_others(digits, probabilities):
    features, truth = digits
    labels = flipped(truth, 0.1)
    alone = find_mislabels(labels, dynamics=probabilities, methods=("dynamics",))
    assert roc_auc_score(labels != truth, -alone["label_quality"]) > 0.9
    np.testing.assert_array_equal(alone["voice_dynamics"], alone["label_quality"])
    assert alone[["voice_model", "voice_clusters", "voice_neighbours"]].isna().all(axis=None)
    audit = audit_labels(labels, features=features, dynamics=probabilities)
    assert list(audit.voices) == list(METHODS)
    assert audit.frame[list(VOICE_COLUMNS.values())].notna().all(axis=None)


@pytest.mark.parametrize(
    "name", [str, lambda code: f"Katze {code} 猫", float, lambda code: code - 5, lambda code: bool(code % 2)]
)
def test_labels_of_any_type(digits, name):
    features, truth = digits
    labels = pd.Series([name(int(code)) for code in truth[:300]])
    found = find_mislabels(labels, features=features[:300])
    assert (found["suggested_label"] == labels).mean() > 0.9


def test_categories_and_row_labels_do_not_matter(digits):
    features, truth = digits
    labels = pd.Series(truth[:300].astype(str), index=np.arange(300)[::-1])
    plain = find_mislabels(labels.to_numpy(), features=features[:300])
    pd.testing.assert_frame_equal(plain, find_mislabels(labels.astype("category"), features=features[:300]))


def test_missing_labels_get_a_suggestion_and_no_quality(digits):
    features, truth = digits
    labels = pd.Series(truth.astype(str))
    labels[::5] = None
    audit = audit_labels(labels, features=features)
    hidden = audit.frame[::5]
    assert hidden["label_quality"].isna().all()
    assert not hidden["label_issue"].any()
    assert (hidden["suggested_label"] == truth[::5].astype(str)).mean() > 0.9
    assert audit.frame["label_quality"].notna().sum() == 720
    assert "mislabels.missing" in [finding.code for finding in audit.findings]


def test_a_class_of_two_is_not_judged(digits):
    features, truth = digits
    labels = truth.astype(str)
    labels[[5, 6]] = "rare"
    audit = audit_labels(labels, features=features)
    assert not audit.frame["label_issue"][[5, 6]].any()
    (finding,) = [finding for finding in audit.findings if finding.severity == "cannot_tell"]
    assert finding.count == 2


def test_groups_keep_copies_from_hiding_an_error(digits):
    features, truth = digits
    labels = truth[:400].copy()
    labels[10] = (labels[10] + 3) % 10
    rows = np.concatenate([np.arange(400), np.full(8, 10)])
    groups = np.where(rows == 10, 0, np.arange(1, len(rows) + 1))
    found = find_mislabels(labels[rows], features=features[rows], groups=groups)
    assert found["label_issue"][[10, 403]].all()


@pytest.mark.parametrize("jitter", [0.0, 1e-4])
@pytest.mark.parametrize("methods", [METHODS, ("model",), ("clusters",), ("neighbours",)])
def test_copies_by_the_features_do_not_hide_an_error_either(digits, jitter, methods):
    features, truth = digits
    rng = np.random.default_rng(0)
    rows = np.concatenate([np.arange(400), np.repeat([10, 20, 30], 3)])
    labels = truth[rows].copy()
    copied = np.isin(rows, [10, 20, 30])
    labels[copied] = (labels[copied] + 3) % 10
    points = features[rows] + jitter * rng.normal(size=(409, 64))
    found, told, apart = (
        find_mislabels(labels, features=points, methods=methods, groups=groups) for groups in (None, rows, range(409))
    )
    pd.testing.assert_frame_equal(found, told)
    assert not found.equals(apart)
    assert methods != METHODS or found["label_issue"][copied].all()


def test_a_thousand_classes():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(1000), 3)
    features = (rng.normal(0, 5, (1000, 30))[truth] + rng.normal(0, 0.5, (3000, 30))).astype(np.float32)
    labels = flipped(truth, 0.02)
    found = find_mislabels(labels, features=features, methods=("neighbours",))
    assert roc_auc_score(labels != truth, -found["label_quality"]) > 0.9


def test_the_same_seed_gives_the_same_bytes(digits):
    features, truth = digits
    first, second = (find_mislabels(truth[:300], features=features[:300], seed=4) for _ in range(2))
    assert all(first[name].to_numpy().tobytes() == second[name].to_numpy().tobytes() for name in COLUMNS[::2])


@given(st.integers(6, 40), st.integers(2, 5), st.integers(0, 50))
@settings(max_examples=8, deadline=None)
def test_a_quality_is_a_probability_whatever_the_labels(n, k, seed):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, k, n - 2)])
    found = find_mislabels(labels, features=rng.normal(size=(n, 3)))
    assert len(found) == n
    quality = found["label_quality"]
    assert quality.between(0, 1).all() or (quality.isna().all() and not found["label_issue"].any())
    assert found["suggested_label"].isin(labels).all()


@pytest.mark.parametrize("seed", range(6))
def test_features_without_a_signal_condemn_no_label(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(["a", "b", "c"], 40)
    audit = audit_labels(labels, features=rng.normal(size=(120, 5)).astype(np.float32))
    assert audit.frame["label_issue"].mean() <= 0.02
    if audit.frame["label_quality"].isna().all():
        assert [finding.code for finding in audit.findings] == ["mislabels.no_signal"]


GOOD = np.array([[0.7, 0.3], [0.4, 0.6], [0.2, 0.8], [0.9, 0.1]])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probabilities": np.where(GOOD == 0.7, np.nan, GOOD)}, "NaN or infinity in 1 row"),
        ({"probabilities": np.where(GOOD == 0.7, -0.3, GOOD)}, "negative"),
        ({"probabilities": GOOD * 2}, "do not sum to one in 4 row"),
        ({"probabilities": GOOD[:, :1]}, r"shape \(4, 1\)"),
        ({"probabilities": GOOD[:3]}, r"shape \(3, 2\)"),
        ({"probabilities": GOOD.astype(str)}, "give numbers"),
        ({"labels": ["a", "a", "a", "a"]}, "1 distinct"),
        ({"labels": [None] * 4}, "0 distinct"),
        ({"classes": ("a", "c")}, "'b', which is not among the classes"),
        ({"classes": ("a", "a", "b")}, "'a' twice"),
        ({"classes": ()}, "every class once"),
        ({"classes": "ab"}, "every class once"),
        ({"labels": ["a", "b", "c", "d"]}, "all 4 labels are different"),
        ({"labels": [["a"], ["a", "b"], ["a"], ["b"]]}, "labels hold lists"),
        ({"labels": np.zeros((4, 1, 2))}, r"labels have shape \(4, 1, 2\)"),
        ({"features": [[1.0], [2.0, 3.0], [1.0], [2.0]]}, "features have rows of different lengths"),
        ({"seed": -1}, "seed is -1"),
        ({"methods": ("clusters",)}, "no voice"),
        ({"methods": ("model", "oracle")}, "'oracle'"),
        ({"methods": ("dynamics",)}, "no voice"),
        ({"dynamics": GOOD * 2}, "dynamics do not sum to one"),
        ({"dynamics": GOOD[:3]}, r"dynamics have shape \(3, 2\)"),
        ({"features": [[1.0], [np.inf], [0.0], [2.0]]}, "first in row 1"),
        ({"features": [[1.0], [2.0]]}, "4 rows"),
        ({"groups": [1, 2]}, "groups"),
    ],
)
def test_bad_input_is_refused(change, says):
    arguments = {"labels": ["a", "b", "b", "a"], "probabilities": GOOD} | change
    with pytest.raises(InputError, match=says):
        find_mislabels(**arguments)


def test_classes_in_another_order_are_followed():
    labels = np.array(["b", "a"] * 30)
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (30, 1))
    found = find_mislabels(labels, probabilities, classes=("b", "a"))
    assert not found["label_issue"].any()


def test_labels_that_are_believed_have_no_quality_and_no_issue():
    audit = believe_labels(["b", None, "a", "b"])
    assert audit.frame[["label_quality", "suggestion_quality"]].isna().all(axis=None)
    assert not audit.frame["label_issue"].any()
    assert audit.posterior is None
    assert [finding.code for finding in audit.findings] == ["mislabels.not_searched"]


def test_where_most_labels_would_be_wrong_none_is_touched():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 100)
    labels = np.where(rng.random(400) < 0.7, (truth + rng.integers(1, 4, 400)) % 4, truth)
    features = rng.normal(size=(400, 5)) + 6 * np.eye(5)[truth]
    audit = audit_labels(labels, features=features)
    assert not audit.frame["label_issue"].any()
    assert [finding.code for finding in audit.findings] == ["mislabels.no_signal"]


def test_labels_of_a_class_that_was_never_taught_are_taken_for_right(digits):
    features, truth = digits
    rng = np.random.default_rng(0)
    teaches = (rng.random(len(truth)) < 0.6) & (truth != 7)
    hidden = truth == 7
    audit = audit_labels(truth, features=features, votes=np.where(teaches, truth, -1), errors="classes")
    found = audit.frame
    assert not found.loc[hidden, "label_issue"].any()
    assert found.loc[hidden, "label_quality"].isna().all()
    assert found.loc[~hidden, "label_quality"].notna().all()
    assert (audit.posterior[hidden, 7] == 1).all()
    assert audit.noise_rate < 0.02
    assert [each.count for each in audit.findings if each.code == "mislabels.absent_class"] == [hidden.sum()]


def test_what_a_person_said_of_a_class_that_was_never_taught_is_known(digits):
    features, truth = digits
    teaches = (np.arange(len(truth)) % 2 == 0) & (truth != 7)
    known = np.where((truth == 7) & (np.arange(len(truth)) % 3 == 0), 7, -1)
    votes = np.where(teaches, truth, -1)
    found = audit_labels(truth, features=features, votes=votes, known=known, errors="classes").frame
    assert (found.loc[known == 7, "label_quality"] == 1).all()
