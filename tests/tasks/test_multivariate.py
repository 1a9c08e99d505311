import numpy as np
import pytest

from burnish.tasks.multivariate import OUTLIER_ABOVE, central_covariance, score_outliers


class TestScoreOutliers:
    @pytest.mark.parametrize(("n", "d"), [(300, 3), (2000, 10), (1000, 90)])
    def test_clean_rows_are_seldom_flagged(self, n, d):
        shares = []
        for seed in range(3):
            rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
            shares.append((score_outliers(rows, seed=seed) > OUTLIER_ABOVE).mean())
        assert np.mean(shares) <= 0.005

    def test_far_rows_are_found(self):
        rows = np.random.default_rng(0).normal(size=(1000, 6)).astype(np.float32)
        rows[:10] += 8
        flagged = score_outliers(rows) > OUTLIER_ABOVE
        assert flagged[:10].all()
        assert flagged[10:].sum() <= 5

    def test_unusual_combinations_of_usual_values_are_found(self):
        rng = np.random.default_rng(0)
        shared = rng.normal(size=(2000, 1))
        rows = np.hstack([shared + 0.1 * rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))]).astype(np.float32)
        rows[:10, :2] = [1.5, -1.5]
        flagged = score_outliers(rows) > OUTLIER_ABOVE
        assert flagged[:10].all()
        assert flagged[10:].sum() <= 10

    def test_ranks_a_real_table_as_well_as_its_peer(self):
        from sklearn.datasets import load_breast_cancer
        from sklearn.ensemble import IsolationForest
        from sklearn.metrics import roc_auc_score

        rows, benign = load_breast_cancer(return_X_y=True)
        kept = np.r_[np.flatnonzero(benign == 1), np.flatnonzero(benign == 0)[:10]]  # a few malignant as outliers
        rows, malignant = rows[kept].astype(np.float32), benign[kept] == 0
        peer = -IsolationForest(random_state=0).fit(rows).score_samples(rows)
        assert roc_auc_score(malignant, score_outliers(rows)) >= roc_auc_score(malignant, peer) - 0.02

    def test_learns_from_train_only(self):
        rows = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
        train = np.arange(600) < 400
        other = rows.copy()
        other[500:] = 50
        first, second = score_outliers(rows, train, seed=1), score_outliers(other, train, seed=1)
        assert np.array_equal(first[:500], second[:500])
        assert (second[500:] > OUTLIER_ABOVE).all()

    def test_same_seed_same_bytes_and_within_bounds(self):
        rows = np.random.default_rng(0).normal(size=(12_000, 3)).astype(np.float32)
        rows[0] = 1e30
        first = score_outliers(rows, seed=5)
        assert first.tobytes() == score_outliers(rows, seed=5).tobytes()
        assert np.isfinite(first).all()
        assert first.min() >= 0
        assert first.max() <= 1
        assert first.argmax() == 0

    @pytest.mark.parametrize(
        "rows",
        [np.zeros((0, 3)), np.zeros((5, 3)), np.zeros((100, 0)), np.zeros((100, 3)), np.eye(100), np.ones((100, 1))],
    )
    def test_degenerate_tables(self, rows):
        score = score_outliers(rows.astype(np.float32))
        assert score.shape == (len(rows),)
        assert not (score > OUTLIER_ABOVE).any()


def test_central_covariance_is_of_the_bulk():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 3)) * [1, 2, 3]
    rows[:200] += 100
    middle, precision = central_covariance(rows)
    assert np.abs(middle).max() < 1
    spread = 1 / np.sqrt(np.diag(precision))
    assert spread[2] / spread[0] == pytest.approx(3, rel=0.3)
