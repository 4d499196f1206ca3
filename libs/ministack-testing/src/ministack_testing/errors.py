"""Errors of starting MiniStack.

MiniStackError
├── MiniStackNotFoundError
└── MiniStackStartError
"""


class MiniStackError(Exception):
    """Base of all errors of this package."""


class MiniStackNotFoundError(MiniStackError):
    """There is no MiniStack to start: neither the environment nor the working folder names one."""


class MiniStackStartError(MiniStackError):
    """MiniStack was started, but did not become healthy; the message ends with its log."""
