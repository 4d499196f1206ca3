import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "NO_COLOR": "1"})
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("command", ["build", "list", "prune"])
def test_snapshots_have_their_commands_here(command: str) -> None:
    code, text = run("snapshot", command, "--help")
    assert code == 0
    assert "130 interrupted" in text


def test_the_help_names_them() -> None:
    assert "snapshot" in run("--help")[1]
    assert "GPU nodes need not pull" in run("snapshot", "--help")[1]


def test_wrong_use_has_the_same_exit_code_as_everywhere() -> None:
    code, text = run("snapshot", "build", "Not an image", "--region", "us-east-1")
    assert code == 2
    assert "IMAGE" in text
