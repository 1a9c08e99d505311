"""`burnish predict`: a run's model on new data, through the same limits and the same encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from burnish.flows.config import Config, load_config
from burnish.tasks.arrays import read_embeddings
from burnish.tasks.cleaned import escape_formulas
from burnish.tasks.encoders import PatchEncoder
from burnish.tasks.features import check_columns
from burnish.tasks.findings import InputError
from burnish.tasks.image_files import IMAGE_SUFFIXES
from burnish.tasks.images import measure_images
from burnish.tasks.notation_findings import NOTATIONS, notations_from_dict
from burnish.tasks.outliers import Limits
from burnish.tasks.saved import SavedModel, load_model
from burnish.tasks.tables import infer_types, read_table


def predict_file(run_folder: Path, path: Path, out: Path) -> Path:
    """Write `id, predicted, confidence` and a probability a class for every new example; give the file.

    Raises
    ------
    InputError
        The run has no model, the new data cannot be read, or its columns do not fit.
    """
    if not (run_folder / "model" / "model.json").is_file():
        raise InputError(f"{run_folder} holds no model; burnish run makes one, burnish clean does not")
    if out.exists():
        raise InputError(f"{out} exists already; name another file with --out")
    config = load_config(run_folder / "config.yaml")
    model = load_model(run_folder / "model")
    ids, rows = _read(config, model, run_folder, path)
    probabilities = model.predict(rows)
    frame = pd.DataFrame(
        {
            "id": list(ids),
            "predicted": np.asarray(model.classes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
        }
        | {f"p_{name}": probabilities[:, column] for column, name in enumerate(model.classes)}
    )
    try:
        escape_formulas(frame).to_csv(out, index=False, lineterminator="\n")
    except OSError as error:
        raise InputError(f"cannot write {out} ({error.strerror or error}); name another file with --out") from None
    return out


def _read(config: Config, model: SavedModel, run_folder: Path, path: Path) -> tuple[Sequence[str], Any]:
    """Give ids, and the rows as the run's encoder reads them."""
    if config.data.embeddings is not None:
        rows = read_embeddings(path)
        return [str(row) for row in range(len(rows))], rows
    if path.is_dir():
        return _read_folder(model, path)
    frame = read_table(path, delimiter=config.data.delimiter, encoding=config.data.encoding)
    ids = frame[config.data.id] if config.data.id in frame else pd.Series(frame.index).astype(str)
    if config.data.image is not None:
        check_columns(frame, [config.data.image])
        return ids, _pixels(model, path.parent, frame[config.data.image].tolist())
    notations = run_folder / "model" / NOTATIONS
    known = json.loads(notations.read_text(encoding="utf-8")) if notations.is_file() else {}
    frame = infer_types(frame, notations_from_dict(known))
    limits = run_folder / "model" / "limits.json"
    if limits.is_file():
        learnt = Limits.from_dict(json.loads(limits.read_text(encoding="utf-8")))
        check_columns(frame, [each.column for each in learnt.columns])
        frame, _ = learnt.apply(frame)
    return ids, frame


def _read_folder(model: SavedModel, folder: Path) -> tuple[Sequence[str], NDArray[np.uint8]]:
    paths = sorted(
        file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES
    )
    if not paths:
        raise InputError(f"there is no image in {folder}; give a folder of images or a table as the run was made from")
    return paths, _pixels(model, folder, paths)


def _pixels(model: SavedModel, root: Path, paths: Sequence[str]) -> NDArray[np.uint8]:
    """Decode images to the size and channels the model reads; grey becomes colour where it must."""
    encoder = model.encoder
    size = encoder.side if isinstance(encoder, PatchEncoder) else None
    pixels = measure_images(root, paths, size=size).pixels
    if isinstance(encoder, PatchEncoder) and encoder.channels > pixels.shape[-1]:
        return np.repeat(pixels, encoder.channels, axis=-1)
    return pixels
