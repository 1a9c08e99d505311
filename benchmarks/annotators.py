"""Five simulated annotators of the digits against the truth: whose consensus is right, who knows how good they are?

Annotators are right in 95% to 60% of cases, err by class (each has his own confusions) and leave out 30% of the
images. Everybody sees the same votes, and those who listen to a model the same out-of-fold probabilities, of a logistic
regression on the majority's labels. A second table takes other numbers of annotators.
"""

from __future__ import annotations

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from cleanlab.multiannotator import get_label_quality_multiannotator, get_majority_vote_label
from measured import mean_and_interval, print_table
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from burnish.tasks.annotators import find_consensus
from burnish.tasks.human_error import human_error
from burnish.tasks.mislabels import audit_labels

CAREFUL = {3: (0.95, 0.8, 0.65), 5: (0.95, 0.9, 0.8, 0.7, 0.6), 8: (0.95, 0.9, 0.8, 0.7, 0.6, 0.6, 0.5, 0.5)}
MISSING = 0.3


def simulate(truth: np.ndarray, accuracies: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
    """Give votes (n, m): annotator j is right with his accuracy, his errors follow confusions of his own."""
    k = int(truth.max()) + 1
    votes = np.empty((len(truth), len(accuracies)), dtype=np.int64)
    for j, accuracy in enumerate(accuracies):
        confusion = rng.dirichlet(np.full(k, 0.3), size=k) * (1 - np.eye(k)) + 1e-9
        confusion *= (1 - accuracy) / confusion.sum(axis=1, keepdims=True)
        np.fill_diagonal(confusion, accuracy)
        votes[:, j] = (confusion[truth].cumsum(axis=1) > rng.random((len(truth), 1))).argmax(axis=1)
    votes[rng.random(votes.shape) < MISSING] = -1
    return votes


def judge(images: np.ndarray, truth: np.ndarray, accuracies: tuple[float, ...], seed: int) -> dict[str, float]:
    """Give the figures of one simulation, on the rows with a vote."""
    votes = simulate(truth, accuracies, np.random.default_rng(seed))
    voted = (votes >= 0).any(axis=1)
    images, truth, votes = images[voted], truth[voted], votes[voted]
    k = int(truth.max()) + 1
    frame = pd.DataFrame(votes).astype("Int64").mask(votes < 0)
    majority = get_majority_vote_label(frame, verbose=False)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    probabilities = cross_val_predict(model, images, majority, cv=5, method="predict_proba")
    began = time.perf_counter()
    alone = find_consensus(votes, k)
    middle = time.perf_counter()
    audit = audit_labels(
        alone.codes, probabilities, images.astype(np.float32), classes=range(k), annotations=votes, seed=seed
    )
    ended = time.perf_counter()
    assert audit.annotators is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = get_label_quality_multiannotator(frame, probabilities, verbose=False)
    done = time.perf_counter()
    real = np.array([(votes[votes[:, j] >= 0, j] == truth[votes[:, j] >= 0]).mean() for j in range(votes.shape[1])])
    stats = peer["annotator_stats"].sort_index()
    consensus = peer["label_quality"]["consensus_label"].to_numpy()
    told = {
        "ours": np.array([each.value for each in audit.annotators.consensus.accuracy]),
        "votes": np.array([each.value for each in alone.accuracy]),
        "cleanlab": stats["annotator_quality"].to_numpy(),
        "majority": stats["agreement_with_consensus"].to_numpy(),
    }
    human = human_error(votes, k, seed=seed)
    assert human.rate is not None
    return {
        "right ours": float((audit.posterior.argmax(axis=1) == truth).mean()),
        "right votes": float((alone.codes == truth).mean()),
        "right majority": float((majority == truth).mean()),
        "right cleanlab": float((consensus == truth).mean()),
        **{f"off {name}": float(np.abs(values - real).mean()) for name, values in told.items()},
        "human real": float((alone.codes != truth).mean()),
        "human told": human.rate.value,
        "human held": float(human.rate.low <= (alone.codes != truth).mean() <= human.rate.high),
        "calibration": calibration(audit.frame["label_quality"].to_numpy(), alone.codes == truth),
        "seconds ours": ended - middle,
        "seconds votes": middle - began,
        "seconds cleanlab": done - ended,
    }


def calibration(quality: np.ndarray, right: np.ndarray) -> float:
    """Give the calibration error of label_quality in 15 bins."""
    bins = np.minimum((quality * 15).astype(int), 14)
    total = np.bincount(bins, minlength=15)
    gaps = np.abs(np.bincount(bins, quality, 15) - np.bincount(bins, right, 15))
    return float(gaps[total > 0].sum() / len(quality))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    images, truth = load_digits(return_X_y=True)
    names = {"ours": "votes and voices", "votes": "votes alone", "cleanlab": "cleanlab.multiannotator"}
    names["majority"] = "majority"
    for count, accuracies in CAREFUL.items():
        figures = pd.DataFrame([judge(images, truth, accuracies, seed) for seed in range(options.seeds)])

        def shown(name: str, figures: pd.DataFrame = figures) -> str:
            mean, half = mean_and_interval(figures[name].to_list())
            return f"{mean:.4f} ± {half:.4f}"

        print_table(
            f"Digits, {count} annotators, {MISSING:.0%} of votes missing, {options.seeds} seeds (mean ± 95%)",
            ["who", "consensus right", "annotators' accuracy off by", "seconds"],
            [
                [
                    name,
                    shown(f"right {key}"),
                    shown(f"off {key}"),
                    f"{figures[f'seconds {key}'].mean():.2f}" if f"seconds {key}" in figures else "",
                ]
                for key, name in names.items()
            ],
        )
        print_table(
            f"Human error by {count} annotators' disagreement, and calibration of label_quality",
            ["error of the consensus", "estimated", "interval holds it", "calibration error"],
            [[shown("human real"), shown("human told"), f"{figures['human held'].mean():.0%}", shown("calibration")]],
        )


if __name__ == "__main__":
    main()
