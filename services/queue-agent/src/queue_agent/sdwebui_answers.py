"""What an SD Web UI's answer to a run becomes: pictures as bytes, and the rest for the `.out`."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from queue_agent.errors import RuntimeLostError, TaskFailedError
from queue_agent.ports import JsonPath, Output, Result
from queue_agent.runtime_reply import decode
from task_schema import TaskCode

# `parameters` repeats the request, pictures included; a text of this length is no setting.
_MAX_ECHO_CHARS = 16 * 1024


async def result_of(answer: Any) -> Result:
    """Take an answer apart, off the event loop.

    Args:
        answer: the parsed body: `images` (txt2img, img2img, extra-batch) or `image` (extra-single), each
            bare base64 in the format of the server's `samples_format`; `parameters`; `info` as a JSON string.

    Returns:
        The answer with None in each picture's place, `info` parsed, and the pictures in their order. A grid
        comes first where there is one (`info.index_of_first_image` above 0); it and what scripts append are
        outputs like the others.

    Raises:
        TaskFailedError: no picture in it (`no_output`).
        RuntimeLostError: another shape, or a picture that is not base64.
    """
    if not isinstance(answer, dict):
        raise RuntimeLostError("the runtime's answer is not an object")
    return await asyncio.to_thread(_result_of, answer)


def _result_of(answer: dict[str, Any]) -> Result:
    rest = {key: value for key, value in answer.items() if key not in ("images", "image")}
    if "parameters" in rest:
        rest["parameters"] = _shortened(rest["parameters"])
    if isinstance(rest.get("info"), str):
        rest["info"] = _parsed(rest["info"])
    pictures: Sequence[tuple[JsonPath, Any]]
    if isinstance(answer.get("images"), list):
        pictures = [(("images", index), image) for index, image in enumerate(answer["images"])]
        rest["images"] = [None] * len(pictures)
    else:
        pictures = [(("image",), answer["image"])] if answer.get("image") else []
        rest["image"] = None
    if not pictures:
        raise TaskFailedError(TaskCode.NO_OUTPUT, "the runtime answered without a picture", answer=rest)
    return Result(
        answer=rest, outputs=tuple(Output(data=_decoded(image), path=path) for path, image in pictures)
    )


def info_of(result: Result) -> dict[str, Any]:
    """Return the parsed `info`; empty where the answer has none (extras)."""
    info = result.answer.get("info")
    return info if isinstance(info, dict) else {}


def ordered_by(content: Mapping[str, Any]) -> int:
    """Return how many pictures a request orders at least; a script may make more or fewer of its own."""
    if content.get("script_name"):
        return 1
    batch = content.get("imageList")
    if isinstance(batch, list):
        return len(batch)
    return _count(content.get("batch_size")) * _count(content.get("n_iter"))


def check_complete(result: Result, ordered: int) -> None:
    """Check that there are as many pictures as were ordered.

    Raises:
        RuntimeLostError: some are missing.
    """
    if len(result.outputs) < ordered:
        raise RuntimeLostError(f"the runtime answered with {len(result.outputs)} of {ordered} pictures")


def _count(value: Any) -> int:
    try:
        return max(1, int(value))
    except (TypeError, ValueError, OverflowError):
        return 1


def _decoded(image: Any) -> bytes:
    if not isinstance(image, str):
        raise RuntimeLostError("a picture in the runtime's answer is not a string")
    if image.startswith("data:"):
        image = image.partition(",")[2]
    try:
        data = base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RuntimeLostError(f"a picture in the runtime's answer is not base64: {exc}") from exc
    if not data:
        raise RuntimeLostError("a picture in the runtime's answer is empty")
    return data


def _parsed(info: str) -> Any:
    try:
        return decode(info)
    except (ValueError, RecursionError):
        return info


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _MAX_ECHO_CHARS:
        return f"({len(value)} characters of the request left out)"
    if isinstance(value, dict):
        return {key: _shortened(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_shortened(member) for member in value]
    return value
