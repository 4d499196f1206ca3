import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from console.settings import Sources
from local.children import ChildSpec
from local.console import Console, choose_port, sources
from local.errors import BadOptionError
from local.events import Event, Kind
from local.home import Home
from local.settings import CONSOLE_PORT
from local.sockets import is_free
from local.state import RuntimeState, State
from task_schema import RuntimeSpec

TOLD = Sources(mode="local", endpoint="http://127.0.0.1:1/", api_key=SecretStr("the-key"))


@pytest.fixture
def taken() -> Iterator[int]:
    """Give a port that somebody listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    home.empty_run()
    return home


def state(**queues: str) -> State:
    return State(
        pid=1,
        started_at=0,
        endpoint="http://127.0.0.1:1/prod/",
        api_key="the-key",
        region="us-east-1",
        aws_url="http://127.0.0.1:1",
        requests_topic="r",
        notifications_topic="n",
        output_bucket="out",
        payload_bucket="payloads",
        tasks_table="tasks",
        unrouted_queue_url="http://sqs/unrouted",
        validator_function="v",
        traces_url="http://127.0.0.1:2",
        runtimes={
            name: RuntimeState(type="sdwebui", url="u", sketch=True, queue_url=url, health_url="http://h:1")
            for name, url in queues.items()
        },
        processes={},
        logs=Path("logs"),
    )


def told_of(**queues: str) -> Sources:
    runtimes = [RuntimeSpec(name=name, type="sdwebui", model_filename="a.safetensors") for name in queues]
    return sources(state(**queues), runtimes)


def test_a_port_that_was_asked_for_is_taken_or_refused(taken: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert choose_port(free) == free
    with pytest.raises(BadOptionError, match=f"--console-port: 127.0.0.1:{taken} is taken"):
        choose_port(taken)


def test_without_a_wish_it_is_the_usual_port_or_another_free_one() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_free(CONSOLE_PORT):
            assert choose_port(None) == CONSOLE_PORT
            other.bind(("127.0.0.1", CONSOLE_PORT))
            other.listen()
        port = choose_port(None)
    assert port != CONSOLE_PORT
    assert choose_port(0) not in {0, CONSOLE_PORT}


def test_it_is_told_whom_to_ask_for_what() -> None:
    told = told_of(sdruntime="http://sqs/work")
    assert (told.mode, told.endpoint, told.api_key.get_secret_value()) == (
        "local",
        "http://127.0.0.1:1/prod/",
        "the-key",
    )
    assert (told.tasks_table, told.payload_bucket) == ("tasks", "payloads")
    assert (told.unrouted_queue_url, told.traces_url) == ("http://sqs/unrouted", "http://127.0.0.1:2")
    [runtime] = told.runtimes
    assert runtime.queue_url == "http://sqs/work"
    assert runtime.metrics_url == "http://h:1/metrics"
    assert runtime.models == ("a.safetensors",)
    assert "text-to-image" in runtime.tasktypes


async def test_what_is_secret_is_in_private_files_and_in_no_argument(home: Home, taken: int) -> None:
    started: list[ChildSpec] = []
    home.console_file.write_text("left behind")
    home.console_file.chmod(0o644)

    def spec(port: int) -> ChildSpec:
        started.append(
            ChildSpec(
                "console", ("sleep", str(port)), {"PATH": os.environ["PATH"]}, home.run, home.log("console")
            )
        )
        return started[-1]

    console = Console(home, wanted_port=None, report=lambda _: None, changed=lambda: None)
    url = await console.start(TOLD, spec)
    await console.stop(hurry=asyncio.Event())
    assert url is not None
    token = home.console_token.read_text()
    assert url.endswith(f"/?token={token}")
    assert len(token) >= 43
    for file in (home.console_file, home.console_token):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Sources.read(home.console_file) == TOLD
    assert not any(secret in word for word in started[0].command for secret in (token, "the-key"))


async def test_a_console_that_cannot_be_started_is_told_and_no_reason_to_fail(home: Home, taken: int) -> None:
    told: list[Event] = []
    console = Console(home, wanted_port=taken, report=told.append, changed=lambda: None)
    assert await console.start(TOLD, lambda _: ChildSpec("c", (), {}, home.run, home.log("c"))) is None
    await console.stop(hurry=asyncio.Event())
    [event] = told
    assert event.text.startswith("there is no console: --console-port")


async def test_a_console_that_keeps_ending_is_told_once_with_its_log(home: Home) -> None:
    told: list[Event] = []
    enough = asyncio.Event()

    def report(event: Event) -> None:
        told.append(event)
        if "there is no console" in event.text:
            enough.set()

    console = Console(home, wanted_port=0, report=report, changed=lambda: None)
    command = ("sh", "-c", "echo no page here; exit 1")
    spec = ChildSpec("console", command, {"PATH": os.environ["PATH"]}, home.run, home.log("console"))
    try:
        assert await console.start(TOLD, lambda _: spec) is not None
        async with asyncio.timeout(30):
            await enough.wait()
    finally:
        await console.stop(hurry=asyncio.Event())
    [event] = [event for event in told if "there is no console" in event.text]
    assert event.kind is Kind.WARNING
    assert "no page here" in event.text
    assert str(home.log("console")) in event.text
