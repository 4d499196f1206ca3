"""Uploads: a file is sent ahead, and a reference stands for it in a request (DESIGN 4.1, 4.4)."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from task_schema._codes import RequestCode
from task_schema._faults import faults_of
from task_schema._requests import load_json
from task_schema.errors import RequestRefusedError

#: Folder of the payload bucket that uploads go to.
UPLOADS = "uploads"
#: What a malformed reference is told to be.
UPLOAD_FORM = "an upload is named as upload://<id>, with the id that POST /v1alpha2/uploads answered"

_SCHEME = "upload://"
_REFERENCE = re.compile(_SCHEME + "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,63}/[A-Za-z0-9!#$&^_.+-]{1,63}$"


class UploadRequest(BaseModel):
    """Body of `POST /v1alpha2/uploads`: the file's size in bytes, and its type where S3 is to keep it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    size: Annotated[StrictInt, Field(gt=0)]
    content_type: Annotated[StrictStr | None, Field(pattern=_MEDIA_TYPE)] = None


class Upload(BaseModel):
    """Answer 200 to `POST /v1alpha2/uploads`: the request that sends the file, and what then stands for it.

    The file goes to `url` by `method`, with these very `headers` and before `expires_at`; `reference` may
    stand in `content` wherever a link may.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    reference: str
    method: str = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: AwareDatetime


def parse_upload(body: str | bytes, *, max_bytes: int) -> UploadRequest:
    """Read the body of `POST /v1alpha2/uploads`.

    Args:
        body: JSON text.
        max_bytes: of an input; a larger file would only fail its task.

    Raises:
        RequestRefusedError: with every fault found; `too_large` where `size` is above `max_bytes`.
    """
    data = load_json(body)
    try:
        asked = UploadRequest.model_validate(data)
    except ValidationError as exc:
        raise RequestRefusedError(faults_of(exc)) from exc
    if asked.size > max_bytes:
        message = f"size: an input may have {max_bytes} bytes, not {asked.size}"
        raise RequestRefusedError.of(RequestCode.TOO_LARGE, message, "size")
    return asked


def upload_reference(upload_id: str) -> str:
    """Return what stands for an upload in a request."""
    return _SCHEME + upload_id


def names_upload(text: str) -> bool:
    """Whether a text is meant to name an upload, well-formed or not."""
    return text[: len(_SCHEME)].lower() == _SCHEME


def upload_key(text: str) -> str | None:
    """Return the key in the payload bucket that a reference stands for; None if it is malformed."""
    found = _REFERENCE.fullmatch(text)
    return None if found is None else f"{UPLOADS}/{found[1]}"
