import numpy as np
import pandas as pd

from burnish.tasks.text_leaks import telltale_words

Y = np.arange(200) % 2


def test_presence_and_absence_both_tell():
    text = pd.Series(np.where(Y == 1, "paid in full", "paid"))
    word, told = telltale_words(text, Y, [1])[0]
    assert word in ("in", "full") and told.errors == 0
    assert telltale_words(text, 1 - Y, [1])[0][1].errors == 0


def test_errors_agree_with_a_count_by_hand():
    rng = np.random.default_rng(0)
    tagged = np.where(rng.random(200) < 0.1, 1 - Y, Y) == 1
    word, told = telltale_words(pd.Series(np.where(tagged, "x1 tag", "x1")), Y, [1])[0]
    assert word == "tag"
    assert told.errors == (tagged != (Y == 1)).sum()


def test_texts_without_words_and_rare_classes_tell_nothing():
    assert telltale_words(pd.Series(["", None, "?"] * 20), np.arange(60) % 2, [1]) == []
    assert telltale_words(pd.Series(["a b"] * 60), (np.arange(60) < 3).astype(int), [1]) == []
