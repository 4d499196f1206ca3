"""A MiniStack (AWS emulator) of one's own for tests: started on a free port, gone afterwards."""

from ministack_testing.clients import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, client
from ministack_testing.errors import MiniStackError, MiniStackNotFoundError, MiniStackStartError
from ministack_testing.server import EXECUTABLE_ENV, ministack_command, ministack_url

__all__ = [
    "ACCESS_KEY_ID",
    "EXECUTABLE_ENV",
    "REGION",
    "SECRET_ACCESS_KEY",
    "MiniStackError",
    "MiniStackNotFoundError",
    "MiniStackStartError",
    "client",
    "ministack_command",
    "ministack_url",
]
