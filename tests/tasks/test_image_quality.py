"""Image quality: planted faults are flagged, ordinary images are not."""

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy.special import erf
from sklearn.datasets import load_digits

from burnish.tasks.image_quality import FLAGS, edge_sharpness, flag_quality, measure_quality


def scenes(count, seed=0, side=32):
    """Grey scenes: soft background, a few sharp shapes, a little noise."""
    rng = np.random.default_rng(seed)
    pages = []
    for _ in range(count):
        page = cv2.resize(rng.uniform(40, 220, (4, 4)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
        for _ in range(4):
            centre = tuple(int(place) for place in rng.integers(4, side - 4, 2))
            cv2.circle(page, centre, int(rng.integers(2, 9)), float(rng.uniform(0, 255)), -1, cv2.LINE_AA)
        pages.append(page + rng.normal(0, 2, page.shape))
    return np.stack(pages).clip(0, 255).astype(np.uint8)


def digits():
    pages = [cv2.resize(page, (32, 32), interpolation=cv2.INTER_CUBIC) for page in load_digits().images[:900]]
    return (255 - np.stack(pages).clip(0, 16) / 16 * 225).astype(np.uint8)


def flags(grey, width=32, height=32):
    return flag_quality(pd.DataFrame(measure_quality(grey)).assign(width=width, height=height))


def blurred(grey, sigma=2.0):
    return np.stack([cv2.GaussianBlur(page, (0, 0), sigma) for page in grey])


FAULTS = {
    "blurry": blurred,
    "dark": lambda grey: (grey * 0.2).astype(np.uint8),
    "bright": lambda grey: (grey * 0.2 + 204).astype(np.uint8),
    "blank": lambda grey: np.random.default_rng(5).normal(180, 6, grey.shape).clip(0, 255).astype(np.uint8),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("make", [lambda: scenes(900), digits], ids=["scenes", "digits"])
def test_planted_faults_are_found_and_little_else(make, fault):
    grey = make()
    planted = np.zeros(len(grey), bool)
    planted[::50] = True
    grey[planted] = FAULTS[fault](grey[planted])
    flagged = flags(grey)[fault].to_numpy()
    recall, precision = flagged[planted].mean(), planted[flagged].mean()
    assert 2 * recall * precision / (recall + precision) >= 0.95


@pytest.mark.parametrize("make", [lambda: scenes(900), digits], ids=["scenes", "digits"])
def test_clean_images_are_left_alone(make):
    assert flags(make()).to_numpy().mean() <= 0.001


def test_what_is_usual_in_a_data_set_is_no_fault():
    for fault in ("blurry", "dark", "bright"):
        assert flags(FAULTS[fault](scenes(300)))[fault].mean() <= 0.02


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.5, 2.0])
def test_sharpness_of_an_ideal_edge_follows_the_formula(sigma):
    place = np.arange(64) - 31.5
    edge = 128 + 100 * erf(place / (sigma * np.sqrt(2)))
    page = np.tile(edge, (64, 1)).round().astype(np.uint8)[None]
    assert measure_quality(page)["sharpness"][0] == pytest.approx(edge_sharpness(sigma), rel=0.03)


def test_sharpness_does_not_depend_on_contrast():
    grey = scenes(50)
    softened = (grey * 0.4 + 80).round().astype(np.uint8)
    assert measure_quality(softened)["sharpness"] == pytest.approx(measure_quality(grey)["sharpness"], abs=0.08)


@pytest.mark.parametrize("sigma", [0.0, 3.0, 10.0, 20.0])
def test_noise_is_measured_beside_edges(sigma):
    page = np.full((40, 48, 48), 100.0)
    page[:, 10:30, 10:30] = 180
    noisy = page + np.random.default_rng(0).normal(0, sigma, page.shape)
    assert measure_quality(noisy.round().clip(0, 255).astype(np.uint8))["noise"].mean() == pytest.approx(
        sigma, rel=0.1, abs=0.2
    )


def test_light_agrees_with_numpy():
    grey = scenes(20, side=24)
    quality = measure_quality(grey)
    flat = grey.reshape(20, -1)
    assert quality["brightness"] == pytest.approx(flat.mean(axis=1))
    assert quality["contrast"] == pytest.approx(flat.std(axis=1))
    for percent in (1, 50, 99):
        expected = np.percentile(flat, percent, axis=1, method="inverted_cdf")
        assert np.array_equal(quality[f"brightness_p{percent:02d}"], expected)


def test_entropy_of_two_equal_halves_is_one_bit():
    page = np.zeros((1, 8, 8), np.uint8)
    page[:, 4:] = 255
    assert measure_quality(page)["entropy"][0] == pytest.approx(1)


def test_odd_sizes_and_shapes():
    quality = pd.DataFrame(measure_quality(scenes(60)))
    width, height = np.full(60, 100.0), np.full(60, 80.0)
    width[3], height[3] = 30, 24
    width[5], height[5] = 260, 31
    width[7], height[7] = 110, 80
    found = flag_quality(quality.assign(width=width, height=height))
    assert found.index[found["odd_size"]].tolist() == [3]
    assert found.index[found["odd_aspect"]].tolist() == [5]


def test_unreadable_rows_carry_no_flag():
    quality = pd.DataFrame(measure_quality(scenes(30))).assign(width=32.0, height=32.0)
    quality.loc[4] = np.nan
    assert not flag_quality(quality).loc[4].any()


@settings(deadline=None, max_examples=40)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=20)))
def test_any_picture_can_be_measured(grey):
    quality = measure_quality(grey)
    frame = pd.DataFrame(quality).assign(width=grey.shape[2], height=grey.shape[1])
    assert len(frame) == len(grey)
    assert np.isfinite(frame.drop(columns="sharpness").to_numpy(float)).all()
    sharpness = quality["sharpness"][~np.isnan(quality["sharpness"])]
    assert ((sharpness >= 0) & (sharpness <= 1)).all()
    assert list(flag_quality(frame).columns) == list(FLAGS)


def test_a_picture_is_measured_the_same_alone_and_in_a_stack():
    grey = scenes(9)
    together = measure_quality(grey)
    alone = measure_quality(grey[4:5])
    assert all(np.array_equal(values[4:5], alone[name], equal_nan=True) for name, values in together.items())
