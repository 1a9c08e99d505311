"""How long a stage trains, and what counts as a gain on the same rows."""

import numpy as np
import pytest

from burnish.tasks.training_recipe import Recipe
from burnish.tasks.unfreezing_stages import Judging, paired, tail_recipe


def test_the_rate_the_user_gives_is_the_heads_and_epochs_bound_the_walk() -> None:
    made = tail_recipe(Recipe(learning_rate=0.5, epochs=3, max_norm=1.0), 10**6)
    assert (made.learning_rate, made.epochs, made.batch_size, made.max_norm) == (0.5, 3, 64, None)
    assert tail_recipe(Recipe(), 10**6).epochs == 4
    assert tail_recipe(Recipe(epochs=200), 20).epochs == 30


def test_paired_change_is_that_of_equal_rows() -> None:
    rng = np.random.default_rng(0)
    before, after = (rng.integers(0, 2, 200).astype(float) for _ in range(2))
    change, error = paired(before, after, np.full(200, 1 / 200))
    assert change == pytest.approx((after - before).mean())
    assert error == pytest.approx((after - before).std() / np.sqrt(200))


def test_judges_count_by_their_share() -> None:
    judging = Judging(np.array([0, 1]), np.array([0.75, 0.25]))
    logs = np.log(np.array([[0.5, 0.5], [0.9, 0.1]], np.float32))
    loss, error = judging.measure(logs)
    assert loss == pytest.approx(-0.75 * np.log(0.5) - 0.25 * np.log(0.1), rel=1e-5)
    assert error == 0.25
