"""One trace from the API to the GPU, as the local store has it (issue 4; DESIGN 6)."""

import asyncio
import io
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

import httpx
import pytest
from PIL import Image

from local.served import serve
from local.traces.client import TraceClient
from local.traces.models import SpanView, TraceList, TraceView
from local.traces.spans import ASIDE
from local.warmup import warm_up
from telemetry import names
from telemetry.context import new_span_id, new_trace_id
from tests.e2e.test_examples import EXAMPLES, Example, example
from tests.e2e.user import COMFY, STATIC, Json, User, eventually, new_id, request, text_to_image, workflow

VALIDATOR, AGENT, NOTIFIER = "darkroom-validator", "darkroom-queue-agent", "darkroom-notifier"
SERVICES = {STATIC: "sketch-sdwebui", COMFY: "sketch-comfyui"}
WORK = {
    "text-to-image": "POST /sdapi/v1/txt2img",
    "image-to-image": "POST /sdapi/v1/img2img",
    "extra-single-image": "POST /sdapi/v1/extra-single-image",
    "pipeline": "POST /prompt",
}
# Spans come late: agents and runtimes gather them for a second or so, and a busy machine takes its time.
PATIENCE = 30.0  # seconds
AT_ONCE = 50
POSTERS = 4  # each request at a time has a worker of the emulator's, and many of these would starve all else
HOLD = 5.0  # seconds that the GPUs wait at least


class Trace:
    """A trace, and what a test asks of it."""

    def __init__(self, view: TraceView) -> None:
        self.view = view
        self._spans = {span.span_id: span for span in view.spans}

    def all(self, name: str, *, service: str | None = None) -> list[SpanView]:
        """Return the spans of a name."""
        return [span for span in self.view.spans if span.name == name and service in (None, span.service)]

    def only(self, name: str, *, service: str | None = None) -> SpanView:
        """Return the one span of a name."""
        found = self.all(name, service=service)
        assert len(found) == 1, f"{name}: {len(found)} in {[span.name for span in self.view.spans]}"
        return found[0]

    def parent(self, span: SpanView) -> SpanView:
        """Return the span above."""
        assert span.parent_id is not None, span.name
        assert not span.parent_missing, span.name
        return self._spans[span.parent_id]

    def above(self, span: SpanView) -> list[str]:
        """Return the names of all spans above one, the next first."""
        passed = []
        while span.parent_id in self._spans:
            span = self._spans[span.parent_id]
            passed.append(span.name)
        return passed

    def place(self, span: SpanView) -> str:
        """Return the `traceparent` of what comes below a span."""
        return f"00-{self.view.trace_id}-{span.span_id}-01"


@pytest.fixture(scope="module")
def picture() -> Iterator[str]:
    """Serve a picture in place of the one that the guide's examples link to."""
    packed = io.BytesIO()
    Image.new("RGB", (64, 64), "darkorange").save(packed, "PNG")
    with serve({"cat.png": (packed.getvalue(), "image/png")}) as urls:
        yield urls["cat.png"]


def store_of(user: User) -> TraceClient:
    assert user.state.traces_url is not None
    return TraceClient(user.state.traces_url)


def trace_of(user: User, task_id: str) -> Trace:
    """Return the one trace of a task, once all of it is there."""
    view = store_of(user).wait(task_id, timeout=PATIENCE)
    assert view is not None, f"{task_id} has no trace"
    assert view.complete, [span.name for span in view.spans if span.parent_missing]
    assert view.also == []
    return Trace(view)


def unfinished(user: User, trace_id: str, name: str) -> Trace:
    """Return a trace that is never complete, as its first span is somebody else's, once it has a span."""

    def look() -> Trace | None:
        view = store_of(user).trace(trace_id)
        return Trace(view) if view is not None and Trace(view).all(name) else None

    return eventually(look, what=f"{name} in {trace_id}")


