from pathlib import Path

import pytest
from typer.testing import CliRunner

from darkroom_cli.app import app


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENDPOINT", "API_KEY", "STACK_NAME", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"DARKROOM_{name}", raising=False)
    monkeypatch.setenv("DARKROOM_HOME", str(tmp_path))


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120", "NO_COLOR": "1"})
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "down",
        "demo",
        "submit",
        "trace",
        "traces",
        "status",
        "wait",
        "cancel",
        "list",
        "listen",
        "console",
        "redrive",
        "replay",
    ],
)
def test_every_command_explains_itself_and_its_exit_codes(command: str) -> None:
    code, text = run(command, "--help")
    assert code == 0
    assert "3 the local system is not up" in " ".join(text.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("up", "NAME=URL"),
        ("up", "sketch runtime takes"),
        ("up", "--no-console"),
        ("demo", "NAME=URL"),
        ("submit", "sampling steps"),
    ],
)
def test_options_say_what_they_take(command: str, words: str) -> None:
    assert words.lower() in " ".join(run(command, "--help")[1].lower().split())


def test_without_a_command_the_help_says_where_to_start() -> None:
    assert "Start with: ./darkroom demo" in " ".join(run()[1].split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["down"],
        ["submit", "a dog"],
        ["trace", "a"],
        ["traces"],
        ["status", "a"],
        ["wait", "a"],
        ["cancel", "a"],
        ["list"],
        ["listen"],
        ["console"],
        ["redrive"],
        ["replay", "a", "--runtime", "http://127.0.0.1:9"],
    ],
)
def test_what_needs_a_system_says_that_there_is_none(arguments: list[str]) -> None:
    code, text = run(*arguments)
    assert code == 3
    assert "not up" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit"], "say what to paint"),
        (["submit", "a dog", "--task", "dream"], "text-to-image, image-to-image"),
        (["submit", "a dog", "--width", "0"], "--width"),
        (["up", "--runtime", "nonsense"], "NAME=URL"),
        (["up", "--seconds-per-image", "-1"], "--seconds-per-image"),
        (["up", "--port", "70000"], "--port"),
        (["up", "--otlp", "nonsense"], "--otlp"),
        (["up", "--console-port", "70000"], "--console-port"),
        (["trace"], "ID"),
        (["list", "--status", "lost"], "queued, running"),
        (["status", "a", "--endpoint", "https://example.org/"], "--api-key"),
        (["status", "a", "--api-key", "k"], "--endpoint"),
        (["status", "a", "--stack", "s", "--endpoint", "https://example.org/"], "--stack"),
        (["status", "a", "--region", "r"], "--stack"),
        (["redrive", "--endpoint", "https://example.org/", "--api-key", "k"], "--stack-name"),
        (["replay", "a"], "--runtime"),
        (["listen", "--endpoint", "https://example.org/"], "--secret"),
        (["listen", "--secret", "whsec_"], "--secret"),
        (["paint"], "paint"),
    ],
)
def test_wrong_use_is_told_as_such(arguments: list[str], words: str) -> None:
    code, text = run(*arguments)
    assert code == 2
    assert words in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("darkroom sta", {"status"}),
        ("darkroom list --status ca", {"cancelled"}),
        ("darkroom cons", {"console"}),
        ("darkroom console --op", {"--open"}),
    ],
)
def test_a_shell_is_told_what_may_follow(line: str, words: set[str]) -> None:
    asked = {
        "_DARKROOM_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    result = CliRunner().invoke(app, prog_name="darkroom", env=asked)
    assert set(result.stdout.split()) == words


def test_what_has_not_been_built_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "DARKROOM_MINISTACK",
        "DARKROOM_INFRA",
        "DARKROOM_AGENT",
        "VALIDATOR_ZIP",
        "NOTIFIER_ZIP",
        "STATUS_ZIP",
    ):
        monkeypatch.delenv(name, raising=False)
    code, text = run("up")
    assert code == 1
    assert "ministack.pex" in text.replace("\n", "")
