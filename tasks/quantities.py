"""A number written with its unit, in one spelling or in many: `12.0 oz`, `12.0 oz.`, `12.0 OZ.`, `12.0 ounce`.

Such a column is one number that no program can read. Each cell is parsed (`1 h 30 min` is one quantity too) and brought
to the unit that most cells have; a plain number beside `%` or a unit is taken for the same number where both have the
same size, and for a hundredth of the per cent where that fits. Units are a short list of everyday ones. What a few
cells write otherwise than the rest is suspected; where no spelling has a majority all cells are, and the repair is the
bare number.

Known failures: a unit in another language is none; `m` is metres, `M` as well; pounds are never money.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from burnish.tasks.cell_columns import CellColumn, ValueSuspect

KIND = "mixed units"
_SPELLINGS = {
    "time": "s sec secs second seconds=1 min mins minute minutes=60 h hr hrs hour hours=3600 d day days=86400 "
    "wk week weeks=604800 ms=0.001",
    "length": "mm millimeter millimeters millimetre=0.001 cm centimeter centimeters=0.01 m meter meters metre metres=1 "
    "km kms kilometer kilometers=1000 in inch inches=0.0254 ft foot feet=0.3048 "
    "mi mile miles=1609.344 yd yard yards=0.9144",
    "mass": "mg=0.001 g gr gram grams=1 kg kgs kilo kilos kilogram kilograms=1000 lb lbs pound pounds=453.59237",
    "volume": "ml milliliter milliliters=0.001 cl=0.01 l lt ltr liter liters litre litres=1 "
    "gal gallon gallons=3.785411784",
    "ounces": "oz ozs ounce ounces=1",
    "per cent": "% percent pct=1",
    "dollars": "$ usd dollar dollars=1",
    "euros": "€ eur euro euros=1",
    "sterling": "£ gbp=1",
    "storage": "kb=0.001 mb=1 gb=1000 tb=1000000",
    "power": "w watt watts=1 kw=1000",
    "speed": "mph=1",
    "temperature": "°c celsius=1",
}


class Unit(NamedTuple):
    """What a unit measures, and how many base units it is."""

    measure: str
    size: float


class Quantity(NamedTuple):
    """A cell read as a quantity: its size in base units, its unit, and what surrounds the number."""

    amount: float
    unit: Unit | None
    spelling: tuple[str, str]


def _read_spellings() -> Mapping[str, Unit]:
    units: dict[str, Unit] = {}
    for measure, text in _SPELLINGS.items():
        names: list[str] = []
        for word in text.split():
            name, equals, size = word.partition("=")
            names.append(name)
            if equals:
                units |= {each: Unit(measure, float(size)) for each in names}
                names = []
    return MappingProxyType(units)


UNITS = _read_spellings()
MOSTLY = 0.9
FEWEST = 10
SAMPLE = 500
SHOWN = 3
SAME_SIZE = 3.0  # medians of one number in two spellings differ by less than this factor
_PART = re.compile(r"([$€£]?)\s*([+-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+))\s*([^\d\s.,;+-]*)(\.?)")


def read_quantity(text: str) -> Quantity | None:
    """Read a cell as one quantity, None where it is none.

    Examples
    --------
    >>> read_quantity("12.0 oz."), read_quantity("1 h 30 min").amount, read_quantity("12 Main St")
    (Quantity(amount=12.0, unit=Unit(measure='ounces', size=1.0), spelling=('', ' oz.')), 5400.0, None)
    """
    stripped = text.strip()
    parts = list(_PART.finditer(stripped)) if len(stripped) <= 60 else []
    if not parts or parts[0].start() or not _only_parts(stripped, parts):
        return None
    units = [_unit_of(part) for part in parts]
    if len(parts) == 1 and units[0] is None:
        return None if parts[0][1] or parts[0][3] else Quantity(_number(parts[0][2]), None, ("", ""))
    measures = {None if unit is None else unit.measure for unit in units}
    if None in measures or len(measures) > 1:
        return None
    amount = math.fsum(_number(part[2]) * unit.size for part, unit in zip(parts, units, strict=True) if unit)
    before, after = stripped[: parts[0].start(2)], stripped[parts[0].end(2) :]
    return Quantity(amount, units[0], (before, re.sub(r"\d[\d.,]*", "9", after)))


def _only_parts(text: str, parts: list[re.Match[str]]) -> bool:
    """Say whether nothing but spaces stands between the numbers; behind the last a few words may."""
    between = [text[one.end() : two.start()] for one, two in pairwise(parts)]
    rest = text[parts[-1].end() :]
    return all(not gap.strip(" ,") for gap in between) and (not rest or rest[0] == " ") and not re.search(r"\d", rest)


def _unit_of(part: re.Match[str]) -> Unit | None:
    return UNITS.get(part[1]) if part[1] and not part[3] else UNITS.get(part[3].casefold())


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def find_mixed_units(column: CellColumn) -> list[ValueSuspect]:
    """Find the cells whose quantity is written otherwise than in most, or all where no spelling has a majority.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> cells = ["12 oz", "12 oz.", "16 ounce", "12 OZ."] * 5
    >>> ounces = read_columns(pd.DataFrame({"ounces": cells}))[0]
    >>> [(ounces.texts[s.code], s.repair) for s in find_mixed_units(ounces)]
    [('12 oz', '12'), ('12 oz.', '12'), ('16 ounce', '16'), ('12 OZ.', '12')]
    """
    if column.typed:
        return []
    read = _read_values(column)
    cells = sum(int(column.counts[code]) for code in read)
    spellings: Counter[tuple[str, str]] = Counter()
    measures: Counter[str] = Counter()
    for code, quantity in read.items():
        spellings[quantity.spelling] += int(column.counts[code])
        if quantity.unit is not None:
            measures[quantity.unit.measure] += int(column.counts[code])
    if len(spellings) < 2 or len(measures) != 1 or cells < max(FEWEST, MOSTLY * column.filled):
        return []
    return _compare(column, read, spellings, cells)


def _read_values(column: CellColumn) -> dict[int, Quantity]:
    """Read the distinct values that are quantities; nothing where few of the most frequent are."""
    here = np.flatnonzero(column.counts > 0)
    first = here[np.argsort(-column.counts[here], kind="stable")[:SAMPLE]].tolist()
    if sum(read_quantity(column.texts[code]) is not None for code in first) < MOSTLY * len(first) / 2:
        return {}
    plain = np.isfinite(column.numbers[here])
    if plain.all():
        return {}
    read = {code: q for code in here[~plain].tolist() if (q := read_quantity(column.texts[code])) is not None}
    if not read:
        return {}
    bare = zip(here[plain].tolist(), column.numbers[here[plain]].tolist(), strict=True)
    return {code: Quantity(number, None, ("", "")) for code, number in bare} | read


def _compare(
    column: CellColumn, read: dict[int, Quantity], spellings: Counter[tuple[str, str]], cells: int
) -> list[ValueSuspect]:
    usual, most = spellings.most_common(1)[0]
    majority = most * 2 > cells
    written = [unit.size for _, _, unit in sorted(_unit_counts(column, read), key=lambda each: each[:2])]
    target = written[0]
    factor = _plain_factor(column, read, target)
    odd = {code: quantity for code, quantity in read.items() if not majority or quantity.spelling != usual}
    why = f"one number written with mixed units: {', '.join(map(repr, _examples(column, read, spellings)))}"
    found = []
    for code, quantity in odd.items():
        if majority and usual == ("", "") and quantity.unit is None:
            continue
        amount = _in_usual_unit(quantity, factor, target, to_plain=usual == ("", ""))
        before, after = usual if majority and "9" not in usual[1] else ("", "")
        repair = None if amount is None else f"{before}{amount:.12g}{after}"
        if repair != column.texts[code]:
            found.append(ValueSuspect(code, KIND, repair, why, 0.95 if amount is not None else 0.5))
    return found


def _examples(column: CellColumn, read: dict[int, Quantity], spellings: Counter[tuple[str, str]]) -> list[str]:
    """Give the most frequent value of each of the most frequent spellings, as it stands."""
    often = sorted(read, key=lambda code: -int(column.counts[code]))
    first = {read[code].spelling: column.texts[code].strip() for code in reversed(often)}
    return [first[spelling] for spelling, _ in spellings.most_common(SHOWN)]


def _unit_counts(column: CellColumn, read: dict[int, Quantity]) -> list[tuple[int, float, Unit]]:
    """Give the units that occur, with how often (negative, to sort by)."""
    counts: Counter[Unit] = Counter()
    for code, quantity in read.items():
        if quantity.unit is not None:
            counts[quantity.unit] += int(column.counts[code])
    return [(-count, unit.size, unit) for unit, count in counts.items()]


def _plain_factor(column: CellColumn, read: dict[int, Quantity], target: float) -> float | None:
    """Say by what a number with a unit is to be multiplied to be the plain number beside it; None: cannot tell."""
    plain = [(abs(q.amount), int(column.counts[code])) for code, q in read.items() if q.unit is None]
    named = [(abs(q.amount) / target, int(column.counts[code])) for code, q in read.items() if q.unit is not None]
    if not plain or not named:
        return 1.0
    one, two = (_weighted_median(each) for each in (plain, named))
    if one <= 0 or two <= 0:
        return None
    candidates = (1.0, 0.01) if "per cent" in {q.unit.measure for q in read.values() if q.unit} else (1.0,)
    return next((f for f in candidates if 1 / SAME_SIZE < f * two / one < SAME_SIZE), None)


def _weighted_median(pairs: list[tuple[float, int]]) -> float:
    values, weights = (np.array(each, dtype=float) for each in zip(*sorted(pairs), strict=True))
    return float(values[np.searchsorted(np.cumsum(weights), weights.sum() / 2)])


def _in_usual_unit(quantity: Quantity, factor: float | None, target: float, *, to_plain: bool) -> float | None:
    """Give the number to write, None where plain numbers and units cannot be brought together."""
    if quantity.unit is None:
        return None if factor is None else quantity.amount / factor
    if to_plain:
        return None if factor is None else quantity.amount / target * factor
    return quantity.amount / target
