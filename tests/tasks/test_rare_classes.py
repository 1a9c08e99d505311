import numpy as np
import pytest

from burnish.tasks.rare_classes import strengthen_rare

CLASSES = ("no", "yes", "maybe")


def said(counts: list[int], missed: list[int], learnt: list[int] | None = None) -> list[str]:
    labels = np.repeat(np.arange(len(counts)), counts)
    predicted = labels.copy()
    for code, wrong in enumerate(missed):
        predicted[np.flatnonzero(labels == code)[:wrong]] = 0 if code else 1
    taught = labels if learnt is None else np.repeat(np.arange(len(learnt)), learnt)
    return [step.title for step in strengthen_rare(labels, predicted, taught, classes=CLASSES[: len(counts)])]


def test_names_the_rare_class_that_is_passed_over() -> None:
    (title,) = said([200, 20], [6, 15])
    assert title == (
        "Strengthen 'yes' (weights.class_balance): the model finds 5 of 20 in dev, 194 of 200 of the frequent class"
    )


def test_names_the_worst_first() -> None:
    (title,) = said([200, 20, 20], [6, 10, 15])
    assert title.startswith("Strengthen 'maybe', 'yes' (") and "finds 15 of 40 in dev" in title


@pytest.mark.parametrize(
    ("counts", "missed"),
    [
        ([200, 20], [20, 2]),  # found as often as the others
        ([200, 20], [60, 0]),  # found more often
        ([100, 80], [2, 30]),  # passed over, but not rare
        ([200, 2], [10, 1]),  # too few to tell
        ([200, 0], [10, 0]),  # none in dev
    ],
)
def test_says_nothing(counts: list[int], missed: list[int]) -> None:
    assert not said(counts, missed)


def test_a_class_that_was_never_learnt_is_another_matter() -> None:
    assert not said([200, 20], [0, 20], learnt=[500, 0])
