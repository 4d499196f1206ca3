import asyncio
import contextlib
import gzip
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from queue_agent import health as health_module
from queue_agent.errors import SettingsError
from queue_agent.health import (
    BREAKER_OPEN,
    RUNTIME_NOT_READY,
    STOPPING,
    WARM_UP_FAILED,
    Health,
    HealthServer,
    heartbeat,
    serving,
)
from queue_agent.health_http import MAX_HEAD_BYTES, MAX_OPEN, ProbeServer
from queue_agent.metrics import Metrics
from queue_agent.testing import FakeClock

HERE = "127.0.0.1"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def health(clock: FakeClock) -> Health:
    return Health(clock=clock)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("sdruntime")


@pytest.fixture
def server(health: Health, metrics: Metrics) -> Iterator[HealthServer]:
    server = HealthServer(0, health, metrics, host=HERE, read_seconds=0.5)
    server.start()
    yield server
    server.close()


@pytest.fixture
def patient(health: Health, metrics: Metrics) -> Iterator[HealthServer]:
    """A server that waits for a request far longer than any test."""
    server = HealthServer(0, health, metrics, host=HERE, read_seconds=600)
    server.start()
    yield server
    server.close()


def get(server: HealthServer, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"http://{HERE}:{server.port}{path}", headers=headers, trust_env=False, timeout=10)


def raw(server: HealthServer, request: bytes) -> bytes:
    """Send bytes and return what comes until the server hangs up."""
    with socket.create_connection((HERE, server.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while some := connection.recv(65536):
                answer += some
    return answer


def test_an_agent_lives_from_the_start(server: HealthServer) -> None:
    answer = get(server, "/livez")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": []})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_it_lives_until_the_loop_was_silent_for_30_seconds_and_again_after_a_beat(
    server: HealthServer, health: Health, clock: FakeClock
) -> None:
    clock.now += 30
    assert get(server, "/livez").status_code == 200
    clock.now += 1
    answer = get(server, "/livez")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "reasons": ["the event loop has not run for 31 s"]}
    health.beat()
    assert get(server, "/livez").status_code == 200


