"""A run: its folder, its stages, and what is known about how it was made.

Every stage goes through `Run.stage`, which makes a plain function a Prefect task under a readable name, times it and
says on standard error what is going on. Arguments stay in this process: frames are never sent to Prefect's server.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from rich.console import Console

from burnish.flows.config import Config, dump_config, load_config
from burnish.tasks.assignments import assignments_file
from burnish.tasks.findings import Finding, InputError
from burnish.tasks.freed import give_back_memory
from burnish.tasks.notation import cut

P = ParamSpec("P")
R = TypeVar("R")

VERSIONS_OF = ("burnish", "torch", "numpy", "pandas", "scikit-learn", "cleanlab", "great-expectations", "prefect")
HASHED_AT_ONCE = 1 << 20
MOST_SAID = 300  # characters of a finding in the terminal
STARTING = "Start Prefect"


class StoppedError(Exception):
    """What was found before anything was trained says not to go on; exit status 1.

    Attributes
    ----------
    table : DataFrame of n rows
        The examples table as far as it goes.
    facts : dict
        The sections of `summary.json` that are known.
    summary : dict or None
        The summary that was written of them; None where an earlier report of the run was left standing.
    """

    def __init__(self, why: str, table: pd.DataFrame, facts: dict[str, Any]) -> None:
        super().__init__(why)
        self.table = table
        self.facts = facts
        self.summary: dict[str, Any] | None = None


class BrokenContractError(StoppedError):
    """The data breaks its contract so badly that going on would mislead."""


class LeakGateError(StoppedError):
    """A leak was found, and `--fail-on leak` asks not to learn from one."""


class Run:
    """One walk through the loop: where its files are, and what its stages said.

    Parameters
    ----------
    config : Config
        Resolved configuration.
    folder : Path
        The run folder; made by `start_run`.
    console : Console or None
        Where progress goes; None for silence.

    Attributes
    ----------
    fail_on : tuple of str
        The gates; those about leaks stop it before training.
    """

    def __init__(self, config: Config, folder: Path, console: Console | None = None) -> None:
        self.config = config
        self.folder = folder
        self.console = console
        self.seconds: dict[str, float] = {}
        self.findings: list[Finding] = []
        self.fail_on: tuple[str, ...] = ()
        self.on_stop: Callable[[int, FrameType | None], None] | None = None
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def listen(self) -> None:
        """Have `on_stop` called when the user or the machine asks to stop; Prefect listens for itself as it enters."""
        if self.on_stop is not None and threading.current_thread() is threading.main_thread():
            for asked in (signal.SIGINT, signal.SIGTERM):
                signal.signal(asked, self.on_stop)

    def path(self, name: str) -> Path:
        """Where a file of this run is; its folder is made."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, *findings: Finding) -> None:
        """Keep findings for the report, each once."""
        self.findings.extend(each for each in dict.fromkeys(findings) if each not in self.findings)

    def say(self, what: str) -> None:
        """Say on standard error, at once, what should not wait for the report."""
        if self.console is not None:
            self.console.print("  [yellow]![/] ", end="", highlight=False)
            self.console.print(cut(what, MOST_SAID), markup=False, highlight=False)

    def stage(self, title: str, function: Callable[P, R]) -> Callable[P, R]:
        """Make a plain function a Prefect task named `title`, timed and shown."""

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            as_task = task(name=title, task_run_name=title, cache_policy=NO_CACHE, persist_result=False)
            with self.shown(title):
                return as_task(lambda: function(*args, **kwargs))()

        return call

    @contextmanager
    def shown(self, title: str) -> Iterator[None]:
        """Time what happens inside, and say on standard error that it goes on and when it is done."""
        began = time.perf_counter()
        try:
            if self.console is not None and self.console.is_terminal:
                with self.console.status(title):
                    yield
            else:
                yield
        finally:
            give_back_memory()
            spent = time.perf_counter() - began
            self.seconds[title] = self.seconds.get(title, 0.0) + spent
        if self.console is not None:
            self.console.print(f"  [green]✓[/] {title} [dim]{spent:.1f} s[/]", highlight=False)


def as_flow(name: str, function: Callable[Concatenate[Run, P], R]) -> Callable[Concatenate[Run, P], R]:
    """Make a plain function a Prefect flow named `name`; its arguments stay in this process.

    The first flow of a process waits for Prefect's server, which is started where none is running; that is timed too.
    Its heartbeat, by which Prefect knows a crash, stands for those inside it: each would take up to a second to end.
    """

    @functools.wraps(function)
    def call(run: Run, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with ExitStack() as waiting:
            if STARTING not in run.seconds:
                waiting.enter_context(run.shown(STARTING))

            def enter() -> R:
                waiting.close()
                run.listen()
                return function(run, *args, **kwargs)

            as_prefect = flow(name=name, flow_run_name=name, persist_result=False, validate_parameters=False)
            inside = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None} if FlowRunContext.get() else {}
            with temporary_settings(inside):
                return as_prefect(enter)()

    return call


