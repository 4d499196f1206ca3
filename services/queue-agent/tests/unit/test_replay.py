import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from queue_agent.errors import RuntimeRefusedStartError, TaskFailedError
from queue_agent.ports import Output, Result
from queue_agent.replay import BadRequestError, Replay, run, save
from queue_agent.testing import FakeRuntime, MemoryFetcher, failing, hanging, picture
from task_schema import TaskCode

REQUEST = {"id": "a", "submission": "s-1", "tasktype": "text-to-image", "content": {"prompt": "a dog"}}
SETTINGS = {
    "RUNTIME_NAME": "sdruntime",
    "RUNTIME_TYPE": "sdwebui",
    "AWS_DEFAULT_REGION": "us-east-1",
    "RUNTIME_URL": "http://127.0.0.1:9",
    "QUEUE_URL": "http://127.0.0.1:9/q",
    "TASKS_TABLE": "t",
    "NOTIFICATIONS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:n",
    "OUTPUT_BUCKET": "o",
    "PAYLOAD_BUCKET": "p",
}


def request(**changes: Any) -> Replay:
    return Replay.read(json.dumps({**REQUEST, **changes}))


async def replayed(runtime: FakeRuntime, wanted: Replay | None = None, *, limit: float = 5) -> Result:
    return await run(wanted or request(), runtime, MemoryFetcher(), limit=limit, ready=0.05)


async def test_a_request_runs_as_an_agent_runs_it_and_its_outputs_are_files(tmp_path: Path) -> None:
    runtime = FakeRuntime(picture())
    content = {"prompt": "a dog", "alwayson_scripts": {"sd_model_checkpoint": "m", "id_task": "a"}}
    result = await replayed(runtime, request(content=content))
    image, answer = save(result, tmp_path / "out", "a")
    [job] = runtime.jobs
    assert (job.model, job.content) == ("m", {"prompt": "a dog", "alwayson_scripts": {}})
    assert image.name == "a-1.png"
    assert image.read_bytes().startswith(b"\x89PNG")
    assert str(image) in answer.read_text()


async def test_a_task_type_that_the_runtime_does_not_serve_is_told() -> None:
    with pytest.raises(TaskFailedError, match="serves text-to-image, not pipeline"):
        await replayed(FakeRuntime(picture()), request(tasktype="pipeline"))


async def test_a_runtime_that_is_not_ready_is_not_asked() -> None:
    runtime = FakeRuntime(picture())
    runtime.is_ready = False
    with pytest.raises(RuntimeRefusedStartError, match="does not answer"):
        await replayed(runtime)
    assert runtime.jobs == []


async def test_a_run_that_takes_too_long_is_interrupted() -> None:
    runtime = FakeRuntime(hanging())
    with pytest.raises(TaskFailedError, match="longer than"):
        await replayed(runtime, limit=0.05)
    assert len(runtime.interrupted) == 1


async def test_a_run_that_is_given_up_is_interrupted() -> None:
    runtime = FakeRuntime(hanging())
    running = asyncio.create_task(replayed(runtime))
    while not runtime.jobs:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(runtime.interrupted) == 1


async def test_what_the_runtime_refuses_is_told_as_the_task_would_be() -> None:
    refused = failing(TaskFailedError(TaskCode.BAD_GRAPH, "no such node"))
    with pytest.raises(TaskFailedError, match="no such node"):
        await replayed(FakeRuntime(refused))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({**REQUEST, "content": []}), json.dumps({**REQUEST, "id": "../a"})]
)
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        Replay.read(text)


def test_several_outputs_get_numbers_and_the_answer_names_them(tmp_path: Path) -> None:
    outputs = [Output(b"GIF89a..", ("images", 0)), Output(b"\x89PNG\r\n\x1a\n", ("images", 1))]
    files = save(Result({"images": [None, None]}, outputs), tmp_path, "a")
    assert [file.name for file in files] == ["a-1.gif", "a-2.png", "a.out"]
    assert json.loads(files[2].read_text())["images"] == [str(files[0]), str(files[1])]


@pytest.mark.parametrize(
    ("arguments", "settings", "text", "expected"),
    [
        (["-h"], {}, "", (0, "usage:")),
        ([], {}, "", (2, "usage:")),
        (["out"], {}, "", (2, "RUNTIME_NAME")),
        (["out"], SETTINGS, "{}", (2, "stdin must be")),
        (["out"], SETTINGS, json.dumps({**REQUEST, "tasktype": "pipeline"}), (1, "unsupported_tasktype")),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str],
    settings: dict[str, str],
    text: str,
    expected: tuple[int, str],
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "queue_agent", "replay", *arguments],
        env={**this_python(), **settings},
        input=text,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    code, words = expected
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def this_python() -> dict[str, str]:
    """Return an environment in which a child finds what this process finds, and no setting of the agent."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(str(Path(one).absolute()) for one in sys.path if one),
    }
