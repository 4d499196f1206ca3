"""Errors of the local system; each message says what to do.

LocalError
├── NotUpError             nothing runs that could be asked
├── AlreadyUpError         another process runs the system of this folder
├── StillRunningError      it was told to end and did not
├── MissingArtifactError   something has not been built
├── BadOptionError         an option names what is not there
├── StartError             a process did not come up
├── SynthesisError         the template could not be made
├── DeployError            the emulator did not take the template
└── SystemFailedError      the running system lost a part that cannot be replaced
"""

from pathlib import Path


class LocalError(Exception):
    """Base of all errors of this package; `log` names a file that tells more, where there is one."""

    def __init__(self, message: str, *, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class NotUpError(LocalError):
    """The local system is not up."""


class AlreadyUpError(LocalError):
    """The local system of this folder is up already; `pid` is the process that runs it."""

    def __init__(self, message: str, *, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class StillRunningError(LocalError):
    """The local system was told to end and is still there."""


class MissingArtifactError(LocalError):
    """Something that the system runs has not been built."""


class BadOptionError(LocalError):
    """An option names something that the system does not have."""


class StartError(LocalError):
    """A process of the system did not become ready."""


class SynthesisError(LocalError):
    """The dispatch stack's template could not be made."""


class DeployError(LocalError):
    """The emulator did not take the template, or what came out does not work."""


class SystemFailedError(LocalError):
    """A part of the running system ended and cannot be replaced."""
