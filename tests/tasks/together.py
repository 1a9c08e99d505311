"""What each of several processes does in the test of `team`; torchrun starts it, each writes what it ended with."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import distributed

from burnish.tasks.convnet import ConvNet
from burnish.tasks.convnet_fitting import learn
from burnish.tasks.convnet_plans import plan
from burnish.tasks.convnet_training import train_cnn
from burnish.tasks.learners import Learner, hold_images
from burnish.tasks.moves import Moves
from burnish.tasks.team import ALONE, Team
from burnish.tasks.training_recipe import Recipe

CPU = torch.device("cpu")
ROWS, BATCH = 45, 13


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(ROWS) % 2
    pixels = rng.integers(0, 120, (ROWS, 8, 8, 1), dtype=np.uint8)
    pixels[labels == 1, 2:6, 2:6] += 100
    return pixels, labels, rng.gamma(0.5, size=ROWS).astype(np.float32)


def learnt(team: Team) -> dict[str, np.ndarray]:
    """Train without moves and dropout, batch normalization on its running means: no row hears of another."""
    pixels, labels, weights = data()
    recipe = Recipe(epochs=3, dropout=0.0, optimizer="sgd", clip=1.0)
    planned = replace(plan(recipe, ROWS, CPU, Moves(0, 0, 0)), batch=BATCH)
    network, images = ConvNet(8, 1, 2), hold_images(pixels, CPU)
    network.set_scale(images.take(torch.arange(ROWS)))
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eval()
            layer.train = lambda mode=True, layer=layer: layer
    learner = Learner(
        network, images, torch.from_numpy(labels), torch.arange(ROWS), torch.from_numpy(weights), planned, 0, 0, team
    )
    history = learn([learner], judge=lambda: (-float(network.head.weight.detach().norm()), 0.0))
    return {"train_loss": history["train_loss"].to_numpy()} | as_arrays(network)


def as_arrays(network: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def main(folder: Path) -> None:
    distributed.init_process_group("gloo", timeout=timedelta(seconds=120))
    team = Team(distributed.get_rank(), distributed.get_world_size())
    np.savez(folder / f"together{team.rank}.npz", **learnt(team))
    if team.rank == 0:
        np.savez(folder / "alone.npz", **learnt(ALONE))
    pixels, labels, weights = data()
    shared = {"dev_pixels": pixels, "dev_labels": labels, "classes": ("a", "b"), "recipe": Recipe(epochs=4)}
    torch.compile = lambda function, **_: function  # what is tried before the first epoch is not sent to the others
    trained = train_cnn(pixels, labels, weights, **shared, device="cpu", compiled="always", team=team)
    np.savez(folder / f"trained{team.rank}.npz", dev=trained.history["dev_loss"], **as_arrays(trained.network))
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
