"""A MiniStack (AWS emulator) of one's own for tests, and a proxy that injects faults in front of it."""

from ministack_testing.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, client
from ministack_testing.errors import (
    BadRuleError,
    MiniStackError,
    MiniStackNotFoundError,
    MiniStackStartError,
    ProxyStartError,
)
from ministack_testing.remote import RemoteProxy, proxy_process
from ministack_testing.rules import Rule
from ministack_testing.server import EXECUTABLE_ENV, ministack_command, ministack_url

__all__ = [
    "ACCESS_KEY_ID",
    "EXECUTABLE_ENV",
    "REGION",
    "SECRET_ACCESS_KEY",
    "BadRuleError",
    "MiniStackError",
    "MiniStackNotFoundError",
    "MiniStackStartError",
    "ProxyStartError",
    "RemoteProxy",
    "Rule",
    "client",
    "ministack_command",
    "ministack_url",
    "proxy_process",
]
