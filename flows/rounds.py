"""What a round leaves behind, in memory and in `rounds/` of the run folder, so that a stopped loop can go on.

`rounds/N.parquet` holds a row an example: what the round learnt from, how strongly, and what its model says;
`rounds/N.json` holds its figures and what was found while it was walked. The JSON is written last: a round without it
has not happened.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.clean import Labels
from burnish.flows.compare import read_summary
from burnish.flows.prepare import DECISIONS, Prepared
from burnish.flows.run import Run, write_json
from burnish.flows.train import Fitted
from burnish.tasks.decisions import UNDECIDED, read_sheet
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.label_checks import label_codes
from burnish.tasks.metrics import Rate, error_rate
from burnish.tasks.settling import Lead, lead_on_truth

FOUND_IN_ROUNDS = (
    "training.",
    "weights.",
    "mislabels.",
)  # where codes of findings begin that a later resume would miss


@dataclass(frozen=True)
class Round:
    """One turn of the loop: what was changed, and the errors that came of it.

    `changed` counts the training labels that differ from the round before, `undone` those of them that are as given
    again; errors are those of train (by the labels learnt from), dev and test (by the labels given, or by a person's
    decision where there is one). `kept` is the round whose labels and model the run ends with.
    """

    number: int
    trained_on: int
    relabelled: int
    dropped: int
    undone: int
    changed: int
    changed_share: float
    dev_error: Rate
    train_error: Rate
    test_error: Rate
    stopped: str | None = None
    kept: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Give the round as plain values for `summary.json`."""
        rates = {name: getattr(self, name).as_dict() for name in ("dev_error", "train_error", "test_error")}
        return {"round": self.number} | {k: v for k, v in vars(self).items() if k != "number"} | rates


@dataclass(frozen=True)
class Standing:
    """Where a round left the loop.

    Attributes
    ----------
    codes : int64 (n,)
        The labels that were learnt from, −1 where a row was not.
    quality : float64 (n,)
        Probability that the label in `codes` is right.
    weight : float64 (n,)
        How much each row teaches the voices: s(i) without the balances of classes, sources and density, under which
        what is rare looks likelier than it is.
    predicted : int64 (n,)
        The class its model says.
    model : str
        The kind of network that the model voice goes on with, empty where none was trained.
    figures : Round
    """

    codes: NDArray[np.int64]
    quality: NDArray[np.float64]
    weight: NDArray[np.float64]
    predicted: NDArray[np.int64]
    model: str
    figures: Round

    def dev_errors(self, prepared: Prepared) -> NDArray[np.bool_]:
        """Tell on which dev rows the model is wrong, bool (dev rows,)."""
        dev = prepared.judged("dev")
        return self.predicted[dev] != prepared.judging[dev]


def stand(prepared: Prepared, before: list[Standing], labels: Labels, fitted: Fitted) -> Standing:
    """Count what a round changed and measure it."""
    predicted = fitted.probabilities.argmax(axis=1)
    codes = labels.codes
    weight = fitted.weights["weight"].to_numpy()
    balance = fitted.weights[["weight_class", "weight_source", "weight_density"]].prod(axis=1).to_numpy()
    figures = _figures(prepared, [*(each.codes for each in before), codes], weight, predicted)
    heard = np.divide(weight, balance, out=np.zeros(len(weight)), where=balance > 0)
    return Standing(codes, labels.quality, heard, predicted, fitted.network, figures)


def lead_over_given(prepared: Prepared, given: Standing, cleaned: Standing, labels: Labels) -> Lead:
    """Estimate how much more often the cleaned round is right on dev than round 0; nothing where that is no question.

    Where no voice was heard nothing was cleaned, and what a person has decided is not in the labels as given.
    """
    assert labels.audit is not None
    if labels.audit.model is None or (prepared.decided != UNDECIDED).any():
        return Lead(0.0, 0.0)
    rows = prepared.judged("dev")
    judging = prepared.judging[rows]
    return lead_on_truth(given.predicted[rows], cleaned.predicted[rows], judging, labels.audit.model.noise)


def keep_standing(run: Run, prepared: Prepared, standing: Standing) -> None:
    """Write what a round left behind into the run folder."""
    number = standing.figures.number
    kept = {
        "id": prepared.table["id"],
        "final_label": _names(prepared, standing.codes),
        "predicted": _names(prepared, standing.predicted),
        "quality": standing.quality,
        "weight": standing.weight,
    }
    pd.DataFrame(kept).to_parquet(run.path(f"rounds/{number}.parquet"), index=False)
    record = {"model": standing.model, "stopped": standing.figures.stopped, "decisions": _fingerprint(run.folder)}
    found = [each.as_dict() for each in run.findings if each.code.startswith(FOUND_IN_ROUNDS)]
    whole = run.path(f"rounds/{number}.json.part")
    write_json(whole, record | {"figures": standing.figures.as_dict(), "findings": found})
    whole.replace(whole.with_suffix(""))


