import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from local.children import Child, ChildSpec
from local.environment import this_python
from local.errors import StartError
from local.events import Event
from local.home import Home
from local.keeper import Backoff, Keeper

type Until = Callable[[Callable[[], bool]], Awaitable[None]]
type Alive = Callable[[int], bool]

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
SLEEP = "import time; time.sleep(60)"
GRANDPARENT = f"""
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", {SLEEP!r}]).pid, flush=True)
time.sleep(60)
"""
PARENT = """
import asyncio, sys
from pathlib import Path
from local.children import Child, ChildSpec
async def main():
    folder = Path(sys.argv[1])
    spec = ChildSpec("c", (sys.executable, "-c", "import time; time.sleep(60)"), {}, folder, folder / "log")
    child = await Child.start(spec)
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""


def spec(home: Home, program: str, name: str = "child") -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", program), {}, home.root, home.log(name))


async def test_output_goes_to_the_log_and_the_exit_code_is_told(home: Home) -> None:
    child = await Child.start(spec(home, "import sys; print('hello', flush=True); sys.exit('bye')"))
    assert await child.wait() == 1
    assert child.log_tail() == "hello\nbye"


async def test_a_child_gets_only_the_environment_that_it_is_given(home: Home) -> None:
    child = await Child.start(spec(home, "import os; print(sorted(os.environ.keys() - {'LC_CTYPE'}))"))
    await child.wait()
    assert child.log_tail() == "[]"


async def test_a_program_that_is_not_there_says_so_in_the_log(home: Home) -> None:
    child = await Child.start(ChildSpec("c", ("/no/such/program",), {}, home.root, home.log("c")))
    assert await child.wait() == 1
    assert child.log_tail() == "cannot run /no/such/program: No such file or directory"


async def test_a_log_that_cannot_be_written_is_a_start_error(home: Home) -> None:
    with pytest.raises(StartError, match="c could not be started"):
        await Child.start(ChildSpec("c", ("true",), {}, home.root, home.root / "no" / "log"))


async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(home: Home, until: Until) -> None:
    child = await Child.start(spec(home, STUBBORN))
    await until(lambda: child.log_tail() == "deaf")
    await child.stop(grace=0.1)
    assert await child.wait() == -signal.SIGKILL


async def test_in_a_hurry_nobody_gets_grace(home: Home, until: Until) -> None:
    child = await Child.start(spec(home, STUBBORN))
    await until(lambda: child.log_tail() == "deaf")
    hurry = asyncio.Event()
    stopping = asyncio.create_task(child.stop(grace=600, hurry=hurry))
    await asyncio.sleep(0)
    hurry.set()
    async with asyncio.timeout(10):
        await stopping
    assert not child.running


async def test_what_a_child_leaves_behind_ends_with_it(home: Home, until: Until, alive: Alive) -> None:
    child = await Child.start(spec(home, GRANDPARENT))
    await until(lambda: child.log_tail().isdigit())
    grandchild = int(child.log_tail())
    assert alive(grandchild)
    await child.stop()
    await until(lambda: not alive(grandchild))
    assert not child.running


async def test_a_child_does_not_outlive_a_parent_that_is_killed(
    tmp_path: Path, until: Until, alive: Alive
) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(  # noqa: ASYNC220 - it is to be killed, and answers at once
        command, env=this_python({}), stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.kill()
    await until(lambda: not alive(child))


async def test_a_kept_child_is_started_again_when_it_is_killed(
    home: Home, until: Until, alive: Alive
) -> None:
    told: list[Event] = []
    changes: list[int | None] = []
    keeper = Keeper(
        spec(home, SLEEP, "agent-x"),
        report=told.append,
        changed=lambda: changes.append(keeper.pid),
        backoff=Backoff(first=0.01),
    )
    await keeper.start()
    first = keeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: keeper.restarts == 1)
    second = keeper.pid
    assert second not in (None, first)
    assert "agent-x ended (killed by SIGKILL); it is started again in 0.01 s" in told[0].text
    assert changes == [None, second]
    await keeper.stop()
    assert second is not None
    assert not alive(second)
    assert keeper.restarts == 1


async def test_a_child_that_cannot_live_is_tried_ever_later(home: Home, until: Until) -> None:
    told: list[Event] = []
    keeper = Keeper(
        spec(home, "raise SystemExit(3)"),
        report=told.append,
        changed=lambda: None,
        backoff=Backoff(first=0.01, factor=4),
    )
    await keeper.start()
    await until(lambda: len(told) >= 3)
    await keeper.stop()
    assert ["0.01 s" in told[0].text, "0.04 s" in told[1].text, "0.16 s" in told[2].text] == [True] * 3
    assert "exit code 3" in told[0].text


async def test_stopping_a_keeper_that_waits_starts_nothing_more(home: Home, until: Until) -> None:
    told: list[Event] = []
    keeper = Keeper(
        spec(home, "pass"), report=told.append, changed=lambda: None, backoff=Backoff(first=600, longest=600)
    )
    await keeper.start()
    await until(lambda: bool(told))
    await keeper.stop()
    assert (keeper.pid, keeper.restarts) == (None, 0)


@pytest.mark.parametrize("program", [SLEEP, STUBBORN])
async def test_a_child_is_restarted_on_order_and_not_warned_about(
    home: Home, until: Until, alive: Alive, program: str
) -> None:
    told: list[Event] = []
    keeper = Keeper(spec(home, program), report=told.append, changed=lambda: None, backoff=Backoff(first=600))
    await keeper.start()
    await until(lambda: program == SLEEP or "deaf" in keeper.spec.log.read_text())
    first = keeper.pid
    assert first is not None
    await keeper.restart(grace=0.2)
    await until(lambda: keeper.restarts == 1)
    assert keeper.pid not in (None, first)
    assert not alive(first)
    assert told == []
    await keeper.stop()
