import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.decays import DECAYS, FIRST, PLANS, decay_factor
from burnish.tasks.fitting import fit
from burnish.tasks.models import build_network
from burnish.tasks.training_recipe import Recipe


@given(st.sampled_from(DECAYS), st.floats(0, 200), st.floats(0, 5))
def test_a_factor_lies_between_zero_and_one(name, done, rate):
    assert 0 <= decay_factor(name, done, rate=rate) <= 1


@given(st.sampled_from([name for name in DECAYS if name != "one_cycle"]), st.floats(0, 100), st.floats(0, 100))
def test_it_starts_at_one_and_never_rises(name, one, other):
    early, late = sorted((one, other))
    assert decay_factor(name, 0) == 1
    assert decay_factor(name, early) >= decay_factor(name, late) - 1e-12


def test_cosine_is_torchs():
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    for epoch in range(20):
        assert decay_factor("cosine", epoch, epochs=20) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()


def test_one_cycle_rises_to_one_and_falls_to_nothing():
    factors = np.array([decay_factor("one_cycle", done, epochs=10) for done in np.linspace(0, 10, 101)])
    assert factors[0] == pytest.approx(FIRST)
    assert factors.max() == pytest.approx(1)
    assert factors.argmax() == 30
    assert factors[-1] == pytest.approx(0)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_runs_to_its_end_and_keeps_the_best_weights(name):
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    network, seen = build_network("mlp", 3, 2, hidden=(4,)), []

    def judge(network, _):
        seen.append(network.weights[0].detach().clone())
        return abs(len(seen) - 2.0) + 1, 0.0

    history = fit(
        network,
        x,
        (x[:, 0] > 0).long(),
        torch.ones(64, 1),
        Recipe(epochs=9, decay=name, patience=1),
        judge=judge,
        seed=0,
    )
    assert len(history) == 9
    assert torch.equal(network.weights[0], seen[1])


@pytest.mark.parametrize("name", DECAYS)
def test_each_decay_trains(name):
    x = torch.randn(128, 3, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long()
    network = build_network("mlp", 3, 2, hidden=(8,), dropout=0.0)
    recipe = Recipe(epochs=30, decay=name, learning_rate=0.01)
    history = fit(network, x, y, torch.ones(128, 1), recipe, judge=None, seed=0)
    assert history["train_loss"].iloc[-1] < 0.5 * history["train_loss"].iloc[0]
