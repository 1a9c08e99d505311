"""The neighbour graph: agreement with scikit-learn, groups apart, recall measured, fall-back to exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

import burnish.tasks.neighbours as neighbours
from burnish.tasks.findings import InputError
from burnish.tasks.neighbours import group_codes, neighbour_graph


def exact(points, k):
    distances, indices = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points).kneighbors(points)
    return indices[:, 1:], distances[:, 1:]


def test_narrow_data_agree_with_sklearn():
    points = np.random.default_rng(0).normal(3, 2, (400, 7)).astype(np.float32)
    graph = neighbour_graph(points, k=9)
    indices, distances = exact(points, 9)
    assert (graph.indices == indices).mean() > 0.999
    np.testing.assert_allclose(graph.distances, distances, rtol=1e-4)
    assert graph.recall == 1.0
    assert graph.distances.dtype == np.float32


def wide(structure, n=600, d=250):
    rng = np.random.default_rng(1)
    return (rng.normal(size=(n, structure)) @ rng.normal(size=(structure, d))).astype(np.float32)


def test_wide_data_with_structure_are_searched_in_few_dimensions(monkeypatch):
    monkeypatch.setattr(neighbours, "FEW", 100)
    points = wide(12)
    graph = neighbour_graph(points, k=5)
    indices, _ = exact(points, 5)
    assert graph.recall > 0.99
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(graph.indices, indices, strict=True)]) > 0.99


def test_wide_data_without_structure_are_searched_exactly(monkeypatch):
    monkeypatch.setattr(neighbours, "FEW", 100)
    monkeypatch.setattr(neighbours, "COMPONENTS", (3,))
    points = np.random.default_rng(2).normal(size=(500, 220)).astype(np.float32)
    graph = neighbour_graph(points, k=5)
    assert graph.recall == 1.0
    assert (graph.indices == exact(points, 5)[0]).mean() > 0.999


def test_very_wide_data_are_sketched(monkeypatch):
    monkeypatch.setattr(neighbours, "FEW", 100)
    monkeypatch.setattr(neighbours, "SKETCHED", 200)
    assert neighbour_graph(wide(12), k=5).recall > 0.99


def test_blocks_do_not_change_the_answer(monkeypatch):
    points = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    whole = neighbour_graph(points, k=4)
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 500)
    assert (neighbour_graph(points, k=4).indices == whole.indices).all()


def test_members_of_a_group_are_no_neighbours():
    points = np.array([[0.0], [0.0], [0.1], [5.0], [5.1]], dtype=np.float32)
    graph = neighbour_graph(points, k=4, groups=np.array(["a", "a", None, "b", "b"], dtype=object))
    assert graph.indices[0].tolist() == [2, 3, 4, -1]
    assert np.isinf(graph.distances[0, 3])
    assert graph.indices[2].tolist() == [0, 1, 3, 4]


def test_rows_of_no_group_stay_apart():
    assert group_codes(np.array([3, -1, 3, -1]), 4).tolist()[0] == group_codes(np.array([3, -1, 3, -1]), 4).tolist()[2]
    assert len(set(group_codes(np.array([3, -1, 3, -1]), 4).tolist())) == 3


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_row_is_never_its_own_neighbour(n, k, seed):
    points = np.random.default_rng(seed).integers(0, 3, (n, 2)).astype(np.float32)  # many exact copies
    graph = neighbour_graph(points, k=k)
    assert graph.indices.shape == (n, min(k, n - 1))
    assert not (graph.indices == np.arange(n)[:, None]).any()
    assert (np.diff(graph.distances, axis=1) >= 0).all()


@pytest.mark.parametrize("points", [np.array([[1.0], [np.nan]]), np.array([1.0, 2.0]), np.array([[1.0]])])
def test_unusable_features_are_refused(points):
    with pytest.raises(InputError):
        neighbour_graph(points)
