"""When to ask again, and how long to wait before it."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from darkroom_client.errors import BadArgumentError
from darkroom_client.steps import Lost, Reply

_MAX_DOUBLINGS = 30


@dataclass(frozen=True)
class Retries:
    """How patient the client is with an API that is busy (429), out of order (5xx) or not reached.

    Attributes:
        tries: how often it asks, the first time included.
        first: longest pause after the first failure, in seconds; each further one may be twice as long.
        longest: no pause of the client's own is longer.
        longest_asked: an API that asks (`Retry-After`) for a longer pause gets no further try.
    """

    tries: int = 6
    first: float = 0.5
    longest: float = 20.0
    longest_asked: float = 120.0
    chance: random.Random = field(default_factory=random.Random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise BadArgumentError("tries must be 1 at least: the first one counts")

    def pause(self, failures: int, reply: Reply) -> float | None:
        """Return the seconds to wait after so many failures in a row, or None to give up.

        Clients that failed together must not come back together: pauses are drawn from half of the longest
        to the longest; what the API asks for is the least, and up to a tenth is added.
        """
        if failures >= self.tries:
            return None
        longest = min(self.longest, self.first * 2 ** min(failures - 1, _MAX_DOUBLINGS))
        own = self.chance.uniform(longest / 2, longest)
        asked = retry_after(reply)
        if asked is None:
            return own
        if asked > self.longest_asked:
            return None
        return max(own, asked * self.chance.uniform(1.0, 1.1))


def is_failure(reply: Reply) -> bool:
    """Whether the same may be asked again."""
    return isinstance(reply, Lost) or reply.status_code == 429 or reply.status_code >= 500


def retry_after(reply: Reply) -> float | None:
    """Return the seconds that an answer asks to wait, given as such or as a time; None if it does not."""
    if isinstance(reply, Lost):
        return None
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = http_date(text)
    if until is None:
        return None
    now = http_date(reply.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(text: str) -> datetime | None:
    """Return the time that an HTTP header tells, or None."""
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def server_time(answer: httpx.Response) -> datetime | None:
    """Return the time by the server's clock when it answered."""
    return http_date(answer.headers.get("date", ""))
