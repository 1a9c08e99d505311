"""Images → feature vectors, without a label: a one-layer convolution network learnt from patches of the images.

Small patches of the training images are contrast-normalised and ZCA-whitened, spherical k-means finds the filters,
the images are convolved with them, rectified on both sides with a threshold, averaged over a 3 × 3 grid, and reduced
to the leading principal components (Coates, Ng & Lee 2011, "An Analysis of Single-Layer Networks in Unsupervised
Feature Learning"; spherical k-means from Coates & Ng 2012). It is done at two scales, on the image and on its half.

No label is read, so that clusters and nearest neighbours in these features are witnesses of their own against a
label, and it works with a few hundred images, wrong labels and no GPU. The components are not whitened: the weak ones
are mostly noise.
Known failure: what tells the classes apart must be local texture and its rough place. For
photographs of many poses the `pretrained` encoder is far better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name PyTorch gives it

from burnish.tasks.findings import InputError
from burnish.tasks.fitting import limited_threads
from burnish.tasks.pixels import check_shape

PATCH = 6
PATCHES = 50_000
GRID = 3
THRESHOLD = 0.25
ROUNDS = 10
CONTRAST_FLOOR = 10 / 255**2
WHITENING_FLOOR = 0.1
SMALLEST = 16
ROWS_FOR_COMPONENTS = 5_000
BATCH = 64


class Encoder(Protocol):
    """What turns examples into vectors: `PatchEncoder`, `pretrained.PretrainedEncoder`,
    `features.TableEncoder`, `.ArrayEncoder`.
    """

    kind: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        ...

    def transform(self, rows: Any, /) -> NDArray[np.float32]:
        """Turn n examples into features float32 (n, d)."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Give what was learnt as plain values for JSON."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """Give what was learnt as tensors for safetensors."""
        ...


@dataclass(frozen=True)
class Scale:
    """The filters of one scale: images are shrunk by `factor`, patches are taken every `stride` pixels.

    Attributes
    ----------
    filters : float32 (K, c, p, p)
        Whitening and k-means in one.
    bias : float32 (K,)
    factor, stride : int
    """

    filters: Tensor
    bias: Tensor
    factor: int
    stride: int

    def respond(self, images: Tensor) -> Tensor:
        """Turn images (n, c, s, s) in [0, 1] into pooled responses (n, 2·K·9)."""
        small = F.avg_pool2d(images, self.factor) if self.factor > 1 else images
        channels, side = self.filters.shape[1:3]
        count = channels * side * side
        ones = small.new_full((1, channels, side, side), 1 / count)
        mean = F.conv2d(small, ones, stride=self.stride)
        square = F.conv2d(small * small, ones, stride=self.stride)
        spread = torch.sqrt((square - mean * mean).clamp(min=0) * count / (count - 1) + CONTRAST_FLOOR)
        raw = F.conv2d(small, self.filters, stride=self.stride)
        total = self.filters.sum((1, 2, 3))[:, None, None]
        response = (raw - mean * total) / spread - self.bias[:, None, None]
        both = torch.cat([F.relu(response - THRESHOLD), F.relu(-response - THRESHOLD)], 1)
        return F.adaptive_avg_pool2d(both, GRID).flatten(1)


