"""`darkroom console` as a user runs it, for a system of which endpoint and key are known."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from darkroom_client.testing import Say, Seen, Server, task
from local.environment import this_python

PATIENCE = 60.0  # seconds
KEY = "a-secret-key-0123456789"


@pytest.fixture
def server() -> Iterator[Server]:
    """Give an API with one task."""
    server = Server()
    server.says(Say(200, {"tasks": [task(id="a", runtime="sdruntime")], "cursor": None}))
    yield server
    server.close()


@contextmanager
def serving(
    server: Server, home: Path, *arguments: str, **environ: str
) -> Iterator[tuple[subprocess.Popen[str], httpx.URL]]:
    """Run the command; give it with the address that it prints."""
    named = {"DARKROOM_ENDPOINT": server.url, "DARKROOM_API_KEY": KEY, "DARKROOM_HOME": str(home)}
    kept = {name: os.environ[name] for name in ("DARKROOM_CONSOLE_PAGE",) if name in os.environ}
    with subprocess.Popen(
        [sys.executable, "-m", "darkroom_cli", "console", "--port", "0", *arguments],
        env={**this_python(os.environ), **kept, **named, **environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            yield process, httpx.URL(address)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(server: Server, tmp_path: Path, number: signal.Signals) -> None:
    with serving(server, tmp_path) as (process, address), httpx.Client(trust_env=False) as browser:
        assert browser.get(address).headers["location"] == "/"
        system = browser.get(address.copy_with(raw_path=b"/api/system")).json()
        assert (system["mode"], system["endpoint"]) == ("api", server.url)
        assert [(one["name"], one["type"]) for one in system["runtimes"]] == [("sdruntime", "sdwebui")]
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert KEY not in err


def test_a_page_that_listens_does_not_keep_it_from_ending(server: Server, tmp_path: Path) -> None:
    with serving(server, tmp_path) as (process, address), httpx.Client(trust_env=False) as browser:
        browser.get(address)
        with browser.stream("GET", address.copy_with(raw_path=b"/api/events")) as events:
            assert "event: system" in next(events.iter_text())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_the_key_is_no_argument_and_in_no_answer(server: Server, tmp_path: Path) -> None:
    with serving(server, tmp_path) as (process, address), httpx.Client(trust_env=False) as browser:
        token = address.params["token"]
        shown = psutil.Process(process.pid).cmdline()
        assert not any(secret in word for word in shown for secret in (KEY, token))
        browser.get(address)
        for path in (b"/", b"/api/system", b"/api/tasks/a"):
            assert KEY not in browser.get(address.copy_with(raw_path=path)).text
        headers = {"origin": "https://evil.example"}
        for path in (b"/api/system", b"/api/tasks/a", b"/api/events"):
            assert browser.get(address.copy_with(raw_path=path), headers=headers).status_code == 403
        assert httpx.get(address.copy_with(raw_path=b"/api/system"), trust_env=False).status_code == 401
    assert all(_with_key(seen) for seen in server.seen)


_TERMINAL_BROWSER = """
import sys, urllib.request
from pathlib import Path
leading = urllib.request.urlopen(sys.argv[1]).read().decode()
address = leading.partition("url=")[2].partition('"')[0]
try:
    direct = urllib.request.ProxyHandler({})
    opener = urllib.request.build_opener(direct, urllib.request.HTTPCookieProcessor())
    found = str(opener.open(address, timeout=20).status)
except OSError as exc:
    found = repr(exc)
result = Path(sys.argv[0]).with_name("result")
result.with_suffix(".part").write_text(found)
result.with_suffix(".part").rename(result)
"""


def test_a_browser_of_the_terminal_is_answered_while_its_caller_waits_for_it(
    server: Server, tmp_path: Path
) -> None:
    script, result = tmp_path / "browser.py", tmp_path / "result"
    script.write_text(_TERMINAL_BROWSER)
    with serving(server, tmp_path, "--open", BROWSER=f"{sys.executable} {script} %s"):
        deadline = time.monotonic() + PATIENCE
        while not result.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert result.read_text() == "200"


def _with_key(seen: Seen) -> bool:
    return seen.headers.get("x-api-key") == KEY
