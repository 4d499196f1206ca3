"""Signatures of Standard Webhooks 1.0: symmetric, one for each secret that is in use."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from notifier.errors import BadSecretError

PREFIX = "whsec_"
_SIZES = range(24, 65)  # bytes, what the standard asks for
_VERSION = "v1"


class Signer:
    """Signs with every one of some keys: while a secret is being replaced, receivers know either."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = tuple(keys)

    @classmethod
    def read(cls, text: str) -> "Signer":
        """Read what the secret holds: a JSON list of `whsec_<base64>`, or a single one as it is.

        Raises:
            BadSecretError: it has another form; what it holds is not told.
        """
        return cls([_key(secret) for secret in _secrets(text.strip())])

    def headers(self, event_id: str, body: bytes, *, seconds: int) -> dict[str, str]:
        """Return the headers of one attempt.

        Args:
            event_id: the same with each attempt at an event.
            body: as it is sent, byte for byte.
            seconds: time of the attempt, since the epoch.
        """
        signed = f"{event_id}.{seconds}.".encode() + body
        signatures = [hmac.new(key, signed, hashlib.sha256).digest() for key in self._keys]
        told = " ".join(f"{_VERSION},{base64.b64encode(each).decode()}" for each in signatures)
        return {"webhook-id": event_id, "webhook-timestamp": str(seconds), "webhook-signature": told}


def _secrets(text: str) -> list[Any]:
    if not text.startswith("["):
        return [text]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadSecretError("the secret of the webhooks begins as a list and is no JSON") from None
    if not isinstance(found, list) or not found:
        raise BadSecretError("the secret of the webhooks is an empty list")
    return found


def _key(secret: Any) -> bytes:
    try:
        key = base64.b64decode(str(secret).removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecretError(f"a secret of the webhooks is not {PREFIX} and base64") from None
    if len(key) not in _SIZES:
        raise BadSecretError(f"a secret of the webhooks has {len(key)} bytes, not 24 to 64")
    return key
