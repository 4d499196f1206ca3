"""What is read of a REST proxy event."""

from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/json"


def header(event: Mapping[str, Any], name: str) -> str | None:
    """Return a header of the request, whatever its case."""
    headers = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name.lower()), None)
