"""`search`: look for better knobs of the network before the rounds, on the labels as given, judged on dev.

What is found is used for the training of every round; the out-of-fold pass that looks for mislabels keeps what is
configured, so that what is suspect does not hang on how well a search went. A panda finds a schedule, `train.legs`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from burnish.flows.clean import labels_as_given
from burnish.flows.noise import Copies
from burnish.flows.prepare import Prepared
from burnish.flows.recipe import recipe_of
from burnish.flows.run import Run
from burnish.flows.train import judges_of
from burnish.flows.trials import Trainer
from burnish.tasks.convnet_plans import plan
from burnish.tasks.convnet_training import CNN, asked_by_auto
from burnish.tasks.decays import PLANS
from burnish.tasks.findings import Finding
from burnish.tasks.fitting import auto_batch_size, choose_device, limited_threads
from burnish.tasks.moves import Moves
from burnish.tasks.notation import fixed, percent, things
from burnish.tasks.optimizers import usual_rate
from burnish.tasks.search import search
from burnish.tasks.search_space import PANDA, USED, Knob, check_kind, read_knobs, usual_knobs
from burnish.tasks.search_trials import LIMITS, Order, beyond_limits, gain_of
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
ALONE = "Nothing was tried but the {} as configured"
AGAINST = {
    "more": "as configured it is {}",
    "chance": "as configured it is {}, a gain that may be no more than chance",
    "alike": "as configured it is as good",
}


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
    configured = recipe_of(run, prepared)
    trainer = Trainer(run, prepared, copies, kind)
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
            leg=(lambda *given: trainer.leg(configured, *given)) if order.method == PANDA else None,
            seed=run.config.seed,
        )
    best = next((trial for trial in facts["trials"] if trial["number"] == facts["best"]), None)
    better = best if best is not None and best["number"] else None
    turned: dict[str, Any] = {} if better is None else better["knobs"]
    if better is not None and order.method == PANDA:
        by_number = {trial["number"]: trial["knobs"] for trial in facts["trials"]}
        turned = {"legs": [{"epochs": order.leg} | by_number[number] for number in facts["legs"]]}
    facts |= {
        "model": kind,
        "beyond": beyond_limits(facts["trials"][0], facts["order"]),
        "gain": gain_of(facts),
        "yaml": _lines(turned),
        "note": OPTIMISM,
    }
    run.add(_finding(facts, kind), *_left_out(facts))
    return Found({kind: _turned(configured, turned)} if turned else {}, {"search": facts})


def other_chosen(facts: Mapping[str, Any], chosen: str, *, parameters: int, milliseconds: float) -> tuple[Finding, ...]:
    """Say where another kind of model was chosen in the end than the one whose knobs were searched.

    Parameters
    ----------
    facts : mapping
        The sections of the summary; without `search` there is nothing to say.
    chosen : str
        The kind of the final model.
    parameters, milliseconds : int, float
        Its size, and its time an example: the limits of the search hold for the trials alone.

    Examples
    --------
    >>> facts = {"search": {"model": "mlp", "order": {"milliseconds": None, "parameters": 2_000}}}
    >>> [each.title for each in other_chosen(facts, "boosting", parameters=9_000, milliseconds=0.1)]
    ['The mlp was searched; dev chose boosting all the same, beyond the limit (9,000 > 2,000 weights)']
    >>> [each.title for each in other_chosen(facts, "linear", parameters=300, milliseconds=0.1)]
    ['The mlp was searched; dev chose linear all the same']
    """
    searched = facts.get("search")
    if searched is None or searched["model"] == chosen:
        return ()
    made = {"parameters": parameters, "milliseconds": milliseconds}
    limits = {name: limit for name, limit in searched["order"].items() if name in LIMITS and limit is not None}
    over = any(made[name] > limit for name, limit in limits.items())
    beyond = f", {beyond_limits(made | {'within': False}, searched['order'])}" if over else ""
    return (
        Finding(
            "search.other",
            f"The {searched['model']} was searched; dev chose {chosen} all the same{beyond}",
            "warning" if over else "info",
            method="train.model auto: the best on dev of all kinds of model, each as it is trained",
            advice=f"To have what was searched, set train.model to {searched['model']}.",
        ),
    )


def _kind(run: Run, prepared: Prepared) -> str:
    """Name the network whose knobs are searched; of those that `auto` asks, the strongest that reads them all."""
    configured = run.config.train.model
    if configured != "auto" or run.config.search.method == PANDA:
        return "mlp" if configured == "auto" else configured
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
    if run.config.search.method == PANDA:
        return "none"
    asked, decay = run.config.search.pruning, run.config.train.decay
    planned = decay in PLANS or (kind == CNN and decay == "none") or any(knob.name == "decay" for knob in knobs)
    return asked if asked != "auto" else "none" if planned else "median"


def _knobs(run: Run, kind: str, named: Recipe) -> tuple[Knob, ...]:
    """Give the knobs to search: those the user names, else the usual ones."""
    given = read_knobs(run.config.search.knobs)
    check_kind(kind, [knob.name for knob in given], run.config.search.method)
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
        in_flight=run.config.search.method == PANDA,
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
    >>> print(_lines({"legs": [{"epochs": 5, "dropout": 0.3}]}))
    train:
      legs:
        - {epochs: 5, dropout: 0.3}
    """
    written = (
        f"  {name}: {_value(value)}"
        if name != "legs"
        else "\n".join(["  legs:", *(f"    - {_value(leg)}" for leg in value)])
        for name, value in turned.items()
    )
    return "\n".join(["train:", *written]) if turned else ""


