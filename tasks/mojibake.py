"""Text whose bytes were read in the wrong encoding: `MÃ¤rzen` for `Märzen`.

UTF-8 read as Windows-1252 or Latin-1 leaves a trace that right text hardly ever has: written back in that encoding, it
is valid UTF-8 again. The text so recovered is the repair. What has lost its bytes is suspected too, without
one.

Known failure: text that was damaged twice is repaired once.
"""

from __future__ import annotations

from burnish.tasks.cell_columns import CellColumn, ValueSuspect

KIND = "encoding"
LOST = "\ufffd"


def find_mojibake(column: CellColumn) -> list[ValueSuspect]:
    """Find the values of a column that were read in the wrong encoding.

    Examples
    --------
    >>> from burnish.tasks.cell_columns import read_columns
    >>> import pandas as pd
    >>> style = read_columns(pd.DataFrame({"style": ["Märzen", "MÃ¤rzen", "café"]}))[0]
    >>> [(style.texts[suspect.code], suspect.repair) for suspect in find_mojibake(style)]
    [('MÃ¤rzen', 'Märzen')]
    """
    found = []
    for code, value in enumerate(column.texts):
        if value.isascii() or not column.counts[code]:
            continue
        repair = recover(value)
        if repair is not None or LOST in value:
            found.append(ValueSuspect(code, KIND, repair, "its bytes were read in the wrong encoding", 0.98))
    return found


def recover(text: str) -> str | None:
    """Give the text that was meant, None where nothing is wrong or nothing can be recovered.

    >>> recover("MÃ¤rzen"), recover("Märzen"), recover("Ã")
    ('Märzen', None, None)
    """
    for encoding in ("cp1252", "latin-1"):
        try:
            meant = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
        if meant != text:
            return meant
    return None
