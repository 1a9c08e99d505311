"""L-BFGS on all copies of a linear model at once, each with steps of its own length.

L-BFGS (Liu & Nocedal 1989) needs few steps where it starts from a good guess of the curvature. Here that is the Hessian
with the spread of the probabilities taken as the same in all rows, H ≈ h_c·XᵀX/n + α: Böhning (1992, "Multinomial
logistic regression algorithm"), but with h_c = k/(k−1)·mean p_c(1−p_c) as it is now in place of its bound. One
eigendecomposition of XᵀX/n inverts it for every copy, class and α. Scores are linear along a step, so its length comes
from the slopes at both ends, without another pass over the data: a step costs two matrix products for all copies
together.

What is brought down is J(W) + α/2·‖W − centre‖². The pairs that L-BFGS remembers are of J alone, so that they serve
any α.
Known failure: memory grows with copies × rows × classes, as all scores are kept. Beyond `WIDEST` features the curvature
is taken column by column, which would need more steps than are made.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from burnish.tasks.device_rows import Rows
from burnish.tasks.fitting import checked_loss, mean_one
from burnish.tasks.losses import weighted_loss
from burnish.tasks.models import Network
from burnish.tasks.training_recipe import Recipe

MEMORY = 8
GRAM_ROWS = 8  # times the width: more rows sharpen the curvature by little
WIDEST = 4096
LONGEST = 4.0
SHORTER = 0.25
TRIES = 4
ROUNDING = 1e-6


@dataclass
class Place:
    """Where the descent is: weights (copies, d, k), biases (copies, 1, k), scores (copies, n, k), J (copies, 1, 1).

    The slopes are those of J alone.
    """

    weights: Tensor
    biases: Tensor
    scores: Tensor
    loss: Tensor
    weight_slope: Tensor
    bias_slope: Tensor


class Curvature:
    """XᵀX/n by its eigenvectors, or its diagonal where there are too many columns."""

    def __init__(self, given: Rows, width: int, seed: int) -> None:
        most = GRAM_ROWS * width
        if width > WIDEST:
            squares = [some.square().sum(0) for _, some in given.pieces()]
            self.turned, self.eigenvalues = None, torch.stack(squares).sum(0) / len(given)
            return
        if len(given) > most:
            drawn = torch.randperm(len(given), generator=torch.Generator().manual_seed(seed))[:most]
            rows = given.take(drawn.to(given.device))
        else:
            rows = _joined([some for _, some in given.pieces()])
        gram = rows.T @ rows / len(rows)
        checked_loss(float(gram.trace()))
        values, vectors = torch.linalg.eigh(gram.cpu())
        if not (values.isfinite().all() and vectors.isfinite().all()):  # happens where columns are many and rows few
            values, vectors = (each.to(gram.dtype) for each in torch.linalg.eigh(gram.cpu().double()))
        self.turned, self.eigenvalues = vectors.to(rows.device), values.clamp(min=0).to(rows.device)

    def solve(self, slope: Tensor, spread: Tensor, strength: float) -> Tensor:
        """Divide the gradient (copies, d, k) by spread (copies, 1, k) · XᵀX/n + strength."""
        divisor = spread * self.eigenvalues[None, :, None] + strength
        if self.turned is None:
            return slope / divisor
        return self.turned @ ((self.turned.T @ slope) / divisor)


class Descent:
    """L-BFGS on all copies at once, each with steps of its own length."""

    def __init__(self, network: Network, x: Rows, y: Tensor, weights: Tensor, recipe: Recipe, seed: int) -> None:
        self.rows, self.y, self.shares, self.recipe = x, y, mean_one(weights), recipe
        self.curvature = Curvature(self.rows, network.inputs, seed)
        self.pairs: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        copies, classes = network.copies, network.classes
        start = [torch.zeros(copies, width, classes, device=x.device) for width in (network.inputs, 1, len(x))]
        self.place = self._at(*start)
        self.centre = self.place.weights
        largest = max(self.curvature.eigenvalues.tolist(), default=0.0)
        self.first = max(largest, ROUNDING) * float(self._spread().max())

    def show(self, network: Network) -> None:
        """Put the weights into the network."""
        with torch.no_grad():
            network.weights[0].copy_(self.place.weights)
            network.biases[0].copy_(self.place.biases)

    def go(self, strength: float, steps: int) -> None:
        """Take so many steps downhill at one strength."""
        spread = self._spread()
        self.centre = self.place.weights
        for _ in range(steps):
            self._step(strength, spread)

    def _step(self, strength: float, spread: Tensor) -> None:
        here = self.place
        slope = here.weight_slope + strength * (here.weights - self.centre)
        along, aside = self._direction(slope, here.bias_slope, strength, spread)
        scores = self._scores(along) + aside
        length = self._length(along, aside, scores, strength)
        found = self._at(here.weights + length * along, here.biases + length * aside, here.scores + length * scores)
        for _ in range(TRIES):
            worse = self._total(found, strength) > self._total(here, strength) * (1 + ROUNDING)
            if not worse.any():
                break
            length = torch.where(worse, SHORTER * length, length)
            found = self._at(here.weights + length * along, here.biases + length * aside, here.scores + length * scores)
        bend = found.weight_slope - here.weight_slope, found.bias_slope - here.bias_slope
        self.pairs = [*self.pairs, (length * along, length * aside, *bend)][-MEMORY:]
        self.place = found

    def _direction(self, slope: Tensor, bias_slope: Tensor, strength: float, spread: Tensor) -> tuple[Tensor, Tensor]:
        """Give minus the gradient times the inverse of the curvature, as the steps so far have corrected it."""
        q, r, done = slope, bias_slope, []
        for step, bias_step, bend, bias_bend in reversed(self.pairs):
            bend = bend + strength * step
            curved = _dot(step, bend) + _dot(bias_step, bias_bend)
            inverse = torch.where(curved > 0, 1 / curved, torch.zeros_like(curved))
            share = inverse * (_dot(step, q) + _dot(bias_step, r))
            q, r = q - share * bend, r - share * bias_bend
            done.append((step, bias_step, bend, bias_bend, inverse, share))
        q, r = self.curvature.solve(q, spread, strength), r / spread
        for step, bias_step, bend, bias_bend, inverse, share in reversed(done):
            left = share - inverse * (_dot(bend, q) + _dot(bias_bend, r))
            q, r = q + left * step, r + left * bias_step
        return -q, -r

    def _length(self, along: Tensor, aside: Tensor, scores: Tensor, strength: float) -> Tensor:
        """Give the length at which a line through the slopes at 0 and 1 is level, (copies, 1, 1)."""
        here = self.place
        away = here.weights - self.centre
        start = _dot(here.weight_slope + strength * away, along) + _dot(here.bias_slope, aside)
        _, slopes = self._loss(here.scores + scores)
        end = _dot(slopes, scores) + strength * _dot(away + along, along)
        level = torch.where(end > start, start / (start - end), torch.full_like(start, LONGEST))
        return torch.where(start < 0, level.clamp(max=LONGEST), torch.zeros_like(start))

    def _at(self, weights: Tensor, biases: Tensor, scores: Tensor) -> Place:
        loss, slopes = self._loss(scores)
        copies, rows, classes = slopes.shape
        wide = slopes.transpose(0, 1).reshape(rows, -1)
        flat = torch.stack([some.T @ wide[where] for where, some in self.rows.pieces()]).sum(0)
        weight_slope = flat.view(-1, copies, classes).transpose(0, 1)
        return Place(weights, biases, scores, loss, weight_slope, slopes.sum(1, keepdim=True))

    def _scores(self, weights: Tensor) -> Tensor:
        copies, width, classes = weights.shape
        flat = weights.transpose(0, 1).reshape(width, -1)
        wide = _joined([some @ flat for _, some in self.rows.pieces()])
        return wide.view(-1, copies, classes).transpose(0, 1)

    def _loss(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Give J (copies, 1, 1) and its slopes along the scores."""
        recipe = self.recipe
        with torch.enable_grad():
            free = scores.detach().requires_grad_()
            losses = weighted_loss(free, self.y, self.shares, recipe.label_smoothing, loss=recipe.loss, q=recipe.q)
            (slopes,) = torch.autograd.grad(losses.sum(), free)
        return losses.detach()[:, None, None], slopes

    def _total(self, place: Place, strength: float) -> Tensor:
        return place.loss + strength / 2 * (place.weights - self.centre).square().sum((1, 2), keepdim=True)

    def _spread(self) -> Tensor:
        """Give h_c of each copy and class, (copies, 1, k)."""
        scores = self.place.scores
        one_by_one = self.recipe.loss == "logistic"
        said = torch.sigmoid(scores) if one_by_one else torch.softmax(scores, 2)
        classes = scores.shape[2]
        scale = 1.0 if one_by_one else classes / max(classes - 1, 1)
        spread = (said * (1 - said) * self.shares.T[:, :, None]).mean(1, keepdim=True) * scale
        return spread.clamp(min=ROUNDING)


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum((1, 2), keepdim=True)
