"""The command line as a user types it: each command in a process of its own, with a Prefect home of its own."""

import os
import subprocess
import sys
from pathlib import Path


def burnish(*arguments: str, cwd: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command and see that it ends with the status it should."""
    environment = os.environ | {"PREFECT_HOME": str(cwd / ".prefect"), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-m", "burnish.flows.cli", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == status, done.stderr
    return done
