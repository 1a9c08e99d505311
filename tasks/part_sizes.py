"""How large the parts of a split are: by the rule of the method, by the confidence wanted, or as stated.

Source: the sizes follow the rule of Ng, "Machine Learning Yearning" (2018): 60/20/20 for small data, 98/1/1 for large.

Known failure: the half-width is reckoned for an error of 10%; at an error of 50% it is 1.7 times as wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from burnish.tasks.apportion import Floats
from burnish.tasks.balance import EXPECTED_ERROR, Z95
from burnish.tasks.findings import InputError
from burnish.tasks.hints import did_you_mean

SMALL, LARGE = 100_000, 1_000_000
SMALL_SHARE, LARGE_SHARE = 0.2, 0.01


def default_ratios(
    n: int, *, error: float = EXPECTED_ERROR, test_halfwidth: float | None = None
) -> tuple[float, float, float]:
    """Give the shares of train, dev and test for `n` examples.

    Without `test_halfwidth`: 60/20/20 up to 100,000 examples and 98/1/1 from a million on. Between them the size that
    gives the test error the half-width wanted there; the half-width slides on log n from that of 20,000 test examples
    (0.42 points at an error of 10%) to that of 10,000 (0.59 points), so that the shares meet both ends without a jump
    and never grow with `n`. With `test_halfwidth` that size holds for any `n`, but for 20% at most.

    Parameters
    ----------
    n : int
        Number of labelled examples.
    error : float
        The test error expected, 0 to 1.
    test_halfwidth : float, optional
        Half the width of the 95% interval wanted for the test error, e.g. 0.01.

    Returns
    -------
    tuple of float
        Shares of train (train_dev not yet taken out), dev and test; their sum is 1.

    Raises
    ------
    InputError
        A half-width that no share can have.

    Notes
    -----
    Size m = z² · e · (1 − e) / h², z = 1.96: the normal approximation of the binomial interval.

    Examples
    --------
    >>> default_ratios(1_797)
    (0.6, 0.2, 0.2)
    >>> default_ratios(5_000_000)
    (0.98, 0.01, 0.01)
    >>> [round(share, 3) for share in default_ratios(50_000, test_halfwidth=0.01)]
    [0.862, 0.069, 0.069]
    """
    if test_halfwidth is not None:
        if not 0 < test_halfwidth < 0.5:
            raise InputError(
                f"split.test_halfwidth is {test_halfwidth}: it must lie between 0 and 0.5, e.g. 0.01 for ± 1 point."
            )
        share = min(SMALL_SHARE, Z95**2 * error * (1 - error) / test_halfwidth**2 / max(n, 1))
    elif n <= SMALL:
        share = SMALL_SHARE
    elif n >= LARGE:
        share = LARGE_SHARE
    else:
        slide = math.log(n / SMALL) / math.log(LARGE / SMALL)
        size = SMALL * SMALL_SHARE * (LARGE * LARGE_SHARE / (SMALL * SMALL_SHARE)) ** slide  # z² e (1 − e) / h(n)²
        share = size / n
    share = round(share, 9)
    return round(1 - 2 * share, 9), share, share


def part_shares(
    ratios: Sequence[float] | Mapping[str, float] | None, test_halfwidth: float | None, train_dev: float, n: int
) -> Floats:
    """Check the wanted shares and give those of the four parts.

    Parameters
    ----------
    ratios, test_halfwidth, train_dev
        As `split.split` takes them.
    n : int
        Number of labelled examples.

    Returns
    -------
    float (4,)
        Of train, train_dev, dev and test; their sum is 1.

    Raises
    ------
    InputError
        Shares that cannot be used.

    Examples
    --------
    >>> part_shares([0.8, 0.1, 0.1], None, 0.05, 100).round(2).tolist()
    [0.75, 0.05, 0.1, 0.1]
    """
    if ratios is not None and test_halfwidth is not None:
        raise InputError("split.ratios and split.test_halfwidth both set the sizes: keep one of them.")
    if isinstance(ratios, Mapping):
        check_names(ratios, ("train", "dev", "test"), "split.ratios")
        ratios = [ratios.get(name, 0) for name in ("train", "dev", "test")]
    values = list(default_ratios(n, test_halfwidth=test_halfwidth) if ratios is None else ratios)
    if len(values) != 3:
        raise InputError(f"split.ratios has {len(values)} shares: give three, for train, dev and test.")
    if not all(isinstance(value, int | float) and value > 0 for value in values):
        raise InputError(f"split.ratios is {values}: train, dev and test each need a share above 0.")
    if abs(sum(values) - 1) > 1e-6:
        raise InputError(f"split.ratios is {values}, which sums to {sum(values):g}: make it 1, e.g. 0.6, 0.2, 0.2.")
    if not 0 <= train_dev < values[0]:
        raise InputError(f"split.train_dev is {train_dev}: it must be at least 0 and less than train's {values[0]:g}.")
    return np.array([values[0] - train_dev, train_dev, values[1], values[2]])


def check_names(names: Iterable[Any], known: Sequence[str], where: str) -> None:
    """Refuse a name that is not known, and say which one may be meant.

    Raises
    ------
    InputError
    """
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, f"known: {', '.join(known[:10])}.")
            raise InputError(f"{where} names {name!r}, which is not there: {hint}")
