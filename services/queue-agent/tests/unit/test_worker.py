"""The way of one message through the agent: what ends, what goes back, what is told."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from queue_agent.backoff import MAX_BACK_OFF, back_off
from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.ports import Job, Output, Progress, Result
from queue_agent.tasks import now_ms
from queue_agent.testing import failing, hanging, picture, until
from s3io.errors import InputUnreachableError
from task_schema import Status, TaskCode, TaskError
from task_store import Outcome

MakeAgent = Callable[..., Any]


async def test_a_task_becomes_a_picture_a_terminal_row_and_one_notification(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post(context={"abc": 123})
    await agent.work_off()
    row = agent.row()
    assert (row.status, row.attempts, row.notified_at is not None) == (Status.SUCCEEDED, 1, True)
    assert agent.announcer.told == [
        {
            "id": "t1",
            "result": True,
            "image_url": ["s3://out/output/t1/t1-0001-1.png"],
            "output_url": "s3://out/output/t1/t1-0001.out",
            "context": {"abc": 123},
            "runtime": "sdruntime",
            "status": "succeeded",
            "submission": message.submission,
        }
    ]
    attributes = agent.announcer.announced[0].attributes()
    assert attributes["event_id"] == row.event_id
    assert attributes["traceparent"].startswith("00-aaaa")
    assert (attributes["result"], attributes["callback"]) == ("true", "false")


async def test_routing_keys_never_reach_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent()
    scripts = {
        "task": "text-to-image",
        "sd_model_checkpoint": "a.safetensors",
        "id_task": "x",
        "ControlNet": {"args": []},
    }
    agent.post(content={"prompt": "x", "alwayson_scripts": scripts})
    await agent.work_off()
    [job] = agent.runtime.jobs
    assert job.content["alwayson_scripts"] == {"ControlNet": {"args": []}}
    assert job.model == "a.safetensors"


async def test_a_failed_task_tells_code_and_message_and_keeps_the_answer(make_agent: MakeAgent) -> None:
    error = TaskFailedError(TaskCode.RUNTIME_REFUSED, "no such sampler", answer={"detail": "sampler"})
    agent = make_agent(failing(error))
    agent.post()
    await agent.work_off()
    [told] = agent.announcer.told
    assert told["result"] is False
    assert told["image_url"] == []
    assert told["error"] == {"code": "runtime_refused", "message": "no such sampler", "retryable": False}
    kept = json.loads(agent.outputs.objects[told["output_url"].removeprefix("s3://out/")])
    assert kept["answer"] == {"detail": "sampler"}
    assert agent.row().status is Status.FAILED


async def test_links_are_fetched_once_and_put_in_place(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.fetcher.links["https://x/a.png"] = b"12345"
    agent.post(content={"init_images": ["https://x/a.png", "https://x/a.png"]})
    await agent.work_off()
    assert agent.fetcher.fetched == ["https://x/a.png"]
    assert agent.runtime.jobs[0].content["init_images"] == ["5", "5"]


async def test_an_input_that_cannot_be_had_fails_the_task_before_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent()
    url = "https://x/a.png"
    agent.fetcher.links[url] = InputUnreachableError(url, "answered 404", retryable=False, status=404)
    agent.post(content={"init_images": [url]})
    await agent.work_off()
    error = agent.announcer.told[0]["error"]
    assert (error["code"], error["message"]) == ("input_unreachable", "https://x/a.png answered 404")
    assert agent.runtime.jobs == []
    assert len(agent.fetcher.fetched) == 1


async def test_an_input_that_may_be_there_later_is_fetched_again(make_agent: MakeAgent) -> None:
    agent = make_agent()
    url = "https://x/a.png"
    agent.fetcher.links[url] = InputUnreachableError(url, "answered 503", retryable=True, status=503)
    agent.fetcher.later[url] = b"12345"
    agent.post(content={"init_images": [url]})
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED
    assert len(agent.fetcher.fetched) == 2


async def test_two_attempts_never_write_over_each_others_stored_notification(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(RuntimeLostError("cut")), max_attempts=1)
    agent.post_bare(context={"text": "x" * 3000})
    await agent.work_off()
    refs = [ref for ref in agent.payloads.values if "notification" in ref]
    assert refs == [agent.row().notification_ref]
    assert agent.row().event_id in refs[0]


async def test_an_inference_lost_three_times_ends_the_task(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(RuntimeLostError("connection cut")))
    agent.post()
    for attempt in (1, 2):
        await agent.work_until(
            lambda attempt=attempt: (
                agent.row().attempts == attempt
                and len(agent.queue.visible) == 0
                and agent.row().status is Status.QUEUED
            )
        )
        agent.queue.reappear()
    await agent.work_off()
    [told] = agent.announcer.told
    assert told["error"]["code"] == "attempts_exhausted"
    assert "connection cut" in told["error"]["message"]
    assert len(agent.runtime.jobs) == 3


async def test_out_of_memory_to_the_end_is_told_as_such(make_agent: MakeAgent) -> None:
    agent = make_agent(
        failing(RuntimeLostError("CUDA out of memory", code=TaskCode.OUT_OF_MEMORY)), max_attempts=1
    )
    agent.post()
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "out_of_memory"


async def test_a_runtime_that_refuses_to_start_costs_no_attempt(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(RuntimeRefusedStartError("not there")), picture())
    agent.post()
    await agent.work_until(lambda: bool(agent.queue.hidden))
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    agent.queue.reappear()
    await agent.work_off()
    assert (agent.row().status, agent.row().attempts) == (Status.SUCCEEDED, 1)


async def test_nothing_is_received_while_the_runtime_is_not_ready(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.runtime.is_ready = False
    agent.post()
    async with agent.working():
        await asyncio.sleep(0.1)
        assert len(agent.queue.visible) == 1
        agent.runtime.is_ready = True
        async with asyncio.timeout(5):
            while len(agent.queue):
                await asyncio.sleep(0.01)
    assert agent.row().status is Status.SUCCEEDED


async def test_s3_failing_for_a_while_loses_no_inference(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.outputs.failures = 1
    agent.post()
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED
    assert len(agent.runtime.jobs) == 1


async def test_sns_failing_for_a_while_loses_no_notification(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.announcer.failures = 1
    agent.post()
    await agent.work_off()
    assert len(agent.announcer.told) == 1
    assert agent.row().notified_at is not None


async def test_an_ended_task_nobody_was_told_of_is_told_with_the_same_event_id(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()
    now = now_ms() - 10_000
    agent.store.claim("t1", message.submission, token="other", lease_until=now, now=now)
    outcome = Outcome(
        status=Status.SUCCEEDED, event_id="event-1", notification='{"id": "t1"}', output_url="s3://o/x.out"
    )
    agent.store.commit("t1", message.submission, "other", outcome, now=now)
    await agent.work_off()
    [announced] = agent.announcer.announced
    assert (announced.event_id, announced.text) == ("event-1", '{"id": "t1"}')
    assert agent.runtime.jobs == []
    assert agent.row().notified_at is not None


async def test_a_task_that_ended_just_now_is_left_to_be_told_by_whoever_ended_it(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    message = agent.post()
    error = TaskError.of(TaskCode.CANCELLED, "by the API")
    outcome = Outcome(status=Status.CANCELLED, event_id="event-1", notification='{"id": "t1"}', error=error)
    agent.store.cancel("t1", message.submission, outcome=outcome, now=now_ms())
    async with agent.working() as worker:
        await until(lambda: agent.receives and not worker._flights)
        assert agent.announcer.announced == []
        assert not agent.queue.visible
        agent.store.mark_notified("t1", message.submission, now=now_ms())
        agent.queue.reappear()
        await until(lambda: len(agent.queue) == 0)
    assert agent.announcer.announced == []


async def test_a_message_delivered_again_after_the_end_is_deleted_and_told_no_more(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    message = agent.post()
    agent.finish(message)
    await agent.work_off()
    assert agent.announcer.told == []
    assert agent.runtime.jobs == []


async def test_a_message_that_meets_a_live_lease_is_hidden_until_after_it(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()
    now = now_ms()
    agent.store.claim("t1", message.submission, token="other", lease_until=now + 30_000, now=now)
    await agent.work_until(lambda: bool(agent.queue.hidden))
    [(_, seconds)] = agent.queue.hidden
    assert 28 <= seconds <= 32
    assert agent.row().token == "other"


async def test_a_lease_that_ran_out_is_taken_over(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()
    now = now_ms()
    agent.store.claim("t1", message.submission, token="crashed", lease_until=now - 1, now=now - 60_000)
    await agent.work_off()
    assert (agent.row().status, agent.row().attempts) == (Status.SUCCEEDED, 2)


async def test_a_stale_message_leaves_the_new_task_of_its_id_alone(make_agent: MakeAgent) -> None:
    agent = make_agent()
    old = agent.post()
    agent.finish(old)
    new = agent.post()
    await agent.work_off()
    assert [job.submission for job in agent.runtime.jobs] == [new.submission]


async def test_a_holder_that_lost_its_claim_drops_the_run_and_its_outputs(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post()

    async def overtaken(job: Job, progress: Progress) -> Result:
        row = await agent.running()
        later = (row.lease_until or 0) + 1
        agent.store.claim("t1", message.submission, token="faster", lease_until=later + 60_000, now=later)
        return Result(answer={}, outputs=[Output(b"late", ("image",))])

    agent.runtime._scripts = [overtaken]
    await agent.work_until(
        lambda: agent.row().token == "faster" and not agent.outputs.objects and bool(agent.runtime.jobs)
    )
    assert agent.row().token == "faster"
    assert agent.announcer.told == []
    assert agent.outputs.objects == {}


async def test_a_renewal_that_is_refused_interrupts_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging())
    message = agent.post()
    async with agent.working():
        async with asyncio.timeout(5):
            await agent.running()
            later = (agent.row().lease_until or 0) + 60_000
            agent.store.claim("t1", message.submission, token="faster", lease_until=later, now=later - 1)
            while not agent.runtime.interrupted:
                await asyncio.sleep(0.005)
    assert agent.row().token == "faster"
    assert agent.announcer.told == []


async def test_cancelling_a_running_task_interrupts_it_and_is_told(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging())
    message = agent.post()
    async with agent.working(), asyncio.timeout(5):
        await agent.running()
        error = TaskError.of(TaskCode.CANCELLED, "cancelled")
        outcome = Outcome(status=Status.CANCELLED, event_id="e", notification="{}", error=error)
        agent.store.cancel("t1", message.submission, outcome=outcome, now=now_ms())
        while len(agent.queue):
            await asyncio.sleep(0.005)
    assert agent.runtime.interrupted == ["t1"]
    assert agent.row().status is Status.CANCELLED
    assert agent.announcer.told[0]["error"]["code"] == "cancelled"


async def test_an_inference_over_its_limit_is_interrupted_and_fails(make_agent: MakeAgent) -> None:
    agent = make_agent(hanging(), inference=0.05)
    agent.post()
    await agent.work_off()
    assert agent.runtime.interrupted == ["t1"]
    assert agent.announcer.told[0]["error"]["code"] == "timeout"


async def test_a_stop_gives_back_what_outlasts_the_grace_period_and_counts_no_attempt(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(hanging(), shutdown_grace=2)
    agent.post()
    async with agent.working() as worker, asyncio.timeout(5):
        while not agent.runtime.jobs:
            await asyncio.sleep(0.005)
        worker.stop()
    assert agent.runtime.interrupted == ["t1"]
    assert (agent.row().status, agent.row().attempts) == (Status.QUEUED, 0)
    assert len(agent.queue.visible) == 1


async def test_a_stop_lets_a_short_run_end(make_agent: MakeAgent) -> None:
    started = asyncio.Event()

    async def short(job: Job, progress: Progress) -> Result:
        started.set()
        await asyncio.sleep(0.05)
        return Result(answer={}, outputs=[Output(b"x", ("image",))])

    agent = make_agent(short, shutdown_grace=5)
    agent.post()
    async with agent.working() as worker:
        await started.wait()
        worker.stop()
    assert agent.row().status is Status.SUCCEEDED


async def test_a_task_that_expired_never_reaches_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post(expires_in=1)
    agent.tasks.now = lambda: now_ms() + 5000
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "expired"
    assert agent.runtime.jobs == []


async def test_a_task_type_of_another_runtime_fails(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post(tasktype="pipeline")
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "unsupported_tasktype"


async def test_a_bare_message_is_recorded_run_and_told(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.post_bare(context="mine")
    await agent.work_off()
    assert agent.row().status is Status.SUCCEEDED
    assert agent.announcer.told[0]["context"] == "mine"


async def test_a_bare_message_may_use_the_id_of_a_task_that_has_ended(make_agent: MakeAgent) -> None:
    agent = make_agent()
    first = agent.post()
    await agent.work_off()
    agent.post_bare()
    await agent.work_off()
    assert agent.row().submission != first.submission
    assert len(agent.announcer.told) == 2


async def test_a_bare_message_with_the_id_of_a_running_task_is_told_of_the_conflict(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent()
    message = agent.post()
    now = now_ms()
    agent.store.claim("t1", message.submission, token="other", lease_until=now + 60_000, now=now)
    agent.post_bare()
    await agent.work_until(lambda: bool(agent.announcer.told))
    [told] = agent.announcer.told
    assert told["error"]["code"] == "conflict"
    assert told["submission"] != message.submission
    assert agent.row().token == "other"


async def test_a_bare_message_with_bad_content_fails_before_the_runtime(make_agent: MakeAgent) -> None:
    agent = make_agent()
    body = {"metadata": {"id": "b", "tasktype": "text-to-image", "prefix": "p"}, "content": {"width": -1}}
    agent.queue.send(json.dumps(body))
    await agent.work_off()
    assert agent.announcer.told[0]["error"]["code"] == "runtime_refused"
    assert "width" in agent.announcer.told[0]["error"]["message"]
    assert agent.runtime.jobs == []


async def test_content_in_the_payload_bucket_is_brought_back(make_agent: MakeAgent) -> None:
    agent = make_agent()
    message = agent.post(content={"prompt": "large"})
    agent.queue._messages.clear()
    ref = agent.payloads.put(message.submission, "content", {"prompt": "large"})
    agent.queue.send(message.model_copy(update={"content": None, "content_ref": ref}).to_json())
    await agent.work_off()
    assert agent.runtime.jobs[0].content == {"prompt": "large"}


async def test_what_cannot_be_read_is_kept_and_deleted(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.queue.send("{not json")
    await agent.work_off()
    [(delivery, error)] = agent.unreadable.kept
    assert delivery.body == "{not json"
    assert error.task_id is None


async def test_a_large_context_comes_back_unchanged(make_agent: MakeAgent) -> None:
    agent = make_agent()
    context = {"text": "x" * 9000}
    agent.post_bare(context=context)
    await agent.work_off()
    assert agent.announcer.told[0]["context"] == context
    assert agent.row().notification_ref is not None


async def test_a_task_that_trips_up_the_agent_does_not_stop_the_next_one(make_agent: MakeAgent) -> None:
    agent = make_agent(failing(ZeroDivisionError("bug")), picture())
    agent.post("t1")
    agent.post("t2")
    await agent.work_until(lambda: agent.row("t2").status is Status.SUCCEEDED)
    assert agent.row("t2").status is Status.SUCCEEDED


async def test_receive_failing_for_a_while_is_survived(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.queue.failing.add("receive")
    agent.post()
    async with agent.working(), asyncio.timeout(10):
        await asyncio.sleep(0.05)
        agent.queue.failing.clear()
        while len(agent.queue):
            await asyncio.sleep(0.01)
    assert agent.row().status is Status.SUCCEEDED


@pytest.mark.parametrize("times", [0, 1, 5, 50, 10_000])
def test_back_off_is_at_most_two_minutes(times: int) -> None:
    assert 1 <= back_off(times) <= MAX_BACK_OFF
