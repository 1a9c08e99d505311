"""The labelling model: a given label is a noisy reading of the true one, and noise strikes hard examples more often.

Plain confident learning knows one noise rate a class. People (and scanners) err mostly where two classes look alike, so
a single rate makes the confident part of the data look too noisy and the ambiguous part too clean, and the errors hide
in the ambiguous part. Here three things are fitted together, to the given labels:

- the truth, P(true = t | x) ∝ exp(b_t + Σ_v β_v log p_v(t | x)), a logarithmic pool of the voices;
- slips: with a chance e_t(x) = σ(c_t − d · margin(x)), margin in log-odds of the two best classes, the annotator takes
  t for g ≠ t, the likelier the more common that confusion is (K[t, g]^h) and the more x looks like g (p(g | x)^a);
- carelessness: with a chance s, whatever x looks like, the label becomes g with chance K[t, g].

The voices never saw the label of the example they speak about, so the likelihood is an honest judge of their weights:
this is stacking, through the noise. K starts at the confident confusions and is re-estimated from the posterior
(expectation-maximization, in the spirit of Dawid & Skene 1979). Sharpness needs no knob: temperature is 1 / Σ_v β_v.

The labels alone can hardly say whether an example is ambiguous because the voices cannot tell, or because people could
not: both give mixed labels at small margins, and the likelihood is almost flat between the two. So what people do is
said beforehand. By Luce's choice axiom (1959) somebody who weighs the evidence that the voices weigh confuses two
classes with the odds of that evidence: d = a = 1 and c = 0, give or take; c is taken a little lower, for people see
more than the voices do. And since the model is right only in the main, its likelihood is coarsened (Miller & Dunson
2019): many examples count as a thousand would, so that a few nats in a hundred thousand, which come from what the model
leaves out, do not overrule that. Where labels go wrong whatever x looks like, a thousand examples are plenty to say so.
The labels that a person has told are no model, and count in full.

Where classes overlap by nature (who repays a loan: no label is *wrong*, the columns just cannot tell), that would blame
labels for what nobody could know. So there are two accounts of errors: `people`, as above, and `classes`: no slips,
each class has a noise rate of its own, as in confident learning, and the likelihood counts in full. `either` lets the
labels decide: `people` are believed as far as slips of any kind make the labels likelier than `classes` do, by
Schwarz's criterion (1978).

Known failure: errors that most people make alike on the same examples are what the voices learn, and are seen by none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from burnish.tasks.fitting import limited_threads

FLOOR = 1e-6  # a voice never rules a class out: one zero would outvote all others
FIT_CELLS = 100_000  # rows × classes the fit looks at; beyond, a random sample of rows is enough
FEWEST_ROWS = 2_000
MANY = 128  # classes beyond which the pairs of classes are too many to learn where slips go
BLOCK_CELLS = 4_000_000  # rows × classes handled at once when the fitted model is applied
ROUNDS = 3  # of the confusions; the fourth changes label_quality in the third digit
TOLERANCE = 0.002  # nats, all examples together: a step that gains less is the last
STEPS = 80  # of L-BFGS between two estimates of the confusions
COARSE = 1_000  # examples that all together count as: the model is right to a few percent, not to a few in a thousand
RARE = -3.0  # log-odds, 5%: what errors are before the data speak
NEVER = -100.0  # log-odds of what does not happen
NEGLIGIBLE = 1e-4  # belief under which an account is not asked
SLIP_PARAMETERS = 3  # mean of the slips, slope, likeness
Errors = Literal["people", "classes", "either"]
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
        s: chance of an error that has nothing to do with the example; per true class in the account `classes`.
    confusion : float (k, k)
        K: where errors go, row = true class; rows sum to one, diagonal zero.
    log_density : float
        Of the (coarsened) labels and the parameters together, nats, but for a constant that all accounts share.
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

    def posterior(self, readings: Sequence[NDArray[np.floating]], codes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give P(true | x, given label), (n, k); where the label is missing (−1), P(true | x)."""
        return sum((b * a.posterior(readings, codes) for a, b in self._believed()), np.zeros(readings[0].shape))

    def _believed(self) -> list[tuple[Account, float]]:
        return [pair for pair in zip(self.accounts, self.beliefs, strict=True) if pair[1] > NEGLIGIBLE]


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
        How labels go wrong: ``people`` mix up what looks alike; ``classes``: each class at a rate of its own, whatever
        the example looks like; ``either``: the labels decide between the two.
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
    logs = _logs([reading[rows] for reading in readings])
    if k > MANY or errors == "classes":
        return NoiseModel((_fit(None, _Data.of(logs, codes[rows], told[rows], coarse=False)),), (1.0,))
    people = _fit(PEOPLE, _Data.of(logs, codes[rows], told[rows], coarse=True))
    if errors == "people":
        return NoiseModel((people,), (1.0,))
    data = _Data.of(logs, codes[rows], told[rows], coarse=False)
    classes, slipping = _fit(None, data), _fit(ANY, data)
    gain = slipping.log_density - classes.log_density - SLIP_PARAMETERS / 2 * np.log(len(rows))
    believed = float(1 / (1 + np.exp(-np.clip(gain, -700, 700))))
    return NoiseModel((people, classes), (believed, 1 - believed))


