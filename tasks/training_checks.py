"""What of the data does not fit how a network is trained: classes without examples, batches larger than the data.

Neither stops a run: such a class is never predicted, such a batch is the whole of the data, and both are said.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.findings import Finding

SHOWN = 5


def training_findings(
    labels: NDArray[np.int64], *, classes: Sequence[str], batch_size: int | None = None
) -> list[Finding]:
    """Say which classes cannot be learnt, and whether a batch holds all examples.

    Parameters
    ----------
    labels : int64 (n,)
        Labels learnt from; −1 = not learnt from.
    classes : sequence of str
        Names of all classes.
    batch_size : int, optional
        As configured.

    Returns
    -------
    list of Finding
        Empty where nothing is amiss.

    Examples
    --------
    >>> [each.title for each in training_findings(np.array([0, 0, 2]), classes=("a", "b", "c"))]
    ['1 class has no training example: b']
    """
    learnt = labels[labels >= 0]
    count = np.bincount(learnt, minlength=len(classes))
    absent = [name for name, there in zip(classes, count, strict=True) if not there]
    findings = []
    if absent:
        named = ", ".join(absent[:SHOWN]) + (", …" if len(absent) > SHOWN else "")
        have = "class has" if len(absent) == 1 else "classes have"
        findings.append(
            Finding(
                "training.classes",
                f"{len(absent)} {have} no training example: {named}",
                "warning",
                explanation="What is never shown is never predicted: every example of it in dev and test is an error.",
                method="the classes of all labels against those of the training rows",
                advice="Collect examples of it, or leave its rows out; widen `split.train_sources` if that hides it.",
            )
        )
    if batch_size is not None and batch_size > len(learnt):
        findings.append(
            Finding(
                "training.batch",
                f"train.batch_size is {batch_size:,} for {len(learnt):,} training examples: each epoch is one step",
                "warning",
                explanation="So few steps learn slowly, and the chance in mini-batches that helps them is gone.",
                method="train.batch_size against the training rows",
                advice="Leave `train.batch_size` out: it is then chosen by the size of the data.",
            )
        )
    return findings
