"""The noise whose pictures a classifier cannot tell from the target's.

What: the recipe that turns training pictures into pictures like those of another camera, and how well a classifier
still tells the two apart (C2ST: area under its curve, 0.5 = not at all) on target pictures that the fit has not seen.
How: a guess from moments (`noise_start`) is refined by the simulated method of moments. The means and mean squares of
the figures that the classifier is shown (`picture_figures`, in their principal directions) are to agree; what they
differ by is measured in standard errors, all together: the misfit is a χ². Each knob is turned a little to see what it
moves (the same dice for all, `cameras`), least squares say how far to turn all of them, and so on a few times. A knob
that the pictures do not ask for (χ² rises by less than chance would) goes back to none. Of no change, guess and
fit, that with the AUC nearest to 0.5 is taken.
Sources: McFadden (1989), A method of simulated moments; Lopez-Paz & Oquab (2017) for the C2ST.
Known failure: assumes that both cameras are shown the same kind of thing in the same proportions; what no knob makes
(shadows, motion, reflections) stays, and the AUC says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.optimize import lsq_linear

from burnish.tasks.cameras import Shots
from burnish.tasks.noise_start import guess_recipe
from burnish.tasks.picture_figures import Floats, Pixels, as_grey, picture_figures
from burnish.tasks.recipes import UNCHANGED, Recipe
from burnish.tasks.streams import stream
from burnish.tasks.two_samples import auc_interval, classify, directions, expand

SHOTS = 240  # pictures a guess is tried on
JUDGED = 1 / 3  # of the target's pictures, by which the fit is judged
FEWEST = 30  # target pictures, below which nothing can be fitted
DIRECTIONS = 40
TURNS = 4
DAMPINGS = (0.3, 3.0, 30.0)
SHRINK = 0.1  # of the correlations between statistics, of which there are nearly as many as pictures
NEEDED = 8.6  # rise of χ² by which a knob shows that it is needed: 95% over all fifteen together
MOST_PIXELS = 300 * 64**2  # fewer pictures are taken where they are large

# What each knob may be, and a turn that shows: name, unit, lowest, highest. A spread is half the width of a range.
KNOBS = (
    ("blur", 0.2, 0.0, 4.0), ("blur spread", 0.2, 0.0, 1.5),
    ("noise", 1.5, 0.0, 50.0), ("noise spread", 1.5, 0.0, 20.0),
    ("contrast", 0.05, 0.2, 3.0), ("contrast spread", 0.05, 0.0, 0.6), ("brightness", 4.0, -160.0, 160.0),
    ("brightness spread", 4.0, 0.0, 80.0), ("shift", 0.02, 0.0, 0.3), ("rotation", 3.0, 0.0, 30.0),
    ("scale", 0.03, 0.6, 1.6), ("scale spread", 0.03, 0.0, 0.3), ("jpeg loss", 10.0, 0.0, 95.0),
    ("jpeg loss spread", 10.0, 0.0, 40.0),
)  # fmt: skip
NAMES = tuple(knob[0] for knob in KNOBS)
UNIT, LOWEST, HIGHEST = (np.array([knob[i] for knob in KNOBS], float) for i in (1, 2, 3))


@dataclass(frozen=True)
class FittedNoise:
    """A fitted recipe, and how well it is told from the target.

    Attributes
    ----------
    recipe : Recipe
    auc_before, auc : float
        C2ST of training pictures, as they are and under the recipe, against target pictures the fit has not seen.
    low, high : float
        95% interval of `auc`.
    judged_on : int
        How many target pictures that were.
    """

    recipe: Recipe
    auc_before: float
    auc: float
    low: float
    high: float
    judged_on: int

    def as_dict(self) -> dict[str, Any]:
        """Give how well it fits as values that JSON knows."""
        return {"before": self.auc_before, "after": self.auc, "low": self.low, "high": self.high, "on": self.judged_on}


def fit_noise(train_pixels: Pixels, target_pixels: Pixels, *, shots: int = SHOTS, seed: int = 0) -> FittedNoise | None:
    """Fit the recipe that makes training images look like the target's.

    Parameters
    ----------
    train_pixels, target_pixels : uint8 (n, s, s, c) and (m, s, s, c)
        Blank and unreadable ones left out.
    shots : int
        Pictures that a guess is tried on; fewer where they are large.
    seed : int
        Draws the pictures, deals the target's into two thirds to fit and a third to judge, and throws the dice.

    Returns
    -------
    FittedNoise or None
        None where either holds fewer than 30 pictures.
    """
    if min(len(train_pixels), len(target_pixels)) < FEWEST:
        return None
    rng = stream(seed, "fitted noise")
    most = max(min(shots, MOST_PIXELS // train_pixels[0, ..., 0].size), FEWEST)
    drawn = rng.permutation(len(train_pixels))
    dealt = rng.permutation(len(target_pixels))[: 2 * most]
    judging, fitting = np.split(dealt, [round(JUDGED * len(dealt))])
    tried = Shots.of(train_pixels[drawn[:most]], rng)
    target = target_pixels[fitting]
    guess = guess_recipe(train_pixels[drawn[: 4 * most]], target)
    recipe = _refined(tried, as_grey(target), guess)
    trials = (UNCHANGED, guess, recipe)
    told = [_told_apart(tried.take(trial), as_grey(target), seed) for trial in trials]
    best = trials[int(np.argmin(np.abs(np.array(told) - 0.5)))]
    unseen = as_grey(target_pixels[judging])
    fresh = Shots.of(train_pixels[drawn[-most:]], rng)
    before, after = (_told_apart(fresh.take(trial), unseen, seed) for trial in (UNCHANGED, best))
    low, high = auc_interval(after, len(unseen), len(fresh.grey))
    return FittedNoise(best, before, after, low, high, len(unseen))


def _told_apart(ours: Pixels, theirs: Pixels, seed: int) -> float:
    """Out-of-fold AUC of a classifier shown the figures of both; below 0.5 it is chance."""
    figures = np.concatenate([picture_figures(side)[0] for side in (ours, theirs)])
    is_theirs = np.repeat([False, True], [len(ours), len(theirs)])
    auc, _ = classify(expand(directions(figures)), is_theirs, 0, stream(seed, "fitted noise: folds"))
    return max(auc, 0.5)


def _refined(shots: Shots, target: Pixels, guess: Recipe) -> Recipe:
    """Turn the knobs until the statistics agree, and back those that are not needed."""
    apart = _misfit(target, shots.take(guess))

    def residuals(knobs: Floats) -> Floats:
        return apart(shots.take(_as_recipe(knobs * UNIT)))

    low, high = LOWEST / UNIT, HIGHEST / UNIT
    knobs = np.clip(_as_knobs(guess) / UNIT, low, high)
    at = residuals(knobs)
    for turn in range(TURNS):
        if turn % 2 == 0:  # slopes change little between two steps, and cost the most
            slopes = np.stack([_slope(residuals, knobs, at, i, high[i]) for i in range(len(knobs))], axis=1)
        steps = [_step(slopes, at, low - knobs, high - knobs, damping) for damping in DAMPINGS]
        tried = [residuals(knobs + step) for step in steps]
        best = int(np.argmin([each @ each for each in tried]))
        gained = at @ at - tried[best] @ tried[best]
        if gained <= 0:
            break
        knobs, at = knobs + steps[best], tried[best]
        if gained < NEEDED:
            break
    return _as_recipe(_pruned(residuals, knobs, float(at @ at), slopes) * UNIT)


def _slope(residuals: Callable[[Floats], Floats], knobs: Floats, at: Floats, knob: int, high: float) -> Floats:
    """What one turn of a knob does to the statistics."""
    turn = np.zeros(len(knobs))
    turn[knob] = 1.0 if knobs[knob] + 1 <= high else -1.0
    return (residuals(knobs + turn) - at) * turn[knob]


def _step(slopes: Floats, at: Floats, low: Floats, high: Floats, damping: float) -> Floats:
    """Least squares within the limits; the damping is in χ² a turn."""
    system = np.vstack([slopes, np.sqrt(damping) * np.eye(slopes.shape[1])])
    solved = lsq_linear(system, np.concatenate([-at, np.zeros(slopes.shape[1])]), (low - 1e-9, high + 1e-9))
    return np.clip(solved.x, low, high)


def _pruned(residuals: Callable[[Floats], Floats], knobs: Floats, misfit: float, slopes: Floats) -> Floats:
    """Set the knobs to none that are not needed; those first that have moved the least, by their slopes."""
    none = _as_knobs(UNCHANGED) / UNIT
    moved = np.linalg.norm(slopes, axis=0) * np.abs(knobs - none)
    for knob in np.argsort(moved, kind="stable").tolist():
        if knobs[knob] == none[knob]:
            continue
        tried = knobs.copy()
        tried[knob] = none[knob]
        left = residuals(tried)
        if left @ left < misfit + NEEDED:
            knobs, misfit = tried, float(left @ left)
    return knobs


def _misfit(target: Pixels, like: Pixels) -> Callable[[Pixels], Floats]:
    """Give what says by how many standard errors the statistics of pictures are off those of the target.

    The figures are turned into their principal directions over the target and pictures nearly like it.
    """
    theirs, ours = (picture_figures(side)[0] for side in (target, like))
    both = np.concatenate([theirs, ours])
    middle, spread = both.mean(axis=0), both.std(axis=0) + 1e-3
    values, vectors = eigh(np.cov((both - middle).T / spread[:, None]))
    kept = slice(-min(DIRECTIONS, len(target) // 3), None)
    turn = vectors[:, kept] / np.sqrt(np.maximum(values[kept], 1e-3))

    def statistics(figures: Floats) -> Floats:
        seen = np.clip((figures - middle) / spread @ turn, -6, 6)
        return np.hstack([seen, seen**2])

    wanted, near = statistics(theirs), statistics(ours)
    errors = np.cov(wanted.T) / len(wanted) + np.cov(wanted.T) / len(near)
    errors = (1 - SHRINK) * errors + SHRINK * np.diag(np.diag(errors)) + 1e-9 * np.eye(len(errors))
    root = cholesky(errors, lower=True)
    goal = wanted.mean(axis=0)

    def apart(pixels: Pixels) -> Floats:
        return solve_triangular(root, statistics(picture_figures(pixels)[0]).mean(axis=0) - goal, lower=True)

    return apart


def _as_recipe(values: NDArray[np.float64]) -> Recipe:
    """Knobs as a recipe; ranges stay where they mean something."""
    at = dict(zip(NAMES, values.tolist(), strict=True))

    def ends(name: str, low: float = -np.inf) -> tuple[float, float]:
        middle, spread = at[name], at[f"{name} spread"]
        return round(max(middle - spread, low), 4), round(max(middle + spread, low), 4)

    low, high = ends("jpeg loss", 0.0)
    return Recipe(
        blur=ends("blur", 0.0),
        noise=ends("noise", 0.0),
        contrast=ends("contrast", 0.05),
        brightness=ends("brightness"),
        shift=round(at["shift"], 4),
        rotation=round(at["rotation"], 2),
        scale=ends("scale", 0.3),
        jpeg=(max(100.0 - round(high), 1.0), 100.0 - round(low)),
    )


def _as_knobs(recipe: Recipe) -> Floats:
    at = {"shift": recipe.shift, "rotation": recipe.rotation}
    ranges = {name: getattr(recipe, name) for name in ("blur", "noise", "contrast", "brightness", "scale")}
    ranges["jpeg loss"] = (100 - recipe.jpeg[1], 100 - recipe.jpeg[0])
    for name, (low, high) in ranges.items():
        at |= {name: (low + high) / 2, f"{name} spread": (high - low) / 2}
    return np.array([at[name] for name in NAMES])
