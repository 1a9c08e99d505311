"""The labelling model: a given label is a noisy reading of the true one, and noise strikes hard examples more often.

Plain confident learning knows one noise rate a class. People (and scanners) err mostly where two classes look alike, so
a single rate makes the confident part of the data look too noisy and the ambiguous part too clean, and the errors hide
in the ambiguous part. Here three things are fitted together, by the likelihood of the given labels:

- the truth, P(true = t | x) ∝ exp(b_t + Σ_v β_v log p_v(t | x)), a logarithmic pool of the voices;
- slips: with a chance e_t(x) = σ(c_t − d · margin(x)), margin in log-odds of the two best classes, the annotator takes
  t for g ≠ t, the likelier the more common that confusion is (K[t, g]^h) and the more x looks like g (p(g | x)^a);
- carelessness: with a chance s, whatever x looks like, the label becomes g with chance K[t, g].

The voices never saw the label of the example they speak about, so the likelihood is an honest judge of their weights:
this is stacking, through the noise. K starts at the confident confusions and is re-estimated from the posterior
(expectation-maximization, in the spirit of Dawid & Skene 1979). Sharpness needs no knob: temperature is 1 / Σ_v β_v.

Slips are believed only as far as the data ask for them: the model is fitted with and without, and the two answers are
averaged by their Bayesian information criterion (Raftery 1995). Otherwise the mistakes of an overconfident voice on
clean labels would be taken for slips of the annotator.

Known failure: where classes overlap by nature (no label is *wrong*, the features just cannot tell), a slip and a true
example of the rarer class look alike; then the criterion decides, and it can be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

FLOOR = 1e-6  # a voice never rules a class out: one zero would outvote all others
FIT_CELLS = 600_000  # rows × classes × voices the fit looks at; beyond, a random sample of rows is enough
FEWEST_ROWS = 1_000
MANY = 128  # classes beyond which the pairs of classes are too many to learn where slips go
BLOCK_CELLS = 4_000_000  # rows × classes handled at once when the fitted model is applied
ROUNDS = 3  # of the confusions; the fourth changes label_quality in the third digit
TOLERANCE = 0.002  # nats, all examples together: a step that gains less is the last
STEPS = 80  # of L-BFGS between two estimates of the confusions
RARE = -3.0  # log-odds, 5%: what errors are before the data speak
NEVER = -100.0  # log-odds of what does not happen
SLIP_PARAMETERS = 4  # mean of the classes' slips, slope, likeness, habit
NEGLIGIBLE = 1e-4  # belief under which an account is not asked
PARAMETERS = ("weights", "bias", "slip", "slope", "likeness", "habit", "careless")


@dataclass(frozen=True)
class Labelling:
    """One fitted account of how the labels came about; V voices, k classes.

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
    careless : float
        s: chance of an error that has nothing to do with the example.
    confusion : float (k, k)
        K: where errors go, row = true class; rows sum to one, diagonal zero.
    slip_information : float (k,)
        How much the labels tell of each class's log-odds of a slip: the sum of the squared scores.
    log_likelihood : float
        Log-likelihood of the given labels it was fitted to, nats, all together.
    log_prior : float
        Log-density of its parameters before the data speak, nats, but for a constant.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    slip: NDArray[np.float64]
    slope: float
    likeness: float
    habit: float
    careless: float
    confusion: NDArray[np.float64]
    slip_information: NDArray[np.float64]
    log_likelihood: float
    log_prior: float

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
            truth, labelling = _labelling(_logs([r[rows] for r in readings]), given.clamp(min=0), confusion, by)
            joint = torch.where((given < 0)[:, None], truth, truth * labelling)
            out[rows] = (joint / joint.sum(1, keepdim=True)).numpy()
        return out


