"""What a label audit has to say beyond its frame: what could not be told, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from burnish.tasks.findings import Finding
from burnish.tasks.notation import things

FEWEST = 3  # examples of a class under which nobody can tell whether one of them is mislabelled

NO_SIGNAL = Finding(
    code="mislabels.no_signal",
    title="Cannot tell which labels are wrong: the voices agree with them no more often than by chance",
    severity="cannot_tell",
    explanation="Where features say nothing about the class, disagreement with a label says nothing about the label.",
    method="agreement of the voices with the labels against agreement by chance (Cohen's kappa, one-sided, 0.1%)",
    advice="Give features that a person could tell the classes by, or more examples; no label was changed.",
)


MOSTLY_WRONG = Finding(
    code=NO_SIGNAL.code,
    title="Cannot tell which labels are wrong: more than half of them would be",
    severity="cannot_tell",
    explanation="Where most labels contradict the features, it is likelier that the features cannot tell the classes.",
    method="expected share of wrong labels by the labelling model, above one half",
    advice="Give features that a person could tell the classes by, or more examples of each; no label was changed.",
)
NOT_SEARCHED = Finding(
    code="mislabels.not_searched",
    title="Wrong labels were not looked for: mislabels.methods is empty",
    severity="info",
    explanation="Every label is taken for right.",
    method="configured",
    advice="Name the voices to listen to under mislabels.methods: model, clusters, neighbours, dynamics.",
)


def audit_findings(
    codes: NDArray[np.int64], names: tuple[Any, ...], notes: list[str], strange: NDArray[np.bool_]
) -> Iterator[Finding]:
    """Say which labels could not be judged, and what the voices had to do otherwise than usual.

    `strange` (n,) are the rows whose class the voices learnt no example of.
    """
    if strange.any():
        absent = [str(names[code]) for code in np.unique(codes[strange])]
        yield Finding(
            code="mislabels.absent_class",
            title=f"{things(len(absent), 'class', 'classes')} without an example to learn: {', '.join(absent[:5])}",
            severity="cannot_tell",
            explanation="What was never seen looks wrong wherever it turns up, so its labels are taken for right.",
            method="The classes of the rows that teach against those of all rows.",
            advice="Collect examples of these classes for train; widen `split.train_sources` if that hides them.",
            count=int(strange.sum()),
        )
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    rare = [str(name) for name, size in zip(names, sizes, strict=True) if 0 < size < FEWEST]
    if rare:
        yield Finding(
            code="mislabels.rare_class",
            title=f"{things(len(rare), 'class', 'classes')} with fewer than {FEWEST} examples: {', '.join(rare[:5])}",
            severity="cannot_tell",
            explanation="With so few examples nobody can tell whether one of them is mislabelled.",
            method="Counted; their labels are given a quality but never called an issue.",
            advice="Collect more examples of these classes, or merge them into others.",
            count=int(sizes[(sizes > 0) & (sizes < FEWEST)].sum()),
        )
    for note in filter(None, notes):
        yield Finding(
            code="mislabels.folds",
            title=f"Out-of-fold probabilities: {note}",
            severity="info",
            explanation="Each model learns from a smaller share of the examples, and of rare classes from very few.",
            method="Folds shrink to the size of the smallest class, two at least.",
            advice="Collect more examples of the rarest classes, or give probabilities of your own.",
        )
    missing = int((codes < 0).sum())
    if missing:
        yield Finding(
            code="mislabels.missing",
            title=f"{missing} example(s) have no label",
            severity="info",
            explanation="They have no quality, but a suggested label.",
            method="Counted; the voices learn nothing from them.",
            advice="Look at the suggestions in review.csv.",
            count=missing,
        )