@pytest.fixture(scope="module")
def examples(session_user: User, picture: str) -> dict[str, str]:
    """Post all of the guide's requests; return the tasks' ids by the examples' names."""
    posted = {}
    for sent in EXAMPLES:
        posted[sent.name], body = example(sent.name, sent.runtime, picture)
        session_user.submit(body, version=sent.name.partition("-")[0])
    return posted


@pytest.mark.parametrize("sent", EXAMPLES, ids=lambda sent: sent.name)
def test_a_request_of_the_guide_is_one_trace_from_the_api_to_the_notification(
    user: User, examples: dict[str, str], sent: Example
) -> None:
    task_id, version = examples[sent.name], sent.name.partition("-")[0]
    heard = user.hears(task_id)
    trace = trace_of(user, task_id)

    asked = trace.only(f"POST /{version}", service=VALIDATOR)
    assert (asked.kind, asked.depth, asked.attributes[names.TASK_ID]) == ("server", 0, task_id)
    for name in ("parse", "record", "publish requests"):
        assert trace.parent(trace.only(name, service=VALIDATOR)) == asked
    published = trace.only("publish requests")
    process = trace.only(f"process {sent.runtime}", service=AGENT)
    assert (published.kind, process.kind) == ("producer", "consumer")
    assert trace.parent(process) == published

    infer = trace.only("infer", service=AGENT)
    assert infer.gpu
    stored = trace.all("store")
    assert len(stored) >= 2  # a picture or more, and the answer
    for step in (infer, *stored, trace.only("commit"), trace.only("settle")):
        assert trace.parent(step) == process
    work = trace.only(WORK[sent.tasktype], service=SERVICES[sent.runtime])
    assert (work.kind, trace.parent(work)) == ("server", infer)
    served = [span for span in trace.view.spans if span.service == SERVICES[sent.runtime]]
    assert {span.kind for span in served} == {"server"}
    assert all(process.name in trace.above(span) for span in served)
    nodes = [span for span in trace.view.spans if span.name.startswith("node ")]
    assert bool(nodes) == (sent.runtime == COMFY)
    assert all(trace.parent(node) == infer for node in nodes)
    fetched = trace.all("fetch input")
    assert bool(fetched) == (sent.tasktype in ("image-to-image", "extra-single-image"))
    assert all(trace.above(span)[:2] == ["prepare", process.name] for span in fetched)

    told = trace.only("publish notifications", service=AGENT)
    assert told.kind == "producer"
    assert process.name in trace.above(told)
    assert heard.attributes["traceparent"] == trace.place(told)
    assert not trace.view.error


def test_the_share_of_the_gpu_is_what_the_sketch_worked(user: User) -> None:
    task_id = new_id("share")
    user.plan(STATIC, {"kind": "slow", "seconds": 1.0})
    user.submit(request(task_id, text_to_image(1)))
    user.hears(task_id)
    trace = trace_of(user, task_id)
    [job] = [job for job in user.jobs(STATIC) if trace.view.trace_id in (job["traceparent"] or "")]
    worked = (job["finished_at"] - job["started_at"]) / 1000
    assert worked <= trace.view.gpu_seconds < 10 * worked
    assert 0 < trace.view.gpu_share < 1
    assert job["traceparent"] == trace.place(trace.parent(trace.only(WORK["text-to-image"])))


def under_way_at_once(traces: Iterable[Trace]) -> int:
    """Return of how many tasks something was asked for and nothing told yet, when these were most."""
    changes = []
    for trace in traces:
        [asked], told = trace.all("POST /v1alpha2"), trace.only("publish notifications")
        changes += [
            (asked.offset_ms + trace.view.started_at, 1),
            (told.offset_ms + trace.view.started_at, -1),
        ]
    return max(accumulate(change for _, change in sorted(changes)))


