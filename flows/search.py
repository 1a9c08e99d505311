"""`search`: look for better knobs of the network before the rounds, on the labels as given, judged on dev.

What is found is used for the training of every round; the out-of-fold pass that looks for mislabels keeps what is
configured, so that what is suspect does not hang on how well a search went.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from burnish.flows.clean import labels_as_given
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.run import Run
from burnish.flows.train import TIMED_ROWS, judges_of, training_rows, weigh
from burnish.tasks.contest import row_losses
from burnish.tasks.convnet_fitting import plan
from burnish.tasks.convnet_training import CNN, asked_by_auto, predict_images, train_cnn
from burnish.tasks.decays import PLANS
from burnish.tasks.findings import Finding
from burnish.tasks.fitting import Progress, auto_batch_size, choose_device, limited_threads
from burnish.tasks.metrics import latency
from burnish.tasks.moves import Moves
from burnish.tasks.notation import things
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.search import search
from burnish.tasks.search_space import USED, Knob, check_kind, read_knobs, usual_knobs
from burnish.tasks.search_trials import Measured, Order
from burnish.tasks.train import check_weights, predict, train_network
from burnish.tasks.training_recipe import Recipe

FOLDER = "search"
NOTHING = Finding(
    "search.nothing",
    "No knobs were searched: there is no network to train, or no labelled dev example to judge it by",
    "not_applicable",
)
OPTIMISM = (
    "Dev chose the best of these trials, so its dev figures are a little too good, the more so the more trials there "
    "were; the test part had no say and tells what to expect."
)
Fit = Callable[[Recipe, Progress], tuple[Any, Callable[[Any], NDArray[np.floating]]]]


@dataclass(frozen=True)
class Found:
    """What a search found: how to train a kind of network, and the section `search` of the summary."""

    recipes: dict[str, Recipe] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def search_knobs(run: Run, prepared: Prepared, copies: Copies | None) -> Found:
    """Look for better knobs where that is asked for, or go on with a search that was stopped."""
    if not run.config.search.trials:
        return Found()
    judges = judges_of(prepared, labels_as_given(prepared))
    if prepared.features is None or not len(judges.rows):
        run.add(NOTHING)
        return Found()
    kind = _kind(run, prepared)
    return run.stage(f"Search knobs of {kind}", _search)(run, prepared, copies, kind)


def _search(run: Run, prepared: Prepared, copies: Copies | None, kind: str) -> Found:
    configured = Recipe.of(run.config.train)
    trainer = _Trainer(run, prepared, copies, kind)
    named = _named(run, kind, configured, trainer.rows)
    knobs = _knobs(run, kind, named)
    folder = run.path(f"{FOLDER}/x").parent
    order = Order(**run.config.search.model_dump(exclude={"knobs"}) | {"pruning": _pruning(run, kind, knobs)})
    with limited_threads(trainer.threads):
        facts = search(
            lambda values, progress: trainer.measure(_turned(configured, values), progress),
            knobs,
            _values(named, knobs),
            order,
            folder=folder,
            seed=run.config.seed,
        )
    best = next((trial for trial in facts["trials"] if trial["number"] == facts["best"]), None)
    better = best if best is not None and best["number"] else None
    turned = {} if better is None else better["knobs"]
    facts |= {
        "model": kind,
        "yaml": _lines(turned),
        "note": OPTIMISM,
    }
    run.add(_finding(facts, kind))
    return Found({kind: _turned(configured, turned)} if turned else {}, {"search": facts})


def _kind(run: Run, prepared: Prepared) -> str:
    """Name the network whose knobs are searched; of those that `auto` asks, the strongest that reads them all."""
    configured = run.config.train.model
    if configured != "auto":
        return configured
    pixels = prepared.images is not None and asked_by_auto(run.config.train.device)
    return CNN if pixels and set(run.config.search.knobs) <= set(USED[CNN]) else "mlp"


def _named(run: Run, kind: str, recipe: Recipe, rows: int) -> Recipe:
    """Write out what a recipe leaves to the optimizer and the data: the learning rate and the size of the batch."""
    if kind == CNN:
        walk = plan(recipe, rows, choose_device(run.config.train.device), Moves())
        return replace(recipe, learning_rate=walk.rate, batch_size=walk.batch)
    rate = usual_rate(recipe.optimizer, recipe.learning_rate)
    return replace(recipe, learning_rate=rate, batch_size=recipe.batch_size or auto_batch_size(rows))


def _pruning(run: Run, kind: str, knobs: tuple[Knob, ...]) -> str:
    """Say by which rule trials are cut short: by none, if nothing else is asked, where rates are planned to the end."""
    asked, decay = run.config.search.pruning, run.config.train.decay
    planned = decay in PLANS or (kind == CNN and decay == "none") or any(knob.name == "decay" for knob in knobs)
    return asked if asked != "auto" else "none" if planned else "median"


def _knobs(run: Run, kind: str, named: Recipe) -> tuple[Knob, ...]:
    """Give the knobs to search: those the user names, else the usual ones."""
    given = read_knobs(run.config.search.knobs)
    check_kind(kind, [knob.name for knob in given])
    if given:
        return given
    assert named.learning_rate is not None and named.batch_size is not None
    return usual_knobs(
        kind,
        hidden=named.hidden,
        dropout=named.dropout,
        learning_rate=named.learning_rate,
        weight_decay=named.weight_decay,
        batch_size=named.batch_size,
    )


def _values(named: Recipe, knobs: tuple[Knob, ...]) -> dict[str, Any]:
    """Give what the knobs are as configured, as plain values."""
    values: dict[str, Any] = json.loads(json.dumps({knob.name: getattr(named, knob.name) for knob in knobs}))
    return values


def _lines(turned: Mapping[str, Any]) -> str:
    """Write knobs as lines to paste into the configuration.

    >>> print(_lines({"hidden": [128], "learning_rate": 1e-05}))
    train:
      hidden: [128]
      learning_rate: 1.0e-05
    """
    written = (f"  {name}: {_value(value)}" for name, value in turned.items())
    return "\n".join(["train:", *written]) if turned else ""


def _value(value: Any) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=math.inf)[1:-2]


def _turned(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    turned: dict[str, Any] = {name: tuple(value) if name == "hidden" else value for name, value in values.items()}
    return replace(recipe, **turned)


class _Trainer:
    """Trains one kind of network on what round 0 learns from, and measures it on dev."""

    def __init__(self, run: Run, prepared: Prepared, copies: Copies | None, kind: str) -> None:
        labels = labels_as_given(prepared)
        self.kind, self.limited = kind, run.config.search.milliseconds is not None
        self.judges = judges_of(prepared, labels)
        strength = weigh(run, prepared, labels, None)["weight"].to_numpy()
        given: NDArray[Any] | None = prepared.images if kind == CNN else prepared.features
        made: NDArray[Any] | None = None
        if copies is not None:
            made = copies.pixels if kind == CNN else copies.features
        assert given is not None
        self.x, self.y, self.weights = training_rows(given, made, labels, strength, copies)
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
        self.optimize = run.config.search.optimize

    def measure(self, recipe: Recipe, progress: Progress) -> Measured:
        """Train one network and measure it on dev."""
        shared = self.shared | {"recipe": recipe, "progress": progress}
        trained: Any
        if self.kind == CNN:
            trained = train_cnn(self.x, self.y, self.weights, dev_pixels=self.dev, moves=self.moves, **shared)
        else:
            trained = train_network(self.x, self.y, self.weights, dev_features=self.dev, model=self.kind, **shared)
        say: Callable[[Any], NDArray[np.floating]] = (
            (lambda rows: predict_images(trained.network, rows))
            if self.kind == CNN
            else (lambda rows: predict(trained, rows))
        )
        at = trained.history.iloc[trained.best_epoch - 1]
        return Measured(
            log_loss=float(at["dev_loss"]),
            error=float(at["dev_error"]),
            epochs=len(trained.history),
            parameters=trained.parameters,
            milliseconds=latency(say, self.dev[:TIMED_ROWS]) if self.limited else None,
            **self._losses(say(self.dev)),
        )

    def _losses(self, said: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """Give what is made small, row by row, and how much each row counts."""
        labels = self.judges.labels
        shares = check_weights(self.judges.believed, len(labels)).astype(np.float64)
        wrong = (said.argmax(axis=1) != labels).astype(np.float64)
        losses = wrong if self.optimize == "error" else row_losses(said, labels)
        return {"losses": losses, "shares": shares / shares.sum()}


def _finding(facts: Mapping[str, Any], kind: str) -> Finding:
    """Say in one line what came of the search."""
    trials = things(len(facts["trials"]), "trial")
    method = f"{facts['order']['method']}, judged by {facts['order']['optimize'].replace('_', ' ')} on dev"
    if facts["best"] is None:
        return Finding(
            "search.limits",
            f"None of {trials} of the {kind} keeps within the limits; it is trained as configured",
            "warning",
            method=method,
            advice="Raise search.milliseconds or search.parameters, or search smaller networks.",
        )
    if not facts["best"]:
        title = f"None of {trials} is better than the {kind} as configured"
        return Finding("search.none", title, "info", method=method)
    named = facts["order"]["optimize"].replace("_", " ")
    before, after = (
        next(trial["value"] for trial in facts["trials"] if trial["number"] == number) for number in (0, facts["best"])
    )
    title = f"Of {trials} the best {kind} has a dev {named} of {after:.4f}; as configured it is {before:.4f}"
    return Finding("search.best", title, "info", explanation=OPTIMISM, method=method)
