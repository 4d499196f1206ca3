"""Who may use the console of a system that is up: the real process, spoken to as others would speak to it.

What a real browser makes of it is tested in tests/console.
"""

import asyncio
import os
import signal
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping

import httpx
import psutil
import pytest

from local.home import Home
from local.sockets import listens
from local.state import State, read_state

LARGEST_PAGE = 200_000  # bytes, compressed
EVIL = "https://evil.example"
READ = (
    "/api/system",
    "/api/events",
    "/api/tasks/a",
    "/api/tasks/a/images/1",
    "/api/tasks/a/images/1/thumb?s=1",
    "/api/tasks/a/out",
    "/api/tasks/a/notification",
    "/api/tasks/a/trace",
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain")
TASK = (
    b'{"task": {"metadata": {"id": "forged", "runtime": "sdruntime", "tasktype": "text-to-image",'
    b' "prefix": "output"}, "content": {"prompt": "a"}}}'
)

type Until = Callable[[Callable[[], bool]], Awaitable[None]]


def console_url(state: State) -> httpx.URL:
    assert state.console_url is not None
    return httpx.URL(state.console_url)


@pytest.fixture(scope="module")
def address(system: tuple[Home, State]) -> httpx.URL:
    """Give the address of a console that is up."""
    url = console_url(system[1])
    assert url.port is not None
    asyncio.run(_listening(url.port))
    return url


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while not listens(port):
            await asyncio.sleep(0.05)


@pytest.fixture
def stranger(address: httpx.URL) -> Iterator[httpx.Client]:
    """Give somebody who has not opened the address."""
    with httpx.Client(base_url=address.copy_with(query=None), trust_env=False) as client:
        yield client


@pytest.fixture
def user(address: httpx.URL, stranger: httpx.Client) -> httpx.Client:
    """Give somebody who has."""
    assert stranger.get(address).status_code == 303
    return stranger


def own(client: httpx.Client) -> dict[str, str]:
    """Return what the browser says of a request of the console's page."""
    origin = str(client.base_url).rstrip("/")
    return {"origin": origin, "sec-fetch-site": "same-origin", "x-darkroom-console": "1"}


def test_the_address_is_exchanged_for_a_cookie_that_no_script_can_read(
    address: httpx.URL, stranger: httpx.Client
) -> None:
    answer = stranger.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    system = stranger.get("/api/system").json()
    assert system["mode"] == "local"
    assert {runtime["name"] for runtime in system["runtimes"]} == {"sdruntime", "sddynamic", "comfyruntime"}


def test_whoever_has_no_cookie_gets_the_page_and_nothing_else(stranger: httpx.Client) -> None:
    assert stranger.get("/").status_code == 200
    for path in READ:
        assert stranger.get(path).status_code == 401, path
    for path in ("/api/tasks", "/api/uploads", "/api/workflow"):
        assert stranger.post(path, content=TASK, headers=own(stranger)).status_code == 401, path
    assert stranger.delete("/api/tasks/a", headers=own(stranger)).status_code == 401


def test_a_guessed_token_opens_nothing(stranger: httpx.Client) -> None:
    answer = stranger.get("/", params={"token": "guessed"})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    stranger.cookies.set(f"darkroom_console_{stranger.base_url.port}", "guessed")
    assert stranger.get("/api/system").status_code == 401


def test_what_everybody_gets_holds_no_secret(
    system: tuple[Home, State], address: httpx.URL, stranger: httpx.Client
) -> None:
    for path in ("/", "/assets/app.js", "/assets/app.css", "/api/system", "/nothing"):
        body = stranger.get(path).text
        assert system[1].api_key not in body
        assert address.params["token"] not in body


def test_the_page_never_gets_the_key(system: tuple[Home, State], user: httpx.Client) -> None:
    with user.stream("GET", "/api/events", headers={"sec-fetch-site": "same-origin"}) as events:
        first = next(events.iter_text())
    answers = [user.get(path).text for path in READ if path != "/api/events"]
    assert not any(system[1].api_key in text for text in (first, *answers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": EVIL, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"origin": "null", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"origin": EVIL, "accept": "text/event-stream"},
        {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-site"},
        {"origin": "http://localhost", "sec-fetch-site": "same-site"},
    ],
)
def test_another_page_reads_nothing_even_if_the_cookie_travelled(
    user: httpx.Client, headers: Mapping[str, str]
) -> None:
    for path in READ:
        answer = user.get(path, headers=headers)
        assert answer.status_code == 403, path
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("media_type", [*FORMS, "application/json"])
@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1"])
def test_another_page_submits_nothing_even_if_the_cookie_travelled(
    user: httpx.Client, media_type: str, origin: str
) -> None:
    for path in ("/api/tasks", "/api/uploads", "/api/workflow"):
        for mark in ({}, {"x-darkroom-console": "1"}):
            headers = {"origin": origin, "content-type": media_type, **mark}
            assert user.post(path, content=TASK, headers=headers).status_code == 403, path
    assert user.delete("/api/tasks/a", headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("media_type", FORMS)
def test_a_form_submits_nothing_even_where_the_browser_tells_nothing(
    user: httpx.Client, media_type: str
) -> None:
    answer = user.post("/api/tasks", content=TASK, headers={"content-type": media_type})
    assert answer.status_code == 403
    marked = {"content-type": media_type, "x-darkroom-console": "1"}
    assert user.post("/api/tasks", content=TASK, headers=marked).status_code == 415


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET"])
def test_a_browser_that_asks_first_is_never_told_yes(user: httpx.Client, method: str) -> None:
    asked = {
        "origin": EVIL,
        "access-control-request-method": method,
        "access-control-request-headers": "x-darkroom-console",
        "access-control-request-private-network": "true",
    }
    for path in ("/api/tasks", "/api/tasks/a", "/api/uploads", "/"):
        answer = user.options(path, headers=asked)
        assert answer.status_code in {403, 405}
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "[::1]:{port}", "127.0.0.1:{port}.evil.example"],
)
def test_a_name_that_was_made_to_point_here_gets_nothing(
    address: httpx.URL, user: httpx.Client, host: str
) -> None:
    headers = {"host": host.format(port=address.port)}
    for path in ("/", f"/?token={address.params['token']}", "/assets/app.js", *READ):
        answer = user.get(path, headers=headers)
        assert answer.status_code == 400, path
        assert "set-cookie" not in answer.headers
    posted = user.post("/api/tasks", content=TASK, headers={**own(user), **headers})
    assert posted.status_code == 400


def test_every_answer_says_what_a_browser_must_not_do_with_it(user: httpx.Client) -> None:
    for path in ("/", "/assets/app.js", "/api/system", "/api/nothing", "/nothing"):
        headers = user.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_page_is_small(stranger: httpx.Client) -> None:
    packed = {"accept-encoding": "gzip"}
    sizes = [
        int(stranger.get(path, headers=packed).headers["content-length"])
        for path in ("/", "/assets/app.js", "/assets/app.css")
    ]
    assert sum(sizes) < LARGEST_PAGE


def test_it_listens_on_loopback_alone(system: tuple[Home, State], address: httpx.URL) -> None:
    process = psutil.Process(read_state(system[0]).processes["console"])
    listening = [each.laddr for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    assert listening == [("127.0.0.1", address.port)]


def test_neither_key_nor_token_is_where_others_of_this_machine_can_look(
    system: tuple[Home, State], address: httpx.URL, user: httpx.Client
) -> None:
    home, state = system
    user.get("/?token=wrong")
    user.get("/api/tasks/a", headers={"host": "evil.example"})
    secrets = (state.api_key, address.params["token"])
    for name, pid in read_state(home).processes.items():
        process = psutil.Process(pid)
        shown = [*process.cmdline(), *process.environ().values()]
        assert not [word for word in shown if any(secret in word for secret in secrets)], name
    for log in home.logs.iterdir():
        assert not any(secret in log.read_text(errors="replace") for secret in secrets), log.name


def test_the_files_are_the_users_alone(system: tuple[Home, State]) -> None:
    home, _ = system
    for file in (home.state_file, home.console_file, home.console_token):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.work.stat().st_mode) == 0o700


async def test_a_killed_console_is_replaced_at_its_address_and_knows_its_users(
    system: tuple[Home, State], address: httpx.URL, user: httpx.Client, until: Until
) -> None:
    home, _ = system
    before = read_state(home).processes["console"]
    os.kill(before, signal.SIGKILL)
    await until(lambda: read_state(home).processes.get("console", before) != before)
    assert address.port is not None
    await _listening(address.port)
    assert (await asyncio.to_thread(user.get, "/api/system")).status_code == 200
    assert read_state(home).console_url == str(address)