def noise_matrix(posterior: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Estimate P(given = g | true = t) as (k, k), row = true class, from the posterior (n, k) of labelled examples."""
    k = posterior.shape[1]
    counts = np.zeros((k, k))
    np.add.at(counts.T, codes[codes >= 0], posterior[codes >= 0])
    seen = counts.sum(axis=1, keepdims=True)
    return np.where(seen > 0, counts / np.where(seen > 0, seen, 1.0), np.eye(k))


@dataclass(frozen=True)
class _Data:
    """What is fitted to.

    Log-readings (V, n, k), labels (n,), which classes can be true (n or 1, k) of 0 and 1, what each row counts (n,).
    """

    logs: torch.Tensor
    given: torch.Tensor
    possible: torch.Tensor
    counts: torch.Tensor

    @classmethod
    def of(cls, logs: torch.Tensor, codes: NDArray[np.int64], known: NDArray[np.int64], *, coarse: bool) -> _Data:
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


def _fit(slips: Slips | None, data: _Data) -> Account:
    """Fit one account: with slips of which so much is known, or without."""
    free = _start(data, slips)
    first = (data.logs.mean(0).exp() * data.possible).argmax(1)
    believed = torch.nn.functional.one_hot(first, data.logs.shape[2]).to(torch.float64)
    for _ in range(ROUNDS):
        confusion = _confusion(believed, data.given)
        _climb(free, data, confusion, slips)
        with torch.no_grad():
            joint = data.joint(confusion, _natural(free))
            believed = joint / joint.sum(1, keepdim=True)
    fitted: dict[str, Any] = {
        name: value.detach().numpy() if value.ndim else value.item() for name, value in _natural(free).items()
    }
    density = joint.sum(1).log() @ data.counts - _unlikely(free, slips).detach()
    return Account(**fitted, confusion=confusion.numpy(), log_density=float(density))


def _sample(codes: NDArray[np.int64], known: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(codes >= 0)
    if len(rows) <= most:
        return rows
    drawn = np.random.default_rng(seed).choice(rows, most, replace=False)
    return np.union1d(drawn, rows[known[rows] >= 0])


def _logs(readings: Sequence[NDArray[np.floating]]) -> torch.Tensor:
    stacked = torch.from_numpy(np.stack([np.asarray(reading, dtype=np.float64) for reading in readings]))
    stacked = stacked.clamp(min=FLOOR).log()
    return stacked - stacked.logsumexp(2, keepdim=True)


def _start(data: _Data, slips: Slips | None) -> dict[str, torch.Tensor]:
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
        "careless": new(*(() if slips is PEOPLE else (k,)), value=float(torch.logit(astray))),
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


def _climb(free: dict[str, torch.Tensor], data: _Data, confusion: torch.Tensor, slips: Slips | None) -> None:
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
    total = ((careless - RARE) ** 2 + (free["habit"] - 1) ** 2) / 20 + ((free["careless"] - careless) ** 2).sum() / 2
    if slips is not None:
        (tie, tie_sd), (choice, choice_sd) = slips.tie, slips.choice
        total = total + (slip - tie) ** 2 / (2 * tie_sd**2) + ((free["slip"] - slip) ** 2).sum() / 2
        total = total + ((free["slope"] - choice) ** 2 + (free["likeness"] - choice) ** 2) / (2 * choice_sd**2)
    return total + (free["weights"] ** 2).sum() / 2 + (free["bias"] ** 2).sum() / 20
