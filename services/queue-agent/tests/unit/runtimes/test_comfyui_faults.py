"""What ComfyUI's refusals, failures and disappearances mean for a task."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from queue_agent.comfyui_faults import failure_of, refusal_of
from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.testing import run, until
from task_schema import TaskCode

GRAPH = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "ok"}},
}


def refusal(kind: str, message: str, details: str = "") -> dict[str, Any]:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return {"error": error, "node_errors": {}}


def failed(**nodes: Any) -> dict[str, Any]:
    said = refusal("prompt_outputs_failed_validation", "Prompt outputs failed validation")
    return {**said, "node_errors": {name.removeprefix("n"): node for name, node in nodes.items()}}


def problem(kind: str, message: str, details: str, class_type: str, name: str) -> dict[str, Any]:
    error = {"type": kind, "message": message, "details": details, "extra_info": {"input_name": name}}
    return {"errors": [error], "dependent_outputs": ["9"], "class_type": class_type}


def invalid_image(name: str) -> dict[str, Any]:
    details = f"image - Invalid image file: {name}"
    return problem(
        "custom_validation_failed", "Custom validation failed for node", details, "LoadImage", "image"
    )


MISSING_MODEL = problem(
    "value_not_in_list",
    "Value not in list",
    "ckpt_name: 'no-such.safetensors' not in ['a.safetensors']",
    "CheckpointLoaderSimple",
    "ckpt_name",
)
NO_SAMPLER = problem(
    "value_not_in_list", "Value not in list", "sampler_name: 'x' not in []", "KSampler", "sampler_name"
)
NO_HEIGHT = problem("required_input_missing", "Required input is missing", "height", "EmptyImage", "height")
TOO_SMALL = problem("value_smaller_than_min", "Value 0 smaller than min of 1", "width", "EmptyImage", "width")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            refusal("invalid_prompt", "Cannot execute because node Nope does not exist.", "Node ID '#1'"),
            ["node Nope does not exist: Node ID '#1'"],
        ),
        (refusal("prompt_no_outputs", "Prompt has no outputs"), ["no outputs"]),
        (refusal("no_prompt", "No prompt provided", "No prompt provided"), ["No prompt provided"]),
        (failed(), ["depend on each other in a circle"]),
        (failed(n1=TOO_SMALL), ["node 1", "EmptyImage", "width", "smaller than min of 1"]),
        (failed(n1=NO_HEIGHT), ["node 1 (EmptyImage)", "Required input is missing", "height"]),
        (failed(n3=NO_SAMPLER), ["KSampler", "sampler_name"]),
        (failed(n1=TOO_SMALL, n4=MISSING_MODEL), ["EmptyImage", "no-such.safetensors"]),
        (failed(n1=invalid_image("no-such-file.png")), ["LoadImage", "no-such-file.png"]),
    ],
)
def test_a_refused_graph_fails_with_node_class_and_input(said: dict[str, Any], words: list[str]) -> None:
    """ComfyUI 7 and 9, recording 03."""
    fault = refusal_of(400, said, uploads="darkroom/")
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.BAD_GRAPH
    assert all(word in str(fault) for word in words)


def test_a_missing_model_has_its_own_code() -> None:
    """ComfyUI 9: it comes as value_not_in_list, with the list of what is there."""
    fault = refusal_of(400, failed(n4=MISSING_MODEL), uploads="darkroom/")
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.UNKNOWN_MODEL
    assert "no-such.safetensors" in str(fault)


def test_an_upload_that_a_restart_has_lost_is_not_the_tasks_fault() -> None:
    fault = refusal_of(400, failed(n1=invalid_image("darkroom/ab12.png")), uploads="darkroom/")
    assert isinstance(fault, RuntimeRefusedStartError)


def test_a_bare_500_is_the_graphs_fault() -> None:
    """ComfyUI 8: a malformed body is answered with a text page, for ever."""
    fault = refusal_of(500, "500 Internal Server Error\n\nServer got itself in trouble", uploads="darkroom/")
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.BAD_GRAPH


def test_a_body_that_is_too_large_is_told_as_such() -> None:
    """ComfyUI 8: 413 above 100 MB."""
    fault = refusal_of(413, "", uploads="darkroom/")
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.INPUT_TOO_LARGE


@pytest.mark.parametrize("status", [401, 403, 404, 502, 503])
def test_a_server_that_takes_nothing_has_started_nothing(status: int) -> None:
    """ComfyUI 19: 403 for a foreign origin is the set-up's fault."""
    assert isinstance(refusal_of(status, "", uploads="darkroom/"), RuntimeRefusedStartError)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "torch.OutOfMemoryError",
            "Allocation on device \nThis error means you ran out of memory on your GPU.\n",
        ),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory. Tried to allocate 2 GiB"),
        ("RuntimeError", "CUDA out of memory"),
        ("MemoryError", ""),
    ],
)
def test_out_of_memory_is_lost_with_its_code(kind: str, message: str) -> None:
    fault = failure_of({"node_id": "3", "exception_type": kind, "exception_message": message})
    assert isinstance(fault, RuntimeLostError)
    assert fault.code is TaskCode.OUT_OF_MEMORY


