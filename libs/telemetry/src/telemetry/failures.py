"""What may be logged of an exception: types and places. Its message may quote what a user wrote."""

import traceback
from pathlib import PurePath

_FRAMES = 6


def cause_of(error: BaseException) -> dict[str, str]:
    """Name an error, and the last of its causes, with the code, operation and request id that AWS gives."""
    last = error
    while last.__cause__ is not None:
        last = last.__cause__
    told = {"error": type(error).__name__, "cause": type(last).__name__}
    response = getattr(last, "response", None)
    if isinstance(response, dict):
        told["aws_code"] = str(response.get("Error", {}).get("Code"))
        told["aws_operation"] = str(getattr(last, "operation_name", None))
        told["aws_request_id"] = str(response.get("ResponseMetadata", {}).get("RequestId"))
    return told


def where(error: BaseException) -> list[str]:
    """Return the last places that an error came through, `file.py:12 function`."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
