"""Errors of the commands that work on the repository.

WorkspaceError              1   (a CliError)
├── ToolError               1   git or Pants failed, or is not there
├── RefusedReleaseError     1   a release that must not be; nothing was changed
├── OutdatedError           1   a generated file is not what it would be now
└── BadArgumentError        2   an artifact, a commit or a name that cannot be
"""

from darkroom_cli.errors import FAILED, USAGE, CliError


class WorkspaceError(CliError):
    """Base of the errors of this package."""

    exit_code = FAILED


class ToolError(WorkspaceError):
    """A program that a command relies on failed; the message has the end of what it said."""


class RefusedReleaseError(WorkspaceError):
    """The release must not be made as things are. Nothing was changed."""


class OutdatedError(WorkspaceError):
    """A generated file in the repository differs from what the code gives now."""


class BadArgumentError(WorkspaceError):
    """What was given names nothing that there is, or nothing that can be."""

    exit_code = USAGE
