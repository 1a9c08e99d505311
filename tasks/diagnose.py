"""Which knob next: the errors along the chain human → train → train-dev → dev → test, told apart.

| gap | is | turned by |
| --- | --- | --- |
| avoidable bias | train − human | bigger network, longer training, less regularisation, better features |
| variance | unseen data of the training distribution − train | augmentation, regularisation, more data |
| data mismatch | dev − unseen data of the training distribution | training data made like dev, or collected |
| dev overfit | test − dev | bigger dev set, dev drawn anew |

"Unseen data of the training distribution" are train-dev and the dev subsets of sources that are trained on. Where dev
has no other sources, and train-dev is too small to judge by (`trusted`), it is dev itself: variance = dev − train, and
data mismatch is not measured apart.

The rule. The verdict is the first material gap in the order of the chain (see `gaps`), with "first" where
another is material too; a gap yields to a later one that is ten times as large. Without any: "well trained"
where bias and variance were measured and every interval stays below `material`, else "cannot tell". Where human
error is unknown it is taken as 0; avoidable bias is then only an upper bound, and yields to any larger gap.

Two things come before all of it, the larger first, where they are material and outweigh every gap: dev errors on labels
that are probably wrong (`dev_suspects`, verdict "label noise") and dev or test examples of classes that train has no
example of (`untaught`, verdict "untaught classes"). No knob of the network moves either. Give the other errors without
those examples, so that they are not in the gaps as well. Where dev speaks against label noise, in that a model taught
by cleaned labels did worse there (`refuted`), the verdict is "cannot tell", and the first step a look at those labels,
if they are half of dev's errors or more.

Source: Ng, Machine Learning Yearning, chapters 20-43 (bias, variance, data mismatch, orthogonal knobs).
Known failure: a suspect is where the model disagrees with the label; without suspects the errors are a lower bound.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from burnish.tasks.findings import Finding
from burnish.tasks.gaps import MEANINGS, WORDS, Gap, GapName, as_bound, measure_gap, points, unmeasured
from burnish.tasks.knobs import differing_features, next_steps, teach_classes
from burnish.tasks.metrics import Rate, pool, stated
from burnish.tasks.mismatch import Comparison

DWARFED = 10
LABEL_NOISE, UNTAUGHT, DOUBTFUL = "label noise", "untaught classes", "cannot tell"


@dataclass(frozen=True)
class Diagnosis:
    """The four gaps, the verdict in one to three words, what it means, and what to do next, best first."""

    avoidable_bias: Gap
    variance: Gap
    data_mismatch: Gap
    dev_overfit: Gap
    verdict: str
    title: str
    explanation: str
    next_steps: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the diagnosis as plain values for `summary.json`."""
        gaps: dict[str, Any] = {name: getattr(self, name).as_dict() for name in WORDS}
        words = {"verdict": self.verdict, "title": self.title, "explanation": self.explanation}
        return gaps | words | {"next_steps": [step.as_dict() for step in self.next_steps]}


def diagnose(
    *,
    train: Rate | float,
    dev: Rate | float,
    human: Rate | float | None = None,
    train_dev: Rate | float | None = None,
    dev_by_source: Mapping[str, Rate] | None = None,
    test: Rate | float | None = None,
    train_sources: Sequence[str] | None = None,
    dev_suspects: Rate | float | None = None,
    dev_as_given: Rate | float | None = None,
    absent: Sequence[str] = (),
    untaught: Mapping[str, Rate] | None = None,
    refuted: bool = False,
    material: float = 0.01,
    mismatch: Sequence[Comparison] = (),
    model: str = "mlp",
    encoder: str = "table",
    idle: Collection[str] = (),
) -> Diagnosis:
    """Tell bias, variance, data mismatch and dev overfit apart, and which knob to turn next.

    Parameters
    ----------
    train, dev, human, train_dev, test : Rate or float
        Errors, 0..1; a float is an error stated without counts.
    dev_by_source : mapping of str to Rate, optional
        The dev error of each source.
    train_sources : sequence of str, optional
        The sources trained on; None for all.
    dev_suspects : Rate or float, optional
        Share of dev that is misclassified and whose given label is probably wrong.
    dev_as_given : Rate or float, optional
        The dev error with the suspects, where `dev` is without them.
    absent : sequence of str
        Classes of dev or test that train has no example of.
    untaught : mapping of str to Rate, optional
        The share of a part, "dev" or "test", that is of these.
    refuted : bool
        Whether the model that learnt from cleaned labels did worse on dev: suspects may then be right labels where
        classes overlap, or wrong ones. Give the errors with them.
    material : float
        The smallest gap worth working on, 0.01 = one point.
    mismatch : sequence of Comparison
        What `measure_mismatch` found.
    model, encoder : str
        What was trained, and on which features: only knobs of these are advice (`knobs.next_steps`).
    idle : collection of str
        Codes of knobs that would bring nothing here.

    >>> diagnose(human=0.007, train=0.035, dev=0.078).verdict
    'bias first'
    >>> diagnose(human=0.007, train=0.010, dev=0.050).title
    'Variance: the model fits what it has seen better than what it has not (4.0 points)'
    """
    errors = {
        "human": human,
        "train": train,
        "train_dev": train_dev,
        "dev": dev,
        "test": test,
        "suspects": dev_suspects,
        "dev_as_given": dev if dev_as_given is None else dev_as_given,
    }
    rates = {name: as_rate(error) for name, error in errors.items()}
    gaps = measure_chain(rates, dev_by_source or {}, train_sources, material)
    if any({each.a, each.b} == {"dev", "test"} and each.verdict == "differs" for each in mismatch):
        gaps["dev_overfit"] = as_bound(gaps["dev_overfit"], "test error − dev error (dev and test differ)")
    shifts = find_shifts(mismatch, train_sources)
    order = rank(gaps)
    shares = [item for item in (untaught or {}).items() if item[1].known]
    part, unseen = max(shares, key=lambda item: item[1].value, default=("", as_rate(None)))
    before = find_obstacles(rates, unseen, gaps, order, material, refuted=refuted)
    first = before[0] if before else ""
    verdict = first or judge(gaps, order)
    verdict += " first" if first in (LABEL_NOISE, UNTAUGHT) and (order or len(before) > 1) else ""
    titles = {
        LABEL_NOISE: noise_title(verdict, rates),
        UNTAUGHT: untaught_title(verdict, part, unseen),
        DOUBTFUL: doubtful_title(rates),
    }
    return Diagnosis(
        **gaps,
        verdict=verdict,
        title=titles.get(first) or title(verdict, gaps, order, rates["dev"], material),
        explanation=explain(gaps, rates["human"].known, material, shifts),
        next_steps=(
            *teach_classes(absent, part, unseen),
            *next_steps(
                order,
                gaps,
                rates["dev_as_given"],
                rates["suspects"],
                material,
                shifts,
                noise_first=bool({LABEL_NOISE, DOUBTFUL} & set(before)),
                model=model,
                encoder=encoder,
                idle=idle,
            ),
        ),
    )


