import numpy as np
import pytest

from burnish.tasks.arrays import read_embeddings, read_probabilities
from burnish.tasks.findings import InputError


@pytest.fixture
def save(tmp_path):
    def _save(array, **options):
        np.save(tmp_path / "a.npy", array, **options)
        return tmp_path / "a.npy"

    return _save


def test_embeddings_are_mapped(save):
    given = np.arange(12, dtype=np.float32).reshape(4, 3)
    read = read_embeddings(save(given), 4)
    assert isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, given)


def test_fortran_order_and_whole_numbers(save):
    given = np.asfortranarray(np.arange(12).reshape(4, 3))
    np.testing.assert_array_equal(read_embeddings(save(given), 4), given)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((3, 2)), "has 3 rows, the table has 4"),
        (np.zeros(4), r"has the shape \(4,\)"),
        (np.zeros((4, 2, 2)), "has the shape"),
        (np.zeros((4, 0)), "has the shape"),
        (np.full((4, 2), np.nan), r"row 0 \(from 0\) of .* has NaN or infinity"),
        (np.array([[1, 1], [1, 1], [1, np.inf], [1, 1]]), r"row 2 \(from 0\)"),
        (np.array([["a"], ["b"], ["c"], ["d"]]), "holds <U1, not numbers"),
        (np.zeros((4, 2), dtype=complex), "not numbers"),
    ],
)
def test_arrays_that_do_not_fit(save, array, says):
    with pytest.raises(InputError, match=says):
        read_embeddings(save(array), 4)


def test_objects_are_never_loaded(save):
    with pytest.raises(InputError, match="Python objects, which are never loaded"):
        read_embeddings(save(np.array([[{}], [{}]], dtype=object), allow_pickle=True), 2)


def test_a_pickle_is_never_loaded(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"\x80\x04\x95\x00.")
    with pytest.raises(InputError, match=r"never loaded|damaged"):
        read_embeddings(tmp_path / "a.npy", 2)


@pytest.mark.parametrize("cut", [0, 5, 60, 130])
def test_truncated_file(save, cut):
    path = save(np.zeros((4, 3)))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"is damaged or no .npy"):
        read_embeddings(path, 4)


def test_absent_folder_and_archive(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_embeddings(tmp_path / "a.npy", 4)
    with pytest.raises(InputError, match="is no file"):
        read_embeddings(tmp_path, 4)
    np.savez(tmp_path / "a.npz", a=np.zeros((4, 2)))
    with pytest.raises(InputError, match="archive of arrays"):
        read_embeddings(tmp_path / "a.npz", 4)


def test_probabilities(save):
    given = np.array([[0.25, 0.75], [1, 0]], dtype=np.float16)
    read = read_probabilities(save(given), 2, ("a", "b"))
    assert read.dtype == np.float64
    np.testing.assert_allclose(read.sum(axis=1), 1, atol=1e-15)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        ([[0.5, 0.5, 0], [1, 0, 0]], "has 3 columns, the labels have 2 classes.*in the order a, b"),
        ([[-0.5, 1.5], [1, 0]], "negative value in row 0"),
        ([[0.5, 0.5], [50, 50]], r"row 1 \(from 0\) .* sums to 100"),
        ([[0.5, 0.5], [np.nan, 1]], "row 1 .*NaN"),
        ([[0.5, 0.5]], "has 1 rows"),
    ],
)
def test_probabilities_that_are_none(save, array, says):
    with pytest.raises(InputError, match=says):
        read_probabilities(save(np.array(array)), 2, ("a", "b"))