@dataclass(frozen=True)
class PatchEncoder:
    """Frozen patch network: pixels → features.

    Attributes
    ----------
    scales : tuple of Scale
    mean : float32 (D,)
        Of the pooled responses of the training images.
    components : float32 (D, d)
        Principal components, leading one first.
    side, channels : int
        The images it reads are uint8 (n, side, side, channels).
    """

    kind: ClassVar[str] = "patches"
    scales: tuple[Scale, ...]
    mean: Tensor
    components: Tensor
    side: int
    channels: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(f"patch_{i}" for i in range(self.components.shape[1]))

    def transform(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn pixels uint8 (n, s, s, c) into features float32 (n, d), a bounded number of images at a time.

        Raises
        ------
        InputError
            Where the images have another size or number of channels than those it was fitted on.
        """
        check_shape(pixels, self.side, self.channels)
        with torch.no_grad():
            parts = [(_respond(self.scales, part) - self.mean) @ self.components for part in _batches(pixels)]
        return torch.cat(parts).numpy() if parts else np.empty((0, self.components.shape[1]), np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Give sizes and steps for JSON."""
        steps = [[scale.factor, scale.stride] for scale in self.scales]
        return {"side": self.side, "channels": self.channels, "steps": steps}

    def tensors(self) -> dict[str, Tensor]:
        """Give filters and components for safetensors."""
        out = {"mean": self.mean, "components": self.components}
        for i, scale in enumerate(self.scales):
            out |= {f"filters_{i}": scale.filters, f"bias_{i}": scale.bias}
        return out

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> PatchEncoder:
        """Make the encoder from what `to_dict` and `tensors` gave."""
        scales = tuple(
            Scale(tensors[f"filters_{i}"], tensors[f"bias_{i}"], factor, stride)
            for i, (factor, stride) in enumerate(plain["steps"])
        )
        return cls(scales, tensors["mean"], tensors["components"], plain["side"], plain["channels"])


def fit_patch_encoder(
    pixels: NDArray[np.uint8], *, filters: int = 256, components: int = 384, seed: int = 0
) -> PatchEncoder:
    """Learn filters and components from training images.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
        Training images, s ≥ 16.
    filters : int
        Filters a scale.
    components : int
        Width d of the features; fewer where there are fewer images.
    seed : int
        Choice of patches and first filters.

    Returns
    -------
    PatchEncoder

    Raises
    ------
    InputError
        Where there are no images, or they are not square or smaller than 16 px.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 255, (20, 16, 16, 1), dtype=np.uint8)
    >>> fit_patch_encoder(pixels, filters=8, components=5).transform(pixels).shape
    (20, 5)
    """
    if pixels.ndim != 4 or not len(pixels) or pixels.shape[1] != pixels.shape[2]:
        raise InputError(f"images have shape {pixels.shape}: the patch network needs square ones")
    if pixels.shape[1] < SMALLEST:
        raise InputError(
            f"features.image_size: images have {pixels.shape[1]} px, and the patch network needs {SMALLEST} or more: "
            f"set it to {SMALLEST}"
        )
    generator = torch.Generator().manual_seed(seed)
    side, channels = pixels.shape[1], pixels.shape[3]
    steps = ((max(1, side // 32), 2), (max(2, side // 16), 1))
    with torch.no_grad(), limited_threads(1):  # k-means turns a last bit that threads decide into other filters
        scales = tuple(_fit_scale(pixels, filters, factor, stride, generator) for factor, stride in steps)
        some = torch.randperm(len(pixels), generator=generator)[:ROWS_FOR_COMPONENTS].numpy()
        pooled = torch.cat([_respond(scales, part) for part in _batches(pixels[np.sort(some)])])
        mean = pooled.mean(0)
        directions = _principal(pooled - mean, components, generator)
        spread = ((pooled - mean) @ directions).square().mean().sqrt()
    gain = 1 / spread if spread > 0 else torch.ones(())
    return PatchEncoder(scales, mean, directions * gain, side, channels)


def _batches(pixels: NDArray[np.uint8]) -> Iterator[Tensor]:
    return (_images(pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH))


def _images(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255


def _respond(scales: tuple[Scale, ...], images: Tensor) -> Tensor:
    return torch.cat([scale.respond(images) for scale in scales], 1)


def _fit_scale(pixels: NDArray[np.uint8], filters: int, factor: int, stride: int, generator: torch.Generator) -> Scale:
    patches = _sample_patches(pixels, factor, generator)
    patches = patches - patches.mean(1, keepdim=True)
    patches = patches / torch.sqrt(patches.var(1, keepdim=True) + CONTRAST_FLOOR)
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    whiten = vectors @ torch.diag((values.clamp(min=0) + WHITENING_FLOOR).rsqrt()) @ vectors.T
    centres = _spherical_kmeans((patches - mean) @ whiten, filters, generator)
    joint = centres @ whiten
    return Scale(joint.view(filters, pixels.shape[3], PATCH, PATCH), joint @ mean, factor, stride)


def _sample_patches(pixels: NDArray[np.uint8], factor: int, generator: torch.Generator) -> Tensor:
    """Cut random patches (n, c·p·p) in [0, 1] out of shrunken images."""
    some = torch.randint(0, len(pixels), (min(len(pixels) * 50, PATCHES),), generator=generator)
    unique, place = torch.unique(some, return_inverse=True)
    images = F.avg_pool2d(_images(pixels[unique.numpy()]), factor)
    room = images.shape[2] - PATCH + 1
    top, left = (torch.randint(0, room, (len(some),), generator=generator)[:, None, None] for _ in range(2))
    offset = torch.arange(PATCH)
    patches = images[place[:, None, None], :, top + offset[:, None], left + offset]
    return patches.permute(0, 3, 1, 2).reshape(len(some), -1)


def _spherical_kmeans(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Find unit directions (count, d); a point goes to the direction with the largest |cosine|."""
    start = torch.randint(0, len(points), (count,), generator=generator)
    centres = F.normalize(points[start] + 1e-6, dim=1)
    for _ in range(ROUNDS):
        cosine = points @ centres.T
        nearest = cosine.abs().argmax(1)
        signed = cosine.gather(1, nearest[:, None])
        sums = torch.zeros_like(centres).index_add_(0, nearest, points * signed)
        dead = sums.norm(dim=1) < 1e-6
        sums[dead] = centres[dead]
        centres = F.normalize(sums, dim=1)
    return centres


def _principal(centred: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Leading principal directions (D, count) by randomized subspace iteration (Halko, Martinsson & Tropp 2011).

    Fewer where the rows have no more: n centred rows span n − 1 directions at most, and what rounding makes of another
    one is huge for every row that is not among them.
    """
    count = min(count, *centred.shape)
    basis = torch.randn(centred.shape[1], min(count + 16, centred.shape[1]), generator=generator)
    for _ in range(3):
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    _, sizes, right = torch.linalg.svd(centred @ basis, full_matrices=False)
    count = max(1, int((sizes[:count] > sizes[:1] * max(centred.shape) * torch.finfo(sizes.dtype).eps).sum()))
    directions = basis @ right[:count].T
    largest = directions.abs().argmax(0)
    return directions * torch.sign(directions[largest, torch.arange(count)])