def as_rate(error: Rate | float | None) -> Rate:
    """Give any of the accepted forms as a rate, None as an unknown one."""
    return error if isinstance(error, Rate) else stated(math.nan if error is None else error)


def measure_chain(
    rates: Mapping[str, Rate], by_source: Mapping[str, Rate], train_sources: Sequence[str] | None, material: float
) -> dict[GapName, Gap]:
    """Measure the four gaps, in the order of the chain."""
    train, dev = rates["train"], rates["dev"]
    (seen, seen_name), (target, target_name) = split_dev(dev, rates["train_dev"], by_source, train_sources, material)
    if rates["human"].known:
        bias = measure_gap(train, rates["human"], "train error − human error", material)
    else:
        bias = as_bound(measure_gap(train, stated(0.0), "", material), "train error − 0 (human error is not known)")
    if seen_name == target_name:
        mismatch = unmeasured("dev error − train-dev error")
    else:
        mismatch = measure_gap(target, seen, f"{target_name} − {seen_name}", material)
    return {
        "avoidable_bias": bias,
        "variance": measure_gap(seen, train, f"{seen_name} − train error", material),
        "data_mismatch": mismatch,
        "dev_overfit": measure_gap(rates["test"], dev, "test error − dev error", material),
    }


def split_dev(
    dev: Rate, train_dev: Rate, by_source: Mapping[str, Rate], train_sources: Sequence[str] | None, material: float
) -> tuple[tuple[Rate, str], tuple[Rate, str]]:
    """Give the error on unseen data of the training distribution, and that on dev data of others, each with its name.

    Both are dev where the two cannot be told apart.
    """
    whole = (dev, "dev error")
    known = {name: error for name, error in by_source.items() if error.total}
    others = [error for name, error in known.items() if train_sources is not None and name not in train_sources]
    if not others:
        return ((train_dev, "train-dev error") if trusted(train_dev, material) else whole), whole
    target = (pool(others), "dev error of sources not trained on")
    same = [error for name, error in known.items() if train_sources is not None and name in train_sources]
    if same or train_dev.total:
        counted = [*same, train_dev] if train_dev.total else same
        return (pool(counted), "error on unseen data of the training sources"), target
    return ((train_dev, "train-dev error"), target) if train_dev.known else (whole, whole)


def trusted(train_dev: Rate, material: float) -> bool:
    """Tell whether train-dev can judge: stated without counts, or of at least 3 / material examples.

    By the rule of three, even without an error fewer examples cannot exclude a material one.
    """
    return train_dev.known and (train_dev.total == 0 or train_dev.total >= 3 / material)


def find_shifts(mismatch: Sequence[Comparison], train_sources: Sequence[str] | None) -> list[Comparison]:
    """Give the comparisons in which dev, or a dev subset not trained on, differs from train."""
    new = [
        each.b for each in mismatch if train_sources is not None and each.b.removeprefix("dev:") not in train_sources
    ]
    against_train = [each for each in mismatch if each.a == "train" and each.verdict == "differs"]
    return [each for each in against_train if each.b == "dev" or (each.b.startswith("dev:") and each.b in new)]


