"""The routing half of a request: `metadata` (DESIGN 4.1, first table)."""

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, StrictStr, StringConstraints
from pydantic_core import PydanticCustomError

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_ID = re.compile(ID_PATTERN.strip("^$"))
MAX_PREFIX_BYTES = 512  # an S3 key has 1,024 bytes; the id and the file name take the rest
MAX_CONTEXT_BYTES = 16 * 1024
MAX_CALLBACK_CHARS = 1024
MAX_EXPIRES_IN = 14 * 24 * 3600  # seconds: what the queues keep
_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")


def _fault(message: str) -> PydanticCustomError:
    return PydanticCustomError("bad_value", "{message}", {"message": message})


def is_task_id(value: str) -> bool:
    """Whether a text may be the id of a task."""
    return _ID.fullmatch(value) is not None


def _task_id(value: str) -> str:
    if not is_task_id(value):
        raise _fault("must be 1 to 128 of A-Z a-z 0-9 . _ -, starting with a letter or digit")
    return value


def _prefix(value: str) -> str:
    folder = value.strip("/")
    if not folder:
        raise _fault("must name a folder")
    if _CONTROLS.search(folder) or "\\" in folder:
        raise _fault("must not contain control characters or a backslash")
    if any(segment in {"", ".", ".."} for segment in folder.split("/")):
        raise _fault("must not contain an empty segment, '.' or '..'")
    try:
        size = len(folder.encode())
    except UnicodeEncodeError as exc:
        raise _fault("must be valid Unicode") from exc
    if size > MAX_PREFIX_BYTES:
        raise _fault(f"must be at most {MAX_PREFIX_BYTES} bytes of UTF-8, not {size}")
    return folder


def _context(value: Any) -> Any:
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (ValueError, RecursionError) as exc:
        raise _fault("must be JSON") from exc
    if size > MAX_CONTEXT_BYTES:
        raise _fault(f"must be at most {MAX_CONTEXT_BYTES} bytes of JSON, not {size}")
    return value


def _callback_url(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.isascii() or _CONTROLS.search(value) or " " in value:
        raise _fault("must be ASCII without spaces; percent-encode all else")
    try:
        url = urlsplit(value)
        host, _ = url.hostname, url.port
    except ValueError as exc:
        raise _fault("must be a URL") from exc
    if url.scheme not in {"https", "http"} or not host:
        raise _fault("must be an https:// URL")
    if url.username or url.password:
        raise _fault("must not contain a user name or password")
    return value


TaskId = Annotated[StrictStr, AfterValidator(_task_id), Field(json_schema_extra={"pattern": ID_PATTERN})]
Prefix = Annotated[StrictStr, AfterValidator(_prefix)]


class Metadata(BaseModel):
    """Who runs a task and where its outputs go.

    `prefix` is kept without its leading and trailing slashes. An `http` callback passes here and is
    refused by the parsers unless the deployment allows it (a local setting).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: TaskId
    runtime: Annotated[StrictStr, StringConstraints(min_length=1, max_length=256)]
    tasktype: Annotated[StrictStr, StringConstraints(min_length=1, max_length=128)]
    prefix: Prefix
    context: Annotated[Any, AfterValidator(_context)] = Field(default_factory=dict)
    callback_url: Annotated[
        StrictStr | None, Field(max_length=MAX_CALLBACK_CHARS), AfterValidator(_callback_url)
    ] = None
    expires_in: Annotated[StrictInt | None, Field(gt=0, le=MAX_EXPIRES_IN)] = None
