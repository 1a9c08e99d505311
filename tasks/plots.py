"""The pictures of the report: the ladder of errors, the curve over the rounds, the training curve, heat tables.

Curves are matplotlib SVG put into the page itself: text stays text, no date, no random ids, and the colours are the
page's CSS variables, so that one picture serves the light and the dark scheme. The ladder and the heat tables are
geometry only (percentages along an axis, shades from 0 to 1): the template draws them in HTML, which reflows on a
telephone where a picture would shrink. Known failure: text is measured in matplotlib's font and shown in the reader's,
so labels sit a pixel or two off.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from burnish.tasks.notation import ends, number, unknown
from burnish.tasks.smoothing import running_average

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours no picture would use by chance, exchanged for the page's variables once the SVG is written.
PALETTE = {"ink": "#010203", "muted": "#010204", "line": "#010205", "accent": "#010206", "info": "#010207"}
SMOOTH = 0.7  # memory of the average beside the training loss
WIDTH, HEIGHT = 4.9, 2.7  # inches; small, so that text is still legible on a telephone

RUNGS = (
    ("human", "Human", "the best people reach this"),
    ("train", "Train", "examples the model learnt from"),
    ("train_dev", "Train-dev", "same source as train, never learnt from"),
    ("dev", "Dev", "the data you care about"),
    ("test", "Test", "looked at once, at the end"),
)
GAPS = (
    ("avoidable_bias", "Avoidable bias", "too weak to learn even its training data"),
    ("variance", "Variance", "learnt by heart, does not carry over"),
    ("data_mismatch", "Data mismatch", "trained on other data than it is judged on"),
    ("dev_overfit", "Dev overfit", "tuned too closely to dev"),
)


@dataclass(frozen=True)
class Step:
    """A rung of the ladder (an error with its interval) or the gap between two rungs; places in % of the axis, or None.

    Attributes
    ----------
    kind : str
        ``rung`` or ``gap``.
    key, name, meaning : str
        Its key in the summary, its name, and one plain clause.
    figure : Mapping or None
        The rate or the gap it shows.
    start, end, at : float or None
        The ends of the drawn bar and the place of the point.
    """

    kind: str
    key: str
    name: str
    meaning: str
    figure: Mapping[str, Any] | None
    start: float | None = None
    end: float | None = None
    at: float | None = None


@dataclass(frozen=True)
class Ladder:
    """The ladder of errors from human to test: its steps, and the marks of its axis as (place in %, error)."""

    steps: tuple[Step, ...]
    ticks: tuple[tuple[float, float], ...]


def nice_ticks(top: float, most: int = 5) -> list[float]:
    """Give round marks from 0 to just over `top`, at most `most` + 1 of them.

    >>> nice_ticks(0.083)
    [0.0, 0.02, 0.04, 0.06, 0.08, 0.1]
    """
    if not top > 1e-6:
        return [0.0, 0.01]
    rough = top / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * (1 - 1e-9))
    return [round(i * step, 12) for i in range(math.ceil(top / step * (1 - 1e-9)) + 1)]


def ladder(errors: Mapping[str, Any] | None, diagnosis: Mapping[str, Any] | None) -> Ladder:
    """Lay out the errors from human to test, and the gaps between them, along one axis.

    Parameters
    ----------
    errors, diagnosis : mapping
        As in `summary.json`; a rung that is None is kept, without a place.

    Returns
    -------
    Ladder
        Rung, gap, rung, … A gap's bar starts at the last known rung above it.
    """
    errors, diagnosis = dict(errors or {}), diagnosis or {}
    if unknown(errors.get("human")) and number(errors.get("bayes")) is not None:
        errors["human"] = {"value": number(errors["bayes"])}
    figures = [(key, name, meaning, _mapping(errors.get(key))) for key, name, meaning in RUNGS]
    tops = [v for *_, rate in figures for v in (number(rate), ends(rate)[1]) if v is not None]
    marks = nice_ticks(max(tops, default=0.0))
    scale = 100 / marks[-1]
    steps: list[Step] = []
    last: float | None = None
    for position, (key, name, meaning, rate) in enumerate(figures):
        if position:
            steps.append(_gap(*GAPS[position - 1], _mapping(diagnosis.get(GAPS[position - 1][0])), last, scale))
        low, high = ends(rate)
        at = number(rate)
        steps.append(Step("rung", key, name, meaning, rate, _place(low, scale), _place(high, scale), _place(at, scale)))
        last = last if at is None else at
    return Ladder(tuple(steps), tuple((mark * scale, mark) for mark in marks))


def _gap(key: str, name: str, meaning: str, gap: Mapping[str, Any] | None, start: float | None, scale: float) -> Step:
    """Lay out a gap; one that is an upper bound, since no error stands above it, starts at 0."""
    size = number(gap)
    bound = gap is not None and gap.get("known", True) is False
    if start is None and bound:
        start = 0.0
    if size is None or start is None:
        return Step("gap", key, name, meaning, None if bound else gap)
    left, right = sorted((start, start + size))
    return Step("gap", key, name, meaning, gap, _place(left, scale), _place(right, scale), _place(start + size, scale))


def _mapping(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, Mapping):
        return value
    return None if number(value) is None else {"value": number(value)}


def _place(value: float | None, scale: float) -> float | None:
    return None if value is None else round(min(max(value * scale, 0.0), 100.0), 2)


def shades(matrix: Sequence[Sequence[Any]]) -> list[list[float]]:
    """Shade a square matrix for a heat table: each off-diagonal cell by its share of its row, darkest = 1.

    A power below 1 lifts rare mix-ups out of the paper; the diagonal gets its share of the row as it is.

    >>> shades([[8, 2], [0, 5]])
    [[0.8, 1.0], [0.0, 1.0]]
    """
    cells = np.nan_to_num(np.array(matrix, dtype=float))
    if not cells.size:
        return []
    share = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1e-12)
    diagonal = np.eye(len(share), dtype=bool)
    off = np.where(diagonal, 0.0, share)
    shade = (off / max(off.max(), 1e-12)) ** 0.75
    return [[round(float(v), 3) for v in row] for row in np.where(diagonal, share, shade)]


def round_curve(rounds: Sequence[Mapping[str, Any]]) -> str:
    """Draw dev and training error against the round, and the labels changed in each, as SVG; "" without rounds."""
    points = [(number(r.get("round")), r) for r in rounds or ()]
    known = [(x, r) for x, r in points if x is not None and number(r.get("dev_error")) is not None]
    if not known:
        return ""
    figure = small_figure()
    axes: Axes = figure.add_subplot()
    x = np.array([at for at, _ in known])
    dev = 100 * np.array([number(r["dev_error"]) for _, r in known], dtype=float)
    spread = np.array([_spread(r["dev_error"]) for _, r in known]).T
    train = [(at, 100 * v) for at, r in known if (v := number(r.get("train_error"))) is not None]
    if train:
        axes.plot(*zip(*train, strict=True), "s--", color=PALETTE["muted"], ms=3.5, lw=1.2, label="train")
    style: dict[str, Any] = {"color": PALETTE["accent"], "ms": 5, "lw": 2, "capsize": 3, "elinewidth": 1.2}
    axes.errorbar(x, dev, yerr=spread, fmt="o-", label="dev, 95% interval", **style)
    axes.set_xticks(x, [_round_name(at, record) for at, record in known])
    axes.set_xlim(x.min() - 0.4, x.max() + 0.4)
    _dress(axes, "round, and labels changed in it", "error, %")
    return as_svg(figure, "rounds", "Dev and training error after each round")


def _round_name(at: float, record: Mapping[str, Any]) -> str:
    changed = number(record.get("changed"))
    return f"{at:.0f}\n{changed:,.0f} changed" if changed else f"{at:.0f}"


def _spread(rate: Any) -> tuple[float, float]:
    value, (low, high) = number(rate), ends(rate)
    if value is None or low is None or high is None:
        return 0.0, 0.0
    return max(0.0, 100 * (value - low)), max(0.0, 100 * (high - value))


def training_curve(history: Sequence[Mapping[str, Any]], best_epoch: Any = None, *, weighted: bool = False) -> str:
    """Draw the training loss and the dev error against the epoch as SVG; "" where there is no history.

    Where labels were looked into, the dev error is `weighted` by how sure each dev label is.
    """
    from matplotlib.ticker import MaxNLocator

    rows = [
        (e, number(h.get("train_loss")), number(h.get("dev_error")))
        for h in history or ()
        if (e := number(h.get("epoch"))) is not None
    ]
    if not rows:
        return ""
    figure = small_figure()
    axes: Axes = figure.add_subplot()
    loss = [(e, v) for e, v, _ in rows if v is not None]
    dev = [(e, 100 * v) for e, _, v in rows if v is not None]
    if loss:
        epochs, losses = zip(*loss, strict=True)
        axes.plot(epochs, losses, ":", color=PALETTE["muted"], lw=1, label="training loss (left)")
        axes.plot(epochs, running_average(losses, SMOOTH), "--", color=PALETTE["muted"], lw=1.4, label="its average")
    _dress(axes, "epoch", "loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if dev:
        right, name = axes.twinx(), "weighted dev error" if weighted else "dev error"
        right.plot(*zip(*dev, strict=True), color=PALETTE["accent"], lw=2, label=f"{name} (right)")
        _dress(right, "", f"{name}, %")
        right.grid(visible=False)
    if (best := number(best_epoch)) is not None:
        axes.axvline(best, color=PALETTE["info"], lw=1, ls=":", label="kept")
    return as_svg(figure, "training", "Training loss and dev error after each epoch")


def small_figure() -> Figure:
    """Begin a picture of the report's size."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, HEIGHT), layout="constrained")


