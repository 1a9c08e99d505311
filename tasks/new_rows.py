"""New examples → rows that a saved model reads, a bounded number at a time, treated as the run treated its own.

Columns are read as the run read them: those it took for categories and text stay as they are written (a part of a file
may well look like numbers), the others become numbers, booleans and dates in the run's notation, cell by cell; then the
run's limits are applied. A cell that cannot be read so is missing; where most of a column's are, over the whole file,
the file is refused (`misfits`).

Known failure: rows of .jsonl tables are read as a whole; a file in UTF-16 too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.tasks.arrays import read_embeddings
from burnish.tasks.column_types import Notation, infer_types, is_missing
from burnish.tasks.encoders import PatchEncoder
from burnish.tasks.features import TableEncoder, check_columns
from burnish.tasks.findings import InputError
from burnish.tasks.image_files import IMAGE_SUFFIXES
from burnish.tasks.images import measure_images
from burnish.tasks.learnt_types import LearntType
from burnish.tasks.misfits import Misfits
from burnish.tasks.notation_findings import NOTATIONS, notations_from_dict
from burnish.tasks.outliers import Limits
from burnish.tasks.pixels import PixelEncoder
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.saved import AnyEncoder
from burnish.tasks.tables import FORMATS, table_frames
from burnish.tasks.tree_columns import TreeEncoder

LIMITS = "limits.json"  # in the model's folder
PART_ROWS = 20_000
PART_BYTES = 1 << 22
PART_IMAGES = 2_048


class Part(NamedTuple):
    """Some rows: their ids, what the model reads, and which could not be read, bool (m,); None where all could."""

    ids: Sequence[str]
    rows: Any
    unreadable: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class RowReader:
    """How new examples of a run are read.

    Attributes
    ----------
    encoder : Encoder or TreeEncoder
        What the rows are for.
    notations : dict
        How the text of columns is read.
    limits : Limits or None
    id, image : str or None
        The columns of ids and of image paths.
    embeddings : bool
        Whether examples are rows of a .npy file.
    delimiter, encoding : str or None
        Of text tables.
    """

    encoder: AnyEncoder
    notations: dict[str, Notation] = field(default_factory=dict)
    limits: Limits | None = None
    id: str | None = None
    image: str | None = None
    embeddings: bool = False
    delimiter: str | None = None
    encoding: str | None = None

    def read(self, path: Path, misfits: Misfits | None = None) -> Iterator[Part]:
        """Give ids and rows, a part at a time.

        Parameters
        ----------
        misfits : Misfits, optional
            Where the cells that cannot be read are counted.

        Raises
        ------
        InputError
            The data cannot be read, or its columns do not fit; that most cells of one do not, after the last part.
        """
        misfits = Misfits() if misfits is None else misfits
        tabular = isinstance(self.encoder, TableEncoder | TreeEncoder)
        if self.embeddings and path.suffix.lower() in FORMATS:
            raise InputError(f"{path} is a table, and this model reads embeddings: give the .npy file of its rows")
        if self.embeddings:
            yield from _embeddings(path)
        elif path.is_dir() and not tabular:
            yield from self._folder(path)
        elif tabular or self.image is not None:
            yield from self._table(path, misfits)
            misfits.refuse()
        else:
            what = "is a file" if path.exists() else "does not exist"
            raise InputError(f"{path} {what}, and this model reads a folder of images: give the one that they are in")

    def _table(self, path: Path, misfits: Misfits) -> Iterator[Part]:
        start = 0
        frames = table_frames(path, delimiter=self.delimiter, encoding=self.encoding, rows=PART_ROWS, size=PART_BYTES)
        for frame in frames:
            frame.index = pd.RangeIndex(start, start + len(frame))
            start += len(frame)
            ids = frame[self.id].astype("str") if self.id in frame else pd.Series(frame.index).astype("str")
            if self.image is None:
                yield Part(ids.tolist(), self._typed(frame, misfits))
                continue
            check_columns(frame, [self.image])
            images = frame[self.image].tolist()
            for first in range(0, len(images), PART_IMAGES):
                some = slice(first, first + PART_IMAGES)
                yield Part(ids.tolist()[some], *self._pixels(path.parent, images[some]))

    def _typed(self, frame: pd.DataFrame, misfits: Misfits) -> pd.DataFrame:
        """Type the columns that are needed, and treat what is outside the limits."""
        encoder = self.encoder
        assert isinstance(encoder, TableEncoder | TreeEncoder)
        written, text = _written(encoder)
        learnt = self._learnt(encoder)
        by = [self.limits.by] if self.limits and self.limits.by else []
        wanted = list(dict.fromkeys([*encoder.columns, *learnt, *by]))
        check_columns(frame, wanted)
        kept = [name for name in written if isinstance(frame[name].dtype, pd.StringDtype)]
        others = [name for name in wanted if name not in {*learnt, *kept, text}]
        typed = dict(infer_types(frame[others], self.notations).items())
        typed |= {name: frame[name].mask(is_missing(frame[name])) for name in kept}
        if text is not None:
            typed[text] = frame[text].astype("str")
        for name, each in learnt.items():
            read = each.read(frame[name])
            misfits.count(name, each, read)
            typed[name] = read.typed
        rows = pd.DataFrame(typed, index=frame.index, copy=False)
        return self.limits.apply(rows)[0] if self.limits else rows

    def _learnt(self, encoder: TableEncoder | TreeEncoder) -> dict[str, LearntType]:
        """Give the columns of numbers, booleans and dates, each with what it held in the data of the run."""
        plans = encoder.plans if isinstance(encoder, TreeEncoder) else encoder.numbers
        kinds = {plan.name: plan.kind for plan in plans if plan.kind != "category"}
        kinds |= {each.column: "number" for each in (self.limits.columns if self.limits else ())}
        return {name: LearntType(kind, self.notations.get(name)) for name, kind in kinds.items()}

    def _folder(self, folder: Path) -> Iterator[Part]:
        found = (file for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
        paths = sorted(file.relative_to(folder).as_posix() for file in found)
        if not paths:
            raise InputError(
                f"there is no image in {folder}; give a folder of images or a table as the run was made from"
            )
        for start in range(0, len(paths), PART_IMAGES):
            some = paths[start : start + PART_IMAGES]
            yield Part(some, *self._pixels(folder, some))

    def _pixels(self, root: Path, paths: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Decode images to the size and channels the model reads, grey as colour where it must; say which fail."""
        encoder = self.encoder
        assert isinstance(encoder, PatchEncoder | PixelEncoder | PretrainedEncoder)
        seen = measure_images(root, paths, size=encoder.side)
        pixels, unreadable = seen.pixels, seen.quality["unreadable"].to_numpy(dtype=bool)
        if (encoder.channels or 0) > pixels.shape[-1]:
            pixels = np.repeat(pixels, encoder.channels or 1, axis=-1)
        return pixels, unreadable


def _written(encoder: TableEncoder | TreeEncoder) -> tuple[list[str], str | None]:
    """Name the categories, and the text column where there is one."""
    if isinstance(encoder, TreeEncoder):
        return [plan.name for plan in encoder.plans if plan.kind == "category"], None
    return [column.name for column in encoder.categories], encoder.text.column if encoder.text else None


def stored_treatment(folder: Path) -> tuple[dict[str, Notation], Limits | None]:
    """Read the notations and limits that a run keeps in its model folder."""
    notations, limits = (_plain(folder / name) for name in (NOTATIONS, LIMITS))
    return notations_from_dict(notations or {}), None if limits is None else Limits.from_dict(limits)


def _plain(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not as it was saved: take the model folder from its run again") from error


def _embeddings(path: Path) -> Iterator[Part]:
    rows = read_embeddings(path)
    for start in range(0, len(rows), PART_ROWS):
        some = rows[start : start + PART_ROWS]
        yield Part([str(row) for row in range(start, start + len(some))], some)
