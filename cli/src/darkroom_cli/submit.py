"""`darkroom submit`: one task, from the command line to a picture on disk."""

import base64
import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from darkroom_cli import bodies
from darkroom_cli.bodies import Request, Wish
from darkroom_cli.errors import BadRequestOptionError, NoAnswerError, TaskFailedError
from darkroom_cli.options import TASKS, SubmitOptions
from darkroom_cli.tasks import Desk
from darkroom_cli.terminal import Terminal
from local.served import serve
from local.state import State
from task_schema import Notification

RUNTIMES = {bodies.PIPELINE: "comfyruntime"}
DEFAULT_RUNTIME = "sdruntime"
_LINKS = ("http://", "https://", "s3://")


async def submit(options: SubmitOptions, *, state: State, terminal: Terminal, folder: Path) -> None:
    """Post the task; unless told not to wait, wait for its end and save its pictures.

    Raises:
        CliError: it could not be made, was refused, failed, or nothing was heard of it.
    """
    desk = Desk(state)
    with build(options) as request:
        if not options.wait:
            accepted = await desk.post(request)
            terminal.say(json.dumps(accepted, indent=2))
            return
        with terminal.waiting(f"{request.tasktype} {request.id} at {request.runtime}"):
            [outcome] = await desk.run([request], timeout=options.timeout)
    if outcome.refused is not None:
        raise outcome.refused
    if outcome.notification is None or outcome.seconds is None:
        raise NoAnswerError(
            f"nothing was heard of {request.id} in {options.timeout:g} s (--timeout); logs: {state.logs}"
        )
    pictures = await desk.pictures(_successful(outcome.notification))
    target = options.output or folder / request.id
    for number, picture in enumerate(pictures, 1):
        path = numbered(target, number, picture.extension if options.output is None else "")
        _write(path, picture.data)
        terminal.say(str(path))
    terminal.remark(f"{request.id}: {len(pictures)} picture(s) in {outcome.seconds:.1f} s")


@contextmanager
def build(options: SubmitOptions) -> Iterator[Request]:
    """Make the request; a file that must be reached by link is served while it is needed.

    Raises:
        BadRequestOptionError: the options do not go together, or a file is not what it should be.
    """
    check(options)
    if options.json_file is not None:
        yield bodies.from_json(_json(options.json_file), str(options.json_file))
        return
    tasktype = task_type(options)
    with ExitStack() as stack:
        content = _content(options, tasktype, stack)
        about = options.wish.prompt or tasktype
        yield bodies.task(
            task_id=options.task_id or bodies.new_id(about),
            runtime=options.runtime or RUNTIMES.get(tasktype, DEFAULT_RUNTIME),
            tasktype=tasktype,
            content=content,
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
    if tasktype == bodies.PIPELINE and not options.wait and options.image and not is_link(options.image):
        raise BadRequestOptionError(
            "a workflow fetches its picture by link, and a file is served only while this command waits:"
            " leave --no-wait out, or give a URL"
        )


def is_link(image: str) -> bool:
    """Whether an image is given by URL rather than as a file."""
    return image.startswith(_LINKS)


def numbered(path: Path, number: int, extension: str = "") -> Path:
    """Return where the picture of that number goes: the first to `path`, the next beside it.

    `extension` is appended; without one the path has its own.
    """
    stem, suffix = (path.name, extension) if extension else (path.stem, path.suffix)
    return path.with_name(f"{stem}{'' if number == 1 else f'-{number}'}{suffix}")


def _content(options: SubmitOptions, tasktype: str, stack: ExitStack) -> dict[str, Any]:
    wish, image = options.wish, options.image
    if tasktype == bodies.TEXT_TO_IMAGE:
        return bodies.text_to_image(wish)
    if tasktype == bodies.PIPELINE:
        workflow = _workflow(options.workflow)
        if image is not None and not is_link(image):
            path = Path(image)
            served = {path.name.replace(" ", "-"): (_bytes(path), "application/octet-stream")}
            [image] = stack.enter_context(serve(served)).values()
        return bodies.pipeline(wish, workflow, image)
    assert image is not None, "check() has asked for it"
    if not is_link(image):
        data = _bytes(Path(image))
        if wish.width is None and wish.height is None:
            width, height = _fitting(data, image)
            wish = replace(wish, width=width, height=height)
        image = base64.b64encode(data).decode()
    if tasktype == bodies.IMAGE_TO_IMAGE:
        return bodies.image_to_image(wish, image)
    return bodies.extra_single_image(wish, image)


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


def _fitting(data: bytes, source: str) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return bodies.fitting_size(*picture.size)
    except OSError as exc:
        raise BadRequestOptionError(f"--image: {source} is not a picture") from exc


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise BadRequestOptionError(f"{path} cannot be read: {exc.strerror}") from exc


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