def _dress(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, color=PALETTE["muted"], fontsize=9)
    axes.set_ylabel(y, color=PALETTE["muted"], fontsize=9)
    axes.set_ylim(bottom=0)
    axes.tick_params(colors=PALETTE["muted"], labelsize=9, length=0)
    axes.grid(axis="y", color=PALETTE["line"], lw=0.7)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(PALETTE["line"])


def as_svg(figure: Figure, name: str, title: str) -> str:
    """Write a picture, with its legend, as SVG for the page; `name` keeps its ids apart from other pictures'."""
    import matplotlib as mpl

    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9, labelcolor=PALETTE["ink"])
    target = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(target, format="svg", transparent=True, metadata=nothing)
    return _inline(target.getvalue(), name, title)


def _inline(svg: str, name: str, title: str) -> str:
    """Fit a matplotlib SVG into an HTML page: no prolog, no leaking style, its own ids, the page's colours and font."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->|\sxmlns(:\w+)?=\"[^\"]*\"", "", svg, flags=re.S
    )
    svg = re.sub(r"<defs>\s*</defs>\s*", "", svg)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", svg)
    for variable, colour in PALETTE.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(
        r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', rf'<svg class="plot" \1 role="img" aria-label="{title}">', svg, count=1
    )
    return re.sub(r"\n\s*", "\n", svg)