def test_it_is_not_ready_before_the_runtime_is(server: HealthServer, health: Health) -> None:
    answer = get(server, "/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["runtime not ready"])
    health.set_ready(True, RUNTIME_NOT_READY)
    answer = get(server, "/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "reasons": []})


def test_every_reason_is_told_and_each_is_taken_back_by_itself(server: HealthServer, health: Health) -> None:
    for why in (BREAKER_OPEN, STOPPING, WARM_UP_FAILED, BREAKER_OPEN):
        health.set_ready(False, why)
    assert get(server, "/readyz").json()["reasons"] == [
        "breaker open",
        "runtime not ready",
        "stopping",
        "warm-up failed",
    ]
    for why in (RUNTIME_NOT_READY, BREAKER_OPEN, WARM_UP_FAILED):
        health.set_ready(True, why)
    assert get(server, "/readyz").json()["reasons"] == ["stopping"]


def test_who_does_not_live_is_not_ready_but_who_is_not_ready_lives(
    server: HealthServer, health: Health, clock: FakeClock
) -> None:
    assert get(server, "/livez").status_code == 200
    health.set_ready(True, RUNTIME_NOT_READY)
    clock.now += 60
    answer = get(server, "/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["the event loop has not run for 60 s"])


def test_metrics_are_served_as_prometheus_text(server: HealthServer, metrics: Metrics) -> None:
    metrics.aws_retry()
    answer = get(server, "/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert found["darkroom_aws_retries"].samples[0].value == 1


def test_metrics_are_served_as_openmetrics_to_who_asks_for_it(server: HealthServer, metrics: Metrics) -> None:
    metrics.aws_retry()
    accept = "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5"
    answer = get(server, "/metrics", Accept=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    parse: Callable[[str], Iterable[Metric]] = openmetrics.text_string_to_metric_families
    found = {family.name: family for family in parse(answer.text)}
    assert found["darkroom_aws_retries"].samples[0].value == 1
    assert "darkroom_gpu_busy_seconds" in found


def test_metrics_are_packed_only_for_who_can_unpack_them(server: HealthServer) -> None:
    assert b"gzip" not in raw(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")[0]
    packed = raw(server, b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
    head, _, body = packed.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert b"darkroom_gpu_busy" in gzip.decompress(body)


def test_a_scrape_may_ask_for_some_names_only(server: HealthServer) -> None:
    answer = get(server, "/metrics?name[]=darkroom_gpu_busy_fraction")
    names = {
        sample.name
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if family.name.startswith("darkroom_")
    }
    assert "darkroom_gpu_busy_fraction" in names
    assert "darkroom_aws_retries_total" not in names


@pytest.mark.parametrize(
    "path", ["/", "/health", "/livez/", "/metrics/x", "/favicon.ico", "//", "/%2e%2e/livez"]
)
def test_other_paths_are_not_found(server: HealthServer, path: str) -> None:
    assert raw(server, f"GET {path} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.0 404 ")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "NONSENSE"])
def test_other_methods_are_not_allowed(server: HealthServer, method: str, path: str) -> None:
    head = raw(server, f"{method} {path} HTTP/1.1\r\n\r\n".encode()).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.0 405 ")
    assert b"\r\nAllow: GET" in head


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /livez HTTP/9.x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nX: " + b"x" * (2 * MAX_HEAD_BYTES) + b"\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=a.b\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=\xff;escaping=\x00\r\n\r\n",
    ],
)
def test_nonsense_does_no_harm_and_leaves_no_trace_of_what_it_said(
    server: HealthServer, request_: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    raw(server, request_)
    assert get(server, "/livez").status_code == 200
    assert capfd.readouterr() == ("", "")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("queue_agent")] == []


def test_a_format_that_nobody_knows_gets_the_plain_one(server: HealthServer) -> None:
    answer = get(server, "/metrics", Accept="application/openmetrics-text;version=a.b")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_query_strings_and_headers_are_never_logged(
    server: HealthServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="queue_agent")
    for path in ("/livez?token=hush-hush", "/metrics?name[]=hush-hush", "/nowhere?hush-hush"):
        raw(server, f"GET {path} HTTP/1.1\r\nAuthorization: hush-hush\r\n\r\n".encode())
    accept = "application/openmetrics-text;version=hush-hush"
    raw(server, f"GET /metrics HTTP/1.1\r\nAccept: {accept}\r\n\r\n".encode())
    said = "".join(capfd.readouterr()) + repr([vars(record) for record in caplog.records])
    assert "hush-hush" not in said


def test_a_figure_that_cannot_be_had_is_a_500_and_not_the_end(server: HealthServer, metrics: Metrics) -> None:
    def broken() -> float:
        raise ValueError("hush")

    metrics._ready.set_function(broken)
    answer = get(server, "/metrics")
    assert (answer.status_code, answer.json()) == (500, {"error": "not rendered"})
    assert get(server, "/livez").status_code == 200


def test_connections_that_say_nothing_make_room_for_others(patient: HealthServer) -> None:
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection((HERE, patient.port), timeout=10))
            for _ in range(2 * MAX_OPEN)
        ]
        for connection in slow:
            connection.sendall(b"GET /livez HTTP/1.1\r\nX-Slow: ")
        assert get(patient, "/livez").status_code == 200
        assert get(patient, "/metrics").status_code == 200
        for oldest in slow[:MAX_OPEN]:
            with contextlib.suppress(ConnectionResetError):
                assert oldest.recv(1) == b""
        newest = slow[-1]
        newest.sendall(b"done\r\n\r\n")
        assert newest.recv(12) == b"HTTP/1.0 200"


def test_no_connection_keeps_the_agent_from_ending(patient: HealthServer) -> None:
    with socket.create_connection((HERE, patient.port), timeout=10):
        assert get(patient, "/livez").status_code == 200
        threads = [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]
        assert threads
        assert all(thread.daemon for thread in threads)


def test_a_request_that_drips_is_cut_off_as_a_whole(server: HealthServer) -> None:
    with socket.create_connection((HERE, server.port), timeout=10) as connection:
        assert any(_hung_up(connection, b"x") for _ in range(1000))
    assert get(server, "/livez").status_code == 200


def _hung_up(connection: socket.socket, byte: bytes) -> bool:
    """Send a byte a little later; return whether nobody takes it any more."""
    time.sleep(0.02)
    try:
        connection.sendall(byte)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def test_a_client_that_goes_before_its_answer_leaves_nothing_behind(
    server: HealthServer, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(20):
        connection = socket.create_connection((HERE, server.port), timeout=10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        connection.close()
    assert get(server, "/livez").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_many_ask_at_once(server: HealthServer) -> None:
    codes = list[int]()
    askers = [
        threading.Thread(target=lambda: codes.append(get(server, "/metrics").status_code)) for _ in range(12)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert codes == [200] * 12


def test_a_port_that_is_taken_is_named(server: HealthServer, health: Health, metrics: Metrics) -> None:
    with pytest.raises(SettingsError, match=rf"HEALTH_PORT.*{HERE}:{server.port}"):
        HealthServer(server.port, health, metrics, host=HERE).start()


@pytest.mark.parametrize(("port", "host"), [(65536, HERE), (0, "192.0.2.1")])
def test_an_address_that_is_not_ours_is_named(health: Health, metrics: Metrics, port: int, host: str) -> None:
    with pytest.raises(SettingsError, match="HEALTH_PORT"):
        HealthServer(port, health, metrics, host=host).start()


def test_a_closed_server_frees_its_port_and_hangs_up(
    patient: HealthServer, health: Health, metrics: Metrics
) -> None:
    port = patient.port
    with socket.create_connection((HERE, port), timeout=10) as idle:
        assert get(patient, "/livez").status_code == 200  # so that the idle one is taken, too
        patient.close()
        patient.close()
        assert idle.recv(1) == b""
    second = HealthServer(port, health, metrics, host=HERE)
    second.start()
    assert get(second, "/livez").status_code == 200
    second.close()


def test_an_answer_that_breaks_is_told_to_nobody_but_its_client(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("hush-hush")

    server = ProbeServer(HERE, 0, broken, read_seconds=5)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    assert httpx.get(f"http://{HERE}:{server.server_port}/", trust_env=False).status_code == 500
    server.shutdown()
    thread.join()
    server.server_close()
    assert capfd.readouterr() == ("", "")


def test_a_server_that_was_never_started_can_be_closed(health: Health, metrics: Metrics) -> None:
    server = HealthServer(0, health, metrics, host=HERE)
    server.close()
    assert server.port == 0


def loopback_has_ipv6() -> bool:
    """Whether a socket can listen on ::1: the kernel may lack the family, the loopback the address."""
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::1", 0))
    except OSError:
        return False
    return True


# Nothing can be served on an address that the machine does not have: some containers have no IPv6 at all.
@pytest.mark.skipif(not loopback_has_ipv6(), reason="this machine's loopback has no IPv6 to be served on")
def test_both_kinds_of_address_are_served(health: Health, metrics: Metrics) -> None:
    server = HealthServer(0, health, metrics, host="::")
    try:
        server.start()
        assert get(server, "/livez").status_code == 200
        assert httpx.get(f"http://[::1]:{server.port}/livez", trust_env=False).status_code == 200
    finally:
        server.close()


async def test_serving_answers_while_the_block_runs_and_not_after(health: Health, metrics: Metrics) -> None:
    async with serving(0, health, metrics, host=HERE) as server, httpx.AsyncClient(trust_env=False) as client:
        url = f"http://{HERE}:{server.port}/livez"
        assert (await client.get(url)).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_it_answers_503_while_the_event_loop_hangs(metrics: Metrics) -> None:
    health = Health(patience=0.1)
    answers = list[Any]()
    async with serving(0, health, metrics, host=HERE) as server:
        beating = asyncio.create_task(heartbeat(health, metrics, every=0.01))
        await asyncio.sleep(0.05)
        asker = threading.Thread(target=lambda: answers.append(_first_503(server)))
        asker.start()
        asker.join()  # the loop stands still here
        await asyncio.sleep(0.05)
        after = await asyncio.to_thread(get, server, "/livez")
        beating.cancel()
    assert "the event loop has not run" in answers[0]
    assert after.status_code == 200
    assert (metrics.registry.get_sample_value("darkroom_event_loop_lag_seconds") or 0) > 0.05


def _first_503(server: HealthServer) -> str:
    for _ in range(1000):
        answer = get(server, "/livez")
        if answer.status_code == 503:
            return answer.text
        time.sleep(0.01)
    return "it lived on"


async def test_the_heartbeat_stops_when_it_is_cancelled(metrics: Metrics) -> None:
    clock = FakeClock()
    health = Health(clock=clock)
    clock.now += 100
    assert health.not_live()
    beating = asyncio.create_task(heartbeat(health, metrics))
    await asyncio.sleep(0)
    assert health.not_live() == []
    beating.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beating


def test_the_loop_is_watched_far_more_often_than_its_silence_is_borne() -> None:
    assert health_module.BEAT_SECONDS * 10 < health_module.PATIENCE