def test_of_many_tasks_at_once_no_span_is_in_anothers_trace(user: User) -> None:
    sent = {new_id("many"): number for number in range(1, AT_ONCE + 1)}

    def submit(task_id: str) -> None:
        number = sent[task_id]
        runtime, kind, content = (
            (COMFY, "pipeline", workflow(number))
            if number % 2
            else (STATIC, "text-to-image", text_to_image(number))
        )
        user.submit(request(task_id, content, runtime=runtime, tasktype=kind))

    # The GPUs wait for longer than it takes to post all of them, here and now.
    first, began = new_id("first"), time.monotonic()
    user.submit(request(first, text_to_image(0), runtime=STATIC, tasktype="text-to-image"))
    hold = HOLD + AT_ONCE * (time.monotonic() - began)
    user.hears(first)
    for runtime in (STATIC, COMFY):
        user.plan(runtime, {"kind": "slow", "seconds": hold})
    with ThreadPoolExecutor(POSTERS) as posting:
        list(posting.map(submit, sent))
    places = {task_id: user.hears(task_id).attributes["traceparent"] for task_id in sent}
    traces = {task_id: trace_of(user, task_id) for task_id in sent}
    assert len({trace.view.trace_id for trace in traces.values()}) == AT_ONCE
    assert under_way_at_once(traces.values()) >= AT_ONCE * 0.8

    for task_id, trace in traces.items():
        runtime, kind = (COMFY, "pipeline") if sent[task_id] % 2 else (STATIC, "text-to-image")
        assert trace.view.tasks == [task_id]
        assert {span.attributes.get(names.TASK_ID, task_id) for span in trace.view.spans} == {task_id}
        infer = trace.only("infer")
        assert infer.attributes[names.SEED] == sent[task_id]
        work = trace.only(WORK[kind], service=SERVICES[runtime])
        assert trace.parent(work) == infer
        assert trace.above(infer) == [f"process {runtime}", "publish requests", "POST /v1alpha2"]
        assert places[task_id] == trace.place(trace.only("publish notifications"))
        roots = [span.name for span in trace.view.spans if span.depth == 0]
        assert roots == ["POST /v1alpha2"]


def test_nothing_that_a_user_wrote_is_in_a_trace(user: User) -> None:
    word = f"secret{secrets.token_hex(8)}"
    graph = workflow(1)
    graph["6"]["inputs"]["text"] = word
    graph["9"]["inputs"]["filename_prefix"] = word
    tasks: list[tuple[str, str, str, Json]] = [
        (new_id("told"), STATIC, "text-to-image", text_to_image(1, prompt=word)),
        (new_id("told"), COMFY, "pipeline", graph),
    ]
    for task_id, runtime, kind, content in tasks:
        body = request(task_id, content, runtime=runtime, tasktype=kind)
        body["task"]["metadata"]["context"] = {"note": word}
        user.submit(body)
    for task_id, *_ in tasks:
        assert user.hears(task_id).json["result"]
        told = trace_of(user, task_id).view.model_dump_json()
        assert word not in told
        assert user.state.api_key not in told


def test_a_message_of_a_publisher_without_a_trace_begins_one(user: User) -> None:
    task_id = new_id("bare")
    task = request(task_id, text_to_image(3))["task"]
    user.publish(json.dumps(task), {"runtime": STATIC})
    heard = user.hears(task_id)
    assert heard.json["result"], heard.json
    trace = trace_of(user, task_id)
    process = trace.only(f"process {STATIC}")
    assert (process.depth, process.parent_id) == (0, None)
    assert trace.above(trace.only(WORK["text-to-image"])) == ["infer", process.name]
    assert heard.attributes["traceparent"] == trace.place(trace.only("publish notifications"))


def test_so_does_one_whose_trace_context_is_none(user: User) -> None:
    nonsense = ("00-0-0-00", f"00-{'0' * 32}-{'0' * 16}-01", f"ff-{'a' * 32}-{'b' * 16}-01", "n\u00e9")
    sent = {new_id("nonsense"): value for value in nonsense}
    for task_id, value in sent.items():
        task = request(task_id, text_to_image(3))["task"]
        user.publish(json.dumps(task), {"runtime": STATIC, "traceparent": value})
    for task_id in sent:
        assert user.hears(task_id).json["result"]
        assert trace_of(user, task_id).only(f"process {STATIC}").parent_id is None