def _value(value: Any) -> str:
    return yaml.safe_dump([value], default_flow_style=True, width=math.inf, sort_keys=False)[1:-2]


def _turned(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    turned: dict[str, Any] = {name: tuple(value) if name == "hidden" else value for name, value in values.items()}
    if "legs" in turned:
        turned["legs"] = tuple(recipe.leg(knobs) for knobs in turned["legs"])
    return replace(recipe, **turned)


def _left_out(facts: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Name the knobs that a grid of so few trials could not hold."""
    if not facts["left"]:
        return ()
    names = ", ".join(facts["left"])
    return (
        Finding(
            "search.left",
            f"The grid turned {', '.join(knob['name'] for knob in facts['knobs'])} alone; as configured stayed {names}",
            "warning",
            explanation="A grid grows with the product of its knobs, and half of the trials must go through the first.",
            method=f"a first grid of at most half of {things(facts['order']['trials'], 'trial')}",
            advice="Raise `search.trials`, name fewer `search.knobs`, or set `search.method` to tpe.",
        ),
    )


def _finding(facts: Mapping[str, Any], kind: str) -> Finding:
    """Say in one line what came of the search."""
    legs = facts["order"]["method"] == PANDA
    trials = things(len(facts["trials"]) - legs, "leg" if legs else "trial")
    named = facts["order"]["optimize"].replace("_", " ")
    method = f"{facts['order']['method']}, judged by {named} on dev; it ended because {facts['ended']}"
    if facts["best"] is None:
        return Finding(
            "search.limits",
            f"None of {trials} of the {kind} keeps within the limits; it is trained as configured",
            "warning",
            method=method,
            advice="Raise search.milliseconds or search.parameters, or search smaller networks.",
        )
    if not facts["best"]:
        others = things(len(facts["trials"]) - 1, "leg" if legs else "other trial")
        title = f"None of {others} is better than the {kind} as configured"
        return Finding("search.none", title if len(facts["trials"]) > 1 else ALONE.format(kind), "info", method=method)
    by_number = {trial["number"]: trial["value"] for trial in facts["trials"]}
    first, best = (_figure(facts, by_number[number]) for number in (0, facts["best"]))
    beyond = facts["beyond"]
    other = f"the configured one is {beyond}" if beyond else AGAINST[facts["gain"]].format(first)
    title = f"Of {trials} the best {kind} has a dev {named} of {best}; {other}"
    return Finding("search.best", title, "info", explanation=OPTIMISM, method=method)


def _figure(facts: Mapping[str, Any], value: float) -> str:
    return percent(value) if facts["order"]["optimize"] == "error" else fixed(value, 4)
