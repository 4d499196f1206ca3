"""The SDK as processes set it up: each test has one of its own, as OpenTelemetry takes one provider only."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def environment() -> dict[str, str]:
    """What a child needs to import what this process imports."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ.get("PATH", "")}


SPAN = """
from opentelemetry import trace
from telemetry import sdk

telemetry = sdk.start(service="a-service", attributes={"darkroom.runtime": "r"})
with trace.get_tracer("t").start_as_current_span("work") as span:
    print(sdk.current_ids())
print("recording", span.get_span_context().is_valid)
telemetry.close(1.0)
print("opentelemetry.sdk.trace" in __import__("sys").modules)
"""


class Taking(BaseHTTPRequestHandler):
    taken: ClassVar[list[tuple[str, bytes]]] = []
    status = 200
    seconds = 0.0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, body))
        time.sleep(self.seconds)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its signature
        pass


@contextmanager
def collector(status: int = 200, seconds: float = 0.0) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    taken: list[tuple[str, bytes]] = []
    handler = type("Handler", (Taking,), {"taken": taken, "status": status, "seconds": seconds})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", taken
    finally:
        server.shutdown()
        server.server_close()


def run(env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SPAN],
        env={**environment(), **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_without_an_endpoint_nothing_is_traced_and_the_sdk_is_not_even_imported() -> None:
    done = run({})
    assert done.stdout.splitlines() == ["None", "recording False", "False"], done.stderr


@pytest.mark.parametrize("switch", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_it_can_be_switched_off_by_the_variables_of_the_specification(switch: dict[str, str]) -> None:
    with collector() as (url, taken):
        done = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **switch})
    assert "recording False" in done.stdout
    assert taken == []


def test_what_ended_is_sent_at_the_end_with_the_service_that_made_it() -> None:
    with collector() as (url, taken):
        done = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert done.returncode == 0, done.stderr
    [(path, body)] = taken
    assert path == "/v1/traces"
    [sent] = ExportTraceServiceRequest.FromString(body).resource_spans
    resource = {each.key: each.value.string_value for each in sent.resource.attributes}
    assert (resource["service.name"], resource["darkroom.runtime"]) == ("a-service", "r")
    [span] = sent.scope_spans[0].spans
    assert span.name == "work"
    age = time.time() - int(span.trace_id.hex()[:8], 16)
    assert -5 < age < 60  # the first eight digits are the time, as X-Ray wanted it once


def test_the_name_of_the_service_can_be_another() -> None:
    with collector() as (url, taken):
        run({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{url}/v1/traces", "OTEL_SERVICE_NAME": "mine"})
    [(_, body)] = taken
    assert b"mine" in body


@pytest.mark.parametrize("way", ["down", "refusing", "hanging"])
def test_a_collector_in_trouble_does_not_hold_up_the_end(way: str) -> None:
    if way == "down":
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    else:
        with collector(503 if way == "refusing" else 200, 90.0 if way == "hanging" else 0.0) as (url, _):
            # As long as an exporter may take: only `close` ends in time.
            done = run({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": "90"})
    assert done.returncode == 0, done.stderr
    assert "recording True" in done.stdout


def test_a_collector_in_trouble_is_told_of_once_and_not_for_each_batch() -> None:
    with collector(400) as (url, taken):
        done = subprocess.run(
            [sys.executable, "-c", SPAN.replace("telemetry.close(1.0)", MANY)],
            env={**environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "20"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert len(taken) > 1
    assert len([line for line in done.stderr.splitlines() if "span" in line.lower()]) == 1, done.stderr


def test_spans_that_are_dropped_are_told_of_once() -> None:
    with collector(seconds=0.5) as (url, _):
        done = subprocess.run(
            [sys.executable, "-c", SPAN.replace("telemetry.close(1.0)", FLOOD)],
            env={
                **environment(),
                "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                "OTEL_BSP_MAX_QUEUE_SIZE": "20",
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stderr.count("dropping") == 1, done.stderr


FLOOD = """
for _ in range(500):
    with trace.get_tracer("t").start_as_current_span("more"):
        pass
telemetry.close(1.0)
"""
MANY = """
import time
for _ in range(5):
    with trace.get_tracer("t").start_as_current_span("more"):
        pass
    time.sleep(0.2)
telemetry.close(1.0)
"""
