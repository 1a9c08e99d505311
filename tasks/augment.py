"""New pictures from old ones: copies under a recipe of noise, more of the rarer classes.

Why: where train and target differ, training on pictures made to look like the target closes part of the gap, and a
little noise keeps a network from learning the pixels by heart. What the noise should be says `noise_fit`; rows of
tables are copied by `row_noise`.
How: albumentations, each copy under a seed of its own that depends on the picture's place and on which copy of it this
is, on nothing beside it: as many workers as there are may share the work.
Known failure: a millisecond a picture; a million copies take a quarter of an hour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.picture_figures import Pixels
from burnish.tasks.recipes import Recipe, compose, throw
from burnish.tasks.streams import stream

Rows = NDArray[np.int64]
WHITE = np.float32(255)


def augment_images(
    pixels: Pixels, recipe: Recipe, *, origin: Rows | None = None, copies: int = 1, seed: int = 0
) -> Pixels:
    """Make changed copies of images.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c)
    recipe : Recipe
    origin : int64 (m,), optional
        The image each copy is made of. Default: `copies` of each; row ``copy * n + i`` comes from image i.
    copies : int
        Where `origin` is not given.
    seed : int

    Returns
    -------
    uint8 (m, s, s, c)
    """
    if origin is None:
        origin = np.tile(np.arange(len(pixels)), copies)
    steps = compose(recipe)
    made = np.empty((len(origin), *pixels.shape[1:]), np.uint8)
    for at, (row, dice) in enumerate(zip(origin, _seeds(origin, seed), strict=True)):
        throw(steps, int(dice))
        light = steps(image=pixels[row].astype(np.float32) / WHITE)["image"]
        made[at] = np.rint(light * WHITE).clip(0, WHITE)
    return made


def rows_to_copy(labels: NDArray[np.integer], *, copies: int = 1, balance: float = 0.0, seed: int = 0) -> Rows:
    """Say which rows to copy, and how often.

    Parameters
    ----------
    labels : int (n,)
    copies : int
        Of each row.
    balance : float, 0..1
        Further copies of the rarer classes: class c, with n_c rows of the n_max of the largest, is brought to
        n_c · (n_max / n_c)^balance rows before the copies of each; at 1 every class is as large as the largest.
    seed : int
        Which rows of a class are copied once more than the others.

    Returns
    -------
    int64 (m,)
        Row of each copy: first `copies` of every row, copy by copy, then those of the rarer classes.

    Examples
    --------
    >>> rows_to_copy(np.array([0, 0, 0, 1]), copies=1, balance=1.0).tolist()
    [0, 1, 2, 3, 3, 3, 3, 3]
    """
    labels = np.asarray(labels)
    every = np.tile(np.arange(len(labels)), copies)
    if balance == 0 or not len(labels):
        return every
    order = stream(seed, "augmented rows").permutation(len(labels))
    classes, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    more = np.rint((1 + copies) * counts * ((counts.max() / counts) ** balance - 1)).astype(np.int64)
    members = [order[place[order] == code] for code in range(len(classes))]
    rarer = [np.resize(rows, extra) for rows, extra in zip(members, more, strict=True)]
    return np.concatenate([every, *rarer])


def copy_numbers(origin: Rows) -> Rows:
    """Which copy of its row each is, from 0, int64 (m,).

    Examples
    --------
    >>> copy_numbers(np.array([4, 7, 4, 4])).tolist()
    [0, 0, 1, 2]
    """
    order = np.argsort(origin, kind="stable")
    first = np.r_[True, np.diff(origin[order]) != 0] if len(origin) else np.zeros(0, bool)
    starts = np.flatnonzero(first)
    numbers = np.empty(len(origin), np.int64)
    numbers[order] = np.arange(len(origin)) - np.repeat(starts, np.diff(np.r_[starts, len(origin)]))
    return numbers


def _seeds(origin: Rows, seed: int) -> NDArray[np.uint32]:
    """A seed for each copy, of the row and the copy's number alone."""
    numbers = copy_numbers(origin)
    seeds = np.empty(len(origin), np.uint32)
    for copy in np.unique(numbers):
        of_this = numbers == copy
        rows = int(origin[of_this].max()) + 1
        seeds[of_this] = np.random.SeedSequence([seed, int(copy)]).generate_state(rows)[origin[of_this]]
    return seeds
