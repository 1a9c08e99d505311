"""Dev chooses the noise: what helps there is kept."""

import numpy as np

from burnish.tasks.noise_trial import try_noise

CLASSES = ("a", "b")


def classes_apart(rows, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows)
    return (labels[:, None] * [1.5, 0.0] + rng.normal(0, 1, (rows, 2)) + [0, shift]).astype(np.float32), labels


def test_the_noise_that_helps_dev_is_kept():
    x, y = classes_apart(300, 0)
    dev_x, dev_y = classes_apart(200, 1)
    nothing = lambda rows: (x[:0], rows[:0])  # noqa: E731
    ruin = lambda rows: (np.tile((-4 * x[rows]).astype(np.float32), (4, 1)), np.tile(np.arange(len(rows)), 4))  # noqa: E731
    found = try_noise({"ruin": ruin, "none": nothing}, x, y, dev_features=dev_x, dev_labels=dev_y, classes=CLASSES)
    assert [trial.kept for trial in found] == [False, True]
    assert found[0].log_loss > found[1].log_loss
    assert 0 <= found[1].error < 0.35


def test_of_equals_the_plainest_is_kept():
    x, y = classes_apart(100, 0)
    nothing = lambda rows: (x[:0], rows[:0])  # noqa: E731
    found = try_noise({"one": nothing, "other": nothing}, x, y, dev_features=x, dev_labels=y, classes=CLASSES)
    assert [trial.kept for trial in found] == [False, True]
