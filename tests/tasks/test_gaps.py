"""When a gap is material, and when it is open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.gaps import as_bound, measure_gap, points, unmeasured
from burnish.tasks.metrics import rate, stated


@pytest.mark.parametrize(
    ("worse", "better", "material", "is_open"),
    [
        (stated(0.035), stated(0.025), True, False),  # one point, rounding notwithstanding
        (stated(0.034), stated(0.025), False, False),
        (stated(0.010), stated(0.050), False, False),
        (rate(100, 1000), rate(10, 1000), True, False),
        (rate(3, 60), rate(1, 60), False, True),  # three points that the counts do not show
        (rate(1, 6), rate(0, 50), False, True),  # one error, whatever the interval says
        (rate(1, 40), stated(0.0), True, False),  # one is more than none ever
        (rate(100, 100_000), rate(90, 100_000), False, False),
        (rate(1, 300), rate(3, 1000), False, True),  # nothing shown, nothing ruled out
        (rate(1200, 100_000), rate(800, 100_000), False, False),  # shown, and below one point
    ],
)
def test_material_and_open(worse, better, material: bool, is_open: bool) -> None:
    found = measure_gap(worse, better, "worse − better", 0.01)
    assert (found.material, found.open) == (material, is_open)


def test_gap_to_an_unknown_error_is_unmeasured() -> None:
    found = measure_gap(rate(0, 0), rate(1, 10), "dev error − train error", 0.01)
    assert found.as_dict() == {
        "value": None,
        "low": None,
        "high": None,
        "material": False,
        "known": False,
        "from": "dev error − train error",
    }
    assert not found.measured
    assert unmeasured("x").origin == "x"


def test_a_bound_keeps_its_figures() -> None:
    found = measure_gap(rate(50, 1000), stated(0.0), "", 0.01)
    bound = as_bound(found, "train error − 0")
    assert (bound.value, bound.low, bound.high, bound.material) == (found.value, found.low, found.high, True)
    assert not bound.known


@given(st.integers(0, 50), st.integers(50, 2000), st.integers(0, 50), st.integers(50, 2000))
def test_no_gap_is_both_material_and_open(x: int, n: int, y: int, m: int) -> None:
    found = measure_gap(rate(x, n), rate(y, m), "", 0.01)
    assert not (found.material and found.open)
    if not found.material and not found.open:
        assert found.high < 0.01


@pytest.mark.parametrize(
    ("value", "text"), [(0.0284, "2.8 points"), (0.01, "1.0 point"), (-0.012, "−1.2 points"), (-0.0001, "0.0 points")]
)
def test_points(value: float, text: str) -> None:
    assert points(value) == text
