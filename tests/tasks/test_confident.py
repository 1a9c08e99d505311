import numpy as np
from cleanlab.filter import find_label_issues

from burnish.tasks.confident import find_by_confident_learning


def case(n: int = 400, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    true = rng.integers(0, k, n)
    given = np.where(rng.random(n) < 0.1, (true + 1) % k, true)
    scores = rng.normal(size=(n, k))
    scores[np.arange(n), true] += 4
    return given, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def test_it_is_cleanlabs_default_filter() -> None:
    given, chances = case()
    assert (find_by_confident_learning(given, chances) == find_label_issues(given, chances)).all()


def test_missing_labels_and_absent_classes_are_left_out() -> None:
    given, chances = case()
    wider = np.column_stack([chances, np.zeros(len(given))])
    masked = given.copy()
    masked[:50] = -1
    flagged = find_by_confident_learning(masked, wider)
    assert not flagged[:50].any()
    assert flagged[50:].sum() == find_label_issues(given[50:], chances[50:]).sum()


def test_without_probabilities_or_classes_nothing_is_flagged() -> None:
    given, chances = case()
    assert not find_by_confident_learning(given, None).any()
    assert not find_by_confident_learning(np.zeros_like(given), chances).any()
