import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.codes import is_code, never_repeats

WHOLE = np.array([20095.0, 10115.0] * 50)


@pytest.mark.parametrize(
    "name",
    ["zip", "ZIP", "zip_code", "ZipCode", "Postcode", "plz_kunde", "customer_id", "customerId", "customerid",
     "order no.", "Kunden-Nr", "id_patient", "phone number", "zip5"],
)  # fmt: skip
def test_codes_by_name(name):
    assert is_code(name, WHOLE)
    assert not is_code(name, WHOLE + 0.5)
    assert not is_code(name, -WHOLE)


@pytest.mark.parametrize(
    "name", ["income", "paid", "number", "number_of_children", "no_of_rooms", "zip_population", "grid", "", "42"]
)
def test_quantities_by_name(name):
    assert not is_code(name, WHOLE)


@given(st.integers(0, 2**32 - 1), st.integers(100, 2_000), st.integers(1, 20))
def test_numbers_given_out_once_are_codes_and_drawn_ones_are_not(seed, n, spread):
    rng = np.random.default_rng(seed)
    given_out = rng.choice(np.arange(1_000.0, 1_000 + n), n, replace=False)
    assert never_repeats(given_out)
    drawn = rng.integers(1_000, 1_000 + n * spread, n).astype(float)
    assert not never_repeats(drawn)


def test_far_apart_numbers_tell_nothing():
    assert not never_repeats(np.random.default_rng(0).choice(10**9, 1_000, replace=False).astype(float))
