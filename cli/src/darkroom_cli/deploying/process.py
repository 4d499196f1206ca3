"""Programs of this machine, its clock, and whoever sits in front of it."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from darkroom_cli.deploying.errors import StepError
from darkroom_cli.deploying.ports import Ran

GRACE = 30.0  # seconds from asking a program to end until it is made to


class SubprocessRunner:
    """Runs programs as children, which end with us."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the environment that programs get."""
        self._environ = dict(environ)

    def which(self, program: str) -> str | None:
        """Return where a program is."""
        return shutil.which(program, path=self._environ.get("PATH"))

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        capture: bool = False,
    ) -> Ran:
        """Run a program to its end; see the port."""
        sys.stderr.flush()
        try:
            child = subprocess.Popen(  # noqa: S603 - the commands are ours
                list(command),
                cwd=cwd,
                env=self._environ | dict(env or {}),
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                # Results of ours go to stdout; what programs say does not.
                stdout=subprocess.PIPE if capture else sys.stderr.fileno(),
                stderr=subprocess.STDOUT if capture else None,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as exc:
            raise StepError(f"{command[0]} cannot be run: {exc.strerror or exc}") from exc
        try:
            output, _ = child.communicate(stdin)
        finally:
            _end(child)
        return Ran(child.returncode, output or "")


def _end(child: subprocess.Popen[str]) -> None:
    """Let a program end that was interrupted: of Ctrl-C in a terminal it has heard already."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class SystemClock:
    """The machine's."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(seconds)


class TerminalUser:
    """Whoever sits in front of the terminal."""

    def ask(self, question: str) -> str | None:
        """Return the answer, or None where this is no terminal."""
        if sys.stdin is None or not sys.stdin.isatty():  # none: it was closed
            return None
        sys.stderr.write(question)
        sys.stderr.flush()
        answer = sys.stdin.readline()
        return answer.rstrip("\n") if answer else None
