"""One picture of a given size, encoded once, so that in benchmarks the sketch itself hardly works."""

import base64
import io
import json
import random
from math import isqrt
from typing import Any

from PIL import Image

_SEED = 20
_CHANNELS = 3


class PreparedPicture:
    """A PNG that nothing compresses, of about `size` bytes, and the answers that carry it.

    It has neither prompt nor seed in it.
    """

    def __init__(self, size: int) -> None:
        side = max(1, isqrt(size // _CHANNELS))
        noise = random.Random(_SEED).randbytes(side * side * _CHANNELS)
        out = io.BytesIO()
        Image.frombytes("RGB", (side, side), noise).save(out, "PNG", compress_level=0)
        self.data = out.getvalue()
        self._item = b'"' + base64.b64encode(self.data) + b'"'

    def answer(self, count: int, parameters: dict[str, Any], info: str) -> bytes:
        """The body with which SD Web UI answers a generation of `count` pictures."""
        pictures = [part for _ in range(count) for part in (b",", self._item)]
        rest = json.dumps({"parameters": parameters, "info": info}).encode()
        return b"".join((b'{"images":[', *pictures[1:], b"],", rest[1:]))  # one copy: it may be large
