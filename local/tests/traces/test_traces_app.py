import asyncio
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local.traces.app import create_app
from local.traces.models import TraceView
from local.traces.spans import Link, Span
from local.traces.store import MOST_SPANS, Store

PROTOBUF = {"content-type": "application/x-protobuf"}
EVIL = "<script>alert(1)</script>"


class Http:
    """Asks an application as a client at 127.0.0.1:4318 would."""

    def __init__(self, app: Any) -> None:
        self._transport = httpx.ASGITransport(app)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            url = f"http://127.0.0.1:4318{path}"
            async with httpx.AsyncClient(transport=self._transport) as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())


type MakeSpan = Callable[..., Span]
type MakeTask = Callable[..., list[Span]]


@pytest.fixture
def http(store: Store) -> Http:
    return Http(create_app(store, largest=100_000))


def a_request(*, trace: bytes = b"\x01" * 16) -> bytes:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        trace_id=trace,
        span_id=b"\x02" * 8,
        name="infer",
        start_time_unix_nano=10**18,
        end_time_unix_nano=10**18 + 5,
    )
    return request.SerializeToString()


def got(http: Http, path: str) -> Any:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_posted_can_be_read_at_once(http: Http) -> None:
    answer = http.post("/v1/traces", content=a_request(), headers=PROTOBUF)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert got(http, f"/api/traces/{'01' * 16}")["spans"][0]["name"] == "infer"


def test_compressed_bodies_and_json_are_taken(http: Http) -> None:
    headers = {**PROTOBUF, "content-encoding": "gzip"}
    assert http.post("/v1/traces", content=gzip.compress(a_request()), headers=headers).status_code == 200
    answer = http.post("/v1/traces", json={"resourceSpans": []})
    assert (answer.status_code, answer.json()) == (200, {})


