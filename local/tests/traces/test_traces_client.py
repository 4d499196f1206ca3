import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.traces.client import TraceClient
from local.traces.errors import UnreachableError
from local.traces.spans import Span
from local.traces.store import Store
from local.traces.views import Views


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self, at: float) -> None:
        self.at = at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def now(self) -> float:
        return self.at


def answering(*answers: httpx.Response | httpx.HTTPError) -> tuple[TraceClient, list[httpx.Request]]:
    """Return a client of a server that gives these answers, the last one again and again."""
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = answers[min(len(asked), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)

    return TraceClient("http://127.0.0.1:4318/", transport=httpx.MockTransport(handle)), asked


@pytest.fixture
def a_view(store: Store, a_task: Callable[..., list[Span]]) -> Callable[..., dict[str, Any]]:
    """Make what the store would answer."""

    def make(**changes: Any) -> dict[str, Any]:
        store.add(a_task("a"))
        store.settle(20)
        view = Views(store).trace("a")
        assert view is not None
        answer: dict[str, Any] = json.loads(view.model_dump_json())
        return answer | changes

    return make


def test_ids_are_quoted_on_their_way() -> None:
    client, asked = answering(httpx.Response(404))
    assert client.trace("a/b?c d") is None
    assert asked[0].url.raw_path == b"/api/traces/a%2Fb%3Fc%20d"
    assert client.page("a/b") == "http://127.0.0.1:4318/traces/a%2Fb"


def test_it_waits_for_a_trace_that_comes_and_is_completed(a_view: Callable[..., dict[str, Any]]) -> None:
    part, whole = a_view(complete=False, ended_at=990_000.0), a_view(complete=True, ended_at=990_100.0)
    client, asked = answering(
        httpx.Response(404), *(httpx.Response(200, json=each) for each in (part, whole))
    )
    clock = Clock(1000.0)
    found = client.wait("a", timeout=10, sleep=clock.sleep, now=clock.now)
    assert found is not None
    assert found.complete
    assert len(asked) == 3


def test_it_waits_no_longer_than_it_was_told(a_view: Callable[..., dict[str, Any]]) -> None:
    clock = Clock(1000.0)
    client, _ = answering(httpx.Response(404))
    assert client.wait("a", timeout=5, sleep=clock.sleep, now=clock.now) is None
    assert 1005 <= clock.at < 1006
    client, _ = answering(httpx.Response(200, json=a_view(complete=False, ended_at=1_005_000.0)))
    found = client.wait("a", timeout=5, sleep=clock.sleep, now=clock.now)
    assert found is not None
    assert not found.complete


def test_a_trace_that_lacks_nothing_gets_the_spans_that_wait_in_a_runtime(
    a_view: Callable[..., dict[str, Any]],
) -> None:
    whole = a_view(ended_at=1_000_000.0)
    without = whole | {
        "spans": [span for span in whole["spans"] if not span["service"].startswith("sketch-")]
    }
    early, late = (httpx.Response(200, json=view) for view in (without, whole))
    client, _ = answering(*[early] * 4, late)  # it comes some 1.2 seconds after the end
    clock = Clock(1000.0)
    found = client.wait("a", timeout=10, sleep=clock.sleep, now=clock.now)
    assert found is not None
    assert [span.name for span in found.spans if span.service == "sketch-sdwebui"] == [
        "POST /sdapi/v1/txt2img"
    ]
    assert clock.at < 1003


def test_an_old_trace_is_not_waited_for(a_view: Callable[..., dict[str, Any]]) -> None:
    for complete in (True, False):
        view = a_view(complete=complete, ended_at=1_000_000.0)
        client, asked = answering(httpx.Response(200, json=view))
        clock = Clock(2000.0)
        assert client.wait("a", timeout=5, sleep=clock.sleep, now=clock.now) is not None
        assert len(asked) == 1


def test_however_old_a_task_is_that_may_still_run_its_end_is_waited_for(
    a_view: Callable[..., dict[str, Any]],
) -> None:
    whole = a_view(ended_at=1_018_000.0)
    asked_for = [span for span in whole["spans"] if span["service"] == "darkroom-validator"]
    begun = whole | {"complete": False, "ended_at": 1_000_000.0, "spans": asked_for}
    client, _ = answering(*[httpx.Response(200, json=begun)] * 5, httpx.Response(200, json=whole))
    clock = Clock(1018.0)
    found = client.wait("a", timeout=30, sleep=clock.sleep, now=clock.now)
    assert found is not None
    assert found.complete
    assert len(found.spans) == len(whole["spans"])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.ConnectError("refused"), "does not answer: refused"),
        (httpx.Response(500), "answered 500"),
        (httpx.Response(200, text="<html>"), "not a trace store"),
        (httpx.Response(200, json={"other": 1}), "not a trace store"),
    ],
)
def test_what_is_no_trace_store_is_told(answer: Any, words: str) -> None:
    client, _ = answering(answer)
    for ask in (lambda: client.trace("a"), client.traces):
        with pytest.raises(UnreachableError, match=words):
            ask()
