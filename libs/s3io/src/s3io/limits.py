from dataclasses import dataclass

#: Of one input.
MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 64_000_000
TOTAL_SECONDS = 60.0
STEP_SECONDS = 10.0  # for each of connecting, waiting for bytes, sending
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class InputLimits:
    """What one input may take: bytes (as received and decoded), pixels of a picture, seconds, redirects."""

    max_bytes: int = MAX_BYTES
    max_pixels: int = MAX_PIXELS
    total_seconds: float = TOTAL_SECONDS
    step_seconds: float = STEP_SECONDS
    max_redirects: int = MAX_REDIRECTS
