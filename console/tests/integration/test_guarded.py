"""Nobody but the console's own page, in the browser that was let in, can ask anything."""

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from console.app import create_app
from console.guard import MARK, Pass
from console.page import Page
from console.server import PLAN
from console.testing import KEY, FakeApi, Running, a_page, serving, sources_of

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
}
FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://localhost:{port}"},  # is ours, but not where the request goes
    {"Origin": "http://127.0.0.1:{port}.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Site": "SAME-ORIGIN"},
]
HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "localhost",
    "127.0.0.1:1",
    "127.0.0.1:{port}.",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1:{port}@evil.example",
    "[::1]:{port}",
    "0.0.0.0:{port}",
    "LOCALHOST:{port}",
    "",
]


@pytest.fixture(scope="module")
def api() -> Iterator[FakeApi]:
    api = FakeApi()
    yield api
    api.close()


@pytest.fixture(scope="module")
def routes(api: FakeApi) -> list[tuple[str, str]]:
    """Method and path of each route below /api of the real server, all parts included."""
    app: Any = create_app(sources_of(api), Pass(1, "t"), Page(lambda _: None), PLAN)  # type: ignore[arg-type, return-value]  # no file of it is asked for
    found = [(method, route.path) for route in app.asgi._app.routes for method in sorted(route.methods)]
    return [
        (method, path.replace("{id}", "t1").replace("{n}", "1").replace("{n:int}", "1"))
        for method, path in found
        if path.startswith("/api") and method != "HEAD"
    ]


@pytest.fixture(scope="module")
def console(api: FakeApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("page")
    with serving(sources_of(api), a_page(folder), PLAN) as running:
        yield running


@pytest.fixture
def stranger(console: Running) -> Iterator[httpx.Client]:
    """Somebody with no cookie."""
    with httpx.Client(base_url=console.url, trust_env=False, verify=False, timeout=20) as client:
        yield client


def is_refused(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, (answer.request.method, answer.request.url, answer.text)
    body = answer.json()
    assert set(body) == {"error", "errors"}
    assert body["errors"][0] == body["error"]
    assert "access-control-allow-origin" not in answer.headers


def test_there_are_the_routes_that_the_page_knows(routes: list[tuple[str, str]]) -> None:
    assert {
        ("GET", "/api/system"),
        ("GET", "/api/events"),
        ("POST", "/api/tasks"),
        ("GET", "/api/tasks/t1"),
        ("DELETE", "/api/tasks/t1"),
        ("POST", "/api/workflow"),
        ("POST", "/api/uploads"),
        ("GET", "/api/tasks/t1/out"),
        ("GET", "/api/tasks/t1/trace"),
        ("GET", "/api/tasks/t1/notification"),
        ("GET", "/api/tasks/t1/images/1"),
        ("GET", "/api/tasks/t1/images/1/thumb"),
    } <= set(routes)


@pytest.mark.parametrize("foreign", FOREIGN, ids=str)
def test_another_page_can_ask_no_route_even_with_the_cookie(
    console: Running,
    stranger: httpx.Client,
    api: FakeApi,
    routes: list[tuple[str, str]],
    foreign: dict[str, str],
) -> None:
    asked = len(api.seen)
    said = {name: value.format(port=console.entry.port) for name, value in foreign.items()}
    for method, path in routes:
        is_refused(
            stranger.request(method, path, headers={**console.cookie, MARK: "1", **said}, json={}), 403
        )
    assert len(api.seen) == asked


@pytest.mark.parametrize("host", HOSTS)
def test_under_another_name_nothing_is_served_at_all(
    console: Running, stranger: httpx.Client, api: FakeApi, routes: list[tuple[str, str]], host: str
) -> None:
    asked = len(api.seen)
    name = host.format(port=console.entry.port)
    own = {
        **console.cookie,
        MARK: "1",
        "Host": name,
        "Origin": f"http://{name}",
        "Sec-Fetch-Site": "same-origin",
    }
    for method, path in [*routes, ("GET", "/"), ("GET", "/assets/app.js"), ("GET", "/nothing")]:
        is_refused(stranger.request(method, path, headers=own, json={} if method == "POST" else None), 400)
    token = stranger.get("/", params={"token": console.entry.token}, headers={"Host": name})
    is_refused(token, 400)
    assert "set-cookie" not in token.headers
    assert len(api.seen) == asked


@pytest.mark.parametrize("lines", ["", "Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"])
def test_a_request_without_a_name_or_with_two_is_refused(console: Running, lines: str) -> None:
    with socket.create_connection(("127.0.0.1", console.entry.port), timeout=20) as connection:
        said = lines.format(port=console.entry.port)
        connection.sendall(f"GET / HTTP/1.1\r\n{said}Connection: close\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "darkroom_console_1={token}",
        "{name}=",
        "{name}=x",
        "{name}={token}x",
        '{name}="{token}"',
        "x{name}={token}",
        "{token}",
    ],
)
def test_without_the_cookie_no_route_answers(
    console: Running, stranger: httpx.Client, api: FakeApi, routes: list[tuple[str, str]], cookie: str
) -> None:
    asked = len(api.seen)
    said = cookie.format(name=console.entry.cookie, token=console.entry.token)
    headers = {MARK: "1", "Sec-Fetch-Site": "same-origin", "Origin": console.url, "Cookie": said}
    for method, path in [*routes, ("GET", "/api"), ("GET", "/api/"), ("GET", "/api/nothing")]:
        answer = stranger.request(method, path, headers=headers, json={} if method == "POST" else None)
        is_refused(answer, 401)
        assert "./darkroom up" in answer.json()["error"]["message"]
    assert len(api.seen) == asked


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"]
)
def test_a_form_of_another_page_can_submit_nothing(
    console: Running, stranger: httpx.Client, api: FakeApi, routes: list[tuple[str, str]], kind: str
) -> None:
    # As browsers sent it that know of neither Origin nor Sec-Fetch-Site, and ignore SameSite.
    asked = len(api.seen)
    for method, path in routes:
        if method == "POST":
            form = {**console.cookie, "Content-Type": kind}
            is_refused(stranger.post(path, headers=form, content=b'{"task": {}}'), 403)
            if path != "/api/uploads":
                is_refused(stranger.post(path, headers={**form, MARK: "1"}, content=b'{"task": {}}'), 415)
    assert len(api.seen) == asked


