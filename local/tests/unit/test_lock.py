import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.environment import this_python
from local.errors import AlreadyUpError, NotUpError, StillRunningError
from local.home import Home
from local.lock import RunLock, end_running, holder
from local.state import read_state

HOLD = """
import signal, sys, time
from pathlib import Path
from local.home import Home
from local.lock import RunLock
lock = RunLock(Home(Path(sys.argv[1])))
lock.acquire()
seen = []
def end(*_):
    seen.append(1)
    if len(seen) >= int(sys.argv[2]):
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("held", flush=True)
while True:
    time.sleep(0.02)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


@pytest.fixture
def hold(home: Home) -> Iterator[object]:
    """Start a process that holds the lock and ends at the given SIGTERM."""
    processes: list[subprocess.Popen[str]] = []

    def start(signals: int) -> int:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home.root), str(signals)],
            env=this_python({}),
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process.pid

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_without_a_system_there_is_nobody_to_ask_or_to_end(home: Home) -> None:
    assert holder(home) is None
    with pytest.raises(NotUpError, match=r"\./darkroom up"):
        read_state(home)
    with pytest.raises(NotUpError):
        end_running(home)


def test_a_second_system_of_the_same_folder_is_refused_and_told_who_has_it(home: Home, hold: object) -> None:
    assert callable(hold)
    pid = hold(1)
    assert holder(home) == pid
    with pytest.raises(AlreadyUpError, match=f"process {pid}") as caught:
        RunLock(home).acquire()
    assert caught.value.pid == pid


def test_a_system_is_ended_by_sigterm_and_waited_for(home: Home, hold: object) -> None:
    assert callable(hold)
    pid = hold(1)
    assert end_running(home, timeout=10) == pid
    assert holder(home) is None


def test_one_that_does_not_hear_the_first_signal_gets_a_second(home: Home, hold: object) -> None:
    assert callable(hold)
    pid = hold(2)
    assert end_running(home, timeout=0.2, hurried=10) == pid


def test_one_that_hears_neither_is_reported(home: Home, hold: object) -> None:
    assert callable(hold)
    pid = hold(99)
    with pytest.raises(StillRunningError, match=f"ps -fp {pid}"):
        end_running(home, timeout=0.1, hurried=0.1)


def test_a_lock_that_is_given_back_can_be_taken_again(home: Home) -> None:
    first = RunLock(home)
    first.acquire()
    first.release()
    first.release()
    assert holder(home) is None
    RunLock(home).acquire()


def test_a_system_that_is_not_ready_has_no_state_yet(home: Home) -> None:
    lock = RunLock(home)
    lock.acquire()
    home.empty_run()
    with pytest.raises(NotUpError, match="starting or ending"):
        read_state(home)
    lock.release()