@pytest.mark.parametrize(
    ("content", "headers", "status", "words"),
    [
        (b"garbage", PROTOBUF, 400, "protobuf"),
        (b"garbage", {"content-type": "application/json"}, 400, "JSON"),
        (b"garbage", {**PROTOBUF, "content-encoding": "gzip"}, 400, "gzip"),
        (b"garbage", {**PROTOBUF, "content-encoding": "zstd"}, 400, "zstd"),
        (b"x" * 100_001, PROTOBUF, 413, "100000 bytes"),
        (gzip.compress(b"x" * 10**7), {**PROTOBUF, "content-encoding": "gzip"}, 413, "100000 bytes"),
        (b"{}", {"content-type": "text/plain"}, 415, "application/json"),
        (b"{}", {"content-type": "text/plain; application/json"}, 415, "application/json"),
        (b"{}", {}, 415, "application/json"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_reason(
    content: bytes, headers: dict[str, str], status: int, words: str, http: Http
) -> None:
    answer = http.post("/v1/traces", content=content, headers=headers)
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_rejected_spans_are_told_to_who_sent_them(http: Http) -> None:
    answer = http.post("/v1/traces", content=a_request(trace=b""), headers=PROTOBUF)
    assert answer.status_code == 200
    assert b"trace id" in answer.content


def test_who_sends_more_than_can_be_written_is_to_come_back(store: Store) -> None:
    store._most_pending = 0
    answer = Http(create_app(store)).post("/v1/traces", content=a_request(), headers=PROTOBUF)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4318", "localhost:4318"])
def test_names_of_loopback_are_served(host: str, http: Http) -> None:
    assert http.get("/api/traces", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:4318", "evil.example:4318", ""])
@pytest.mark.parametrize("path", ["/", "/api/traces", "/v1/traces"])
def test_another_name_that_resolves_to_loopback_is_not(host: str, path: str, http: Http) -> None:
    assert http.get(path, headers={"host": host}).status_code == 400


def test_other_origins_may_neither_read_nor_ask(http: Http) -> None:
    origin = {"origin": "https://evil.example"}
    preflight = {**origin, "access-control-request-method": "POST"}
    asked = http.request("OPTIONS", "/v1/traces", headers=preflight)
    assert asked.status_code == 405
    for answer in (asked, http.get("/api/traces", headers=origin)):
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/", "/traces/any", "/page/trace.js", "/api/traces", "/nothing", "/v1/traces"]
)
def test_every_answer_has_the_headers_of_safety(path: str, http: Http) -> None:
    headers = http.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("path", "files"), [("/", 3), ("/traces/x", 3)])
def test_pages_need_nothing_from_elsewhere_and_no_inline_code(path: str, files: int, http: Http) -> None:
    page = http.get(path).text
    named = [part.split('"')[0] for part in page.replace('src="', 'href="').split('href="')[1:]]
    assert "http" not in page.replace("</", "")
    assert "style=" not in page
    assert "onclick" not in page
    assert len([name for name in named if name.startswith("/page/")]) == 3
    for name in named:
        assert http.get(name).status_code == 200


def test_a_trace_is_told_whole(http: Http, store: Store, a_task: MakeTask) -> None:
    store.add(a_task("lighthouse"))
    view = TraceView.model_validate(got(http, "/api/traces/lighthouse"))
    assert view == TraceView.model_validate(got(http, f"/api/traces/1-00000000-{1:024x}"))
    assert (view.tasks, view.runtime, view.outcome) == (["lighthouse"], "sdruntime", "succeeded")
    assert (view.total_ms, view.gpu_seconds, view.gpu_share) == (921.0, 0.537, 0.5831)
    assert (view.complete, view.error, view.span_count, view.truncated) == (True, False, 17, False)
    root, *rest = view.spans
    assert (root.name, root.parent_missing, root.depth, root.offset_ms) == ("POST /v1alpha2", True, 0, 0.0)
    assert not any(span.parent_missing for span in rest)
    assert [(gap.name, gap.offset_ms, gap.ms) for gap in view.gaps] == [("in the queue", 58.0, 60.0)]
    assert sum(step.ms for step in view.steps) == pytest.approx(921.0)
    on_it = sum(each.self_ms for each in view.critical_path)
    assert on_it == pytest.approx(921.0 - 60.0) == pytest.approx(sum(span.self_ms for span in view.spans))


def test_links_say_whether_they_lead_anywhere(
    http: Http, store: Store, a_task: MakeTask, a_span: MakeSpan
) -> None:
    linked = replace(a_span(1, 0, 1, trace=9), links=(Link(f"{1:032x}", "a" * 16), Link("f" * 32, "b" * 16)))
    store.add([*a_task(trace=1), linked])
    [span] = got(http, f"/api/traces/{9:032x}")["spans"]
    assert [link["known"] for link in span["links"]] == [True, False]


def test_a_task_that_was_sent_twice_shows_the_last_and_names_the_first(
    http: Http, store: Store, a_task: MakeTask
) -> None:
    store.add([*a_task("a", trace=1), *a_task("a", trace=2, later=500)])
    view = got(http, "/api/traces/a")
    assert (view["trace_id"], view["also"]) == (f"{2:032x}", [f"{1:032x}"])
    assert [each["trace_id"] for each in got(http, "/api/traces?task=a")["traces"]] == [
        f"{2:032x}",
        f"{1:032x}",
    ]


def test_lists_are_live(http: Http, store: Store, a_task: MakeTask, a_span: MakeSpan) -> None:
    store.add(a_task("a"))
    [before] = got(http, "/api/traces?runtime=sdruntime")["traces"]
    store.add([a_span(50, 900, 1900, parent=5, error=True)])
    [after] = got(http, "/api/traces?error=true")["traces"]
    assert (before["error"], before["total_ms"]) == (False, 921.0)
    assert (after["error"], after["total_ms"]) == (True, 1900.0)
    assert got(http, "/api/traces?runtime=other")["traces"] == []


def test_what_is_missing_makes_a_trace_incomplete(http: Http, store: Store, a_task: MakeTask) -> None:
    spans = a_task("a")
    validator = [span for span in spans if span.service == "darkroom-validator"]
    consumer = [span for span in spans if span.kind == "consumer"]
    told = []
    for part in (validator, spans[7:9], spans[5:7], spans[9:], consumer):
        store.add(part)
        told.append(got(http, "/api/traces/a")["complete"])
    assert told == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("came", "kept", "shown"),
    [(MOST_SPANS - 1,) * 3, (MOST_SPANS,) * 3, (MOST_SPANS + 2, MOST_SPANS + 1, MOST_SPANS)],
)
def test_a_trace_of_very_many_spans_says_how_many(
    came: int, kept: int, shown: int, tmp_path: Path, a_span: MakeSpan
) -> None:
    store = Store(tmp_path / "many.db", most_kept=MOST_SPANS + 1)
    spans = [a_span(number, number, number + 1, darkroom_task_id="a") for number in range(1, came + 1)]
    store.add(spans)
    http = Http(create_app(store))
    view = got(http, "/api/traces/a")
    store.close()
    assert (view["span_count"], len(view["spans"]), view["dropped"]) == (came, shown, came - kept)
    assert view["truncated"] == (came > shown)


@pytest.mark.parametrize("limit", ["0", "-5", "999999999999999999999"])
def test_limits_are_kept_sane(limit: str, http: Http, store: Store, a_task: MakeTask) -> None:
    store.add(a_task("a"))
    assert len(got(http, f"/api/traces?limit={limit}")["traces"]) == 1


def test_a_limit_that_is_no_number_is_refused(http: Http) -> None:
    assert http.get("/api/traces?limit=many").status_code == 400


@pytest.mark.parametrize("name", ["nothing", "0" * 32, "../../etc/passwd", "%00", "a/b", EVIL, "'; --"])
def test_what_is_not_there_is_said_in_json(name: str, http: Http) -> None:
    answer = http.get(f"/api/traces/{name.replace('/', '%2F')}")
    assert answer.status_code == 404
    assert "no such trace" in answer.json()["message"]


def test_a_task_may_be_called_anything(http: Http, store: Store, a_task: MakeTask) -> None:
    store.add(a_task(f"{EVIL}/ü"))
    answer = http.get("/api/traces/%3Cscript%3Ealert(1)%3C%2Fscript%3E%2F%C3%BC")
    assert answer.json()["tasks"] == [f"{EVIL}/ü"]
    assert answer.headers["content-type"] == "application/json"


def test_health_counts(http: Http, store: Store, a_task: MakeTask) -> None:
    store.add(a_task("a"))
    assert store.settle(20)
    counts = {"traces": 1, "spans": 17, "lost": 0, "ignored": 0, "dropped": 0}
    assert got(http, "/api/health") == counts
    assert json.loads(http.get("/api/traces").text)["traces"][0]["span_count"] == 17
