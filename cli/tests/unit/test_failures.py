import asyncio
import io
from pathlib import Path

import httpx
import pytest
import typer
from rich.console import Console

from darkroom_cli.errors import BadRequestOptionError, RefusedError, TaskFailedError
from darkroom_cli.failures import explained
from darkroom_cli.terminal import Terminal
from local.errors import BadOptionError, NotUpError, StartError
from local.home import Home
from task_schema import Fault, RequestCode

FAULTS = [
    Fault(code=RequestCode.MISSING_FIELD, message="task.metadata.id is required", field="task.metadata.id"),
    Fault(code=RequestCode.BAD_VALUE, message="width: must be positive", field="width"),
]


def ended(error: BaseException, home: Home, *, verbose: bool = False) -> tuple[int, str]:
    """Return exit code and message."""
    said = io.StringIO()
    terminal = Terminal(out=Console(file=io.StringIO()), err=Console(file=said, width=200))
    with pytest.raises(typer.Exit) as caught, explained(terminal, home, verbose=verbose):
        raise error
    return caught.value.exit_code, said.getvalue()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (BadRequestOptionError("--image: no"), 2, "darkroom: --image: no"),
        (BadOptionError("--runtime: no"), 2, "--runtime: no"),
        (NotUpError("not up; start it"), 3, "not up; start it"),
        (TaskFailedError("it failed"), 1, "it failed"),
        (RefusedError(400, FAULTS), 1, "  bad_value: width: must be positive"),
        (StartError("no start", log=Path("/l/a.log")), 1, "log: /l/a.log"),
        (httpx.ConnectError("refused"), 1, "does not answer as it should"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (asyncio.CancelledError(), 130, "interrupted"),
        (typer.Abort(), 130, "interrupted"),
        (typer.Exit(7), 7, ""),
    ],
)
def test_each_error_has_its_exit_code_and_a_message_without_a_stack_trace(
    error: BaseException, code: int, words: str, tmp_path: Path
) -> None:
    got, said = ended(error, Home(tmp_path))
    assert got == code
    assert words in said
    assert "Traceback" not in said


def test_an_error_of_our_own_is_kept_in_a_log_that_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    code, said = ended(ZeroDivisionError("oops"), home)
    assert code == 1
    assert str(home.log("darkroom")) in said.replace("\n", "")
    assert "Traceback" not in said
    assert "ZeroDivisionError: oops" in home.log("darkroom").read_text()


def test_verbose_shows_the_stack_trace(tmp_path: Path) -> None:
    assert "Traceback" in ended(TaskFailedError("x"), Home(tmp_path), verbose=True)[1]


def test_all_faults_of_a_refusal_are_shown() -> None:
    text = str(RefusedError(400, FAULTS))
    assert "missing_field: task.metadata.id is required" in text
    assert "bad_value: width: must be positive" in text
