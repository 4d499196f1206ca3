"""The trace of a message: which spans there are, below which others, and what they say."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from queue_agent import spans
from queue_agent.errors import RuntimeLostError, TaskFailedError
from queue_agent.ports import Freed, Job, Output, Progress, Result, unheard
from queue_agent.stages import Stages
from queue_agent.testing import failing
from task_schema import TaskCode
from telemetry import names
from telemetry.context import read_traceparent
from telemetry.logs import TraceFields
from telemetry.testing import Recorded, record

MakeAgent = Callable[..., Any]
BARE = json.dumps(
    {
        "metadata": {"id": "t1", "runtime": "sdruntime", "tasktype": "text-to-image", "prefix": "p"},
        "content": {"prompt": "a dog"},
    }
)
PRODUCER = ("a" * 32, "b" * 16)


@pytest.fixture
def recorded() -> Recorded:
    return record()


def hexes(context: Any) -> tuple[str, str]:
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


async def test_a_message_goes_on_with_the_trace_of_who_published_it(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    message = agent.post()
    await agent.work_off()
    process = recorded.one("process sdruntime")
    assert hexes(process.parent) == PRODUCER
    assert process.kind is SpanKind.CONSUMER
    assert process.attributes is not None
    assert process.attributes[names.TASK_ID] == "t1"
    assert process.attributes[names.SUBMISSION] == message.submission
    assert process.attributes[names.ATTEMPT] == 1
    assert process.attributes[names.OUTCOME] == "succeeded"
    steps = ("accept", "prepare", "wait", "claim", "infer", "commit", "settle")
    assert {recorded.parent_of(recorded.one(name)) for name in steps} == {"process sdruntime"}
    assert {hexes(span.context)[0] for span in recorded if not span.name.startswith("receive")} == {
        PRODUCER[0]
    }


async def test_the_receive_call_is_linked_and_not_part_of_the_trace(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.post()
    await agent.work_off()
    receive, process = recorded.one("receive sdruntime"), recorded.one("process sdruntime")
    assert receive.parent is None
    assert [hexes(link.context) for link in receive.links] == [PRODUCER]
    assert [hexes(link.context) for link in process.links] == [hexes(receive.context)]


async def test_a_message_without_a_trace_begins_one_that_its_notification_goes_on_with(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.post_bare()
    await agent.work_off()
    process = recorded.one("process sdruntime")
    assert process.parent is None
    told = read_traceparent(agent.announcer.announced[0].traceparent)
    assert told is not None
    assert told.trace_id == hexes(process.context)[0]


@pytest.mark.parametrize(
    "header", ["", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "garbage", "00-" + "A" * 32 + "-" + "b" * 16]
)
async def test_a_trace_that_cannot_be_read_is_none(
    header: str, make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.queue.send(BARE, runtime="sdruntime", traceparent=header)
    await agent.work_off()
    assert recorded.one("process sdruntime").parent is None
    assert agent.announcer.told[0]["result"] is True


async def test_a_trace_that_nobody_keeps_leaves_no_span(make_agent: MakeAgent, recorded: Recorded) -> None:
    agent = make_agent()
    agent.queue.send(BARE, runtime="sdruntime", traceparent=f"00-{PRODUCER[0]}-{PRODUCER[1]}-00")
    await agent.work_off()
    assert recorded.names() == []
    assert agent.announcer.announced[0].traceparent == f"00-{PRODUCER[0]}-{PRODUCER[1]}-00"


async def test_the_trace_that_aws_passed_on_serves_where_there_is_no_other(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    header = f"Root=1-{PRODUCER[0][:8]}-{PRODUCER[0][8:]};Parent={PRODUCER[1]};Sampled=1"
    agent.queue.send(BARE, runtime="sdruntime", AWSTraceHeader=header)
    await agent.work_off()
    assert hexes(recorded.one("process sdruntime").parent) == PRODUCER


async def test_the_gpu_ends_with_infer_and_the_rest_of_the_answer_is_decode(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    headers: list[str] = []

    async def script(job: Job, progress: Progress, freed: Freed = unheard) -> Result:
        headers.append(spans.headers()["traceparent"])
        freed()
        headers.append(spans.headers()["traceparent"])
        return Result(answer={}, outputs=[Output(b"\x89PNG\r\n\x1a\n", ("images", 0))])

    agent = make_agent()
    agent.runtime.run = script
    agent.post(content={"prompt": "a secret", "steps": 3, "seed": 2**70, "sampler_name": "Euler"})
    await agent.work_off()
    infer, decode = recorded.one("infer"), recorded.one("decode")
    assert [header.split("-")[2] for header in headers] == [
        hexes(infer.context)[1],
        hexes(decode.context)[1],
    ]
    assert infer.end_time is not None
    assert decode.start_time is not None
    assert infer.end_time <= decode.start_time
    assert infer.attributes == {
        names.GPU: True,
        names.STEPS: 3,
        names.SEED: str(2**70),
        names.SAMPLER: "Euler",
    }


async def test_no_prompt_is_told_unless_it_is_switched_on(make_agent: MakeAgent, recorded: Recorded) -> None:
    agent = make_agent()
    agent.post(content={"prompt": "a secret dog"})
    await agent.work_off()
    assert "secret" not in " ".join(span.to_json() for span in recorded)
    agent.trace_prompts = True
    agent.post("t2", content={"prompt": "a dog" * 100})
    await agent.work_off()
    told = [
        attributes[names.PROMPT] for span in recorded if names.PROMPT in (attributes := span.attributes or {})
    ]
    assert told == [("a dog" * 100)[:256]]


def test_a_workflow_tells_what_its_nodes_say() -> None:
    graph = {
        "3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 20, "sampler_name": "euler"}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a dog", "steps": ["3", 0]}},
    }
    job = Job(id="t", submission="s", attempt="a", tasktype="workflow", content=graph)
    assert spans.described(job, prompts=False) == {
        names.SEED: 7,
        names.STEPS: 20,
        names.SAMPLER: "euler",
        names.MODEL: "sd15.safetensors",
        names.WIDTH: 512,
        names.HEIGHT: 768,
    }


async def test_a_failed_task_says_its_code_and_not_why(make_agent: MakeAgent, recorded: Recorded) -> None:
    agent = make_agent(failing(TaskFailedError(TaskCode.BAD_GRAPH, "a secret")))
    agent.post()
    await agent.work_off()
    process, infer = recorded.one("process sdruntime"), recorded.one("infer")
    assert process.status.status_code is StatusCode.ERROR
    assert process.attributes is not None
    assert process.attributes[names.CODE] == "bad_graph"
    assert infer.attributes is not None
    assert infer.attributes[names.ERROR_TYPE] == "TaskFailedError"
    assert "secret" not in process.to_json() + infer.to_json()


async def test_each_attempt_is_a_span_below_the_same_producers(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent(failing(RuntimeLostError("gone")), failing(RuntimeLostError("gone")), max_attempts=2)
    agent.post()
    await agent.work_until(lambda: agent.row().status.is_terminal, seconds=30)
    attempts = recorded.all("process sdruntime")
    assert [(span.attributes or {})[names.ATTEMPT] for span in attempts] == [1, 2]
    assert {hexes(span.parent) for span in attempts} == {PRODUCER}
    assert [recorded.parent_of(span) for span in recorded.all("infer")] == ["process sdruntime"] * 2
    assert (attempts[1].attributes or {})[names.CODE] == "attempts_exhausted"


async def test_a_message_that_needs_nothing_is_no_error_and_names_its_task(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.finish(agent.post())
    await agent.work_off()
    process, accept = recorded.one("process sdruntime"), recorded.one("accept")
    assert (process.attributes or {})[names.TASK_ID] == "t1"
    assert accept.status.status_code is StatusCode.UNSET


async def test_a_task_that_ends_before_its_turn_says_so_in_trace_and_out(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.post(tasktype="no-such-type")
    await agent.work_off()
    process = recorded.one("process sdruntime")
    assert (process.attributes or {})[names.CODE] == "unsupported_tasktype"
    [out] = [json.loads(data) for data in agent.outputs.objects.values()]
    assert out["darkroom"]["trace_id"] == PRODUCER[0]


async def test_lines_of_the_log_name_their_task_and_trace(
    make_agent: MakeAgent, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(TraceFields())
    with caplog.at_level(logging.INFO):
        agent = make_agent()
        agent.post()
        await agent.work_off()
    settled = next(each for each in caplog.records if getattr(each, "action", "") == "settled")
    assert (getattr(settled, "task", None), getattr(settled, "trace_id", None)) == ("t1", PRODUCER[0])
    assert getattr(settled, "span_id", None) == hexes(recorded.one("process sdruntime").context)[1]


async def test_a_stage_is_measured_and_traced_also_when_it_fails(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    agent.post()
    delivery = await agent.queue.receive(wait_seconds=1)
    stages = Stages(agent.metrics, delivery)
    with pytest.raises(OSError, match="gone"), stages.stage("commit"):
        raise OSError("gone")
    assert agent.metrics.registry.get_sample_value("darkroom_stage_seconds_count", {"stage": "commit"}) == 1
    assert recorded.one("commit").status.status_code is StatusCode.ERROR
    assert set(stages.record(attempt=2)["seconds"]) == {"queued", "commit"}


@pytest.mark.parametrize("script", [None, failing(TaskFailedError(TaskCode.BAD_GRAPH, "no such node"))])
async def test_the_out_of_a_task_tells_its_attempt_trace_timings_and_gpu_seconds(
    script: Any, make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent(*([script] if script else []))
    agent.post()
    await agent.work_off()
    [out] = [json.loads(data) for key, data in agent.outputs.objects.items() if key.endswith(".out")]
    told = out["darkroom"]
    assert (told["attempt"], told["trace_id"]) == (1, PRODUCER[0])
    assert 0 <= told["gpu_seconds"] < 5
    assert {"queued", "accept", "prepare", "wait"} <= set(told["seconds"])
    assert all(seconds >= 0 for seconds in told["seconds"].values())
    assert told["request"]["tasktype"] == "text-to-image"
    assert told["request"]["content"] == {"prompt": "a dog"}


async def test_of_an_upload_is_told_that_it_is_one_and_not_which(
    make_agent: MakeAgent, recorded: Recorded
) -> None:
    agent = make_agent()
    upload = "upload://0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e"
    agent.fetcher.links[upload] = b"12345"
    agent.post(content={"init_images": [upload]})
    await agent.work_off()
    told = recorded.one("fetch input").attributes or {}
    assert (told["url.scheme"], told["server.address"]) == ("upload", "")
    assert "0b8f9a4e" not in " ".join(span.to_json() for span in recorded)
