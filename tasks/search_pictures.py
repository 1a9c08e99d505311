"""The pictures of a search: what each trial turned and what came of it, and how the best grew from trial to trial.

Parallel coordinates (Inselberg 1985): an upright axis for each knob, the last for what is made small; a line is a
trial. The line of the best trial and that of what is configured stand out, those cut short are dotted. Of a panda,
whose legs come one after the other, the knobs are drawn along its way instead.
Drawn as in `plots`. Known failure: with many knobs the names at the foot stand close.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from burnish.tasks.notation import number
from burnish.tasks.plots import PALETTE, as_svg, small_figure
from burnish.tasks.search_space import Knob

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Facts = Mapping[str, Any]
MOST_LINES = 200
FEWEST = 2
COLOURS, DASHES = ("accent", "info", "muted", "ink"), ("-", "--", ":")
BEYOND = 0.05  # how far off its axis a value stands that lies outside of what was searched
NAMES = {"log_loss": "log loss", "error": "error"}


def parallel_coordinates(search: Facts | None) -> str:
    """Draw each trial as a line across the knobs, as SVG; "" where there are too few."""
    knobs = [_knob(each) for each in (search or {}).get("knobs") or ()]
    trials = [trial for trial in _trials(search) if _figure_of(search, trial) is not None]
    if not search or not knobs or len(trials) < FEWEST:
        return ""
    figures = [value for trial in trials if (value := _figure_of(search, trial)) is not None]
    low, high = min(figures), max(figures)
    figure = small_figure()
    axes: Axes = figure.add_subplot()
    for trial in sorted(trials[:MOST_LINES], key=lambda one: (one["number"] == search["best"], not one["number"])):
        reached = _figure_of(search, trial) or 0.0
        places = [_place(knob, trial["knobs"].get(knob.name)) for knob in knobs]
        axes.plot([*places, (reached - low) / (high - low or 1.0)], **_style(search, trial))
    _draw_axes(axes, knobs, low, high, NAMES.get(search["order"]["optimize"], "value"))
    return as_svg(figure, "parallel", "What each trial turned and what came of it")


def knobs_along_the_way(search: Facts | None) -> str:
    """Draw where the knobs of a panda stood in their ranges, leg by leg, as SVG; "" where too few were kept."""
    by_number = {trial["number"]: trial["knobs"] for trial in _trials(search)}
    kept = [by_number[number] for number in (search or {}).get("legs") or () if number in by_number]
    knobs = [_knob(each) for each in (search or {}).get("knobs") or ()]
    if not search or len(kept) < FEWEST:
        return ""
    from matplotlib.ticker import MaxNLocator

    figure = small_figure()
    axes: Axes = figure.add_subplot()
    for place, knob in enumerate(knobs):
        style: dict[str, Any] = {
            "color": PALETTE[COLOURS[place % len(COLOURS)]],
            "ls": DASHES[place % len(DASHES)],
        }
        at = [_place(knob, values.get(knob.name)) for values in kept]
        axes.step(range(1, len(kept) + 1), at, where="mid", lw=1.6, label=knob.name.replace("_", " "), **style)
    axes.set_xlabel("kept leg", color=PALETTE["muted"], fontsize=9)
    axes.set_yticks([0, 1], ["low end", "high end"])
    axes.set_ylim(-0.08, 1.08)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _bare(axes)
    return as_svg(figure, "search-legs", "Where the knobs stood in their ranges, leg by leg")


def best_so_far(search: Facts | None) -> str:
    """Draw what each trial reached and the best until then against its number, as SVG; "" where there are too few."""
    trials = [trial for trial in _trials(search) if trial["state"] == "finished" and number(trial["value"]) is not None]
    if not search or len(trials) < FEWEST:
        return ""
    from matplotlib.ticker import MaxNLocator

    figure = small_figure()
    axes: Axes = figure.add_subplot()
    at, values = [trial["number"] for trial in trials], [float(trial["value"]) for trial in trials]
    axes.plot(at, values, "o", ms=3.5, color=PALETTE["muted"], label="trials")
    legs = bool(search.get("legs"))
    fit = [(one["number"], float(one["value"])) for one in trials if one["within"] and (one["number"] or not legs)]
    if fit:
        best = [min(value for _, value in fit[: place + 1]) for place in range(len(fit))]
        steps = [*(one for one, _ in fit), max(at)], [*best, best[-1]]
        axes.step(*steps, where="post", lw=2, color=PALETTE["accent"], label="best until then")
    if not trials[0]["number"]:
        axes.axhline(values[0], lw=1, ls="--", color=PALETTE["info"], label="as configured")
    axes.set_xlabel("leg" if legs else "trial", color=PALETTE["muted"], fontsize=9)
    named = NAMES.get(search["order"]["optimize"], "value")
    axes.set_ylabel(f"dev {named}", color=PALETTE["muted"], fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=PALETTE["line"], lw=0.7)
    _bare(axes)
    return as_svg(figure, "search-history", "What each trial reached, and the best until then")


def _trials(search: Facts | None) -> Sequence[Facts]:
    return (search or {}).get("trials") or ()


def _knob(told: Facts) -> Knob:
    ends = {name: told[name] for name in ("low", "high") if name in told}
    return Knob(str(told["name"]), choices=tuple(told.get("choices") or ()), log=bool(told.get("log")), **ends)


def _figure_of(search: Facts | None, trial: Facts) -> float | None:
    """Give what a trial reached; of one cut short, its best log loss until then, where that is what is compared."""
    compared = ((search or {}).get("order") or {}).get("optimize")
    return number(trial["log_loss"] if trial["value"] is None and compared == "log_loss" else trial["value"])


def _place(knob: Knob, value: Any) -> float:
    """Give where a value stands on its axis; what is configured may lie off its ends."""
    if value is None or (knob.choices and value not in knob.choices):
        return math.nan
    return -BEYOND if knob.log and value <= 0 else min(max(knob.place(value), -BEYOND), 1 + BEYOND)


def _style(search: Facts, trial: Facts) -> dict[str, Any]:
    if trial["number"] == search["best"]:
        return {"color": PALETTE["accent"], "lw": 2.2, "label": "best"}
    if not trial["number"]:
        return {"color": PALETTE["info"], "lw": 1.6, "ls": "--", "label": "as configured"}
    return {"color": PALETTE["muted"], "lw": 0.8, "alpha": 0.55, "ls": "-" if trial["state"] == "finished" else ":"}


def _draw_axes(axes: Axes, knobs: Sequence[Knob], low: float, high: float, named: str) -> None:
    """Draw an upright axis for each knob, its ends written beside it."""
    ends = [(_short(knob.at(0.0)), _short(knob.at(1.0))) for knob in knobs] + [(f"{low:.3g}", f"{high:.3g}")]
    for place, (bottom, top) in enumerate(ends):
        axes.axvline(place, color=PALETTE["line"], lw=1, zorder=0)
        beside: dict[str, Any] = {"ha": "center", "fontsize": 8, "color": PALETTE["muted"]}
        axes.text(place, -0.06, bottom, va="top", **beside)
        axes.text(place, 1.06, top, va="bottom", **beside)
    names = [knob.name.replace("_", "\n") for knob in knobs] + [f"dev\n{named}"]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.set_xlim(-0.4, len(ends) - 0.6)
    axes.set_ylim(-0.2, 1.2)
    _bare(axes)


def _short(value: Any) -> str:
    """Write an end of an axis.

    >>> _short([128, 64]), _short(0.0001), _short("relu")
    ('128, 64', '0.0001', 'relu')
    """
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _bare(axes: Axes) -> None:
    axes.tick_params(colors=PALETTE["muted"], labelsize=9, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(PALETTE["line"])
