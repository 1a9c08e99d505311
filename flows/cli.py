"""The command line: `burnish COMMAND`.

Standard output carries the findings and, as its last line, the run folder; progress and logs go to standard error.
Exit status: 0 done; 1 a gate failed; 2 the input or the configuration is wrong, said in one line; 3 an internal fault.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from burnish.flows.config import Config, load_config
from burnish.tasks.findings import InputError

if TYPE_CHECKING:
    from burnish.flows.run import Run
    from burnish.tasks.examples import Examples

QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "NO_ALBUMENTATIONS_UPDATE": "1",
}

FRUGAL = {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # what is freed goes back to the machine

REPRODUCIBLE = {"MKL_CBWR": "AUTO", "MKL_DYNAMIC": "FALSE", "OMP_DYNAMIC": "FALSE"}  # same sums in the same order

UNCHANGED = "nothing of yours was changed"

app = typer.Typer(
    name="burnish",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML configuration; burnish init writes one.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder: reports/<name>/<time>.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Turn a knob, e.g. --set train.epochs=20; repeatable."),
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The run folder; default: reports/<name>/<time>.")
]
FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="RULE",
        help="Exit with 1 when a finding of this code was made (labels, duplicates, columns.constant, ...; "
        "leak: a column gives the label away, or train and test share rows; it stops before anything is trained), "
        "or a figure is out of bounds when all is done (errors.test.value>0.05); repeatable.",
    ),
]


class GateCrossedError(Exception):
    """The run did what it was asked to, and what it found crosses a line."""


@app.callback()
def about(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say the version and stop.")] = False,
) -> None:
    """Find the wrong labels, fix the data, retrain, and know which knob to turn next.

    Start with: burnish init DATA, then: burnish run CONFIG
    """
    if version:
        typer.echo(f"burnish {importlib.metadata.version('burnish')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A table, or a folder with a folder of images a class.")],
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to; default: burnish.yaml.")] = None,
) -> None:
    """Look at a table or an image folder and write a commented configuration."""
    from burnish.tasks.describe import config_text, describe_data

    file = out or Path("burnish.yaml")
    if file.exists():
        raise InputError(f"{file} exists already; name another file with --out")
    guess = describe_data(path)
    relative = os.path.relpath(guess.path.resolve(), file.resolve().parent)
    text = config_text(guess, path.stem, relative)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {file} ({error.strerror}); name another file with --out") from None
    for note in guess.notes:
        typer.echo(note)
    typer.echo(f"Read it, then: burnish run {file}")
    typer.echo(str(file))


@app.command()
def check(
    config: ConfigFile,
    sets: Set = None,
    learn: Annotated[
        Path | None,
        typer.Option("--learn", metavar="FILE", help="Learn the contract, write it as .yaml or .json."),
    ] = None,
    failing: Annotated[
        Path | None, typer.Option("--failing", metavar="FILE.csv", help="List every row that breaks the contract.")
    ] = None,
    cells: Annotated[
        Path | None, typer.Option("--cells", metavar="FILE.csv", help="List every cell that is probably wrong.")
    ] = None,
) -> None:
    """Read the data and hold it against its contract, in seconds; no model is trained, and nothing is kept unasked.

    Not looked for here: leaks, mislabels, duplicates. burnish run and burnish clean do, and say leaks before they train
    anything; with --fail-on leak they stop there.

    Learn it: burnish check CONFIG --learn contract.yaml (types, ranges, categories, forms of texts, shares, freshness).

    Edit it: every expectation is a few lines; severity critical stops a run, warning and info are reported.

    Enforce it: put validate: {suite: contract.yaml} into CONFIG, next to which the file lies. burnish run obeys it too.

    On the next batch: burnish check CONFIG --set data.path=next.csv --failing rows.csv; status 1 where it breaks badly.
    """
    from burnish.flows.check import check_data

    console = _console()
    result = check_data(load_config(config, sets), learn_to=learn, failing_to=failing, cells_to=cells, file=config)
    for line in result.lines:
        typer.echo(line)
    console.print(f"[dim]{result.seconds:.1f} s[/]", highlight=False)
    if result.critical:
        raise GateCrossedError(f"{result.critical} critical: correct the data, or the suite where the data is right")


@app.command()
def clean(config: ConfigFile, sets: Set = None, out: Out = None, fail_on: FailOn = None) -> None:
    """Everything up to the cleaned dataset: split, validate, winsorize, find mislabels; no final model."""
    _walk(load_config(config, sets), out, fail_on, "clean")


@app.command()
def run(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="The YAML configuration; not needed with --resume.")
    ] = None,
    sets: Set = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds of cleaning and retraining at most.", min=1)] = None,
    out: Out = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Go on with a run that was stopped, or whose suspects were decided on since (burnish apply); "
            "it keeps its own configuration.",
        ),
    ] = None,
    fail_on: FailOn = None,
) -> None:
    """Run the whole loop: clean, train, measure, analyse, and again until the labels stop moving."""
    if resume is not None:
        _take_up(resume, config, sets, rounds, out, fail_on)
    elif config is None:
        raise InputError("name a configuration: burnish run CONFIG; burnish init writes one")
    else:
        overrides = [*(sets or []), *([f"rounds={rounds}"] if rounds is not None else [])]
        _walk(load_config(config, overrides), out, fail_on, "run")


@app.command()
def report(run_folder: RunFolder) -> None:
    """Render the report again from the run's files."""
    from burnish.flows.analyse import render_again

    typer.echo(str(render_again(run_folder)))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The earlier run folder.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The later run folder.")],
) -> None:
    """Say what changed between two runs: errors, labels, findings."""
    from burnish.flows.compare import compare_runs

    for line in compare_runs(before, after):
        typer.echo(line)


