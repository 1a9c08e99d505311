"""`burnish predict`: a run's model on new data, through the same limits and the same encoder; and the model as ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from burnish.flows.config import Config, load_config
from burnish.flows.sections import Data
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.features import ArrayEncoder, TableEncoder
from burnish.tasks.findings import InputError
from burnish.tasks.misfits import Misfits
from burnish.tasks.new_rows import RowReader, stored_treatment
from burnish.tasks.notation import things
from burnish.tasks.onnx_export import check_onnx, write_onnx
from burnish.tasks.pretrained import PretrainedEncoder
from burnish.tasks.saved import AnyEncoder, SavedModel, load_model
from burnish.tasks.strangers import Strangers
from burnish.tasks.tree_columns import TreeEncoder

READ_BY = ("data.delimiter", "data.encoding", "data.id")  # what new data may have otherwise than the run's


def predict_file(run_folder: Path, path: Path, out: Path, sets: list[str] | None = None) -> str | None:
    """Write `id, predicted, confidence` and a probability a class for every new example to `out`.

    Parts of the data are read, predicted and written one after another; where one fails, no file is left. A cell that
    cannot be read as what its column held in the run counts as missing; whether too many of a column's are so is known
    after the last part.

    Parameters
    ----------
    sets : list of str, optional
        ``KEY=VALUE`` of how the data is read, where otherwise than in the run: see `READ_BY`.

    Returns
    -------
    str or None
        A sentence a line, where there are any: images that cannot be read, which are predicted nothing; cells that
        cannot be read, and columns of nothing; columns whose categories are mostly strange to the model.

    Raises
    ------
    InputError
        The run has no model, the new data cannot be read, or its columns do not fit: one is not there, or most of its
        cells, and more than one, cannot be read.
    """
    if out.exists():
        raise InputError(f"{out} exists already; name another file with --out")
    if not out.parent.is_dir():
        raise InputError(f"cannot write {out}: {out.parent} is no folder; name another file with --out")
    model, reader, _ = _opened(run_folder, sets)
    unfinished = out.with_name(f"{out.name}.part")
    strange, misfits, failed = Strangers(), Misfits(), list[str]()
    try:
        for place, (ids, rows, unreadable) in enumerate(reader.read(path, misfits)):
            strange.count(model.encoder, rows)
            predicted = _predictions(model, ids, rows)
            if unreadable is not None and unreadable.any():
                predicted.loc[unreadable, predicted.columns[1:]] = None
                failed += predicted.loc[unreadable, "id"].tolist()
            part = escape_formulas(predicted)
            part.to_csv(unfinished, mode="a" if place else "w", header=not place, index=False, lineterminator="\n")
        unfinished.replace(out)
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror or error}); name another file with --out") from None
    except InputError as error:
        raise (error if str(path) in str(error) else InputError(f"{path}: {error}")) from None
    finally:
        if unfinished.is_file():
            unfinished.unlink()
    said = [_cannot_read(failed) if failed else None, misfits.sentence(), strange.sentence()]
    return "\n".join(each for each in said if each) or None


def export_onnx(run_folder: Path, out: Path, path: Path | None = None, sets: list[str] | None = None) -> str:
    """Write the run's model as ONNX and check it on rows; give a sentence that says how it compares.

    Parameters
    ----------
    path : Path, optional
        Where the rows come from; by default the data of the run.
    sets : list of str, optional
        As in `predict_file`.

    Raises
    ------
    InputError
        The run has no model, the extra `onnx` is not installed, or the numbers do not agree.
    """
    if out.exists():
        raise InputError(f"{out} exists already; name another file with --onnx")
    model, reader, config = _opened(run_folder, sets)
    data = config.data
    given = path or (data.path if data.embeddings is None else data.embeddings)
    misfits = Misfits()
    rows = next(reader.read(given, misfits)).rows
    try:
        misfits.refuse()
    except InputError as error:
        raise InputError(f"{given}: {error}") from None
    written = write_onnx(model)
    apart, count = check_onnx(written, model, rows)
    try:
        out.write_bytes(written)
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror or error}); name another file with --onnx") from None
    said = f"{out}: on {count:,} rows of {given} within {apart:.1e} of the run's own probabilities"
    if not isinstance(model.encoder, PretrainedEncoder | TableEncoder | TreeEncoder):
        return said
    how = f"burnish.tasks.saved.load_model(Path({str(run_folder / 'model')!r})).encoder.transform"
    left = "pretrained network" if isinstance(model.encoder, PretrainedEncoder) else "encoding of the columns"
    return f"{said}; the {left} is not in it: its input is what {how} gives"


def _opened(run_folder: Path, sets: list[str] | None) -> tuple[SavedModel, RowReader, Config]:
    folder, written = run_folder / "model", run_folder / "config.yaml"
    if not (folder / "model.json").is_file():
        raise InputError(f"{run_folder} holds no model; burnish run makes one, burnish clean does not")
    if not written.is_file():
        raise InputError(f"{run_folder} has lost its config.yaml, which says how data is read: take it from the run")
    for each in sets or []:
        if (key := each.partition("=")[0]) not in READ_BY:
            raise InputError(f"--set {key}: the model stays as it was trained; predict takes {', '.join(READ_BY)}")
    config = load_config(written, sets)
    model, data = load_model(folder), config.data
    _check_fit(written, data, model.encoder)
    notations, limits = stored_treatment(folder)
    reader = RowReader(
        encoder=model.encoder,
        notations=notations,
        limits=limits if data.embeddings is None and data.image is None else None,
        id=data.id or data.image,
        image=data.image,
        embeddings=data.embeddings is not None,
        delimiter=data.delimiter,
        encoding=data.encoding,
    )
    return model, reader, config


def _check_fit(written: Path, data: Data, encoder: AnyEncoder) -> None:
    """Refuse a configuration that is of another model: it was edited, or taken from another run."""
    array, table = isinstance(encoder, ArrayEncoder), isinstance(encoder, TableEncoder | TreeEncoder)
    if data.embeddings is not None:
        fits, asked = array, "data.embeddings"
    elif data.image is not None:
        fits, asked = not array and not table, "data.image"
    else:
        fits, asked = not array, "no data.embeddings"
    if not fits:
        reads = "embeddings" if array else "the columns of a table" if table else "images"
        raise InputError(f"{written} names {asked}, and this model reads {reads}: take the file from the run again")


def _cannot_read(failed: Sequence[str]) -> str:
    named = ", ".join(failed[:3]) + (", …" if len(failed) > 3 else "")
    return f"{things(len(failed), 'image')} cannot be read, so nothing is predicted: {named}"


def _predictions(model: SavedModel, ids: Sequence[str], rows: Any) -> pd.DataFrame:
    probabilities = model.predict(rows).astype(np.float64)  # as in the run's examples, to the last digit
    said = {
        "id": list(ids),
        "predicted": np.asarray(model.classes, dtype=object)[probabilities.argmax(axis=1)],
        "confidence": probabilities.max(axis=1),
    }
    return pd.DataFrame(said | {f"p_{name}": probabilities[:, column] for column, name in enumerate(model.classes)})