def read_standings(run: Run, prepared: Prepared) -> list[Standing]:
    """Read the rounds that a run has walked, from round 0, and add what was found in them to the findings of the run.

    Errors are by the labels that judge now.

    Raises
    ------
    InputError
        The rows are not those the run saw.
    """
    standings: list[Standing] = []
    while (run.folder / "rounds" / f"{len(standings)}.json").is_file():
        path = run.folder / "rounds" / str(len(standings))
        standings.append(_read_standing(path, prepared, standings))
        found = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")).get("findings", [])
        run.add(*(Finding(**each | {"ids": tuple(each["ids"])}) for each in found))
    return standings


def _read_standing(path: Path, prepared: Prepared, before: list[Standing]) -> Standing:
    rows = pd.read_parquet(path.with_suffix(".parquet"))
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if not rows["id"].equals(prepared.table["id"]):
        raise InputError(f"the rows of the data are not those of {path.parent.parent}; start a new run")
    classes = prepared.examples.classes
    codes, predicted = (label_codes(rows[name], classes) for name in ("final_label", "predicted"))
    weight = rows["weight"].to_numpy()
    figures = _figures(prepared, [*(each.codes for each in before), codes], weight, predicted)
    return Standing(
        codes,
        rows["quality"].to_numpy(),
        weight,
        predicted,
        record["model"],
        replace(figures, stopped=record["stopped"]),
    )


def finished_with(folder: Path) -> tuple[int, int] | None:
    """Give the last round of the run's report and the one it kept, None where it has no report with rounds yet."""
    if not (folder / "summary.json").is_file():
        return None
    rounds = read_summary(folder).get("rounds")
    if not rounds:
        return None
    return int(rounds[-1]["round"]), next(int(turn["round"]) for turn in reversed(rounds) if turn["kept"])


def check_resumable(folder: Path, more_rounds: bool) -> None:
    """Refuse to go on with a run that is done, unless more rounds were asked for or a person has decided something.

    Raises
    ------
    InputError
        Says what would give it something to do.
    """
    finished = finished_with(folder)
    if finished is None or more_rounds:
        return
    done = finished[0]
    if (folder / "rounds" / f"{done + 1}.json").is_file():
        return
    record = folder / "rounds" / f"{done}.json"
    known = json.loads(record.read_text(encoding="utf-8"))["decisions"] if record.is_file() else None
    if _fingerprint(folder) == known:
        raise InputError(
            f"{folder} is finished, and nothing was decided since: decide on its suspects (burnish review {folder}, "
            f"then burnish apply {folder} {folder / 'review.csv'}), or ask for more rounds with --rounds"
        )


def check_applied(folder: Path, classes: tuple[str, ...]) -> None:
    """Refuse to go on while the run's sheet holds decisions that were never applied: the next round writes a new one.

    Raises
    ------
    InputError
        Counts them, and says how to apply them.
    """
    sheet, table = folder / "review.csv", folder / "examples.parquet"
    if not sheet.is_file() or not table.is_file():
        return
    waiting = len(read_sheet(sheet, pd.read_parquet(table), classes))
    if waiting:
        raise InputError(
            f"{sheet} holds {waiting:,} decision(s) that are not applied; apply them (burnish apply {folder} {sheet}) "
            "or take them out"
        )


def _fingerprint(folder: Path) -> str | None:
    decisions = folder / DECISIONS
    return hashlib.sha256(decisions.read_bytes()).hexdigest() if decisions.is_file() else None


def _figures(
    prepared: Prepared, history: list[NDArray[np.int64]], weight: NDArray[np.float64], predicted: NDArray[np.int64]
) -> Round:
    codes, before = history[-1], history[max(len(history) - 2, 0)]
    given, judging = history[0], prepared.judging
    learnt, changed = codes >= 0, before != codes
    taught = learnt & (weight > 0)
    dev, test = prepared.judged("dev"), prepared.judged("test")
    return Round(
        number=len(history) - 1,
        trained_on=int(taught.sum()),
        relabelled=int((learnt & (codes != given)).sum()),
        dropped=int((prepared.rows("train") & (prepared.codes >= 0) & ~learnt).sum()),
        undone=int((changed & (codes == given)).sum()),
        changed=int(changed.sum()),
        changed_share=float(changed.sum()) / max(int(prepared.learnable.sum()), 1),
        dev_error=error_rate(predicted[dev] != judging[dev]),
        train_error=error_rate(predicted[taught] != codes[taught]),
        test_error=error_rate(predicted[test] != judging[test]),
    )


def _names(prepared: Prepared, codes: NDArray[np.int64]) -> pd.Series:
    classes = np.asarray(prepared.examples.classes, dtype=object)
    return pd.Series(classes[np.maximum(codes, 0)], dtype="str").where(codes >= 0)
