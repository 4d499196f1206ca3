from pathlib import Path

import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app


def run(*arguments: str, home: Path | None = None) -> tuple[int, str]:
    env = {"COLUMNS": "160", "NO_COLOR": "1", "DARKROOM_HOME": str(home or Path.cwd())}
    result = CliRunner().invoke(app, list(arguments), env=env)
    return result.exit_code, " ".join(result.output.split())


GUIDE = (
    *("-h", "-n", "-R", "-d", "-b", "-s", "-r", "-t", "-T"),
    *("--stack-name", "--region", "--dry-run", "--bucket"),
    *("--snapshot", "--runtime-name", "--runtime-type", "--skip-tools"),
)


def test_deploy_has_the_options_of_the_guide() -> None:
    code, text = run("deploy", "--help")
    assert code == 0
    assert [option for option in GUIDE if option not in text] == []


def test_destroy_says_what_stays() -> None:
    code, text = run("destroy", "-h")
    assert code == 0
    assert "buckets stay" in text


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_wrong_use_has_the_exit_code_that_it_has_everywhere(command: str, tmp_path: Path) -> None:
    code, text = run(command, "--stack-name", "a_b", home=tmp_path)
    assert code == 2
    assert "--stack-name" in text
    assert list(tmp_path.iterdir()) == []
