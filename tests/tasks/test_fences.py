import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from burnish.tasks.fences import find_fence, mad_fence, quantile_fence

N = 20_000
CLEAN = {
    "normal": stats.norm(),
    "lognormal": stats.lognorm(1),
    "exponential": stats.expon(),
    "student": stats.t(4),
    "logistic": stats.logistic(),
    "laplace": stats.laplace(),
    "gamma": stats.gamma(2),
    "uniform": stats.uniform(),
    "gumbel": stats.gumbel_r(),
}


@pytest.mark.parametrize("name", CLEAN)
def test_hardly_a_clean_value_lies_beyond(name):
    law = CLEAN[name]
    for count, most in ((N, 0.001), (300, 0.005)):
        shares = []
        for seed in range(10):
            fence = find_fence(law.rvs(count, random_state=seed))
            shares.append(law.cdf(fence.low) + law.sf(fence.high))
        assert np.mean(shares) <= most


@pytest.mark.parametrize("name", [name for name in CLEAN if name != "uniform"])
def test_the_fence_is_not_out_of_reach(name):
    law = CLEAN[name]
    values = law.rvs(N, random_state=0)
    far = law.isf(1e-6)
    rare = law.isf(1e-3)
    values[:60] = far + 2 * (far - rare)
    fence = find_fence(values)
    assert law.isf(3e-3) < fence.high < values[0]


def test_a_normal_column_agrees_with_the_modified_z_score():
    values = np.random.default_rng(0).normal(5, 2, N)
    values[:200] = 100  # many errors: nothing holds the fence back
    fence = find_fence(values)
    middle, sigma = np.median(values), stats.median_abs_deviation(values, scale="normal")
    assert fence.rule == "mad"
    assert fence.high == pytest.approx(middle + 3.5 * sigma, rel=0.03)


def test_strength_moves_the_fence():
    values = np.random.default_rng(0).gamma(2, 1, N)
    values[:300] = 1000
    fences = [find_fence(values, strength=strength) for strength in (1.0, 3.0, 3.5, 4.0)]
    assert fences[0].rule == "left alone: both tails are common"
    assert fences[1].high < fences[2].high < fences[3].high < 1000
    assert fences[1].high == pytest.approx(stats.gamma(2).isf(stats.norm.sf(3)), rel=0.15)


def test_a_tail_without_a_variance_is_left_alone():
    assert np.isinf(find_fence(stats.pareto(0.7).rvs(N, random_state=0)).high)
    assert find_fence(stats.cauchy().rvs(N, random_state=0)).rule == "left alone: very heavy tails"


def test_a_bound_where_many_values_stand_is_an_end():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(N) < 0.3, 0.0, rng.lognormal(1, 0.5, N))
    values[:20] = -50
    assert -50 < find_fence(values).low < 0


def test_a_column_that_multiplies_has_errors_on_both_sides():
    values = np.random.default_rng(0).lognormal(3, 1, N)
    values[:20], values[20:40], values[40] = 1e5, 0.001, -5
    fence = find_fence(values)
    assert 0.001 < fence.low < np.exp(3 - 3)
    assert np.exp(3 + 3) < fence.high < 1e5
    assert find_fence(np.append(values, [0.0, 0.0])).low < 0  # nought may mean: none


def test_counts_of_rare_events_are_left_alone():
    counts = np.random.default_rng(0).poisson(1.5, N).astype(float)
    assert find_fence(counts, whole=True).rule == "left alone: counts"
    assert np.isfinite(find_fence(counts, "mad", whole=True).high)


def test_fences_of_whole_numbers_are_whole():
    fence = find_fence(np.random.default_rng(0).normal(50, 8, N).round(), whole=True)
    assert fence.low == np.floor(fence.low)
    assert fence.high == np.ceil(fence.high)


def test_a_lone_gross_error_is_beyond_and_a_lone_large_value_is_not():
    values = np.random.default_rng(0).normal(size=1000)
    assert find_fence(np.append(values, 40.0)).high < 40
    assert find_fence(np.append(values, 3.6)).high > 3.6


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["normal", "gumbel", "student"]),
    st.floats(0.001, 1000),
    st.floats(-1000, 0),  # positive values may be fenced by their logarithms, which no shift leaves alone
)
def test_fences_follow_shift_and_scale_and_mirror(seed, name, scale, shift):
    values = CLEAN[name].rvs(200, random_state=seed)
    fence, moved, mirrored = find_fence(values), find_fence(values * scale + shift), find_fence(-values)
    assert moved.rule == fence.rule
    spread = np.ptp(values)
    assert np.allclose((moved.low - shift) / scale, fence.low, atol=1e-5 * spread + 1e-6 * abs(shift / scale))
    assert np.allclose((moved.high - shift) / scale, fence.high, atol=1e-5 * spread + 1e-6 * abs(shift / scale))
    assert mirrored.low == pytest.approx(-fence.high, rel=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1e300, 1e300) | st.sampled_from([0.0, 1.0]), min_size=0, max_size=80))
def test_anything_has_fences_around_its_middle(given_values):
    values = np.array(given_values, dtype=float)
    with np.errstate(over="ignore", invalid="ignore"):
        fence = find_fence(values)
    assert not np.isnan([fence.low, fence.high]).any()
    if len(values):
        assert fence.low <= np.median(values) <= fence.high


def test_mad_and_quantile_do_as_they_say():
    values = np.random.default_rng(0).normal(size=N)
    assert mad_fence(values, 3)[1] == pytest.approx(3, rel=0.05)
    assert quantile_fence(values, 2)[0] == pytest.approx(np.quantile(values, stats.norm.cdf(-2)))
