import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.tasks.notation import UNKNOWN, clean, count, cut, decimal, percent, plain, points, unknown, with_interval

WRITERS = (count, percent, decimal, points, with_interval, plain)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("nothing", [None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("inf")])
def test_what_is_not_known_is_a_dash(write, nothing):
    assert write(nothing) == UNKNOWN and unknown(nothing)


@pytest.mark.parametrize("write", [count, percent, points, decimal])
@given(
    value=st.one_of(
        st.floats(-1e12, 1e12), st.sampled_from([float("nan"), float("inf")]), st.integers(-(10**12), 10**12)
    )
)
def test_any_number_can_be_written(write, value):
    text = write(value)
    assert text and "nan" not in text and "inf" not in text


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_none_or_all(value):
    text = percent(value)
    assert (text == "0%") == (value == 0) and (text == "100%") == (value == 1)
    assert not math.isnan(float(text.strip("<>%")))


@given(st.text(), st.integers(2, 50))
def test_cut_text_is_short_printable_and_can_be_encoded(text, length):
    short = cut(text + "\ud800\x00\u202e", length)
    assert len(short) <= length and "\x00" not in short and "\u202e" not in short
    short.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pd.Timestamp("2020-01-02"), "2020-01-02 00:00:00"),
        (pd.Timedelta(1, "D"), "1 days 00:00:00"),
        (np.array([1, 2]), "[1 2]"),
        ({1}, "{1}"),
        (np.True_, "yes"),
    ],
)
def test_values_that_are_no_numbers_are_written_as_they_are(value, text):
    assert plain(value) == text


def test_text_is_put_on_one_line():
    assert clean("a\r\n\tb\x1b[0m\u2028c") == "a b [0m c"
    assert clean("שלום 😀") == "שלום 😀"
