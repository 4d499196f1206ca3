import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psutil
import pytest

from local import aftercare
from local.clients import Clients
from local.errors import AlreadyUpError, BadOptionError, MissingArtifactError, NotUpError, SynthesisError
from local.events import Event
from local.home import Home
from local.inbox import open_inbox
from local.settings import Settings
from local.sockets import listens
from local.state import State, read_state
from local.system import System
from local.traces.client import TraceClient

DATAGRAM = (
    b'{"format": "json", "version": 1}\n{"trace_id": "1-6923aabb-00000000000000000000000a",'
    b' "id": "00000000000000a1", "name": "POST", "start_time": 1700000000.0, "end_time": 1700000001.0,'
    b' "annotations": {"darkroom_task_id": "sent-by-udp"}}'
)

type Until = Callable[[Callable[[], bool]], Awaitable[None]]
type Alive = Callable[[int], bool]


def a_task(task_id: str, runtime: str = "sdruntime") -> dict[str, object]:
    metadata = {"id": task_id, "runtime": runtime, "tasktype": "text-to-image", "prefix": "output"}
    return {"task": {"metadata": metadata, "content": {"prompt": "a dog"}}}


def pictured(state: State, task_id: str, runtime: str = "sdruntime") -> list[str]:
    """Submit a task, and return the pictures that its notification names."""
    with open_inbox(Clients(state.aws_url), state.notifications_topic, ids=[task_id]) as inbox:
        answer = httpx.post(
            f"{state.endpoint}v1alpha2",
            json=a_task(task_id, runtime),
            headers={"x-api-key": state.api_key},
            trust_env=False,
        )
        assert answer.status_code == 200
        for _ in range(15):
            for heard in inbox.receive():
                return heard.notification.image_url
    return []


def test_a_task_makes_its_way_from_post_to_picture(system: tuple[Home, State]) -> None:
    home, state = system
    assert read_state(home) == state
    [url] = pictured(state, "first")
    assert url == f"s3://{state.output_bucket}/output/first/first-abcd-1.png"
    refused = httpx.post(f"{state.endpoint}v1alpha2", json=a_task("a"), trust_env=False)
    assert refused.status_code in (401, 403), "the key is asked for"


def test_the_state_is_private_and_names_every_process(system: tuple[Home, State], alive: Alive) -> None:
    home, state = system
    assert home.state_file.stat().st_mode & 0o077 == 0
    assert state.processes.keys() == {
        "ministack",
        "traces",
        "console",
        *(f"{kind}-{name}" for kind in ("sketch", "agent") for name in state.runtimes),
    }
    assert all(alive(pid) for pid in state.processes.values())
    assert all(runtime.sketch for runtime in state.runtimes.values())


def test_sketches_are_told_their_models_and_their_speed(system: tuple[Home, State]) -> None:
    _, state = system
    told = httpx.get(state.runtimes["sdruntime"].url, trust_env=False).text
    assert told.startswith("sdwebui --host 127.0.0.1 --port ")
    assert told.endswith("--seconds-per-image 0.5 --models v1-5-pruned-emaonly.safetensors")


