"""The loop on a schedule: a Prefect deployment served from this process.

Where no Prefect server is set (`PREFECT_API_URL`), one is started on loopback for as long as this process serves, so
that something fires the schedule. A stop leaves the schedule on (`pause_on_shutdown=False`).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect import flow
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types.entrypoint import EntrypointType

from burnish.flows.config import load_config
from burnish.flows.division import check_division
from burnish.flows.gates import check_rules, crossed
from burnish.flows.prepare import open_examples
from burnish.flows.retrain import retrain
from burnish.flows.run import start_run
from burnish.tasks.findings import InputError

LOOPBACK = "127.0.0.1"
SERVER_STARTS_WITHIN = 180.0
ASKED_EVERY = 0.5


@flow(name="scheduled-retrain", flow_run_name="retrain {config}")
def retrain_on_schedule(config: str, reports: str, sets: list[str], fail_on: list[str]) -> str:
    """Walk the whole loop once; the flow fails where a gate is crossed, before training where a leak crosses it.

    Parameters
    ----------
    config : str
        The configuration file.
    reports : str
        The folder under which runs land.
    sets : list of str
        `key=value` overrides.
    fail_on : list of str
        Gates, as `burnish run --fail-on` takes them.

    Returns
    -------
    str
        The run folder.
    """
    resolved = load_config(Path(config), sets)
    examples = open_examples(resolved)
    check_division(resolved, examples)
    run = start_run(resolved, reports=Path(reports))
    run.fail_on = tuple(fail_on)
    print(run.folder, flush=True)
    failed = crossed(retrain(run, examples), fail_on)
    if failed:
        raise RuntimeError("; ".join(failed))
    return str(run.folder)


def serve_on_cron(config: Path, cron: str, sets: list[str], fail_on: list[str]) -> None:
    """Serve the loop on a cron schedule until stopped.

    Raises
    ------
    InputError
        The cron expression or a gate is not one.
    """
    check_rules(fail_on)
    try:
        schedule = Cron(cron)
    except ValueError:
        raise InputError(f'--cron {cron!r} is not "minute hour day month weekday", e.g. "0 6 * * *"') from None
    name = load_config(config, sets).name
    with _server() as interface:
        print(f"Prefect shows every run at {interface}; stop with Ctrl-C", file=sys.stderr)
        retrain_on_schedule.serve(
            name=name,
            schedules=[schedule],
            parameters={
                "config": str(config.resolve()),
                "reports": str(Path("reports").resolve()),
                "sets": sets,
                "fail_on": fail_on,
            },
            pause_on_shutdown=False,
            print_starting_message=False,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )


@contextmanager
def _server() -> Iterator[str]:
    """Give the address of the Prefect server that is set, or of one started here on loopback."""
    given = PREFECT_API_URL.value()
    if given:
        yield given.removesuffix("/api")
        return
    port = _free_port()
    address = f"http://{LOOPBACK}:{port}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)]
    record = Path(tempfile.gettempdir()) / f"burnish-prefect-{port}.log"
    print(f"Prefect's own log: {record}", file=sys.stderr)
    with record.open("wb") as stream:
        server = subprocess.Popen(command, stdout=stream, stderr=stream)  # noqa: S603  (our own)
    try:
        _wait_for(server, f"{address}/api/health")
        os.environ["PREFECT_API_URL"] = f"{address}/api"
        with temporary_settings({PREFECT_API_URL: f"{address}/api"}):
            yield address
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], address: str) -> None:
    gives_up = time.monotonic() + SERVER_STARTS_WITHIN
    while time.monotonic() < gives_up and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310  (loopback)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(ASKED_EVERY)
    raise RuntimeError(f"Prefect's server did not start within {SERVER_STARTS_WITHIN:.0f} s")
