"""The voices: independent opinions about the true class of every example, none of which hears the example's own label.

Each voice is a callable ``voice(evidence) -> Opinion``:

- `model_voice`: out-of-fold probabilities, the user's own or those of a quick classifier on the features (confident
  learning's witness; Northcutt et al. 2021);
- `cluster_voice`: what the other members of an example's cluster are called, over several over-clusterings;
- `neighbour_voice`: what its nearest neighbours are called, nearer ones counting more;
- `dynamics_voice`: what networks that did not see the example said of it on average while they trained. Early epochs
  follow what a class has in common, late ones bend to single labels (Pleiss et al. 2020; Liu et al. 2020), so the mean
  is less taken in by wrong labels than the best epoch. Where no network was trained it is silent.

Known failure: all of them read the same features, so an error that the features cannot show is seen by none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.evidence import Evidence
from burnish.tasks.kernel_model import predict_by_kernel, principal_components

COMPONENTS = 64  # principal components that clusters are made of
RESOLUTIONS = (3, 6, 12)  # clusters per class
SMALLEST_CLUSTER = 12  # rows an average cluster holds at least, so that its majority means something


@dataclass(frozen=True)
class Opinion:
    """What a voice says.

    Attributes
    ----------
    truth : float64 (n, k)
        P(true class | x); rows sum to one.
    note : str
        A sentence where it had to work otherwise than usual, else empty.
    """

    truth: NDArray[np.float64]
    note: str = ""


Voice = Callable[[Evidence], Opinion]


def model_voice(evidence: Evidence) -> Opinion:
    """Give the user's out-of-fold probabilities, or those of a quick classifier on the features."""
    if evidence.probabilities is not None:
        return Opinion(_smooth(evidence.probabilities, evidence.codes, votes=1 / len(evidence.codes)))
    assert evidence.features is not None
    features, codes, k = evidence.features, evidence.codes, evidence.k
    return Opinion(*predict_by_kernel(features, codes, k, groups=evidence.groups, seed=evidence.seed))


def cluster_voice(evidence: Evidence) -> Opinion:
    """Average, over several resolutions, the labels of an example's cluster without its own group's."""
    from sklearn.cluster import MiniBatchKMeans

    assert evidence.features is not None
    inputs = principal_components(evidence.features, COMPONENTS, evidence.seed)
    most = max(2, len(inputs) // SMALLEST_CLUSTER)
    counts = sorted({min(most, evidence.k * resolution) for resolution in RESOLUTIONS})
    total = np.zeros((len(inputs), evidence.k))
    for number in counts:
        kmeans = MiniBatchKMeans(
            number, batch_size=4096, init_size=max(4096, 3 * number), n_init=1, random_state=evidence.seed
        )
        total += _others_labels(kmeans.fit_predict(inputs), evidence)
    return Opinion(total / len(counts))


def neighbour_voice(evidence: Evidence) -> Opinion:
    """Let the neighbours vote, weighted exp(−(distance / distance of the farthest)²)."""
    assert evidence.graph is not None
    indices, distances = evidence.graph.indices, evidence.graph.distances
    there = (indices >= 0) & (evidence.codes[indices] >= 0)
    reach = np.where(np.isfinite(distances), distances, 0).max(axis=1, keepdims=True)
    weights = np.exp(-((distances / np.where(reach > 0, reach, 1)) ** 2), where=there, out=np.zeros(indices.shape))
    votes = np.zeros((len(indices), evidence.k))
    rows = np.broadcast_to(np.arange(len(indices))[:, None], indices.shape)
    np.add.at(votes, (rows[there], evidence.codes[indices[there]]), weights[there])
    return Opinion(_smooth(votes, evidence.codes, votes=1.0))


def dynamics_voice(evidence: Evidence) -> Opinion:
    """Give the softmax of the mean held-out log-probabilities over the epochs trained (`folds.OutOfFold`)."""
    assert evidence.dynamics is not None
    return Opinion(_smooth(evidence.dynamics, evidence.codes, votes=1 / len(evidence.codes)))


VOICES: dict[str, Voice] = {
    "model": model_voice,
    "clusters": cluster_voice,
    "neighbours": neighbour_voice,
    "dynamics": dynamics_voice,
}
VOICE_COLUMNS = {name: f"voice_{name}" for name in VOICES}


def _others_labels(cluster: NDArray[np.int64], evidence: Evidence) -> NDArray[np.float64]:
    """Shares of the classes among the others of a row's cluster, its own group left out; prior counts where few."""
    labelled = evidence.codes >= 0
    group = np.arange(len(cluster)) if evidence.groups is None else evidence.groups
    of_cluster = np.zeros((int(cluster.max()) + 1, evidence.k))
    np.add.at(of_cluster, (cluster[labelled], evidence.codes[labelled]), 1.0)
    _, own = np.unique(np.stack([cluster, group]), axis=1, return_inverse=True)
    of_own = np.zeros((int(own.max()) + 1, evidence.k), dtype=np.float32)
    np.add.at(of_own, (own[labelled], evidence.codes[labelled]), 1.0)
    return _smooth(of_cluster[cluster] - of_own[own], evidence.codes, votes=1.0)


def _smooth(scores: NDArray[np.floating], codes: NDArray[np.int64], *, votes: float) -> NDArray[np.float64]:
    """Turn votes (or probabilities) into probabilities, some votes more being cast as the classes are common."""
    shares = np.bincount(codes[codes >= 0], minlength=scores.shape[1]) + 0.5
    padded = scores + votes * shares / shares.sum()
    return padded / padded.sum(axis=1, keepdims=True)
