"""Text → feature vectors: weighted word counts, reduced to a hundred directions.

Words and pairs of words are counted, 1 + log(count) is multiplied by the inverse document frequency of the training
rows (TF-IDF), each row is brought to length 1, and truncated singular vectors reduce it (latent semantic analysis:
Deerwester et al. 1990). Nothing is pickled: the words go into JSON, the numbers into safetensors. Known failure: it
sees words, not order or meaning; languages written without spaces are seen as a few long words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize
from torch import Tensor

from burnish.tasks.findings import InputError

WORDS = 20_000
WIDTH = 128


@dataclass(frozen=True)
class TextEncoder:
    """Frozen text features of one column.

    Attributes
    ----------
    column : str
    words : tuple of str
        Words and pairs of words, in the order of `idf`.
    idf : float32 (w,)
        Inverse document frequency.
    components : float32 (w, d)
        Singular vectors, scaled so that the features of the training rows have a root mean square of 1.
    """

    kind: ClassVar[str] = "text"
    column: str
    words: tuple[str, ...]
    idf: NDArray[np.float32]
    components: NDArray[np.float32]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(f"{self.column} direction {i}" for i in range(self.components.shape[1]))

    def transform(self, text: pd.Series) -> NDArray[np.float32]:
        """Turn texts (n) into features float32 (n, d); a missing text or one without a known word becomes 0."""
        if not len(text):
            return np.empty((0, self.components.shape[1]), np.float32)
        counts = _counter(vocabulary=self.words).transform(_clean(text))
        return np.asarray(_weigh(counts, self.idf) @ self.components, np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Give the words for JSON."""
        return {"column": self.column, "words": list(self.words)}

    def tensors(self) -> dict[str, Tensor]:
        """Give the numbers for safetensors."""
        return {"idf": torch.from_numpy(self.idf), "text_components": torch.from_numpy(self.components)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], tensors: dict[str, Tensor]) -> TextEncoder:
        """Make the encoder from what `to_dict` and `tensors` gave."""
        components = tensors["text_components"].numpy()
        return cls(plain["column"], tuple(plain["words"]), tensors["idf"].numpy(), components)


def fit_text_encoder(train: pd.Series, *, width: int = WIDTH, seed: int = 0) -> TextEncoder:
    """Learn words, their weights and directions from training texts.

    Parameters
    ----------
    train : Series of str
        Training rows only; missing texts are empty.
    width : int
        Features at most.
    seed : int
        Of the randomized decomposition.

    Raises
    ------
    InputError
        Where no word of two letters or more occurs in two texts.

    Examples
    --------
    >>> texts = pd.Series(["good wine", "bad wine", "good bread", "bad bread"], name="note")
    >>> fit_text_encoder(texts, width=2).transform(texts).shape
    (4, 2)
    """
    counter = _counter(max_features=WORDS, min_df=2)
    try:
        counts = counter.fit_transform(_clean(train))
    except ValueError as error:
        raise InputError(f"text column {train.name!r} has no word that occurs in two training rows") from error
    seen = np.asarray((counts > 0).sum(axis=0)).ravel()
    idf = (np.log((1 + len(train)) / (1 + seen)) + 1).astype(np.float32)
    weighed = _weigh(counts, idf)
    width = min(width, weighed.shape[1] - 1, len(train) - 1)
    if width < 1:
        components = np.ones((weighed.shape[1], 1), np.float32)
    else:
        components = TruncatedSVD(width, random_state=seed).fit(weighed).components_.T.astype(np.float32)
    spread = float(np.sqrt(np.square(weighed @ components).mean()))
    scaled = np.ascontiguousarray(components / (spread or 1.0), np.float32)
    return TextEncoder(str(train.name), tuple(counter.get_feature_names_out().tolist()), idf, scaled)


def _counter(**options: Any) -> CountVectorizer:
    return CountVectorizer(ngram_range=(1, 2), dtype=np.float32, **options)


def _clean(text: pd.Series) -> list[str]:
    return text.astype("object").map(str, na_action="ignore").fillna("").tolist()


def _weigh(counts: csr_array, idf: NDArray[np.float32]) -> csr_array:
    damped = csr_array(counts)
    damped.data = 1 + np.log(damped.data)
    return normalize(csr_array(damped @ diags_array(idf)), copy=False)
