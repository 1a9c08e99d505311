"""Which examples are copies of one another: exactly by content, nearly by perceptual hash or by embedding.

What: groups of copies, the first of each group as the one to keep, and whether a group was given different labels.
Why: a copy in train and test flatters the test error, and copies with two labels prove that one label is wrong.
How: exact copies share a content hash. Candidates for near copies share 16 of the 64 bits of a hash in one of four
bands (two hashes that differ in up to three bits always do), found by sorting, in memory linear in the rows; each
candidate is then verified on the pixels or features: pictures are copies when they differ far less than pictures of
this data set usually do from their nearest one (two handwritten ones resemble each other more than two photographs).
Perceptual hash: C. Zauner, Implementation and Benchmarking of
Perceptual Image Hash Functions, 2010 (pHash); hash of features: M. Charikar, Similarity estimation techniques from
rounding algorithms, 2002.
Known failure: crops, mirrored and turned copies are not found; images with next to no contrast are left out, as all
blank pages look alike; in a crowd of more than 32 look-alikes only neighbours in hash order are compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from burnish.tasks.constant_text import constant_text
from burnish.tasks.row_hashes import neighbours

BANDS, BAND_BITS = 4, 16
LOOK_AHEAD = 32  # rows compared with each row of a band, in hash order
LARGEST_HAMMING = 10  # of 64 bits; unrelated images differ in 32 on average
COPY_SHARE = (
    0.1  # of the usual residual against the second nearest picture: chance hardly gets there in ten dimensions or more
)
COPY_BOUNDS = (0.002, 0.04)  # of the variance: a copy may differ by as much as rough compression makes it
PROBES, PROBED = 100, 5000  # pictures whose nearest others are looked up, and among how many
HASHED_ROWS = 500_000  # rows of a table hashed at once
HELD = 512  # pictures held as floats at once
HELD_CELLS = 500_000  # values of pairs compared at once
LEAST_CONTRAST = 4.0  # levels of standard deviation; below, correlation compares noise
TELLING = 0.1  # of the rows; where more repeat, the columns do not identify an example
LOOKED_AROUND = 20_000_000_000  # products taken to see what lies around near pairs
LARGEST_DISTANCE = 0.05  # of features, as a share of the typical distance between two examples

Pairs = NDArray[np.int64]


def find_duplicates(
    ids: ArrayLike,
    content_hash: ArrayLike,
    *,
    perceptual_hash: NDArray[np.uint64] | None = None,
    pixels: NDArray[np.uint8] | None = None,
    features: NDArray[np.floating] | None = None,
    near: Pairs | None = None,
    labels: ArrayLike | None = None,
) -> pd.DataFrame:
    """Group the examples that are copies of one another.

    Parameters
    ----------
    ids : (n,)
    content_hash : str or uint64 (n,)
        Equal where the content is; empty or missing where there is none (an unreadable image).
    perceptual_hash : uint64 (n,), optional
        With `pixels`: near copies of images.
    pixels : uint8 (n, s, s, c), optional
    features : float (n, d), optional
        Embeddings; near copies lie within 5% of the typical distance and 10% of that to the second nearest, with no
        others between them and ten times as far out.
    near : int64 (m, 2), optional
        Pairs of rows that are near copies for another reason (`near_rows.py`).
    labels : (n,), optional
        To say which groups were labelled in more than one way; missing labels contradict nothing.

    Returns
    -------
    DataFrame of n rows, in the given order
        ``duplicate_of`` id of the first of the group (missing for the first itself) · ``duplicate_kind`` ``exact`` or
        ``near``, in relation to that first one · ``duplicate_group`` 0, 1, …, or −1 for none · ``conflicting`` bool.

    Examples
    --------
    >>> find_duplicates(["a", "b", "c"], ["x", "y", "x"], labels=["cat", "cat", "dog"])
      duplicate_of duplicate_kind  duplicate_group  conflicting
    0          NaN            NaN                0         True
    1          NaN            NaN               -1        False
    2            a          exact                0         True
    """
    names = pd.Series(ids).reset_index(drop=True)
    content, present = _content_codes(content_hash)
    pairs = [_exact_pairs(content, present)]
    if perceptual_hash is not None and pixels is not None:
        pairs.append(_near_images(np.asarray(perceptual_hash, np.uint64), pixels, present))
    if features is not None:
        pairs.append(_near_features(np.asarray(features, np.float32)))
    if near is not None:
        pairs.append(near)
    linked, first = _components(np.concatenate(pairs))
    copies, of = linked[first != linked], first[first != linked]
    original, kind = constant_text(None, names.index), constant_text(None, names.index)
    if len(copies):
        original.iloc[copies] = names.iloc[of].astype("str").to_numpy()
        kind.iloc[copies] = np.where(content[copies] == content[of], "exact", "near")
    group = np.full(len(names), -1, np.int64)
    group[linked] = np.unique(first, return_inverse=True)[1]
    return pd.DataFrame(
        {
            "duplicate_of": original,
            "duplicate_kind": kind,
            "duplicate_group": group,
            "conflicting": _conflicting(group, labels),
        },
        copy=False,
    )


def row_codes(frame: pd.DataFrame) -> NDArray[np.uint64]:
    """Hash each row's values (not its index) into 64 bits, uint64 (n,); rows of equal values hash equally.

    Examples
    --------
    >>> codes = row_codes(pd.DataFrame({"a": [1, 2, 1], "b": ["x", "y", "x"]}))
    >>> bool(codes[0] == codes[2]), bool(codes[0] == codes[1])
    (True, False)
    """
    values = np.empty(len(frame), dtype=np.uint64)
    for start in range(0, len(frame), HASHED_ROWS):
        rows = frame.iloc[start : start + HASHED_ROWS]
        values[start : start + HASHED_ROWS] = pd.util.hash_pandas_object(rows, index=False)
    return values


def hash_pictures(pixels: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hash what pictures look like: the signs of their 8×8 lowest frequencies around the median.

    Parameters
    ----------
    pixels : uint8 (n, s, s, c), s ≥ 8

    Returns
    -------
    uint64 (n,)
    """
    hashes = np.empty(len(pixels), np.uint64)
    waves = dct(np.eye(pixels.shape[1]), axis=0, norm="ortho")[:8].astype(np.float32)
    for start in range(0, len(pixels), HELD):
        grey = pixels[start : start + HELD].astype(np.float32) @ np.ones(pixels.shape[3], np.float32)
        lowest = (waves @ grey @ waves.T).reshape(len(grey), 64)
        lowest[:, 0] = 0  # the mean brightness says nothing
        hashes[start : start + HELD] = _pack(lowest > np.median(lowest, axis=1, keepdims=True))
    return hashes


