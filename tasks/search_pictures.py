"""The pictures of a search: what each trial turned and what came of it, and how the best grew from trial to trial.

Parallel coordinates (Inselberg 1985): an upright axis for each knob, the last for what is made small; a line is a
trial. The line of the best trial and that of what is configured stand out; those beyond a limit, which cannot win, are
broken, those cut short dotted. The axis of what is made small ends where the finished trials do: one cut short early
stands above it. Of a panda, whose legs come one after the other, the knobs are drawn along its way instead.
Drawn as in `plots`. Known failure: with many knobs the names at the foot stand close.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish.tasks.notation import number
from burnish.tasks.plots import PALETTE, as_svg, small_figure
from burnish.tasks.search_space import Knob

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Facts = Mapping[str, Any]
MOST_LINES = 200
FEWEST = 2
COLOURS, DASHES = ("accent", "info", "muted", "ink"), ("-", "--", ":")
BEYOND = 0.05  # how far off its axis a value stands that lies outside of its ends
NAMES = {"log_loss": "log loss", "error": "error, %"}
SHORT, OUT = "cut short", "beyond a limit"


def parallel_coordinates(search: Facts | None) -> str:
    """Draw each trial as a line across the knobs, as SVG; "" where there are too few."""
    knobs = [_knob(each) for each in (search or {}).get("knobs") or ()]
    trials = [trial for trial in _trials(search) if _figure_of(search, trial) is not None]
    if not search or not knobs or len(trials) < FEWEST:
        return ""
    low, high = _value_ends(search, trials)
    figure = small_figure()
    axes: Axes = figure.add_subplot()
    named: set[str] = set()
    for trial in sorted(trials[:MOST_LINES], key=lambda one: (one["number"] == search["best"], not one["number"])):
        reached = ((_figure_of(search, trial) or 0.0) - low) / (high - low or 1.0)
        places = [*(_place(knob, trial["knobs"].get(knob.name)) for knob in knobs), _clipped(reached)]
        label = _label(search, trial)
        axes.plot(places, **_style(label), label="" if label in named else label)
        named.add(label)
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
    last, legs = max(trial["number"] for trial in _trials(search)), bool(search.get("legs"))
    reached = {trial["number"]: _figure_of(search, trial) or 0.0 for trial in trials}
    _draw_marks(axes, trials, reached)
    fit = [one["number"] for one in trials if one["within"] and (one["number"] or not legs)]
    if fit:
        best = np.minimum.accumulate([reached[one] for one in fit])
        axes.step([*fit, last], [*best, best[-1]], where="post", lw=2, color=PALETTE["accent"], label="best until then")
    if 0 in reached:
        axes.axhline(reached[0], lw=1, ls="--", color=PALETTE["info"], label="as configured")
    axes.set_xlim(-BEYOND * last, (1 + BEYOND) * last)
    axes.set_xlabel("leg" if legs else "trial", color=PALETTE["muted"], fontsize=9)
    named = NAMES.get(search["order"]["optimize"], "value")
    axes.set_ylabel(f"dev {named}", color=PALETTE["muted"], fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=PALETTE["line"], lw=0.7)
    _bare(axes)
    return as_svg(figure, "search-history", "What each trial reached, and the best until then")


def _draw_marks(axes: Axes, trials: Sequence[Facts], reached: Mapping[int, float]) -> None:
    """Draw a mark for each finished trial, hollow where it is beyond a limit."""
    for label, within, filled in (("trials", True, "full"), (OUT, False, "none")):
        at = [trial["number"] for trial in trials if bool(trial["within"]) == within]
        style: dict[str, Any] = {"ls": "", "marker": "o", "ms": 3.5, "color": PALETTE["muted"], "fillstyle": filled}
        if at:
            axes.plot(at, [reached[one] for one in at], label=label, **style)


def _trials(search: Facts | None) -> Sequence[Facts]:
    return (search or {}).get("trials") or ()


def _knob(told: Facts) -> Knob:
    ends = {name: told[name] for name in ("low", "high") if name in told}
    return Knob(str(told["name"]), choices=tuple(told.get("choices") or ()), log=bool(told.get("log")), **ends)


def _figure_of(search: Facts | None, trial: Facts) -> float | None:
    """Give what a trial reached; of one cut short, its best log loss until then, where that is what is compared."""
    compared = ((search or {}).get("order") or {}).get("optimize")
    figure = number(trial["log_loss"] if trial["value"] is None and compared == "log_loss" else trial["value"])
    return 100 * figure if figure is not None and compared == "error" else figure


def _value_ends(search: Facts, trials: Sequence[Facts]) -> tuple[float, float]:
    """Give between which figures the finished trials lie; of all trials where these are alike."""
    told = [(trial["state"], figure) for trial in trials if (figure := _figure_of(search, trial)) is not None]
    finished = [figure for state, figure in told if state == "finished"]
    figures = finished if len(set(finished)) > 1 else [figure for _, figure in told]
    return min(figures), max(figures)


def _place(knob: Knob, value: Any) -> float:
    """Give where a value stands on its axis; what is configured may lie off its ends."""
    if value is None or (knob.choices and value not in knob.choices):
        return math.nan
    return -BEYOND if knob.log and value <= 0 else _clipped(knob.place(value))


def _clipped(place: float) -> float:
    return min(max(place, -BEYOND), 1 + BEYOND)


def _label(search: Facts, trial: Facts) -> str:
    """Say in the legend what is apart from the others about a trial; "" where nothing is."""
    if trial["number"] == search["best"]:
        return "best"
    if not trial["number"]:
        return "as configured"
    return SHORT if trial["state"] != "finished" else "" if trial["within"] else OUT


def _style(label: str) -> dict[str, Any]:
    if label == "best":
        return {"color": PALETTE["accent"], "lw": 2.2}
    if label == "as configured":
        return {"color": PALETTE["info"], "lw": 1.6, "ls": "--"}
    apart: dict[str, dict[str, Any]] = {SHORT: {"ls": ":"}, OUT: {"ls": "-.", "alpha": 0.45}}
    return {"color": PALETTE["muted"], "lw": 0.8, "alpha": 0.55} | apart.get(label, {})


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
