"""`darkroom submit` on a system that is not the one on this machine: all by its API."""

import json
import tempfile
from pathlib import Path

from darkroom_cli.bodies import Request
from darkroom_cli.errors import BadRequestOptionError, TaskFailedError
from darkroom_cli.options import SubmitOptions
from darkroom_cli.remote import in_our_words
from darkroom_cli.tasks import numbered
from darkroom_cli.terminal import Terminal
from darkroom_client import AsyncDarkroom, Connection, Status, Task


async def submit(
    request: Request, options: SubmitOptions, connection: Connection, *, terminal: Terminal, folder: Path
) -> None:
    """Post a request; unless told not to wait, wait for its end and save its pictures.

    Raises:
        CliError: it was refused, failed, or has not ended in time.
    """
    with in_our_words():
        async with AsyncDarkroom(connection.endpoint, connection.api_key) as client:
            accepted = await client.submit_request(request.body)
            if not options.wait:
                terminal.say(json.dumps(accepted.model_dump(mode="json"), indent=2))
                return
            with terminal.waiting(f"{request.tasktype} {request.id} at {request.runtime}"):
                task = await client.wait(request.id, timeout=options.timeout)
            _check(task)
            await _save(client, task, options.output, folder / request.id, terminal)
    terminal.remark(f"{task.id}: {len(task.images)} picture(s)")


async def _save(
    client: AsyncDarkroom, task: Task, output: Path | None, usual: Path, terminal: Terminal
) -> None:
    target = output or usual
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".darkroom-") as drafts:
            for number, draft in enumerate(await client.download(task, drafts), 1):
                path = numbered(target, number, draft.suffix if output is None else "")
                draft.replace(path)
                terminal.say(str(path))
    except OSError as exc:
        raise BadRequestOptionError(f"{target} cannot be written: {exc.strerror}") from exc


def _check(task: Task) -> None:
    if task.status is Status.SUCCEEDED:
        return
    error = task.error
    why = f"{error.code}: {error.message}" if error is not None else str(task.status)
    again = "; the same request may succeed when it is sent again" if error and error.retryable else ""
    raise TaskFailedError(f"{task.id} failed: {why}{again}")