def _pack(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """64 bits a row as one number."""
    return np.ascontiguousarray(np.packbits(bits, axis=1)).view(">u8")[:, 0].astype(np.uint64)


def _content_codes(content_hash: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Number the contents, each absent one apart; and give the rows that have one, None where all have."""
    given = pd.Series(content_hash).reset_index(drop=True)
    if given.dtype.kind in "iu":
        return given.to_numpy().astype(np.uint64, copy=False).view(np.int64), None
    present = (given.notna() & (given != "")).to_numpy(bool)
    codes = pd.factorize(given)[0].astype(np.int64)
    codes[~present] = -1 - np.flatnonzero(~present)
    return codes, None if present.all() else np.flatnonzero(present)


def _exact_pairs(content: NDArray[np.int64], present: NDArray[np.int64] | None) -> Pairs:
    """Pair each row with the next one of the same content."""
    codes = content.view(np.uint64)
    return neighbours(codes) if present is None else present[neighbours(codes[present])]


def _near_images(hashes: NDArray[np.uint64], pixels: NDArray[np.uint8], present: NDArray[np.int64] | None) -> Pairs:
    """Pairs of look-alike pictures whose pixels correlate, blank ones left out."""
    rows = np.flatnonzero(_contrast(pixels) >= LEAST_CONTRAST)
    rows = rows if present is None else np.intersect1d(rows, present)
    if len(rows) < 2:
        return np.empty((0, 2), np.int64)
    pairs = rows[_candidates(hashes[rows])]
    limit = _copy_limit(pixels[rows[:: -(-len(rows) // PROBED)]])
    kept = [part[_residual(pixels, part) <= limit] for part in _parts(pairs, HELD_CELLS // pixels[0].size)]
    return np.concatenate([pairs[:0], *kept])


def _copy_limit(pixels: NDArray[np.uint8]) -> float:
    """Largest residual of a copy, from how much pictures usually differ from the second nearest (which is no copy)."""
    probes = np.arange(0, len(pixels), -(-len(pixels) // PROBES))
    sought = _standardized(pixels[probes])
    parts = [_standardized(pixels[start : start + HELD]) @ sought.T for start in range(0, len(pixels), HELD)]
    correlation = np.concatenate(parts).T.copy()
    correlation[np.arange(len(probes)), probes] = -1
    second = max(len(pixels) - 2, 0)
    usual = 1 - float(np.median(np.partition(correlation, second, axis=1)[:, second]))
    return float(np.clip(COPY_SHARE * usual, *COPY_BOUNDS))


def _standardized(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each picture flat, with mean 0 and length 1: products are correlations."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.sqrt(np.einsum("ij,ij->i", flat, flat))[:, None]
    return flat


def _contrast(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Standard deviation of each picture, in levels."""
    import cv2

    spread = [cv2.meanStdDev(picture.reshape(-1))[1].item() for picture in pixels]
    return np.array(spread, dtype=np.float64)


def _residual(pixels: NDArray[np.uint8], pairs: Pairs) -> NDArray[np.float64]:
    """Share of the variance in which pictures differ beyond light and contrast: one minus their correlation."""
    left, right = (pixels[side].reshape(len(pairs), -1).astype(np.float64) for side in pairs.T)
    left -= left.mean(axis=1, keepdims=True)
    right -= right.mean(axis=1, keepdims=True)
    covariance = np.einsum("ij,ij->i", left, right)
    return 1 - covariance / np.sqrt(np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right))


def _near_features(features: NDArray[np.float32]) -> Pairs:
    """Pairs of rows much closer than two rows typically are and than a row is to its second nearest, by hyperplanes.

    The second nearest is no copy. Where classes lie in tight clumps, or in few dimensions, it is nearer than a copy may
    be of the typical distance; without it whole classes would chain together.
    """
    if len(features) < 2:
        return np.empty((0, 2), np.int64)
    centre = features.mean(axis=0)
    planes = np.random.default_rng(0).standard_normal((features.shape[1], 64)).astype(np.float32)
    hashes, spread = [], 0.0
    held = max(1, HELD_CELLS // features.shape[1])
    for start in range(0, len(features), held):
        centred = features[start : start + held] - centre
        hashes.append(_pack(centred @ planes > 0))
        spread += float(np.einsum("ij,ij->i", centred, centred).sum(dtype=np.float64))
    pairs = _candidates(np.concatenate(hashes))
    typical = np.sqrt(2 * spread / len(features))
    limit = min(LARGEST_DISTANCE * typical, COPY_SHARE * usual_second_distance(features, centre))
    kept = [part[_distance(features, part) <= limit] for part in _parts(pairs, HELD_CELLS // features.shape[1])]
    return _set_apart(features, centre, np.concatenate([pairs[:0], *kept]))


def _set_apart(points: NDArray[np.float32], centre: NDArray[np.float32], pairs: Pairs) -> Pairs:
    """Keep the pairs around which there is a gap: up to ten times as far out, no row but some few nearer still.

    Where rows lie in a dense core and in long tails, no one distance fits all: pairs of the core are near by any.
    """
    rows, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    every = -(-len(rows) * points.size // LOOKED_AROUND)
    around = _nearest_distances(points, centre, rows, np.arange(0, len(points), max(every, 1)))
    apart = _distance(points, pairs)
    gap = np.ones(len(pairs), bool)
    for side in place.T:
        inner = np.maximum(np.pad(around[side], ((0, 0), (1, 0))), apart[:, None])[:, :-1]
        beyond = around[side]
        gap &= ((beyond > apart[:, None]) & (COPY_SHARE * beyond >= inner)).any(axis=1)
    return pairs[gap]


def _nearest_distances(
    points: NDArray[np.float32], centre: NDArray[np.float32], rows: NDArray[np.int64], among: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Distances of rows from the nearest of some others, ascending, (rows, LOOK_AHEAD + 1); infinite past the last."""
    nearest = np.full((len(rows), LOOK_AHEAD + 1), np.inf, np.float32)
    for start in range(0, len(rows), HELD):
        asked = rows[start : start + HELD]
        part, best = points[asked] - centre, nearest[start : start + HELD]
        lengths = np.einsum("ij,ij->i", part, part)[:, None]
        for first in range(0, len(among), HELD):
            block = among[first : first + HELD]
            others = points[block] - centre
            squared = lengths + np.einsum("ij,ij->i", others, others) - 2 * (part @ others.T)
            squared[asked[:, None] == block] = np.inf
            best[:] = np.partition(np.concatenate([best, squared], axis=1), LOOK_AHEAD, axis=1)[:, : LOOK_AHEAD + 1]
        best[:] = np.sqrt(np.maximum(np.sort(best, axis=1), 0))
    return nearest


def usual_second_distance(points: NDArray[np.float32], centre: NDArray[np.float32]) -> float:
    """Median distance of a row (of a sample) from its second nearest."""
    sought = points[:: -(-len(points) // PROBES)] - centre
    nearest = np.empty((0, len(sought)), np.float32)
    held = max(1, HELD_CELLS // points.shape[1])
    for start in range(0, len(points), held):
        part = points[start : start + held] - centre
        squared = np.einsum("ij,ij->i", part, part)[:, None] - 2 * (part @ sought.T)
        nearest = np.partition(np.concatenate([nearest, squared]), min(2, len(nearest) + len(squared) - 1), axis=0)[
            :3
        ]  # itself, the nearest, the second nearest
    squared = nearest[-1] + np.einsum("ij,ij->i", sought, sought)
    return float(np.sqrt(max(np.median(squared), 0)))


def _distance(features: NDArray[np.float32], pairs: Pairs) -> NDArray[np.floating]:
    return np.linalg.norm(features[pairs[:, 0]] - features[pairs[:, 1]], axis=1)


def _parts(pairs: Pairs, most: int) -> list[Pairs]:
    """Pairs in portions, so that memory stays bounded."""
    return [pairs[i : i + max(most, 1)] for i in range(0, len(pairs), max(most, 1))]


def _candidates(hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs that share a band and differ in few bits; distinct, sorted."""
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        turn = np.uint64(band * BAND_BITS)
        turned = (hashes << turn) | (hashes >> (np.uint64(64) - turn)) if band else hashes
        order = np.argsort(turned, kind="stable")
        ordered = turned[order]
        bands = ordered >> np.uint64(64 - BAND_BITS)
        for ahead in range(1, min(LOOK_AHEAD, len(order) - 1) + 1):
            near = bands[ahead:] == bands[:-ahead]
            near[near] = np.bitwise_count(ordered[ahead:][near] ^ ordered[:-ahead][near]) <= LARGEST_HAMMING
            pairs = np.stack([order[:-ahead][near], order[ahead:][near]], axis=1)
            found.append(np.sort(pairs, axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _components(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the rows that are in a pair, ascending, and the first row of the group of each."""
    linked, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    links = coo_array((np.ones(len(pairs), bool), (place[:, 0], place[:, 1])), shape=(len(linked), len(linked)))
    label = connected_components(links, directed=False)[1] if len(linked) else linked
    _, start, inverse = np.unique(label, return_index=True, return_inverse=True)
    return linked, linked[start[inverse]]


def _conflicting(group: NDArray[np.int64], labels: ArrayLike | None) -> NDArray[np.bool_]:
    """Tell the rows of groups with more than one label, bool (n,)."""
    told = np.zeros(len(group), bool)
    rows = np.flatnonzero(group >= 0)
    if labels is not None and len(rows):
        given = pd.Series(labels).iloc[rows].reset_index(drop=True)
        told[rows] = given.groupby(group[rows]).transform("nunique").to_numpy() > 1
    return told
