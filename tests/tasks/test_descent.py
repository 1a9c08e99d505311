import numpy as np
import pytest
import torch

from burnish.tasks.descent import Curvature, Descent
from burnish.tasks.device_rows import Held
from burnish.tasks.models import build_network
from burnish.tasks.training_recipe import Recipe


def rows(seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(300, 6, generator=generator) @ torch.diag(torch.tensor([5.0, 2.0, 1.0, 0.5, 0.1, 0.01]))
    return x, torch.randint(0, 3, (300,), generator=generator)


def test_the_curvature_is_inverted_for_each_copy_and_class():
    x, _ = rows()
    slope = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(1))
    spread = torch.tensor([0.1, 0.2, 0.3]).expand(2, 1, 3)
    solved = Curvature(Held(x[:40]), 6, 0).solve(slope, spread, 0.5)
    gram = x[:40].T @ x[:40] / 40
    for klass in range(3):
        wanted = torch.linalg.solve(spread[0, 0, klass] * gram + 0.5 * torch.eye(6), slope[1, :, klass])
        torch.testing.assert_close(solved[1, :, klass], wanted, rtol=1e-3, atol=1e-4)


def test_a_decomposition_that_fails_in_single_precision_is_made_in_double(monkeypatch):
    x, decompose = rows()[0], torch.linalg.eigh

    def failing(matrix):
        values, vectors = decompose(matrix)
        return (values, vectors) if matrix.dtype == torch.float64 else (values * torch.nan, vectors * torch.nan)

    wanted = Curvature(Held(x[:40]), 6, 0).eigenvalues
    monkeypatch.setattr(torch.linalg, "eigh", failing)
    found = Curvature(Held(x[:40]), 6, 0)
    assert found.turned.dtype == torch.float32
    torch.testing.assert_close(found.eigenvalues, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", "generalized", "logistic"])
def test_every_step_goes_down_and_the_last_ones_are_level(loss):
    x, y = rows()
    descent = Descent(build_network("linear", 6, 3), Held(x), y, torch.ones(300, 1), Recipe(loss=loss), 0)
    totals = []
    for _ in range(12):
        before = float(descent.place.loss)
        descent.go(1e-4, 1)
        totals.append(float(descent.place.loss))
        assert totals[-1] <= before + 1e-5
    assert totals[-2] - totals[-1] < 1e-4 * (totals[0] + 1)
    assert np.isfinite(descent.place.weights.numpy()).all()
