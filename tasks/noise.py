"""The labelling model: a given label is a noisy reading of the true one, by several accounts, each believed so far.

Plain confident learning knows one noise rate a class. People (and scanners) err mostly where two classes look alike, so
a single rate makes the confident part of the data look too noisy and the ambiguous part too clean, and the errors hide
in the ambiguous part. The account of `people` (`accounts.py`) knows slips that grow where the voices are in doubt.

The labels alone can hardly say whether an example is ambiguous because the voices cannot tell, or because people could
not: both give mixed labels at small margins, and the likelihood is almost flat between the two. So what people do is
said beforehand. By Luce's choice axiom (1959) somebody who weighs the evidence that the voices weigh confuses two
classes with the odds of that evidence: d = a = 1 and c = 0, give or take; c is taken a little lower, for people see
more than the voices do. And since the model is right only in the main, its likelihood is coarsened (Miller & Dunson
2019): many examples count as a thousand would, so that a few nats in a hundred thousand, which come from what the model
leaves out, do not overrule that. Where labels go wrong whatever x looks like, a thousand examples are plenty to say so.
The labels that a person has told are no model, and count in full.

Where classes overlap by nature (who repays a loan: no label is *wrong*, the columns just cannot tell), that would blame
labels for what nobody could know. So there is another account of errors, `classes`: no slips, labels go wrong whatever
x looks like, and the likelihood counts in full. There too overlap is easily taken for noise: that labels of a class
with no sure example go wrong more often explains overlap as well as noise does, and a number that is free to say so
will (Menon et al. 2015: noise rates are known only as far as there are examples that are surely of a class). So
`classes` is told in two ways: with one rate, and with a rate for each class. Each is believed by its evidence: how
likely it makes the labels, less what its rates cost, which is how much better each is known than by its prior
(Laplace's method).

`either` lets the labels decide: `people` are believed as far as slips of any kind make the labels likelier than the
latter of `classes` does, by Schwarz's criterion.

Known failures: errors that most people make alike on the same examples are what the voices learn, and are seen by none;
many classes that can hardly be told apart look like classes that are mixed up one way or the other, and the noise rate
comes out too high, by a factor of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.accounts import ANY, PEOPLE, Account, Sample, fit_account, log_readings
from burnish.tasks.streams import stream

FIT_CELLS = 100_000  # rows × classes the fit looks at; beyond, a random sample of rows is enough
FEWEST_ROWS = 2_000
MANY = 128  # classes beyond which there are too many to learn where slips go
NEGLIGIBLE = 1e-4  # belief under which an account is not asked
SLIP_PARAMETERS = 3  # mean of the slips, slope, likeness
Errors = Literal["people", "classes", "either"]


@dataclass(frozen=True)
class NoiseModel:
    """The accounts of how the labels came about, and how far each is believed.

    Attributes
    ----------
    accounts : tuple of Account
    beliefs : tuple of float
        Sum to one.
    """

    accounts: tuple[Account, ...]
    beliefs: tuple[float, ...]

    @property
    def weights(self) -> NDArray[np.float64]:
        """How much each voice counts, (V,)."""
        return sum((b * a.weights for a, b in self._believed()), np.zeros_like(self.accounts[0].weights))

    @property
    def noise(self) -> NDArray[np.float64]:
        """P(given = column | true = row), (k, k), by what is known of the rates: even where no class shows its own."""
        return sum((b * a.noise for a, b in self._believed()), np.zeros_like(self.accounts[0].noise))

    def posterior(self, readings: Sequence[NDArray[np.floating]], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give P(true | x, given label), (n, k); where the label is missing (−1), P(true | x)."""
        return sum((b * a.posterior(readings, codes) for a, b in self._believed()), np.zeros(readings[0].shape))

    def _believed(self) -> list[tuple[Account, float]]:
        asked = [pair for pair in zip(self.accounts, self.beliefs, strict=True) if pair[1] > NEGLIGIBLE]
        return [(account, belief / sum(belief for _, belief in asked)) for account, belief in asked]


