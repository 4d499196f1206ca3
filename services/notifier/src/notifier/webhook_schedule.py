"""When a webhook is tried again: rules without any side effect."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# So that what failed together does not come back together.
_SPREAD = 0.1


class Schedule:
    """Gaps between tries, in seconds, each up to a tenth longer than it says.

    Args:
        delays: the gap after the first try, after the second, and so on; there is one try more than gaps.
        chance: returns a number from 0 to 1.
    """

    def __init__(self, delays: Sequence[int], chance: Callable[[], float] = random.random) -> None:
        self._delays = tuple(delays)
        self._chance = chance

    def after(self, number: int, asked: float | None = None) -> float | None:
        """Return the seconds from a try that failed to the next; None where it was the last.

        Args:
            number: of the try that failed, from 1.
            asked: seconds for which the receiver wants to be left alone; honoured up to the longest gap.
        """
        if number > len(self._delays):
            return None
        own = self._delays[number - 1] * (1 + _SPREAD * self._chance())
        return max(own, min(asked or 0.0, max(self._delays)))


def retry_after(value: str | None, *, now: int) -> float | None:
    """Return the seconds that a `Retry-After` asks for; None where it says nothing that can be read.

    Args:
        value: of the header: seconds, or a date.
        now: ms since the epoch.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    moment = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now / 1000, UTC)).total_seconds())
