"""The commands as users type them: help that teaches, exit codes, no stack traces."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no system, no stack and no credentials."""
    for name in ("STACK_NAME", "ENDPOINT", "API_KEY"):
        monkeypatch.delenv(f"DARKROOM_{name}", raising=False)
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DARKROOM_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verify",), ("--stack-name", "--runtime", "--out", "--model", "./darkroom verify")),
        (("doctor",), ("[ID]", "--kubernetes", "--json", "KEDA", "1 a problem was found")),
        (("models", "upload"), ("FILE...", "--type", "--allow-pickle", "Stable-diffusion, Lora")),
        (("models", "list"), ("--bucket", "--type")),
    ],
)
def test_help_names_options_and_examples(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    code, said, _ = run(*arguments, "--help")
    assert code == 0
    for word in words:
        assert word in said


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_without_a_system_that_is_said(command: str) -> None:
    code, _, said = run(command)
    assert code == 3
    assert "not up" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_a_stack_without_credentials_says_how_to_have_some(command: str) -> None:
    code, _, said = run(command, "--stack-name", "sdoneksStack", "--region", "us-east-1")
    assert code == 1
    assert "AWS_PROFILE" in said


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_an_endpoint_of_the_environment_is_not_passed_over_for_the_system_that_is_up(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_ENDPOINT", "https://api.example.org/prod/")
    code, _, said = run(command)
    assert code == 2
    assert "DARKROOM_ENDPOINT" in said
    assert "--stack-name" in said
    monkeypatch.setenv("DARKROOM_STACK_NAME", "sdoneks")
    assert run(command)[0] == 2, "an endpoint comes before a stack, as for the other commands"


@pytest.mark.parametrize("command", ["verify", "doctor"])
def test_a_stack_is_meant_by_option_before_environment(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_STACK_NAME", "of-the-environment")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert "of-the-environment" in run(command)[2]
    monkeypatch.setenv("DARKROOM_ENDPOINT", "https://api.example.org/prod/")
    assert "of-the-option" in run(command, "--stack-name", "of-the-option")[2]


def test_a_region_alone_means_nothing() -> None:
    code, _, said = run("verify", "--region", "us-east-1")
    assert code == 2
    assert "--region goes with --stack-name" in said


def test_uploading_needs_a_type_and_takes_no_pickle(tmp_path: Path) -> None:
    pickle = tmp_path / "a.ckpt"
    pickle.write_bytes(b"x")
    assert run("models", "upload", str(pickle))[0] == 2
    code, _, said = run("models", "upload", str(pickle), "--type", "Lora")
    assert code == 1
    assert "--allow-pickle" in said
    code, _, said = run("models", "upload", str(pickle), "--type", "Loras", "--allow-pickle")
    assert code == 2
    assert "'Loras' is none of" in said
