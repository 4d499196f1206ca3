import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.environment import this_python
from local.sockets import LOOPBACK, free_port, free_udp_port
from local.traces.client import TraceClient
from local.traces.errors import UnreachableError

PATIENCE = 30.0  # seconds


class Running:
    """A trace store in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.port, self.udp_port = free_port(), free_udp_port()
        self.client = TraceClient(f"http://{LOOPBACK}:{self.port}")
        command = [sys.executable, "-m", "local.traces", "--file", str(folder / "traces.db")]
        command += ["--port", str(self.port), "--udp-port", str(self.udp_port)]
        self.process = subprocess.Popen(command, env=this_python(os.environ), stderr=subprocess.PIPE)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.client.traces()
            except UnreachableError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("the trace store did not come up")

    def health(self) -> dict[str, int]:
        answer: dict[str, int] = httpx.get(f"{self.client.url}/api/health", trust_env=False).json()
        return answer

    def end(self) -> bytes:
        self.process.send_signal(signal.SIGTERM)
        _, told = self.process.communicate(timeout=PATIENCE)
        return told


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    if made.process.poll() is None:
        made.end()


def a_datagram(task: str) -> bytes:
    document = {
        "type": "subsegment",
        "trace_id": f"1-{secrets.token_hex(4)}-{secrets.token_hex(12)}",
        "id": secrets.token_hex(8),
        "name": "POST /v1alpha2",
        "start_time": time.time() - 61,
        "end_time": time.time() - 60,  # so that nobody waits for more of it
        "annotations": {"darkroom_task_id": task},
        "metadata": {"darkroom": {"service": "darkroom-validator", "kind": "server"}},
    }
    return b'{"format": "json", "version": 1}\n' + json.dumps(document).encode()


def send(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, (LOOPBACK, port))


def test_datagrams_become_traces_and_garbage_is_counted(running: Running) -> None:
    send(running.udp_port, b"garbage", a_datagram("a"), b"", a_datagram("b"))
    for task in ("a", "b"):
        trace = running.client.wait(task, timeout=PATIENCE)
        assert trace is not None
        assert trace.tasks == [task]
    assert [len(trace.tasks) for trace in running.client.traces()] == [1, 1]
    assert running.health()["ignored"] == 2


def test_it_listens_on_loopback_only(running: Running) -> None:
    listening = [
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()
        if line.split()[1].endswith(f":{running.port:04X}") and line.split()[3] == "0A"
    ]
    assert listening == [f"0100007F:{running.port:04X}"]


def test_it_ends_at_once_quietly_and_keeps_what_it_had(running: Running, tmp_path: Path) -> None:
    send(running.udp_port, a_datagram("a"))
    assert running.client.wait("a", timeout=PATIENCE) is not None
    assert running.end() == b""
    again = Running(tmp_path)
    assert [trace.tasks for trace in again.client.traces()] == [["a"]]
    again.end()


def test_a_store_that_was_killed_goes_on_with_what_it_had(running: Running, tmp_path: Path) -> None:
    send(running.udp_port, a_datagram("a"))
    assert running.client.wait("a", timeout=PATIENCE) is not None
    running.process.kill()
    running.process.communicate(timeout=PATIENCE)
    again = Running(tmp_path)
    assert [trace.tasks for trace in again.client.traces()] == [["a"]]
    again.end()


def test_a_store_that_cannot_begin_to_serve_ends(tmp_path: Path) -> None:
    options = f"['--port', '{free_port()}', '--udp-port', '{free_udp_port()}', '--file', '{tmp_path / 'db'}']"
    program = (
        "from local.traces import __main__ as command, app\n"
        "app._PAGE['gone.js'] = 'text/javascript'\n"
        f"command.run(command.arguments({options}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=this_python(os.environ),
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert b"gone.js" in ended.stderr
