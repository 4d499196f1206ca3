"""`queue-agent replay`: one request on one runtime, by the agent's own adapters; AWS is told nothing of it.

The request comes by stdin: `{"id", "submission", "tasktype", "content"}`, as the `.out` of its task has it
(DESIGN 4.3). The outputs go into a folder. Settings are the agent's; what only its queue needs is not used.
"""

import asyncio
import json
import logging
import os
import re
import signal
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3

from queue_agent.bootstrap import input_fetcher, s3_client
from queue_agent.errors import AgentError, RuntimeRefusedStartError, SettingsError, TaskFailedError
from queue_agent.fetching import Inputs
from queue_agent.outputs import place
from queue_agent.ports import Fetcher, Job, Result, Runtime
from queue_agent.runtimes import make_runtime
from queue_agent.settings import Settings
from s3io.media import sniff
from task_schema import TaskCode, split_routing

USAGE = "usage: queue-agent replay FOLDER < request.json"
_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
READY_SECONDS = 60.0  # until the runtime must answer and have its model
_READY_INTERVAL = 0.5
_INTERRUPTED = 130


class BadRequestError(AgentError):
    """What came by stdin is no request."""


@dataclass(frozen=True)
class Replay:
    """A request that is to run once more."""

    id: str
    submission: str
    tasktype: str
    content: dict[str, Any]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read it.

        Raises:
            BadRequestError: it is none.
        """
        try:
            given = json.loads(text)
            replay = cls(**{name: given[name] for name in ("id", "submission", "tasktype", "content")})
        except (ValueError, RecursionError, TypeError, KeyError) as exc:
            raise BadRequestError(
                "stdin must be a JSON object with id, submission, tasktype and content"
            ) from exc
        if not isinstance(given["content"], dict) or not _ID.fullmatch(str(given["id"])):
            raise BadRequestError("content must be an object, and id a task's id")
        return replay

    def job(self) -> Job:
        """Return the attempt at it."""
        body, routing = split_routing(self.content)
        return Job(
            id=self.id,
            submission=self.submission,
            attempt=uuid.uuid4().hex,
            tasktype=self.tasktype,
            content=body,
            model=routing.model,
        )


async def run(
    replay: Replay, runtime: Runtime, fetcher: Fetcher, *, limit: float, ready: float = READY_SECONDS
) -> Result:
    """Fetch the inputs of a request, run it, and return what came out; a run that is given up is interrupted.

    Raises:
        TaskFailedError: the request is at fault, or took longer than `limit` seconds.
        RuntimeRefusedStartError: the runtime was not ready in `ready` seconds.
        AgentError: the runtime was lost.
    """
    if replay.tasktype not in runtime.task_types:
        message = f"the runtime serves {', '.join(sorted(runtime.task_types))}, not {replay.tasktype}"
        raise TaskFailedError(TaskCode.UNSUPPORTED_TASKTYPE, message)
    await _until_ready(runtime, ready)
    job = replay.job()
    links = list(dict.fromkeys(runtime.links(job)))
    fetched = await Inputs(fetcher).fetch([link.url for link in links])
    prepared = await runtime.prepare(job, {link: fetched[link.url] for link in links})
    running = asyncio.create_task(runtime.run(prepared, lambda _: None), name="replay")
    try:
        done, _ = await asyncio.wait({running}, timeout=limit)
        if not done:
            raise TaskFailedError(TaskCode.TIMEOUT, f"it ran longer than {limit:g} seconds")
        return running.result()
    finally:
        if not running.done():
            await runtime.interrupt(prepared)
            running.cancel()
            await asyncio.wait({running})


def save(result: Result, folder: Path, name: str) -> list[Path]:
    """Write outputs and answer into a folder; return the files, the answer last."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, output in enumerate(result.outputs, 1):
        file = folder / f"{name}-{number}.{sniff(output.data).extension}"
        file.write_bytes(output.data)
        place(result.answer, output.path, str(file))
        files.append(file)
    answer = folder / f"{name}.out"
    answer.write_text(json.dumps(result.answer, ensure_ascii=False, indent=2), encoding="utf-8")
    return [*files, answer]


def main(arguments: Sequence[str]) -> int:
    """Run a request; print the names of the files. Exit code 1: it failed, 2: settings or request wrong."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)  # noqa: T201 - a command
        return 0 if arguments and arguments[0] in {"-h", "--help"} else 2
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        settings = Settings.from_env(os.environ)
        replay = Replay.read(sys.stdin.read())
        result = asyncio.run(_on_its_own(replay, settings))
        files = save(result, Path(arguments[0]), replay.id)
    except (SettingsError, BadRequestError) as exc:
        print(f"queue-agent replay: {exc}", file=sys.stderr)  # noqa: T201 - the same
        return 2
    except (AgentError, OSError) as exc:
        code = f"{exc.code}: " if isinstance(exc, TaskFailedError) else ""
        print(f"queue-agent replay: {code}{exc}", file=sys.stderr)  # noqa: T201 - the same
        return 1
    except asyncio.CancelledError:
        return _INTERRUPTED
    for file in files:
        print(file)  # noqa: T201 - the same
    return 0


async def _on_its_own(replay: Replay, settings: Settings) -> Result:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    runtime = make_runtime(settings)
    fetcher = input_fetcher(settings, s3_client(boto3.session.Session()))
    limit = settings.inference_limits.get(replay.tasktype, settings.inference_limit_seconds)
    try:
        return await run(replay, runtime, fetcher, limit=limit)
    finally:
        await fetcher.aclose()
        await runtime.aclose()


async def _until_ready(runtime: Runtime, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await runtime.ready():  # noqa: ASYNC110 - it is asked over HTTP
                await asyncio.sleep(_READY_INTERVAL)
    except TimeoutError as exc:
        raise RuntimeRefusedStartError(
            f"the runtime does not answer, or has no model, for {seconds:g} s"
        ) from exc
