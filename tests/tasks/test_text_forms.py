import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from burnish.tasks.text_forms import learn_form

RNG = np.random.default_rng(0)
N = 400


def draw(make):
    return pd.Series([make() for _ in range(N)], dtype="str")


def letters(count, alphabet="abcdefghijklmnopqrstuvwxyz"):
    return "".join(RNG.choice(list(alphabet), count))


def digits(count):
    return letters(count, "0123456789")


@pytest.mark.parametrize(
    ("make", "pattern"),
    [
        (lambda: digits(5), "^[0-9]{5}$"),
        (lambda: f"{digits(2)}/{digits(2)}/20{digits(2)}", "^[0-9]{2}/[0-9]{2}/[0-9]{4}$"),
        (lambda: f"AT-{digits(4)}", "^AT-[0-9]{4}$"),
        (lambda: f"called {RNG.integers(1, 10**6)} times", "^called [0-9]+ times$"),
        (lambda: letters(2).upper() + digits(3), "^[A-Z]{2}[0-9]{3}$"),
        (lambda: f"{letters(3)}.{letters(RNG.integers(2, 9))}@x.org", r"^[a-z]{3}\.[a-z]+@x\.org$"),
        (lambda: letters(8, "0123456789abcdef") + "-" + letters(4, "0123456789abcdef"), "^[0-9a-f]{8}-[0-9a-f]{4}$"),
        (lambda: f"({digits(3)}) {digits(4)}", r"^\([0-9]{3}\) [0-9]{4}$"),
    ],
)
def test_codes_have_a_form(make, pattern):
    assert learn_form(draw(make)) == pattern


@pytest.mark.parametrize(
    "make",
    [
        lambda: letters(RNG.integers(2, 9)),
        lambda: letters(1).upper() + letters(RNG.integers(2, 9)),
        lambda: " ".join(letters(RNG.integers(1, 7)) for _ in range(RNG.integers(2, 9))),
        lambda: "".join(RNG.choice(list("aB3-_é "), RNG.integers(1, 12))),
        lambda: letters(1, "äöüéèß") + letters(5, "aäoöuü"),
    ],
)
def test_words_and_sentences_have_none(make):
    assert learn_form(draw(make)) is None


def test_a_rare_tail_changes_nothing():
    texts = draw(lambda: digits(5))
    texts[:8] = "n/a!"
    assert learn_form(texts) == "^[0-9]{5}$"


def test_two_forms():
    texts = pd.Series([digits(5) if i % 2 else f"{letters(2).upper()}{digits(2)}" for i in range(N)])
    assert learn_form(texts) in ("^(?:[0-9]{5}|[A-Z]{2}[0-9]{2})$", "^(?:[A-Z]{2}[0-9]{2}|[0-9]{5})$")


def test_too_few_different_texts_teach_nothing():
    assert learn_form(pd.Series(["12345", "23456"] * 100)) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.from_regex(r"[A-Z]{1,2}[0-9.+*$^(\[\\|{}\])?]{1,4}-[a-z ]{0,3}", fullmatch=True), min_size=20))
def test_what_is_learnt_matches_nearly_all(texts):
    """Python's `re` and the engine of pandas agree on it."""
    column = pd.Series(texts, dtype="str")
    pattern = learn_form(column)
    if pattern is not None:
        theirs = column.str.contains(pattern)
        assert theirs.mean() >= 0.95
        assert [bool(re.search(pattern, text)) for text in texts] == theirs.tolist()
