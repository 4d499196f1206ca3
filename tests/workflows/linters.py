"""The linters of workflows, Dockerfiles and scripts, which come as one executable."""

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

# `runtime_package_dependencies=["//3rdparty:linters"]` puts it into the working folder.
PEX = "linters.pex"
FOLDER_ENV = "DARKROOM_LINTERS"  # names a folder with the programs instead
TIMEOUT = 60.0  # seconds; the first start of a PEX file unpacks it


def run(tool: str, arguments: Sequence[str], *, cwd: Path, given: str = "") -> tuple[int, str]:
    """Run a linter in a folder, with text on its standard input; return its exit code and what it says."""
    kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG", "PEX_ROOT") if name in os.environ}
    with tempfile.TemporaryDirectory() as programs:
        if folder := os.environ.get(FOLDER_ENV):
            first = f"{folder}:"
        else:
            first = f"{programs}:"
            for name in (tool, "shellcheck"):
                _write_starter(Path(programs) / name, name)
        # By its name: actionlint looks for shellcheck on the same path.
        kept["PATH"] = first + kept.get("PATH", "")
        done = subprocess.run(
            ["env", tool, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=kept,
            timeout=TIMEOUT,
        )
    return done.returncode, done.stdout + done.stderr


def _write_starter(path: Path, tool: str) -> None:
    """A program of the PEX file, by its name. The PEX's own first line wants a python3.12 on PATH."""
    command = shlex.join([sys.executable, str(Path(PEX).absolute())])
    path.write_text(f'#!/bin/sh\nPEX_SCRIPT={tool} exec {command} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