def fit_noise_model(
    readings: Sequence[NDArray[np.floating]],
    codes: NDArray[np.int64],
    known: NDArray[np.int64] | None = None,
    *,
    errors: Errors = "people",
    cells: int = FIT_CELLS,
    seed: int = 0,
) -> NoiseModel:
    """Fit the labelling model by maximum a posteriori, confusions re-estimated between the fits.

    Parameters
    ----------
    readings : sequence of float (n, k)
        One array a voice: P(true = t | x), not using the example's own label.
    codes : int64 (n,)
        Given labels, index into the classes; −1 (missing) is left out.
    known : int64 (n,), optional
        True classes that a person has told, −1 = not known. They weigh the voices and the noise as examples whose truth
        is seen; that people look at suspects first does no harm, since all that made them suspect is given.
    errors : str
        How labels go wrong: ``people`` mix up what looks alike; ``classes``: whatever the example looks like, at one
        rate or at one a class; ``either``: the labels decide between the two.
    cells : int
        Rows × classes that are looked at; where there are more, a random sample of the rows (2,000 at least).
    seed : int
        Draws that sample.

    Returns
    -------
    NoiseModel
    """
    k = readings[0].shape[1]
    told = np.full(len(codes), -1) if known is None else known
    rows = _sample(codes, told, max(FEWEST_ROWS, cells // k), seed)
    logs = log_readings([reading[rows] for reading in readings])
    people: tuple[Account, ...] = ()
    believed = 0.0
    if k <= MANY and errors != "classes":
        people = (fit_account(Sample.of(logs, codes[rows], told[rows], coarse=True), PEOPLE),)
        if errors == "people":
            return NoiseModel(people, (1.0,))
    data = Sample.of(logs, codes[rows], told[rows], coarse=False)
    classes, beliefs = _classes(data)
    if people:
        gain = fit_account(data, ANY, each=True).log_density - classes[-1].log_density
        believed = float(_shares(np.array([gain - SLIP_PARAMETERS / 2 * np.log(len(rows)), 0.0]))[0])
    return NoiseModel((*people, *classes), (*[believed] * len(people), *((1 - believed) * beliefs).tolist()))


def _classes(data: Sample) -> tuple[tuple[Account, ...], NDArray[np.float64]]:
    """Fit the accounts without slips, that with a rate for each class last, and say how far each is believed."""
    kinds = (False, True) if data.logs.shape[2] <= MANY else (True,)
    accounts = [fit_account(data, each=each) for each in kinds]
    return tuple(accounts), _shares(np.array([account.log_density - rate_cost(account) for account in accounts]))


def rate_cost(account: Account) -> float:
    """Give what it costs to have learnt the rates, nats, by Laplace's method: each is known as its errors tell it."""
    rates = np.asarray(account.careless)
    errors = account.errors.sum(axis=1) if rates.ndim else account.errors.sum()
    return float(np.log1p(errors * (1 - rates)).sum() / 2)


def _shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn log-odds into shares that sum to one."""
    odds = np.exp(scores - scores.max())
    shares: NDArray[np.float64] = odds / odds.sum()
    return shares


def noise_matrix(posterior: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate P(given = g | true = t) as (k, k), row = true class, from the posterior (n, k) of labelled examples."""
    k = posterior.shape[1]
    counts = np.zeros((k, k))
    np.add.at(counts.T, codes[codes >= 0], posterior[codes >= 0])
    seen = counts.sum(axis=1, keepdims=True)
    return np.where(seen > 0, counts / np.where(seen > 0, seen, 1.0), np.eye(k))


def _sample(codes: NDArray[np.int64], known: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(codes >= 0)
    if len(rows) <= most:
        return rows
    drawn = stream(seed, "labelling model").choice(rows, most, replace=False)
    return np.union1d(drawn, rows[known[rows] >= 0])