@dataclass(frozen=True)
class NoiseModel:
    """The accounts without and with slips, and how far each is believed.

    Attributes
    ----------
    plain, slipping : Labelling
    slips_believed : float
        Probability of the account with slips, 0 to 1.
    """

    plain: Labelling
    slipping: Labelling
    slips_believed: float

    @property
    def weights(self) -> NDArray[np.float64]:
        """How much each voice counts, (V,)."""
        return self._blend(self.plain.weights, self.slipping.weights)

    def posterior(self, readings: Sequence[NDArray[np.floating]], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give P(true | x, given label), (n, k); where the label is missing (−1), P(true | x)."""
        if self.slips_believed < NEGLIGIBLE:
            return self.plain.posterior(readings, codes)
        if self.slips_believed > 1 - NEGLIGIBLE:
            return self.slipping.posterior(readings, codes)
        return self._blend(self.plain.posterior(readings, codes), self.slipping.posterior(readings, codes))

    def _blend(self, plain: NDArray[np.float64], slipping: NDArray[np.float64]) -> NDArray[np.float64]:
        return (1 - self.slips_believed) * plain + self.slips_believed * slipping


def fit_noise_model(
    readings: Sequence[NDArray[np.floating]], codes: NDArray[np.int64], *, slips: bool = True, seed: int = 0
) -> NoiseModel:
    """Fit the labelling model by maximum a posteriori, confusions re-estimated between the fits.

    Parameters
    ----------
    readings : sequence of float (n, k)
        One array a voice: P(true = t | x), not using the example's own label.
    codes : int64 (n,)
        Given labels, index into the classes; −1 (missing) is left out.
    slips : bool
        Whether slips are considered at all; without, it is twice as fast.
    seed : int
        Draws the sample of rows where the data are large.

    Returns
    -------
    NoiseModel
    """
    k = readings[0].shape[1]
    rows = _sample(codes, k * len(readings), seed)
    logs = _logs([reading[rows] for reading in readings])
    given = torch.from_numpy(codes[rows])
    plain = _fit(_start(logs, given, slips=False), logs, given)
    if k > MANY or not slips:
        return NoiseModel(plain, plain, 0.0)
    slipping = _fit(_start(logs, given, slips=True), logs, given)
    gain = slipping.log_likelihood + slipping.log_prior - plain.log_likelihood - plain.log_prior
    gain -= _price(slipping, len(rows))
    return NoiseModel(plain, slipping, float(1 / (1 + np.exp(np.clip(-gain, -700, 700)))))


def noise_matrix(posterior: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate P(given = g | true = t) as (k, k), row = true class, from the posterior (n, k) of labelled examples."""
    k = posterior.shape[1]
    counts = np.zeros((k, k))
    np.add.at(counts.T, codes[codes >= 0], posterior[codes >= 0])
    seen = counts.sum(axis=1, keepdims=True)
    return np.where(seen > 0, counts / np.where(seen > 0, seen, 1.0), np.eye(k))


def _fit(free: dict[str, torch.Tensor], logs: torch.Tensor, given: torch.Tensor) -> Labelling:
    believed = torch.nn.functional.one_hot(logs.mean(0).argmax(1), logs.shape[2]).to(torch.float64)
    for _ in range(ROUNDS):
        confusion = _confusion(believed, given)
        _climb(free, logs, given, confusion)
        with torch.no_grad():
            truth, labelling = _labelling(logs, given, confusion, _natural(free))
            joint = truth * labelling
            believed = joint / joint.sum(1, keepdim=True)
    fitted: dict[str, Any] = {
        name: value.detach().numpy() if value.ndim else value.item() for name, value in _natural(free).items()
    }
    return Labelling(
        **fitted,
        confusion=confusion.numpy(),
        slip_information=_slip_information(_natural(free), logs, given, confusion).numpy(),
        log_likelihood=float(joint.sum(1).log().sum()),
        log_prior=-_unlikely(free).item(),
    )


def _sample(codes: NDArray[np.int64], width: int, seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(codes >= 0)
    most = max(FEWEST_ROWS, FIT_CELLS // width)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _logs(readings: Sequence[NDArray[np.floating]]) -> torch.Tensor:
    stacked = torch.from_numpy(np.stack([np.asarray(reading, dtype=np.float64) for reading in readings]))
    stacked = stacked.clamp(min=FLOOR).log()
    return stacked - stacked.logsumexp(2, keepdim=True)


def _start(logs: torch.Tensor, given: torch.Tensor, *, slips: bool) -> dict[str, torch.Tensor]:
    """Unbounded parameters: those in `PARAMETERS`, the positive and the shares through a logarithm and a logit.

    Carelessness starts at how often the label is not what the voices say where they are surest (the anchor points).
    """
    voices, _, k = logs.shape
    sure, said = logs.mean(0).max(1)
    anchors = sure >= sure.median()
    astray = (said != given)[anchors].to(torch.float64).mean().clamp(0.01, 0.7)

    def new(*shape: int, value: float = 0.0, free: bool = True) -> torch.Tensor:
        return torch.full(shape, value, dtype=torch.float64, requires_grad=free)

    return {
        "weights": new(voices),
        "bias": new(k),
        "slip": new(k, value=-2.0 if slips else NEVER, free=slips),
        "slope": new(free=slips),
        "likeness": new(free=slips),
        "habit": new(value=1.0, free=slips),
        "careless": new(value=float(torch.logit(astray))),
    }


def _natural(free: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return free | {
        "weights": free["weights"].exp(),
        "bias": free["bias"] - free["bias"].mean(),
        "careless": torch.sigmoid(free["careless"]),
    }


def _confusion(believed: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Where errors go, smoothed towards anywhere by a tenth of the errors seen."""
    k = believed.shape[1]
    counts = torch.zeros(k, k, dtype=torch.float64).index_add_(1, given, believed.T.contiguous())
    counts.fill_diagonal_(0.0)
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
    common = confusion[:, given].T
    careful = right.to(torch.float64)
    if by["slip"].max() > NEVER:
        wrong = torch.sigmoid(by["slip"] - by["slope"] * (best[:, :1] - best[:, 1:]))
        looks = torch.exp(by["likeness"] * (pooled - best[:, :1]))
        elsewhere = 1 - torch.eye(k, dtype=torch.float64)
        habits = elsewhere * (confusion + 1 - elsewhere) ** by["habit"]
        slips = wrong * habits[:, given].T * looks.gather(1, given[:, None]) / (looks @ habits.T)
        careful = torch.where(right, 1 - wrong, slips)
    labelling = (1 - by["careless"]) * careful + by["careless"] * common
    return torch.softmax(sharpness * pooled + by["bias"], 1), labelling


def _climb(free: dict[str, torch.Tensor], logs: torch.Tensor, given: torch.Tensor, confusion: torch.Tensor) -> None:
    """Raise the posterior density of the parameters by L-BFGS."""
    moving = [value for value in free.values() if value.requires_grad]
    least = TOLERANCE / len(given)
    step = torch.optim.LBFGS(
        moving, max_iter=STEPS, line_search_fn="strong_wolfe", tolerance_change=least, tolerance_grad=least
    )

    def loss() -> torch.Tensor:
        step.zero_grad()
        truth, labelling = _labelling(logs, given, confusion, _natural(free))
        total = (_unlikely(free) - (truth * labelling).sum(1).log().sum()) / len(given)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    step.step(loss)  # type: ignore[no-untyped-call]


def _slip_information(
    by: dict[str, torch.Tensor], logs: torch.Tensor, given: torch.Tensor, confusion: torch.Tensor
) -> torch.Tensor:
    each = by["slip"].detach().expand(logs.shape[1:]).clone().requires_grad_(True)
    truth, labelling = _labelling(logs, given, confusion, by | {"slip": each})
    (scores,) = torch.autograd.grad((truth * labelling).sum(1).log().sum(), each, allow_unused=True)
    return torch.zeros(logs.shape[2]) if scores is None else (scores**2).sum(0)


def _price(fitted: Labelling, n: int) -> float:
    """What the freedom to slip costs, nats: half a logarithm of the examples a parameter is learnt from (Schwarz 1978).

    A class's own log-odds of slipping are drawn to their mean by a unit prior and learnt from its slips alone.
    """
    shared = SLIP_PARAMETERS / 2 * np.log(n)
    return float(shared + np.log1p(fitted.slip_information).sum() / 2)


def _unlikely(free: dict[str, torch.Tensor]) -> torch.Tensor:
    """Minus the log-density of the priors: normal, about what is usual; together worth a few examples.

    Slips hardly depend on the margin and the looks before the data speak (standard deviation a half, the voices' own
    log-odds being the unit): else the mistakes a voice makes where it is in doubt pass for slips of the annotator.
    """
    slip = free["slip"].mean()
    rates = ((free["careless"] - RARE) ** 2 + (free["habit"] - 1) ** 2) / 20
    if free["slip"].requires_grad:
        rates = rates + (slip - RARE) ** 2 / 20 + ((free["slip"] - slip) ** 2).sum() / 2
    looks = (free["slope"] ** 2 + free["likeness"] ** 2) * 2
    weights = (free["weights"] ** 2).sum() / 2
    return rates + looks + weights + (free["bias"] ** 2).sum() / 20
