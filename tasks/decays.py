"""How the learning rate goes down over the epochs: a factor on the first rate.

With r the decay rate and e the epochs done (a fraction within an epoch):

| name | factor |
| --- | --- |
| none | 1 |
| inverse | 1 / (1 + r·e) |
| exponential | exp(−r·e) |
| sqrt | 1 / √(1 + r·e) |
| staircase | ½ to the power of the whole part of r·e |
| cosine | ½·(1 + cos π·e/E), over all E epochs (Loshchilov & Hutter 2017, "SGDR") |
| one_cycle | from 1/25 up to 1 in 30% of E, then as a cosine to 0 (Smith & Topin 2018, "Super-convergence") |

The first five go with the halts of `fitting`, which quarter the rate where dev no longer improves. The last two are
plans for all epochs, which a halt would break: they run to their end, and the best weights are kept.
Known failure: a plan for many more epochs than the data needs spends most of them at rates that overfit.
"""

from __future__ import annotations

from math import cos, exp, floor, pi, sqrt

DECAYS = ("none", "inverse", "exponential", "sqrt", "staircase", "cosine", "one_cycle")
PLANS = ("cosine", "one_cycle")
RISE = 0.3
FIRST = 1 / 25


def decay_factor(name: str, done: float, *, rate: float = 0.05, epochs: int = 100) -> float:
    """Give the factor on the learning rate.

    Parameters
    ----------
    name : str
        One of `DECAYS`.
    done : float
        Epochs done, from 0.
    rate : float
        How fast; cosine and one_cycle go by `epochs` alone.
    epochs : int
        All epochs.

    Examples
    --------
    >>> [round(decay_factor(name, 20, rate=0.05), 3) for name in DECAYS]
    [1.0, 0.5, 0.368, 0.707, 0.5, 0.905, 0.68]
    """
    share = min(done / epochs, 1.0)
    pace = rate * done
    if name == "cosine":
        return (1 + cos(pi * share)) / 2
    if name == "one_cycle":
        return FIRST + (1 - FIRST) * share / RISE if share < RISE else (1 + cos(pi * (share - RISE) / (1 - RISE))) / 2
    return {
        "none": 1.0,
        "inverse": 1 / (1 + pace),
        "exponential": exp(-pace),
        "sqrt": 1 / sqrt(1 + pace),
        "staircase": 0.5 ** floor(pace),
    }[name]
