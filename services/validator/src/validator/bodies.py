"""From a REST proxy event to the text of its body: type, size, encoding (DESIGN 4.1)."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lambda_api.events import MEDIA_TYPE, header
from task_schema import MAX_BODY_BYTES, RequestCode, RequestRefusedError

IDEMPOTENCY_KEY = "Idempotency-Key"
MAX_IDEMPOTENCY_KEY = 255  # characters

_CHARSETS = {"utf-8", "utf8", "us-ascii"}
# What one character may take in the event's JSON: a control character becomes \u0001.
_LONGEST_ESCAPE = 6


def read_body(event: Mapping[str, Any]) -> str | bytes:
    """Return the body of a request.

    Raises:
        RequestRefusedError: `unsupported_media_type`, `too_large`, or `bad_json` for bad base64.
    """
    _check_media_type(header(event, "Content-Type"))
    body = event.get("body") or ""
    _check_size(body)
    if not event.get("isBase64Encoded"):
        return str(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RequestRefusedError.of(
            RequestCode.BAD_JSON, "the body is not the base64 it is said to be"
        ) from exc


def idempotency_digest(event: Mapping[str, Any]) -> str | None:
    """Return the SHA-256, in hex, of the request's Idempotency-Key; None where it has none.

    Raises:
        RequestRefusedError: `bad_value`, the key is empty or too long.
    """
    key = header(event, IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not 0 < len(key) <= MAX_IDEMPOTENCY_KEY:
        message = f"{IDEMPOTENCY_KEY} must have 1 to {MAX_IDEMPOTENCY_KEY} characters"
        raise RequestRefusedError.of(RequestCode.BAD_VALUE, message, IDEMPOTENCY_KEY)
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def tenant_of(event: Mapping[str, Any]) -> str | None:
    """Return the id of the API key that a request came with; it is no secret, unlike the key."""
    identity = (event.get("requestContext") or {}).get("identity") or {}
    key_id = identity.get("apiKeyId")
    return str(key_id) if key_id else None


def _check_media_type(value: str | None) -> None:
    media_type, *parameters = (value or "").split(";")
    charsets = [
        text.strip().strip('"').lower()
        for key, _, text in (parameter.partition("=") for parameter in parameters)
        if key.strip().lower() == "charset"
    ]
    if media_type.strip().lower() != MEDIA_TYPE or not _CHARSETS.issuperset(charsets):
        message = f"the header Content-Type must be {MEDIA_TYPE} (in UTF-8)"
        raise RequestRefusedError.of(RequestCode.UNSUPPORTED_MEDIA_TYPE, message, "Content-Type")


def _check_size(body: str) -> None:
    if len(body) * _LONGEST_ESCAPE <= MAX_BODY_BYTES:
        return
    size = len(json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass"))
    if size > MAX_BODY_BYTES:
        message = (
            f"the body takes {size} bytes in the escaped form that counts, and may take {MAX_BODY_BYTES}; "
            "put large pictures into S3 or behind an https:// link and send the link"
        )
        raise RequestRefusedError.of(RequestCode.TOO_LARGE, message)