@pytest.mark.parametrize("mark", [{}, {MARK: ""}, {MARK: "2"}, {MARK: "1, 1"}])
def test_what_changes_something_needs_the_header_that_forms_cannot_send(
    console: Running,
    stranger: httpx.Client,
    api: FakeApi,
    routes: list[tuple[str, str]],
    mark: dict[str, str],
) -> None:
    asked = len(api.seen)
    for method, path in routes:
        if method != "GET":
            is_refused(stranger.request(method, path, headers={**console.cookie, **mark}, json={}), 403)
    assert len(api.seen) == asked


@pytest.mark.parametrize("path", ["/api/tasks", "/api/system", "/"])
def test_nobody_is_told_that_another_origin_may_ask(
    console: Running, stranger: httpx.Client, path: str
) -> None:
    asks = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": MARK,
        "Access-Control-Request-Private-Network": "true",
    }
    answer = stranger.options(path, headers={**asks, **console.cookie})
    assert answer.status_code in (403, 405)
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_printed_address_lets_a_browser_in_once_and_for_all(
    console: Running, stranger: httpx.Client
) -> None:
    assert stranger.get("/api/system").status_code == 401
    answer = stranger.get(console.entry.url)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    [cookie] = answer.headers.get_list("set-cookie")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert cookie.startswith(f"darkroom_console_{console.entry.port}=")
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert not [part for part in parts if part.startswith("domain")]
    assert stranger.get("/api/system").status_code == 200
    assert console.entry.token not in stranger.get("/").text


@pytest.mark.parametrize("token", ["", "x", "é", "{token}x"])
def test_a_wrong_address_lets_nobody_in(console: Running, stranger: httpx.Client, token: str) -> None:
    answer = stranger.get("/", params={"token": token.format(token=console.entry.token)})
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert "printed" in answer.text


def test_the_cookie_of_another_console_is_left_alone(console: Running, stranger: httpx.Client) -> None:
    cookies = f"darkroom_console_1=other; {console.entry.cookie}={console.entry.token}; x=y"
    assert stranger.get("/api/system", headers={"Cookie": cookies}).status_code == 200


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Host": "localhost:{port}"},
        {"Host": "localhost:{port}", "Origin": "http://localhost:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://127.0.0.1:{port}"},
    ],
    ids=str,
)
def test_the_pages_own_requests_pass(console: Running, stranger: httpx.Client, said: dict[str, str]) -> None:
    own = {name: value.format(port=console.entry.port) for name, value in said.items()}
    assert stranger.get("/api/system", headers={**console.cookie, **own}).status_code == 200


def test_all_answers_have_the_headers_of_a_careful_page(
    console: Running, stranger: httpx.Client, routes: list[tuple[str, str]]
) -> None:
    requests: list[tuple[str, dict[str, str]]] = [
        *((path, {}) for _, path in routes),
        ("/", {}),
        ("/assets/app.js", {}),
        ("/no%00thing", {}),
    ]
    requests += [(path, dict(console.headers)) for _, path in routes if path != "/api/events"]
    requests += [("/", {"Host": "evil.example"}), (console.entry.url, {}), ("/?token=x", {})]
    for path, headers in requests:
        answer = stranger.get(path, headers=headers)
        for name, value in HEADERS.items():
            assert answer.headers.get_list(name) == [value], (path, answer.status_code)
        assert set(answer.headers["content-security-policy"].split("; ")) == POLICY
        if path.startswith("/api"):
            assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("GET /api/nothing", 404, "not_found"),
        ("GET /api/", 404, "not_found"),
        ("GET /nothing", 404, "not_found"),
        ("GET /api/system/", 404, "not_found"),
        ("GET /api/../api/x", 404, "not_found"),
        ("PUT /api/tasks", 405, "method_not_allowed"),
        ("GET /api/workflow", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_refused_as_all_else_is(
    console: Running, stranger: httpx.Client, asked: str, status: int, code: str
) -> None:
    method, path = asked.split()
    answer = stranger.request(method, path, headers=console.headers, json={} if method == "PUT" else None)
    is_refused(answer, status)
    assert answer.json()["error"]["code"] == code


def test_the_key_is_in_no_answer(
    console: Running, stranger: httpx.Client, api: FakeApi, routes: list[tuple[str, str]]
) -> None:
    api.put("t1", "failed", error={"code": "internal", "message": "no", "retryable": True})
    for method, path in routes:
        if path != "/api/events":
            answer = stranger.request(
                method, path, headers=console.headers, json={} if method == "POST" else None
            )
            assert KEY not in answer.text
            assert KEY not in str(answer.headers)
    assert any(seen.headers.get("x-api-key") == KEY for seen in api.seen)
