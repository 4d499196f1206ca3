"""Things that break at the worst moment, one test for each way to lose a task or to tell it wrongly."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from queue_agent.aws import THREADS, AwsCalls
from queue_agent.errors import ServiceError, TaskFailedError
from queue_agent.fetching import Inputs
from queue_agent.outputs import S3Outputs
from queue_agent.ports import Announcement, Delivery, Job, Output, Result, Stored
from queue_agent.sqs import SqsQueue
from queue_agent.tasks import now_ms
from queue_agent.testing import MemoryFetcher, failing, hanging, picture
from queue_agent.unreadable import Unreadable
from s3io.inputs import FetchedInput
from task_schema import Message, Metadata, Status, TaskCode, TaskError
from task_store import Outcome, TableUnavailableError
from task_store.testing import MemoryTaskStore

MakeAgent = Callable[..., Any]

CANCELLED = TaskError.of(TaskCode.CANCELLED, "cancelled")
PNG = b"\x89PNG\r\n\x1a\n"
LINK = "https://x/a.png"


class ShakyStore(MemoryTaskStore):
    """A table that gives no answer to some calls, before or after it has done what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[str, list[str]] = {}
        for name in ("get", "record", "claim", "seize", "renew", "give_back", "commit", "mark_notified"):
            setattr(self, name, self._shaky(name, getattr(self, name)))

    def _shaky(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            waiting = self.faults.get(name, [])
            fault = waiting.pop(0) if waiting else ""
            if fault == "before":
                raise TableUnavailableError(name)
            if fault == "bug":
                raise ZeroDivisionError(name)
            answer = method(*args, **kwargs)
            if fault == "after":
                raise TableUnavailableError(name)
            return answer

        return call


class FakeS3:
    """As much of boto3's S3 client as putting needs."""

    def __init__(self, *, answers_lost: str = "-") -> None:
        self.objects: dict[str, bytes] = {}
        self.answers_lost = answers_lost  # ends of keys: stored, and then no answer

    def put_object(self, **call: Any) -> dict[str, Any]:
        if call["Key"] in self.objects and call.get("IfNoneMatch"):
            raise s3_error(412)
        self.objects[call["Key"]] = call["Body"]
        if call["Key"].endswith(self.answers_lost):
            raise s3_error(500)
        return {}

    def head_object(self, **_: Any) -> dict[str, Any]:
        return {}

    def delete_objects(self, **call: Any) -> dict[str, Any]:
        for key in call["Delete"]["Objects"]:
            self.objects.pop(key["Key"], None)
        return {}


def s3_error(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


@pytest.fixture
def make_shaky(make_agent: MakeAgent) -> MakeAgent:
    """Make agents whose table can be told to fail, and that keep unreadable messages as in production."""

    def make(*scripts: Any, **limits: Any) -> Any:
        agent = make_agent(
            *scripts, store=ShakyStore(), retry_delays=(0.0, 0.0), trouble_pause=0.01, **limits
        )
        ending = agent.ending()
        agent.unreadable = Unreadable(
            client=FakeS3(),
            bucket="payloads",
            runtime="sdruntime",
            tasks=agent.tasks,
            ending=ending,
            fates=agent.fates,
            calls=agent.calls,
        )
        return agent

    return make


def stored_urls(agent: Any) -> set[str]:
    return {f"s3://out/{key}" for key in agent.outputs.objects}


async def work_off_in_spite_of_all(agent: Any) -> None:
    """Work until the queue is empty; leases and visibility run out as soon as nobody works on anything."""
    ahead = 0
    agent.tasks.now = lambda: now_ms() + ahead
    async with agent.working(), asyncio.timeout(10):
        while len(agent.queue):
            await asyncio.sleep(0.02)
            if agent.metrics.registry.get_sample_value("darkroom_in_flight", {"stage": "hand"}):
                continue
            ahead += 61_000
            agent.queue.reappear()


# --- commits and claims without an answer ---


@pytest.mark.parametrize("script", [picture(), failing(TaskFailedError(TaskCode.NO_OUTPUT, "nothing"))])
@pytest.mark.parametrize("faults", [["after"], ["after"] * 3, ["before"] * 3, ["after", "before", "before"]])
async def test_what_a_notification_names_is_there_however_the_commit_was_answered(
    make_shaky: MakeAgent, script: Any, faults: list[str]
) -> None:
    agent = make_shaky(script)
    agent.store.faults["commit"] = list(faults)
    agent.post()
    await work_off_in_spite_of_all(agent)
    told = agent.one_outcome()
    assert stored_urls(agent) == {*told["image_url"], told["output_url"]}
    assert agent.row().notified_at is not None


async def test_what_was_stored_stays_where_nobody_can_tell_whether_the_commit_happened(
    make_shaky: MakeAgent,
) -> None:
    agent = make_shaky()
    agent.store.faults |= {"commit": ["after"] * 3, "give_back": ["before"] * 2}
    agent.post()
    await work_off_in_spite_of_all(agent)
    told = agent.one_outcome()
    assert {*told["image_url"], told["output_url"]} <= stored_urls(agent)
    assert len(agent.runtime.jobs) == 1


async def test_a_claim_whose_answer_was_lost_counts_one_attempt(make_shaky: MakeAgent) -> None:
    agent = make_shaky()
    agent.store.faults["claim"] = ["after", "after"]
    agent.post()
    await agent.work_off()
    assert (agent.row().status, agent.row().attempts) == (Status.SUCCEEDED, 1)


async def test_a_bug_after_the_claim_gives_the_task_back_and_ends_it_the_third_time(
    make_shaky: MakeAgent,
) -> None:
    agent = make_shaky(failing(ZeroDivisionError("a secret prompt")))
    agent.post()
    await agent.work_until(lambda: agent.row().attempts == 1 and agent.row().status is Status.QUEUED)
    await work_off_in_spite_of_all(agent)
    told = agent.one_outcome()
    assert told["error"]["code"] == "attempts_exhausted"
    assert "secret" not in json.dumps(told)
    assert len(agent.runtime.jobs) == 3


# --- signals and stops ---


async def test_a_stop_while_inputs_are_fetched_starts_nothing_and_gives_the_message_back(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(shutdown_grace=5)
    fetching = asyncio.Event()

    class SlowFetcher(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            fetching.set()
            await asyncio.sleep(30)
            return await super().fetch(url)

    agent.fetcher = SlowFetcher()
    agent.post(content={"init_images": [LINK]})
    async with agent.working() as worker:
        await fetching.wait()
        worker.stop()
    assert agent.runtime.jobs == []
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    assert len(agent.queue.visible) == 1


async def test_a_task_that_expires_while_its_inputs_are_fetched_never_starts(make_agent: MakeAgent) -> None:
    agent = make_agent()

    class AgingFetcher(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            agent.tasks.now = lambda: now_ms() + 3_600_000
            return await super().fetch(url)

    agent.fetcher = AgingFetcher(links={LINK: b"1"})
    agent.post(content={"init_images": [LINK]}, expires_in=60)
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "expired"
    assert agent.runtime.jobs == []


async def test_a_cancel_that_the_claim_meets_ends_the_task_and_no_runtime_gets_it(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hanging(), beat=60)
    message = agent.post(content={"init_images": [LINK]})
    now = now_ms()
    agent.store.claim("t1", message.submission, token="crashed", lease_until=now - 1, now=now - 2)

    class CancellingFetcher(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            outcome = Outcome(status=Status.CANCELLED, event_id="e", notification="{}", error=CANCELLED)
            agent.store.cancel("t1", outcome=outcome, now=now_ms())
            return await super().fetch(url)

    agent.fetcher = CancellingFetcher(links={LINK: b"1"})
    await agent.work_off()
    assert (agent.row().status, agent.row().attempts) == (Status.CANCELLED, 1), "the one that crashed"
    assert agent.announcer.told[0]["error"]["code"] == "cancelled"
    assert agent.runtime.jobs == []


async def test_a_runtime_that_fails_to_be_interrupted_does_not_undo_the_timeout(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hanging(), inference=0.05)

    async def deaf(job: Job) -> bool:
        raise OSError(job.id)

    agent.runtime.interrupt = deaf
    agent.post()
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "timeout"


async def test_a_beat_with_a_bug_is_followed_by_the_next_one(make_shaky: MakeAgent) -> None:
    agent = make_shaky(hanging(), beat=0.01)
    agent.store.faults["renew"] = ["bug", "bug"]
    agent.post()
    async with agent.working(), asyncio.timeout(5):
        lease = (await agent.running()).lease_until
        while agent.row().lease_until == lease:
            await asyncio.sleep(0.005)
    assert agent.row().status is Status.QUEUED


async def test_a_cancelled_task_is_kept_hidden_until_it_is_told(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), beat=0.01)
    message = agent.post()
    interrupted, go_on = asyncio.Event(), asyncio.Event()

    async def slow(job: Job) -> bool:
        interrupted.set()
        await go_on.wait()
        return True

    agent.runtime.interrupt = slow
    async with agent.working(), asyncio.timeout(5):
        await agent.running()
        outcome = Outcome(status=Status.CANCELLED, event_id="e", notification="{}", error=CANCELLED)
        agent.store.cancel("t1", message.submission, outcome=outcome, now=now_ms())
        await interrupted.wait()
        beats = len(agent.queue.hidden)
        while len(agent.queue.hidden) < beats + 3:
            await asyncio.sleep(0.005)
        go_on.set()
        while len(agent.queue):
            await asyncio.sleep(0.005)
    assert agent.row().status is Status.CANCELLED


async def test_the_agent_survives_what_nobody_foresaw_in_receiving(make_agent: MakeAgent) -> None:
    agent = make_agent()
    receive = agent.queue.receive

    async def broken_once(*, wait_seconds: int) -> Delivery | None:
        agent.queue.receive = receive
        raise RecursionError(wait_seconds)

    agent.queue.receive = broken_once
    agent.post()
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED


async def test_aws_in_trouble_does_not_drive_every_message_towards_the_dead_letter_queue(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    for n in range(20):
        agent.post(f"t{n}")
    agent.store.available = False
    async with agent.working():
        await asyncio.sleep(0.3)
    assert len(agent.queue.hidden) == 2


# --- messages that came straight from the topic ---


async def test_a_message_that_was_told_of_a_conflict_never_runs_afterwards(make_agent: MakeAgent) -> None:
    agent = make_agent()
    first = agent.post()
    [(first_id, first_message)] = agent.queue._messages.items()
    agent.queue._messages.clear()
    bare_id = agent.post_bare()
    bare_message = agent.queue._messages[bare_id]
    await agent.work_off()
    agent.queue._messages[first_id] = first_message
    await agent.work_off()
    agent.queue._messages[bare_id] = bare_message
    agent.queue.reappear()
    await agent.work_off()
    assert [job.submission for job in agent.runtime.jobs] == [first.submission]
    conflicts = [told for told in agent.announcer.told if told["submission"] != first.submission]
    assert {told["error"]["code"] for told in conflicts} == {"conflict"}
    assert len({a.event_id for a in agent.announcer.announced}) == 2


async def test_a_bare_message_that_comes_again_after_its_id_went_on_is_told_no_second_outcome(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    bare_id = agent.post_bare()
    bare_message = agent.queue._messages[bare_id]
    await agent.work_off()
    later = agent.post()
    [(later_id, later_message)] = agent.queue._messages.items()
    agent.queue._messages = {bare_id: bare_message}
    agent.queue.reappear()
    await agent.work_off()
    assert len(agent.announcer.told) == 1
    agent.queue._messages = {later_id: later_message}
    await agent.work_off()
    assert [told["submission"] for told in agent.announcer.told][1:] == [later.submission]


async def test_a_bare_message_that_is_older_than_the_ended_task_of_its_id_is_not_dropped(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    agent.post_bare()
    [(bare_id, bare_message)] = agent.queue._messages.items()
    await asyncio.sleep(0.002)
    agent.finish(agent.post())
    agent.queue._messages = {bare_id: bare_message}
    await agent.work_off()
    assert len(agent.runtime.jobs) == 1
    assert len(agent.announcer.told) == 1


async def test_a_bare_message_whose_id_is_taken_by_an_untold_end_tells_that_end_first(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    message = agent.post()
    now = now_ms()
    agent.store.claim("t1", message.submission, token="other", lease_until=now, now=now)
    outcome = Outcome(status=Status.SUCCEEDED, event_id="e", notification='{"n": 1}', output_url="s3://o/x")
    agent.store.commit("t1", message.submission, "other", outcome, now=now)
    agent.queue._messages.clear()
    agent.post_bare()
    await agent.work_off()
    assert agent.announcer.announced[0].event_id == "e"
    assert (agent.row().status, len(agent.announcer.announced)) == (Status.SUCCEEDED, 2)


LARGE = {
    "runtime": "\N{GRINNING FACE}" * 256,
    "tasktype": "\N{GRINNING FACE}" * 128,
    "prefix": "p" * 512,
    "callback_url": "https://x/" + "y" * 1000,
    "context": "z" * 200,
}


@pytest.mark.parametrize(
    "metadata",
    [LARGE, {"an_unknown_key_" + "x" * 150_000: 1}, {"prefix": "a/../b"}],
    ids=["row", "key", "value"],
)
async def test_a_bare_message_with_impossible_metadata_ends_and_is_told(
    make_shaky: MakeAgent, metadata: dict[str, Any]
) -> None:
    agent = make_shaky()
    agent.post_bare(**metadata)
    await agent.work_off()
    [announced] = agent.announcer.announced
    assert json.loads(announced.text)["error"]["code"] == "unreadable_message"
    assert len(announced.text) < 10_000
    assert (agent.row().status, agent.row().notified_at is not None) == (Status.FAILED, True)


@pytest.mark.parametrize("submission", ["", "../../x", "x" * 3000, "a\u0000b"])
async def test_a_message_with_an_impossible_submission_ends_and_is_told(
    make_shaky: MakeAgent, submission: str
) -> None:
    agent = make_shaky()
    metadata = Metadata(
        id="t1", runtime="sdruntime", tasktype="text-to-image", prefix="p", context="c" * 5000
    )
    message = Message(
        submission=submission,
        metadata=metadata,
        content={"prompt": "x"},
        submitted_at=datetime.now(UTC),
        api_version="v1alpha2",
    )
    agent.queue.send(message.to_json())
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "unreadable_message"
    assert agent.row().status is Status.FAILED


@pytest.mark.parametrize("call", ["commit", "seize", "record", "get", "mark_notified"])
@pytest.mark.parametrize("fault", ["before", "after"])
async def test_an_unreadable_message_is_told_whatever_the_table_does(
    make_shaky: MakeAgent, call: str, fault: str
) -> None:
    agent = make_shaky()
    agent.store.faults[call] = [fault] * 2
    agent.post_bare(prefix="a/../b")
    await work_off_in_spite_of_all(agent)
    assert {told["error"]["code"] for told in agent.announcer.told} == {"unreadable_message"}
    assert len({a.event_id for a in agent.announcer.announced}) == 1
    assert agent.row().notified_at is not None


async def test_an_unreadable_message_that_another_agent_is_ending_waits_for_it(make_shaky: MakeAgent) -> None:
    agent = make_shaky()
    agent.post()
    agent.queue._messages.clear()
    row = agent.row()
    now = now_ms()
    agent.store.seize("t1", row.submission, token="other", lease_until=now + 30_000, now=now)
    agent.queue.send(json.dumps({"schema": 1, "submission": row.submission, "metadata": {"id": "t1"}}))
    await agent.work_until(lambda: bool(agent.queue.hidden))
    assert len(agent.queue) == 1
    assert agent.queue.hidden[0][1] >= 28


# --- what is told ---


def test_attributes_hold_nothing_that_sns_refuses() -> None:
    announcement = Announcement(
        "{}", "id", "s", "e", "run\u0000time", "type\u001b", result=True, callback=False
    )
    attributes = announcement.attributes()
    assert (attributes["runtime"], attributes["tasktype"]) == ("run?time", "type?")


@pytest.mark.parametrize(
    "value", ["x" * 300_000, "", "00-nothing", "00-" + "A" * 32 + "-" + "b" * 16 + "-01"]
)
def test_only_a_traceparent_is_sent_on(value: str) -> None:
    delivery = Delivery("m", "h", "{}", 1, datetime.now(UTC), {"traceparent": value})
    assert delivery.traceparent is None


# --- adapters ---


class OneMessage:
    """An SQS client with one message."""

    def __init__(self, body: str, **system: str) -> None:
        self._message = {"MessageId": "m", "ReceiptHandle": "h", "Body": body, "Attributes": system}

    def receive_message(self, **_: Any) -> dict[str, Any]:
        return {"Messages": [self._message]}


async def test_a_body_that_nests_too_deep_to_look_into_is_received_all_the_same() -> None:
    client = OneMessage('{"MessageAttributes": ' + "[" * 100_000)
    delivery = await SqsQueue(client, "url", AwsCalls(), visibility=60).receive(wait_seconds=0)
    assert delivery is not None
    assert delivery.attributes == {}


async def test_an_envelope_gives_its_attributes_beside_a_trace_header() -> None:
    body = json.dumps({"MessageAttributes": {"traceparent": {"Type": "String", "Value": "00-y"}}})
    client = OneMessage(body, AWSTraceHeader="Root=1")
    delivery = await SqsQueue(client, "url", AwsCalls(), visibility=60).receive(wait_seconds=0)
    assert delivery is not None
    assert delivery.attributes == {"traceparent": "00-y", "AWSTraceHeader": "Root=1"}


@pytest.mark.parametrize("lost", [".png", ".out"])
async def test_files_of_a_store_that_failed_are_deleted_even_where_an_answer_was_lost(lost: str) -> None:
    s3 = FakeS3(answers_lost=lost)
    result = Result(answer={"a": None}, outputs=[Output(PNG, ("a",))])
    with pytest.raises(ServiceError):
        await S3Outputs(s3, "out", AwsCalls()).store("p", "t1", result)
    assert s3.objects == {}


async def test_files_of_an_answer_that_is_no_json_are_deleted() -> None:
    s3 = FakeS3()
    result = Result(answer={"a": object()}, outputs=[Output(b"x", ("b",))])
    with pytest.raises(TypeError):
        await S3Outputs(s3, "out", AwsCalls()).store("p", "t1", result)
    assert s3.objects == {}


async def test_discarding_does_what_it_can(caplog: pytest.LogCaptureFixture) -> None:
    class Away:
        def delete_objects(self, **_: Any) -> None:
            raise s3_error(503)

    await S3Outputs(Away(), "out", AwsCalls()).discard(Stored([], "s3://out/x.out", ["x.out"]))
    assert "not deleted" in caplog.text


async def test_many_outputs_leave_threads_for_the_heartbeat() -> None:
    under_way: list[int] = [0, 0]

    class Counting(AwsCalls):
        async def __call__(self, function: Any, *args: Any, **kwargs: Any) -> Any:
            under_way[0] += 1
            under_way[1] = max(under_way)
            await asyncio.sleep(0.001)
            under_way[0] -= 1
            return function(*args, **kwargs)

    outputs = [Output(b"x", (str(n),)) for n in range(60)]
    await S3Outputs(FakeS3(), "out", Counting()).store("p", "t1", Result(answer={}, outputs=outputs))
    assert 1 < under_way[1] <= THREADS // 2


async def test_inputs_are_bounded_in_number_at_once_size_and_time() -> None:
    under_way: list[int] = [0, 0]

    class Counting(MemoryFetcher):
        async def fetch(self, url: str) -> FetchedInput:
            under_way[0] += 1
            under_way[1] = max(under_way)
            await asyncio.sleep(0.001)
            under_way[0] -= 1
            return await super().fetch(url)

    urls = [f"https://x/{n}" for n in range(50)]
    fetcher = Counting(links=dict.fromkeys(urls, b"12345"))
    found = await Inputs(fetcher, at_once=3).fetch([*urls, *urls])
    assert (sorted(found), under_way[1], len(fetcher.fetched)) == (sorted(urls), 3, 50)
    with pytest.raises(TaskFailedError, match="more than 100 bytes") as caught:
        await Inputs(fetcher, max_bytes=100).fetch(urls)
    assert caught.value.code is TaskCode.INPUT_TOO_LARGE
    with pytest.raises(TaskFailedError, match="longer than") as caught:
        await Inputs(fetcher, at_once=1, seconds=0.01).fetch(urls)
    assert caught.value.code is TaskCode.INPUT_UNREACHABLE
