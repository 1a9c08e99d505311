"""How strongly each column counts in training: `features.weights: {column: strength}`.

The standardised features of a column are multiplied by its strength. For what goes by distances (neighbours, clusters,
outlier scores) a column of strength 2 counts like two. A network that is held back from large weights (weight decay,
early stopping) leans on what comes in large, and less on what comes in small. Strength 0 leaves the column out.

Known failures: a long-trained network can undo the scale of a column; gradient boosting reads only the order of the
values of a column, so a strength other than 0 does not reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from burnish.tasks.examples import Examples
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.hints import did_you_mean

KEY = "features.weights"


def apply_strengths(examples: Examples, strengths: Mapping[str, float]) -> Examples:
    """Leave out the columns of strength 0, and say what the others do.

    Parameters
    ----------
    examples : Examples
    strengths : mapping of str to float
        Strength of a column, 0 or more; 1 where it is not named.

    Returns
    -------
    `Examples`
        With fewer columns to learn from and one more finding; the same where nothing is named.

    Raises
    ------
    InputError
        A name is no column that is learnt from, columns are not what is learnt from, or none is left.
    """
    if not strengths:
        return examples
    if examples.kind == "images" or examples.embeddings is not None:
        what = "images" if examples.kind == "images" else "embeddings"
        raise InputError(f"{KEY}: this dataset is learnt from {what}, not from columns: take {KEY} out")
    for name in strengths:
        _check_name(name, examples)
    left_out = {name for name, strength in strengths.items() if strength == 0}
    learn_from = tuple(name for name in examples.learn_from if name not in left_out)
    text = None if examples.text in left_out else examples.text
    if not learn_from and text is None and examples.probabilities is None:
        raise InputError(f"{KEY} leaves out every column to learn from: give one of them a strength above 0")
    return replace(examples, learn_from=learn_from, text=text, findings=(*examples.findings, _finding(strengths)))


def _check_name(name: str, examples: Examples) -> None:
    known = [*examples.learn_from, *([examples.text] if examples.text else [])]
    if name in known:
        return
    if name in examples.attributes:
        raise InputError(f"{KEY}: {name!r} is not learnt from (see data.exclude, or the findings): take it out")
    meant = did_you_mean(name, known, f"its columns are {', '.join(known[:20])}")
    raise InputError(f"{KEY}: {examples.original.path} has no column {name!r} to learn from; {meant}")


def _finding(strengths: Mapping[str, float]) -> Finding:
    said = ", ".join(
        f"{name!r} {f'× {value:g}' if value else 'left out'}" for name, value in list(strengths.items())[:8]
    )
    more = f" and {len(strengths) - 8} more" if len(strengths) > 8 else ""
    return Finding(
        code="columns.strengths",
        title=f"Columns count as {KEY} says: {said}{more}",
        severity="info",
        explanation="Their features are multiplied in what the network, the neighbours and the clusters see. Gradient "
        "boosting reads the order of values alone: it only leaves out what is left out.",
        method="Standardised features of each column times its strength, stored with the model.",
        count=len(strengths),
    )
