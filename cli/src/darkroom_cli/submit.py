"""`darkroom submit`: one task, from the command line to a picture on disk."""

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from darkroom_cli import bodies, elsewhere
from darkroom_cli.bodies import Request, Wish
from darkroom_cli.endpoints import Target, named, of_state
from darkroom_cli.errors import BadRequestOptionError, NoAnswerError, TaskFailedError
from darkroom_cli.options import TASKS, SubmitOptions
from darkroom_cli.remote import in_our_words
from darkroom_cli.tasks import Desk, numbered
from darkroom_cli.terminal import Terminal
from darkroom_client import AsyncDarkroom, Connection
from local.home import Home
from local.state import State, read_state
from task_schema import Notification

RUNTIMES = {bodies.PIPELINE: "comfyruntime"}
DEFAULT_RUNTIME = "sdruntime"
MAX_INPUT_BYTES = 32 * 1024 * 1024  # DESIGN 4.4; the API says the same, after more work
_LINKS = ("http://", "https://", "s3://", "upload://")

type Upload = Callable[[Path], Awaitable[str]]


@dataclass(frozen=True)
class Place:
    """Where tasks go: an API, and what a system on this machine says of itself, if it is one."""

    connection: Connection
    state: State | None = None


def place_of(where: Target, *, environ: Mapping[str, str], home: Home) -> Place:
    """Return the system that is meant: a named one, else the one that is up.

    Raises:
        CliError: the options do not go together, or a stack cannot be asked.
        NotUpError: nothing was named, and no system is up.
    """
    connection = named(where, environ=environ)
    if connection is not None:
        return Place(connection)
    state = read_state(home)
    return Place(of_state(state), state)


async def submit(options: SubmitOptions, *, place: Place, terminal: Terminal, folder: Path) -> None:
    """Post the task; unless told not to wait, wait for its end and save its pictures.

    Raises:
        CliError: it could not be made, was refused, failed, or nothing was heard of it.
    """
    request = await build(options, upload=partial(_upload, place.connection, terminal))
    if place.state is None:
        await elsewhere.submit(request, options, place.connection, terminal=terminal, folder=folder)
        return
    desk = Desk(place.state)
    if not options.wait:
        terminal.say(json.dumps(await desk.post(request), indent=2))
        return
    with terminal.waiting(f"{request.tasktype} {request.id} at {request.runtime}"):
        [outcome] = await desk.run([request], timeout=options.timeout)
    if outcome.refused is not None:
        raise outcome.refused
    if outcome.notification is None or outcome.seconds is None:
        raise NoAnswerError(
            f"nothing was heard of {request.id} in {options.timeout:g} s (--timeout);"
            f" logs: {place.state.logs}"
        )
    pictures = await desk.pictures(_successful(outcome.notification))
    target = options.output or folder / request.id
    for number, picture in enumerate(pictures, 1):
        path = numbered(target, number, picture.extension if options.output is None else "")
        _write(path, picture.data)
        terminal.say(str(path))
    terminal.remark(f"{request.id}: {len(pictures)} picture(s) in {outcome.seconds:.1f} s")


async def build(options: SubmitOptions, *, upload: Upload) -> Request:
    """Make the request; `upload` takes a file and returns what stands for it.

    Raises:
        BadRequestOptionError: the options do not go together, or a file is not what it should be.
    """
    check(options)
    if options.json_file is not None:
        return bodies.from_json(_json(options.json_file), str(options.json_file))
    tasktype = task_type(options)
    return bodies.task(
        task_id=options.task_id or bodies.new_id(options.wish.prompt or tasktype),
        runtime=options.runtime or RUNTIMES.get(tasktype, DEFAULT_RUNTIME),
        tasktype=tasktype,
        content=await _content(options, tasktype, upload),
    )


def task_type(options: SubmitOptions) -> str:
    """Return the task type that was asked for, or the one that the other options mean."""
    if options.tasktype is not None:
        return options.tasktype
    if options.workflow is not None:
        return bodies.PIPELINE
    return bodies.IMAGE_TO_IMAGE if options.image is not None else bodies.TEXT_TO_IMAGE