@app.command()
def review(
    run_folder: RunFolder,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any that is free.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    to_label_studio: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="Write the suspects as Label Studio tasks, with the configuration, and stop."
        ),
    ] = None,
) -> None:
    """Judge suspect labels on a local page, one key each; every decision goes straight into RUN/review.csv.

    a accepts the suggestion, k keeps the given label, o names another, d drops, s skips, u undoes, g shows a grid.
    Only this machine can open the page. When done: burnish apply RUN RUN/review.csv
    """
    from burnish.flows.review import serve_review, write_tasks

    lines = (
        serve_review(run_folder, port=port, browser=browser)
        if to_label_studio is None
        else write_tasks(run_folder, to_label_studio)
    )
    typer.echo("\n".join(lines))


@app.command()
def apply(
    run_folder: RunFolder,
    sheet: Annotated[
        Path, typer.Argument(metavar="SHEET", help="review.csv with its decisions, or a Label Studio export (.json).")
    ],
) -> None:
    """Take decisions as truth: cleaned data and report follow; says how right the suggestions were.

    In review.csv the column decision is accept, keep, other (with new_label), drop, or skip. The sheet is checked as a
    whole first, and applying it twice does no harm. Then: burnish run --resume RUN
    """
    from burnish.flows.apply import apply_sheet

    typer.echo("\n".join(apply_sheet(run_folder, sheet)))
    typer.echo(str(run_folder))


@app.command()
def predict(
    run_folder: RunFolder,
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="New data: a table with the same columns, images, a .npy file."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: predictions.csv.")] = None,
    onnx: Annotated[
        Path | None,
        typer.Option("--onnx", metavar="FILE", help="Also write the model as ONNX, checked on PATH or the run's data."),
    ] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="How PATH is read, where not as the run's data: data.delimiter, data.encoding or data.id; repeatable.",
        ),
    ] = None,
) -> None:
    """Apply the trained model to new data; writes a CSV of id, predicted class, confidence and probabilities.

    The id is that of the run's id column, or an image's path; without either, the number of the row, from 0. A cell
    that cannot be read as what its column held in the run counts as missing, and is said; a file most of whose cells in
    a column are so is refused.
    """
    from burnish.flows.predict import export_onnx, predict_file

    if path is None and onnx is None:
        raise InputError("name the new data: burnish predict RUN PATH; or write the model alone with --onnx FILE")
    if onnx is not None:
        typer.echo(export_onnx(run_folder, onnx, path, sets))
    written = out or Path("predictions.csv")
    if path is not None and (strange := predict_file(run_folder, path, written, sets)):
        typer.echo(strange, err=True)
    typer.echo(str(onnx if path is None else written))


@app.command()
def serve(
    config: ConfigFile,
    cron: Annotated[str, typer.Option(help='When: minute hour day month weekday, e.g. "0 6 * * *".')],
    sets: Set = None,
    fail_on: FailOn = None,
) -> None:
    """Run the loop on a schedule through Prefect, until stopped with Ctrl-C."""
    from burnish.flows.schedule import serve_on_cron

    load_config(config, sets)
    serve_on_cron(config, cron, sets or [], fail_on or [])


def _walk(config: Config, out: Path | None, fail_on: list[str] | None, command: str) -> None:
    from burnish.flows.division import check_division, check_groups, check_trainable
    from burnish.flows.gates import check_rules
    from burnish.flows.opening import check_network, open_examples
    from burnish.flows.run import discard_run, start_run

    check_rules(fail_on or [])
    console = _console()
    console.print(f"[bold]burnish {command}[/] {config.data.path}", highlight=False)
    examples = open_examples(config)
    check_division(config, examples)
    check_groups(config, examples)
    check_trainable(config, examples)
    check_network(config, examples, training=command == "run")
    current = start_run(config, out, console)
    try:
        _finish(current, examples, fail_on, command)
    except InputError:
        discard_run(current.folder)
        raise


