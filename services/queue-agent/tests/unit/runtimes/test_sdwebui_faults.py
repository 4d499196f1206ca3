"""What each of SD Web UI's errors means: failed for ever, lost, or never started."""

import asyncio
from typing import Any

import pytest

from queue_agent.errors import RuntimeLostError, RuntimeRefusedStartError, TaskFailedError
from queue_agent.sdwebui_faults import fault_of
from queue_agent.testing import run
from task_schema import TaskCode

TXT2IMG = "/sdapi/v1/txt2img"


def forge(kind: str, message: str) -> dict[str, str]:
    return {"error": kind, "detail": "", "body": "", "message": message}


@pytest.mark.parametrize(
    ("status", "said", "message"),
    [
        (
            422,
            {
                "detail": [
                    {"type": "int_parsing", "loc": ["body", "steps"], "msg": "not a number", "input": "many"}
                ]
            },
            "steps: not a number",
        ),
        (422, {"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}, "Field required"),
        (422, {"detail": "Script 'X' not found"}, "Script 'X' not found"),
        (404, {"detail": "Init image not found"}, "Init image not found"),
        (
            400,
            {"error": "HTTPException", "detail": "Sampler not found", "body": "", "errors": ""},
            "Sampler not found",
        ),
        (500, {"detail": "Invalid encoded image"}, "Invalid encoded image"),
        (
            500,
            {"error": "HTTPException", "detail": "Invalid encoded image", "body": "", "errors": ""},
            "Invalid encoded image",
        ),
        (500, {"detail": "Invalid image url"}, "Invalid image url"),
        (500, {"detail": "Request to local resource not allowed"}, "Request to local resource not allowed"),
        (500, {"detail": "Requests not allowed"}, "Requests not allowed"),
        (
            500,
            forge("AssertionError", "could not find upscaler named Nope"),
            "could not find upscaler named Nope",
        ),
        (
            500,
            forge(
                "RuntimeError",
                "Calculated padded input size per channel: (10 x 2). Kernel size: (3 x 3). "
                "Kernel size can't be greater than actual input size",
            ),
            "Kernel size",
        ),
        (
            500,
            forge("IndexError", "Dimension out of range (expected to be in range of [-1, 0], but got 1)"),
            "Dimension out of range",
        ),
        (422, "not even json", "not even json"),
        (422, None, "422"),
    ],
)
def test_the_callers_faults_fail_the_task_with_words_for_a_person(
    status: int, said: Any, message: str
) -> None:
    """runtimes.md Forge 4 and 5: 500 too may be the caller's, and there are four shapes."""
    fault = fault_of(status, said)
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.RUNTIME_REFUSED
    assert message in str(fault)


def test_what_the_user_sent_is_not_repeated() -> None:
    said = {"detail": [{"loc": ["body", "mask"], "msg": "bad", "input": "A" * 1_000_000}] * 20}
    assert len(str(fault_of(422, said))) < 200


@pytest.mark.parametrize(
    "said",
    [
        forge("OutOfMemoryError", "CUDA out of memory. Tried to allocate 20.00 GiB"),
        forge("RuntimeError", "CUDA out of memory"),
        {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory."},
        forge("MemoryError", ""),
    ],
)
def test_out_of_memory_is_lost_with_its_code(said: Any) -> None:
    """runtimes.md source note 12."""
    fault = fault_of(500, said)
    assert isinstance(fault, RuntimeLostError)
    assert fault.code is TaskCode.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, forge("RuntimeError", "CUDA error: an illegal memory access was encountered")),
        (500, forge("NansException", "A tensor with NaNs was produced in Unet.")),
        (500, forge("RuntimeError", "mat1 and mat2 shapes cannot be multiplied")),
        (500, forge("KeyError", "'model'")),
        (500, forge("OSError", "[Errno 28] No space left on device")),
        (500, ""),
        (502, "<html>"),
        (302, ""),
    ],
)
def test_other_500s_are_lost_inferences(status: int, said: Any) -> None:
    fault = fault_of(status, said)
    assert isinstance(fault, RuntimeLostError)
    assert fault.code is TaskCode.ATTEMPTS_EXHAUSTED


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, {"detail": "Incorrect username or password"}),
        (503, ""),
        (404, {"detail": "Not Found"}),
        (429, ""),
    ],
)
def test_a_server_that_takes_nothing_has_started_nothing(status: int, said: Any) -> None:
    """runtimes.md source note 13, and the API that is mounted after the server is up."""
    assert isinstance(fault_of(status, said), RuntimeRefusedStartError)


def test_too_large_is_the_tasks_fault() -> None:
    fault = fault_of(413, "")
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.INPUT_TOO_LARGE


def test_an_unknown_model_has_its_own_code() -> None:
    fault = fault_of(500, forge("RuntimeError", "model 'x' not found"))
    assert isinstance(fault, TaskFailedError)
    assert fault.code is TaskCode.UNKNOWN_MODEL


async def test_a_cut_connection_is_a_lost_inference_and_the_run_is_not_sent_again(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    """runtimes.md source note 2: never repeat the POST; Forge 6: a disconnect does not stop the run."""
    webui.then_cut()
    with pytest.raises(RuntimeLostError):
        await run(make_webui(), make_job())
    assert webui.paths().count(TXT2IMG) == 1
    assert "/sdapi/v1/interrupt" in webui.paths()


async def test_a_run_without_an_answer_is_given_up(webui: Any, make_webui: Any, make_job: Any) -> None:
    webui.may_end.clear()
    with pytest.raises(RuntimeLostError):
        await run(make_webui(run_timeout=0.2), make_job())


async def test_nothing_was_started_where_nothing_listens(webui: Any, make_webui: Any, make_job: Any) -> None:
    adapter = make_webui()
    await webui.stop()
    with pytest.raises(RuntimeRefusedStartError):
        await run(adapter, make_job())


async def test_each_request_has_a_connection_of_its_own(
    webui: Any, make_webui: Any, make_job: Any, make_exception: Any
) -> None:
    """runtimes.md Forge 1: after such a 500 the server closes the connection without having said so."""
    adapter = make_webui()
    webui.then(500, make_exception("AssertionError", "could not find upscaler named Nope"))
    with pytest.raises(TaskFailedError):
        await run(adapter, make_job())
    assert (await run(adapter, make_job())).outputs
    assert len(set(webui.peers)) == len(webui.peers) == len(webui.seen)


async def test_a_run_that_broke_while_it_was_being_interrupted_is_interrupted(
    webui: Any, make_webui: Any, make_job: Any
) -> None:
    webui.may_end.clear()
    adapter, job = make_webui(), make_job()

    async def hang_then_cut(request: Any) -> Any:
        await webui.may_end.wait()
        request.transport.abort()

    webui.script.append(hang_then_cut)
    running = asyncio.create_task(run(adapter, job))
    await asyncio.wait_for(webui.running.wait(), 5)
    await adapter.interrupt(job)
    with pytest.raises(Exception, match="interrupted"):
        await running
