import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from burnish.tasks.encoders import PatchEncoder, _principal, fit_patch_encoder
from burnish.tasks.findings import InputError
from burnish.tasks.multivariate import OUTLIER_ABOVE, score_outliers


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    small = (images[:500].reshape(-1, 8, 8) * 15.9).astype(np.uint8)
    return small.repeat(3, axis=1).repeat(3, axis=2)[..., None], labels[:500]


@pytest.fixture(scope="module")
def encoder(digits):
    return fit_patch_encoder(digits[0], filters=48, components=64)


def test_features_tell_digits_apart_without_a_label(digits, encoder):
    features = encoder.transform(digits[0])
    assert features.dtype == np.float32
    assert features.shape == (500, 64) == (500, len(encoder.names))
    assert np.sqrt(np.square(features).mean()) == pytest.approx(1, abs=1e-3)
    assert cross_val_score(KNeighborsClassifier(3), features, digits[1]).mean() > 0.95


def test_each_image_by_itself_and_no_image(digits, encoder):
    features = encoder.transform(digits[0])
    np.testing.assert_allclose(encoder.transform(digits[0][70:72]), features[70:72], atol=1e-4)
    assert encoder.transform(digits[0][:0]).shape == (0, 64)


def test_same_seed_same_bytes(digits):
    first, second = (fit_patch_encoder(digits[0][:50], filters=8, components=4, seed=1) for _ in range(2))
    assert torch.equal(first.components, second.components)


def test_through_tensors_and_back(digits, encoder):
    again = PatchEncoder.from_dict(encoder.to_dict(), encoder.tensors())
    assert again.transform(digits[0]).tobytes() == encoder.transform(digits[0]).tobytes()


@pytest.mark.parametrize(("side", "channels"), [(16, 1), (28, 3), (64, 3)])
def test_sizes(side, channels):
    pixels = np.random.default_rng(0).integers(0, 255, (12, side, side, channels), dtype=np.uint8)
    assert fit_patch_encoder(pixels, filters=8).transform(pixels).shape == (12, 11)


def test_few_images_do_not_make_all_others_unusual(digits):
    """n rows span n − 1 directions; in another, which rounding made, all others are thousands of spreads away."""
    encoder = fit_patch_encoder(digits[0][:60])
    features = encoder.transform(digits[0])
    assert features.shape[1] < 60
    assert (features[:60].std(axis=0) > 1e-3 * features.std()).all()
    learnt = np.arange(len(features)) < 60
    assert (score_outliers(features, learnt)[~learnt] > OUTLIER_ABOVE).mean() < 0.5


def test_blank_images_give_finite_features():
    pixels = np.zeros((6, 16, 16, 1), np.uint8)
    assert np.isfinite(fit_patch_encoder(pixels, filters=4).transform(pixels)).all()


def test_refuses_other_images(encoder):
    with pytest.raises(InputError, match="this model reads"):
        encoder.transform(np.zeros((2, 32, 32, 1), np.uint8))
    with pytest.raises(InputError, match="needs 16 or more"):
        fit_patch_encoder(np.zeros((2, 8, 8, 1), np.uint8))
    with pytest.raises(InputError, match="square"):
        fit_patch_encoder(np.zeros((0, 32, 32, 1), np.uint8))


def test_principal_directions_are_those_of_sklearn():
    rows = np.random.default_rng(0).normal(size=(200, 30)) * np.geomspace(10, 0.1, 30)
    centred = torch.tensor(rows - rows.mean(0), dtype=torch.float32)
    ours = _principal(centred, 5, torch.Generator().manual_seed(0)).numpy()
    theirs = PCA(5).fit(rows).components_
    np.testing.assert_allclose(np.abs((ours.T * theirs).sum(1)), 1, atol=1e-3)
