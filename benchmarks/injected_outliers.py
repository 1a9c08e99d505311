"""Planted outliers in columns of six shapes, and of twenty more: cell F1, clean cells clipped, beside feature-engine.

0.5% of the cells of a column are replaced, half of them on each side. Two readings of "4 to 8 robust σ":
- beyond: 4 to 8 robust σ beyond the column's own 0.1% and 99.9% quantiles: nobody's ordinary value;
- from the median: in a skewed or heavy-tailed column these lie among ordinary values, and no fence can tell them apart,
  as the column "possible" shows: the best F1 of any pair of fences, chosen with the truth.

Robust σ is 1.4826 · MAD; where more than half of the cells are one value, of the others.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from measured import print_table
from numpy.typing import NDArray
from scipy import stats

from burnish.tasks.outliers import fit_limits

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
SHARE = 0.005
BAR, AIM = (0.85, 0.005), (0.92, 0.001)


def mixture(*modes: tuple[float, float, float]) -> Draw:
    """Draw from normals, each with a share, a centre and a spread."""
    shares, centres, spreads = np.array(modes).T

    def draw(rng: np.random.Generator, count: int) -> Floats:
        mode = rng.choice(len(modes), count, p=shares)
        return rng.normal(centres[mode], spreads[mode])

    return draw


def with_zeros(draw: Draw, share: float) -> Draw:
    return lambda rng, count: np.where(rng.random(count) < share, 0.0, draw(rng, count))


SIX: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(10, 2, n),
    "lognormal": lambda rng, n: rng.lognormal(0, 0.5, n),
    "Student's t, 5 d.f.": lambda rng, n: rng.standard_t(5, n),
    "integer": lambda rng, n: rng.normal(50, 8, n).round(),
    "zero-inflated": with_zeros(lambda rng, n: rng.lognormal(1, 0.5, n), 0.6),
    "bimodal": mixture((0.5, 0, 1), (0.5, 9, 1)),
}
OTHERS: dict[str, Draw] = {
    "Student's t, 3 d.f.": lambda rng, n: rng.standard_t(3, n),
    "lognormal, σ = 1": lambda rng, n: rng.lognormal(0, 1, n),
    "exponential": lambda rng, n: rng.exponential(3, n),
    "gamma, 2": lambda rng, n: rng.gamma(2, 1, n),
    "−gamma, 3": lambda rng, n: -rng.gamma(3, 1, n),
    "Weibull, 1.5": lambda rng, n: rng.weibull(1.5, n),
    "Gumbel": lambda rng, n: rng.gumbel(size=n),
    "Laplace": lambda rng, n: rng.laplace(size=n),
    "logistic": lambda rng, n: rng.logistic(size=n),
    "hyperbolic secant": lambda rng, n: stats.hypsecant.rvs(size=n, random_state=rng),
    "skew normal, 5": lambda rng, n: stats.skewnorm.rvs(5, size=n, random_state=rng),
    "uniform": lambda rng, n: rng.random(n),
    "beta, 2 and 5": lambda rng, n: rng.beta(2, 5, n),
    "Rayleigh": lambda rng, n: rng.rayleigh(2, n),
    "Poisson, 50": lambda rng, n: rng.poisson(50, n).astype(float),
    "negative binomial": lambda rng, n: rng.negative_binomial(20, 0.3, n).astype(float),
    "zeros and exponential": with_zeros(lambda rng, n: rng.exponential(3, n), 0.3),
    "modes of 80% and 20%": mixture((0.8, 0, 1), (0.2, 7, 0.6)),
    "three modes": mixture((0.3, 0, 1), (0.4, 8, 2), (0.3, 20, 1)),
    "prices": lambda rng, n: rng.lognormal(3, 0.6, n).round(2),
}


def robust_sigma(values: Floats) -> tuple[float, float]:
    """Give the median and 1.4826 · MAD."""
    middle = float(np.median(values))
    sigma = stats.median_abs_deviation(values, scale="normal")
    return robust_sigma(values[values != middle]) if sigma == 0 else (middle, float(sigma))


def plant(values: Floats, rng: np.random.Generator, *, beyond: bool) -> tuple[Floats, NDArray[np.bool_]]:
    """Give the values with outliers, and where they are."""
    count = round(SHARE * len(values))
    rows = rng.choice(len(values), count, replace=False)
    up, (middle, sigma) = np.arange(count) % 2 == 0, robust_sigma(values)
    low, high = np.quantile(values, [0.001, 0.999]) if beyond else (middle, middle)
    far = rng.uniform(4, 8, count) * sigma
    planted, truth = values.copy(), np.zeros(len(values), dtype=bool)
    planted[rows], truth[rows] = np.where(up, high + far, low - far), True
    return (planted.round() if (values == values.round()).all() else planted), truth


def by_burnish(values: Floats) -> NDArray[np.bool_]:
    frame = pd.DataFrame({"x": values})
    return fit_limits(frame).apply(frame)[1]["x"].to_numpy()


def by_feature_engine(method: str) -> Callable[[Floats], NDArray[np.bool_]]:
    from feature_engine.outliers import Winsorizer

    def clip(values: Floats) -> NDArray[np.bool_]:
        frame = pd.DataFrame({"x": values})
        try:
            return (Winsorizer(method, tail="both").fit_transform(frame)["x"] != frame["x"]).to_numpy()
        except ValueError:  # it refuses columns of little variation
            return np.zeros(len(values), dtype=bool)

    return clip


def f1(flagged: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * int((flagged & truth).sum()) / max(int(flagged.sum() + truth.sum()), 1)


def possible(values: Floats, truth: NDArray[np.bool_]) -> float:
    """Give the best F1 of any two fences that take up to 4% of the cells each."""
    order = np.argsort(values, kind="stable")
    most = int(0.04 * len(values))
    low, high = (np.append(0, np.cumsum(truth[side][:most])) for side in (order, order[::-1]))
    taken = np.arange(most + 1)[:: max(most // 400, 1)]
    found = low[taken][:, None] + high[taken][None, :]
    return float((2 * found / (taken[:, None] + taken[None, :] + truth.sum())).max())


def table(shapes: dict[str, Draw], rows: int, seeds: int, *, beyond: bool) -> list[list[str]]:
    """Measure each contender on each shape, mean over the seeds; a mean and the clean cells clipped come last."""
    ways = {"burnish": by_burnish} | {name: by_feature_engine(name) for name in ("gaussian", "iqr", "mad")}
    scores = {name: np.zeros((len(shapes), len(ways) + 1)) for name in ("f1", "clipped", "untouched")}
    for row, draw in enumerate(shapes.values()):
        for seed in range(seeds):
            rng = np.random.default_rng([seed, row])
            values = draw(rng, rows)
            planted, truth = plant(values, rng, beyond=beyond)
            scores["f1"][row, -1] += possible(planted, truth) / seeds
            for column, way in enumerate(ways.values()):
                flagged = way(planted)
                scores["f1"][row, column] += f1(flagged, truth) / seeds
                scores["clipped"][row, column] += (flagged & ~truth).sum() / (~truth).sum() / seeds
                scores["untouched"][row, column] += way(values).mean() / seeds
    means = {name: score.mean(axis=0) for name, score in scores.items()}
    worst = scores["untouched"].max(axis=0)
    lines = [[name, *(f"{each:.3f}" for each in scores["f1"][row])] for row, name in enumerate(shapes)]
    lines.append(["**mean F1**", *(f"**{each:.3f}**" for each in means["f1"])])
    lines += [
        [said, *(f"{each:.3%}" for each in figures[:-1]), ""]
        for said, figures in (
            ("clean cells clipped, planted columns", means["clipped"]),
            ("cells clipped, columns with nothing planted", means["untouched"]),
            ("the same, worst column", worst),
        )
    ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    header = ("cell F1", "burnish", *(f"Winsorizer {name}" for name in ("gaussian", "iqr", "mad")), "possible")
    bars = f"bar: F1 ≥ {BAR[0]}, clipped ≤ {BAR[1]:.1%}; aim: {AIM[0]}, {AIM[1]:.1%}"
    for shapes, said in ((SIX, "six shapes"), (OTHERS, "other shapes")):
        for beyond, reading in ((True, "beyond the column's own quantiles"), (False, "from the median")):
            title = f"{said}, 4–8 robust σ {reading}, {options.rows:,} rows, {options.seeds} seeds ({bars})"
            print_table(title, header, table(shapes, options.rows, options.seeds, beyond=beyond))


if __name__ == "__main__":
    main()