@pytest.mark.parametrize(
    "message", ["CUDA error: device-side assert triggered", "[Errno 28] No space left on device"]
)
def test_a_broken_machine_is_lost(message: str) -> None:
    assert isinstance(
        failure_of({"exception_type": "RuntimeError", "exception_message": message}), RuntimeLostError
    )


def test_a_failed_node_fails_the_task_without_its_traceback() -> None:
    """ComfyUI 6 and 9: a corrupt image fails at run time; the event may be large."""
    event = {
        "node_id": "1",
        "node_type": "LoadImage",
        "exception_type": "OSError",
        "exception_message": "Truncated File Read\n",
        "traceback": ["secret path"],
        "current_inputs": {"image": ["secret"]},
    }
    fault = failure_of(event)
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.RUNTIME_REFUSED
    assert str(fault) == "node 1 (LoadImage) failed: OSError: Truncated File Read"
    assert "secret" not in str(fault.answer)


async def test_a_refusal_ends_the_run(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response(failed(n1=TOO_SMALL), status=400)

    comfy.on_prompt = refuse
    with pytest.raises(TaskFailedError) as caught:
        await run(make_comfy(), make_job("pipeline", GRAPH))
    assert caught.value.code is TaskCode.BAD_GRAPH


async def test_a_partly_valid_graph_fails_and_what_began_is_stopped(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 5: 200 with node_errors, and history would say success with an output missing."""
    comfy.holds = True

    async def partly(request: web.Request) -> Any:
        return comfy.take(await request.json(), {"3": TOO_SMALL})

    comfy.on_prompt = partly
    with pytest.raises(TaskFailedError, match="smaller than min") as caught:
        await run(make_comfy(), make_job("pipeline", GRAPH))
    assert caught.value.code is TaskCode.BAD_GRAPH
    assert comfy.running == comfy.pending == []


async def test_outputs_of_a_failed_prompt_are_discarded(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 6, recording 04: status error, and yet pictures that were saved first."""
    comfy.status = "error"
    event = {"node_id": "3", "node_type": "X", "exception_type": "OSError", "exception_message": "broken"}
    comfy.messages = [["execution_error", event]]
    with pytest.raises(TaskFailedError, match="node 3"):
        await run(make_comfy(), make_job("pipeline", GRAPH))


async def test_out_of_memory_frees_the_models(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """Source note 27."""
    comfy.status = "error"
    comfy.messages = [
        ["execution_error", {"exception_type": "torch.OutOfMemoryError", "exception_message": ""}]
    ]
    with pytest.raises(RuntimeLostError):
        await run(make_comfy(), make_job("pipeline", GRAPH))
    assert comfy.bodies("/free") == [{"unload_models": True, "free_memory": True}]


async def test_an_interruption_from_outside_is_lost(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 6: only the message tells it from a failure."""
    comfy.status = "error"
    comfy.messages = [["execution_interrupted", {"node_id": "3"}]]
    with pytest.raises(RuntimeLostError, match="interrupted from outside"):
        await run(make_comfy(), make_job("pipeline", GRAPH))


async def test_an_error_without_a_reason_is_lost(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.status = "error"
    with pytest.raises(RuntimeLostError):
        await run(make_comfy(), make_job("pipeline", GRAPH))


async def test_a_late_history_entry_is_waited_for(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 1: execution_success comes before the entry exists."""
    comfy.late_history = 0.15
    assert (await run(make_comfy(), make_job("pipeline", GRAPH))).outputs


async def test_a_prompt_that_is_nowhere_for_a_moment_is_not_lost(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 1 and 2, recording 16: out of the queue, and not in the history yet."""
    comfy.gap = True
    assert (await run(make_comfy(), make_job("pipeline", GRAPH))).outputs


@pytest.mark.parametrize("fault", ["refused", "deaf"])
async def test_it_works_without_the_websocket(comfy: Any, make_comfy: Any, make_job: Any, fault: str) -> None:
    """ComfyUI 14: a socket may hear nothing for ever."""
    comfy.refuse_sockets = fault == "refused"
    comfy.deaf = fault == "deaf"
    assert (await run(make_comfy(), make_job("pipeline", GRAPH))).outputs


async def test_a_cut_websocket_is_opened_again_under_another_id(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 14, recording 22: a second socket under the same id can be made deaf by the first one's end."""
    comfy.holds = True
    running = asyncio.create_task(run(make_comfy(), make_job("pipeline", GRAPH)))
    await until(lambda: bool(comfy.sockets and comfy.running))
    [(first, socket)] = comfy.sockets.items()
    await socket.close()
    await until(lambda: bool(comfy.sockets) and first not in comfy.sockets)
    comfy.holds = False
    assert (await running).outputs


async def test_a_restart_loses_the_run(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    """ComfyUI 2 and 3: `{}` from the history, and not in the queue either."""
    comfy.holds = True
    running = asyncio.create_task(run(make_comfy(), make_job("pipeline", GRAPH)))
    await until(lambda: bool(comfy.running))
    comfy.restart()
    with pytest.raises(RuntimeLostError, match="started anew"):
        await running


async def test_a_server_that_has_ended_loses_the_run(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.holds = True
    running = asyncio.create_task(run(make_comfy(), make_job("pipeline", GRAPH)))
    await until(lambda: bool(comfy.running))
    await comfy.stop()
    with pytest.raises(RuntimeLostError, match="does not answer"):
        await running


async def test_a_worker_thread_that_has_died_loses_the_run(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """Source note 17: HTTP answers 200, and nothing ever runs."""
    comfy.stuck = True
    with pytest.raises(RuntimeLostError, match="did not begin") as lost:
        await run(make_comfy(), make_job("pipeline", GRAPH))
    assert lost.value.poisoned
    assert comfy.pending == []


async def test_behind_somebody_elses_prompt_it_waits(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    comfy.stuck = True
    comfy.running = [[0, "somebody-elses", {}, {}, []]]
    job = make_job("pipeline", GRAPH)
    running = asyncio.create_task(run(make_comfy(), job))
    await until(lambda: bool(comfy.pending))
    await asyncio.sleep(0.5)  # longer than the patience with an idle server
    assert not running.done()
    comfy.running, comfy.stuck = [], False
    [body] = comfy.bodies("/prompt")
    await comfy.work(body)
    assert (await running).outputs


async def test_a_lost_answer_to_the_submission_is_looked_for_and_not_sent_again(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    """ComfyUI 11, source note 4: twice the same id would run twice."""

    async def take_and_cut(request: web.Request) -> web.Response:
        comfy.take(await request.json())
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    comfy.on_prompt = take_and_cut
    assert (await run(make_comfy(), make_job("pipeline", GRAPH))).outputs
    assert len(comfy.bodies("/prompt")) == 1


async def test_a_submission_that_got_lost_has_started_nothing(
    comfy: Any, make_comfy: Any, make_job: Any
) -> None:
    async def only_cut(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    comfy.on_prompt = only_cut
    with pytest.raises(RuntimeRefusedStartError):
        await run(make_comfy(), make_job("pipeline", GRAPH))
    assert len(comfy.bodies("/prompt")) == 1


async def test_nothing_was_started_where_nothing_listens(comfy: Any, make_comfy: Any, make_job: Any) -> None:
    adapter = make_comfy()
    await comfy.stop()
    with pytest.raises(RuntimeRefusedStartError):
        await run(adapter, make_job("pipeline", GRAPH))