def _take_up(
    folder: Path,
    config: Path | None,
    sets: list[str] | None,
    rounds: int | None,
    out: Path | None,
    fail_on: list[str] | None,
) -> None:
    from burnish.flows.gates import check_rules
    from burnish.flows.prepare import open_examples
    from burnish.flows.rounds import check_applied, check_resumable
    from burnish.flows.run import resume_run

    check_rules(fail_on or [])
    if sets or out is not None:
        raise InputError("--resume goes on in the run's own folder with its own settings: leave out --set and --out")
    console = _console()
    current = resume_run(folder, rounds, console)
    if config is not None and config.is_dir():
        raise InputError(f"{config} is a folder, not a configuration; leave it out: burnish run --resume {folder}")
    if config is not None and load_config(config).data != current.config.data:
        raise InputError(f"{config} names other data than {folder} was made of; start a new run: burnish run {config}")
    check_resumable(folder, rounds is not None)
    console.print(f"[bold]burnish run[/] {current.config.data.path} [dim]going on with {folder}[/]", highlight=False)
    examples = open_examples(current.config)
    check_applied(folder, examples.classes)
    _finish(current, examples, fail_on, "run")


def _finish(current: Run, examples: Examples, fail_on: list[str] | None, command: str) -> None:
    from burnish.flows.gates import crossed
    from burnish.flows.retrain import clean_once, retrain
    from burnish.flows.run import StoppedError, stop_server

    def stop(asked: int, frame: FrameType | None) -> None:  # noqa: ARG001  (what a signal handler is given)
        """End at once: what the rounds left is on disk, and Prefect would wait for a server that is stopping too."""
        typer.echo(str(current.folder))
        sys.stdout.flush()
        again = f"go on with: burnish run --resume {current.folder}"
        _say(_console(), "stopped", again if command == "run" else UNCHANGED)
        stop_server()
        os._exit(128 + asked)

    current.on_stop, current.fail_on = stop, tuple(fail_on or ())
    current.listen()
    try:
        summary = (retrain if command == "run" else clean_once)(current, examples)
    except StoppedError as failure:
        _end(current, failure.summary)
        raise GateCrossedError(f"{failure}; what was found is in {current.folder / 'report.html'}") from None
    except OSError as error:
        error.filename = error.filename or str(current.folder)
        raise
    _end(current, summary)
    failed = crossed(summary, fail_on or [])
    if failed:
        raise GateCrossedError("--fail-on " + "; ".join(failed))


def _end(current: Run, summary: dict[str, Any] | None) -> None:
    """Say what was found, in ten lines at most, and where all of it is; the folder alone where that was said before."""
    if summary is not None:
        typer.echo("\n".join(summary["headline"]))
        typer.echo(f"Report: {(current.folder / 'report.html').resolve().as_uri()}")
    typer.echo(str(current.folder))


def _console() -> Console:
    return Console(stderr=True)


def main() -> None:
    """Run a command and turn what went wrong into one line and an exit status."""
    for key, value in (QUIET | REPRODUCIBLE | FRUGAL).items():
        os.environ.setdefault(key, value)
    console = _console()
    try:
        with _launched() as first:
            if first:
                app(standalone_mode=False)
    except typer.Exit as stop:
        sys.exit(stop.exit_code)
    except InputError as error:
        _say(console, "error", error)
        sys.exit(2)
    except GateCrossedError as error:
        _say(console, "failed", error)
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        _say(console, "stopped", UNCHANGED)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  (the last line of defence: every fault ends in a sentence)
        if type(error).__module__.startswith(("click", "typer")):
            said = error.format_message() if hasattr(error, "format_message") else str(error)
            _say(console, "error", f"{said.rstrip('.')}; see burnish --help")
            sys.exit(2)
        if isinstance(error, OSError) and not isinstance(error, ConnectionError | TimeoutError):
            _say(console, "error", _refused(error))
            sys.exit(2)
        if os.environ.get("BURNISH_DEBUG"):
            traceback.print_exc()
        _say(console, "fault", f"{type(error).__name__}: {error}; this is ours: set BURNISH_DEBUG=1 for the trace")
        sys.exit(3)


def _launched() -> AbstractContextManager[bool]:
    """Join the other processes where torchrun has started several; only the first obeys the command."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # nothing is loaded for a command alone
        return nullcontext(True)
    from burnish.flows.several import launched

    return launched()


def _refused(error: OSError) -> str:
    """Say what the machine refused: a full disk, a file that may not be read or written."""
    file = f" {error.filename}" if error.filename else ""
    why = os.strerror(error.errno) if error.errno else error
    return f"cannot read or write{file} ({why}); make room or see to the permissions, or name another folder with --out"


def _say(console: Console, kind: str, what: object) -> None:
    console.print(f"[bold red]{kind}:[/] ", end="", highlight=False)
    console.print(" ".join(str(what).split()), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
