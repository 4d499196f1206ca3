"""How deep JSON may be, and how we write it."""

import json
from typing import Any

#: Levels of objects and lists in a request or message. Real ones have about ten; serialisers on the way
#: (pydantic's, the runtimes') give up somewhere from 255 on, each with an error of its own.
MAX_NESTING = 100


def deeper_than(limit: int, data: Any) -> bool:
    """Whether parsed JSON has more than `limit` levels of objects and lists."""
    level = [data] if isinstance(data, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def compact(value: Any) -> str:
    """Return a value's JSON text as messages carry it; its length is what counts against their limit."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