def test_what_the_emulator_ignores_is_applied_to_the_stack(system: tuple[Home, State]) -> None:
    _, state = system
    clients = Clients(state.aws_url)
    described = clients.client("dynamodb").describe_time_to_live(TableName=state.tasks_table)
    assert described["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    function = clients.client("lambda").get_function_configuration(FunctionName=state.validator_function)
    assert function["Environment"]["Variables"]["INSECURE_CALLBACKS"] == "true"
    assert "TOPIC" in function["Environment"]["Variables"]
    assert aftercare.physical_ids(clients, "sdoneksStack")["Payloads"] == state.payload_bucket


async def test_a_killed_agent_is_replaced_and_works(system: tuple[Home, State], until: Until) -> None:
    home, state = system
    killed = state.processes["agent-sdruntime"]
    os.kill(killed, signal.SIGKILL)
    await until(lambda: read_state(home).processes.get("agent-sdruntime", killed) != killed)
    assert await asyncio.to_thread(pictured, state, "after")


async def test_a_restart_file_has_the_sketch_restarted(
    system: tuple[Home, State], until: Until, alive: Alive
) -> None:
    home, _ = system
    before = read_state(home).processes["sketch-sdruntime"]
    file = home.restart_file("sdruntime")
    file.write_text("the GPU is poisoned\n")
    await until(lambda: read_state(home).processes.get("sketch-sdruntime", before) != before)
    file.unlink()
    assert not alive(before)
    assert alive(read_state(home).processes["sketch-sdruntime"])


def test_each_agent_shares_a_folder_with_its_runtime_and_has_a_health_server_of_its_own(
    system: tuple[Home, State],
) -> None:
    home, state = system
    assert all(home.agent_state(name).is_dir() for name in state.runtimes)
    assert len({runtime.health_url for runtime in state.runtimes.values()}) == len(state.runtimes)


async def test_a_second_system_of_the_same_folder_is_refused(
    system: tuple[Home, State], standin_environ: dict[str, str]
) -> None:
    home, _ = system
    with pytest.raises(AlreadyUpError):
        await System(home=home, environ=standin_environ).__aenter__()


async def test_the_loss_of_the_emulator_is_reported_and_everything_ends(
    tmp_path: Path, alive: Alive, standin_environ: dict[str, str]
) -> None:
    local = System(home=Home(tmp_path), environ=standin_environ, settings=Settings(console=False))
    async with local as state:
        os.kill(state.processes["ministack"], signal.SIGKILL)
        async with asyncio.timeout(30):
            error = await local.failed()
    assert "the AWS emulator ended (exit code -9)" in str(error)
    assert not any(alive(pid) for pid in state.processes.values())


async def test_a_second_start_needs_no_synthesis_and_begins_empty(
    tmp_path: Path, alive: Alive, standin_environ: dict[str, str]
) -> None:
    home = Home(tmp_path)
    for _ in range(2):
        async with System(home=home, environ=standin_environ, settings=Settings(console=False)) as state:
            assert "Contents" not in Clients(state.aws_url).client("s3").list_objects_v2(
                Bucket=state.output_bucket
            )
            await asyncio.to_thread(pictured, state, "a")
        assert not any(alive(pid) for pid in state.processes.values())
        with pytest.raises(NotUpError):
            read_state(home)
    assert (tmp_path / "made").read_text() == "once\n"


async def test_nothing_outlives_a_system_that_is_killed(
    tmp_path: Path, up_script: str, until: Until, alive: Alive, standin_environ: dict[str, str]
) -> None:
    command = [sys.executable, "-c", up_script, str(tmp_path)]
    with subprocess.Popen(  # noqa: ASYNC220 - it is to be killed, and nothing else goes on here
        command, env=standin_environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        state = read_state(Home(tmp_path))
        process.kill()
    await until(lambda: not any(alive(pid) for pid in state.processes.values()))
    with pytest.raises(NotUpError):
        read_state(Home(tmp_path))


async def test_a_real_runtime_takes_the_place_of_a_sketch(
    tmp_path: Path, standin_environ: dict[str, str]
) -> None:
    told: list[Event] = []
    settings = Settings(runtimes={"sdruntime": "http://127.0.0.1:7860"}, console=False)
    async with System(
        home=Home(tmp_path), environ=standin_environ, settings=settings, report=told.append
    ) as state:
        assert state.runtimes["sdruntime"].url == "http://127.0.0.1:7860"
        assert not state.runtimes["sdruntime"].sketch
        assert "sketch-sdruntime" not in state.processes
    assert any(event.text == "sdruntime is served by http://127.0.0.1:7860" for event in told)


def test_functions_and_agents_know_where_their_spans_go(system: tuple[Home, State]) -> None:
    _, state = system
    assert state.traces_url == state.otlp_endpoint
    answer = httpx.post(
        f"{state.endpoint}v1alpha2",
        json=a_task("traced"),
        headers={"x-api-key": state.api_key},
        trust_env=False,
    ).json()
    host, _, port = answer["trace_daemon"].partition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(DATAGRAM, (host, int(port)))
    assert state.traces_url is not None
    found = TraceClient(state.traces_url).wait("sent-by-udp", timeout=30)
    assert found is not None
    agent = psutil.Process(read_state(system[0]).processes["agent-sdruntime"]).environ()
    assert agent["OTEL_EXPORTER_OTLP_ENDPOINT"] == state.traces_url


async def test_a_killed_trace_store_is_replaced_at_its_address_and_tasks_go_on(
    system: tuple[Home, State], until: Until
) -> None:
    home, state = system
    before = read_state(home).processes["traces"]
    os.kill(before, signal.SIGKILL)
    assert await asyncio.to_thread(pictured, state, "untraced")
    await until(lambda: read_state(home).processes.get("traces", before) != before)
    assert state.traces_url is not None
    await until(lambda: listens(int(str(state.traces_url).rpartition(":")[2])))
    assert await asyncio.to_thread(TraceClient(state.traces_url).trace, "nothing") is None


async def test_traces_and_console_may_be_switched_off_and_spans_sent_elsewhere(
    tmp_path: Path, standin_environ: dict[str, str]
) -> None:
    settings = Settings(traces=False, otlp="http://127.0.0.1:9", console=False)
    async with System(home=Home(tmp_path), environ=standin_environ, settings=settings) as state:
        assert (state.traces_url, state.otlp_endpoint) == (None, "http://127.0.0.1:9")
        assert not {"traces", "console"} & state.processes.keys()
        assert state.console_url is None
        agent = psutil.Process(state.processes["agent-sdruntime"]).environ()
        assert agent["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:9"
        assert await asyncio.to_thread(pictured, state, "elsewhere")


async def test_a_start_that_fails_leaves_nothing_running(
    tmp_path: Path, until: Until, standin_environ: dict[str, str]
) -> None:
    home = Home(tmp_path)
    environ = standin_environ | {"DARKROOM_INFRA": f"{sys.executable} -c \"raise SystemExit('no such key')\""}
    with pytest.raises(SynthesisError, match="no such key"):
        await System(home=home, environ=environ).__aenter__()
    await until(lambda: not _processes_in(tmp_path))
    with pytest.raises(NotUpError):
        read_state(home)


async def test_nothing_is_started_where_something_is_not_built(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(MissingArtifactError):
        await System(home=home, environ={"PATH": os.environ["PATH"]}).__aenter__()
    assert not home.work.exists()


async def test_a_port_that_is_taken_is_refused(
    tmp_path: Path, system: tuple[Home, State], standin_environ: dict[str, str]
) -> None:
    _, state = system
    port = int(state.aws_url.rpartition(":")[2])
    with pytest.raises(BadOptionError, match=f":{port} is taken"):
        await System(
            home=Home(tmp_path / "other"), environ=standin_environ, settings=Settings(api_port=port)
        ).__aenter__()


def _processes_in(folder: Path) -> list[int]:
    found = subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]