def start_run(
    config: Config, out: Path | None = None, console: Console | None = None, reports: Path = Path("reports")
) -> Run:
    """Make the run folder, `out` or `<reports>/<name>/<time>`, and write the resolved configuration into it.

    Raises
    ------
    InputError
        The folder cannot be written, or `out` holds something already.
    """
    folder = _free_folder(reports / config.name) if out is None else out
    try:
        if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"--out {out} holds something already; name an empty or a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write into {folder} ({error.strerror}); name another folder with --out") from None
    run = Run(config, folder, console)
    write_json(run.path("manifest.json"), {"inputs": hash_inputs(config)})
    return run


def discard_run(folder: Path) -> None:
    """Take away what a run has written that ended before it had a summary: the input was wrong, nothing was found."""
    if not (folder / "summary.json").exists():
        shutil.rmtree(folder, ignore_errors=True)


def resume_run(folder: Path, rounds: int | None = None, console: Console | None = None) -> Run:
    """Take up a run that was stopped, under its own configuration.

    Parameters
    ----------
    rounds : int, optional
        Rounds at most, where other than configured.

    Raises
    ------
    InputError
        The folder is no run, or its data has changed since.
    """
    if not (folder / "config.yaml").is_file() or not (folder / "manifest.json").is_file():
        raise InputError(f"{folder} is not a run: it holds no config.yaml and manifest.json; runs are under reports/")
    config = load_config(folder / "config.yaml", [] if rounds is None else [f"rounds={rounds}"])
    seen = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["inputs"]
    changed = [name for name, digest in hash_inputs(config).items() if seen.get(name) != digest]
    if changed:
        raise InputError(f"{changed[0]} has changed since {folder} was started; start a new run: burnish run CONFIG")
    return Run(config, folder, console)


def hash_inputs(config: Config) -> dict[str, str]:
    """Hash every file that a configuration names, by name."""
    data = config.data
    earlier = None if config.split.earlier is None else assignments_file(config.split.earlier)
    weights = config.features.backbone_weights
    given = (data.path, data.embeddings, data.probabilities, config.validate_.suite, earlier, weights)
    inputs = [path for path in given if path]
    return {str(path): hash_files(path, _files_of(path)) for path in inputs}


def stop_server() -> None:
    """Stop the Prefect server that a flow of this process has started."""
    from prefect.server.api.server import SubprocessASGIServer

    for server in list(SubprocessASGIServer._instances.values()):
        server.stop()


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON that people can read."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def write_manifest(run: Run, device: str, images: tuple[Path, Sequence[str]] | None = None) -> None:
    """Write what it takes to make this run again: hashes of the inputs, versions, seed, device, seconds a stage.

    `images` are the folder and the relative paths of the images that a table names.
    """
    hashes = hash_inputs(run.config)
    if images is not None and run.config.data.path.is_file():
        hashes[f"{images[0]} (images)"] = hash_files(images[0], [images[0] / name for name in images[1]])
    manifest = {
        "inputs": hashes,
        "versions": versions(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "seed": run.config.seed,
        "device": device,
        "threads": run.threads,
        "seconds": {title: round(spent, 3) for title, spent in run.seconds.items()},
    }
    write_json(run.path("manifest.json"), manifest)


def versions() -> dict[str, str]:
    """Give the versions of Burnish and of what decides its results."""
    return {name: importlib.metadata.version(name) for name in VERSIONS_OF}


def hash_files(root: Path, files: Sequence[Path]) -> str:
    """SHA-256 of a file, or of the names, sizes and contents of files below a folder; absent ones by name."""
    digest = hashlib.sha256()
    for file in files:
        if root.is_dir():
            size = file.stat().st_size if file.is_file() else -1
            digest.update(f"{file.relative_to(root).as_posix()}\0{size}\0".encode())
        if file.is_file():
            with file.open("rb") as stream:
                while block := stream.read(HASHED_AT_ONCE):
                    digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def _files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())


def _free_folder(parent: Path) -> Path:
    stamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
    names = (stamp if i == 1 else f"{stamp}-{i}" for i in range(1, 1000))
    return next(parent / name for name in names if not (parent / name).exists())