def check(options: SubmitOptions) -> None:
    """Refuse options that do not go together.

    Raises:
        BadRequestOptionError: says which, and what to do.
    """
    tasktype = task_type(options)
    if options.json_file is not None:
        given = [options.wish != Wish(), options.tasktype, options.image, options.workflow, options.runtime]
        if any(given) or options.task_id:
            raise BadRequestOptionError("--json is the whole request: no other option that describes it fits")
        return
    if tasktype not in TASKS:
        raise BadRequestOptionError(f"--task: {tasktype!r} is none of {', '.join(TASKS)}")
    if options.workflow is not None and tasktype != bodies.PIPELINE:
        raise BadRequestOptionError(f"--workflow goes with --task {bodies.PIPELINE} only")
    needs_image = tasktype in (bodies.IMAGE_TO_IMAGE, bodies.EXTRA_SINGLE_IMAGE)
    if needs_image and options.image is None:
        raise BadRequestOptionError(f"--task {tasktype} needs --image FILE or URL")
    if options.image is not None and tasktype == bodies.TEXT_TO_IMAGE:
        raise BadRequestOptionError(f"--image does not go with --task {tasktype}")
    needs_prompt = tasktype in (bodies.TEXT_TO_IMAGE, bodies.IMAGE_TO_IMAGE) or (
        tasktype == bodies.PIPELINE and options.workflow is None
    )
    if needs_prompt and not options.wish.prompt:
        raise BadRequestOptionError(
            'say what to paint, for example: ./darkroom submit "a lighthouse at dusk"'
        )


def is_link(image: str) -> bool:
    """Whether an image is given by URL rather than as a file."""
    return image.startswith(_LINKS)


async def _content(options: SubmitOptions, tasktype: str, upload: Upload) -> dict[str, Any]:
    wish, image = options.wish, options.image
    if tasktype == bodies.TEXT_TO_IMAGE:
        return bodies.text_to_image(wish)
    if tasktype == bodies.PIPELINE:
        workflow = _workflow(options.workflow)
        bodies.pipeline(wish, workflow, image)  # what has no place in it is told before anything is uploaded
        return bodies.pipeline(wish, workflow, await _reference(image, upload))
    assert image is not None, "check() has asked for it"
    if (
        not is_link(image)
        and tasktype == bodies.IMAGE_TO_IMAGE
        and wish.width is None
        and wish.height is None
    ):
        width, height = _fitting(Path(image))
        wish = replace(wish, width=width, height=height)
    reference = await _reference(image, upload) or image
    if tasktype == bodies.IMAGE_TO_IMAGE:
        return bodies.image_to_image(wish, reference)
    return bodies.extra_single_image(wish, reference)


async def _reference(image: str | None, upload: Upload) -> str | None:
    """Return what stands for a picture in a request: links as they are, files once they are uploaded."""
    if image is None or is_link(image):
        return image
    path = Path(image)
    _check_size(path)
    return await upload(path)


def _check_size(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if size > MAX_INPUT_BYTES:
        raise BadRequestOptionError(
            f"--image: {path} has {size} bytes, and an input may have {MAX_INPUT_BYTES}: make it smaller, or"
            " save it as JPEG or WEBP"
        )


async def _upload(connection: Connection, terminal: Terminal, path: Path) -> str:
    with in_our_words(), terminal.waiting(f"uploading {path}"):
        async with AsyncDarkroom(connection.endpoint, connection.api_key) as client:
            return await client.upload(path)


def _workflow(path: Path | None) -> dict[str, Any]:
    if path is None:
        return bodies.default_workflow()
    workflow = _json(path)
    if not isinstance(workflow, dict):
        raise BadRequestOptionError(f"{path} is not a workflow: it is not a JSON object")
    if "nodes" in workflow and "links" in workflow:
        raise BadRequestOptionError(
            f"{path} is in the editor's own format; export it with `Save (API Format)`, which the menu has"
            " once `Enable Dev mode Options` is on in the settings"
        )
    return workflow


def _fitting(path: Path) -> tuple[int, int]:
    data = _bytes(path)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return bodies.fitting_size(*picture.size)
    except OSError as exc:
        raise BadRequestOptionError(f"--image: {path} is not a picture") from exc


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path: Path, error: OSError) -> BadRequestOptionError:
    return BadRequestOptionError(f"{path} cannot be read: {error.strerror}")


def _json(path: Path) -> Any:
    try:
        return json.loads(_bytes(path))
    except ValueError as exc:
        raise BadRequestOptionError(f"{path} is not JSON: {exc}") from exc


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as exc:
        raise BadRequestOptionError(f"{path} cannot be written: {exc.strerror}") from exc


def _successful(notification: Notification) -> Notification:
    if notification.result:
        return notification
    error = notification.error
    why = f"{error.code}: {error.message}" if error is not None else notification.status
    again = "; the same request may succeed when it is sent again" if error and error.retryable else ""
    raise TaskFailedError(f"{notification.id} failed: {why}{again}")