def rank(gaps: Mapping[GapName, Gap]) -> list[GapName]:
    """Give the material gaps, the one to work on first in front, the others in the order of the chain."""
    order = [name for name in gaps if gaps[name].material]
    first = order[0] if order else None
    for name in order[1:]:
        if first and gaps[name].value > (DWARFED if gaps[first].known else 1) * gaps[first].value:
            first = name
    return sorted(order, key=lambda name: name != first)


def judge(gaps: Mapping[GapName, Gap], order: Sequence[GapName]) -> str:
    """Give the verdict."""
    if order:
        return WORDS[order[0]] + (" first" if len(order) > 1 else "")
    settled = gaps["avoidable_bias"].measured and gaps["variance"].measured
    return "well trained" if settled and not any(gap.open for gap in gaps.values()) else "cannot tell"


def outweighs(suspects: Rate, gaps: Mapping[GapName, Gap], order: Sequence[GapName], material: float) -> bool:
    """Tell whether errors on labels that are probably wrong are material and as large as any material gap."""
    return suspects.known and suspects.value >= max([material, *(gaps[name].value for name in order)])


def find_obstacles(
    rates: Mapping[str, Rate],
    unseen: Rate,
    gaps: Mapping[GapName, Gap],
    order: Sequence[GapName],
    material: float,
    *,
    refuted: bool,
) -> list[str]:
    """Name what comes before every gap, the larger first; `unseen` is the share of classes that train has not."""
    suspects = rates["suspects"]
    noisy = outweighs(suspects, gaps, order, material)
    if refuted:
        noisy = suspects.known and suspects.value >= max(material, rates["dev_as_given"].value / 2)
    found = {(DOUBTFUL if refuted else LABEL_NOISE): suspects} if noisy else {}
    found |= {UNTAUGHT: unseen} if outweighs(unseen, gaps, order, material) else {}
    return sorted(found, key=lambda name: -found[name].value)


def noise_title(verdict: str, rates: Mapping[str, Rate]) -> str:
    """Say how much of the dev error is on labels that are probably wrong."""
    given = rates["dev_as_given"].value
    return (
        f"{verdict.capitalize()}: {points(rates['suspects'].value)} of dev's {100 * given:.1f}% error "
        "are on labels that are probably wrong themselves"
    )


def doubtful_title(rates: Mapping[str, Rate]) -> str:
    """Say that the errors are mostly on labels that look wrong, and that dev does not bear it out."""
    given = rates["dev_as_given"].value
    return (
        f"Cannot tell: {points(rates['suspects'].value)} of dev's {100 * given:.1f}% error are on labels that look "
        "wrong, yet cleaning did no good there"
    )


def untaught_title(verdict: str, part: str, unseen: Rate) -> str:
    """Say how much of a part is of classes that train has no example of."""
    return f"{verdict.capitalize()}: {points(unseen.value)} of {part} are of classes that train has no example of"


def title(verdict: str, gaps: Mapping[GapName, Gap], order: Sequence[GapName], dev: Rate, material: float) -> str:
    """Say the verdict in one sentence with its figure."""
    if order:
        first = gaps[order[0]]
        bound = "" if first.known else "up to "
        return f"{verdict.capitalize()}: {MEANINGS[order[0]]} ({bound}{points(first.value)})"
    if verdict == "well trained":
        return f"Well trained: no gap of {points(material)} or more is left"
    share = max(dev.value, material) if dev.known else 0.5
    needed = 8 * share * (1 - share) / material**2
    have = f" ({dev.total:,} now)" if dev.total else ""
    return (
        f"Cannot tell: too few examples to show or rule out a gap of {points(material)}; "
        f"it takes about {max(round(needed, -2), 100):,.0f} in dev and in test{have}"
    )


def explain(gaps: Mapping[GapName, Gap], human_known: bool, material: float, shifts: Sequence[Comparison]) -> str:
    """Say in sentences how large each gap is, and what could not be measured."""
    said = [describe(name, gap) for name, gap in gaps.items() if gap.measured]
    if not human_known:
        said.append(
            "The error of the best humans is not known and taken as 0, so that avoidable bias is an upper bound; "
            "`data.human_error` settles it."
        )
    if not gaps["data_mismatch"].measured and shifts:
        drivers = ", ".join(differing_features(shifts))
        said.append(
            f"Train and dev differ{f' (most in {drivers})' if drivers else ''}, so part of the variance may be data "
            "mismatch, which could not be measured apart."
        )
    elif not gaps["data_mismatch"].measured:
        said.append("Data mismatch was not measured apart from variance.")
    said.append(f"A gap is material from {points(material)} on, if its interval excludes zero.")
    return " ".join(said)


def describe(name: GapName, gap: Gap) -> str:
    """Say one gap: its name, size, interval, and whether it matters."""
    interval = (
        f"; 95% interval {points(gap.low).split()[0]} to {points(gap.high).split()[0]}" if gap.high > gap.low else ""
    )
    state = "material" if gap.material else "too few examples to settle it" if gap.open else "not material"
    return f"{name.replace('_', ' ').capitalize()} is {points(gap.value)} ({gap.origin}{interval}): {state}."
