"""When a message that was given back comes again."""

import random

MAX_BACK_OFF = 120  # seconds
FIRST_BACK_OFF = 2  # seconds


def back_off(times: int) -> int:
    """Return for how many seconds a message stays away: doubling, jittered, two minutes at most."""
    longest = min(MAX_BACK_OFF, FIRST_BACK_OFF << min(times, 10))
    return max(1, round(longest * random.uniform(0.5, 1)))
