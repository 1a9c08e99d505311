"""What columns tell of a label, listened to one by one: their values, their gaps, the order of an id, the time between
two dates, a word of a text; and what the honest ones tell together. `leaks` weighs it.

Everything is judged on held-out rows; a number is read by its quantiles, and by a small tree where that may cut finer.
Known failure: of more than 50,000 labelled rows, 50,000 drawn ones are listened to; the forest hears 5,000.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.column_features import as_levels, as_numbers
from burnish.tasks.dealing import assign_folds
from burnish.tasks.features import column_kind
from burnish.tasks.single_column import SUPPORT, Told, bin_column, bin_numbers, sharpen, tell
from burnish.tasks.streams import stream
from burnish.tasks.text_leaks import telltale_words

Kind = Literal["recoding", "many_to_one", "number", "missing", "id", "date", "text"]

MOST_ROWS = 50_000
FOLDS = 5
ALMOST_NONE = 0.1  # of the errors of a constant guess
STRONG = 0.15
WORTH_SHARPENING = 0.5
MOSTLY = 0.5
ID_HINTS = 0.8
DENSE = 20  # whole numbers spread over at most so many times the rows are a numbering
FEWEST_IDS = 50
TRIED = 1_000  # rows looked at before all are
LATER = 0.99  # share of rows where a date is later than all others
MOST_DATES = 8
BEGINS = "how it begins tells the label, as where names or numbers are given out class by class"
ENDS = "how it ends tells the label, as where names carry a code for it"
ONE_OF_TWO = "one of its two values stands for that class"
FOREST_ROWS, FOREST_COLUMNS, TREES = 5_000, 50, 40


@dataclass(frozen=True)
class Telling:
    """What a column tells best.

    Attributes
    ----------
    columns : tuple of str
        One; two where it is the time between two dates.
    kind : str
        ``recoding`` (a value a class), ``many_to_one``, ``number``, ``missing`` (filled in or not), ``id`` (the order),
        ``date`` or ``text``.
    told : Told
    note : str
        What is special about it: the word of a text, the end of a name, a number of two values, that a date is later
        than the others.
    """

    columns: tuple[str, ...]
    kind: Kind
    told: Told
    note: str = ""


@dataclass(frozen=True)
class Heard:
    """What a column tells: the best of it as a leak, and by target how much a constant guess errs less."""

    best: Telling | None
    relative: dict[int, float]


@dataclass(frozen=True)
class Ordinary:
    """What honest columns tell: by target the best of them alone; all together on some rows, None without any."""

    alone: dict[int, float]
    rows: NDArray[np.int64]
    predicted: NDArray[np.int64] | None


@dataclass(frozen=True)
class Sample:
    """The rows that are looked at: their labels as codes 0 … k − 1, and folds."""

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    fold: NDArray[np.int64]
    present: NDArray[np.int64]  # the class of each code

    @property
    def k(self) -> int:
        """How many classes there are."""
        return len(self.present)


def draw_rows(codes: NDArray[np.int64], groups: NDArray[Any] | pd.Series | None, seed: int) -> Sample | None:
    """Draw labelled rows and deal them into folds; None where there is nothing to tell apart."""
    rows = np.flatnonzero(codes >= 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(stream(seed, "leaks").choice(rows, MOST_ROWS, replace=False))
    present, mine = np.unique(codes[rows], return_inverse=True)
    held = None if groups is None else np.asarray(pd.api.extensions.take(groups, rows), dtype=object)
    if len(present) < 2 or (held is not None and len(pd.unique(held[~pd.isna(held)])) + pd.isna(held).sum() < 2):
        return None
    fold, _ = assign_folds(mine, folds=FOLDS, groups=held, seed=seed)
    return Sample(rows, mine, fold, present)


def is_id_like(column: pd.Series) -> bool:
    """Tell whether a column names the rows: text or a numbering, each value once.

    Examples
    --------
    >>> is_id_like(pd.Series(np.arange(100)[::-1])), is_id_like(pd.Series(np.arange(100) / 7))
    (True, False)
    """
    if len(column) < FEWEST_IDS or not column.iloc[:TRIED].is_unique:
        return False
    if column.isna().any() or not column.is_unique:
        return False
    if pd.api.types.is_integer_dtype(column.dtype):
        return int(column.max()) - int(column.min()) < DENSE * len(column)
    return column_kind(column) == "category"


def hear(column: pd.Series, sample: Sample, names_rows: bool, seed: int) -> Heard:
    """Give what a column tells best: that a cell is there, its value, or the place of an id in their order."""
    part = column.iloc[sample.rows]
    missing = part.isna().to_numpy(dtype=bool)
    forms: list[tuple[Kind, str, list[Told]]] = []
    if missing.any() and not missing.all():
        forms.append(("missing", "", tell(missing.astype(np.int64), sample.codes, sample.fold, sample.k)))
    recoding = part.nunique() == sample.k
    if column_kind(part) == "category":
        bins = bin_column(part)
        kind: Kind = "recoding" if recoding else "many_to_one"
        forms.append((kind, "", tell(bins, sample.codes, sample.fold, sample.k)))
        if bins.max(initial=0) > len(bins) // 2:
            words = as_levels(part)
            for note, spelled in ((BEGINS, words), (ENDS, words.str[::-1])):
                forms.append(("id", note, _tell_numbers(spelled.rank().to_numpy(dtype=float), sample, seed)))
    else:
        kind = "id" if names_rows else "date" if column_kind(part) == "date" else "recoding" if recoding else "number"
        note = ONE_OF_TWO if kind == "number" and part.nunique() == 2 else ""
        forms.append((kind, note, _tell_numbers(as_numbers(part, column_kind(part)), sample, seed)))
    relative: dict[int, float] = {}
    for each in (each for *_, told in forms for each in told):
        relative[each.target] = min(relative.get(each.target, 1.0), each.relative)
    best = [Telling((str(column.name),), kind, _best(told), note) for kind, note, told in forms if told]
    least = min((each.told.cautious for each in best), default=1.0)
    return Heard(next((each for each in best if each.told.cautious <= 1.5 * least), None), relative)


def _tell_numbers(values: NDArray[np.float64], sample: Sample, seed: int) -> list[Told]:
    """Judge numbers by their quantiles, and sharpen the target that they tell best."""
    told = tell(bin_numbers(values), sample.codes, sample.fold, sample.k)
    if not told or _best(told).relative > WORTH_SHARPENING:
        return told
    best = _best(told)
    sharper = sharpen(values, sample.codes, sample.fold, best, seed=seed)
    return [sharper if each is best else each for each in told]


def _best(told: list[Told]) -> Told:
    """Take the target that is told best: all classes where that is told well, else a class."""
    every = told[0]
    return every if every.cautious <= ALMOST_NONE else min(told, key=lambda each: each.cautious)


def is_measured(telling: Telling) -> bool:
    """Tell whether the errors lie where the classes mix, as those of an honest measurement do."""
    return telling.kind == "number" and telling.told.errors > 0 and telling.told.mixed >= MOSTLY


def is_strong(telling: Telling) -> bool:
    """Tell whether a column tells its target nearly alone; of an id, whether its order tells anything worth saying."""
    told = telling.told
    return told.relative <= STRONG or (telling.kind == "id" and max(told.relative, told.limits[1]) <= ID_HINTS)


def later(frame: pd.DataFrame, telling: Telling, dates: list[str]) -> str:
    """Say that a date is later than all others of its row."""
    name = telling.columns[0]
    others = [other for other in dates if other != name]
    if name not in dates or not others:
        return ""
    last = frame[others].max(axis=1)
    both = (last.notna() & frame[name].notna()).to_numpy()
    later = (frame[name][both] >= last[both]).mean() if both.any() else 0.0
    return f"it is later than every other date in {later:.0%} of the rows" if later >= LATER else ""


def hear_differences(frame: pd.DataFrame, dates: list[str], sample: Sample, seed: int) -> list[Telling]:
    """Listen to the time between two dates, neither of which tells the label alone; the later one comes last."""
    found = []
    for first, second in combinations(dates[:MOST_DATES], 2):
        days = as_numbers(frame[second].iloc[sample.rows], "date") - as_numbers(frame[first].iloc[sample.rows], "date")
        told = _tell_numbers(days, sample, seed)
        if told and _best(told).relative <= STRONG:
            pair = (first, second) if np.nanmedian(days) >= 0 else (second, first)
            found.append(Telling(pair, "date", _best(told)))
    return found


def hear_words(text: pd.Series, sample: Sample, name: str) -> list[Telling]:
    """Listen to the words of a text, one a class."""
    targets = [1] if sample.k == 2 else range(sample.k)
    return [
        Telling((name,), "text", told, f"the word {word!r}")
        for word, told in telltale_words(text, sample.codes, targets)
        if told.relative <= STRONG
    ]


def hear_ordinary(
    frame: pd.DataFrame, weak: dict[str, dict[int, float]], honest: list[dict[int, float]], sample: Sample, seed: int
) -> Ordinary:
    """Listen to the honest columns, one by one and together."""
    from sklearn.ensemble import RandomForestClassifier

    alone: dict[int, float] = {}
    for target, relative in (item for each in (*weak.values(), *honest) for item in each.items()):
        alone[target] = min(alone.get(target, 1.0), relative)
    names = sorted(weak, key=lambda name: min(weak[name].values(), default=1.0))[:FOREST_COLUMNS]
    rows = np.arange(len(sample.rows))
    if len(rows) > FOREST_ROWS:
        rows = np.sort(stream(seed, "leaks: forest").choice(rows, FOREST_ROWS, replace=False))
    if not names:
        return Ordinary(alone, rows, None)
    part = frame[names].iloc[sample.rows[rows]]
    cells = np.stack([_as_cells(part[name]) for name in names], axis=1)
    codes, fold = sample.codes[rows], sample.fold[rows]
    predicted = np.zeros(len(rows), np.int64)
    for own in np.unique(fold):
        forest = RandomForestClassifier(TREES, min_samples_leaf=SUPPORT, random_state=seed, n_jobs=1)
        forest.fit(cells[fold != own], codes[fold != own])
        predicted[fold == own] = forest.predict(cells[fold == own])
    return Ordinary(alone, rows, predicted)


def _as_cells(column: pd.Series) -> NDArray[np.float64]:
    kind = column_kind(column)
    if kind != "category":
        return as_numbers(column, kind)
    text = as_levels(column)
    return text.map(text.value_counts().rank(method="first", ascending=False)).to_numpy(dtype=float)
