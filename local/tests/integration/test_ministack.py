import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local.clients import Clients
from local.errors import StartError
from local.home import Home
from local.ministack import MiniStack
from local.sockets import free_port
from ministack_testing import ministack_command

type Alive = Callable[[int], bool]


def emulator(home: Home, command: tuple[str, ...] | None = None) -> MiniStack:
    found = command or tuple(ministack_command(os.environ, Path.cwd()))
    return MiniStack(command=found, home=home, environ=os.environ, port=free_port())


async def test_it_answers_on_loopback_only_and_ends_when_told(home: Home, alive: Alive) -> None:
    server = emulator(home)
    await server.start()
    pid = server.pid
    assert pid is not None
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert Clients(server.url).client("s3").list_buckets()["Buckets"] == []
    await server.stop()
    assert not alive(pid)
    assert await server.wait() == 0, "it ended by itself and was not killed"


async def test_its_files_are_in_its_own_folder(home: Home) -> None:
    server = emulator(home)
    await server.start()
    files = [file for file in (home.run / "ministack" / "tmp").iterdir() if file.suffix == ".pid"]
    assert files, "its pid file is in our TMPDIR and not in the machine's"
    await server.stop()


async def test_one_that_ends_at_once_is_reported_with_its_last_words(home: Home) -> None:
    server = emulator(home, (sys.executable, "-c", "raise SystemExit('no port for me')"))
    with pytest.raises(StartError, match="no port for me") as caught:
        await server.start()
    assert caught.value.log == home.log("ministack")
    await server.stop()
