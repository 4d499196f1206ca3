"""Errors of starting MiniStack, and of the proxy in front of it.

MiniStackError
├── MiniStackNotFoundError
├── MiniStackStartError
├── ProxyStartError
└── BadRuleError
"""


class MiniStackError(Exception):
    """Base of all errors of this package."""


class MiniStackNotFoundError(MiniStackError):
    """There is no MiniStack to start: neither the environment nor the working folder names one."""


class MiniStackStartError(MiniStackError):
    """MiniStack was started, but did not become healthy; the message ends with its log."""


class ProxyStartError(MiniStackError):
    """A fault proxy did not start, or did not answer."""


class BadRuleError(MiniStackError):
    """What was given as a rule of a fault proxy is none."""
