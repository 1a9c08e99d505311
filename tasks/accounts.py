"""An account of how labels go wrong, fitted: the truth, read from the voices, and what labels make of it.

Three things are fitted together, to the given labels:

- the truth, P(true = t | x) ∝ exp(b_t + Σ_v β_v log p_v(t | x)), a logarithmic pool of the voices;
- slips: with a chance e_t(x) = σ(c_t − d · margin(x)), margin in log-odds of the two best classes, the annotator takes
  t for g ≠ t, the likelier the more common that confusion is (K[t, g]^h) and the more x looks like g (p(g | x)^a);
- carelessness: with a chance s, one for all or one a class, whatever x looks like, the label becomes g with chance
  K[t, g].

The voices never saw the label of the example they speak about, so the likelihood is an honest judge of their weights:
this is stacking, through the noise. K starts at the confident confusions and is re-estimated from the posterior
(expectation-maximization, in the spirit of Dawid & Skene 1979). Sharpness needs no knob: temperature is 1 / Σ_v β_v.

Which accounts are fitted, and how far each is believed, is in `noise.py`.
Known failure: where the voices themselves are wrong though sure, that is taken for noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from burnish.tasks.fitting import limited_threads

FLOOR = 1e-6  # a voice never rules a class out: one zero would outvote all others
BLOCK_CELLS = 4_000_000  # rows × classes handled at once when the fitted model is applied
ROUNDS = 3  # of the confusions; the fourth changes label_quality in the third digit
TOLERANCE = 0.002  # nats, all examples together: a step that gains less is the last
STEPS = 80  # of L-BFGS between two estimates of the confusions
COARSE = 1_000  # examples that all together count as: the model is right to a few percent, not to a few in a thousand
RARE = -3.0  # log-odds, 5%: what errors are before the data speak
RARELY = 10.0  # variance of that: 19 in 20 between 0.01% and 96%
NEVER = -100.0  # log-odds of what does not happen
PARAMETERS = ("weights", "bias", "slip", "slope", "likeness", "habit", "careless")


@dataclass(frozen=True)
class Slips:
    """What is known of slips before the labels speak: mean and standard deviation of normal priors."""

    tie: tuple[float, float]  # log-odds of a slip where two classes tie
    choice: tuple[float, float]  # slope and likeness


PEOPLE = Slips(tie=(-0.5, 0.5), choice=(1.0, 0.3))  # two in five, give or take one in five; Luce's, give or take
ANY = Slips(tie=(RARE, 3.2), choice=(0.0, 0.5))


@dataclass(frozen=True)
class Account:
    """How the labels came about, by one of the accounts, fitted; V voices, k classes.

    Attributes
    ----------
    weights : float (V,)
        β: how much each voice counts; their sum is the sharpening.
    bias : float (k,)
        b: how much more common a class is than the voices think.
    slip : float (k,)
        c: log-odds of a slip, per true class, where the two best classes tie.
    slope : float
        d: how fast slips vanish as the margin grows.
    likeness : float
        a: how strongly slips go where the example looks like.
    habit : float
        h: how strongly slips go where errors commonly go.
    careless : float or float (k,)
        s: chance of an error that has nothing to do with the example; one for all classes, or per true class.
    confusion : float (k, k)
        K: where errors go, row = true class; rows sum to one, diagonal zero.
    log_density : float
        Of the (coarsened) labels and the parameters together, nats, but for a constant that all accounts share.
    log_likelihood : float
        Of the (coarsened) labels alone, nats.
    errors : float (k, k)
        How many of the labels it takes for wrong, from which class (row) to which; diagonal zero.
    noise : float (k, k)
        P(given = column | true = row); with slips, on average over the examples.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    slip: NDArray[np.float64]
    slope: float
    likeness: float
    habit: float
    careless: float | NDArray[np.float64]
    confusion: NDArray[np.float64]
    log_density: float
    log_likelihood: float
    errors: NDArray[np.float64]
    noise: NDArray[np.float64]

    def posterior(self, readings: Sequence[NDArray[np.floating]], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give P(true | x, given label), (n, k); where the label is missing (−1), P(true | x)."""
        n, k = readings[0].shape
        out = np.empty((n, k))
        by = {name: torch.as_tensor(getattr(self, name), dtype=torch.float64) for name in PARAMETERS}
        confusion = torch.from_numpy(self.confusion)
        step = max(1, BLOCK_CELLS // k)
        for start in range(0, n, step):
            rows = slice(start, start + step)
            given = torch.from_numpy(codes[rows])
            truth, labelling = _labelling(log_readings([r[rows] for r in readings]), given.clamp(min=0), confusion, by)
            joint = torch.where((given < 0)[:, None], truth, truth * labelling)
            out[rows] = (joint / joint.sum(1, keepdim=True)).numpy()
        return out


@dataclass(frozen=True)
class Sample:
    """What accounts are fitted to.

    Attributes
    ----------
    logs : float64 (V, n, k)
        Logarithms of the readings.
    given : int64 (n,)
    possible : float64 (n, k) or (1, k)
        1 for the classes that can be true, else 0.
    counts : float64 (n,)
        How much each row counts.
    """

    logs: torch.Tensor
    given: torch.Tensor
    possible: torch.Tensor
    counts: torch.Tensor

    @classmethod
    def of(cls, logs: torch.Tensor, codes: NDArray[np.int64], known: NDArray[np.int64], *, coarse: bool) -> Sample:
        """Put together log-readings, labels and what a person has told (−1 = nothing), coarsened or not."""
        k, told = logs.shape[2], torch.from_numpy(known)
        possible = torch.ones(1, k, dtype=torch.float64)
        if (told >= 0).any():
            one = torch.nn.functional.one_hot(told.clamp(min=0), k).to(torch.float64)
            possible = torch.where((told < 0)[:, None], possible, one)
        counts = torch.where(told < 0, min(1.0, COARSE / len(codes)) if coarse else 1.0, 1.0).to(torch.float64)
        return cls(logs, torch.from_numpy(codes), possible, counts)

    def joint(self, confusion: torch.Tensor, by: dict[str, torch.Tensor]) -> torch.Tensor:
        """P(true = t, given | x), (n, k)."""
        truth, labelling = _labelling(self.logs, self.given, confusion, by)
        return truth * labelling * self.possible


def fit_account(
    data: Sample,
    slips: Slips | None = None,
    *,
    each: bool = False,
) -> Account:
    """Fit one account by maximum a posteriori.

    Parameters
    ----------
    data : Sample
    slips : Slips, optional
        What is known of slips; without, there are none.
    each : bool
        Whether each true class has a rate of carelessness of its own.

    Returns
    -------
    Account
    """
    free, k = _start(data, slips, each), data.logs.shape[2]
    first = (data.logs.mean(0).exp() * data.possible).argmax(1)
    believed = torch.nn.functional.one_hot(first, k).to(torch.float64)
    for _ in range(ROUNDS):
        likely = _confusion(believed, data.given)
        _climb(free, data, likely, slips)
        with torch.no_grad():
            joint = data.joint(likely, _natural(free))
            believed = joint / joint.sum(1, keepdim=True)
    natural = _natural(free)
    fitted: dict[str, Any] = {
        name: value.detach().numpy() if value.ndim else value.item() for name, value in natural.items()
    }
    likelihood, errors = float(joint.sum(1).log() @ data.counts), _errors(believed, data.given)
    return Account(
        **fitted,
        confusion=likely.numpy(),
        log_density=likelihood - float(_unlikely(free, slips).detach()),
        log_likelihood=likelihood,
        errors=errors.numpy(),
        noise=_noise(errors, believed, likely, None if slips else natural["careless"].detach()).numpy(),
    )


def log_readings(readings: Sequence[NDArray[np.floating]]) -> torch.Tensor:
    """Stack the logarithms of the voices' readings, (V, n, k); rows are normalised."""
    stacked = torch.from_numpy(np.stack([np.asarray(reading, dtype=np.float64) for reading in readings]))
    stacked = stacked.clamp(min=FLOOR).log()
    return stacked - stacked.logsumexp(2, keepdim=True)


def _start(data: Sample, slips: Slips | None, each: bool) -> dict[str, torch.Tensor]:
    """Unbounded parameters: those in `PARAMETERS`, the positive and the shares through a logarithm and a logit.

    Carelessness starts at how often the label is not what the voices say where they are surest (the anchor points).
    """
    voices, _, k = data.logs.shape
    sure, said = data.logs.mean(0).max(1)
    anchors = sure >= sure.median()
    astray = (said != data.given)[anchors].to(torch.float64).mean().clamp(0.01, 0.7)

    def new(*shape: int, value: float = 0.0, free: bool = True) -> torch.Tensor:
        return torch.full(shape, value, dtype=torch.float64, requires_grad=free)

    return {
        "weights": new(voices),
        "bias": new(k),
        "slip": new(k, value=max(slips.tie[0], -2.0) if slips else NEVER, free=slips is not None),
        "slope": new(value=slips.choice[0] if slips else 0.0, free=slips is not None),
        "likeness": new(value=slips.choice[0] if slips else 0.0, free=slips is not None),
        "habit": new(value=1.0, free=slips is not None),
        "careless": new(*((k,) if each else ()), value=float(torch.logit(astray))),
    }


def _natural(free: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return free | {
        "weights": free["weights"].exp(),
        "bias": free["bias"] - free["bias"].mean(),
        "careless": torch.sigmoid(free["careless"]),
    }


def _errors(believed: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Count (true, given) where they differ."""
    k = believed.shape[1]
    counts = torch.zeros(k, k, dtype=torch.float64).index_add_(1, given, believed.T.contiguous())
    return counts.fill_diagonal_(0.0)


def _noise(
    errors: torch.Tensor, believed: torch.Tensor, confusion: torch.Tensor, careless: torch.Tensor | None
) -> torch.Tensor:
    """P(given | true): from the rates where these are all there is, else as counted."""
    right = torch.eye(len(errors), dtype=torch.float64)
    if careless is None:
        shares = errors / believed.sum(0)[:, None].clamp(min=FLOOR)
        return shares + right * (1 - shares.sum(1, keepdim=True))
    rates = careless.expand(len(errors))[:, None]
    return right * (1 - rates) + rates * confusion


def _confusion(believed: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Where errors go, smoothed towards anywhere by a tenth of the errors seen."""
    k, counts = believed.shape[1], _errors(believed, given)
    counts = (counts + (counts.sum() + k) / (10 * k * k)).fill_diagonal_(0.0)
    return counts / counts.sum(1, keepdim=True)


def _labelling(
    logs: torch.Tensor, given: torch.Tensor, confusion: torch.Tensor, by: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """P(true = t | x) and P(given | true = t, x) for the label given, both (n, k)."""
    k = logs.shape[2]
    sharpness = by["weights"].sum()
    pooled = torch.einsum("v,vnk->nk", by["weights"] / sharpness, logs)
    best = pooled.topk(2, 1).values
    right = torch.nn.functional.one_hot(given, k).bool()
    common = confusion.T[given]
    careful = right.to(torch.float64)
    if by["slip"].max() > NEVER:
        wrong = torch.sigmoid(by["slip"] - by["slope"] * (best[:, :1] - best[:, 1:]))
        looks = torch.exp(by["likeness"] * (pooled - best[:, :1]))
        elsewhere = 1 - torch.eye(k, dtype=torch.float64)
        habits = elsewhere * (confusion + 1 - elsewhere) ** by["habit"]
        slips = wrong * habits.T[given] * looks.gather(1, given[:, None]) / (looks @ habits.T)
        careful = torch.where(right, 1 - wrong, slips)
    labelling = (1 - by["careless"]) * careful + by["careless"] * common
    return torch.softmax(sharpness * pooled + by["bias"], 1), labelling


def _climb(free: dict[str, torch.Tensor], data: Sample, confusion: torch.Tensor, slips: Slips | None) -> None:
    """Raise the coarsened posterior density of the parameters by L-BFGS, in place."""
    from scipy.optimize import minimize

    moving = [value for value in free.values() if value.requires_grad]

    def place(flat: NDArray[np.float64]) -> None:
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(torch.from_numpy(flat.copy()), moving)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        place(flat)
        likely = data.joint(confusion, _natural(free)).sum(1).log() @ data.counts
        total = (_unlikely(free, slips) - likely) / data.counts.sum()
        slopes = torch.autograd.grad(total, moving)
        return total.item(), torch.cat([slope.reshape(-1) for slope in slopes]).numpy()

    least = TOLERANCE / len(data.given)
    start = torch.cat([value.detach().reshape(-1) for value in moving]).numpy()
    options = {"maxiter": STEPS, "ftol": least, "gtol": least}
    with limited_threads(1):  # more would wait for each other
        place(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)


def _unlikely(free: dict[str, torch.Tensor], slips: Slips | None) -> torch.Tensor:
    """Minus the log-density of the priors: normal, about what is usual; wide but for what people do."""
    careless, slip = free["careless"].mean(), free["slip"].mean()
    total = (free["habit"] - 1) ** 2 / 20 + (careless - RARE) ** 2 / (2 * RARELY)
    total = total + ((free["careless"] - careless) ** 2).sum() / 2
    if slips is not None:
        (tie, tie_sd), (choice, choice_sd) = slips.tie, slips.choice
        total = total + (slip - tie) ** 2 / (2 * tie_sd**2) + ((free["slip"] - slip) ** 2).sum() / 2
        total = total + ((free["slope"] - choice) ** 2 + (free["likeness"] - choice) ** 2) / (2 * choice_sd**2)
    return total + (free["weights"] ** 2).sum() / 2 + (free["bias"] ** 2).sum() / 20
