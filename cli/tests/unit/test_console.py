import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from darkroom_cli import consoling
from darkroom_cli.app import app
from darkroom_cli.endpoints import Target
from darkroom_cli.errors import BadRequestOptionError, CliError, NoAnswerError
from darkroom_cli.terminal import Terminal
from darkroom_client import Connection
from darkroom_client.testing import Say, Server, refusal, task
from local.home import Home
from local.lock import RunLock
from local.state import State

KEY = "a-secret-key"
TASKS = {
    "tasks": [
        task(id="a", runtime="sdruntime", tasktype="text-to-image"),
        task(id="b", runtime="sdruntime", tasktype="extra-single-image"),
        task(id="c", runtime="comfyruntime", tasktype="pipeline"),
        task(id="d", runtime="own", tasktype="dream"),
    ],
    "cursor": None,
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("ENDPOINT", "API_KEY", "STACK_NAME"):
        monkeypatch.delenv(f"DARKROOM_{name}", raising=False)
    monkeypatch.setenv("DARKROOM_HOME", str(tmp_path))
    return Home(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give what a browser is told to open, in place of a browser."""
    told: list[str] = []

    def note(url: str) -> bool:
        told.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", note)
    return told


@pytest.fixture
def up(home: Home) -> Iterator[Callable[[str | None], None]]:
    """Pretend that a system is up, with a console at some address or without one."""
    home.prepare()
    home.empty_run()
    lock = RunLock(home)
    lock.acquire()

    def say(console_url: str | None) -> None:
        names = set(State.model_fields) - {
            "pid",
            "started_at",
            "runtimes",
            "processes",
            "logs",
            "console_url",
        }
        plain: dict[str, Any] = dict.fromkeys(names, "-")
        plain |= {"pid": 1, "started_at": 0, "runtimes": {}, "processes": {}, "logs": home.logs}
        State(**plain, console_url=console_url).save(home)

    yield say
    lock.release()


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["console", *arguments], env={"COLUMNS": "160", "NO_COLOR": "1"})
    return result.exit_code, result.stdout, result.stderr


def at(server: Server) -> list[str]:
    return ["--endpoint", server.url, "--api-key", KEY]


def test_the_address_of_the_console_that_is_up_is_all_that_is_printed(
    up: Callable[[str | None], None], opened: list[str]
) -> None:
    up("http://127.0.0.1:7840/?token=t")
    assert run() == (0, "http://127.0.0.1:7840/?token=t\n", "")
    assert opened == []


def test_a_browser_is_led_there_by_a_file_as_its_arguments_can_be_read_by_all(
    up: Callable[[str | None], None], opened: list[str], home: Home
) -> None:
    up("http://127.0.0.1:7840/?token=t")
    assert run("--open")[0] == 0
    [url] = opened
    file = Path(url.removeprefix("file://"))
    assert "token" not in url
    assert 'content="0; url=http://127.0.0.1:7840/?token=t"' in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    assert file.is_relative_to(home.work)


def test_a_system_without_a_console_says_how_to_get_one(up: Callable[[str | None], None]) -> None:
    up(None)
    code, out, err = run()
    assert (code, out) == (1, "")
    assert "without --no-console" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "8000"], "up --console-port"),
        (["--runtime", "a=sdwebui"], "--runtime goes with --endpoint"),
        (["--port", "70000"], "--port"),
        (["--endpoint", "http://example.org/", "--api-key", KEY], "in the clear"),
        (["--endpoint", "example.org", "--api-key", KEY], "https://"),
        (["--endpoint", "https://example.org/"], "--api-key"),
        (["--endpoint", "https://example.org/", "--api-key", KEY, "--stack", "s"], "--stack"),
        (["--endpoint", "https://example.org/", "--api-key", KEY, "--runtime", "a"], "NAME=TYPE"),
        (["--endpoint", "https://example.org/", "--api-key", KEY, "--runtime", "a=vae"], "sdwebui, comfyui"),
    ],
)
def test_wrong_use_is_told_as_such_and_never_with_the_key(arguments: list[str], words: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert KEY not in err


def test_a_key_that_the_api_refuses_is_told_before_anything_is_served(server: Server) -> None:
    server.says(Say(401, refusal("unauthorized", "no or wrong API key")))
    code, out, err = run(*at(server))
    assert (code, out) == (1, "")
    assert "no or wrong API key" in err
    assert KEY not in err


def test_an_endpoint_that_does_not_answer_is_told(server: Server) -> None:
    gone = at(server)
    server.close()
    code, out, err = run(*gone)
    assert (code, out) == (1, "")
    assert f"does not answer: ConnectError ({server.url}" in err
    assert "Traceback" not in err


class Aws:
    """An account with one stack; its endpoint can be none."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __call__(self, service: str, region: str | None) -> Any:
        return self

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - AWS's names
        if StackName != "sdStack":
            said = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "DescribeStacks")
        told = {
            "FrontApiEndpoint": "nowhere",
            "ApiKeyId": "k",
            "RuntimeQueues": "{}",
            "ValidatorFunctionName": "v",
        }
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in told.items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def get_api_key(self, **_: Any) -> Any:
        return {"value": KEY}

    def get_function_configuration(self, **_: Any) -> Any:
        return {"Environment": {"Variables": {"RUNTIMES": "[]"}}}


@pytest.mark.parametrize(
    ("stack", "error", "words"),
    [
        ("typo", BadRequestOptionError, "--stack-name: there is no stack typo"),
        ("sd", NoAnswerError, "endpoint"),
    ],
)
def test_a_stack_that_is_not_there_is_wrong_use_and_one_that_cannot_be_used_is_not(
    home: Home, stack: str, error: type[CliError], words: str
) -> None:
    with pytest.raises(CliError, match=words) as caught:
        consoling.console(
            Target(stack=stack),
            consoling.Options(),
            environ={},
            home=home,
            terminal=Terminal(),
            clients=Aws(),
        )
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


def test_something_else_at_the_endpoint_is_told(server: Server) -> None:
    server.says(Say(200, b"<html>hello"))
    code, _, err = run(*at(server))
    assert code == 1
    assert "API" in err


def test_a_port_that_is_taken_is_told(server: Server) -> None:
    server.says(Say(200, TASKS))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        code, out, err = run(*at(server), "--port", port)
    assert (code, out) == (2, "")
    assert f"--port: 127.0.0.1:{port} is taken" in err


def test_runtimes_are_those_of_the_last_tasks(server: Server) -> None:
    server.says(Say(200, TASKS))
    found = consoling.runtimes_in(consoling.last_tasks(Connection(server.url, KEY)))
    types = {runtime.name: (runtime.type, runtime.tasktypes) for runtime in found}
    assert types["sdruntime"][0] == "sdwebui"
    assert "image-to-image" in types["sdruntime"][1]
    assert types["comfyruntime"] == ("comfyui", ("pipeline",))
    assert types["own"] == ("custom", ("dream",))


def test_runtimes_that_are_named_know_what_they_take() -> None:
    found = consoling.parse_runtimes(["a=sdwebui", "b=comfyui", "a=comfyui"])
    assert [(runtime.name, runtime.tasktypes) for runtime in found] == [
        ("a", ("pipeline",)),
        ("b", ("pipeline",)),
    ]


def test_up_names_a_console_that_answers_and_says_of_another_where_its_log_is(
    up: Callable[[str | None], None], home: Home
) -> None:
    def said() -> str:
        result = CliRunner().invoke(app, ["up", "--detach"], env={"COLUMNS": "200", "NO_COLOR": "1"})
        assert result.exit_code == 0
        return result.stdout

    with socket.create_server(("127.0.0.1", 0)) as console:
        address = f"http://127.0.0.1:{console.getsockname()[1]}/?token=t"
        up(address)
        assert address in said()
    gone = said()
    assert address not in gone
    assert f"console   does not answer; {home.logs / 'console.log'} says why" in gone
    up(None)
    assert "  console " not in said()
