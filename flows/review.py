"""`review`: a page on this machine where a person judges suspect labels, one key each; or the same as a file.

Opens a finished run and serves it on 127.0.0.1 until Ctrl-C. Who may ask the server what is in `review_server.py`, what
each key does in `tasks/desk.py`, how the page looks in `tasks/review_page.py`.
"""

from __future__ import annotations

import functools
import socket
import sys
import webbrowser
from pathlib import Path

import numpy as np
import pandas as pd
import uvicorn

from burnish.flows.analyse import attributes_again, image_root
from burnish.flows.apply import SHEET, read_table
from burnish.flows.clean import REVIEW_COLUMNS
from burnish.flows.compare import read_summary
from burnish.flows.config import load_config
from burnish.flows.prepare import DECISIONS
from burnish.flows.review_server import Pictures, Review, Tokens, review_app
from burnish.flows.run import write_json
from burnish.tasks.decisions import read_decisions
from burnish.tasks.desk import Desk
from burnish.tasks.findings import InputError
from burnish.tasks.label_studio import export_tasks, labelling_config
from burnish.tasks.notation import things
from burnish.tasks.sheet import empty_sheet, open_sheet
from burnish.tasks.thumbnails import thumbnail

LOOPBACK = "127.0.0.1"
EXPORTED = 320  # pixels a side of a picture in a Label Studio task
KEPT = 128  # pictures kept in memory
GONE = "The data is no longer what the run saw, so no values are shown."


def open_review(folder: Path) -> Review:
    """Open a run for review.

    Raises
    ------
    InputError
        No finished run, or its review sheet can't be read.
    """
    summary = read_summary(folder)
    examples, config = read_table(folder), load_config(folder / "config.yaml")
    file = folder / SHEET
    images = summary["kind"] == "images"
    attributes = None if images else attributes_again(config, examples)
    desk = Desk(
        examples,
        tuple(summary["dataset"]["classes"]),
        open_sheet(file, examples["id"]) if file.exists() else empty_sheet(file, REVIEW_COLUMNS),
        read_applied=lambda: frozenset(read_decisions(folder / DECISIONS, examples)["id"]),
        neighbours=_neighbours(folder / "neighbours.npy", len(examples)),
        attributes=attributes,
    )
    pictures = _pictures(image_root(config), examples) if images else None
    note = "" if images or attributes is not None else GONE
    return Review(folder, str(summary["name"]), summary["kind"], desk, pictures, note)


def serve_review(folder: Path, *, port: int, browser: bool) -> list[str]:
    """Serve the page until Ctrl-C; give what to say then.

    Parameters
    ----------
    folder : Path
        The run folder.
    port : int
        0 for any that is free.
    browser : bool
        Whether to open the page in the browser.

    Raises
    ------
    InputError
        No run to review, or the port is taken.
    """
    review = open_review(folder)
    tokens = Tokens()
    with _listen(port) as listening:
        address = f"http://{LOOPBACK}:{listening.getsockname()[1]}/?token={tokens.door}"
        print(f"{things(len(review.desk.queue), 'label')} to judge. Open this page; Ctrl-C ends it:")
        print(address, flush=True)
        options = uvicorn.Config(
            review_app(review, tokens), log_level="warning", access_log=False, ws="none", lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        if browser:
            webbrowser.open(address)
        try:
            uvicorn.Server(options).run(sockets=[listening])
        except KeyboardInterrupt:
            print(file=sys.stderr)
    return [f"{things(review.desk.given, 'decision')} made; next: {review.command}"]


def write_tasks(folder: Path, file: Path) -> list[str]:
    """Write what is not decided yet as Label Studio tasks, and beside them the labelling configuration.

    Raises
    ------
    InputError
        No run to review, or the file can't be written.
    """
    review = open_review(folder)
    desk, pictures = review.desk, review.pictures
    rows = desk.undecided().tolist()
    small = None if pictures is None else lambda row: pictures(row, EXPORTED)
    tasks = export_tasks(desk.examples, rows, thumbnails=small, attributes=desk.attributes)
    config = file.with_suffix(".xml")
    if config == file or file.suffix.lower() != ".json":
        raise InputError(f"--to-label-studio {file}: name a file that ends in .json")
    try:
        write_json(file, tasks)
        config.write_text(labelling_config(desk.classes, review.kind), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {file} ({error.strerror}); name another file") from None
    return [
        f"{things(len(tasks), 'task')} in {file}: import them into a Label Studio project",
        f"{config}: paste it under Settings, Labeling Interface, Code",
        f"Then export as JSON, and: burnish apply {folder} EXPORT.json",
    ]


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(f"--port {port} can't be listened on ({why}): name another, or 0 for any") from None
    listening.listen()
    return listening


def _pictures(root: Path, examples: pd.DataFrame) -> Pictures:
    paths = examples["image"].tolist()

    @functools.lru_cache(KEPT)
    def picture(row: int, side: int) -> bytes | None:
        return thumbnail(root, paths[row], side) if isinstance(paths[row], str) else None

    return picture


def _neighbours(file: Path, rows: int) -> np.ndarray | None:
    """Read the neighbours that the run kept; None where it made no graph."""
    if not file.is_file():
        return None
    found = np.load(file, mmap_mode="r", allow_pickle=False)
    return found if found.ndim == 2 and len(found) == rows else None
