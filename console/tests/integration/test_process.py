"""`python -m console` as people and `./darkroom up` start it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from console.__main__ import main
from console.server import listen
from console.testing import KEY, FakeApi, a_page, sources_of

TOKEN = "t0ken-" + "x" * 30


class Process:
    """A console that runs; `files` has what it was started with."""

    def __init__(self, files: Path, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.cookie = {"Cookie": f"darkroom_console_{port}={TOKEN}"}
        self.child = subprocess.Popen(
            [sys.executable, "-m", "console", *given(files), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            text=True,
        )

    def wait_until_it_answers(self) -> None:
        for _ in range(300):
            assert self.child.poll() is None, self.child.communicate()[0]
            with contextlib.suppress(httpx.TransportError):
                httpx.get(self.url, trust_env=False, verify=False)
                return
            time.sleep(0.1)
        raise AssertionError("it does not answer")


def given(files: Path) -> list[str]:
    return [
        "--sources",
        str(files / "console.json"),
        "--token-file",
        str(files / "token"),
        "--page",
        str(files),
    ]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    api = FakeApi()
    yield api
    api.close()


@pytest.fixture
def files(tmp_path: Path, api: FakeApi) -> Path:
    a_page(tmp_path)
    (tmp_path / "console.json").write_text(sources_of(api).to_json())
    (tmp_path / "token").write_text(TOKEN + "\n")
    return tmp_path


@pytest.fixture
def process(files: Path) -> Iterator[Process]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = Process(files, port)
    try:
        process.wait_until_it_answers()
        yield process
    finally:
        process.child.kill()
        process.child.communicate()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_though_pages_listen_and_it_says_nothing_more(
    process: Process, ending: signal.Signals
) -> None:
    with contextlib.ExitStack() as stack:
        streams = []
        for _ in range(3):
            client = stack.enter_context(httpx.Client(trust_env=False, verify=False, timeout=20))
            answer = stack.enter_context(
                client.stream("GET", f"{process.url}/api/events", headers=process.cookie)
            )
            lines = answer.iter_lines()
            assert next(lines) == "event: system"
            streams.append(lines)
        process.child.send_signal(ending)
        said, _ = process.child.communicate(timeout=20)
        for lines in streams:
            list(lines)  # ends as an answer does, not as a connection that broke
    assert process.child.returncode in (-ending, 128 + ending)
    assert said == ""


def test_other_users_of_the_machine_see_neither_key_nor_token_and_others_machines_nothing(
    process: Process,
) -> None:
    arguments = Path(f"/proc/{process.child.pid}/cmdline").read_bytes()
    assert KEY.encode() not in arguments
    assert TOKEN.encode() not in arguments
    inodes = {
        str(link.readlink()).removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{process.child.pid}/fd").iterdir()
    }
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {line[1] for line in lines if line[3] == "0A" and line[9] in inodes}
    assert listening == {f"0100007F:{process.port:04X}"}


def test_a_port_that_is_taken_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        assert main([*given(files), "--port", str(port)]) == 1
    told = f"console: port {port} of 127.0.0.1: another process has it; choose another\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("port", ["-1", "70000"])
def test_a_port_that_is_none_is_told(files: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*given(files), f"--port={port}"]) == 1
    assert f"port {port} of 127.0.0.1: it cannot be opened" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("console.json", "{}", "console.json: mode: Field required"),
        ("console.json", None, "console.json cannot be read: No such file"),
        ("token", "short", "a token has 20 characters or more"),
        ("token", "with spaces in it, and long enough", "a token has 20 characters or more"),
        ("token", "ünicode-that-is-long-enough", "token cannot be read: it is not ASCII"),
        ("token", None, "token cannot be read: No such file"),
        ("app.js", None, "has no app.js; run `npm run build`"),
    ],
)
def test_what_is_wrong_with_its_files_is_told_in_a_line(
    files: Path, file: str, text: str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is None:
        (files / file).unlink()
    else:
        (files / file).write_text(text)
    assert main([*given(files), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1


def test_help_says_what_it_is_and_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for word in ("./darkroom up", "--sources FILE", "--token-file FILE", "--page DIR", "127.0.0.1"):
        assert word in said
