"""The two closed sets of error codes: of refused requests, and of failed tasks (DESIGN 4.1)."""

from enum import StrEnum


class RequestCode(StrEnum):
    """Why the API refuses a request; each has one HTTP status."""

    BAD_JSON = "bad_json"
    MISSING_FIELD = "missing_field"
    BAD_VALUE = "bad_value"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_RUNTIME = "unknown_runtime"
    UNSUPPORTED_TASKTYPE = "unsupported_tasktype"
    MODEL_NOT_SERVED = "model_not_served"
    BAD_GRAPH = "bad_graph"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"

    @property
    def http_status(self) -> int:
        """The HTTP status that goes with the code."""
        return _HTTP_STATUS.get(self, 400)


_HTTP_STATUS = {
    RequestCode.UNAUTHORIZED: 401,
    RequestCode.NOT_FOUND: 404,
    RequestCode.METHOD_NOT_ALLOWED: 405,
    RequestCode.CONFLICT: 409,
    RequestCode.TOO_LARGE: 413,
    RequestCode.UNSUPPORTED_MEDIA_TYPE: 415,
    RequestCode.THROTTLED: 429,
    RequestCode.UNAVAILABLE: 503,
}


class TaskCode(StrEnum):
    """Why an accepted task did not succeed."""

    UNREADABLE_MESSAGE = "unreadable_message"
    UNKNOWN_RUNTIME = "unknown_runtime"
    UNSUPPORTED_TASKTYPE = "unsupported_tasktype"
    INPUT_UNREACHABLE = "input_unreachable"
    INPUT_REFUSED = "input_refused"
    INPUT_TOO_LARGE = "input_too_large"
    RUNTIME_REFUSED = "runtime_refused"
    BAD_GRAPH = "bad_graph"
    UNKNOWN_MODEL = "unknown_model"
    NO_OUTPUT = "no_output"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    NOT_PUBLISHED = "not_published"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    CONFLICT = "conflict"
    INTERNAL = "internal"

    @property
    def retryable(self) -> bool:
        """Whether sending the very same request again may succeed: the fault was not the request's."""
        return self in _RETRYABLE


_RETRYABLE = {
    TaskCode.INPUT_UNREACHABLE,
    TaskCode.OUT_OF_MEMORY,
    TaskCode.TIMEOUT,
    TaskCode.ATTEMPTS_EXHAUSTED,
    TaskCode.NOT_PUBLISHED,
    TaskCode.EXPIRED,
    TaskCode.CONFLICT,
    TaskCode.INTERNAL,
}