def test_a_publishers_own_trace_goes_on(user: User) -> None:
    task_id, trace_id, span_id = new_id("theirs"), new_trace_id(), new_span_id()
    task = request(task_id, text_to_image(3))["task"]
    user.publish(json.dumps(task), {"runtime": STATIC, "traceparent": f"00-{trace_id}-{span_id}-01"})
    heard = user.hears(task_id)
    assert heard.attributes["traceparent"].startswith(f"00-{trace_id}-")
    process = unfinished(user, trace_id, f"process {STATIC}").only(f"process {STATIC}")
    assert (process.parent_id, process.attributes[names.TASK_ID]) == (span_id, task_id)


def test_a_clients_own_trace_is_linked_and_not_gone_on_with(user: User) -> None:
    task_id, trace_id, span_id = new_id("linked"), new_trace_id(), new_span_id()
    own = {"traceparent": f"00-{trace_id}-{span_id}-01"}
    assert user.post(request(task_id, text_to_image(3)), headers=own).status_code == 200
    heard = user.hears(task_id)
    trace = trace_of(user, task_id)
    assert trace.view.trace_id != trace_id
    [link] = trace.only("POST /v1alpha2").links
    assert (link.trace_id, link.span_id) == (trace_id, span_id)
    assert re.match(rf"00-{trace.view.trace_id}-", heard.attributes["traceparent"])


def test_a_refused_request_is_a_trace_that_says_why(user: User) -> None:
    own = new_trace_id()  # it has no task to be found by
    body = request(new_id("refused"), text_to_image(1), runtime="nobody")
    answer = user.post(body, headers={"traceparent": f"00-{own}-{new_span_id()}-01"})
    assert answer.status_code == 400

    def look() -> SpanView | None:
        found = (store_of(user).trace(summary.trace_id) for summary in store_of(user).traces(limit=10))
        spans = [view.spans[0] for view in found if view is not None and view.span_count == 2]
        return next((span for span in spans if own in [link.trace_id for link in span.links]), None)

    asked = eventually(look, what="the trace of a refused request")
    assert (asked.name, asked.service) == ("POST /v1alpha2", VALIDATOR)
    assert asked.attributes["http.response.status_code"] == 400
    assert asked.attributes[names.CODE] == answer.json()["error"]["code"]


def test_the_warming_up_of_the_api_is_in_no_list_of_what_users_asked_for(user: User) -> None:
    began = time.time() * 1000
    asyncio.run(warm_up(user.state.endpoint, user.state.api_key))
    store = store_of(user)

    def probes(query: Mapping[str, str]) -> set[str]:
        url = f"{store.url}/api/traces"
        content = httpx.get(url, params={"limit": "50", **query}, trust_env=False).content
        listed = TraceList.model_validate_json(content).traces
        found = [store.trace(summary.trace_id) for summary in listed if summary.ended_at > began]
        spans = [span for view in found if view is not None for span in view.spans]
        return {span.span_id for span in spans if ASIDE.trace_id in [link.trace_id for link in span.links]}

    assert eventually(lambda: probes({"aside": "true"}), what="the trace of a probe")
    assert probes({}) == set()


def test_what_the_notifier_ends_stays_in_the_requests_trace(user: User) -> None:
    """A message that no queue takes: it goes to the unrouted ones."""
    task_id, trace_id, span_id = new_id("unrouted"), new_trace_id(), new_span_id()
    task = request(task_id, text_to_image(1), runtime="nobody")["task"]
    user.publish(json.dumps(task), {"runtime": "nobody", "traceparent": f"00-{trace_id}-{span_id}-01"})
    heard = user.hears(task_id)
    assert not heard.json["result"]
    trace = unfinished(user, trace_id, "publish notifications")
    told = trace.only("publish notifications", service=NOTIFIER)
    assert heard.attributes["traceparent"] == trace.place(told)
    [letter] = [span for span in trace.view.spans if span.kind == "consumer"]
    assert (letter.service, letter.parent_id) == (NOTIFIER, span_id)
    assert letter.name in trace.above(told)
