"""Errors of the sketch runtimes.

SketchError
├── BadFaultError              a fault that cannot be scripted
├── BadImageError              bytes that are not a picture
├── WebUiError                 an answer that the SD Web UI gives on purpose
├── NodeFailedError            a ComfyUI node raised while running
├── JobInterruptedError        the run was interrupted
├── ServerRestartedError       the run was lost in a simulated restart
└── OutOfMemoryError           what torch raises

`OutOfMemoryError` appears by its name in answers, so the name is part of the protocol.
"""


class SketchError(Exception):
    """Base of this package's errors."""


class BadFaultError(SketchError):
    """The fault cannot be scripted."""


class BadImageError(SketchError):
    """The bytes are not a picture."""


class WebUiError(SketchError):
    """The SD Web UI answers with this status and `{"detail": ...}`; the connection stays usable."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class NodeFailedError(SketchError):
    """A ComfyUI node raised; `kind` is the exception type that the runtime reports."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class JobInterruptedError(SketchError):
    """The run was interrupted."""


class ServerRestartedError(SketchError):
    """The run was lost in a simulated restart."""


class OutOfMemoryError(SketchError):
    """What torch raises when the GPU's memory is used up."""
