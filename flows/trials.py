"""One trial of a search in a run: a network is trained on what round 0 learns from, and measured on dev.

The dev labels are those given, or decided on by a person; what the rounds find out about them later is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.flows.clean import labels_as_given
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.flows.train import TIMED_ROWS, encoding_time, judges_of, training_rows, weigh
from burnish.tasks.contest import row_losses
from burnish.tasks.convnet_training import CNN, predict_images, train_cnn
from burnish.tasks.fitting import Progress
from burnish.tasks.legs import seed_of_leg
from burnish.tasks.metrics import latency
from burnish.tasks.moves import Moves
from burnish.tasks.search_panda import State
from burnish.tasks.search_trials import Measured
from burnish.tasks.train import check_weights, predict, train_network
from burnish.tasks.training_recipe import Recipe


class Trainer:
    """Trains one kind of network on what round 0 learns from, and measures it on dev."""

    def __init__(self, run: Run, prepared: Prepared, copies: Copies | None, kind: str) -> None:
        labels = labels_as_given(prepared)
        self.kind, self.limited = kind, run.config.search.milliseconds is not None
        self.encoding = encoding_time(prepared) if self.limited and kind != CNN else 0.0
        self.judges = judges_of(prepared, labels)
        strength = weigh(run, prepared, labels, None)["weight"].to_numpy()
        given: NDArray[Any] | None = prepared.images if kind == CNN else prepared.features
        made: NDArray[Any] | None = None
        if copies is not None:
            made = copies.pixels if kind == CNN else copies.features
        assert given is not None
        balance = run.config.weights.class_balance
        self.x, self.y, self.weights = training_rows(given, made, labels, strength, copies, class_balance=balance)
        self.dev = given[self.judges.rows]
        self.rows = len(self.x)
        self.threads = max(1, run.threads // run.config.search.jobs)
        self.shared: dict[str, Any] = {
            "dev_labels": self.judges.labels,
            "dev_weights": self.judges.believed,
            "classes": prepared.examples.classes,
            "device": run.config.train.device,
            "seed": run.config.seed,
        }
        self.moves = Moves(mirror=run.config.train.mirror)
        self.compiled = run.config.train.compiled if run.config.search.jobs == 1 else "never"  # threads can't share it
        self.optimize, self.epochs_of_leg = run.config.search.optimize, run.config.search.leg

    def measure(self, recipe: Recipe, progress: Progress) -> Measured:
        """Train one network and measure it on dev."""
        return self._measured(recipe, progress)[0]

    def leg(self, recipe: Recipe, values: Mapping[str, Any], place: int, start: State | None) -> tuple[Measured, State]:
        """Train the mlp on for one leg, and measure it on dev."""
        leg = recipe.leg({"epochs": self.epochs_of_leg} | dict(values))
        seed = seed_of_leg(self.shared["seed"], place)
        made, trained = self._measured(leg, lambda *_: None, start=start, seed=seed)
        return made, dict(trained.network.state_dict())

    def _measured(self, recipe: Recipe, progress: Progress, **further: Any) -> tuple[Measured, Any]:
        shared = self.shared | {"recipe": recipe, "progress": progress} | further
        trained: Any
        if self.kind == CNN:
            shared |= {"moves": self.moves, "compiled": self.compiled}
            trained = train_cnn(self.x, self.y, self.weights, dev_pixels=self.dev, **shared)
        else:
            trained = train_network(self.x, self.y, self.weights, dev_features=self.dev, model=self.kind, **shared)
        say: Callable[[Any], NDArray[np.floating]] = (
            (lambda rows: predict_images(trained.network, rows))
            if self.kind == CNN
            else (lambda rows: predict(trained, rows))
        )
        at, said = trained.history.iloc[trained.best_epoch - 1], say(self.dev)
        made = Measured(
            log_loss=float(np.average(row_losses(said, self.judges.labels), weights=self.shares)),
            error=float(at["dev_error"]),
            epochs=len(trained.history),
            parameters=trained.parameters,
            milliseconds=latency(say, self.dev[:TIMED_ROWS]) + self.encoding if self.limited else None,
            **self._losses(said),
        )
        return made, trained

    def _losses(self, said: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """Give what is made small, row by row, and how much each row counts."""
        labels = self.judges.labels
        wrong = (said.argmax(axis=1) != labels).astype(np.float64)
        losses = wrong if self.optimize == "error" else row_losses(said, labels)
        return {"losses": losses, "shares": self.shares}

    @property
    def shares(self) -> NDArray[np.float64]:
        """How much each dev row counts, in sum 1."""
        given = check_weights(self.judges.believed, len(self.judges.labels)).astype(np.float64)
        return given / given.sum()
