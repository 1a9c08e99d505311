"""Stage by stage: what is tuned and what stays, when it ends, what the figures say; weights, soft labels, the seed."""

import numpy as np
import pytest
import torch
from tiny_backbone import tiny

from burnish.tasks.findings import InputError
from burnish.tasks.metrics import error_rate
from burnish.tasks.train import predict, train_network
from burnish.tasks.training_recipe import Recipe
from burnish.tasks.unfreezing import Unfrozen, check_blocks, unfreeze

CLASSES = ("fine", "coarse")
RECIPE = Recipe(epochs=20, learning_rate=0.03, batch_size=16, dropout=0.0)


def stripes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Faint stripes of one pixel or of two in noise: what random filters tell badly, and trained ones well."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pattern = [np.arange(16) % 2 * 40, np.arange(16) // 2 % 2 * 40]
    pixels = (
        rng.integers(60, 160, (count, 16, 16, 1)) + np.stack([pattern[label] for label in labels])[:, None, :, None]
    )
    return pixels.astype(np.uint8), labels


PIXELS, LABELS = stripes(120, 0)
DEV, JUDGED = stripes(240, 1)


def frozen(labels=LABELS):
    encoder = tiny()
    return encoder, train_network(encoder.transform(PIXELS), labels, classes=CLASSES, model="linear").network


def walk(labels=LABELS, judged=JUDGED, **options) -> Unfrozen:
    encoder, head = frozen(labels if labels.min() >= 0 else LABELS)
    given = {"blocks": 2, "recipe": RECIPE, "device": "cpu", "threads": 1} | options
    return unfreeze(encoder, head, PIXELS, labels, dev_pixels=DEV, dev_labels=judged, classes=CLASSES, **given)


def state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.fixture(scope="module")
def found() -> Unfrozen:
    return walk()


def test_what_gains_is_kept_and_the_stem_never_changes(found: Unfrozen) -> None:
    encoder, head = frozen()
    assert found.encoder.tuned >= 1
    assert found.steps[found.encoder.tuned].error < found.steps[0].error - 0.1
    before, after = encoder.backbone.blocks, found.encoder.backbone.blocks
    assert same(before[0], after[0])
    assert not same(before[-1], after[-1])
    assert not same(head, found.network)


def test_the_figures_are_those_of_the_model_that_comes_of_it(found: Unfrozen) -> None:
    kept = [step for step in found.steps if step.kept]
    wrong = predict(found.network, found.encoder.transform(DEV)).argmax(1) != JUDGED
    assert kept[-1].error == pytest.approx(error_rate(wrong).value)
    assert [step.blocks for step in found.steps] == list(range(len(found.steps)))
    assert found.steps[1].change == pytest.approx(found.steps[1].error - found.steps[0].error)
    assert all(step.low <= step.change <= step.high for step in found.steps)
    assert found.steps[0].parameters < found.steps[1].parameters
    assert set(found.steps[0].as_dict()) >= {"blocks", "error", "log_loss", "kept"}


def test_what_was_given_is_left_as_it_was() -> None:
    encoder, head = frozen()
    blocks, own = state(encoder.backbone.blocks), state(head)
    unfreeze(encoder, head, PIXELS, LABELS, blocks=1, dev_pixels=DEV, dev_labels=JUDGED, classes=CLASSES, recipe=RECIPE)
    assert all(torch.equal(value, blocks[name]) for name, value in encoder.backbone.blocks.state_dict().items())
    assert all(torch.equal(value, own[name]) for name, value in head.state_dict().items())


def test_a_stage_that_gains_nothing_is_undone_and_the_last() -> None:
    chance = np.random.default_rng(2).integers(0, 2, len(JUDGED))
    encoder, head = frozen()
    found = walk(judged=chance, recipe=Recipe(epochs=1, learning_rate=1e-9))
    assert [step.kept for step in found.steps] == [True, False]
    assert found.encoder.tuned == 0
    assert same(encoder.backbone.blocks, found.encoder.backbone.blocks)
    assert same(head, found.network)


def test_the_same_seed_gives_the_same_weights(found: Unfrozen) -> None:
    again, other = walk(), walk(seed=1)
    assert same(found.encoder.backbone.blocks, again.encoder.backbone.blocks)
    assert same(found.network, again.network)
    assert not same(found.network, other.network)


def test_rows_of_no_weight_or_label_are_not_learnt_from() -> None:
    weights = np.ones(len(LABELS))
    weights[90:] = 0
    unlabelled = np.where(np.arange(len(LABELS)) < 90, LABELS, -1)
    encoder, head = frozen()
    shared = {"blocks": 1, "dev_pixels": DEV, "dev_labels": JUDGED, "classes": CLASSES, "recipe": RECIPE}
    one = unfreeze(encoder, head, PIXELS, LABELS, weights, **shared)
    two = unfreeze(encoder, head, PIXELS, unlabelled, **shared)
    assert one.steps == two.steps
    assert same(one.network, two.network)


def test_soft_labels_are_learnt_in_place_of_labels(found: Unfrozen) -> None:
    shares = np.eye(2, dtype=np.float32)[LABELS]
    assert same(walk(targets=shares).network, found.network)
    turned = walk(targets=shares[:, ::-1])
    assert turned.encoder.tuned == 0


def test_what_cannot_be_unfrozen_is_said() -> None:
    encoder = tiny()
    check_blocks(encoder, 2)
    with pytest.raises(InputError, match="tiny has 2 blocks that can be unfrozen"):
        check_blocks(encoder, 3)
    with pytest.raises(InputError, match="no example has both"):
        walk(judged=np.full(len(JUDGED), -1))


def test_a_label_for_each_image() -> None:
    encoder, head = frozen()
    with pytest.raises(InputError, match=r"labels for .* rows of pixels"):
        unfreeze(encoder, head, PIXELS, LABELS[:-1], blocks=1, dev_pixels=DEV, dev_labels=JUDGED, classes=CLASSES)
    with pytest.raises(InputError, match=r"labels for .* rows of dev pixels"):
        unfreeze(encoder, head, PIXELS, LABELS, blocks=1, dev_pixels=DEV, dev_labels=JUDGED[:-1], classes=CLASSES)


def test_a_stage_ends_after_the_patience_without_a_better_dev_loss() -> None:
    chance = np.random.default_rng(2).integers(0, 2, len(JUDGED))
    found = walk(judged=chance, recipe=Recipe(epochs=30, patience=2))
    last = found.steps[-1]
    assert last.epochs <= last.best_epoch + 2 * 2 < 30
