import json

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from burnish.tasks.findings import InputError
from burnish.tasks.text_features import TextEncoder, fit_text_encoder

TEXTS = pd.Series(["good red wine", "bad red wine", "good bread", "bad bread", "red bread and wine"] * 4, name="note")


def test_same_angles_as_sklearns_tfidf():
    encoder = fit_text_encoder(TEXTS, width=100)
    ours = encoder.transform(TEXTS)
    theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(TEXTS).toarray()
    gram, wanted = ours @ ours.T, theirs @ theirs.T
    np.testing.assert_allclose(gram / gram[0, 0], wanted, atol=1e-3)


def test_missing_and_unknown_texts_are_zero():
    made = fit_text_encoder(TEXTS).transform(pd.Series([None, "zzz", ""], name="note"))
    assert not made.any()


def test_through_json_and_back():
    encoder = fit_text_encoder(TEXTS)
    again = TextEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())), encoder.tensors())
    assert again.transform(TEXTS).tobytes() == encoder.transform(TEXTS).tobytes()


def test_one_word_is_enough():
    assert fit_text_encoder(pd.Series(["word", "word", None], name="t")).transform(TEXTS).shape == (20, 1)


def test_texts_without_a_word():
    with pytest.raises(InputError, match="'note'"):
        fit_text_encoder(pd.Series(["", None, "?"], name="note"))
