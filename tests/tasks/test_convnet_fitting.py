"""The loop: J on any split into batches, best weights back, memory that runs out, the same bytes twice."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from burnish.tasks.compiling import Compiling
from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_fitting import learn
from burnish.tasks.convnet_plans import plan
from burnish.tasks.findings import InputError
from burnish.tasks.learners import Learner, hold_images
from burnish.tasks.moves import Moves
from burnish.tasks.training_recipe import Recipe

CPU = torch.device("cpu")
STILL = Moves(0, 0, 0)


def squares(count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Dark images, the second half with a bright square."""
    pixels = np.random.default_rng(0).integers(0, 60, (count, 8, 8, 1), dtype=np.uint8)
    pixels[count // 2 :, 2:6, 2:6] += 150
    return pixels, np.repeat([0, 1], count // 2)


def learner(recipe: Recipe, *, weights: np.ndarray | None = None, seed: int = 0, batch: int = 64) -> Learner:
    pixels, labels = squares()
    rows = torch.arange(len(labels))
    strength = torch.ones(len(labels)) if weights is None else torch.from_numpy(weights)
    planned = replace(plan(recipe, len(labels), CPU, STILL), batch=batch)
    network = ConvNet(8, 1, 2, dropout=recipe.dropout, seed=seed)
    network.set_scale(hold_images(pixels, CPU).take(rows))
    return Learner(network, hold_images(pixels, CPU), torch.from_numpy(labels), rows, strength, planned, seed)


@pytest.mark.parametrize("batch", [64, 13, 7])
def test_the_batches_of_an_epoch_add_up_to_j(batch: int) -> None:
    weights = np.random.default_rng(1).random(40).astype(np.float32) * 3
    still = learner(Recipe(dropout=0.0), weights=weights, batch=batch)
    torch.nn.init.normal_(still.network.head.weight, generator=torch.Generator().manual_seed(0))
    still.plan = replace(still.plan, rate=0.0)
    still.network.eval()
    for layer in still.network.modules():  # so that no row's score depends on its batch
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.train = lambda mode=True, layer=layer: layer  # type: ignore[method-assign]
    with torch.no_grad():
        losses = F.cross_entropy(
            still.network(still.images.take(still.rows))[0], still.labels, reduction="none"
        ).numpy()
    assert still.epoch() == pytest.approx((weights * losses).sum() / weights.sum(), rel=1e-5)


def test_under_mixed_precision_j_is_exact_and_weights_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU: layers compute in bfloat16, and what is summed with the weights s(i) is float32."""
    real, seen = torch.autocast, {}
    monkeypatch.setattr(torch, "autocast", lambda device, dtype, enabled: real(device, dtype))
    weights = np.random.default_rng(1).random(40).astype(np.float32) * 3
    mixed = learner(Recipe(dropout=0.0), weights=weights)
    mixed.network.to(memory_format=torch.channels_last)
    torch.nn.init.normal_(mixed.network.head.weight, generator=torch.Generator().manual_seed(0))
    mixed.plan = replace(mixed.plan, rate=0.0)
    for layer in (mixed.network.stem, mixed.network.blocks):
        layer.register_forward_hook(lambda layer, _, out: seen.update({type(layer).__name__: out}))
    mixed.network.register_forward_hook(lambda *given: seen.update(scores=given[2].detach()))
    loss = mixed.epoch()
    assert seen["Conv2d"].dtype == seen["Sequential"].dtype == torch.bfloat16
    assert seen["Sequential"].is_contiguous(memory_format=torch.channels_last)
    assert seen["scores"].dtype == torch.float32
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    losses = F.cross_entropy(seen["scores"][0].double(), mixed.labels[order], reduction="none").numpy()
    s = weights.astype(np.float64)[order.numpy()]
    assert loss == pytest.approx((s * losses).sum() / s.sum(), rel=1e-6)
    assert {one.dtype for one in mixed.network.parameters()} == {torch.float32}
    assert {one.grad.dtype for one in mixed.network.parameters() if one.grad is not None} == {torch.float32}
    assert mixed.optimizer.defaults["fused"]


def test_a_network_learns_and_the_best_epoch_is_kept() -> None:
    one = learner(Recipe(epochs=12))
    losses = iter([5.0, 3.0, 1.0, 2.0, *[4.0] * 8])
    states = []

    def judge() -> tuple[float, float]:
        states.append({name: value.clone() for name, value in one.network.state_dict().items()})
        return next(losses), 0.0

    history = learn([one], judge=judge)
    assert history["dev_loss"].tolist()[:4] == [5.0, 3.0, 1.0, 2.0]
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert all(torch.equal(value, states[2][name]) for name, value in one.network.state_dict().items())


def test_sums_come_in_one_order_while_it_learns_and_fused_layers_never_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fused(Compiling):
        def before_epoch(self, networks, left, sizes) -> None:
            self.fused = list(networks)
            networks[0].fused = networks[0].trunk

    one, seen, before = learner(Recipe(epochs=1)), [], torch.backends.cudnn.deterministic
    one.network.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.deterministic))
    learn([one], judge=None, compiling=Fused())
    assert seen == [True]
    assert torch.backends.cudnn.deterministic == before
    assert one.network.fused is None

    def full(_: Learner) -> float:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "epoch", full)
    with pytest.raises(torch.OutOfMemoryError):
        learn([one], judge=None, compiling=Fused())
    assert one.network.fused is None


def test_training_ends_where_dev_gains_nothing() -> None:
    history = learn([learner(Recipe(epochs=50, patience=1, decay="sqrt"))], judge=lambda: (1.0, 0.5))
    assert len(history) == 4


def test_a_plan_for_all_epochs_is_not_broken_off() -> None:
    assert len(learn([learner(Recipe(epochs=9, patience=1))], judge=lambda: (1.0, 0.5))) == 9


def test_each_part_learns_at_its_share_of_the_rate() -> None:
    whole = learner(Recipe())
    network = whole.network
    parts = [(network.head, 1.0), (network.blocks, 0.5)]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    labels, rows = whole.labels, whole.rows
    some = Learner(network, whole.images, labels, rows, torch.ones(len(rows)), whole.plan, 0, parts=parts)
    some.epoch()
    assert {group["share"] for group in some.optimizer.param_groups} == {1.0, 0.5}
    for group in some.optimizer.param_groups:
        first = some.optimizer.param_groups[0]
        assert group["lr"] == pytest.approx(first["lr"] * group["share"] / first["share"])
    assert torch.equal(network.stem.weight, before["stem.weight"])
    assert not torch.equal(network.head.weight, before["head.weight"])


def test_no_number_of_threads_changes_a_bit() -> None:
    recipe = Recipe(epochs=2)
    made = []
    for threads in (1, 2):
        learners = [learner(recipe, seed=seed) for seed in range(3)]
        history = learn(learners, judge=None, threads=threads)
        made.append([value for one in learners for value in one.network.state_dict().values()])
        assert len(history) == 2
    assert all(torch.equal(one, two) for one, two in zip(*made, strict=True))


def test_every_knob_of_the_recipe_is_turned() -> None:
    plain = learn([learner(Recipe(epochs=2))], judge=None)["train_loss"].tolist()
    for knob in (
        {"optimizer": "nesterov"}, {"loss": "generalized"}, {"loss": "logistic"}, {"clip": 0.01}, {"max_norm": 0.1},
        {"decay": "cosine"}, {"label_smoothing": 0.2}, {"learning_rate": 0.03}, {"dropout": 0.0},
    ):  # fmt: skip
        assert learn([learner(Recipe(epochs=2, **knob))], judge=None)["train_loss"].tolist() != plain, knob


def test_averaged_weights_are_what_is_judged_and_kept() -> None:
    last, averaged = learner(Recipe(epochs=3)), learner(Recipe(epochs=3, average=0.9))
    seen = []

    def judge() -> tuple[float, float]:
        seen.append(averaged.network.head.weight.detach().clone())
        return 1.0 / (len(seen)), 0.0

    learn([last], judge=None)
    learn([averaged], judge=judge)
    assert torch.equal(averaged.network.head.weight, seen[-1])
    assert not torch.equal(averaged.network.head.weight, last.network.head.weight)


def test_a_loss_that_is_no_number_names_the_knob() -> None:
    with pytest.raises(InputError, match=r"train\.learning_rate"):
        learn([learner(Recipe(epochs=5, optimizer="sgd", learning_rate=1e30))], judge=None)


@pytest.mark.parametrize(("rows", "epochs"), [(100, 100), (1_000, 32), (2_000, 16), (10**6, 16)])
def test_small_sets_are_gone_through_more_often(rows: int, epochs: int) -> None:
    assert plan(Recipe(), rows, CPU, STILL).epochs == epochs
    assert plan(Recipe(epochs=3), rows, CPU, STILL).epochs == 3
