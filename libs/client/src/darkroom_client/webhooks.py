"""Is this webhook Darkroom's? Standard Webhooks 1.0, the symmetric kind (`v1`)."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from darkroom_client.errors import BadArgumentError, WebhookVerificationError
from darkroom_client.models import Notification

TOLERANCE = 300.0  # seconds
_PREFIX = "whsec_"
_TIMESTAMP = re.compile(r"[0-9]{1,11}")


@dataclass(frozen=True)
class WebhookEvent:
    """A webhook that is Darkroom's.

    Attributes:
        id: the same each time that this event is sent: who has seen it before need not act again.
        sent_at: when this attempt was made.
        notification: what became of the task.
    """

    id: str
    sent_at: datetime
    notification: Notification


def verify_webhook(
    body: bytes | str,
    headers: Mapping[str, str],
    secrets: str | Iterable[str],
    *,
    tolerance: float = TOLERANCE,
    clock: Callable[[], float] = time.time,
) -> WebhookEvent:
    """Check the signature of a webhook, and read it.

    Args:
        body: the very bytes that came: JSON that was read and written again is something else.
        headers: of the request; the case of names does not matter.
        secrets: `whsec_...`; several while one replaces another, and any of them may have signed.
        tolerance: seconds that the attempt may lie in the past or the future.
        clock: seconds since 1970.

    Raises:
        WebhookVerificationError: it is not Darkroom's, or too old.
        BadArgumentError: a secret is none.
    """
    keys = [_key(secret) for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise BadArgumentError("no secret was given")
    named = {name.lower(): value for name, value in headers.items()}
    event_id, timestamp, signatures = (
        named.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (event_id and timestamp and signatures):
        raise WebhookVerificationError("it lacks webhook-id, webhook-timestamp or webhook-signature")
    sent_at = _sent_at(timestamp, tolerance=tolerance, now=clock())
    raw = body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)
    signed = b".".join((event_id.encode(errors="surrogatepass"), timestamp.encode(), raw))
    if not _matches(signed, keys, signatures):
        raise WebhookVerificationError("no signature of it matches")
    try:
        notification = Notification.model_validate_json(raw)
    except ValidationError as exc:
        raise WebhookVerificationError("it is signed, and not a notification") from exc
    return WebhookEvent(event_id, sent_at, notification)


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise BadArgumentError(f"a webhook's secret is {_PREFIX} and base64")  # not its text: it may be one
    return key


def _sent_at(timestamp: str, *, tolerance: float, now: float) -> datetime:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise WebhookVerificationError("webhook-timestamp is not a number of seconds")
    seconds = int(timestamp)
    if abs(now - seconds) > tolerance:
        raise WebhookVerificationError("it is too old, or of the future")
    return datetime.fromtimestamp(seconds, UTC)


def _matches(signed: bytes, keys: list[bytes], signatures: str) -> bool:
    """Whether any key made any of the signatures; each is compared in constant time."""
    expected = [hmac.digest(key, signed, hashlib.sha256) for key in keys]
    given = [_decoded(one) for one in signatures.split()]
    return any(hmac.compare_digest(mine, theirs) for mine in expected for theirs in given)


def _decoded(signature: str) -> bytes:
    version, _, text = signature.partition(",")
    if version != "v1":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
