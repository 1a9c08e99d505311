"""Duplicates: exact and near copies are grouped, look-alikes and blanks are not."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from sklearn.datasets import load_digits

from burnish.tasks.duplicates import _candidates, find_duplicates, hash_pictures, row_codes


def photographs(count, seed=0, side=32):
    """Smooth random colour pictures."""
    rng = np.random.default_rng(seed)
    light, colour = rng.normal(128, 50, (count, 8, 8, 1)), rng.normal(0, 15, (count, 8, 8, 3))
    small = (light + colour).clip(0, 255).astype(np.uint8)
    return np.stack(
        [np.asarray(Image.fromarray(page).resize((side, side), Image.Resampling.BICUBIC)) for page in small]
    )


def find_images(pixels, labels=None):
    names = [f"p{row}" for row in range(len(pixels))]
    content = [page.tobytes().hex() for page in pixels]
    return find_duplicates(names, content, perceptual_hash=hash_pictures(pixels), pixels=pixels, labels=labels)


def as_jpeg(page, quality):
    file = io.BytesIO()
    Image.fromarray(page).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_exact_copies_point_to_the_first():
    found = find_duplicates(["a", "b", "c", "d"], ["x", "y", "x", "x"], labels=["0", "1", "0", "0"])
    assert found["duplicate_of"].tolist()[2:] == ["a", "a"]
    assert found["duplicate_of"].isna().tolist() == [True, True, False, False]
    assert found["duplicate_kind"].tolist()[2:] == ["exact", "exact"]
    assert found["duplicate_group"].tolist() == [0, -1, 0, 0]
    assert not found["conflicting"].any()


def test_rows_without_content_are_copies_of_nothing():
    found = find_duplicates(["a", "b", "c", "d"], ["", "", None, None])
    assert (found["duplicate_group"] == -1).all()


def test_two_labels_conflict_and_a_missing_one_does_not():
    found = find_duplicates(list("abcd"), ["x", "x", "y", "y"], labels=["cat", "dog", "cat", None])
    assert found["conflicting"].tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda page: as_jpeg(page, 80),
        lambda page: (page * 0.8 + 20).astype(np.uint8),
        lambda page: (page + np.random.default_rng(1).normal(0, 3, page.shape)).clip(0, 255).astype(np.uint8),
    ],
    ids=["compressed", "lighter", "noisy"],
)
def test_near_copies_of_photographs_are_found(change):
    pages = photographs(80)
    found = find_images(np.concatenate([pages, np.stack([change(page) for page in pages[:20]])]))
    assert found["duplicate_of"][80:].tolist() == [f"p{row}" for row in range(20)]
    assert (found["duplicate_kind"][80:] == "near").all()
    assert found["duplicate_of"][:80].isna().all()


def test_digits_of_one_class_are_no_copies():
    digits = load_digits().images[:600]
    pixels = np.kron(digits * 15.9, np.ones((4, 4))).astype(np.uint8)[..., None]
    assert find_images(pixels)["duplicate_of"].notna().sum() <= 1


def test_blank_pages_are_alike_but_no_copies():
    rng = np.random.default_rng(0)
    pages = (240 + rng.normal(0, 0.4, (50, 16, 16, 1))).round().astype(np.uint8)
    assert find_images(pages)["duplicate_of"].isna().all()


def test_near_copies_by_features():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 64)).astype(np.float32)
    features[490:] = features[:10] + 0.01 * rng.normal(size=(10, 64))
    found = find_duplicates(np.arange(500), [str(row) for row in range(500)], features=features)
    assert found["duplicate_of"][490:].tolist() == [str(row) for row in range(10)]
    assert found["duplicate_kind"].notna().sum() == 10


def test_chains_of_copies_are_one_group():
    pages = photographs(30)
    a = pages[0]
    chain = [a, as_jpeg(a, 90), a]
    found = find_images(np.concatenate([pages[1:], np.stack(chain)]))
    assert found["duplicate_group"][-3:].tolist() == [0, 0, 0]
    assert found["duplicate_kind"].tolist()[-2:] == ["near", "exact"]


def test_candidates_hold_every_pair_that_differs_in_three_bits():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 200, dtype=np.uint64)
    for row in range(100, 200):
        bits = rng.choice(64, 3, replace=False)
        hashes[row] = hashes[row - 100] ^ np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64))
    bits = np.unpackbits(hashes.view(np.uint8).reshape(-1, 8), axis=1)
    apart = squareform(pdist(bits, "hamming")) * 64
    expected = {(i, j) for i, j in np.argwhere(apart <= 3.01).tolist() if i < j}
    assert expected <= {tuple(pair) for pair in _candidates(hashes).tolist()}


def test_similar_pictures_have_similar_hashes():
    pages = photographs(100)
    noisy = (pages + np.random.default_rng(0).normal(0, 5, pages.shape)).clip(0, 255).astype(np.uint8)
    same = np.bitwise_count(hash_pictures(pages) ^ hash_pictures(noisy))
    other = np.bitwise_count(hash_pictures(pages) ^ hash_pictures(np.roll(pages, 1, axis=0)))
    assert np.percentile(same, 95) <= 6
    assert np.percentile(other, 5) >= 16


def test_nothing_and_one_row():
    assert len(find_duplicates([], [])) == 0
    one = photographs(1)
    assert find_images(one)["duplicate_group"].tolist() == [-1]


def test_row_hashes_see_values_not_the_index():
    frame = pd.DataFrame({"n": [1.5, None, 1.5, None], "s": ["ä", None, "ä", None]}, index=[7, 8, 9, 10])
    hashes = row_codes(frame)
    assert hashes.tolist() == row_codes(frame.reset_index(drop=True)).tolist()
    assert hashes[0] == hashes[2]
    assert hashes[1] == hashes[3]
    assert hashes[0] != hashes[1]


@given(st.lists(st.sampled_from(["", "x", "y", "z", "w"]), max_size=30))
def test_groups_are_the_equal_contents(content):
    found = find_duplicates([str(row) for row in range(len(content))], content)
    for row, value in enumerate(content):
        first = content.index(value)
        expected = str(first) if value and first < row else None
        given_first = found["duplicate_of"][row]
        assert (given_first if isinstance(given_first, str) else None) == expected
    groups = found["duplicate_group"][found["duplicate_group"] >= 0]
    assert sorted(groups.unique()) == list(range(groups.nunique()))


@pytest.mark.parametrize("tail", ["lognormal", "cauchy", "pareto"])
def test_features_with_long_tails_are_no_copies(tail):
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(1500, 1))
    points = {
        "lognormal": np.exp(8 * factor + rng.normal(size=(1500, 6))),
        "cauchy": rng.standard_cauchy((1500, 1)) * np.exp(0.3 * rng.normal(size=(1500, 6))),
        "pareto": rng.pareto(0.4, (1500, 5)),
    }[tail]
    points = np.append(points, points[:3], axis=0).astype(np.float32)
    found = find_duplicates(np.arange(1503), np.full(1503, ""), features=points)
    assert (found["duplicate_group"] >= 0).sum() <= 10


def test_three_copies_of_one_are_found_by_features():
    points = np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32)
    copies = points[:5].repeat(3, axis=0) * np.float32(1.001)
    found = find_duplicates(np.arange(415), np.full(415, ""), features=np.append(points, copies, axis=0))
    assert found["duplicate_of"].dropna().tolist() == [str(at) for at in np.arange(5).repeat(3)]


def test_whole_numbers_as_contents():
    codes = np.array([2**64 - 1, 7, 2**64 - 1, 0], dtype=np.uint64)
    found = find_duplicates(list("abcd"), codes)
    assert found["duplicate_of"].dropna().to_dict() == {2: "a"}
    assert found["duplicate_of"].dtype == found["duplicate_kind"].dtype == "str"
